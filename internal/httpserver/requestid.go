package httpserver

import (
	"crypto/rand"
	"encoding/hex"
	"net/http"
)

// RequestIDHeader carries a request's id, in and out.
const RequestIDHeader = "X-Request-Id"

const maxRequestID = 64

// RequestID returns the id that the client gave the request, so that one id leads
// through the logs of both, if it is well formed: once, 1 to 64 letters, digits,
// '.', '_' and '-'. Otherwise it returns a new one.
func RequestID(r *http.Request) string {
	if ids := r.Header[RequestIDHeader]; len(ids) == 1 && wellFormed(ids[0]) {
		return ids[0]
	}
	var random [12]byte
	_, _ = rand.Read(random[:]) // never fails
	id := append(make([]byte, 0, 32), "req_"...)
	return string(hex.AppendEncode(id, random[:]))
}

func wellFormed(id string) bool {
	if id == "" || len(id) > maxRequestID {
		return false
	}
	for i := range len(id) {
		switch b := id[i]; {
		case 'a' <= b && b <= 'z', 'A' <= b && b <= 'Z', '0' <= b && b <= '9', b == '.', b == '_', b == '-':
		default:
			return false
		}
	}
	return true
}
