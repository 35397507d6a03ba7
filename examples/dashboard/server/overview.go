package server

import (
	"net/http"

	"github.com/gin-gonic/gin"
)

func (s *server) overview(c *gin.Context) {
	s.render(c, http.StatusOK, "overview", page{Title: "Overview", Section: "overview"})
}
