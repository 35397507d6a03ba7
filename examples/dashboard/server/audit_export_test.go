package server

import (
	"bufio"
	"context"
	"encoding/csv"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-go/signalbox/credstore"
	"github.com/signalbox-go/signalbox/credstore/backend"
)

func TestCell(t *testing.T) {
	for text, want := range map[string]string{
		"": "", "a": "a", "a=1": "a=1", "a-b": "a-b", "a, =1": "a, =1", "a@b;c@d": "a@b;c@d", "a; b": "a; b", "2026-01-31": "2026-01-31",
		"=1": "'=1", "+1": "'+1", "-1": "'-1", "@a": "'@a", "\uFF1D1": "'\uFF1D1", " =1": "' =1", `"=1"`: `'"=1"`, "\u00a0=1": "'\u00a0=1",
		"\ta": "'\ta", "\ra": "'\ra", "\na": "'\na", "\t=1": "'\t'=1", "\t\t=1": "'\t\t'=1",
		"x;=1+1": "x;'=1+1", "x;;=1": "x;;'=1", "x\t+1": "x\t'+1", "x\n@a": "x\n'@a", "x\r\n-1": "x\r\n'-1", "=1;=2": "'=1;'=2",
		`x;"=1"`: `x;'"=1"`, "x; =1": "x;' =1", "x;\uFF201": "x;'\uFF201", `{"name":"x;=1"}`: `{"name":"x;'=1"}`,
	} {
		require.Equal(t, want, cell(text), "%q", text)
	}
}

// Nor is there a formula for programs that separate cells by something else.
func TestExportHasNoFormulas(t *testing.T) {
	var out strings.Builder
	write := newCSVWriter(&out)
	for _, lead := range []string{"", "x;", "x\t", "x\n", "x,\"y\";", "a\r\n"} {
		for _, text := range []string{"=1+1", `"=1+1"`, " =1+1", "\t=1+1", ";=1+1", "=cmd|' /C calc'!A0", "@SUM(1)", "\uFF0B1"} {
			state, err := json.Marshal(map[string]string{"name": lead + text})
			require.NoError(t, err)
			require.NoError(t, write([]credstore.AuditEvent{{ID: 1, Actor: credstore.Actor{Name: lead + text}, ObjectID: lead + text, Before: state}}))
		}
	}
	for _, separator := range []string{";", "\t"} {
		for line := range strings.Lines(out.String()) {
			for cell := range strings.SplitSeq(line, separator) {
				require.NotRegexp(t, "^[\" ]*[=+\\-@\uff1d\uff0b\uff0d\uff20]", cell, "%q", line)
			}
		}
	}
	_, err := csv.NewReader(strings.NewReader(out.String())).ReadAll()
	require.NoError(t, err)
}

// A tornTrail is a store whose database goes away after a page of events.
type tornTrail struct{ credstore.AdminStore }

func (s tornTrail) ListAudit(ctx context.Context, filter credstore.AuditFilter, page credstore.PageRequest) (credstore.Page[credstore.AuditEvent], error) {
	if page.After != "" {
		return credstore.Page[credstore.AuditEvent]{}, credstore.ErrUnavailable
	}
	return s.AdminStore.ListAudit(ctx, filter, page)
}

// exportFrom asks a server on that store for an export of many events. ended is closed
// when the server is done with it.
func exportFrom(t *testing.T, change func(credstore.AdminStore) credstore.AdminStore) (w *world, answer *http.Response, ended <-chan struct{}) {
	t.Helper()
	w = newWorld(t, "sqlite")
	w.recordMany(2 * exportPage)
	config, err := configFromEnv(w.getenv)
	require.NoError(t, err)
	logger := slog.New(slog.NewJSONHandler(w.logs, nil))
	b, err := backend.Open(t.Context(), config.backend, logger)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, b.Close()) })
	b.Admin = change(b.Admin)
	routes, done := newServer(config, b, logger, w.limits).routes(), make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		defer close(done)
		routes.ServeHTTP(rw, r)
	}))
	t.Cleanup(server.Close)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+"/dashboard/audit/export?format=jsonl", nil)
	require.NoError(t, err)
	request.Header.Set(keyHeader, dashboardKey)
	answer, err = server.Client().Do(request)
	require.NoError(t, err)
	t.Cleanup(func() { _ = answer.Body.Close() })
	require.Equal(t, http.StatusOK, answer.StatusCode)
	return w, answer, done
}

// An export that is not whole does not look as if it were.
func TestExportIsCutOff(t *testing.T) {
	w, answer, ended := exportFrom(t, func(s credstore.AdminStore) credstore.AdminStore { return tornTrail{s} }) //nolint:bodyclose // exportFrom sees to it
	body, err := io.ReadAll(answer.Body)
	require.Error(t, err)
	require.Equal(t, exportPage, strings.Count(string(body), "\n"))
	requireEnded(t, ended)
	require.Contains(t, w.logs.String(), "export of the audit trail was cut off")
}

func requireEnded(t *testing.T, ended <-chan struct{}) {
	t.Helper()
	select {
	case <-ended:
	case <-time.After(30 * time.Second):
		require.Fail(t, "the export goes on")
	}
}

// A heldTrail waits, before its second page, until the request is over.
type heldTrail struct{ credstore.AdminStore }

func (s heldTrail) ListAudit(ctx context.Context, filter credstore.AuditFilter, page credstore.PageRequest) (credstore.Page[credstore.AuditEvent], error) {
	if page.After != "" {
		<-ctx.Done()
	}
	return s.AdminStore.ListAudit(ctx, filter, page)
}

// Who leaves in the middle ends the reading, and nobody is told of a failure.
func TestExportIsLeft(t *testing.T) {
	w, answer, ended := exportFrom(t, func(s credstore.AdminStore) credstore.AdminStore { return heldTrail{s} })
	line, err := bufio.NewReader(answer.Body).ReadString('\n')
	require.NoError(t, err)
	require.Contains(t, line, `"audit.export"`)
	require.NoError(t, answer.Body.Close())
	requireEnded(t, ended)
	require.NotContains(t, w.logs.String(), "cut off")
}
