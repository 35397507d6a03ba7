package server

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/signalbox-go/signalbox/credstore"
)

// An accountForm is what account_form.html shows: what was typed, but for secrets.
type accountForm struct {
	ID        string                   // empty: a new account
	UpdatedAt string                   // of the account when the form was filled
	Stored    credstore.CredentialType // of the account that is edited
	Name      string
	Type      credstore.CredentialType
	ExpiresAt string
	Scopes    []string // those with a check box that are checked
	Others    string   // the others, with spaces between
	IsMax     bool
	Errors    map[string]string // by field; "" for what concerns the whole form
	Lost      bool              // secrets were typed, and do not come back
}

// knownScopes have a check box: those of the provider's own client, and what they give.
var knownScopes = []struct{ Name, Help string }{
	{"user:inference", "send messages"},
	{"user:profile", "read the account's profile"},
	{"org:create_api_key", "make API keys"},
}

// KnownScopes is for the template.
func (accountForm) KnownScopes() any { return knownScopes }

// Keeps tells whether a secret that is left blank stays: one of that type is stored.
func (f accountForm) Keeps() bool { return f.Stored == f.Type }

// Checked tells whether a scope's box is checked.
func (f accountForm) Checked(scope string) bool { return slices.Contains(f.Scopes, scope) }

// Other is the type that the form does not show the fields of.
func (f accountForm) Other() accountForm {
	other := accountForm{ID: f.ID, Stored: f.Stored, Type: credstore.OAuth, Errors: f.Errors}
	if f.Type == credstore.OAuth {
		other.Type = credstore.APIKey
	}
	return other
}

// expiryLayout is what browsers send for datetime-local (HTML, 2.3.5.5); it is in UTC.
const expiryLayout = "2006-01-02T15:04:05"

func (f *accountForm) setScopes(scopes []string) {
	var others []string
	for _, scope := range scopes {
		if slices.ContainsFunc(knownScopes, func(k struct{ Name, Help string }) bool { return k.Name == scope }) {
			f.Scopes = append(f.Scopes, scope)
		} else {
			others = append(others, scope)
		}
	}
	f.Others = strings.Join(others, " ")
}

// allScopes is the list that boxes and text make together.
func (f *accountForm) allScopes() []string { return slices.Concat(f.Scopes, strings.Fields(f.Others)) }

func (f *accountForm) fail(field, message string) {
	if f.Errors == nil {
		f.Errors = make(map[string]string)
	}
	f.Errors[field] = message
}

// expiry is the time that was typed; zero if none was.
func (f *accountForm) expiry() time.Time {
	if f.ExpiresAt == "" {
		return time.Time{}
	}
	for _, layout := range []string{expiryLayout, "2006-01-02T15:04", time.RFC3339} {
		if at, err := time.ParseInLocation(layout, f.ExpiresAt, time.UTC); err == nil {
			return at.UTC()
		}
	}
	f.fail("oauth_expires_at", "Give date and time in UTC, such as 2026-01-31T18:30, or leave it empty.")
	return time.Time{}
}

// readAccountForm fills the form with what was sent. Secrets stay where they are.
func readAccountForm(values url.Values, id string) accountForm {
	f := accountForm{
		ID: id, UpdatedAt: values.Get("updated_at"), Name: strings.TrimSpace(values.Get("account_name")),
		Type: credstore.CredentialType(values.Get("credential_type")), ExpiresAt: strings.TrimSpace(values.Get("oauth_expires_at")),
		Others: values.Get("oauth_scopes_other"), IsMax: values.Get("oauth_is_max") != "",
	}
	f.setScopes(slices.Concat(values["oauth_scopes"], strings.Fields(f.Others)))
	f.Lost = values.Get("api_key")+values.Get("oauth_access_token")+values.Get("oauth_refresh_token") != ""
	if f.Name == "" {
		f.fail("account_name", "Give the account a name.")
	} else if err := credstore.CheckID("account name", f.Name); err != nil {
		f.fail("account_name", nameRule)
	}
	if err := credstore.CheckCredentialType(f.Type); err != nil {
		f.Type = credstore.APIKey
		f.fail("credential_type", "Choose API key or OAuth.")
	}
	return f
}

