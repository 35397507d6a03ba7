package migrate

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/signalbox-go/signalbox/credstore"
	"github.com/signalbox-go/signalbox/credstore/filestore"
	"github.com/signalbox-go/signalbox/credstore/sqlstore"
)

// scan reads both folders and notes what cannot be imported, and why.
func (i *importer) scan(accountsDir, clientKeysDir string) error {
	modified := modificationTimes(accountsDir)
	accounts, err := filestore.ScanAccounts(accountsDir)
	if err != nil {
		return err
	}
	for _, found := range accounts {
		a := &accountImport{item: ImportItem{File: found.Path}, file: found.File}
		i.accounts = append(i.accounts, a)
		if err := found.Err; err != nil {
			a.item.fail(err)
			continue
		}
		a.item.ID = accountID(found.File)
		a.modified = modified[found.Path]
		if err := found.File.Account.Check(); err != nil {
			a.item.fail(fmt.Errorf("%w (constraint api_key_required)", err))
		} else if err := a.checkSecrets(); err != nil {
			a.item.fail(err)
		}
	}
	clientKeys, err := filestore.ScanClientKeys(clientKeysDir)
	if err != nil {
		return err
	}
	for _, found := range clientKeys {
		t := &trainImport{item: ImportItem{File: found.Path}, file: found.File}
		i.trains = append(i.trains, t)
		if found.Err != nil {
			t.item.fail(found.Err)
			continue
		}
		t.item.ID = found.File.TrainID
	}
	i.planSlack()
	return nil
}

// checkSecrets refuses a secret that no request could carry, where the account
// depends on it.
func (a *accountImport) checkSecrets() error {
	secrets := fileSecrets(a.file)
	for k, secret := range secrets {
		if used := a.file.Account.Type == credstore.APIKey; used != (k == apiKey) {
			continue
		}
		value := strings.Trim(secret.Reveal(), headerSpace)
		if strings.ContainsFunc(value, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }) {
			return fmt.Errorf("%w: the %s has a control character inside, such as a line end or NUL, and could not be sent", credstore.ErrInvalid, secretNames[k])
		}
	}
	return nil
}

// headerSpace is what may stand around the value of a header and is no part of it
// (RFC 9110, section 5.5).
const headerSpace = " \t\r\n"

// accountID is the id that a file's account gets: the file's own, or one made of
// its name, as it always was.
func accountID(file *filestore.AccountFile) string {
	if file.Account.ID != "" {
		return file.Account.ID
	}
	return "acc_" + file.Account.Name
}

// modificationTimes says when the files of a folder were written, by name. They
// are asked before the files are read: see recheckFiles.
func modificationTimes(dir string) map[string]time.Time {
	times := map[string]time.Time{}
	entries, _ := os.ReadDir(dir) // what is wrong is told when the files are read
	for _, entry := range entries {
		if info, err := os.Stat(filepath.Join(dir, entry.Name())); err == nil {
			times[entry.Name()] = info.ModTime()
		}
	}
	return times
}

// recheckFiles fails the files that were changed while the others were prepared:
// a token may be spent by now. The next run takes them.
func (i *importer) recheckFiles(accountsDir string) {
	now := modificationTimes(accountsDir)
	for _, a := range i.importable() {
		if !now[a.file.Path].Equal(a.modified) {
			a.item.fail(fmt.Errorf("%w: the file was changed during the import: run it again", credstore.ErrConflict))
		}
	}
}

// readStored finds the stored account of every file, by name or by id.
func (i *importer) readStored(ctx context.Context) error {
	wanted := map[string]bool{}
	for _, a := range i.importable() {
		wanted[a.item.ID], wanted[a.file.Account.Name] = true, true
	}
	byID, byName := map[string]*sqlstore.AccountRow{}, map[string]*sqlstore.AccountRow{}
	var sample sealedSample
	for after := ""; ; {
		page, err := readPage(ctx, i.Migrator, i.accountPage(), after, scanAccount)
		if err != nil {
			return err
		}
		if len(page) == 0 {
			break
		}
		after = page[len(page)-1].id
		for _, row := range page {
			sample.add(row.secrets())
			if wanted[row.id] || wanted[row.name] {
				stored := row.stored()
				byID[row.id], byName[row.name] = stored, stored
			}
		}
	}
	i.match(byID, byName)
	if err := i.readTrains(ctx); err != nil {
		return err
	}
	return sample.check(i.sealer)
}

// importable are the accounts that have not failed so far.
func (i *importer) importable() []*accountImport {
	return slices.DeleteFunc(slices.Clone(i.accounts), func(a *accountImport) bool { return a.item.Outcome == OutcomeFailed })
}

// match gives every file its stored account, no account to two files.
func (i *importer) match(byID, byName map[string]*sqlstore.AccountRow) {
	files := map[string]string{} // by account id
	for _, a := range i.importable() {
		err := a.match(byID[a.item.ID], byName[a.file.Account.Name])
		if first, taken := files[a.item.ID]; err == nil && taken {
			err = fmt.Errorf("%w: account %s is that of %s", credstore.ErrAlreadyExists, a.item.ID, first)
		}
		if err != nil {
			a.item.fail(err)
			continue
		}
		files[a.item.ID] = a.item.File
	}
}

// match decides which stored account is the file's, if any.
func (a *accountImport) match(byID, byName *sqlstore.AccountRow) error {
	a.noteFile()
	name, id := a.file.Account.Name, a.file.Account.ID
	switch {
	case byName != nil && id != "" && byName.ID != id:
		return fmt.Errorf("%w: the name %s is stored with account id %s, but the file has %s", credstore.ErrAlreadyExists, name, byName.ID, id)
	case byName != nil:
		a.stored = byName
	case byID != nil:
		a.stored = byID
		a.item.note("stored under the name %s, which stays", byID.Name)
	default:
		a.stored = nil
		return nil
	}
	a.item.ID = a.stored.ID
	if !a.stored.Active {
		a.item.note("deactivated in the database, and stays so")
	}
	return nil
}

// noteFile notes what of the file itself somebody should know.
func (a *accountImport) noteFile() {
	for k, secret := range fileSecrets(a.file) {
		if value := secret.Reveal(); strings.Trim(value, headerSpace) != value {
			a.item.note("the %s has white space around it, which is kept and never sent", secretNames[k])
		}
	}
	switch ignored := a.file.SlackIgnored; {
	case len(ignored) > 0 && a.file.Slack == nil:
		a.item.note(`"slack" is not a JSON object, and is left out`)
	case len(ignored) > 0:
		a.item.note("of its Slack configuration is left out what is not known, or not what it should be: %q", ignored)
	}
}

// A sealedSample is a few of the stored secrets, each as likely as any other.
type sealedSample struct {
	values []string
	seen   int
}

func (s *sealedSample) add(secrets []sealedSecret) {
	const size = 16
	for _, secret := range secrets {
		s.seen++
		if len(s.values) < size {
			s.values = append(s.values, secret.value)
		} else if k := rand.IntN(s.seen); k < size { //nolint:gosec // which ones is no secret
			s.values[k] = secret.value
		}
	}
}

// check refuses to seal anything under a key that opens none of the sample: it is
// not this database's key.
func (s *sealedSample) check(sealer credstore.Sealer) error {
	for _, value := range s.values {
		if _, err := sealer.Open(value); err == nil {
			return nil
		}
	}
	if len(s.values) == 0 {
		return nil
	}
	return fmt.Errorf("%w: of %d stored secrets that were tried, none opens: this is not the encryption key of the database", credstore.ErrDamaged, len(s.values))
}
