package repair

import (
	"errors"

	"github.com/candordb/candor/hlc"
	"github.com/candordb/candor/ring"
	"github.com/candordb/candor/traitor"
)

// call is something that was sent or written, and what is to be done when its end
// is told.
type call struct {
	to       ring.NodeID // zero: this node
	deadline int64
	done     func(r result, out *Effects)
}

// result is how a call ended: well, or for a reason.
type result struct {
	reason Reason
	head   head
	body   reader
	record []byte // nil: there is none
}

// open makes a call.
func (c *Core) open(to ring.NodeID, done func(result, *Effects)) (id uint64, deadline int64) {
	c.callSerial++
	id = CallShard<<56 | c.callSerial&(1<<56-1)
	c.calls[id] = &call{to, c.now + c.o.Timeout, done}
	c.order = append(c.order, id)
	return id, c.now + c.o.Timeout
}

// end ends a call, if it is one and has not ended.
func (c *Core) end(id uint64, r result, out *Effects) {
	if k := c.calls[id]; k != nil {
		delete(c.calls, id)
		k.done(r, out)
	}
}

// expire ends the calls that nobody has ended in time. They were made in the
// order of their deadlines.
func (c *Core) expire(out *Effects) {
	for len(c.order) > 0 {
		k := c.calls[c.order[0]]
		if k != nil && k.deadline > c.now {
			return
		}
		id := c.order[0]
		c.order = c.order[1:]
		c.end(id, result{reason: Lost}, out)
	}
}

// dropAsked forgets what members were asked, for answers that would be of another
// epoch. What is on its way to this node's committer is not forgotten.
func (c *Core) dropAsked() {
	for _, id := range c.order {
		if k := c.calls[id]; k != nil && !k.to.IsZero() {
			delete(c.calls, id)
		}
	}
}

// LinkDown tells that what was sent to a member and not answered may be lost.
func (c *Core) LinkDown(to ring.NodeID, out *Effects) {
	if p := c.peer(to); p != nil {
		p.up = false // even if it is up again before anybody looks
	}
	for _, id := range append([]uint64(nil), c.order...) {
		if k := c.calls[id]; k != nil && k.to == to {
			c.end(id, result{reason: Lost}, out)
		}
	}
}

// Failed tells that a call came to nothing: it could not be sent, or was refused
// by somebody before it.
func (c *Core) Failed(id uint64, out *Effects) { c.end(id, result{reason: Lost}, out) }

// Written tells the end of a Write: it, or a higher version of the key, is durable
// where it was to be; or it was refused.
func (c *Core) Written(id uint64, durable bool, out *Effects) {
	if durable {
		c.end(id, result{}, out)
	} else {
		c.end(id, result{reason: Refused}, out)
	}
}

// Got tells the end of a Read: the record, nil if there is none. Damage there is
// a failure: Failed.
func (c *Core) Got(id uint64, record []byte, out *Effects) {
	c.follow() // what was read in an older epoch is of a replica that may have lost it since
	c.end(id, result{record: record}, out)
}

// Recounted tells that the tree of a partition was counted anew from storage, or
// that it could not be, and what was read for that.
func (c *Core) Recounted(partition int, ok bool, records, bytes uint64, out *Effects) {
	c.recounted(partition, ok, records, bytes)
	c.rebuildCounted(partition, ok, out)
	c.passOn(out)
}

// Answer takes the answer of a member to a Send.
func (c *Core) Answer(from ring.NodeID, id uint64, document []byte, out *Effects) {
	k := c.calls[id]
	if k == nil || k.to != from {
		return
	}
	c.counters.BytesIn += uint64(len(document))
	h, body, err := parseHead(document)
	switch {
	case err != nil:
		c.end(id, result{reason: Malformed}, out)
	case h.kind == kindRefusal:
		reason, err := parseRefusal(body)
		if err != nil || reason == None {
			reason = Malformed
		}
		c.end(id, result{reason: reason}, out)
	case c.otherEpoch(h):
		c.end(id, result{reason: OtherEpoch}, out)
	default:
		c.end(id, result{head: h, body: body}, out)
	}
}

