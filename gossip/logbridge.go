package gossip

import (
	"context"
	"log"
	"log/slog"
	"strings"
)

// logTags are what memberlist begins its lines with. Its errors are mostly the
// network's, and routine in a cluster: what matters is said by our own lines.
var logTags = []struct {
	tag   string
	level slog.Level
}{
	{"[ERR]", slog.LevelWarn},
	{"[ERROR]", slog.LevelWarn},
	{"[WARN]", slog.LevelWarn},
	{"[INFO]", slog.LevelInfo},
	{"[DEBUG]", slog.LevelDebug},
}

// bridge writes memberlist's log lines to slog.
type bridge struct{ log *slog.Logger }

func newBridge(l *slog.Logger) *log.Logger { return log.New(bridge{l}, "", 0) }

// Write is called once per line.
func (b bridge) Write(line []byte) (int, error) {
	text, level := strings.TrimSpace(string(line)), slog.LevelInfo
	for _, t := range logTags {
		if rest, ok := strings.CutPrefix(text, t.tag); ok {
			text, level = strings.TrimSpace(rest), t.level
			break
		}
	}
	text = strings.TrimPrefix(text, "memberlist: ")
	b.log.Log(context.Background(), level, text, "from", "memberlist")
	return len(line), nil
}
