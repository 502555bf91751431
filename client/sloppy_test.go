package client

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/wire"
)

// keeping answers writes as if a stand-in had kept them.
func keeping(k *fakeConn, q *wire.Request) {
	if q.Op == wire.OpOutcome {
		a := wire.OutcomeAnswer{Fate: contract.Committed, Winner: q.Version, Receipt: contract.Receipt{Need: 2, Acked: 2}}
		k.send(a.Append(nil, k.head(q, contract.OK)))
		return
	}
	a := wire.WriteAnswer{Version: q.Version, Receipt: contract.Receipt{Need: 2, Asked: 1, Acked: 1, Durable: 1, Hinted: 1, Level: contract.Quorum}}
	k.send(a.Append(nil, k.head(q, contract.OK)))
}

// Sloppy goes along with writes and OUTCOMEs, and with nothing else; what a
// stand-in keeps is counted apart.
func TestSloppyGoesAlongWithWrites(t *testing.T) {
	inBubble(t, 1, func(t *testing.T, cl *cluster) {
		c := cl.open("n1")
		cl.on(orRing(keeping))
		key := []byte("k")
		r, err := c.Put(t.Context(), key, nil, Sloppy())
		if err != nil || r.Need != 2 || r.Asked != 1 || r.Acked != 1 || r.Durable != 1 || r.Hinted != 1 || r.Level != Quorum {
			t.Errorf("%+v, %v", r, err)
		}
		if r, err := c.Delete(t.Context(), key, Sloppy(), At(Any)); err != nil || r.Hinted != 1 {
			t.Errorf("%+v, %v", r, err)
		}
		for _, fate := range [][]CallOption{{Sloppy()}, {Sloppy(), Ordered(), PerReplica()}, nil} {
			if f, _, err := c.Fate(t.Context(), key, r.Version, fate...); err != nil || f != FateCommitted {
				t.Errorf("%v, %v", f, err)
			}
		}
		if o, _, err := c.Outcome(t.Context(), key, r.Version, Sloppy()); err != nil || o != Done {
			t.Errorf("%v, %v", o, err)
		}
		n := cl.node(1)
		for _, tc := range []struct {
			op   wire.Op
			want []contract.Flags
		}{
			{wire.OpPut, []contract.Flags{contract.Sloppy}}, {wire.OpDelete, []contract.Flags{contract.Sloppy}},
			{wire.OpOutcome, []contract.Flags{contract.OutcomeSloppy, contract.OutcomeSloppy, 0, contract.OutcomeSloppy}},
		} {
			var got []contract.Flags
			for _, q := range n.requests(tc.op) {
				got = append(got, q.Flags)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%v: %s", tc.op, diff)
			}
		}
		if q := n.requests(wire.OpDelete); q[0].Level != contract.Any {
			t.Errorf("level %v", q[0].Level)
		}
	})
}

// A read that is told to be sloppy is none: the flag would be refused. So it goes
// in a Do as well.
func TestSloppyIsNoFlagOfReads(t *testing.T) {
	inBubble(t, 1, func(t *testing.T, cl *cluster) {
		c := cl.open("n1")
		if _, err := c.Get(t.Context(), []byte("k"), Sloppy()); err != nil {
			t.Fatal(err)
		}
		c.Do(t.Context(), []Op{OpGet([]byte("k"), Sloppy()), OpPut([]byte("l"), nil, Sloppy())})
		for _, q := range cl.node(1).requests(wire.OpGet) {
			if q.Flags != 0 {
				t.Errorf("flags %b of a read", q.Flags)
			}
		}
	})
}
