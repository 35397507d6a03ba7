package server

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"github.com/gin-gonic/gin"
	"golang.org/x/sync/errgroup"

	"github.com/signalbox-go/signalbox/credstore"
	"github.com/signalbox-go/signalbox/credstore/filestore"
)

// An overviewPage is what overview.html shows.
type overviewPage struct {
	Accounts, ActiveAccounts, APIKeys, OAuth int
	Trains, ActiveTrains                     int
	Concerns                                 []concern
	Problems                                 []filestore.Problem // of credential files
	MoreProblems                             int
	Events                                   []eventRow
}

// Empty tells whether there is nothing to manage yet.
func (o *overviewPage) Empty() bool { return o.Accounts == 0 }

// A concern is something that needs attention.
type concern struct {
	Name  string // for data-testid
	Count int
	Noun  string // of what is counted
	Text  string // what is the matter with them
	Level string // bad or warn
	URL   string // the list of them all
	First []link
}

// Title is a sentence of a few words.
func (c concern) Title() string { return plural(c.Count, c.Noun) + " " + c.Text }

// More is how many are not named.
func (c concern) More() int { return c.Count - len(c.First) }

type link struct{ Text, URL string }

// shownFirst is how many of a kind an overview names.
const shownFirst = 3

// accountConcerns are statuses of the account list.
var accountConcerns = []struct{ status, noun, text, level string }{
	{"reauth", "account", "waiting for a new login", "bad"},
	{"expiring", "access token", "expired or expiring within the hour", "warn"},
	{"unused", "account", "unused for 30 days", "warn"},
}

func (s *server) overview(c *gin.Context) {
	view, err := s.readOverview(c.Request.Context(), time.Now())
	if err != nil {
		s.fail(c, err)
		return
	}
	s.render(c, http.StatusOK, "overview", page{Title: "Overview", Section: "overview", Body: view})
}

// readOverview asks for everything at once, or it would be slow: the database answers
// each question in a few milliseconds.
func (s *server) readOverview(ctx context.Context, now time.Time) (*overviewPage, error) {
	view := new(overviewPage)
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(maxLookups)
	s.countAll(ctx, group, view)
	concerns := make([]concern, len(accountConcerns)+1)
	for i, known := range accountConcerns {
		group.Go(func() (err error) {
			concerns[i], err = s.accountConcern(ctx, known.status, now)
			concerns[i].Noun, concerns[i].Text, concerns[i].Level = known.noun, known.text, known.level
			return err
		})
	}
	group.Go(func() (err error) {
		concerns[len(accountConcerns)], err = s.keylessTrains(ctx)
		return err
	})
	group.Go(func() (err error) {
		view.Events, err = s.latestEvents(ctx)
		return err
	})
	if err := group.Wait(); err != nil {
		return nil, err
	}
	view.OAuth = view.Accounts - view.APIKeys
	for _, concern := range concerns {
		if concern.Count > 0 {
			view.Concerns = append(view.Concerns, concern)
		}
	}
	view.Problems, view.MoreProblems = s.fileProblems()
	return view, nil
}

func (s *server) countAll(ctx context.Context, group *errgroup.Group, view *overviewPage) {
	for count, filter := range map[*int]credstore.AccountFilter{
		&view.Accounts: {}, &view.ActiveAccounts: {Active: new(true)}, &view.APIKeys: {Type: credstore.APIKey},
	} {
		group.Go(func() (err error) { *count, err = s.store.CountAccounts(ctx, filter); return err })
	}
	for count, filter := range map[*int]credstore.TrainFilter{&view.Trains: {}, &view.ActiveTrains: {Active: new(true)}} {
		group.Go(func() (err error) { *count, err = s.store.CountTrains(ctx, filter); return err })
	}
}

// accountConcern finds the accounts of a status of the account list.
func (s *server) accountConcern(ctx context.Context, status string, now time.Time) (concern, error) {
	query := url.Values{"status": {status}}
	filter := accountFilter(query, now)
	found := concern{Name: status, URL: "/dashboard/accounts?" + query.Encode()}
	first, err := s.store.ListAccounts(ctx, filter, credstore.PageRequest{Limit: shownFirst})
	if err != nil {
		return found, err
	}
	for _, account := range first.Items {
		found.First = append(found.First, link{account.Name, "/dashboard/accounts/" + account.ID})
	}
	found.Count = len(first.Items)
	if first.Next != "" {
		found.Count, err = s.store.CountAccounts(ctx, filter)
	}
	return found, err
}

func (s *server) keylessTrains(ctx context.Context) (concern, error) {
	filter := credstore.TrainFilter{Active: new(true), WithoutClientKeys: true}
	found := concern{
		Name: "no-keys", Noun: "train", Text: "without a client key", Level: "warn",
		URL: "/dashboard/trains?status=no_keys",
	}
	first, err := s.store.ListTrains(ctx, filter, credstore.PageRequest{Limit: shownFirst})
	if err != nil {
		return found, err
	}
	for _, train := range first.Items {
		found.First = append(found.First, link{train.ID, "/dashboard/trains/" + train.ID})
	}
	found.Count = len(first.Items)
	if first.Next != "" {
		found.Count, err = s.store.CountTrains(ctx, filter)
	}
	return found, err
}

// latestEvents are the latest of everything; none on files.
func (s *server) latestEvents(ctx context.Context) ([]eventRow, error) {
	if s.admin == nil {
		return nil, nil
	}
	found, err := s.admin.ListAudit(ctx, credstore.AuditFilter{}, credstore.PageRequest{Limit: shownEvents})
	if err != nil {
		return nil, err
	}
	return s.eventRows(ctx, found.Items)
}

// fileProblems are what is wrong with credential files, if that is what is served.
func (s *server) fileProblems() (first []filestore.Problem, more int) {
	files, ok := s.store.(interface{ Problems() []filestore.Problem })
	if !ok {
		return nil, 0
	}
	problems := files.Problems()
	if len(problems) > shownEvents {
		return problems[:shownEvents], len(problems) - shownEvents
	}
	return problems, 0
}