const nameRule = "Up to 255 letters, digits, dots, colons, hyphens and underscores."

// newAccount shows an empty form, or one filled from the address.
func (s *server) newAccount(c *gin.Context) {
	f := readAccountForm(c.Request.URL.Query(), "")
	f.Errors = nil
	s.renderAccountForm(c, http.StatusOK, f)
}

func (s *server) renderAccountForm(c *gin.Context, status int, f accountForm) {
	title := "New account"
	if f.ID != "" {
		title = "Edit account"
	}
	s.renderPart(c, status, "account_form", "account-form", page{Title: title, Section: "accounts", Body: f})
}

func (s *server) createAccount(c *gin.Context) {
	values := formOf(c)
	f := readAccountForm(values, "")
	account := credstore.NewAccount{Name: f.Name, Type: f.Type}
	if f.Type == credstore.OAuth {
		account.Tokens = credstore.Tokens{
			Access: f.secret(values, "oauth_access_token", true), Refresh: f.secret(values, "oauth_refresh_token", true),
			ExpiresAt: f.expiry(), Scopes: f.allScopes(),
		}
		account.IsMax = f.IsMax
	} else {
		account.APIKey = f.secret(values, "api_key", true)
	}
	if len(f.Errors) > 0 {
		s.renderAccountForm(c, http.StatusUnprocessableEntity, f)
		return
	}
	created, err := s.admin.CreateAccount(c.Request.Context(), account)
	if err != nil {
		s.failAccountForm(c, f, err)
		return
	}
	setFlash(c, "Account "+created.Name+" created.")
	s.redirect(c, "/dashboard/accounts?dir=desc&sort=created") // it is the first there
}

// secret reads a secret field. White space around it came with copying.
func (f *accountForm) secret(values url.Values, field string, required bool) credstore.Secret {
	text := credstore.TrimSpace(values.Get(field))
	switch {
	case text == "" && required:
		f.fail(field, "This is needed.")
	case strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' }):
		f.fail(field, "There is white space inside, or a character that no header can carry.")
	case text != "":
		return credstore.NewSecret(text)
	}
	return credstore.Secret{}
}

// failAccountForm shows the form again with what the store had against it.
func (s *server) failAccountForm(c *gin.Context, f accountForm, err error) {
	switch {
	case errors.Is(err, credstore.ErrAlreadyExists):
		f.fail("account_name", "There is an account of this name already.")
	case errors.Is(err, credstore.ErrConflict):
		s.conflictingAccount(c, f)
		return
	case errors.Is(err, credstore.ErrInvalid):
		f.fail("", err.Error())
	default:
		s.fail(c, err)
		return
	}
	s.renderAccountForm(c, http.StatusUnprocessableEntity, f)
}

var kindNames = map[credstore.CredentialType]string{credstore.APIKey: "an API key", credstore.OAuth: "OAuth tokens"}

// conflictingAccount shows the form again when somebody else has changed the account
// meanwhile: what is stored now, beside what was typed.
func (s *server) conflictingAccount(c *gin.Context, f accountForm) {
	stored, err := s.store.GetAccount(c.Request.Context(), f.ID)
	if err != nil {
		s.fail(c, asNotFound(err))
		return
	}
	f.UpdatedAt = stored.UpdatedAt.Format(time.RFC3339Nano)
	f.fail("", "Somebody else has changed this account meanwhile: it is now called "+stored.Name+" and holds "+kindNames[stored.Type]+
		". Nothing of yours was saved. Saving again replaces what they did; its history shows what that was.")
	s.renderAccountForm(c, http.StatusConflict, f)
}

// editAccount shows the form with what is stored. What the address says, after a login
// in between, comes before it.
func (s *server) editAccount(c *gin.Context) {
	account, err := s.store.GetAccount(c.Request.Context(), c.Param("id"))
	if err != nil {
		s.fail(c, asNotFound(err))
		return
	}
	f := accountForm{ID: account.ID, Stored: account.Type, Name: account.Name, Type: account.Type, IsMax: account.IsMax}
	if !account.ExpiresAt.IsZero() {
		f.ExpiresAt = account.ExpiresAt.Format(expiryLayout)
	}
	f.setScopes(account.Scopes)
	if typed := c.Request.URL.Query(); typed.Has("account_name") {
		f = readAccountForm(typed, account.ID)
		f.Stored, f.Errors = account.Type, nil
	}
	f.UpdatedAt = account.UpdatedAt.Format(time.RFC3339Nano)
	s.renderAccountForm(c, http.StatusOK, f)
}

