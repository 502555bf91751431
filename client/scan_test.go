package client

import (
	"errors"
	"testing"

	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/hlc"
	"github.com/candordb/candor/wire"
)

// scanning answers SCAN with two pages of one key, with that coverage at the
// end; the second page may be refused.
func scanning(end wire.Coverage, refuse contract.Code) func(*fakeConn, *wire.Request) {
	return orRing(func(k *fakeConn, q *wire.Request) {
		a := wire.ScanAnswer{Coverage: wire.Coverage{Done: 1, MetLevel: 1, Asked: 2}, Cursor: []byte("c1")}
		a.Items = []wire.ScanItem{{Key: []byte("a"), Version: hlc.Version{Time: 1}}}
		if string(q.Cursor) == "c1" {
			if refuse != contract.OK {
				k.refuse(q, refuse, wire.Error{Need: 2, Reachable: 1, N: 3})
				return
			}
			a.Coverage, a.Cursor, a.Items[0].Key = end, nil, []byte("b")
		}
		k.send(a.Append(nil, k.head(q, contract.OK)))
	})
}

// "ErrPartial if a partition is missing": a scan that ends without an error has
// covered everything.
func TestScanTellsWhatIsMissing(t *testing.T) {
	for name, tc := range map[string]struct {
		end    wire.Coverage
		refuse contract.Code
		opts   []CallOption
		keys   int
		want   error // found in the last error; nil: there is none
		cursor string
	}{
		"whole":                        {end: wire.Coverage{Done: 2, MetLevel: 2, Asked: 2}, keys: 2},
		"weakened":                     {end: wire.Coverage{Done: 2, MetLevel: 1, Asked: 2}, opts: []CallOption{Weaken()}, keys: 2},
		"weaker, unasked":              {end: wire.Coverage{Done: 2, MetLevel: 1, Asked: 2}, keys: 2, want: ErrPartial},
		"a partition is left out":      {end: wire.Coverage{Done: 1, MetLevel: 1, Asked: 2}, keys: 2, want: ErrPartial},
		"a partition is left out, too": {end: wire.Coverage{Done: 1, MetLevel: 1, Asked: 2}, opts: []CallOption{Weaken()}, keys: 2, want: ErrPartial},
		"a partition is refused":       {refuse: contract.Unavailable, keys: 1, want: ErrUnavailable, cursor: "c1"},
		"from a cursor":                {end: wire.Coverage{Done: 2, MetLevel: 2, Asked: 2}, opts: []CallOption{From([]byte("c1"))}, keys: 1},
	} {
		inBubble(t, 1, func(t *testing.T, cl *cluster) {
			c := cl.open("n1")
			cl.on(scanning(tc.end, tc.refuse))
			keys, bad := 0, error(nil)
			var p Progress
			for item, err := range c.Scan(t.Context(), nil, append(tc.opts, PageSize(7), ProgressTo(&p))...) {
				if bad != nil {
					t.Errorf("%s: something follows the error", name)
				}
				if bad = err; err == nil {
					keys++
					if p.Keys == 0 || len(item.Key) != 1 {
						t.Errorf("%s: progress %+v before %q", name, p, item.Key)
					}
				}
			}
			var partial *PartialError
			switch {
			case keys != tc.keys, (bad == nil) != (tc.want == nil), tc.want != nil && (!errors.Is(bad, tc.want) || !errors.Is(bad, ErrPartial)):
				t.Errorf("%s: %d keys, %v", name, keys, bad)
			case bad != nil && (!errors.As(bad, &partial) || string(partial.Cursor) != tc.cursor || partial.Keys != tc.keys):
				t.Errorf("%s: %+v", name, partial)
			case bad == nil && (p.Coverage.Done != 2 || p.Cursor != nil || p.Keys != tc.keys || p.Epoch != 1):
				t.Errorf("%s: %+v", name, p)
			}
			for _, q := range cl.node(1).requests(wire.OpScan) {
				if q.Limit != 7 || (q.Flags == contract.Weaken) != (len(tc.opts) == 1 && name != "from a cursor") {
					t.Errorf("%s: %+v", name, q)
				}
			}
		})
	}
}

func TestPartialErrorText(t *testing.T) {
	for want, e := range map[string]*PartialError{
		"the scan is not complete, 1 of 4 partitions are read, 1 of them at the level": {Progress: Progress{Coverage: Coverage{1, 1, 4}}},
		"the scan is not complete, nothing is read: it rains":                          {Err: errors.New("it rains")},
	} {
		if e.Error() != want {
			t.Errorf("%s", e.Error())
		}
	}
}
