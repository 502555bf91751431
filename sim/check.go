package sim

import (
	"fmt"
	"time"

	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/wire"
)

// checker judges a run while it happens: each rule is checked at the moment at
// which it can first be broken, so that a failure names the virtual time.
//
// What it knows and no client does: the version that each node gave to each
// write, what each disk holds synced, and what each replica said. Its books are
// kept apart from the code under test, and compared with it.
type checker struct {
	s *Sim
}

// Failure is a broken promise.
type Failure struct {
	Checker string // REG, TRUTH, SETFULL, FINAL, SCAN, CLOCK, STORE, TREE, WIRE, LIVE
	Time    time.Duration
	Text    string
	History []string // what was done to the key
}

// fail ends the run with a broken promise.
func (s *Sim) fail(checker, format string, args ...any) {
	if s.failure == nil && !(s.outside && insider(checker)) {
		s.failure = &Failure{Checker: checker, Time: s.now, Text: fmt.Sprintf(format, args...)}
	}
}

// insider says whether a checker looks at what no client can see.
func insider(checker string) bool {
	return checker == "TRUTH" || checker == "STORE" || checker == "CLOCK" || checker == "TREE"
}

// failKey is fail, with the history of a key.
func (s *Sim) failKey(k *key, checker, format string, args ...any) {
	if s.failure != nil {
		return
	}
	s.fail(checker, format, args...)
	f := s.failure
	if f == nil {
		return
	}
	f.Text = fmt.Sprintf("key %s: %s", k.name, f.Text)
	from := max(0, len(k.operations)-failureHistory)
	for _, o := range k.operations[from:] {
		f.History = append(f.History, o.line())
	}
	for _, i := range k.owners {
		n := s.nodes[i]
		f.History = append(f.History, fmt.Sprintf("%v holds %s", n, dump(n.disk.synced(k))))
	}
}

// failureHistory is how many operations of the key a failure shows.
const failureHistory = 60

// ended gives an operation its class, when its client is through with it.
func (c *checker) ended(o *operation) {
	o.returned = c.s.now
	switch {
	case o.acked || o.kind == wire.OpScan:
		o.class = done
	case o.doubtful && !o.voided:
		o.class = doubt
	default:
		o.class = none
	}
	c.s.fig.count(o)
	if o.class == none && o.writes() {
		c.ghost(o)
	}
}

// ghost fails if there is a sign of a write that had no effect, or of one that
// OUTCOME said was not applied. A network that doubles frames can make one of the
// first kind: one copy is refused, the other is taken. TCP never does that, so
// such writes are let off.
func (c *checker) ghost(o *operation) {
	why := o.text
	switch {
	case o.voided:
		why = "OUTCOME: not applied"
	case o.class != none || o.doubled:
		return
	}
	switch {
	case o.shown:
		c.s.failKey(o.key, "REG", "ghost: %v had no effect (%s), but has been read", o, why)
	case o.present:
		c.s.failKey(o.key, "TRUTH", "ghost: %v had no effect (%s), but a replica holds it", o, why)
	case o.hinted && !o.voided: // of what was given up a hint may be left, which is refused
		c.s.failKey(o.key, "TRUTH", "ghost: %v had no effect (%s), but a node keeps a hint of it", o, why)
	}
}

// doubled notes which writes the network delivers twice.
func (c *checker) doubled(frame []byte) {
	var q wire.PeerRequest
	if wire.DecodePeerRequest(frame[wire.HeaderBytes:], &q) != nil || q.Op != wire.OpWrite {
		return
	}
	var w wire.WriteItem
	for more, err := q.NextWrite(&w); more && err == nil; more, err = q.NextWrite(&w) {
		if o := c.s.written(c.s.history.find(w.Namespace, w.Key), w.Record); o != nil {
			o.doubled = true
		}
	}
}

// describe is an answer in one line.
func describe(r *wire.Answer) string {
	switch {
	case r.Code != contract.OK:
		text := fmt.Sprintf("%v: %s", r.Code, r.Error.Message)
		if r.Error.Receipt != nil {
			text += " (" + r.Error.Receipt.String() + ")"
		}
		return text
	case r.Op == wire.OpOutcome:
		return fmt.Sprintf("%v, winner %v", r.Outcome.Fate, r.Outcome.Winner)
	case r.Op == wire.OpExplain:
		return fmt.Sprintf("%d rows, winner %v", len(r.Explain.Rows), r.Explain.Winner)
	case r.Op == wire.OpGet:
		if !r.Get.Found {
			return fmt.Sprintf("not found, version %v, level %v, %v", r.Get.Version, r.Get.Receipt.Level, r.Get.Receipt)
		}
		return fmt.Sprintf("found #%d, version %v, level %v, %v", operationOf(r.Get.Value), r.Get.Version, r.Get.Receipt.Level, r.Get.Receipt)
	case r.Op == wire.OpScan:
		return fmt.Sprintf("%d items, %+v", len(r.Scan.Items), r.Scan.Coverage)
	}
	text := fmt.Sprintf("%v, version %v, %v", r.Write.Outcome, r.Write.Version, r.Write.Receipt)
	if !r.Write.Winner.IsZero() {
		text += fmt.Sprintf(", winner %v", r.Write.Winner)
	}
	if !r.Write.Buried.IsZero() {
		text += fmt.Sprintf(", buried %v", r.Write.Buried)
	}
	return text
}
