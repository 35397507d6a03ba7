package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// standInReply is what the stand-in says, whatever it is asked.
const standInReply = "Hello from the stand-in. Nothing left this machine: this is not the real API."

// standIn answers as the API would, as far as a first curl needs: messages, at
// once or as a stream of events, and the list of models.
func standIn() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/messages", standInMessages)
	mux.HandleFunc("GET /v1/models", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusOK, map[string]any{
			"data":     []any{map[string]any{"type": "model", "id": "stand-in", "display_name": "Stand-in"}},
			"has_more": false,
		})
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		writeError(w, http.StatusNotFound, "not_found_error", "the stand-in knows POST /v1/messages and GET /v1/models")
	})
	return mux
}

func standInMessages(w http.ResponseWriter, r *http.Request) {
	var request struct {
		Model    string            `json:"model"`
		Messages []json.RawMessage `json:"messages"`
		Stream   bool              `json:"stream"`
	}
	if r.Header.Get("x-api-key") == "" {
		writeError(w, http.StatusUnauthorized, "authentication_error", "x-api-key is missing")
		return
	}
	if err := json.NewDecoder(r.Body).Decode(&request); err != nil || len(request.Messages) == 0 {
		writeError(w, http.StatusBadRequest, "invalid_request_error", "the body must be JSON with model and messages")
		return
	}
	if request.Stream {
		streamReply(w, request.Model)
		return
	}
	message := emptyMessage(request.Model)
	message["content"] = []any{map[string]any{"type": "text", "text": standInReply}}
	message["stop_reason"] = "end_turn"
	writeJSON(w, http.StatusOK, message)
}

func emptyMessage(model string) map[string]any {
	return map[string]any{
		"id": "msg_stand_in", "type": "message", "role": "assistant", "model": model,
		"content": []any{}, "stop_reason": nil, "stop_sequence": nil,
		"usage": map[string]any{"input_tokens": 0, "output_tokens": 0},
	}
}

// streamReply sends the reply word by word, so that the flushing can be seen.
func streamReply(w http.ResponseWriter, model string) {
	w.Header().Set("Content-Type", "text/event-stream")
	event := func(name string, data map[string]any) {
		data["type"] = name
		text, _ := json.Marshal(data) // maps of strings and numbers always marshal
		_, _ = fmt.Fprintf(w, "event: %s\ndata: %s\n\n", name, text)
		_ = http.NewResponseController(w).Flush()
	}
	event("message_start", map[string]any{"message": emptyMessage(model)})
	event("content_block_start", map[string]any{"index": 0, "content_block": map[string]any{"type": "text", "text": ""}})
	for _, word := range strings.SplitAfter(standInReply, " ") {
		event("content_block_delta", map[string]any{"index": 0, "delta": map[string]any{"type": "text_delta", "text": word}})
		time.Sleep(50 * time.Millisecond)
	}
	event("content_block_stop", map[string]any{"index": 0})
	event("message_delta", map[string]any{"delta": map[string]any{"stop_reason": "end_turn", "stop_sequence": nil}, "usage": map[string]any{"output_tokens": 0}})
	event("message_stop", map[string]any{})
}

func writeError(w http.ResponseWriter, status int, kind, message string) {
	writeJSON(w, status, map[string]any{"type": "error", "error": map[string]any{"type": kind, "message": message}})
}

func writeJSON(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}
