package server

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/signalbox-go/signalbox/credstore"
)

// exportPage is how many events an export holds in memory at once.
const exportPage = 200

// An exportFormat is a kind of file that events are exported as.
type exportFormat struct {
	mime   string
	writer func(io.Writer) eventWriter
}

var exportFormats = map[string]exportFormat{
	"csv":   {"text/csv; charset=utf-8", newCSVWriter},
	"jsonl": {"application/x-ndjson", newJSONWriter},
}

// An eventWriter writes a page of events.
type eventWriter func(events []credstore.AuditEvent) error

// exportAudit sends all events that pass the filter, newest first. That they were
// taken out is recorded before, so the file begins with that event if the filter lets it
// through.
func (s *server) exportAudit(c *gin.Context) {
	query := c.Request.URL.Query()
	format, known := exportFormats[query.Get("format")]
	filter, problems := readAuditFilter(query)
	if !known || len(problems) > 0 {
		s.fail(c, fmt.Errorf("%w: format must be csv or jsonl, since and until times in UTC", credstore.ErrInvalid))
		return
	}
	ctx := c.Request.Context()
	if err := s.recordExport(ctx, visitorOf(c).sessionID(), query); err != nil {
		s.fail(c, err)
		return
	}
	first, err := s.admin.ListAudit(ctx, filter.AuditFilter, credstore.PageRequest{Limit: exportPage})
	if err != nil {
		s.fail(c, err)
		return
	}
	c.Header("Content-Type", format.mime)
	c.Header("Content-Disposition", fmt.Sprintf(`attachment; filename="signalbox-audit-%s.%s"`, time.Now().UTC().Format(time.DateOnly), query.Get("format")))
	c.Status(http.StatusOK)
	if err := s.sendEvents(ctx, c.Writer, format.writer(c.Writer), filter.AuditFilter, first); err != nil {
		if ctx.Err() == nil {
			s.log.WarnContext(ctx, "export of the audit trail was cut off", "request_id", requestID(c), "error", err)
		}
		panic(http.ErrAbortHandler) // the only way left to say that this is not all
	}
}

// sendEvents writes a page, and reads the next.
func (s *server) sendEvents(ctx context.Context, out http.Flusher, write eventWriter, filter credstore.AuditFilter, page credstore.Page[credstore.AuditEvent]) error {
	for {
		if err := write(page.Items); err != nil {
			return err
		}
		out.Flush()
		if page.Next == "" {
			return nil
		}
		var err error
		if page, err = s.admin.ListAudit(ctx, filter, credstore.PageRequest{After: page.Next, Limit: exportPage}); err != nil {
			return err
		}
	}
}

// exportFields are what an export's own event tells of it.
var exportFields = []string{"format", "actor", "session", "action", "object", "id", "since", "until"}

func (s *server) recordExport(ctx context.Context, session string, query url.Values) error {
	after := make(map[string]string)
	for _, field := range exportFields {
		if text := fieldText(query, field); text != "" {
			after[field] = text
		}
	}
	state, err := json.Marshal(after)
	if err != nil {
		return err
	}
	return s.admin.AppendAudit(ctx, credstore.AuditEvent{
		Action: credstore.ActionAuditExport, ObjectType: credstore.ObjectSession, ObjectID: session, After: state,
	})
}

// csvColumns head the file, once.
var csvColumns = []string{
	"event_id", "time", "actor_kind", "actor_name", "actor_verified", "session", "address", "action", "object_type", "object_id", "before", "after",
}

// newCSVWriter writes RFC 4180, in UTF-8, with lines that end in LF.
func newCSVWriter(out io.Writer) eventWriter {
	w := csv.NewWriter(out)
	_ = w.Write(csvColumns) // Flush tells
	return func(events []credstore.AuditEvent) error {
		for _, e := range events {
			_ = w.Write([]string{
				strconv.FormatInt(e.ID, 10), e.At.UTC().Format(time.RFC3339Nano),
				cell(string(e.Actor.Kind)), cell(e.Actor.Name), strconv.FormatBool(e.Actor.Verified), cell(e.Actor.Session), cell(e.Actor.Address),
				cell(string(e.Action)), cell(string(e.ObjectType)), cell(e.ObjectID), cell(string(e.Before)), cell(string(e.After)),
			})
		}
		w.Flush()
		return w.Error()
	}
}

// formula matches what a spreadsheet could take for the beginning of a formula: at the
// beginning of a cell, or inside where one that separates cells by semicolons or tabs,
// and knows no quotes in the middle of them, begins another. Signs of full width count,
// as do those after quotes and spaces.
var formula = regexp.MustCompile(`(^|[;\t\r\n])(["\p{Zs}]*[=+\-@\x{FF1D}\x{FF0B}\x{FF0D}\x{FF20}])`)

// cell is a text that no spreadsheet takes for a formula: what could begin one gets an
// apostrophe in front (OWASP, CSV Injection).
func cell(text string) string {
	text = formula.ReplaceAllString(text, "$1'$2")
	if text != "" && strings.ContainsRune("\t\r\n", rune(text[0])) {
		return "'" + text
	}
	return text
}

// An exportedEvent is a line of JSON.
type exportedEvent struct {
	ID         int64           `json:"event_id"`
	At         time.Time       `json:"time"`
	Actor      exportedActor   `json:"actor"`
	Action     string          `json:"action"`
	ObjectType string          `json:"object_type"`
	ObjectID   string          `json:"object_id"`
	Before     json.RawMessage `json:"before"`
	After      json.RawMessage `json:"after"`
}

type exportedActor struct {
	Kind     string `json:"kind"`
	Name     string `json:"name"`
	Verified bool   `json:"verified"`
	Session  string `json:"session"`
	Address  string `json:"address"`
}

// newJSONWriter writes a JSON object a line.
func newJSONWriter(out io.Writer) eventWriter {
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	return func(events []credstore.AuditEvent) error {
		for _, e := range events {
			line := exportedEvent{
				ID: e.ID, At: e.At.UTC(), Action: string(e.Action), ObjectType: string(e.ObjectType), ObjectID: e.ObjectID,
				Actor:  exportedActor{string(e.Actor.Kind), e.Actor.Name, e.Actor.Verified, e.Actor.Session, e.Actor.Address},
				Before: exportedState(e.Before), After: exportedState(e.After),
			}
			if err := encoder.Encode(line); err != nil {
				return err
			}
		}
		return nil
	}
}

// exportedState is one side of an event. What is no JSON, which the store never wrote,
// is a text.
func exportedState(state json.RawMessage) json.RawMessage {
	if len(state) == 0 {
		return nil
	}
	if json.Valid(state) {
		return state
	}
	text, _ := json.Marshal(string(state)) // always encodes
	return text
}
