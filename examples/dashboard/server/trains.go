package server

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/signalbox-go/signalbox/credstore"
)

func (s *server) trainRoutes(r *gin.RouterGroup) {
	r.GET("", s.listTrains)
	r.GET("/new", s.writing, s.newTrain)
	r.POST("", s.writing, s.createTrain)
	r.POST("/validate", s.writing, s.validateTrainID)
	r.GET("/:id", s.showTrain)
	r.GET("/:id/edit", s.writing, s.editTrain)
	r.PUT("/:id", s.writing, s.updateTrain)
	r.GET("/:id/delete", s.writing, s.confirmDeactivateTrain)
	r.DELETE("/:id", s.writing, s.deactivateTrain)
	r.POST("/:id", s.writing, s.byMethod(map[string]gin.HandlerFunc{"PUT": s.updateTrain, "DELETE": s.deactivateTrain}))
	r.POST("/:id/reactivate", s.writing, s.reactivateTrain)

	r.POST("/:id/keys", s.writing, s.addClientKeys)
	r.POST("/:id/keys/generate", s.writing, s.generateClientKey)
	r.GET("/:id/keys/:hash/delete", s.writing, s.confirmRevokeClientKey)
	r.DELETE("/:id/keys/:hash", s.writing, s.revokeClientKey)
	r.POST("/:id/keys/:hash", s.writing, s.byMethod(map[string]gin.HandlerFunc{"DELETE": s.revokeClientKey}))
	// Without JavaScript these show answers of POST, which people may reload.
	r.GET("/:id/keys", toTrain)
	r.GET("/:id/keys/generate", toTrain)
}

// reservedTrainIDs are no train's page: they are other pages, or browsers take them
// for a folder. Trains of these names that exist already work, but for their pages.
var reservedTrainIDs = map[string]bool{"new": true, "validate": true, ".": true, "..": true}

// trainPath is the address of a train's page; its id needs no escaping.
func trainPath(id string) string { return "/dashboard/trains/" + id }

func toTrain(c *gin.Context) { c.Redirect(http.StatusSeeOther, trainPath(c.Param("id"))) }

// A trainView is a train as lists show it.
type trainView struct{ credstore.Train }

// Unrestricted tells whether the train may use every active account.
func (t trainView) Unrestricted() bool { return t.Mappings == 0 && t.DefaultAccountID == "" }

// Address is where the train's page is.
func (t trainView) Address() string { return trainPath(t.ID) }