func (s *server) updateAccount(c *gin.Context) {
	values := formOf(c)
	stored, err := s.store.GetAccount(c.Request.Context(), c.Param("id"))
	if err != nil {
		s.fail(c, asNotFound(err))
		return
	}
	f := readAccountForm(values, stored.ID)
	f.Stored = stored.Type
	update := f.update(values, stored)
	update.IfUpdatedAt, err = time.Parse(time.RFC3339Nano, f.UpdatedAt)
	if err != nil && f.UpdatedAt != "" {
		s.fail(c, errBadForm)
		return
	}
	if len(f.Errors) > 0 {
		s.renderAccountForm(c, http.StatusUnprocessableEntity, f)
		return
	}
	updated, err := s.admin.UpdateAccount(c.Request.Context(), f.ID, update)
	if err != nil {
		s.failAccountForm(c, f, asNotFound(err))
		return
	}
	text := "Account " + updated.Name + " saved."
	if update.Rotates() {
		text = "Account " + updated.Name + " saved, with new secrets."
	}
	setFlash(c, text)
	s.redirect(c, "/dashboard/accounts/"+updated.ID)
}

// update is what the form changes of the account. What it cannot say exactly, the order
// of scopes and the milliseconds of the expiry, stays unless it says something else.
func (f *accountForm) update(values url.Values, stored *credstore.Account) credstore.AccountUpdate {
	update := credstore.AccountUpdate{Name: &f.Name, Type: &f.Type}
	if f.Type == credstore.APIKey {
		update.APIKey = f.secret(values, "api_key", !f.Keeps())
		return update
	}
	update.AccessToken, update.RefreshToken = f.secret(values, "oauth_access_token", !f.Keeps()), f.secret(values, "oauth_refresh_token", !f.Keeps())
	update.IsMax = &f.IsMax
	if expiry := f.expiry(); !expiry.Equal(stored.ExpiresAt.Truncate(time.Second)) {
		update.ExpiresAt = &expiry
	}
	if scopes := f.allScopes(); !slices.Equal(slices.Sorted(slices.Values(scopes)), slices.Sorted(slices.Values(stored.Scopes))) {
		update.Scopes = &scopes
	}
	return update
}

// validateAccountName says while typing whether a name can be had.
func (s *server) validateAccountName(c *gin.Context) {
	values := formOf(c)
	f := readAccountForm(values, "")
	view := nameCheck{Problem: f.Errors["account_name"], Name: f.Name}
	if view.Problem == "" {
		taken, err := s.store.GetAccountByName(c.Request.Context(), f.Name)
		switch {
		case err == nil && taken.ID != values.Get("account_id"):
			view.Problem = "There is an account of this name already."
		case err != nil && !errors.Is(err, credstore.ErrNotFound):
			s.fail(c, err)
			return
		}
	}
	s.renderBlock(c, http.StatusOK, "account_form", "name-validation", page{Body: view})
}

// A nameCheck is what the check of a name shows.
type nameCheck struct{ Problem, Name string }

// credentialFields are the fields of a credential type, for a new account or one that is
// edited.
func (s *server) credentialFields(c *gin.Context) {
	f := accountForm{Type: credstore.CredentialType(c.Query("credential_type"))}
	if credstore.CheckCredentialType(f.Type) != nil {
		s.fail(c, errBadForm)
		return
	}
	if id := c.Query("account_id"); id != "" {
		account, err := s.store.GetAccount(c.Request.Context(), id)
		if err != nil {
			s.fail(c, asNotFound(err))
			return
		}
		f.ID, f.Stored = account.ID, account.Type
	}
	s.renderBlock(c, http.StatusOK, "account_form", "credential-fields", page{Body: f})
}

// asNotFound takes an id outside the grammar for one that does not exist.
func asNotFound(err error) error {
	if errors.Is(err, credstore.ErrInvalidID) {
		return credstore.ErrNotFound
	}
	return err
}
