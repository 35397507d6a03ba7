package server

import (
	"context"
	"errors"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/signalbox-go/signalbox/credstore"
)

// checkTimeout bounds what a health check waits for the store.
const checkTimeout = 2 * time.Second

// healthz tells that the process lives.
func (s *server) healthz(c *gin.Context) { c.JSON(http.StatusOK, gin.H{"status": "ok"}) }

// readyz tells whether requests can be served.
func (s *server) readyz(c *gin.Context) {
	if reason := s.notReady(c.Request.Context()); reason != "" {
		c.JSON(http.StatusServiceUnavailable, gin.H{"status": "unavailable", "reason": reason})
		return
	}
	c.JSON(http.StatusOK, gin.H{"status": "ready"})
}

// health is a summary for people, and for monitors of the TypeScript proxy.
func (s *server) health(c *gin.Context) {
	status, health := http.StatusOK, "healthy"
	if s.notReady(c.Request.Context()) != "" {
		status, health = http.StatusServiceUnavailable, "unhealthy"
	}
	c.JSON(status, gin.H{
		"status": health, "service": "signalbox-proxy", "version": version(), "source": s.source(),
		"timestamp": time.Now().UTC().Format(time.RFC3339),
	})
}

// notReady says why requests cannot be served, in a word; empty if they can. Details
// go to the log: the checks ask for no key.
func (s *server) notReady(ctx context.Context) (reason string) {
	if s.stopping.Load() {
		return "stopping"
	}
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	err, reason := s.store.Ping(ctx), "store"
	if err == nil {
		err, reason = s.checkKeys(ctx), "keys"
	}
	if err != nil {
		s.log.Warn("not ready", "reason", reason, "error", err)
		return reason
	}
	return ""
}

// keysToTry is how many accounts are looked at before the encryption key, and not
// one damaged account, is to blame.
const keysToTry = 3

// checkKeys tells whether the secrets of accounts can be read. A store without
// accounts is fine.
func (s *server) checkKeys(ctx context.Context) error {
	accounts, err := s.store.ActiveAccounts(ctx)
	for i, account := range accounts {
		if i == keysToTry {
			break
		}
		if _, err = s.store.GetCredential(ctx, account.ID); !errors.Is(err, credstore.ErrDamaged) {
			return nil
		}
	}
	return err
}

// source says where credentials come from, without place and address.
func (s *server) source() string {
	switch b := s.config.backend; {
	case !b.UseDatabase:
		return "files"
	case strings.HasPrefix(b.DatabaseURL.Reveal(), "sqlite:"):
		return "sqlite"
	}
	return "postgresql"
}

func version() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "unknown"
}
