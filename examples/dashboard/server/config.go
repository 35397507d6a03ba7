package server

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"

	"github.com/signalbox-go/signalbox/credstore"
	"github.com/signalbox-go/signalbox/credstore/backend"
	"github.com/signalbox-go/signalbox/internal/settings"
)

// config is what the environment says.
type config struct {
	backend        backend.Config
	host           string
	port           int
	key            credstore.Secret
	development    bool
	trustedProxies string
	proxies        []netip.Prefix // trustedProxies
	ssoHeader      string
	notice         string
	logLevel       string
	logJSON        bool
}

func (c *config) declare() *settings.Set {
	set := new(settings.Set)
	set.Text(&c.host, "DASHBOARD_HOST", "127.0.0.1", "the address to listen on")
	set.Int(&c.port, "DASHBOARD_PORT", 3001, 0, 65535, "the port to listen on; 0: any that is free")
	set.Secret(&c.key, "DASHBOARD_API_KEY", "the key that operators log in with, and scripts send as X-Dashboard-Key")
	set.Bool(&c.development, "DASHBOARD_DEVELOPMENT", false, "on loopback, start without DASHBOARD_API_KEY: whoever reaches the port is let in")
	set.Text(&c.trustedProxies, "DASHBOARD_TRUSTED_PROXIES", "", "addresses of proxies in front, as 10.0.0.7,10.1.0.0/16: their X-Forwarded-For, X-Forwarded-Proto and DASHBOARD_SSO_HEADER are believed")
	set.Text(&c.ssoHeader, "DASHBOARD_SSO_HEADER", "", "the header in which a trusted proxy says who has logged in, such as X-Forwarded-User")
	set.Text(&c.notice, "DASHBOARD_NOTICE", "", "a sentence for the top of every page, such as which environment this is")
	set.Choice(&c.logLevel, "LOG_LEVEL", "info", "what to log: debug, info, warn or error", "debug", "info", "warn", "error")
	set.Bool(&c.logJSON, "LOG_JSON", false, "log in JSON")
	return set
}

// Help returns what the program says to --help.
func Help() string {
	return "usage: dashboard\n\nManages accounts and trains in the browser. It is set up by environment variables:\n\n" +
		settings.Help(new(config).declare()) + backend.Help()
}

// configFromEnv reads and checks all settings. The error has a line for each mistake.
func configFromEnv(getenv func(name string) string) (config, error) {
	var c config
	mistakes := []error{c.declare().Load(getenv), c.checkKey(), c.parseProxies(), c.checkSSOHeader()}
	var err error
	c.backend, err = backend.ConfigFromEnv(getenv)
	if err := errors.Join(append(mistakes, err)...); err != nil {
		return config{}, err
	}
	return c, nil
}

func (c *config) checkKey() error {
	switch {
	case c.development && !isLoopback(c.host):
		return fmt.Errorf("DASHBOARD_DEVELOPMENT is true, but DASHBOARD_HOST is %q: without a key the dashboard is for 127.0.0.1, ::1 or localhost only", c.host)
	case !c.key.IsZero() && strings.TrimSpace(c.key.Reveal()) != c.key.Reveal():
		return errors.New("DASHBOARD_API_KEY has white space around it, which a header cannot carry")
	case c.key.IsZero() && !c.development:
		return errors.New("DASHBOARD_API_KEY is not set: it is the key that operators log in with (a long random text, such as openssl rand -hex 32)")
	}
	return nil
}

func isLoopback(host string) bool {
	ip := net.ParseIP(strings.Trim(host, "[]"))
	return strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback()
}

func (c *config) parseProxies() error {
	for text := range strings.SplitSeq(c.trustedProxies, ",") {
		text = strings.TrimSpace(text)
		if text == "" {
			continue
		}
		prefix, err := netip.ParsePrefix(text)
		if err != nil {
			address, addressErr := netip.ParseAddr(text)
			if addressErr != nil {
				return fmt.Errorf("DASHBOARD_TRUSTED_PROXIES has %q: it must be addresses such as 10.0.0.7 or 10.1.0.0/16, with commas between", text)
			}
			prefix = netip.PrefixFrom(address, address.BitLen())
		}
		if prefix.Addr().Is4In6() { // connections are known by their IPv4 address
			prefix = netip.PrefixFrom(prefix.Addr().Unmap(), max(0, prefix.Bits()-96))
		}
		c.proxies = append(c.proxies, prefix)
	}
	return nil
}

func (c *config) checkSSOHeader() error {
	if c.ssoHeader == "" {
		return nil
	}
	if strings.Trim(c.ssoHeader, headerLetters) != "" {
		return fmt.Errorf("DASHBOARD_SSO_HEADER is %q: it must be the name of a header", c.ssoHeader)
	}
	if c.trustedProxies == "" {
		return errors.New("DASHBOARD_SSO_HEADER is set, but not DASHBOARD_TRUSTED_PROXIES: nobody's header would be believed")
	}
	c.ssoHeader = http.CanonicalHeaderKey(c.ssoHeader)
	return nil
}

const headerLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-"

// shortKey is the length, in bytes, below which a key is warned of: 128 bits if they
// are random.
const shortKey = 16

func (c *config) warnings(logger *slog.Logger) {
	if c.development {
		logger.Warn("DASHBOARD_DEVELOPMENT is true: whoever reaches this port from this machine manages all accounts")
	} else if len(c.key.Reveal()) < shortKey {
		logger.Warn("DASHBOARD_API_KEY is short: it can be guessed", "characters_at_least", shortKey)
	}
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
