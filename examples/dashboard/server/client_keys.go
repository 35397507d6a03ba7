package server

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/signalbox-go/signalbox/credstore"
)

// A clientKeyList is the part of a train's page about its client keys.
type clientKeyList struct {
	listing
	Keys      []clientKeyView
	Generated string // a key in plain text: the one page that ever shows it
	Hash      string // of Generated
	Problem   string // with the keys that were to be added
}

// A clientKeyView is what there is to show of a client key.
type clientKeyView struct{ Hash string }

// Short is as much of the hash as tells keys apart.
func (k clientKeyView) Short() string { return k.Hash[:min(12, len(k.Hash))] }

// clientKeys is a page of client keys; the pages around it lead back to this part.
func (s *server) clientKeys(ctx context.Context, train *credstore.Train, request credstore.PageRequest) (clientKeyList, error) {
	found, err := s.store.ListClientKeys(ctx, train.ID, request)
	if err != nil {
		return clientKeyList{}, err
	}
	view := clientKeyList{listing: newListing(trainPath(train.ID), nil, train.ClientKeys, found.Prev, found.Next)}
	for _, address := range []*string{&view.PrevPage, &view.NextPage} {
		if *address != "" {
			*address += "#client-keys"
		}
	}
	for _, key := range found.Items {
		view.Keys = append(view.Keys, clientKeyView{key.Hash})
	}
	return view, nil
}

// maxNewClientKeys is how many client keys a form may add: each is a line that somebody
// has to hand out.
const maxNewClientKeys = 1000

// readClientKeys reads one client key a line: trimmed, each once, blank lines ignored.
// problem says what is wrong, by line number: a mistyped key is nearly a secret too.
func readClientKeys(text string) (keys []credstore.Secret, problem string) {
	seen := make(map[string]bool)
	var bad []string
	for i, line := range strings.Split(text, "\n") {
		key := credstore.TrimSpace(line)
		if key == "" || seen[key] {
			continue
		}
		seen[key] = true
		if strings.ContainsFunc(key, func(r rune) bool { return r <= ' ' || r > '~' }) {
			bad = append(bad, fmt.Sprint(i+1))
		}
		keys = append(keys, credstore.NewSecret(key))
	}
	switch {
	case len(keys) > maxNewClientKeys:
		return nil, "These are " + plural(len(keys), "client key") + ". Add up to " + thousands(maxNewClientKeys) + " at a time."
	case len(bad) == 1:
		return nil, "Line " + bad[0] + " is not a client key: " + clientKeyRule
	case len(bad) > 1:
		return nil, "Lines " + listed(bad) + " are not client keys: " + clientKeyRule
	}
	return keys, ""
}

// A client sends its key in an HTTP header, which carries no more than that unharmed
// (RFC 9110, section 5.5).
const clientKeyRule = "a key is made of ASCII letters, digits and punctuation, without spaces inside."

// listed names the first of many lines.
func listed(lines []string) string {
	const named = 10
	if len(lines) > named {
		return strings.Join(lines[:named], ", ") + fmt.Sprintf(" and %d more", len(lines)-named)
	}
	return strings.Join(lines[:len(lines)-1], ", ") + " and " + lines[len(lines)-1]
}

// addClientKeys adds what was typed into the form on a train's page.
func (s *server) addClientKeys(c *gin.Context) {
	values := formOf(c)
	keys, problem := readClientKeys(values.Get("client_api_keys"))
	switch {
	case problem != "":
		problem += " Nothing was added. Client keys do not come back into the form: enter all of them again."
	case len(keys) == 0:
		problem = "Enter at least one client key."
	}
	if problem != "" {
		s.answerKeys(c, http.StatusUnprocessableEntity, func(l *clientKeyList) { l.Problem = problem })
		return
	}
	added, err := s.admin.AddClientKeys(c.Request.Context(), c.Param("id"), keys...)
	if err != nil {
		s.fail(c, asNotFound(err))
		return
	}
	setFlash(c, addedText(added, len(keys)-added))
	s.redirect(c, trainPath(c.Param("id")))
}

func addedText(added, known int) string {
	text := plural(added, "new client key") + " added."
	switch {
	case added == 0:
		text = "No client key is new."
	case known == 1:
		text += " 1 was there already."
	case known > 1:
		text += " " + thousands(known) + " were there already."
	}
	return text
}

// generateClientKey makes a client key, and shows it in this answer only.
func (s *server) generateClientKey(c *gin.Context) {
	key := credstore.NewSecret("cnp_" + randomHex(32))
	if _, err := s.admin.AddClientKeys(c.Request.Context(), c.Param("id"), key); err != nil {
		s.fail(c, asNotFound(err))
		return
	}
	s.answerKeys(c, http.StatusOK, func(l *clientKeyList) { l.Generated, l.Hash = key.Reveal(), credstore.HashClientKey(key) })
}

// A clientKeyPage is what train_key_delete.html shows.
type clientKeyPage struct {
	Train trainView
	Key   clientKeyView
}

// confirmRevokeClientKey asks before a client key is revoked.
func (s *server) confirmRevokeClientKey(c *gin.Context) {
	ctx := c.Request.Context()
	train, err := s.store.GetTrain(ctx, c.Param("id"))
	if err == nil {
		err = s.findClientKey(ctx, train.ID, c.Param("hash"))
	}
	if err != nil {
		s.fail(c, asNotFound(err))
		return
	}
	view := clientKeyPage{Train: trainView{*train}, Key: clientKeyView{c.Param("hash")}}
	s.renderPart(c, http.StatusOK, "train_key_delete", "confirm", page{Title: "Revoke a client key of " + train.ID, Section: "trains", Body: view})
}

// findClientKey returns ErrNotFound when the train has no client key with that hash.
func (s *server) findClientKey(ctx context.Context, trainID, hash string) error {
	for at := (credstore.PageRequest{Limit: credstore.MaxPageSize}); ; {
		found, err := s.store.ListClientKeys(ctx, trainID, at)
		if err != nil {
			return err
		}
		for _, key := range found.Items {
			if key.Hash == hash {
				return nil
			}
		}
		if at.After = found.Next; at.After == "" {
			return fmt.Errorf("client key: %w", credstore.ErrNotFound)
		}
	}
}

func (s *server) revokeClientKey(c *gin.Context) {
	id, hash := c.Param("id"), c.Param("hash")
	if err := s.admin.RevokeClientKey(c.Request.Context(), id, hash); err != nil {
		s.fail(c, asNotFound(err))
		return
	}
	setFlash(c, "Client key "+clientKeyView{hash}.Short()+"… is revoked. Within a second it opens nothing any more.")
	s.redirect(c, trainPath(id))
}
