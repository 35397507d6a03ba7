package migrate

import (
	"context"
	"database/sql"
	"fmt"
	"runtime"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/signalbox-go/signalbox/credstore"
)

// checkAccounts walks through the accounts, page by page, each page's secrets on
// all cores.
func (v *verifier) checkAccounts(ctx context.Context) error {
	done := 0
	for after := ""; ; {
		page, err := readPage(ctx, v.Migrator, v.accountPage(), after, scanAccount)
		if err != nil || len(page) == 0 {
			return err
		}
		after = page[len(page)-1].id
		group, ctx := errgroup.WithContext(ctx)
		group.SetLimit(runtime.GOMAXPROCS(0))
		for i := range page {
			v.checkAccount(&page[i])
			for _, secret := range page[i].secrets() {
				group.Go(func() error {
					v.openSecret(page[i].id, secret)
					return ctx.Err()
				})
			}
		}
		if err := group.Wait(); err != nil {
			return err
		}
		done += len(page)
		if v.progress != nil {
			v.progress(done, int(v.report.Rows["accounts"]))
		}
	}
}

func (v *verifier) openSecret(accountID string, secret sealedSecret) {
	plaintext, err := v.sealer.Open(secret.value)
	problem := ""
	switch {
	case err != nil:
		problem = "does not open: " + err.Error() // the errors of a sealer hold no secret
	case plaintext == "":
		problem = "is sealed, and empty"
	default:
		v.report.mu.Lock()
		v.report.Secrets++
		v.report.mu.Unlock()
		return
	}
	v.report.add(Finding{SeverityError, "accounts", rowName(accountID), secret.column, problem})
}

func (v *verifier) checkAccount(r *accountRow) {
	find := func(severity Severity, column, problem string) {
		v.report.add(Finding{severity, "accounts", rowName(r.id), column, problem})
	}
	if err := credstore.CheckID("account id", r.id); err != nil {
		find(SeverityError, "account_id", err.Error())
	}
	if err := credstore.CheckID("account name", r.name); err != nil {
		find(SeverityError, "account_name", err.Error())
	}
	switch credstore.CredentialType(r.credentialType) {
	case credstore.APIKey:
		if !r.apiKey.Valid {
			find(SeverityError, "api_key_encrypted", "an api_key account without an API key")
		}
	case credstore.OAuth:
		if !r.access.Valid || !r.refresh.Valid {
			find(SeverityError, "oauth_refresh_token_encrypted", "an oauth account that lacks a token")
		}
	default:
		find(SeverityError, "credential_type", "neither api_key nor oauth")
	}
	if problem := oddExpiry(r.expiresAt); problem != "" {
		find(SeverityWarning, "oauth_expires_at", problem)
	}
	if !r.active.Valid {
		find(SeverityWarning, "is_active", nullActive)
	}
}

const nullActive = "NULL, which counts as deactivated"

// oddExpiry says what is strange about an expiry; empty: nothing.
func oddExpiry(milliseconds sql.NullInt64) string {
	earliest := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)                    // before there was such a token
	if milliseconds.Int64 == 0 || milliseconds.Int64 >= earliest.UnixMilli() { // NULL and 0: not known
		return ""
	}
	return fmt.Sprintf("%d is not a time in milliseconds since 1970", milliseconds.Int64)
}

// rowName is a row's key for a finding: quoted when it holds white space or
// characters that could play tricks on a terminal.
func rowName(id string) string {
	quoted := strconv.QuoteToASCII(id)
	if quoted != `"`+id+`"` || strings.Contains(id, " ") {
		return quoted
	}
	return id
}
