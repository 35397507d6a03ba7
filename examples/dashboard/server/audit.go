package server

import (
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/signalbox-go/signalbox/credstore"
)

func (s *server) auditRoutes(r *gin.RouterGroup) {
	r.GET("", s.listAudit)
	r.GET("/export", s.writing, s.limitOutside, s.exportAudit)
	r.GET("/verify", s.writing, s.verifyPage)
	r.POST("/verify", s.writing, s.limitOutside, s.verifyAudit)
}

// An auditList is what audit.html shows.
type auditList struct {
	listing
	Filter   auditFilter
	Rows     []eventRow
	Problems map[string]string
}

// All tells whether the page shows every event that passes the filter.
func (l auditList) All() bool { return l.PrevPage == "" && l.NextPage == "" }

// Export is the address of all events that pass the filter, as a file.
func (l auditList) Export(format string) string {
	exported := l.listing
	exported.Path = "/dashboard/audit/export"
	return exported.address(fields{"after": "", "before": "", "format": format})
}

// WithoutSession is the address of the list for all sessions.
func (l auditList) WithoutSession() string {
	return l.address(fields{"session": "", "after": "", "before": ""})
}

// Actions are the choices of the action filter.
func (auditList) Actions() any { return auditActions }

// KnownAction tells whether the address names one of those choices.
func (l auditList) KnownAction() bool {
	for _, group := range auditActions {
		for _, action := range group.Actions {
			if action == l.Filter.Action {
				return true
			}
		}
	}
	return l.Filter.Action == ""
}

// auditActions are the actions by the object they are about. One that ends in a dot
// stands for its family.
var auditActions = []struct {
	Object  string
	Actions []credstore.Action
}{
	{"Account", []credstore.Action{
		"account.", credstore.ActionAccountCreate, credstore.ActionAccountUpdate, credstore.ActionAccountRotate, credstore.ActionAccountReveal,
		credstore.ActionAccountDeactivate, credstore.ActionAccountReactivate, credstore.ActionAccountReauth,
	}},
	{"Train", []credstore.Action{
		"train.", credstore.ActionTrainCreate, credstore.ActionTrainUpdate, credstore.ActionTrainDeactivate, credstore.ActionTrainReactivate,
		"client_key.", credstore.ActionClientKeyAdd, credstore.ActionClientKeyRevoke,
		"mapping.", credstore.ActionMappingAdd, credstore.ActionMappingRemove, credstore.ActionMappingReorder, credstore.ActionMappingDefault,
		"slack.", credstore.ActionSlackUpdate, credstore.ActionSlackTest,
	}},
	{"Session", []credstore.Action{
		"session.", credstore.ActionLogin, credstore.ActionLoginFailed, credstore.ActionLogout, credstore.ActionLogoutAll, credstore.ActionAuditExport,
	}},
}

// An auditFilter is what an address says of the events to show.
type auditFilter struct {
	credstore.AuditFilter
	SinceText, UntilText string // as the fields show them
}

// readAuditFilter reads the filter from an address. Times that are none do not filter:
// problems says so, by field.
func readAuditFilter(query url.Values) (filter auditFilter, problems map[string]string) {
	filter.AuditFilter = credstore.AuditFilter{
		ActorName: fieldText(query, "actor"), ActorSession: fieldText(query, "session"), Action: credstore.Action(fieldText(query, "action")),
		ObjectType: credstore.ObjectType(fieldText(query, "object")), ObjectID: fieldText(query, "id"),
	}
	problems = make(map[string]string)
	for _, bound := range []struct {
		field string
		time  *time.Time
		text  *string
		last  bool // a date stands for its end
	}{{"since", &filter.Since, &filter.SinceText, false}, {"until", &filter.Until, &filter.UntilText, true}} {
		typed := fieldText(query, bound.field)
		at, ok := parseBound(typed, bound.last)
		if !ok {
			problems[bound.field] = fmt.Sprintf("“%s” is not a date or time, so it does not filter. Give it in UTC, such as 2026-01-31 or 2026-01-31T18:30.", shorten(typed, 40))
			continue
		}
		*bound.time, *bound.text = at, boundText(at)
	}
	return filter, problems
}

// parseBound reads a time, or a date, in UTC; nothing is the zero time.
func parseBound(text string, last bool) (at time.Time, ok bool) {
	if text == "" {
		return time.Time{}, true
	}
	for _, layout := range []string{"2006-01-02T15:04", expiryLayout, "2006-01-02 15:04", time.DateTime, time.RFC3339, time.DateOnly} {
		at, err := time.Parse(layout, text)
		if err != nil || at.Year() < 1 { // a year 0 is none that PostgreSQL knows
			continue
		}
		if layout == time.DateOnly && last {
			at = at.AddDate(0, 0, 1)
		}
		return at.UTC(), true
	}
	return time.Time{}, false
}

// boundText is a time as a datetime-local field holds it.
func boundText(at time.Time) string {
	switch {
	case at.IsZero():
		return ""
	case at.Second() == 0:
		return at.Format("2006-01-02T15:04")
	}
	return at.Format(expiryLayout)
}

func (s *server) listAudit(c *gin.Context) {
	var view auditList
	show := func() {
		s.renderPart(c, http.StatusOK, "audit", "audit-table", page{Title: "Audit", Section: "audit", Body: view})
	}
	if s.admin == nil {
		show()
		return
	}
	ctx, query := c.Request.Context(), c.Request.URL.Query()
	view.Filter, view.Problems = readAuditFilter(query)
	found, err := s.admin.ListAudit(ctx, view.Filter.AuditFilter, pageRequest(query))
	if err != nil {
		s.failList(c, err)
		return
	}
	if view.Rows, err = s.eventRows(ctx, found.Items); err != nil {
		s.fail(c, err)
		return
	}
	view.listing = newListing("/dashboard/audit", query, len(found.Items), found.Prev, found.Next)
	show()
}
