package client

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/hlc"
	"github.com/candordb/candor/wire"
)

func TestExplain(t *testing.T) {
	inBubble(t, 3, func(t *testing.T, cl *cluster) {
		c := cl.open(dsn)
		v, asked := hlc.Version{Time: 5, Writer: 6}, ""
		cl.on(orRing(func(k *fakeConn, q *wire.Request) {
			if q.Op == wire.OpExplain {
				asked = k.n.id.String()
			}
			if q.Op != wire.OpExplain || string(q.Key) != "k" {
				t.Errorf("%+v", q)
			}
			a := wire.ExplainAnswer{Token: 1 << 63, Partition: 4, RepairedAsOf: 1000, Winner: v, Rows: []wire.ExplainRow{
				{Node: cl.node(2).id, Role: wire.RoleNatural, Reachable: true, Phi: 1500, HasPhi: true, Version: v, ExpiresAt: 2000, ValueBytes: 7, ChecksumOK: true, HintsPending: 3},
				{Node: [16]byte{9}, Role: wire.RoleStandIn},
			}}
			k.send(a.Append(nil, k.head(q, contract.OK)))
		}))
		got, err := c.Explain(t.Context(), []byte("k"))
		if err != nil {
			t.Fatal(err)
		}
		want := Explanation{
			Key: []byte("k"), Token: 1 << 63, Partition: 4, RepairedAsOf: time.UnixMilli(1000).UTC(), Winner: v, Epoch: 1, Asked: asked, Rows: []ExplainRow{
				{
					Node: "n2", ID: "020000000000000000000000000000aa", Role: RoleNatural, Reachable: true, Phi: 1.5, HasPhi: true, Version: v,
					Expires: time.UnixMilli(2000).UTC(), ValueBytes: 7, ChecksumOK: true, HintsPending: 3,
				},
				{Node: "09000000000000000000000000000000", ID: "09000000000000000000000000000000", Role: RoleStandIn},
			},
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	})
}

// Contract 3: done, not applied, in doubt; forgotten and pending are in doubt.
func TestOutcomeOfEachFate(t *testing.T) {
	winner := hlc.Version{Time: 9, Writer: 9}
	for fate, want := range map[contract.Fate]Outcome{
		contract.Pending: InDoubt, contract.Committed: Done, contract.FateSuperseded: Done, contract.NotApplied: NotApplied, contract.Forgotten: InDoubt, 77: InDoubt,
	} {
		inBubble(t, 1, func(t *testing.T, cl *cluster) {
			c := cl.open("n1")
			v := hlc.Version{Time: 5, Writer: 6}
			cl.on(orRing(func(k *fakeConn, q *wire.Request) {
				if q.Version != v {
					t.Errorf("asked for %v", q.Version)
				}
				a := wire.OutcomeAnswer{Fate: fate, Receipt: contract.Receipt{Need: 2, Acked: 2}}
				switch fate {
				case contract.Committed:
					a.Winner = v
				case contract.FateSuperseded:
					a.Winner = winner
				}
				k.send(a.Append(nil, k.head(q, contract.OK)))
			}))
			got, r, err := c.Outcome(t.Context(), []byte("k"), v)
			if err != nil || got != want || r.Version != v || r.Superseded() != (fate == contract.FateSuperseded) {
				t.Errorf("%v: %v, %+v, %v", fate, got, r, err)
			}
		})
	}
	inBubble(t, 1, func(t *testing.T, cl *cluster) {
		c := cl.open("n1")
		cl.on(refusing(contract.Unsupported, wire.Error{}))
		if got, _, err := c.Outcome(t.Context(), []byte("k"), winner); err == nil || got != InDoubt {
			t.Errorf("nothing was learned: %v, %v", got, err)
		}
	})
}
