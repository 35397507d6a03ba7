package upstream_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"

	"github.com/signalbox-go/signalbox/credstore"
	"github.com/signalbox-go/signalbox/credstore/backend"
	"github.com/signalbox-go/signalbox/oauth"
	"github.com/signalbox-go/signalbox/selection"
	"github.com/signalbox-go/signalbox/upstream"
)

// gatewayTo is a whole gateway: the rest of the example tries it on two files.
func gatewayTo(api *url.URL, store credstore.Store, refresher *oauth.Refresher) http.HandlerFunc {
	selector := selection.New(store, nil)
	proxy := &httputil.ReverseProxy{
		Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(api) },
		Transport: upstream.New(selector, refresher, &upstream.Options{LastUsed: store.TouchLastUsed}),
	}
	return func(w http.ResponseWriter, r *http.Request) {
		train, key := r.Header.Get("MSL-Train-Id"), credstore.NewSecret(r.Header.Get("x-api-key"))
		if err := store.ValidateClientKey(r.Context(), train, key); err != nil {
			http.Error(w, "not let in", http.StatusUnauthorized) // 503 unless it is credstore.ErrUnauthorized
			return
		}
		candidates, err := selector.Candidates(r.Context(), train, r.Header.Get("MSL-Account"))
		if err != nil {
			http.Error(w, "no account", http.StatusServiceUnavailable) // package selection lists its errors
			return
		}
		proxy.ServeHTTP(w, r.WithContext(upstream.WithCandidates(r.Context(), candidates)))
	}
}

func Example() {
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Println("API key:", r.Header.Get("x-api-key")) }))
	defer api.Close()
	target, _ := url.Parse(api.URL)
	dir, _ := os.MkdirTemp("", "signalbox")
	defer func() { _ = os.RemoveAll(dir) }()
	_ = os.WriteFile(dir+"/one.credentials.json", []byte(`{"type": "api_key", "api_key": "key-of-one"}`), 0o600)
	_ = os.WriteFile(dir+"/alpha.client-keys.json", []byte(`{"keys": ["client-key"]}`), 0o600)
	b, _ := backend.Open(context.Background(), backend.Config{AccountsDir: dir, ClientKeysDir: dir, StateDir: dir + "/state"}, slog.New(slog.DiscardHandler))
	defer b.Close()
	journal, _ := oauth.OpenJournal(dir+"/state", b.JournalSealer)
	gateway := gatewayTo(target, b.Store, oauth.NewRefresher(b.Store, oauth.NewClient(nil), journal, nil))
	r := httptest.NewRequest(http.MethodPost, "/v1/messages", nil)
	r.Header = http.Header{"Msl-Train-Id": {"alpha"}, "X-Api-Key": {"client-key"}}
	gateway(httptest.NewRecorder(), r)
	// Output: API key: key-of-one
}
