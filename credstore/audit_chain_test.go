package credstore_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-go/signalbox/credstore"
)

func TestAuditCheckpointText(t *testing.T) {
	hash := strings.Repeat("0f", 32)
	for text, want := range map[string]credstore.AuditCheckpoint{
		"signalbox-audit-v1:0:genesis":    {},
		"signalbox-audit-v1:42:" + hash:   {EventID: 42, Hash: hash},
		"signalbox-audit-v1:1000:" + hash: {EventID: 1000, Hash: hash},
	} {
		got, err := credstore.ParseAuditCheckpoint(text)
		require.NoError(t, err)
		require.Equal(t, want, got)
		require.Equal(t, text, got.String())
		encoded, err := json.Marshal(got)
		require.NoError(t, err)
		require.Equal(t, `"`+text+`"`, string(encoded))
		var decoded credstore.AuditCheckpoint
		require.NoError(t, json.Unmarshal(encoded, &decoded))
		require.Equal(t, want, decoded)
	}
	for _, text := range []string{
		"", "x", "42:" + hash, "signalbox-audit-v1:", "signalbox-audit-v1:42", "signalbox-audit-v1:42:", "signalbox-audit-v2:42:" + hash,
		"signalbox-audit-v1:042:" + hash, "signalbox-audit-v1:+42:" + hash, "signalbox-audit-v1:-1:" + hash, "signalbox-audit-v1:0:" + hash,
		"signalbox-audit-v1:0:", "signalbox-audit-v1:42:genesis", "signalbox-audit-v1:42:" + strings.ToUpper(hash),
		"signalbox-audit-v1:42:" + hash + "0", "signalbox-audit-v1:42:" + hash[1:], "signalbox-audit-v1:42:" + hash + " ",
		"signalbox-audit-v1:42:" + hash + ":x", "signalbox-audit-v1:99999999999999999999:" + hash,
	} {
		_, err := credstore.ParseAuditCheckpoint(text)
		require.ErrorIs(t, err, credstore.ErrInvalid, "%q", text)
	}
}

func TestTamperErrorText(t *testing.T) {
	require.EqualError(t, &credstore.TamperError{EventID: 3, Problem: "gone"}, "audit trail is not as it was written: event 3: gone")
	require.EqualError(t, &credstore.TamperError{Problem: "gone"}, "audit trail is not as it was written: gone")
}
