package gossip

import (
	"bytes"
	"log/slog"
	"testing"
)

func TestLogBridge(t *testing.T) {
	for _, tt := range []struct{ line, want string }{
		{"[ERR] memberlist: it broke", `level=WARN msg="it broke" from=memberlist`},
		{"[ERROR] memberlist: it broke", `level=WARN msg="it broke" from=memberlist`},
		{"[WARN] memberlist: odd", `level=WARN msg=odd from=memberlist`},
		{"[INFO] memberlist: so it is", `level=INFO msg="so it is" from=memberlist`},
		{"[DEBUG] memberlist: details", `level=DEBUG msg=details from=memberlist`},
		{"Err: without a tag", `level=INFO msg="Err: without a tag" from=memberlist`},
		{"[ERR] Failed, without a name", `level=WARN msg="Failed, without a name" from=memberlist`},
	} {
		var out bytes.Buffer
		l := newBridge(slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{
			Level: slog.LevelDebug,
			ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
				if a.Key == slog.TimeKey {
					return slog.Attr{}
				}
				return a
			},
		})))
		l.Print(tt.line)
		if got := out.String(); got != tt.want+"\n" {
			t.Errorf("%q became %q", tt.line, got)
		}
	}
}
