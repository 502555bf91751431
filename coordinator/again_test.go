package coordinator

import (
	"testing"

	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/ring"
)

// inEpoch is a view of three nodes that all own everything.
func inEpoch(t *testing.T, e ring.Epoch) *ring.View {
	t.Helper()
	v := newView(1, 3, 3)
	v, err := ring.NewView(e, 1, 3, v.Members(), v.OwnersTable())
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// replies tells the Core a reply for each of the owners named, in that order.
func replies(c *Core, now int64, call uint64, r Reply, out *Effects, owners ...int) {
	for _, i := range owners {
		one := r
		c.Reply(now, call, nodeID(i), &one, out)
	}
}

// Rule 9: a replica that is in a newer epoch has not refused the write. It is sent
// again in that epoch, to all, and what was acknowledged in the older one does not
// count: the replica may have lost its disk since.
func TestAWriteBeginsAnewInANewEpoch(t *testing.T) {
	c, old, next := New(0, 4, Hedging{}), inEpoch(t, 1), inEpoch(t, 2)
	var out Effects
	c.Acting(old)
	c.Put(0, newPut(old, contract.Quorum, 5), &out)
	call := out.Sends[0].Call
	replies(c, 1, call, Reply{Ask: AskWrite}, &out, 0)
	replies(c, 1, call, Reply{Ask: AskWrite, Code: contract.StaleEpoch, Epoch: 2}, &out, 1, 2)
	if len(out.Answers) != 0 {
		t.Fatalf("answered while it can be sent again: %+v", out.Answers)
	}
	out.Reset()
	c.Tick(1+againAfter, &out)
	if len(out.Sends) != 2 {
		t.Fatalf("%d messages while this node does not know the new epoch, want one to each that refused", len(out.Sends))
	}
	replies(c, 30, call, Reply{Ask: AskWrite, Code: contract.StaleEpoch, Epoch: 2}, &out, 1, 2)
	out.Reset()
	c.Acting(next)
	c.Tick(30+againAfter, &out)
	if len(out.Sends) != 3 || len(out.Sends[0].Record) == 0 {
		t.Fatalf("%d messages in the new epoch, want one to every replica, with the record", len(out.Sends))
	}
	before := call
	call = out.Sends[0].Call
	replies(c, 55, before, Reply{Ask: AskWrite}, &out, 0, 2) // on their way since the older epoch
	replies(c, 60, call, Reply{Ask: AskWrite}, &out, 1)
	if len(out.Answers) != 0 {
		t.Fatalf("the acknowledgement of the older epoch was counted: %+v", out.Answers[0].Receipt)
	}
	replies(c, 60, call, Reply{Ask: AskWrite}, &out, 0)
	if len(out.Answers) != 1 || out.Answers[0].Code != contract.OK || out.Answers[0].Receipt.Acked != 2 {
		t.Fatalf("%+v", out.Answers)
	}
}

// A replica that is behind is asked again as it was: it has said nothing.
func TestAReplicaThatIsBehindIsAskedAgain(t *testing.T) {
	for _, op := range []Op{OpGet, OpPut} {
		c, view := New(0, 4, Hedging{}), inEpoch(t, 2)
		var out Effects
		c.Acting(view)
		r := newPut(view, contract.All, 5)
		if r.Op = op; op == OpGet {
			r.Record = nil
			c.Get(0, r, &out)
		} else {
			c.Put(0, r, &out)
		}
		call, asked := out.Sends[0].Call, out.Sends[1].Ask
		replies(c, 1, call, Reply{Ask: asked, Code: contract.NotReady, Epoch: 1}, &out, 1)
		if len(out.Answers) != 0 {
			t.Fatalf("answered: %+v", out.Answers)
		}
		out.Reset()
		c.Tick(1+againAfter, &out)
		if len(out.Sends) != 1 || out.Sends[0].To != nodeID(1) || out.Sends[0].Ask != asked {
			t.Errorf("op %d: asked again %+v", op, out.Sends)
		}
	}
}

// While it is behind it refuses, and the receipt says so: silent is who says nothing.
func TestAReplicaThatIsBehindIsNotCalledSilent(t *testing.T) {
	c, view := New(0, 4, Hedging{}), inEpoch(t, 2)
	var out Effects
	c.Acting(view)
	r := newPut(view, contract.Quorum, 5)
	r.Rows = true
	r.Up.remove(1)
	c.Put(0, r, &out)
	call := out.Sends[0].Call
	replies(c, 1, call, Reply{Ask: AskWrite}, &out, 0)
	replies(c, 1, call, Reply{Ask: AskWrite, Code: contract.NotReady, Epoch: 1}, &out, 2)
	c.Tick(r.Deadline, &out)
	if len(out.Answers) != 1 || out.Answers[0].Code != contract.Timeout {
		t.Fatalf("%+v", out.Answers)
	}
	want := []contract.RowState{contract.Durable, contract.Down, contract.Refused}
	for i, row := range out.Answers[0].Receipt.Rows {
		if row.State != want[i] {
			t.Errorf("row %d is %v, want %v", i, row.State, want[i])
		}
	}
}

// One that is in this epoch and not ready is not waited for.
func TestNotReadyInTheSameEpochIsARefusal(t *testing.T) {
	c, view := New(0, 4, Hedging{}), inEpoch(t, 2)
	var out Effects
	c.Acting(view)
	c.Put(0, newPut(view, contract.All, 5), &out)
	replies(c, 1, out.Sends[0].Call, Reply{Ask: AskWrite, Code: contract.NotReady, Epoch: 2}, &out, 0, 1, 2)
	if len(out.Answers) != 1 || out.Answers[0].Code != contract.Unavailable {
		t.Fatalf("%+v", out.Answers)
	}
}

// A note of the older epoch may be lost with the disk that it was on: "not applied"
// takes the notes of all in one epoch.
func TestNotesOfAnOlderEpochAreAskedForAgain(t *testing.T) {
	c, old, next := New(0, 4, Hedging{}), inEpoch(t, 1), inEpoch(t, 2)
	var out Effects
	c.Acting(old)
	r := newRequest(OpOutcome, old, contract.Quorum)
	r.Stamp = ver(5)
	c.Get(0, r, &out)
	call := out.Sends[0].Call
	replies(c, 1, call, Reply{Ask: AskRead}, &out, 0)
	replies(c, 1, call, Reply{Ask: AskDigest}, &out, 1, 2)
	replies(c, 2, call, Reply{Ask: AskVoid}, &out, 0)
	replies(c, 2, call, Reply{Ask: AskVoid, Code: contract.StaleEpoch, Epoch: 2}, &out, 1, 2)
	c.Acting(next)
	out.Reset()
	c.Tick(2+againAfter, &out)
	if len(out.Sends) != 3 || len(out.Answers) != 0 {
		t.Fatalf("%d messages in the new epoch, want one to every replica; answers %+v", len(out.Sends), out.Answers)
	}
	before, call := call, out.Sends[0].Call
	replies(c, 30, before, Reply{Ask: AskVoid}, &out, 0)
	replies(c, 30, call, Reply{Ask: AskVoid}, &out, 1, 2)
	if len(out.Answers) != 0 {
		t.Fatalf("the note of the older epoch was counted: %v", out.Answers[0].Fate)
	}
	replies(c, 30, call, Reply{Ask: AskVoid}, &out, 0)
	if len(out.Answers) != 1 || out.Answers[0].Fate != contract.NotApplied {
		t.Fatalf("%+v", out.Answers)
	}
}

// Members of a new epoch may stand at other places of its list. Stand-ins are known
// by their ids, and one that was not heard before is not counted on.
func TestStandInsKeepTheirNamesInANewEpoch(t *testing.T) {
	six := newView(1, 3, 6)
	members := append([]ring.Member(nil), six.Members()...)
	members = append(members[:3], members[4:]...) // d has left; e and f move up
	next, err := ring.NewView(2, 1, 3, members, six.OwnersTable())
	if err != nil {
		t.Fatal(err)
	}
	c := New(0, 4, Hedging{})
	var out Effects
	c.Acting(six)
	r := newPut(six, contract.Quorum, 5)
	r.Up, r.Sloppy, r.Stands = 0b001, true, []uint16{4, 3, 5}
	c.Put(0, r, &out)
	if len(out.Sends) != 2 || out.Sends[1].To != nodeID(4) {
		t.Fatalf("%+v", out.Sends)
	}
	replies(c, 1, out.Sends[0].Call, Reply{Ask: AskWrite, Code: contract.StaleEpoch, Epoch: 2}, &out, 0)
	late := out.Sends[1].Call
	c.Acting(next)
	out.Reset()
	c.Tick(1+againAfter, &out)
	call := out.Sends[0].Call
	replies(c, 30, late, Reply{Ask: AskStand}, &out, 4)
	replies(c, 30, call, Reply{Ask: AskWrite}, &out, 0)
	if len(out.Answers) != 0 || len(out.Sends) != 2 || out.Sends[1].Ask != AskStand || out.Sends[1].To != nodeID(5) {
		t.Fatalf("answers %+v, sent %+v", out.Answers, out.Sends)
	}
	replies(c, 40, call, Reply{Ask: AskStand}, &out, 5)
	if len(out.Answers) != 1 || out.Answers[0].Code != contract.OK || out.Answers[0].Receipt.Hinted != 1 {
		t.Fatalf("%+v", out.Answers)
	}
}

// One that had acknowledged the write in the older epoch has it, one that was still
// to answer may have it, and so may one that could not say. They are asked again with
// the others, and refusing then does not undo what they may have done: when all
// refuse the repetition, the write is in doubt.
func TestAWriteThatWasTakenInTheOlderEpochIsNotWithoutEffect(t *testing.T) {
	for _, row := range []struct {
		name  string
		level contract.Level
		said  []Reply // by the first replica, in the older epoch
	}{
		{"acknowledged", contract.Quorum, []Reply{{Ask: AskWrite}}},
		{"not answered yet", contract.Quorum, nil},
		{"lost", contract.One, []Reply{{Ask: AskWrite, Code: contract.Internal}}},
	} {
		t.Run(row.name, func(t *testing.T) {
			c, old, next := New(0, 4, Hedging{}), inEpoch(t, 1), inEpoch(t, 2)
			var out Effects
			c.Acting(old)
			c.Put(0, newPut(old, row.level, 5), &out)
			call := out.Sends[0].Call
			for _, said := range row.said {
				replies(c, 1, call, said, &out, 0)
			}
			replies(c, 1, call, Reply{Ask: AskWrite, Code: contract.StaleEpoch, Epoch: 2}, &out, 1, 2)
			c.Acting(next)
			out.Reset()
			c.Tick(1+againAfter, &out)
			replies(c, 30, out.Sends[0].Call, Reply{Ask: AskWrite, Code: contract.Overloaded}, &out, 0, 1, 2)
			if len(out.Answers) != 1 || out.Answers[0].Code != contract.InDoubt {
				t.Fatalf("%+v", out.Answers)
			}
		})
	}
}

// A read begins anew, too: who held the winner that is being written back may have
// lost it, and been rebuilt without it.
func TestAReadBeginsAnewInANewEpoch(t *testing.T) {
	c, old, next := New(0, 4, Hedging{}), inEpoch(t, 1), inEpoch(t, 2)
	var out Effects
	c.Acting(old)
	r := newPut(old, contract.Quorum, 5)
	r.Op = OpGet
	winner := r.Record
	r.Record = nil
	c.Get(0, r, &out)
	call := out.Sends[0].Call
	replies(c, 1, call, Reply{Ask: AskRead, Record: winner}, &out, 0)
	replies(c, 1, call, Reply{Ask: AskDigest}, &out, 1)
	if last := out.Sends[len(out.Sends)-1]; last.Ask != AskRepair || last.To != nodeID(1) || last.Epoch != 1 {
		t.Fatalf("no write-back in the epoch of the read: %+v", last)
	}
	replies(c, 2, call, Reply{Ask: AskRepair, Code: contract.StaleEpoch, Epoch: 2}, &out, 1)
	out.Reset()
	c.Acting(next)
	c.Tick(2+againAfter, &out)
	if len(out.Sends) != 2 {
		t.Fatalf("%d messages, want one to each that was asked", len(out.Sends))
	}
	call = out.Sends[0].Call
	for _, s := range out.Sends {
		if s.Ask != AskRead && s.Ask != AskDigest || s.Epoch != 2 {
			t.Errorf("in the new epoch %+v", s)
		}
	}
	// The holder has lost it: there is nothing to be found.
	replies(c, 30, call, Reply{Ask: AskRead}, &out, 0)
	replies(c, 30, call, Reply{Ask: AskDigest}, &out, 1)
	if len(out.Answers) != 1 || out.Answers[0].Code != contract.OK || out.Answers[0].Found || !out.Answers[0].Version.IsZero() {
		t.Fatalf("%+v", out.Answers)
	}
}

// fourInEpoch is a view of four nodes, of which the first three own everything.
func fourInEpoch(t *testing.T, e ring.Epoch) *ring.View {
	t.Helper()
	v := newView(1, 3, 4)
	v, err := ring.NewView(e, 1, 3, v.Members(), v.OwnersTable())
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// A stand-in that kept the write in the older epoch may have lost its disk since: it
// does not count, and nobody says that the write has had no effect.
func TestAStandInOfAnOlderEpochDoesNotCount(t *testing.T) {
	for _, first := range []contract.Code{contract.OK, contract.Overloaded} {
		c := New(0, 4, Hedging{})
		var out Effects
		c.Acting(fourInEpoch(t, 1))
		r := newPut(fourInEpoch(t, 1), contract.Quorum, 5)
		r.Up, r.Sloppy, r.Stands = 0b001, true, []uint16{3}
		c.Put(0, r, &out)
		call := out.Sends[0].Call
		replies(c, 1, call, Reply{Ask: AskStand}, &out, 3)
		replies(c, 1, call, Reply{Ask: AskWrite, Code: contract.StaleEpoch, Epoch: 2}, &out, 0)
		c.Acting(fourInEpoch(t, 2))
		out.Reset()
		c.Tick(1+againAfter, &out)
		replies(c, 30, out.Sends[0].Call, Reply{Ask: AskWrite, Code: first}, &out, 0)
		if len(out.Answers) != 1 || out.Answers[0].Code != contract.InDoubt || out.Answers[0].Receipt.Hinted != 0 {
			t.Errorf("%v: %+v", first, out.Answers)
		}
	}
}

// Nor do the notes of members that own no copy outlive an epoch: they are asked for
// again, with what they keep, of those too that have joined.
func TestNotesOfMembersAreAskedForAgain(t *testing.T) {
	c := New(0, 4, Hedging{})
	var out Effects
	c.Acting(fourInEpoch(t, 1))
	r := newRequest(OpOutcome, fourInEpoch(t, 1), contract.Quorum)
	r.Stamp, r.Stands = ver(5), []uint16{3}
	lacked := func(now int64) {
		t.Helper()
		call := out.Sends[len(out.Sends)-1].Call
		out.Reset()
		replies(c, now, call, Reply{Ask: AskRead}, &out, 0)
		replies(c, now, call, Reply{Ask: AskDigest}, &out, 1, 2)
	}
	barred := func(now int64) {
		t.Helper()
		if len(out.Sends) != 1 || out.Sends[0].Ask != AskVoid || out.Sends[0].To != nodeID(3) {
			t.Fatalf("at %d, where the member is to note it: %+v, %+v", now, out.Sends, out.Answers)
		}
		call := out.Sends[0].Call
		replies(c, now, call, Reply{Ask: AskVoid}, &out, 3)
		out.Reset()
		replies(c, now, call, Reply{Ask: AskHint}, &out, 3)
		if len(out.Sends) != 3 || out.Sends[0].Ask != AskVoid {
			t.Fatalf("at %d, where the replicas are to note it: %+v, %+v", now, out.Sends, out.Answers)
		}
	}
	stale := func(now int64, e ring.Epoch, ask Ask) {
		t.Helper()
		call := out.Sends[0].Call
		replies(c, now, call, Reply{Ask: ask, Code: contract.StaleEpoch, Epoch: uint64(e)}, &out, 1)
		c.Acting(fourInEpoch(t, e))
		out.Reset()
		c.Tick(now+againAfter, &out)
	}
	c.Get(0, r, &out)
	lacked(1)
	barred(2)
	stale(3, 2, AskVoid)
	barred(30)
	replies(c, 31, out.Sends[0].Call, Reply{Ask: AskVoid, Winner: ver(5)}, &out, 0) // it came to one, which is read again
	out.Sends = out.Sends[len(out.Sends)-1:]
	call := out.Sends[0].Call
	replies(c, 32, call, Reply{Ask: AskRead, Code: contract.StaleEpoch, Epoch: 3}, &out, 0)
	c.Acting(fourInEpoch(t, 3))
	out.Reset()
	c.Tick(32+againAfter, &out)
	lacked(60) // and is gone with a disk
	barred(61)
	replies(c, 62, out.Sends[0].Call, Reply{Ask: AskVoid}, &out, 0, 1, 2)
	if len(out.Answers) != 1 || out.Answers[0].Fate != contract.NotApplied {
		t.Fatalf("%+v", out.Answers)
	}
}

// A replica that was out of step when the write was answered is asked no more: it is
// left a hint at once, and costs nothing from then on.
func TestWhoIsOutOfStepAtTheAnswerIsLeftAHint(t *testing.T) {
	c, view := New(0, 4, Hedging{}), newView(1, 5, 5)
	var out Effects
	c.Acting(view)
	c.Put(0, newPut(view, contract.Quorum, 5), &out)
	call := out.Sends[0].Call
	replies(c, 1, call, Reply{Ask: AskWrite, Code: contract.StaleEpoch, Epoch: 9}, &out, 3)
	replies(c, 1, call, Reply{Ask: AskWrite}, &out, 0, 1, 2)
	if len(out.Answers) != 1 || out.Answers[0].Code != contract.OK {
		t.Fatalf("%+v", out.Answers)
	}
	if len(out.Hints) != 1 || out.Hints[0].Target != nodeID(3) || c.settling != 1 {
		t.Errorf("hints %+v, %d settle", out.Hints, c.settling)
	}
	if c.Tick(100, &out); c.due <= 100 {
		t.Errorf("at 100 something is due at %d", c.due)
	}
	if c.Tick(2000, &out); len(out.Hints) != 2 || c.settling != 0 {
		t.Errorf("in the end: hints %+v, %d settle", out.Hints, c.settling)
	}
}
