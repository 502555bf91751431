package topology

import (
	"fmt"
	"strings"

	"github.com/candordb/candor/hlc"
	"github.com/candordb/candor/ring"
	"github.com/candordb/candor/wire"
)

// How long, in milliseconds, a node that starts asks the members what they have
// heard of it before it votes without having heard all, and how often what it has
// heard itself is saved at most.
const (
	askingTime    = 10_000
	rememberEvery = 1000
)

// extent is how far a node has said that it is.
type extent struct {
	Epoch       uint64 `msgpack:"epoch"`
	Incarnation uint64 `msgpack:"incarnation"`
	Clock       uint64 `msgpack:"clock"` // hlc.Timestamp, a tick below its persisted bound
}

func (e extent) max(o extent) extent {
	return extent{max(e.Epoch, o.Epoch), max(e.Incarnation, o.Incarnation), max(e.Clock, o.Clock)}
}

// hearing is what was heard of a member: of the start that is known by its random
// number, and of all before it. So it can be told what it said before its present
// start, whatever that start has said meanwhile.
type hearing struct {
	ID     []byte `msgpack:"id"`
	Life   uint64 `msgpack:"life"`
	Now    extent `msgpack:"now"`
	Before extent `msgpack:"before"`
}

// hearings is the value of HeardName.
type hearings struct {
	Rows []hearing `msgpack:"rows"`
}

// memory is what a node knows of what was said before, by it and by others, and
// whether it trusts its own.
type memory struct {
	hearings
	dirty      bool  // changed since it was saved
	saved      int64 // when it was
	told       int64 // when the members were last sent STATUS
	startEpoch uint64
	asking     bool  // members are asked what they heard of this node
	asked      int64 // since when; 0: not yet
	answers    []toldBy
	said       []said        // the last STATUS of each member
	votesLost  []ring.NodeID // as VotesLost at the last of these
	lostSince  int64         // since when it is so
	distrust   distrust
	unreadable string // why this node's vote cannot be known
}

// toldBy is what a member says that it heard of this node before this start. met:
// it says so having heard of this start, so that nothing from before it can still be
// on its way.
type toldBy struct {
	id  ring.NodeID
	met bool
	extent
}

// recall takes up what was saved of all this.
func (c *Core) recall(saved Saved) error {
	if saved.Heard != nil {
		if err := wire.SafeUnmarshal(saved.Heard, documentLimits, &c.hearings); err != nil {
			return fmt.Errorf("topology: the system value %s: %w: %w", HeardName, ErrMetadata, err)
		}
		for _, r := range c.Rows {
			if len(r.ID) != len(ring.NodeID{}) {
				return fmt.Errorf("topology: the system value %s: %w: a node id of %d bytes", HeardName, ErrMetadata, len(r.ID))
			}
		}
	}
	if saved.Distrust != nil {
		d, err := parseDistrust(saved.Distrust)
		if err != nil {
			return fmt.Errorf("topology: %w", err)
		}
		c.distrust = d
	}
	return nil
}

// forgetOthers drops what was heard of who is no member.
func (c *Core) forgetOthers() {
	var rows []hearing
	for _, r := range c.Rows {
		if c.meta.names(ring.NodeID(r.ID)) {
			rows = append(rows, r)
		}
	}
	c.Rows = rows
	c.told = c.now - statusEvery
}

// row is what was heard of a member; nil if nothing.
func (c *Core) row(id ring.NodeID) *hearing {
	for i := range c.Rows {
		if ring.NodeID(c.Rows[i].ID) == id {
			return &c.Rows[i]
		}
	}
	return nil
}

// note takes in how far a member says that it is.
func (c *Core) note(from ring.NodeID, s *status) {
	if s.Life == 0 {
		return
	}
	r := c.row(from)
	if r == nil {
		c.Rows = append(c.Rows, hearing{ID: from[:], Life: s.Life})
		r = &c.Rows[len(c.Rows)-1]
	}
	before := *r
	switch says := (extent{s.Epoch, s.Incarnation, s.Clock}); {
	case r.Life == s.Life:
		r.Now = r.Now.max(says)
	case s.Incarnation < r.Now.Incarnation:
		r.Before = r.Before.max(says) // an old message, or a node that has forgotten its last starts
	default:
		r.Before, r.Life, r.Now = r.Before.max(r.Now), s.Life, says
	}
	c.dirty = c.dirty || r.Life != before.Life || r.Now != before.Now || r.Before != before.Before
}

