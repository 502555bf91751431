package admin

import (
	"fmt"
	"sync"
	"time"

	"github.com/candordb/candor/ring"
	"github.com/candordb/candor/verdict"
)

// event is something that has changed, as this node saw it.
type event struct {
	id     uint64 // counts from 1 since the node has started
	time   time.Time
	name   string
	node   ring.NodeID // zero: this node itself
	detail string
}

// The names of events. Append-only.
const (
	nodeUp         = "node-up"
	nodeDown       = "node-down"
	epochChanged   = "epoch"
	storageStopped = "storage-stopped"
	clockFenced    = "clock-fenced"
	clockUnfenced  = "clock-unfenced"
	shuttingDown   = "shutting-down"
	verdictChanged = "verdict"
)

// differences are the events between two snapshots. before may be nil: then this
// is what is to be told of a node that has just started.
func differences(before, after *Snapshot) (list []event) {
	if before == nil {
		before = &Snapshot{}
	}
	add := func(name string, node ring.NodeID, format string, args ...any) {
		list = append(list, event{time: after.Time, name: name, node: node, detail: fmt.Sprintf(format, args...)})
	}
	if a, b := before.epoch(), after.epoch(); a != b {
		add(epochChanged, ring.NodeID{}, "the epoch is %d; it was %d", b, a)
	}
	was := make(map[ring.NodeID]bool, len(before.Members))
	for i := range before.Members {
		was[before.Members[i].ID] = before.Members[i].Reachable
	}
	for i := range after.Members {
		m := &after.Members[i]
		switch label := after.label(m.ID); {
		case m.Reachable && !was[m.ID]:
			add(nodeUp, m.ID, "%s can be reached", label)
		case !m.Reachable && was[m.ID]:
			add(nodeDown, m.ID, "%s cannot be reached: %s", label, m.Why)
		}
	}
	switch {
	case after.Fenced && !before.Fenced:
		add(clockFenced, ring.NodeID{}, "this node's clock is off, or was not compared with the others yet: it does not coordinate")
	case !after.Fenced && before.Fenced:
		add(clockUnfenced, ring.NodeID{}, "this node's clock agrees with the others: it coordinates")
	}
	if after.Stopped != "" && before.Stopped == "" {
		add(storageStopped, ring.NodeID{}, "%s", after.Stopped)
	}
	if after.Verdict != before.Verdict {
		was := before.Verdict
		if was == "" {
			was = verdict.Unknown
		}
		add(verdictChanged, ring.NodeID{}, "the verdict is %s; it was %s: %s", after.Verdict, was, after.Sentence)
	}
	if after.Draining && !before.Draining {
		add(shuttingDown, ring.NodeID{}, "this node is shutting down")
	}
	return list
}

// Bounds of the log and its readers.
const (
	eventsMax  = 1024
	readersMax = 64
)

// eventLog keeps the last events and wakes who waits for more. Nobody is waited
// for: a reader that falls behind by more than the log has lost events, and is
// told so.
type eventLog struct {
	mu      sync.Mutex // guards what follows
	last    []event    // the last eventsMax, in order
	next    uint64     // the id of the next event
	more    chan struct{}
	closed  bool
	readers int
}

func (l *eventLog) init() { l.next, l.more = 1, make(chan struct{}) }

// add appends events and gives them their ids.
func (l *eventLog) add(events []event) {
	if len(events) == 0 {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range events {
		e.id = l.next
		l.next++
		l.last = append(l.last, e)
	}
	if over := len(l.last) - eventsMax; over > 0 {
		l.last = append(l.last[:0], l.last[over:]...)
	}
	close(l.more)
	l.more = make(chan struct{})
}

// page is what a reader has not seen yet.
type page struct {
	events []event
	lost   bool            // older ones that the reader has not seen are gone
	closed bool            // there will be no more
	more   <-chan struct{} // closed when there are more
}

// since is what comes behind event id.
func (l *eventLog) since(id uint64) page {
	l.mu.Lock()
	defer l.mu.Unlock()
	p := page{closed: l.closed, more: l.more}
	oldest := l.next - uint64(len(l.last))
	p.lost = id+1 < oldest
	from := max(id+1, oldest)
	p.events = append(p.events, l.last[min(from-oldest, uint64(len(l.last))):]...)
	return p
}

// newest is the id of the last event; 0 if there was none.
func (l *eventLog) newest() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.next - 1
}

// join takes one of the readers' places; false if there is none.
func (l *eventLog) join() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.readers >= readersMax {
		return false
	}
	l.readers++
	return true
}

func (l *eventLog) leave() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.readers--
}

// close ends all streams once they have told what there is.
func (l *eventLog) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.closed {
		l.closed = true
		close(l.more)
		l.more = make(chan struct{})
	}
}