// otherEpoch says that the sender of a message knows other owners than this
// node, so that its partitions, and who is all, are not ours.
func (c *Core) otherEpoch(h head) bool {
	return h.epoch != c.epoch() && !traitor.Is(traitor.ExchangeIgnoresEpoch)
}

// send asks a member. want is the kind of the answer; one of another kind is a
// failure.
func (c *Core) send(to ring.NodeID, kind byte, b body, out *Effects, done func(result, *Effects)) {
	id, deadline := c.open(to, func(r result, out *Effects) {
		if r.reason == None && r.head.kind != kind|answered {
			r.reason = Malformed
		}
		done(r, out)
	})
	out.Sends = append(out.Sends, Send{To: to, Call: id, Deadline: deadline, Document: c.message(kind, b)})
}

// message encodes a message of this node.
func (c *Core) message(kind byte, b body) []byte {
	c.serial++
	doc := b.append(head{kind, c.epoch(), c.o.Instance, c.serial}.append(nil))
	c.counters.BytesOut += uint64(len(doc))
	return doc
}

// write asks a committer for a write.
func (c *Core) write(w Write, out *Effects, done func(result, *Effects)) {
	w.Call, w.Deadline = c.open(w.To, done)
	out.Writes = append(out.Writes, w)
}

// Request handles a request of a member. The reply follows at once or, where
// something has to be durable first, in the effects of a later call.
func (c *Core) Request(from ring.NodeID, ticket Ticket, document []byte, out *Effects) {
	c.follow()
	c.counters.BytesIn += uint64(len(document))
	reply := func(kind byte, b body, out *Effects) {
		out.Replies = append(out.Replies, Reply{ticket, c.message(kind, b)})
	}
	h, body, err := parseHead(document)
	switch {
	case err != nil:
		reply(kindRefusal, refusal(Malformed), out)
		return
	case c.view == nil || c.otherEpoch(h) || c.peer(from) == nil:
		reply(kindRefusal, refusal(OtherEpoch), out)
		return
	}
	if err := c.serve(c.peer(from), h, body, reply, out); err != nil {
		var no refusedError
		if !errors.As(err, &no) {
			no.reason = Malformed
		}
		c.counters.Refusals++
		reply(kindRefusal, refusal(no.reason), out)
	}
}

// refusedError is the error of a request that is refused for a reason.
type refusedError struct{ reason Reason }

func (e refusedError) Error() string { return "repair: this node " + e.reason.String() }

// serve answers one request, or says by its error why not.
func (c *Core) serve(from *peer, h head, r reader, reply func(byte, body, *Effects), out *Effects) error {
	var answer body
	var err error
	switch h.kind {
	case kindSay:
		answer, err = c.heardSay(from, r)
	case kindRoots:
		answer, err = c.answerRoots(from, h, r)
	case kindOpen:
		answer, err = c.answerOpen(from, r)
	case kindDescend:
		answer, err = c.answerDescend(from, r)
	case kindLeaves:
		answer, err = c.answerLeaves(from, r, out)
	case kindDone:
		answer, err = c.heardDone(from, r)
	case kindTell:
		answer, err = c.heardTell(from, h, r)
	case kindSource:
		answer, err = c.answerSource(from, r)
	case kindVoids:
		answer, err = c.answerVoids(from, r)
	case kindAgree, kindAdopt:
		return c.answerMarks(from, h.kind, r, reply, out)
	default:
		err = refusedError{Malformed}
	}
	if err == nil {
		reply(h.kind|answered, answer, out)
	}
	return err
}

// shared is a partition that this node and a member replicate, as this node may
// show it.
func (c *Core) shared(with *peer, partition int) (*part, error) {
	p := c.part(partition)
	switch {
	case p == nil || p.pair(with.id) == nil:
		return nil, refusedError{NotOwner}
	case c.local.Marks(partition).Quarantined:
		return nil, refusedError{Quarantined}
	}
	return p, nil
}

// least is what the hints of all members lie above, own included, as far as this
// node has heard: 0 if one has said nothing.
func (c *Core) least() hlc.Timestamp {
	least := c.hintsAbove()
	for _, p := range c.peers {
		least = min(least, p.above)
	}
	return least
}
