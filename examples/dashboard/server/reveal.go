package server

import (
	"net/http"
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

// reveal shows one secret of an account. The store commits the audit event before it
// gives the secret away.
func (s *server) reveal(c *gin.Context) {
	form, err := formOf(c)
	if err != nil {
		s.fail(c, err)
		return
	}
	credential, err := s.admin.RevealCredential(c.Request.Context(), c.Param("id"))
	if err != nil {
		s.fail(c, asNotFound(err))
		return
	}
	view := revealView{AccountID: credential.AccountID, Seconds: revealSeconds}
	var secret credstore.Secret
	for _, field := range secretFields(credential.Type) {
		if field.Name == form.Get("secret") {
			view.Field, secret = field, secretOf(credential, field.Name)
		}
	}
	if view.Field.Name == "" {
		s.fail(c, errBadForm)
		return
	}
	view.Secret = secret.Reveal()
	if !isHTMX(c) { // hides it without JavaScript
		c.Header("Refresh", strconv.Itoa(revealSeconds)+";url=/dashboard/accounts/"+credential.AccountID)
	}
	s.renderPart(c, http.StatusOK, "reveal", "revealed", page{Title: view.Field.Label, Section: "accounts", Body: view})
}

func secretOf(credential *credstore.Credential, field string) credstore.Secret {
	switch field {
	case "access_token":
		return credential.Tokens.Access
	case "refresh_token":
		return credential.Tokens.Refresh
	}
	return credential.APIKey
}
