package migrate

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"runtime"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/signalbox-go/signalbox/credstore"
	"github.com/signalbox-go/signalbox/credstore/filestore"
	"github.com/signalbox-go/signalbox/credstore/sqlstore"
)

// An accountImport is an account file on its way into the database.
type accountImport struct {
	item     ImportItem
	file     *filestore.AccountFile
	modified time.Time            // when the file was written
	stored   *sqlstore.AccountRow // as it was read; nil: there is none
	row      sqlstore.AccountRow  // as it is to be written
}

// The secrets of an account, in the order of their columns.
const (
	apiKey = iota
	accessToken
	refreshToken
	secretCount
)

var secretNames = [secretCount]string{"API key", "access token", "refresh token"}

type (
	plainSecrets  [secretCount]credstore.Secret
	sealedSecrets [secretCount]*string
)

func fileSecrets(file *filestore.AccountFile) plainSecrets {
	return plainSecrets{file.Account.APIKey, file.Account.Tokens.Access, file.Account.Tokens.Refresh}
}

func rowSecrets(row *sqlstore.AccountRow) sealedSecrets {
	return sealedSecrets{&row.APIKey, &row.AccessToken, &row.RefreshToken}
}

// prepareAccounts does what costs time, the key derivations, on all cores. An
// account's secrets are done at once, so that the last accounts keep them busy too.
func (i *importer) prepareAccounts(ctx context.Context) error {
	accounts := i.importable()
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	var mu sync.Mutex
	done := 0
	for _, a := range accounts {
		group.Go(func() error {
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := i.prepare(a); err != nil {
				a.item.fail(err)
			}
			mu.Lock()
			defer mu.Unlock()
			done++
			if i.opts.Progress != nil {
				i.opts.Progress(done, len(accounts))
			}
			return nil
		})
	}
	return group.Wait()
}

// prepare opens what is stored, decides what to write, and seals that.
func (i *importer) prepare(a *accountImport) error {
	opened, err := i.open(a)
	if err != nil {
		return err
	}
	take := a.decide(opened)
	plain, sealed := fileSecrets(a.file), rowSecrets(&a.row)
	var group errgroup.Group
	for k := range secretCount {
		if take[k] {
			group.Go(func() (err error) {
				*sealed[k], err = i.sealer.Seal(plain[k].Reveal())
				return err
			})
		}
	}
	return group.Wait()
}

// open opens the stored secrets that the file has too.
func (i *importer) open(a *accountImport) (opened plainSecrets, err error) {
	if a.stored == nil {
		return opened, nil
	}
	plain, sealed := fileSecrets(a.file), rowSecrets(a.stored)
	var group errgroup.Group
	for k := range secretCount {
		if plain[k].IsZero() || *sealed[k] == "" {
			continue
		}
		group.Go(func() error {
			plaintext, err := i.sealer.Open(*sealed[k])
			if err != nil {
				return fmt.Errorf("%w: the stored %s does not open: %w", credstore.ErrDamaged, secretNames[k], err)
			}
			opened[k] = credstore.NewSecret(plaintext)
			return nil
		})
	}
	return opened, group.Wait()
}

// writeAccount puts the account under a savepoint. When somebody else has made,
// changed or removed it since it was read, it is read and prepared again, once.
func (i *importer) writeAccount(ctx context.Context, tx *sqlstore.Tx, a *accountImport) error {
	err := tx.Savepoint(ctx, func() error { return a.put(ctx, tx) })
	changed := errors.Is(err, credstore.ErrAlreadyExists) || errors.Is(err, credstore.ErrConflict) || errors.Is(err, credstore.ErrNotFound)
	if !changed {
		return err
	}
	if err := a.reread(ctx, tx); err != nil {
		return err
	}
	if err := i.prepare(a); err != nil || a.item.Outcome == OutcomeUnchanged {
		return err
	}
	return tx.Savepoint(ctx, func() error { return a.put(ctx, tx) })
}

// put writes the account, unless what is stored is no longer what was read.
func (a *accountImport) put(ctx context.Context, tx *sqlstore.Tx) error {
	if a.stored == nil {
		return insertAccounts(ctx, tx, a)
	}
	current, err := tx.GetAccount(ctx, a.stored.ID)
	if err != nil {
		return err
	}
	if !reflect.DeepEqual(current, a.stored) {
		return credstore.ErrConflict
	}
	if err := tx.PutAccount(ctx, a.row); err != nil {
		return err
	}
	return tx.AppendAudit(ctx, a.event())
}

func insertAccounts(ctx context.Context, tx *sqlstore.Tx, accounts ...*accountImport) error {
	var rows []sqlstore.AccountRow
	var events []credstore.AuditEvent
	for _, a := range accounts {
		rows, events = append(rows, a.row), append(events, a.event())
	}
	if err := tx.InsertAccounts(ctx, rows...); err != nil {
		return err
	}
	return tx.AppendAudit(ctx, events...)
}

// reread looks again for the account that is the file's.
func (a *accountImport) reread(ctx context.Context, tx *sqlstore.Tx) error {
	byID, err := tx.GetAccount(ctx, a.item.ID)
	if err != nil && !errors.Is(err, credstore.ErrNotFound) {
		return err
	}
	byName, err := tx.GetAccountByName(ctx, a.file.Account.Name)
	if err != nil && !errors.Is(err, credstore.ErrNotFound) {
		return err
	}
	a.item.Notes = nil
	return a.match(byID, byName)
}
