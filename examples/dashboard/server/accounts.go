package server

import (
	"time"

	"github.com/gin-gonic/gin"

	"github.com/signalbox-go/signalbox/credstore"
)

func (s *server) accountRoutes(r *gin.RouterGroup) {
	r.GET("", s.listAccounts)
	r.GET("/new", s.writing, s.newAccount)
	r.POST("", s.writing, s.createAccount)
	r.POST("/validate", s.writing, s.validateAccountName)
	r.GET("/fields", s.writing, s.credentialFields)
	r.GET("/:id", s.showAccount)
	r.GET("/:id/edit", s.writing, s.editAccount)
	r.PUT("/:id", s.writing, s.updateAccount)
	r.GET("/:id/delete", s.writing, s.confirmDeactivateAccount)
	r.DELETE("/:id", s.writing, s.deactivateAccount)
	r.POST("/:id", s.writing, s.byMethod(map[string]gin.HandlerFunc{"PUT": s.updateAccount, "DELETE": s.deactivateAccount}))
	r.POST("/:id/reactivate", s.writing, s.reactivateAccount)
	r.POST("/:id/reveal", s.writing, s.limitOutside, s.reveal)
}

// soon is how near the expiry of an access token is worth showing: a background refresh
// renews it before.
const soon = time.Hour

// unusedAfter is when an account counts as unused.
const unusedAfter = 30 * 24 * time.Hour

// health says in a word how an account is, and how bad that is: good, warn, bad or quiet.
type health struct{ Level, Text string }

func healthOf(a *credstore.Account, now time.Time) health {
	switch {
	case !a.Active:
		return health{"quiet", "Out of service"}
	case a.NeedsReauth():
		return health{"bad", "Needs login"}
	case a.Type != credstore.OAuth:
		return health{"good", "Good"}
	case a.ExpiresAt.IsZero():
		return health{"quiet", "Expiry unknown"}
	case a.ExpiresAt.Before(now):
		return health{"warn", "Token expired"}
	case a.ExpiresAt.Before(now.Add(soon)):
		return health{"warn", "Expires " + ago(now, a.ExpiresAt)}
	}
	return health{"good", "Good"}
}

// An accountView is an account as pages show it.
type accountView struct {
	*credstore.Account
	Health health
}

func viewAccount(a *credstore.Account) accountView { return accountView{a, healthOf(a, time.Now())} }
