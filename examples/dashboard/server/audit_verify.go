package server

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/signalbox-go/signalbox/credstore"
)

// An auditVerifier is a store that can tell whether its audit trail is as it wrote it.
type auditVerifier interface {
	VerifyAudit(ctx context.Context, checkpoint credstore.AuditCheckpoint) (credstore.AuditCheckpoint, error)
}

// A chainView is what audit_verify.html shows.
type chainView struct {
	Checkpoint string // as it was typed
	Problem    string // with it
	Intact     bool
	End        credstore.AuditCheckpoint // of an intact trail
	Fault      *credstore.TamperError
}

// Events is how many events an intact trail has.
func (v chainView) Events() string { return plural(int(v.End.EventID), "event") }

func (s *server) verifyPage(c *gin.Context) { s.renderChain(c, http.StatusOK, chainView{}) }

func (s *server) renderChain(c *gin.Context, status int, view chainView) {
	s.renderPart(c, status, "audit_verify", "chain", page{Title: "Verify the audit trail", Section: "audit", Body: view})
}

// verifyAudit reads the whole trail and tells whether it is as it was written, and
// whether it passes through a checkpoint that somebody kept. A trail that is not goes
// into the log too.
func (s *server) verifyAudit(c *gin.Context) {
	verifier, ok := s.admin.(auditVerifier)
	if !ok {
		s.fail(c, errNoPage)
		return
	}
	view := chainView{Checkpoint: strings.TrimSpace(formOf(c).Get("checkpoint"))}
	var kept credstore.AuditCheckpoint
	var err error
	if view.Checkpoint != "" {
		if kept, err = credstore.ParseAuditCheckpoint(view.Checkpoint); err != nil {
			view.Problem = "A checkpoint looks like signalbox-audit-v1:42:9f86d0… with 64 hexadecimal digits at its end. Copy all of it."
			s.renderChain(c, http.StatusUnprocessableEntity, view)
			return
		}
	}
	ctx := c.Request.Context()
	view.End, err = verifier.VerifyAudit(ctx, kept)
	switch {
	case err == nil:
		view.Intact = true
	case errors.As(err, &view.Fault):
		s.log.ErrorContext(ctx, "the audit trail is not as it was written", "event_id", view.Fault.EventID, "problem", view.Fault.Problem)
	default:
		s.fail(c, err)
		return
	}
	s.renderChain(c, http.StatusOK, view)
}
