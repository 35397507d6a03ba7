package server

import (
	"log/slog"
	"net/http"
	"net/http/httputil"
	"sync/atomic"

	"github.com/gin-gonic/gin"

	"github.com/signalbox-go/signalbox/credstore"
	"github.com/signalbox-go/signalbox/selection"
	"github.com/signalbox-go/signalbox/upstream"
)

// A server answers requests.
type server struct {
	config   config
	limits   limits
	store    credstore.Store
	selector *selection.Selector
	proxy    *httputil.ReverseProxy
	log      *slog.Logger
	metrics  *metrics
	stopping atomic.Bool
}

func newServer(config config, store credstore.Store, log *slog.Logger, metrics *metrics, limits limits) *server {
	selector := selection.New(store, &selection.Options{AllowUnknownTrains: !config.clientAuth})
	return &server{config: config, limits: limits, store: store, selector: selector, log: log, metrics: metrics}
}

// useUpstream sends requests on through base, with the credentials of source.
func (s *server) useUpstream(source selection.CredentialSource, base http.RoundTripper) {
	s.proxy = s.reverseProxy(upstream.New(s.selector, source, &upstream.Options{
		Base:     base,
		Timeout:  s.config.timeout,
		MaxBody:  s.limits.maxBody,
		LastUsed: s.store.TouchLastUsed,
		Observe:  s.observe,
		Logger:   s.log,
	}))
}

// stop makes /readyz say that no more requests are wanted.
func (s *server) stop() { s.stopping.Store(true) }

func (s *server) routes() http.Handler {
	gin.SetMode(gin.ReleaseMode)
	engine := gin.New()
	engine.RedirectTrailingSlash = false // a path goes to the API as it came
	engine.Use(s.accessLog, s.recovery)
	engine.Any("/v1/*path", s.forward)
	get := []string{http.MethodGet, http.MethodHead}
	engine.Match(get, "/healthz", s.healthz)
	engine.Match(get, "/readyz", s.readyz)
	engine.Match(get, "/health", s.health)
	engine.Match(get, "/metrics", gin.WrapH(s.metrics.handler()))
	engine.NoRoute(func(c *gin.Context) { s.fail(c.Writer, c.Request, errNotFound) })
	return engine
}
