package sqlstore_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-go/signalbox/credstore"
	"github.com/signalbox-go/signalbox/credstore/sqlstore"
)

// The test binary, started again with this variable set to the path of an SQLite
// file, does writer's work on it and writes the result to its standard output.
const writerVariable = "SQLSTORE_TEST_WRITER"

const savesPerWriter = 10

// runWriter is what the other process does instead of running tests.
func runWriter(path string) int {
	spent, err := writer(path, fmt.Sprint("process-", os.Getpid()))
	if err == nil {
		err = json.NewEncoder(os.Stdout).Encode(spent)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// writer saves tokens of the account "a", each in exchange for the ones that are
// stored, and adds client keys to the train "main". It returns which refresh token
// it spent for which.
func writer(path, name string) (spent map[string]string, err error) {
	db, err := sqlstore.OpenSQLite(path)
	if err != nil {
		return nil, err
	}
	store := sqlstore.New(db, sqlstore.SQLite, testSealer(), nil)
	defer func() { err = errors.Join(err, store.Close(), db.Close()) }()
	ctx := context.Background()
	spent = make(map[string]string)
	for i := range savesPerWriter {
		label := fmt.Sprint(name, "-", i)
		if _, err := store.AddClientKeys(ctx, "main", credstore.NewSecret(label)); err != nil {
			return nil, err
		}
		for {
			stored, err := store.RevealSecret(ctx, "a", credstore.SecretRefreshToken)
			if err != nil {
				return nil, err
			}
			err = store.SaveTokens(ctx, "a", stored, tokens(label))
			if err == nil {
				spent[stored.Reveal()] = tokens(label).Refresh.Reveal()
				break
			}
			if !errors.Is(err, credstore.ErrConflict) {
				return nil, err
			}
		}
	}
	return spent, nil
}

// Processes that write to one SQLite file at once lose nothing.
func TestSQLiteProcesses(t *testing.T) {
	path := strings.TrimPrefix(newSQLite(t), "sqlite:")
	store := newStore(t, sqlstore.SQLite, open(t, sqlstore.SQLite, path))
	addOAuth(t, store, "a")
	_, err := store.CreateTrain(t.Context(), credstore.NewTrain{ID: "main"})
	require.NoError(t, err)

	type result struct {
		output []byte
		err    error
	}
	results := make(chan result)
	const processes = 2
	for range processes {
		command := exec.CommandContext(t.Context(), os.Args[0])
		command.Env = append(os.Environ(), writerVariable+"="+path)
		command.Stderr = os.Stderr
		go func() {
			output, err := command.Output()
			results <- result{output, err}
		}()
	}
	chain, err := writer(path, "own")
	require.NoError(t, err)
	for range processes {
		result := <-results
		require.NoError(t, result.err)
		var spent map[string]string
		require.NoError(t, json.Unmarshal(result.output, &spent))
		for token, next := range spent {
			require.NotContains(t, chain, token, "spent twice")
			chain[token] = next
		}
	}

	token, length := "refresh-a", 0
	for ; chain[token] != ""; token = chain[token] {
		length++
	}
	require.Equal(t, (processes+1)*savesPerWriter, length, "an unbroken chain")
	stored, err := store.RevealSecret(t.Context(), "a", credstore.SecretRefreshToken)
	require.NoError(t, err)
	require.Equal(t, token, stored.Reveal())
	train, err := store.GetTrain(t.Context(), "main")
	require.NoError(t, err)
	require.Equal(t, (processes+1)*savesPerWriter, train.ClientKeys)
}
