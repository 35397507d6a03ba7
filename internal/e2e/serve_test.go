package e2e_test

import (
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-go/signalbox/internal/testdb"
	"github.com/signalbox-go/signalbox/internal/vectors"
)

var discard = slog.New(slog.DiscardHandler)

// golden is what the gateway before this one made of the sample credential files.
type golden struct {
	Accounts []struct {
		Name   string `json:"account_name"`
		Listed bool
		Proxy  struct {
			Key    any
			Usable bool
		}
		Import struct{ Imported bool }
	}
	Trains []struct {
		ID    string `json:"train_id"`
		Proxy struct {
			ClientKeys []string `json:"client_keys"`
		}
	}
}

func readGolden(t *testing.T) golden {
	t.Helper()
	var g golden
	require.NoError(t, json.Unmarshal(vectors.Read(t, "credentials/expected.json"), &g))
	require.NotEmpty(t, g.Accounts)
	require.NotEmpty(t, g.Trains)
	return g
}

// The sample files are served in place, and after an import from SQLite and from
// PostgreSQL: the same clients get in, and each account is used with the same key.
func TestSampleFilesBeforeAndAfterImport(t *testing.T) {
	g := readGolden(t)
	for name, databaseURL := range map[string]func(testing.TB) string{"files": nil, "SQLite": testdb.SQLite, "PostgreSQL": testdb.PostgreSQL} {
		t.Run(name, func(t *testing.T) {
			d := fileDeployment(t, databaseURL)
			p := d.startProxy(t)
			for _, train := range g.Trains {
				for _, key := range train.Proxy.ClientKeys {
					// As an HTTP client sends text that is not ASCII.
					status, _, err := p.send(t.Context(), train.ID, key)
					require.NoError(t, err)
					require.Equal(t, http.StatusOK, status, train.ID)
				}
				status, body, err := p.send(t.Context(), train.ID, "cnp_wrong")
				require.NoError(t, err)
				if train.ID == "" { // a file that is none of ours
					continue
				}
				require.Equal(t, http.StatusUnauthorized, status, train.ID)
				require.NotContains(t, body, train.ID)
			}
			requireKeys(t, g, d, p, databaseURL != nil)
		})
	}
}

// requireKeys asks for every account by name and compares the key that arrives.
func requireKeys(t *testing.T, g golden, d *deployment, p *process, imported bool) {
	t.Helper()
	train, key := usableTrain(t, g)
	for _, account := range g.Accounts {
		want, text := account.Proxy.Key.(string)
		if !account.Listed || !text || imported && !account.Import.Imported && !servable(account.Name) {
			continue
		}
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, p.url+"/v1/messages", strings.NewReader("{}"))
		require.NoError(t, err)
		request.Header.Set("MSL-Train-Id", train)
		request.Header.Set("MSL-Account", account.Name)
		request.Header.Set("x-api-key", key)
		response, err := http.DefaultClient.Do(request)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		require.Equal(t, http.StatusOK, response.StatusCode, account.Name)
		require.True(t, response.Header.Get("Seen") == strings.TrimSpace(want), "%s came with another key", account.Name)
	}
}

// servable tells of the accounts that the import before this one refused although
// the gateway used them: ours takes what a database can hold.
func servable(name string) bool { return name == "oauth-scopes-as-text" }

func usableTrain(t *testing.T, g golden) (train, key string) {
	t.Helper()
	for _, candidate := range g.Trains {
		if len(candidate.Proxy.ClientKeys) > 0 {
			return candidate.ID, candidate.Proxy.ClientKeys[0]
		}
	}
	t.Fatal("no train with a client key")
	return "", ""
}

// fileDeployment serves the sample files, or a database that they were imported
// into. Its API echoes the credential it was called with.
func fileDeployment(t *testing.T, databaseURL func(testing.TB) string) *deployment {
	t.Helper()
	d := &deployment{logs: new(logs)}
	d.api = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		w.Header().Set("Seen", r.Header.Get("x-api-key")+token)
	}))
	t.Cleanup(d.api.Close)
	credentials := t.TempDir()
	require.NoError(t, os.CopyFS(credentials, os.DirFS(filepath.Join(vectors.Dir(t), "credentials"))))
	d.env = map[string]string{
		"CREDENTIALS_DIR": credentials, "STATE_DIR": t.TempDir(),
		"CLAUDE_API_BASE_URL": d.api.URL, "PORT": "0", "LOG_LEVEL": "debug",
	}
	t.Cleanup(func() { d.logs.requireNoSecret(t) })
	if databaseURL == nil {
		return d
	}
	d.env["USE_DATABASE_CREDENTIALS"] = "true"
	d.env["DATABASE_URL"] = databaseURL(t)
	d.env["CREDENTIAL_ENCRYPTION_KEY"] = encryptionKey
	d.migrate(t, "up")
	out, err := d.command(t, "migrate", "import").CombinedOutput()
	d.logs.add(string(out))
	require.Error(t, err, "broken files make the status 1")
	require.Equal(t, 1, exitStatus(err))
	return d
}

func exitStatus(err error) int {
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exit.ExitCode()
	}
	return -1
}
