package server

import (
	"net/http"

	"github.com/gin-gonic/gin"
)

func (s *server) healthz(c *gin.Context) { c.String(http.StatusOK, "ok\n") }

// readyz tells whether the store answers.
func (s *server) readyz(c *gin.Context) {
	if err := s.store.Ping(c.Request.Context()); err != nil {
		c.String(http.StatusServiceUnavailable, "the store does not answer\n")
		return
	}
	c.String(http.StatusOK, "ready\n")
}
