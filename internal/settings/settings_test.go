package settings_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-go/signalbox/credstore"
	"github.com/signalbox-go/signalbox/internal/settings"
)

type config struct {
	host, level, base string
	key               credstore.Secret
	on                bool
	port              int
	wait              time.Duration
}

func declare(c *config) *settings.Set {
	set := new(settings.Set)
	set.Text(&c.host, "HOST", "127.0.0.1", "where to listen")
	set.Choice(&c.level, "LOG_LEVEL", "info", "how much to log", "debug", "info")
	set.URL(&c.base, "BASE_URL", "https://api.example", "where requests go")
	set.Secret(&c.key, "KEY", "the key")
	set.Bool(&c.on, "ON", true, "whether")
	set.Int(&c.port, "PORT", 3000, 0, 65535, "which port")
	set.Milliseconds(&c.wait, "WAIT", 600*time.Second, "how long")
	return set
}

func env(values map[string]string) func(string) string {
	return func(name string) string { return values[name] }
}

func TestDefaults(t *testing.T) {
	var c config
	require.NoError(t, declare(&c).Load(env(nil)))
	require.Equal(t, config{host: "127.0.0.1", level: "info", base: "https://api.example", on: true, port: 3000, wait: 10 * time.Minute}, c)
}

func TestValues(t *testing.T) {
	var c config
	require.NoError(t, declare(&c).Load(env(map[string]string{
		"HOST": "::1", "LOG_LEVEL": "DEBUG", "BASE_URL": "http://127.0.0.1:1/x", "KEY": " k ", "ON": "0", "PORT": "0", "WAIT": "1",
	})))
	require.Equal(t, " k ", c.key.Reveal(), "a secret is taken as it is")
	c.key = credstore.Secret{}
	require.Equal(t, config{host: "::1", level: "debug", base: "http://127.0.0.1:1/x", wait: time.Millisecond}, c)
}

func TestEveryMistakeOnItsOwnLine(t *testing.T) {
	var c config
	err := declare(&c).Load(env(map[string]string{
		"LOG_LEVEL": "loud", "BASE_URL": "ftp://user:sk-ant-CANARY-settings01@h", "ON": "maybe", "PORT": "65536", "WAIT": "-1",
	}))
	require.Error(t, err)
	lines := strings.Split(err.Error(), "\n")
	require.Len(t, lines, 5)
	require.Equal(t, `LOG_LEVEL is "loud": it must be one of debug, info`, lines[0])
	require.Equal(t, `PORT is "65536": it must be a whole number from 0 to 65535`, lines[3])
	require.False(t, strings.Contains(err.Error(), "CANARY"), "a password in a URL is shown")
}

func TestWrongURL(t *testing.T) {
	for value, want := range map[string]string{
		"api.example":                           `BASE_URL is "api.example": it must be an http or https URL`,
		"htps://api.example/v1":                 `BASE_URL is "htps://api.example/v1": it must be`,
		"http://user:CANARY-settings02@h":       "BASE_URL is wrong: it must be",
		"ftp://h/?key=CANARY-settings03":        "BASE_URL is wrong: it must be",
		"http://user:1#CANARY-settings04@h/%zz": "BASE_URL is wrong: it must be",
		"sk-ant-CANARY-settings05":              "BASE_URL is wrong: it must be",
	} {
		err := declare(&config{}).Load(env(map[string]string{"BASE_URL": value}))
		require.Error(t, err)
		require.True(t, strings.HasPrefix(err.Error(), want), "another message than %q", want)
		require.False(t, strings.Contains(err.Error(), "CANARY"), "a secret in a URL is shown")
	}
}

func TestHelpNamesEverySetting(t *testing.T) {
	help := settings.Help(declare(&config{}))
	for _, want := range []string{"HOST", "where to listen (default 127.0.0.1)", "KEY", "WAIT", "(default 600000)"} {
		require.Contains(t, help, want)
	}
}
