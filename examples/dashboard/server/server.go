package server

import (
	"log/slog"
	"net/http"

	"github.com/alexedwards/scs/v2"
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
	crossOrigin                           *http.CrossOriginProtection
}

func newServer(config config, b *backend.Backend, log *slog.Logger, limits limits) *server {
	return &server{
		config: config, limits: limits, store: b.Store, admin: b.Admin, log: log,
		sessions:  newSessions(b, config.key, limits),
		addresses: newLimiter(limits.reads), writers: newLimiter(limits.writes),
		reachers: newLimiter(limits.outside), guesses: newLimiter(limits.guesses),
		crossOrigin: http.NewCrossOriginProtection(),
	}
}

var _ scs.CtxStore = sessionStore(nil)

func (s *server) routes() http.Handler {
	gin.SetMode(gin.ReleaseMode)
	engine := gin.New()
	engine.HandleMethodNotAllowed = true
	_ = engine.SetTrustedProxies(s.config.proxyTexts()) // parsed before
	engine.Use(s.accessLog, s.recovery, securityHeaders)
	get := []string{http.MethodGet, http.MethodHead}
	engine.Match(get, "/healthz", s.healthz)
	engine.Match(get, "/readyz", s.readyz)
	engine.Match(get, "/dashboard/static/:file", s.serveStatic)
	engine.GET("/", func(c *gin.Context) { c.Redirect(http.StatusSeeOther, "/dashboard") })
	engine.NoRoute(func(c *gin.Context) { s.fail(c, errNoPage) })
	engine.NoMethod(func(c *gin.Context) { s.fail(c, errMethod) })

	public := engine.Group("/dashboard", s.checkHost, s.limitAddress, s.checkOrigin, s.limitBody)
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

// writing guards the routes that change things: on files there are none.
func (s *server) writing(c *gin.Context) {
	if s.admin == nil {
		s.fail(c, credstore.ErrReadOnly)
	}
}

// byMethod answers a POST that stands for PUT or DELETE, as forms send without
// JavaScript: the field _method says which.
func byMethod(methods map[string]gin.HandlerFunc) gin.HandlerFunc {
	return func(c *gin.Context) {
		form, err := formOf(c)
		handler, known := methods[form.Get("_method")]
		if err != nil || !known {
			c.AbortWithStatus(http.StatusMethodNotAllowed)
			return
		}
		handler(c)
	}
}
