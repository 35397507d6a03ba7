package server

import (
	"encoding/json"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Told to stop, the program accepts no more, and streams go on to their end.
func TestGracefulStop(t *testing.T) {
	w := newStreamWorld(t).start()
	goOn := make(chan struct{})
	w.api.handle(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = io.WriteString(w, "begin ")
		_ = http.NewResponseController(w).Flush()
		<-goOn
		_, _ = io.WriteString(w, "end")
	})
	answer, err := w.client.Do(w.request(http.MethodPost, "/v1/messages", "alpha", strings.NewReader("{}"), nil))
	require.NoError(t, err)
	defer func() { _ = answer.Body.Close() }()
	w.stop()
	require.Eventually(t, func() bool {
		conn, err := net.Dial("tcp", strings.TrimPrefix(w.url, "http://"))
		if err == nil {
			_ = conn.Close()
		}
		return err != nil
	}, waitLong, waitTick)
	close(goOn)
	body, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	require.Equal(t, "begin end", string(body))
	require.NoError(t, <-w.result)
}

// A stream that does not end within the grace period is cut off: it does not look
// complete, and the program says so.
func TestStopCutsOff(t *testing.T) {
	w := newStreamWorld(t)
	w.limits.grace = waitTick
	w.start()
	w.api.handle(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = io.WriteString(w, "begin ")
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	})
	answer, err := w.client.Do(w.request(http.MethodPost, "/v1/messages", "alpha", strings.NewReader("{}"), nil))
	require.NoError(t, err)
	defer func() { _ = answer.Body.Close() }()
	w.stop()
	_, err = io.ReadAll(answer.Body)
	require.Error(t, err)
	require.ErrorContains(t, <-w.result, "cut off")
}

func TestHealth(t *testing.T) {
	for kind, source := range map[string]string{"files": "files", "sqlite": "sqlite", "postgres": "postgresql"} {
		said := map[string]string{"files": "credential files in", "sqlite": "SQLite database", "postgres": "PostgreSQL database"}[kind]
		w := newWorld(t, kind)
		w.addAccount("one")
		w.addTrain("alpha")
		w.start()
		get := func(path string) reply { return w.send(http.MethodGet, path, "", nil, nil) }
		require.JSONEq(t, `{"status":"ok"}`, get("/healthz").text)
		require.JSONEq(t, `{"status":"ready"}`, get("/readyz").text)
		var health map[string]string
		require.NoError(t, json.Unmarshal([]byte(get("/health").text), &health))
		require.Equal(t, "healthy", health["status"])
		require.Equal(t, "signalbox-proxy", health["service"])
		require.Equal(t, source, health["source"])
		require.NotEmpty(t, health["version"])
		require.NotEmpty(t, health["timestamp"])
		require.Equal(t, http.StatusOK, w.send(http.MethodHead, "/healthz", "", nil, nil).StatusCode)

		w.post("alpha", "{}")
		w.post("beta", "{}")
		metrics := get("/metrics").text
		for _, want := range []string{
			`signalbox_requests_total{code="200"} 1`, `signalbox_requests_total{code="401"} 1`,
			"signalbox_request_duration_seconds_count 2", `signalbox_upstream_attempts_total{code="200"} 1`,
			"signalbox_cache_hits_total", "signalbox_cache_loads_total", "go_goroutines",
		} {
			require.Contains(t, metrics, want)
		}
		require.NotContains(t, metrics, "alpha", "no train, no account")
		require.Contains(t, w.logs.String(), said, "where credentials come from is logged at the start")
		w.stop()
		require.NoError(t, <-w.result)
	}
}

// With a key that opens nothing the proxy starts, so that it can be asked what is
// wrong, and is not ready.
func TestWrongEncryptionKey(t *testing.T) {
	w := newWorld(t, "sqlite")
	w.addAccount("one")
	w.addTrain("alpha")
	w.env["CREDENTIAL_ENCRYPTION_KEY"] = canary + "another-encryption-key-of-32-characters"
	w.start()
	var ready reply
	require.Eventually(t, func() bool { // on a busy machine it takes longer than a check waits
		ready = w.send(http.MethodGet, "/readyz", "", nil, nil)
		return ready.StatusCode == http.StatusServiceUnavailable
	}, waitLong, waitTick)
	require.JSONEq(t, `{"status":"unavailable","reason":"keys"}`, ready.text)
	w.requireError(w.post("alpha", "{}"), http.StatusServiceUnavailable, "api_error")
	require.Empty(t, w.api.accounts())
}

