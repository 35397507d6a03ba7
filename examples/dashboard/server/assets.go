package server

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
	"net/http"
	"path"
	"time"

	"github.com/gin-gonic/gin"
)

// ownFiles are this program's, npmFiles come from npm by the lock file (make assets).
// Without the latter the pages are plain forms and links, and work.
var (
	//go:embed static
	ownFiles embed.FS
	//go:embed npm
	npmFiles embed.FS
)

// An asset is a file that pages load.
type asset struct {
	data []byte
	hash string
}

var assets = readAssets(ownFiles, npmFiles)

func readAssets(folders ...fs.FS) map[string]asset {
	found := make(map[string]asset)
	for _, folder := range folders {
		names, err := fs.Glob(folder, "*/*.*s") // .js and .css
		if err != nil {
			panic(err)
		}
		for _, name := range names {
			data, err := fs.ReadFile(folder, name)
			if err != nil {
				panic(err)
			}
			sum := sha256.Sum256(data)
			found[path.Base(name)] = asset{data, hex.EncodeToString(sum[:6])}
		}
	}
	return found
}

func hasAsset(name string) bool {
	_, ok := assets[name]
	return ok
}

// assetURL is an address that changes with the file, which may so be kept for ever.
func assetURL(name string) string { return "/dashboard/static/" + name + "?v=" + assets[name].hash }

func (s *server) serveStatic(c *gin.Context) {
	name := c.Param("file")
	file, ok := assets[name]
	if !ok {
		s.fail(c, errNoPage)
		return
	}
	if c.Query("v") == file.hash {
		c.Header("Cache-Control", "public, max-age=31536000, immutable")
	}
	http.ServeContent(c.Writer, c.Request, name, time.Time{}, bytes.NewReader(file.data))
}