// remember saves what was heard, once a second at most.
func (c *Core) remember(now int64, out *Effects) {
	if !c.dirty || now-c.saved < rememberEvery {
		return
	}
	b, err := wire.Marshal(&c.hearings)
	if err != nil {
		panic("topology: what was heard cannot be encoded: " + err.Error())
	}
	c.dirty, c.saved = false, now
	out.Saves = append(out.Saves, Save{[]byte(HeardName), b})
}

// tell sends STATUS to the members, and more often to those that have not said yet
// what they heard of this node before its start.
func (c *Core) tell(now int64, out *Effects) {
	every := int64(statusEvery)
	if c.asking && c.asked == 0 {
		c.asked = now
	}
	if c.asking = c.asking && len(c.unheard()) > 0 && now-c.asked < askingTime; c.asking {
		every = askEvery
	}
	if now-c.told < every {
		return
	}
	c.told = now
	for _, id := range c.members {
		out.Sends = append(out.Sends, Send{To: id, Op: wire.OpStatus, Document: c.status(id)})
	}
}

// beginAsking begins to ask the members what they have heard of this node: it has
// started with metadata, so it may have said something.
func (c *Core) beginAsking() { c.asking, c.startEpoch = true, c.meta.Epoch }

// judge takes in what a member says that it heard of this node.
func (c *Core) judge(from ring.NodeID, s *status) {
	t := toldBy{id: from}
	for _, r := range s.Heard {
		if len(r.ID) != len(ring.NodeID{}) || ring.NodeID(r.ID) != c.o.Self.ID {
			continue
		}
		t.extent, t.met = r.Before, true
		if r.Life != c.o.Life {
			t.extent, t.met = r.Before.max(r.Now), false
		}
	}
	for i := range c.answers {
		if c.answers[i].id == from {
			c.answers[i].extent, c.answers[i].met = c.answers[i].extent.max(t.extent), c.answers[i].met || t.met
			return
		}
	}
	c.answers = append(c.answers, t)
}

// unheard are the members that have not said what they heard of this node.
func (c *Core) unheard() (ids []ring.NodeID) {
	for _, id := range c.members {
		heard := false
		for _, t := range c.answers {
			heard = heard || t.id == id && (t.met || t.Incarnation >= c.o.Incarnation)
		}
		if !heard {
			ids = append(ids, id)
		}
	}
	return ids
}

// Asking says whether this node, having started, still waits to hear from the
// members what they have heard of it, and lists the names of those that it has not
// heard (yet: it goes on asking after it has stopped to wait).
func (c *Core) Asking() (waits bool, unheard []string) {
	if c.meta == nil || c.startEpoch == 0 {
		return false, nil
	}
	for _, id := range c.unheard() {
		unheard = append(unheard, c.meta.nameOf(id))
	}
	return c.asking, unheard
}

// ToldIncarnation is the highest number of a start of this node that members have
// heard of before its present one. Where that is not below this one's, the next start
// has to be above it.
func (c *Core) ToldIncarnation() (number uint64) {
	for _, t := range c.answers {
		number = max(number, t.Incarnation)
	}
	return number
}

// Trusts says that what this node has told before its start needs to be asked no
// more: it is not behind that, as far as anybody has said, or it is in the Saves of an
// event that it is.
func (c *Core) Trusts() bool {
	return !c.asking && (c.Behind() == "" || c.distrust.generation != 0)
}

// Behind says, in a sentence, that this node has started with less than it had
// itself told others; "" if that is not known of it. It stays until a rebuild has
// ended.
func (c *Core) Behind() string {
	if c.distrust.generation != 0 {
		return c.distrust.why
	}
	if c.unreadable != "" {
		return c.unreadable
	}
	if c.meta == nil || c.startEpoch == 0 || c.o.Life == 0 {
		return ""
	}
	var less []string
	for _, t := range c.answers {
		name := c.meta.nameOf(t.id)
		if t.Epoch > c.startEpoch {
			less = append(less, fmt.Sprintf("epoch %d (%s has heard %d of it)", c.startEpoch, name, t.Epoch))
		}
		if t.Incarnation >= c.o.Incarnation {
			less = append(less, fmt.Sprintf("start number %d (%s has heard %d)", c.o.Incarnation, name, t.Incarnation))
		}
		if hlc.Timestamp(t.Clock) > c.o.Bound {
			less = append(less, fmt.Sprintf("a clock bound %d ms below what %s has heard", hlc.Timestamp(t.Clock).Millis()-c.o.Bound.Millis(), name))
		}
	}
	if len(less) == 0 {
		return ""
	}
	return "this node has started with less than it had told others, as if its data folder were an older copy, or were in use twice: " + strings.Join(less, ", ")
}
