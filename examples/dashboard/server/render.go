package server

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	"html/template"
	"io/fs"
	"log/slog"
	"net/http"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/signalbox-go/signalbox/credstore"
)

//go:embed templates
var templateFiles embed.FS

// A page is what every template gets. Body is the page's own view.
type page struct {
	Title    string
	Section  string // the entry of the navigation: overview, accounts, trains or audit
	Body     any
	Operator credstore.Actor // zero: nobody has logged in
	CSRF     string
	Flash    string
	Notice   string // DASHBOARD_NOTICE
	ReadOnly bool
	Now      time.Time
}

// pages holds a template set for each page: layout.html, parts.html and the page.
var pages = parsePages()

func parsePages() map[string]*template.Template {
	names, err := fs.Glob(templateFiles, "templates/*.html")
	if err != nil {
		panic(err)
	}
	shared := template.Must(template.New("").Funcs(templateFuncs).ParseFS(templateFiles, "templates/layout.html", "templates/parts.html"))
	sets := make(map[string]*template.Template)
	for _, name := range names {
		set := template.Must(shared.Clone())
		sets[strings.TrimSuffix(path.Base(name), ".html")] = template.Must(set.ParseFS(templateFiles, name))
	}
	return sets
}

// render answers with a page, whole.
func (s *server) render(c *gin.Context, status int, name string, p page) {
	s.renderBlock(c, status, name, "layout", p)
}

// renderPart answers with the page, or with its block of that name alone if htmx asks:
// our pages ask at each address for the element that its block fills.
func (s *server) renderPart(c *gin.Context, status int, name, block string, p page) {
	if !isHTMX(c) {
		block = "layout"
	}
	s.renderBlock(c, status, name, block, p)
}

func (s *server) renderBlock(c *gin.Context, status int, name, block string, p page) {
	v := visitorOf(c)
	p.Operator, p.CSRF, p.ReadOnly, p.Now, p.Notice = v.actor, v.token, s.admin == nil, time.Now(), s.config.notice
	if block == "layout" {
		p.Flash = takeFlash(c)
	}
	var out bytes.Buffer
	if err := pages[name].ExecuteTemplate(&out, block, p); err != nil {
		s.log.LogAttrs(c.Request.Context(), slog.LevelError, "cannot draw a page", slog.String("page", name), slog.Any("error", err))
		c.AbortWithStatus(http.StatusInternalServerError)
		return
	}
	c.Header("Vary", "HX-Request")
	c.Data(status, "text/html; charset=utf-8", out.Bytes())
}

var templateFuncs = template.FuncMap{
	"asset": assetURL,
	"has":   hasAsset,
	"ago":   ago,
	"stamp": func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
	"full":  func(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") },
	"pretty": func(data json.RawMessage) string {
		var out bytes.Buffer
		if json.Indent(&out, data, "", "  ") != nil {
			return string(data)
		}
		return out.String()
	},
	"json": func(v any) (string, error) { // for attributes that hold JSON
		text, err := json.Marshal(v)
		return string(text), err
	},
	"plural":      plural,
	"count":       thousands,
	"moment":      newMoment,
	"column":      newColumn,
	"secretInput": newSecretInput,
}

// ago tells how long before now, or after it, a time is: "3 min ago", "in 5 h".
func ago(now, t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	distance, text := now.Sub(t), "%s ago"
	if distance < 0 {
		distance, text = -distance, "in %s"
	}
	switch {
	case distance < time.Minute && text == "%s ago":
		return "just now"
	case distance < time.Hour:
		return fmt.Sprintf(text, fmt.Sprintf("%d min", max(1, int(distance.Minutes()))))
	case distance < 48*time.Hour:
		return fmt.Sprintf(text, fmt.Sprintf("%d h", int(distance.Hours())))
	}
	return fmt.Sprintf(text, fmt.Sprintf("%d days", int(distance.Hours()/24)))
}

// plural is a count and its noun: "1 train", "2,000 trains".
func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return thousands(n) + " " + noun + "s"
}

// thousands is a count as people read it: 10,000.
func thousands(n int) string {
	text := strconv.Itoa(n)
	for end := len(text) - 3; end > 0 && text[end-1] != '-'; end -= 3 {
		text = text[:end] + "," + text[end:]
	}
	return text
}

// upTo is what is said of a text that is too long.
func upTo(characters int) string { return "Up to " + plural(characters, "character") + "." }
