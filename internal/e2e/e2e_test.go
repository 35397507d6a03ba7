// Package e2e_test runs the example programs as a deployment does: built, as
// processes of their own, over real HTTP, on a real PostgreSQL, and killed.
package e2e_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-go/signalbox/credstore"
	"github.com/signalbox-go/signalbox/credstore/backend"
	"github.com/signalbox-go/signalbox/internal/testdb"
	"github.com/signalbox-go/signalbox/internal/testlog"
	"github.com/signalbox-go/signalbox/oauth/oauthtest"
)

const (
	encryptionKey = "CANARY-e2ekey0001-0123456789abcdef"
	clientKey     = "cnp_CANARY-e2eclient1"
)

// How long to wait for what comes by itself, and how often to look.
const (
	eventually = 30 * time.Second
	tick       = time.Millisecond
)

// bin is the folder of the built programs.
var bin string

func TestMain(m *testing.M) {
	os.Exit(buildAndRun(m))
}

func buildAndRun(m *testing.M) int {
	dir, err := os.MkdirTemp("", "signalbox-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(dir) }()
	bin = dir
	build := exec.CommandContext(context.Background(), "go", "build", "-buildvcs=false", "-o", dir, "../../examples/proxy", "../../examples/migrate")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "%v\n%s", err, out)
		return 1
	}
	return m.Run()
}

// A deployment is a database, a token provider and an API, and the environment
// that the programs find them by.
type deployment struct {
	env      map[string]string
	provider *oauthtest.Provider
	api      *httptest.Server
	logs     *logs
}

func newDeployment(t *testing.T, databaseURL string) *deployment {
	t.Helper()
	d := &deployment{provider: oauthtest.NewProvider(&oauthtest.Options{ReuseGrace: time.Hour}), logs: new(logs)}
	tokens := httptest.NewServer(d.provider)
	t.Cleanup(tokens.Close)
	d.api = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		if !d.provider.Valid(credstore.NewSecret(token)) {
			http.Error(w, "invalid token", http.StatusUnauthorized)
			return
		}
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = io.WriteString(w, "served")
	}))
	t.Cleanup(d.api.Close)
	d.env = map[string]string{
		"USE_DATABASE_CREDENTIALS":  "true",
		"DATABASE_URL":              databaseURL,
		"CREDENTIAL_ENCRYPTION_KEY": encryptionKey,
		"STATE_DIR":                 t.TempDir(),
		"CLAUDE_API_BASE_URL":       d.api.URL,
		"CLAUDE_OAUTH_TOKEN_URL":    tokens.URL + "/v1/oauth/token",
		"PORT":                      "0",
		"LOG_LEVEL":                 "debug",
	}
	d.migrate(t, "up")
	t.Cleanup(func() { d.logs.requireNoSecret(t) })
	return d
}

func (d *deployment) command(t *testing.T, program string, args ...string) *exec.Cmd {
	t.Helper()
	command := exec.CommandContext(t.Context(), filepath.Join(bin, program), args...)
	for name, value := range d.env {
		command.Env = append(command.Env, name+"="+value)
	}
	return command
}

// migrate runs the deploy command, which must succeed, and returns what it prints.
func (d *deployment) migrate(t *testing.T, args ...string) string {
	t.Helper()
	out, err := d.command(t, "migrate", args...).CombinedOutput()
	d.logs.add(string(out))
	require.NoError(t, err, "migrate %s", args)
	return string(out)
}

// store opens the deployment's database for the test's own look at it.
func (d *deployment) store(t *testing.T) credstore.AdminStore {
	t.Helper()
	config, err := backend.ConfigFromEnv(func(name string) string { return d.env[name] })
	require.NoError(t, err)
	b, err := backend.Open(t.Context(), config, discard)
	require.NoError(t, err)
	t.Cleanup(func() { _ = b.Close() })
	return b.Admin
}

// addExpiredAccount adds a train with one OAuth account whose access token has expired.
func (d *deployment) addExpiredAccount(t *testing.T, name string) {
	t.Helper()
	store := d.store(t)
	tokens := d.provider.Login(name)
	tokens.ExpiresAt = time.Now().Add(-time.Minute)
	_, err := store.CreateAccount(t.Context(), credstore.NewAccount{ID: name, Name: name, Type: credstore.OAuth, Tokens: tokens})
	require.NoError(t, err)
	_, err = store.CreateTrain(t.Context(), credstore.NewTrain{ID: name, ClientKeys: []credstore.Secret{credstore.NewSecret(clientKey)}})
	require.NoError(t, err)
	require.NoError(t, store.AddMapping(t.Context(), name, name, 0))
}

// A process is one running proxy.
type process struct {
	command *exec.Cmd
	url     string
}

