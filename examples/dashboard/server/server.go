package server

import (
	"log/slog"
	"net/http"
	"strings"
	"sync"

	"github.com/gin-gonic/gin"

	"github.com/signalbox-go/signalbox/credstore"
	"github.com/signalbox-go/signalbox/credstore/backend"
)

// A server answers requests.
type server struct {
	config   config
	limits   limits
	store    credstore.Store
	admin    credstore.AdminStore // nil: on files, where the dashboard only shows
	sessions *sessions
	log      *slog.Logger

	addresses, writers, reachers, guesses *limiter
	recorded                              *limiter // wrong keys of everybody, in the audit trail
	crossOrigin                           *http.CrossOriginProtection
	warnOfProxy                           sync.Once
}

func newServer(config config, b *backend.Backend, log *slog.Logger, limits limits) *server {
	return &server{
		config: config, limits: limits, store: b.Store, admin: b.Admin, log: log,
		sessions:  newSessions(b, config.key, limits),
		addresses: newLimiter(limits.reads), writers: newLimiter(limits.writes),
		reachers: newLimiter(limits.outside), guesses: newLimiter(limits.guesses),
		recorded: newLimiter(limits.recorded), crossOrigin: http.NewCrossOriginProtection(),
	}
}

func (s *server) routes() http.Handler {
	gin.SetMode(gin.ReleaseMode)
	engine := gin.New()
	engine.HandleMethodNotAllowed = true
	engine.RedirectTrailingSlash = false // it would answer before the middleware: see noPage
	engine.Use(s.locate, s.accessLog, s.recovery, securityHeaders)
	get := []string{http.MethodGet, http.MethodHead}
	engine.Match(get, "/healthz", s.healthz)
	engine.Match(get, "/readyz", s.readyz)
	engine.Match(get, "/dashboard/static/:file", s.serveStatic)
	engine.GET("/", func(c *gin.Context) { c.Redirect(http.StatusSeeOther, "/dashboard") })
	engine.NoRoute(s.noPage)
	engine.NoMethod(func(c *gin.Context) { s.fail(c, errMethod) })

	public := engine.Group("/dashboard", s.checkHost, s.limitAddress, s.checkOrigin, s.readForm)
	public.GET("/login", s.loginPage)
	public.POST("/login", s.login)

	pages := public.Group("", s.authenticate, s.limitWrites, s.checkToken)
	pages.GET("", s.overview)
	pages.POST("/logout", s.logout)
	pages.POST("/logout/all", s.logoutAll)
	s.accountRoutes(pages.Group("/accounts"))
	s.trainRoutes(pages.Group("/trains"))
	s.auditRoutes(pages.Group("/audit"))
	s.mappingRoutes(pages.Group("/trains"))
	s.slackRoutes(pages.Group("/trains"))
	return engine
}

// noPage leads from an address with a slash too many to the one without.
func (s *server) noPage(c *gin.Context) {
	trimmed := strings.TrimRight(c.Request.URL.Path, "/")
	if trimmed != c.Request.URL.Path && isRead(c.Request.Method) && localPath(trimmed) != "" {
		c.Redirect(http.StatusSeeOther, trimmed)
		return
	}
	s.fail(c, errNoPage)
}

// writing guards the routes that change things: on files there are none.
func (s *server) writing(c *gin.Context) {
	if s.admin == nil {
		s.fail(c, credstore.ErrReadOnly)
	}
}

// byMethod answers a POST that stands for PUT or DELETE, as forms send without
// JavaScript: the field _method says which.
func (s *server) byMethod(methods map[string]gin.HandlerFunc) gin.HandlerFunc {
	return func(c *gin.Context) {
		handler, known := methods[formOf(c).Get("_method")]
		if !known {
			s.fail(c, errMethod)
			return
		}
		handler(c)
	}
}
