package admin

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/hlc"
	"github.com/candordb/candor/ring"
	"github.com/candordb/candor/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fake is a node of a cluster of four, of which n3 is down, with answers as the
// test wants them.
type fake struct {
	hintFake
	lossFake
	mu         sync.Mutex
	snapshot   *Snapshot
	namespaces []Namespace
	checks     []Check
	paused     time.Duration
	asked      *wire.Request // the last request
	answer     func(*wire.Request) (*wire.Answer, error)
}

var (
	testTime    = time.Date(2026, 3, 1, 12, 0, 1, 331e6, time.UTC)
	testVersion = hlc.Version{Time: hlc.Make(testTime.UnixMilli(), 0), Writer: 0x8f21c07d55aa1e04}
	newer       = hlc.Version{Time: hlc.Make(testTime.UnixMilli()+1, 0), Writer: 7}
)

func nodeID(i byte) ring.NodeID { return ring.NodeID{i, 0xca, 0xfe} }

func newFake(t testing.TB) *fake {
	t.Helper()
	var members []ring.Member
	for i, name := range []string{"n1", "n2", "n3", "n4"} {
		at := func(port string) string { return "10.0.0." + string(rune('1'+i)) + ":" + port }
		members = append(members, ring.Member{
			ID: nodeID(byte(i + 1)), Name: name, Zone: string(rune('a' + i)), Region: []string{"north", "south"}[i%2], State: ring.Normal,
			Client: at("7400"), Peer: at("7401"), Gossip: at("7402"), HTTP: at("7480"),
		})
	}
	view, err := ring.NewView(7, 4, 3, members, []uint16{0, 1, 2, 1, 2, 3, 2, 3, 0, 3, 0, 1})
	if err != nil {
		t.Fatal(err)
	}
	f := &fake{
		snapshot: &Snapshot{
			Time: testTime, Self: nodeID(1), Name: "n1", Region: "north", Version: "1.2.3", Incarnation: 5,
			Cluster: "shop-prod", ClusterID: [16]byte{1, 2, 3}, View: view,
		},
		namespaces: []Namespace{
			{Name: "default", Number: 1, Mode: "lww", Read: contract.Quorum, Write: contract.Quorum, ValueBytes: 1 << 10},
			{Name: "sessions", Number: 2, Mode: "lww", Read: contract.One, Write: contract.All, TTL: 30 * time.Minute, ValueBytes: 100, AllowStale: true},
		},
		checks: []Check{{Name: "storage"}, {Name: "clock"}},
	}
	for i, m := range members {
		row := Member{Member: m, Reachable: true, Linked: true, Gossip: "alive", Phi: 0.2134, HasPhi: i > 0}
		if i == 2 {
			row = Member{Member: m, Gossip: "dead", Why: "connection refused", Phi: 300, HasPhi: true}
		}
		f.snapshot.Members = append(f.snapshot.Members, row)
	}
	f.answer = answerWell
	return f
}

// change replaces the snapshot by a changed copy.
func (f *fake) change(how func(*Snapshot)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	next := *f.snapshot
	next.Members = append([]Member(nil), next.Members...)
	how(&next)
	f.snapshot = &next
}

func (f *fake) Snapshot() *Snapshot {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.snapshot
}

func (f *fake) Namespaces() []Namespace       { return f.namespaces }
func (f *fake) Alive(context.Context) []Check { return f.checks }
func (f *fake) Ready() []Check                { return f.checks }
func (f *fake) Started() []Check              { return f.checks }

func (f *fake) Settings() []Setting {
	return []Setting{{"cluster.name", "shop-prod", "file /etc/candor.yaml:2"}, {"http.hosts", "a,b", "--set"}, {"http.data", "true", "default"}}
}

// Ask holds a request to the rules that the protocol has for it, then answers.
func (f *fake) Ask(ctx context.Context, q *wire.Request) (*wire.Answer, error) {
	f.mu.Lock()
	f.asked = q
	answer := f.answer
	f.mu.Unlock()
	sent := *q
	sent.ID = 1
	var got wire.Request
	if err := wire.DecodeRequest(sent.Append(nil)[wire.HeaderBytes:], &got); err != nil {
		refused, ok := err.(*wire.RequestError)
		if !ok {
			panic("the request cannot be decoded: " + err.Error())
		}
		return &wire.Answer{Head: wire.Head{Op: q.Op, Code: refused.Code, Epoch: 7}, Error: wire.Error{Message: refused.Message}}, nil
	}
	if q.Condition.Kind != wire.NoCondition && string(q.Key) != "serial" {
		return &wire.Answer{Head: wire.Head{Op: q.Op, Code: contract.WrongMode, Epoch: 7}, Error: wire.Error{Message: "a condition is for serial namespaces", Mode: "lww"}}, nil
	}
	return answer(q)
}

