package server

import (
	"net/http"
	"slices"
	"strconv"

	"github.com/gin-gonic/gin"

	"github.com/signalbox-go/signalbox/credstore"
)

// revealSeconds is how long a page shows a secret.
const revealSeconds = 30

// A revealView is what reveal.html shows: the one page with a stored secret in it.
type revealView struct {
	AccountID string
	Field     secretField
	Secret    string
	Seconds   int
}

// reveal shows one secret of an account. The store commits the audit event, which says
// which it was, before it gives the secret away.
func (s *server) reveal(c *gin.Context) {
	form := formOf(c)
	view := revealView{AccountID: c.Param("id"), Seconds: revealSeconds}
	for _, field := range slices.Concat(secretFields(credstore.APIKey), secretFields(credstore.OAuth)) {
		if field.Name == form.Get("secret") {
			view.Field = field
		}
	}
	if view.Field.Name == "" {
		s.fail(c, errBadForm)
		return
	}
	secret, err := s.admin.RevealSecret(c.Request.Context(), view.AccountID, credstore.SecretKind(view.Field.Name))
	if err != nil {
		s.fail(c, asNotFound(err))
		return
	}
	view.Secret = secret.Reveal()
	if !isHTMX(c) { // hides it without JavaScript
		c.Header("Refresh", strconv.Itoa(revealSeconds)+";url=/dashboard/accounts/"+view.AccountID)
	}
	s.renderPart(c, http.StatusOK, "reveal", "revealed", page{Title: view.Field.Label, Section: "accounts", Body: view})
}
