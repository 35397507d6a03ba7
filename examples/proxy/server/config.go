package server

import (
	"errors"
	"io"
	"log/slog"
	"net/url"
	"time"

	"github.com/signalbox-go/signalbox/credstore"
	"github.com/signalbox-go/signalbox/credstore/backend"
	"github.com/signalbox-go/signalbox/internal/settings"
	"github.com/signalbox-go/signalbox/oauth"
)

// DefaultBaseURL is where requests go unless CLAUDE_API_BASE_URL says otherwise.
const DefaultBaseURL = "https://api.anthropic.com"

// config is what the environment says.
type config struct {
	backend       backend.Config
	host          string
	port          int
	defaultTrain  string
	clientAuth    bool
	baseURL       string
	target        *url.URL // baseURL
	timeout       time.Duration
	oauthClientID string
	oauthTokenURL string
	slackWebhook  credstore.Secret
	logLevel      string
	logJSON       bool
}

func (c *config) declare() *settings.Set {
	set := new(settings.Set)
	set.Text(&c.host, "HOST", "127.0.0.1", "the address to listen on")
	set.Int(&c.port, "PORT", 3000, 0, 65535, "the port to listen on; 0: any that is free")
	set.Bool(&c.clientAuth, "ENABLE_CLIENT_AUTH", true, "ask for a client key")
	set.Text(&c.defaultTrain, "DEFAULT_TRAIN_ID", "default", "the train of a request that names none")
	set.URL(&c.baseURL, "CLAUDE_API_BASE_URL", DefaultBaseURL, "where requests go")
	set.Milliseconds(&c.timeout, "CLAUDE_API_TIMEOUT", 10*time.Minute, "milliseconds until the headers of the answer")
	set.Text(&c.oauthClientID, "CLAUDE_OAUTH_CLIENT_ID", oauth.DefaultClientID, "the OAuth client that the accounts logged in with")
	set.URL(&c.oauthTokenURL, "CLAUDE_OAUTH_TOKEN_URL", oauth.DefaultTokenURL, "where tokens are refreshed")
	set.Secret(&c.slackWebhook, "SLACK_WEBHOOK_URL", "where to say that an account needs re-authentication")
	set.Choice(&c.logLevel, "LOG_LEVEL", "info", "what to log: debug, info, warn or error", "debug", "info", "warn", "error")
	set.Bool(&c.logJSON, "LOG_JSON", false, "log in JSON")
	return set
}

// Help returns what the program says to --help.
func Help() string {
	return "usage: proxy\n\nA gateway to the Anthropic API. It is set up by environment variables:\n\n" +
		settings.Help(new(config).declare()) + backend.Help()
}

// configFromEnv reads and checks all settings. The error has a line for each mistake.
func configFromEnv(getenv func(name string) string) (config, error) {
	var c config
	mistakes := []error{c.declare().Load(getenv)}
	c.defaultTrain = credstore.TrimSpace(c.defaultTrain)
	mistakes = append(mistakes, credstore.CheckID("DEFAULT_TRAIN_ID", c.defaultTrain))
	if !c.slackWebhook.IsZero() && !isHTTPURL(c.slackWebhook.Reveal()) {
		mistakes = append(mistakes, errors.New("SLACK_WEBHOOK_URL is wrong: it must be an http or https URL"))
	}
	var err error
	c.backend, err = backend.ConfigFromEnv(getenv)
	mistakes = append(mistakes, err)
	if err := errors.Join(mistakes...); err != nil {
		return config{}, err
	}
	c.target, err = url.Parse(c.baseURL)
	return c, err
}

func isHTTPURL(text string) bool {
	u, err := url.Parse(text)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != ""
}

func (c *config) logger(out io.Writer) *slog.Logger {
	var level slog.Level
	_ = level.UnmarshalText([]byte(c.logLevel)) // one of the choices
	opts := &slog.HandlerOptions{Level: level}
	if c.logJSON {
		return slog.New(slog.NewJSONHandler(out, opts))
	}
	return slog.New(slog.NewTextHandler(out, opts))
}