func TestStopping(t *testing.T) {
	s := new(server)
	s.stop()
	require.Equal(t, "stopping", s.notReady(t.Context()))
}

// Changes to the files are served without a restart.
func TestFilesChange(t *testing.T) {
	w := newWorld(t, "files").start()
	require.Equal(t, http.StatusUnauthorized, w.post("alpha", "{}").StatusCode)
	w.addAccount("one")
	w.addTrain("alpha")
	require.Eventually(t, func() bool { return w.post("alpha", "{}").StatusCode == http.StatusOK }, waitLong, waitTick)
	require.NoError(t, os.Remove(filepath.Join(w.env["CREDENTIALS_DIR"], "train-client-keys", "alpha.client-keys.json")))
	require.Eventually(t, func() bool { return w.post("alpha", "{}").StatusCode == http.StatusUnauthorized }, waitLong, waitTick)
}

// A wrong setting stops the start with a line for each; no line shows a secret.
func TestWrongSettings(t *testing.T) {
	for name, test := range map[string]struct {
		env  map[string]string
		want []string
	}{
		"each on its own line": {
			map[string]string{"PORT": "x", "ENABLE_CLIENT_AUTH": "maybe", "LOG_LEVEL": "loud", "DEFAULT_TRAIN_ID": "a b"},
			[]string{"DEFAULT_TRAIN_ID", `PORT is "x"`, `ENABLE_CLIENT_AUTH is "maybe"`, `LOG_LEVEL is "loud"`},
		},
		"time-out":       {map[string]string{"CLAUDE_API_TIMEOUT": "0"}, []string{"CLAUDE_API_TIMEOUT"}},
		"base URL":       {map[string]string{"CLAUDE_API_BASE_URL": "ftp://user:" + canary + "x@h"}, []string{"CLAUDE_API_BASE_URL"}},
		"default train":  {map[string]string{"DEFAULT_TRAIN_ID": "a b"}, []string{"DEFAULT_TRAIN_ID"}},
		"webhook":        {map[string]string{"SLACK_WEBHOOK_URL": canary + "webhook"}, []string{"SLACK_WEBHOOK_URL"}},
		"no database":    {map[string]string{"USE_DATABASE_CREDENTIALS": "true"}, []string{"DATABASE_URL", "CREDENTIAL_ENCRYPTION_KEY"}},
		"no such host":   {map[string]string{"HOST": "256.0.0.1"}, []string{"256.0.0.1"}},
		"without schema": {map[string]string{"USE_DATABASE_CREDENTIALS": "true", "DATABASE_URL": "sqlite:" + filepath.Join(t.TempDir(), "x.db"), "CREDENTIAL_ENCRYPTION_KEY": strings.Repeat(canary, 5)}, []string{"migrate up"}},
	} {
		w := newWorld(t, "files")
		for name, value := range test.env {
			w.env[name] = value
		}
		err := Run(t.Context(), w.getenv, w.logs, nil)
		require.Error(t, err, name)
		for _, want := range test.want {
			require.ErrorContains(t, err, want, name)
		}
		require.NotContains(t, err.Error(), canary, name)
		require.NotContains(t, w.logs.String(), canary, name)
	}
}

// Libraries that know no other logger than the standard one are heard in the log.
func TestStandardLogger(t *testing.T) {
	w := newWorld(t, "files").start()
	log.Print("protocol error of some kind")
	lines := w.logLines("protocol error of some kind")
	require.Len(t, lines, 1)
	require.Equal(t, "WARN", lines[0]["level"])
}

func TestHelp(t *testing.T) {
	for _, name := range []string{
		"USE_DATABASE_CREDENTIALS", "DATABASE_URL", "CREDENTIAL_ENCRYPTION_KEY", "CREDENTIALS_DIR", "ACCOUNTS_DIR",
		"TRAIN_CLIENT_KEYS_DIR", "DEFAULT_TRAIN_ID", "ENABLE_CLIENT_AUTH", "CLAUDE_API_BASE_URL", "CLAUDE_API_TIMEOUT",
		"CLAUDE_OAUTH_CLIENT_ID", "CLAUDE_OAUTH_TOKEN_URL", "HOST", "PORT", "DB_POOL_SIZE", "SLACK_WEBHOOK_URL", "STATE_DIR",
		"LOG_LEVEL", "LOG_JSON",
	} {
		require.Contains(t, Help(), "  "+name+" ")
	}
}