// answerWell answers as a cluster that holds every key but "absent".
func answerWell(q *wire.Request) (*wire.Answer, error) {
	receipt := contract.Receipt{Need: 2, Asked: 3, Acked: 2, Durable: 2, Level: contract.Quorum}
	if q.Flags&contract.Rows != 0 {
		receipt.Rows = []contract.Row{
			{Node: nodeID(1), State: contract.Durable, Version: testVersion.Bytes()}, {Node: nodeID(2), State: contract.Durable, Version: testVersion.Bytes()},
			{Node: nodeID(3), State: contract.Down},
		}
	}
	var trace []wire.TraceStep
	if q.Flags&contract.Trace != 0 {
		trace = []wire.TraceStep{{OffsetUS: 0, Node: nodeID(1), What: "needs 2 of 3"}, {OffsetUS: 210, Node: nodeID(2), What: "read 0.18ms"}}
	}
	a := &wire.Answer{Head: wire.Head{Op: q.Op, ID: q.ID, Epoch: 7}}
	switch q.Op {
	case wire.OpGet:
		a.Get = wire.GetAnswer{Receipt: receipt, Trace: trace}
		if string(q.Key) != "absent" {
			a.Get.Found, a.Get.Value, a.Get.Version, a.Get.ExpiresAt = true, []byte("<b>value</b>"), testVersion, testTime.Add(time.Hour).UnixMilli()
		}
	case wire.OpPut, wire.OpDelete:
		a.Write = wire.WriteAnswer{Version: testVersion, Receipt: receipt, Trace: trace}
		switch string(q.Key) {
		case "lost":
			a.Write.Outcome, a.Write.Winner = contract.Superseded, newer
		case "buried":
			a.Write.Buried = newer
		}
	case wire.OpScan:
		a.Scan.Items = []wire.ScanItem{{Key: []byte("a"), Value: []byte("1"), Version: testVersion}, {Key: []byte{0xff}, Value: []byte{0xfe}, Version: newer, ExpiresAt: testTime.UnixMilli()}}
		a.Scan.Cursor, a.Scan.Coverage = []byte{1, 0xff, 3}, wire.Coverage{Done: 2, MetLevel: 2, Asked: 4}
	case wire.OpOutcome:
		a.Outcome = wire.OutcomeAnswer{Fate: contract.FateSuperseded, Winner: newer, Receipt: receipt}
	case wire.OpExplain:
		a.Explain = wire.ExplainAnswer{Token: 0x27525313dfa73c54, Partition: 0, RepairedAsOf: uint64(testTime.UnixMilli()), Winner: testVersion, Rows: []wire.ExplainRow{
			{Node: nodeID(1), Role: wire.RoleNatural, Reachable: true, HasPhi: true, Phi: 213, Version: testVersion, ValueBytes: 12, ChecksumOK: true},
			{Node: nodeID(2), Role: wire.RoleNatural, Reachable: true, Version: newer, Tombstone: true, ExpiresAt: testTime.UnixMilli(), ChecksumOK: true, HintsPending: 3},
			{Node: nodeID(3), Role: wire.RoleNatural},
			{Node: nodeID(4), Role: wire.RoleStandIn, Reachable: true, ChecksumOK: true},
			{Node: nodeID(4), Role: wire.RoleJoining, Reachable: true},
			{Node: nodeID(1), Role: wire.RoleNatural, Reachable: true, Version: testVersion, ValueBytes: 1, ChecksumOK: true, ExpiresAt: testTime.UnixMilli()},
		}}
	}
	return a, nil
}

// refusal makes an answer with an error.
func refusal(code contract.Code, e wire.Error) func(*wire.Request) (*wire.Answer, error) {
	return func(q *wire.Request) (*wire.Answer, error) {
		return &wire.Answer{Head: wire.Head{Op: q.Op, Code: code, Epoch: 7}, Error: e}, nil
	}
}

func newServer(node Node) *Server {
	return New(node, Options{
		Hosts: []string{"n1.example"}, Data: true, ValueBytes: 1 << 10, Timeout: time.Second, Log: slog.New(slog.DiscardHandler),
		Metrics: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "candor_epoch 7\n") }),
	})
}

// do makes one request. Headers are "Name: value".
func do(s http.Handler, method, target, body string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	r.Host = "localhost:7480"
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		if name == "Host" {
			r.Host = value
			continue
		}
		r.Header.Add(name, value)
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w
}

func fateOf(fate contract.Fate) func(*wire.Request) (*wire.Answer, error) {
	return func(q *wire.Request) (*wire.Answer, error) {
		a, err := answerWell(q)
		a.Outcome.Fate = fate
		return a, err
	}
}
