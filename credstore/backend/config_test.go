package backend_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-go/signalbox/credstore/backend"
)

const longKey = "CANARY-backendkey01-0123456789abcdef"

func env(values map[string]string) func(string) string {
	return func(name string) string { return values[name] }
}

func TestConfigDefaults(t *testing.T) {
	c, err := backend.ConfigFromEnv(env(map[string]string{"HOME": "/home/op"}))
	require.NoError(t, err)
	require.False(t, c.UseDatabase)
	require.Equal(t, "credentials/accounts", c.AccountsDir)
	require.Equal(t, "credentials/train-client-keys", c.ClientKeysDir)
	require.Equal(t, "/home/op/.local/state/signalbox", c.StateDir)
	require.Equal(t, 20, c.PoolSize)
	require.Equal(t, "credential files in credentials/accounts and credentials/train-client-keys", c.Describe())

	c, err = backend.ConfigFromEnv(env(map[string]string{"CREDENTIALS_DIR": "/x", "ACCOUNTS_DIR": "/y", "XDG_STATE_HOME": "/s"}))
	require.NoError(t, err)
	require.Equal(t, "/y", c.AccountsDir)
	require.Equal(t, "/x/train-client-keys", c.ClientKeysDir)
	require.Equal(t, "/s/signalbox", c.StateDir)
}

func TestConfigMistakes(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	const state = "STATE_DIR"
	for name, c := range map[string]struct {
		env  map[string]string
		want []string
	}{
		"no url, no key": {
			map[string]string{state: "/s", "USE_DATABASE_CREDENTIALS": "true"},
			[]string{"DATABASE_URL is not set", "CREDENTIAL_ENCRYPTION_KEY is not set"},
		},
		"wrong scheme, short key": {
			map[string]string{state: "/s", "USE_DATABASE_CREDENTIALS": "1", "DATABASE_URL": "mysql://u:CANARY-backendpass1@h/d", "CREDENTIAL_ENCRYPTION_KEY": longKey[:31]},
			[]string{"DATABASE_URL is wrong", "CREDENTIAL_ENCRYPTION_KEY is too short"},
		},
		"empty sqlite path": {
			map[string]string{state: "/s", "USE_DATABASE_CREDENTIALS": "true", "DATABASE_URL": "sqlite:", "CREDENTIAL_ENCRYPTION_KEY": longKey},
			[]string{"DATABASE_URL is wrong"},
		},
		"password with a bare #": {
			map[string]string{state: "/s", "USE_DATABASE_CREDENTIALS": "true", "DATABASE_URL": "postgres://u:1#CANARY-backendpass2@h/d", "CREDENTIAL_ENCRYPTION_KEY": longKey},
			[]string{"DATABASE_URL is wrong"},
		},
		"a port that is none": {
			map[string]string{state: "/s", "USE_DATABASE_CREDENTIALS": "true", "DATABASE_URL": "postgres://u:CANARY-backendpass8@a:1,b:x/d", "CREDENTIAL_ENCRYPTION_KEY": longKey},
			[]string{"DATABASE_URL is wrong"},
		},
		"files where folders belong": {
			map[string]string{state: file, "ACCOUNTS_DIR": file},
			[]string{"STATE_DIR is", "ACCOUNTS_DIR is"},
		},
		"nowhere for state":      {nil, []string{"STATE_DIR is not set"}},
		"not a flag, not a pool": {map[string]string{state: "/s", "USE_DATABASE_CREDENTIALS": "yes please", "DB_POOL_SIZE": "0"}, []string{"USE_DATABASE_CREDENTIALS is", "DB_POOL_SIZE is"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := backend.ConfigFromEnv(env(c.env))
			require.Error(t, err)
			lines := strings.Split(err.Error(), "\n")
			require.Len(t, lines, len(c.want))
			for i, want := range c.want {
				require.True(t, strings.HasPrefix(lines[i], want), "line %d should start with %q", i, want)
			}
			require.False(t, strings.Contains(err.Error(), "CANARY"), "a secret shows")
		})
	}
}

func TestDescribeShowsNoSecret(t *testing.T) {
	for dsn, want := range map[string]string{
		"postgres://u:CANARY-backendpass3@h:5432/d?sslmode=require":                        "PostgreSQL database h:5432/d",
		"host=a,b dbname=d user=u password=CANARY-backendpass4":                            "PostgreSQL database a:5432,b:5432/d",
		"host=a dbname=d password='CANARY-backendpass5 host=CANARY-backendpass6'":          "PostgreSQL database a:5432/d",
		"postgres://u:CANARY-backendpass7@a:1,b,[::1]:2/d?target_session_attrs=read-write": "PostgreSQL database a:1,b:5432,[::1]:2/d",
		"postgresql://a,b:7":           "PostgreSQL database a:5432,b:7/",
		"postgres://a,b/d?port=1,2":    "PostgreSQL database a:1,b:2/d",
		"sqlite:/var/lib/signalbox.db": "SQLite database /var/lib/signalbox.db",
	} {
		c, err := backend.ConfigFromEnv(env(map[string]string{
			"STATE_DIR": "/s", "USE_DATABASE_CREDENTIALS": "true", "DATABASE_URL": dsn, "CREDENTIAL_ENCRYPTION_KEY": longKey,
		}))
		require.NoError(t, err)
		require.True(t, want == c.Describe(), "wrong description of the case %q", want)
	}
}

func TestHelpNamesEverySetting(t *testing.T) {
	for _, name := range []string{
		"USE_DATABASE_CREDENTIALS", "DATABASE_URL", "CREDENTIAL_ENCRYPTION_KEY", "DB_POOL_SIZE",
		"CREDENTIALS_DIR", "ACCOUNTS_DIR", "TRAIN_CLIENT_KEYS_DIR", "STATE_DIR",
	} {
		require.Contains(t, backend.Help(), name)
	}
}

func TestJournalDirIsOfTheStore(t *testing.T) {
	dirs := map[string]string{}
	for name, values := range map[string]map[string]string{
		"files":              {"ACCOUNTS_DIR": "/a"},
		"other files":        {"ACCOUNTS_DIR": "/b"},
		"sqlite":             {"USE_DATABASE_CREDENTIALS": "true", "DATABASE_URL": "sqlite:/a"},
		"postgres":           {"USE_DATABASE_CREDENTIALS": "true", "DATABASE_URL": "postgres://u:p@h/d"},
		"other database":     {"USE_DATABASE_CREDENTIALS": "true", "DATABASE_URL": "postgres://u:p@h/e"},
		"other host":         {"USE_DATABASE_CREDENTIALS": "true", "DATABASE_URL": "postgres://u:p@i/d"},
		"same, new password": {"USE_DATABASE_CREDENTIALS": "true", "DATABASE_URL": "postgres://u:q@h/d?sslmode=require"},
	} {
		values["STATE_DIR"], values["CREDENTIAL_ENCRYPTION_KEY"] = "/s", longKey
		c, err := backend.ConfigFromEnv(env(values))
		require.NoError(t, err)
		require.Equal(t, "/s", filepath.Dir(c.JournalDir()))
		dirs[name] = c.JournalDir()
	}
	require.Equal(t, dirs["postgres"], dirs["same, new password"])
	delete(dirs, "same, new password")
	seen := map[string]bool{}
	for name, dir := range dirs {
		require.False(t, seen[dir], name)
		seen[dir] = true
	}
}
