package topology

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"github.com/candordb/candor/hlc"
	"github.com/candordb/candor/paxos"
	"github.com/candordb/candor/ring"
)

// What becomes of a proposed change that was not chosen, or not certainly.
var (
	// ErrProposing is returned while this node has another change decided: one at
	// a time.
	ErrProposing = errors.New("another change is being decided by this node; wait for its end")
	// ErrNotMember is returned by a node that has no metadata.
	ErrNotMember = errors.New("this node is not part of a cluster")
	// ErrOutrun is returned where another change was chosen first; this one has
	// changed nothing, and may be proposed again on top of that.
	ErrOutrun = errors.New("another change was chosen first; this one has changed nothing")
	// ErrNoMajority is returned where a majority of the voters did not answer, or does not
	// vote as it has forgotten what it had voted for; the change has changed nothing.
	ErrNoMajority = errors.New("there is no majority of voters, and without it the cluster cannot be changed; nothing was changed")
	// ErrUndecided is returned where too few voters have confirmed a change that was
	// put to them: it may still be chosen.
	ErrUndecided = errors.New("it is not decided: the change was put to the voters, and too few have answered; it may still be chosen, so look at the epoch before it is tried again")
)

// Outcome is what has become of a proposal.
type Outcome struct {
	To    any    // as it was handed in
	Epoch uint64 // the epoch that the change made; 0 if Err is set
	Err   error  // wraps one of the above
}

// How long, in milliseconds, a change is tried for; how long a node that lost
// against another waits before it tries again, doubled up to the most; and how
// long a value that this node has voted for may lie undecided before it has it
// decided itself.
const (
	proposeTime = 15_000
	backoffMin  = 50
	backoffMax  = 1600
	strandTime  = 20_000
)

// proposal is a change that this node has decided.
type proposal struct {
	to    any
	value []byte
	began int64
	retry int64 // no attempt before
	lost  int   // attempts
	put   bool  // ACCEPT has gone out with this value

	voters []ring.NodeID // who all have to decide it, as the others have forgotten; nil: a majority of all
}

// Propose has a change of the metadata decided, from a monotonic time on. What
// becomes of it is told by an Outcome with to, now or later; to nil: nobody is told.
func (c *Core) Propose(now int64, to any, change Change, out *Effects) {
	value, err := c.nextValue(change)
	switch {
	case c.meta == nil || c.removed:
		err = ErrNotMember
	case c.proposal != nil && c.proposal.to != nil:
		err = ErrProposing
	}
	if err != nil {
		out.tell(to, 0, err)
		return
	}
	c.proposal = &proposal{to: to, value: value, began: now}
}

func (out *Effects) tell(to any, epoch uint64, err error) {
	if to != nil {
		out.Outcomes = append(out.Outcomes, Outcome{to, epoch, err})
	}
}

// advance goes on with what this node has decided.
func (c *Core) advance(now int64, clock hlc.Timestamp, draw func() uint64, out *Effects) {
	c.adoptStranded(now)
	p := c.proposal
	switch {
	case p == nil:
	case c.attempt.open(now):
		if now-c.attempt.sent >= askEvery {
			c.ask(now, out)
		}
	case now-p.began >= proposeTime:
		c.giveUp(out)
	case c.attempt != nil && c.attempt.Phase() == paxos.Lost:
		c.raise()
		c.attempt = nil
		wait := min(backoffMin<<min(p.lost, 10), backoffMax)
		p.lost++
		p.retry = now + int64(wait) + int64(draw()%uint64(wait))
	case now >= p.retry:
		voters := c.meta.voters()
		need := len(voters)/2 + 1
		if p.voters != nil {
			voters, need = p.voters, len(p.voters)
		}
		if err := c.begin(now, voters, need, p.value, clock, draw, out); err != nil {
			c.proposal = nil
			out.tell(p.to, 0, err)
		}
	}
}

// adoptStranded makes a value this node's own proposal that it has voted for and
// that nobody has brought to an end, as its proposer died: it would otherwise
// be found, and chosen, by whoever next wants a change, however much later.
func (c *Core) adoptStranded(now int64) {
	if c.proposal == nil && !c.acceptor.Accepted.IsZero() && now-c.voted >= strandTime {
		c.voted = now
		c.proposal = &proposal{value: c.acceptor.Value, began: now}
	}
}

// asksFor notes that the voters are asked to accept a value.
func (c *Core) asksFor(value []byte) {
	if p := c.proposal; p != nil && bytes.Equal(p.value, value) {
		p.put = true
	}
}

// giveUp ends a proposal that was tried for long enough.
func (c *Core) giveUp(out *Effects) {
	p, err := c.proposal, ErrNoMajority
	if p.put {
		err = ErrUndecided
	}
	if c.attempt != nil {
		if why := c.whyNoVote(c.attempt.Waiting()); why != "" {
			err = fmt.Errorf("%w (%s)", err, why)
		}
		c.raise()
	}
	c.proposal, c.attempt = nil, nil
	out.tell(p.to, 0, err)
}

// whyNoVote says why votes are missing: who does not answer, and who does, but votes for
// nothing before an epoch names it anew.
func (c *Core) whyNoVote(missing []paxos.VoterID) string {
	var silent, forgotten, why []string
	for _, v := range missing {
		name := c.meta.nameOf(ring.NodeID(v))
		if generation, known := c.distrusted(ring.NodeID(v)); known && generation != 0 {
			forgotten = append(forgotten, name)
		} else {
			silent = append(silent, name)
		}
	}
	if len(silent) > 0 {
		why = append(why, "no answer from "+strings.Join(silent, ", "))
	}
	if len(forgotten) > 0 {
		why = append(why, "what it had voted for has been forgotten by "+strings.Join(forgotten, ", "))
	}
	return strings.Join(why, "; ")
}

// conclude tells the proposer what the epoch that this node is about to install
// means for its change.
func (c *Core) conclude(m *Metadata, doc []byte, out *Effects) {
	p := c.proposal
	if p == nil {
		return
	}
	c.proposal = nil
	switch next := c.meta.Epoch + 1; {
	case bytes.Equal(doc, p.value):
		out.tell(p.to, m.Epoch, nil)
	case m.Epoch == next || !p.put:
		out.tell(p.to, 0, fmt.Errorf("%w (epoch %d)", ErrOutrun, m.Epoch))
	default: // epochs in between were not seen
		out.tell(p.to, 0, fmt.Errorf("%w (epoch %d is in force)", ErrUndecided, m.Epoch))
	}
}
