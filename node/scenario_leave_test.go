package node

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/candordb/candor/config"
	"github.com/candordb/candor/hinted"
	"github.com/candordb/candor/storage/faulty"
)

// Rule 5: a write that was answered leaves a hint for a replica that may lack it, or,
// where there is no room for one, a mark, though the node is stopped before that
// replica is held for late.
func TestAnOrderlyStopLeavesHintsOrMarks(t *testing.T) {
	for _, room := range []bool{true, false} {
		change := func(c *config.Config) {
			if patientClients(c); !room {
				c.Hints.MaxBytes = 1
			}
		}
		inBubble(t, 3, change, func(b *bubble) {
			b.nodes[2].disk.Inject(faulty.Fault{On: faulty.Sync, File: "*.log", Delay: 20 * time.Second})
			const writes = 20
			for i := range writes {
				if status, body := b.do(http.MethodPut, 0, fmt.Sprintf("/v1/keys/k%d", i), "v"); status != http.StatusOK {
					b.t.Errorf("a quorum is left, and a write fails: %d %s", status, body)
				}
			}
			late := b.node(2).id
			marked := func() (partitions []int) {
				b.node(0).hints.with(func(c *hinted.Core) { partitions = c.Dirty(nil, late) })
				return partitions
			}
			if kept := b.node(0).HintsFor(late); kept != 0 || len(marked()) != 0 {
				b.t.Errorf("the replica was held for late before the stop: %d hints, marks of %v", kept, marked())
			}
			b.halt(0)
			kept, marks := b.node(0).HintsFor(late), marked()
			if room && kept != writes || !room && (kept != 0 || len(marks) == 0) {
				b.t.Errorf("room %v: of %d writes %d have left a hint, and marks of %v", room, writes, kept, marks)
			}
			b.start(0)
			b.mustWithin(time.Minute, "it is ready again", func() bool { return b.ready(0) })
			if again := marked(); fmt.Sprint(again) != fmt.Sprint(marks) {
				b.t.Errorf("room %v: marks of %v at the stop, of %v behind it", room, marks, again)
			}
		})
	}
}