var listening = regexp.MustCompile(`address=(127\.0\.0\.1:\d+)`)

// startProxy starts a proxy and waits until it listens. It is killed with the test.
func (d *deployment) startProxy(t *testing.T) *process {
	t.Helper()
	p := &process{command: d.command(t, "proxy")}
	out, err := p.command.StdoutPipe()
	require.NoError(t, err)
	p.command.Stderr = p.command.Stdout
	require.NoError(t, p.command.Start())
	t.Cleanup(p.kill)
	lines := bufio.NewScanner(out)
	for p.url == "" && lines.Scan() {
		d.logs.add(lines.Text())
		if found := listening.FindStringSubmatch(lines.Text()); found != nil {
			p.url = "http://" + found[1]
		}
	}
	require.NotEmpty(t, p.url, "the proxy did not start")
	go func() {
		for lines.Scan() {
			d.logs.add(lines.Text())
		}
	}()
	return p
}

// kill is kill -9.
func (p *process) kill() {
	_ = p.command.Process.Kill()
	_ = p.command.Wait()
}

// send makes a request of the train's client and returns status and body.
func (p *process) send(ctx context.Context, train, key string) (int, string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, p.url+"/v1/messages", strings.NewReader(`{"model":"m"}`))
	if err != nil {
		return 0, "", err
	}
	request.Header.Set("MSL-Train-Id", train)
	request.Header.Set("Authorization", "Bearer "+key)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, "", err
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	return response.StatusCode, string(body), err
}

// logs is all that the programs printed.
type logs struct{ testlog.Buffer }

func (l *logs) add(line string) { _, _ = fmt.Fprintln(l, line) }

var anySecret = regexp.MustCompile(`CANARY|sk-ant-o[ar]t01-`)

func (l *logs) requireNoSecret(t *testing.T) {
	require.NotEmpty(t, l.String())
	require.False(t, anySecret.MatchString(l.String()), "a program printed a secret")
}

// Three proxies share a database; the one account's token has expired; a hundred
// clients come to each at the same moment.
func TestOneRefreshInTheFleet(t *testing.T) {
	for name, url := range map[string]func(testing.TB) string{"PostgreSQL": testdb.PostgreSQL, "SQLite": testdb.SQLite} {
		t.Run(name, func(t *testing.T) {
			d := newDeployment(t, url(t))
			d.addExpiredAccount(t, "oauth-1")
			d.provider.Behave(oauthtest.Behaviour{Delay: 300 * time.Millisecond})
			proxies := []*process{d.startProxy(t), d.startProxy(t), d.startProxy(t)}

			const clients = 100
			answers := make(chan string, clients*len(proxies))
			for _, p := range proxies {
				for range clients {
					go func() {
						status, body, err := p.send(t.Context(), "oauth-1", clientKey)
						answers <- fmt.Sprintln(status, body, err)
					}()
				}
			}
			for range cap(answers) {
				require.Equal(t, "200 served <nil>\n", <-answers)
			}
			require.Equal(t, oauthtest.Counts{Requests: 1, Rotations: 1}, d.provider.Counts("oauth-1"))
			require.Empty(t, d.provider.Complaints())
		})
	}
}

// A proxy is killed at all moments of a refresh: from when the provider has the
// request until the tokens are saved. The provider answers a repeated refresh token
// once more, so whatever happens the next start must serve: nothing that the dead
// process held may be in the way.
func TestKilledDuringRefresh(t *testing.T) {
	const rounds, step = 12, 4 * time.Millisecond
	d := newDeployment(t, testdb.PostgreSQL(t))
	repeated := 0
	for round := range rounds {
		account := fmt.Sprintf("oauth-%d", round)
		d.addExpiredAccount(t, account)
		d.provider.Behave(oauthtest.Behaviour{Delay: 2 * step, DelayAfter: 2 * step})
		victim := d.startProxy(t)
		sent := make(chan struct{})
		go func() {
			defer close(sent)
			_, _, _ = victim.send(t.Context(), account, clientKey)
		}()
		require.Eventually(t, func() bool { return d.provider.Counts(account).Requests == 1 }, eventually, tick)
		time.Sleep(time.Duration(round) * step) // the moment is the point of the test
		victim.kill()
		<-sent

		d.provider.Behave(oauthtest.Behaviour{})
		heir := d.startProxy(t)
		status, body, err := heir.send(t.Context(), account, clientKey)
		require.NoError(t, err)
		require.Equal(t, http.StatusOK, status, body)
		require.False(t, d.provider.Revoked(account))
		repeated += d.provider.Counts(account).Requests - 1
		heir.kill()
	}
	require.Positive(t, repeated, "no kill came before the answer was saved: the test proves nothing")
}
