package filestore

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/signalbox-go/signalbox/credstore"
)

// accountSuffix ends the names of account files; what stands before it is the
// account's name.
const accountSuffix = ".credentials.json"

// An AccountFile is what an account file holds. Package filestore's
// documentation draws the format.
type AccountFile struct {
	Path string // base name, such as research.credentials.json
	// Account is the account. Its ID is empty when the file has none. An OAuth
	// account has at least one of the two tokens; without an access token it
	// counts as expired.
	Account credstore.NewAccount
	// Slack is the Slack configuration that such files may hold; nil when there
	// is none. The store does not use it: Slack configurations belong to trains.
	Slack *credstore.SlackConfig
	// SlackIgnored are the names of fields that count as absent: fields of "slack"
	// that are not known, or not what they should be, or "slack" itself.
	SlackIgnored []string
}

// id is the account's id: the file's own, or one made of the account's name.
func (f *AccountFile) id() string {
	if f.Account.ID != "" {
		return f.Account.ID
	}
	return "acc_" + f.Account.Name
}

// parseAccount reads an account file. The error is the reason only, without file
// name, and never shows a value; the file beside it then has as much as the
// account's name and, if it could be read, id.
func parseAccount(name string, data []byte) (*AccountFile, error) {
	f := &AccountFile{Path: name + accountSuffix, Account: credstore.NewAccount{Name: name}}
	root, err := parseObject(data)
	if err != nil {
		return f, err
	}
	if f.Account.ID, err = parseID(&root); err != nil {
		return f, err
	}
	if f.Account.Type, err = parseType(&root); err != nil {
		return f, err
	}
	if f.Account.Type == credstore.APIKey {
		err = f.parseAPIKey(&root)
	} else {
		err = f.parseOAuth(&root)
	}
	if err != nil {
		return f, err
	}
	f.Slack, f.SlackIgnored = parseSlack(&root)
	return f, nil
}

func parseID(root *object) (string, error) {
	id, err := root.text("accountId")
	if err != nil || id == "" {
		return "", err
	}
	if credstore.CheckID("", id) != nil {
		return "", root.errorf("accountId", "is not an id: 1 to 255 characters of A-Z a-z 0-9 . _ : -")
	}
	return id, nil
}

func parseType(root *object) (credstore.CredentialType, error) {
	text, err := root.text("type")
	if err != nil {
		return "", err
	}
	if text == "" {
		return "", root.errorf("type", "is missing")
	}
	t := credstore.CredentialType(text)
	if credstore.CheckCredentialType(t) != nil {
		return "", root.errorf("type", `is neither "api_key" nor "oauth"`)
	}
	return t, nil
}

// parseAPIKey reads the secrets of an API key account. Tokens beside the key are
// kept when they can be read: the account does not depend on them.
func (f *AccountFile) parseAPIKey(root *object) error {
	var err error
	if f.Account.APIKey, err = root.secret("api_key"); err != nil {
		return err
	}
	if f.Account.APIKey.IsZero() {
		return root.errorf("api_key", "is missing or empty")
	}
	if oauth, ok, err := root.object("oauth"); err == nil && ok {
		if tokens, err := parseTokens(&oauth); err == nil {
			f.Account.Tokens = tokens
			f.Account.IsMax = isTrue(&oauth, "isMax")
		}
	}
	return nil
}

// parseOAuth reads the secrets of an OAuth account. An API key beside the tokens
// is kept when it can be read: the account does not depend on it.
func (f *AccountFile) parseOAuth(root *object) error {
	oauth, ok, err := root.object("oauth")
	if err != nil {
		return err
	}
	if !ok {
		return root.errorf("oauth", "is missing")
	}
	tokens, err := parseTokens(&oauth)
	if err != nil {
		return err
	}
	switch {
	case tokens.Access.IsZero() && tokens.Refresh.IsZero():
		return errors.New(`fields "oauth.accessToken" and "oauth.refreshToken" are missing or empty`)
	case tokens.Access.IsZero():
		// Nothing to use, but a refresh makes it whole.
		tokens.ExpiresAt = time.UnixMilli(0).UTC()
	}
	f.Account.Tokens = tokens
	f.Account.IsMax = isTrue(&oauth, "isMax")
	if key, err := root.secret("api_key"); err == nil {
		f.Account.APIKey = key
	}
	return nil
}

func parseTokens(oauth *object) (tokens credstore.Tokens, err error) {
	if tokens.Access, err = oauth.secret("accessToken"); err != nil {
		return credstore.Tokens{}, err
	}
	if tokens.Refresh, err = oauth.secret("refreshToken"); err != nil {
		return credstore.Tokens{}, err
	}
	if tokens.ExpiresAt, err = oauth.time("expiresAt"); err != nil {
		return credstore.Tokens{}, err
	}
	value, err := oauth.value("scopes")
	if err != nil {
		return credstore.Tokens{}, err
	}
	tokens.Scopes = parseScopes(value)
	return tokens, nil
}

// parseScopes reads a list of texts, or one text with blanks between the scopes
// (RFC 6749, section 3.3). Nothing depends on scopes: what is neither is not known.
func parseScopes(value []byte) []string {
	if text, ok := unquote(value); ok {
		return strings.Fields(text)
	}
	elements, ok := list(value)
	if !ok {
		return nil
	}
	scopes := make([]string, 0, len(elements))
	for _, element := range elements {
		if scope, ok := unquote(element); ok {
			scopes = append(scopes, scope)
		}
	}
	return scopes
}

// parseSlack reads the "slack" object; fields that are not what they should be
// count as absent, and so does the object. It is enabled unless it says that it is not.
func parseSlack(root *object) (config *credstore.SlackConfig, ignored []string) {
	slack, ok, err := root.object("slack")
	if err != nil {
		return nil, []string{"slack"}
	}
	if !ok {
		return nil, nil
	}
	text := func(name string) string {
		s, err := slack.text(name)
		if err != nil {
			ignored = append(ignored, name)
		}
		return s
	}
	config = &credstore.SlackConfig{
		WebhookURL: credstore.NewSecret(text("webhook_url")),
		Channel:    text("channel"),
		Username:   text("username"),
		IconEmoji:  text("icon_emoji"),
	}
	enabled, err := slack.value("enabled")
	config.Enabled = string(enabled) != "false"
	if err != nil || enabled != nil && config.Enabled && string(enabled) != "true" {
		ignored = append(ignored, "enabled")
	}
	known := []string{"webhook_url", "channel", "username", "icon_emoji", "enabled"}
	for _, field := range slack.fields {
		if !slices.Contains(known, field.name) {
			ignored = append(ignored, field.name)
		}
	}
	return config, ignored
}

func isTrue(o *object, name string) bool {
	value, err := o.value(name)
	return err == nil && string(value) == "true"
}

// damaged is the error for a file that is not what it should be.
func damaged(file string, reason error) error {
	return fmt.Errorf("%w: %s: %w", credstore.ErrDamaged, file, reason)
}
