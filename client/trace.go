package client

import (
	"fmt"
	"slices"
	"time"

	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/ring"
	"github.com/candordb/candor/wire"
)

// Trace is the steps of one call; see TraceTo.
type Trace struct{ Steps []TraceStep }

// TraceStep is one step: Node did What. The client's own steps have the Node
// "client"; Node + " " + What reads as a sentence in either case.
type TraceStep struct {
	// At is the time since the call began. Steps of nodes are placed from when
	// their attempt was sent, so that they may lie up to a network delay early.
	At   time.Duration
	Node string
	What string
}

func (t *Trace) add(at time.Duration, node, what string) {
	if t != nil {
		t.Steps = append(t.Steps, TraceStep{at, node, what})
	}
}

// addAll appends the steps of a node's answer to an attempt that was sent at
// that time.
func (t *Trace) addAll(sent time.Duration, table *table, steps []wire.TraceStep) {
	for _, s := range steps {
		t.add(sent+time.Duration(s.OffsetUS)*time.Microsecond, table.nameOf(ring.NodeID(s.Node)), s.What)
	}
}

// traced notes an attempt and what came of it.
func (t *trip) traced(n *node, sent time.Duration, a *wire.Answer, err error) {
	table := t.c.table.Load()
	if err == errDown || err == errFull {
		t.trace.add(sent, "client", fmt.Sprintf("does not ask %s: %v", table.name(n), err))
		return
	}
	part := "no replica"
	if i := slices.Index(table.naturals(string(t.q.Namespace), t.q.Key), n); i >= 0 {
		part = fmt.Sprintf("replica %d", i+1)
	}
	t.trace.add(sent, "client", fmt.Sprintf("-> %s (%s)", table.name(n), part))
	t.trace.addAll(sent, table, a.Get.Trace)
	t.trace.addAll(sent, table, a.Write.Trace)
	switch {
	case err != nil:
		t.trace.add(time.Since(t.began), "client", fmt.Sprintf("gives %s up: %v", table.name(n), err))
	case a.Code != contract.OK:
		t.trace.add(time.Since(t.began), table.name(n), fmt.Sprintf("refuses: %v: %s", a.Code, a.Error.Message))
	}
}
