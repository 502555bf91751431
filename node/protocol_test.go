package node

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"testing"

	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/hlc"
	"github.com/candordb/candor/wire"
)

// socket is a raw connection to a node's client port.
type socket struct {
	t *testing.T
	net.Conn
}

// greet opens a connection and says HELLO.
func greet(t *testing.T, addr string) socket {
	t.Helper()
	s := socket{t, dial(t, addr)}
	s.send(hello(1))
	if a := readAnswer(t, s); a.Op != wire.OpHello || a.ID != 1 || a.Code != contract.OK {
		t.Fatalf("HELLO: %+v %s", a.Head, a.Error.Message)
	}
	return s
}

func (s socket) send(frames ...[]byte) {
	s.t.Helper()
	if _, err := s.Write(bytes.Join(frames, nil)); err != nil {
		s.t.Fatal(err)
	}
}

// ask sends a request and reads the answer, which has to be its own.
func (s socket) ask(q *wire.Request) wire.Answer {
	s.t.Helper()
	s.send(q.Append(nil))
	a := readAnswer(s.t, s)
	if a.Op != q.Op || a.ID != q.ID || a.Clock == 0 {
		s.t.Errorf("%v %d is answered by %+v", q.Op, q.ID, a.Head)
	}
	return a
}

// next reads one answer; ops are those of the BATCH that it answers.
func (s socket) next(ops ...wire.Op) (a wire.Answer, err error) {
	var head [wire.HeaderBytes]byte
	if _, err := io.ReadFull(s, head[:]); err != nil {
		return a, err
	}
	body := make([]byte, binary.BigEndian.Uint32(head[:]))
	if _, err := io.ReadFull(s, body); err != nil {
		return a, err
	}
	return a, wire.DecodeAnswer(body, &a, ops...)
}

// ends says whether the connection is closed with nothing more sent.
func (s socket) ends() bool {
	got, closed := closedSilently(s)
	return closed && len(got) == 0
}

// ofKey is a request for one key, with what change does to it.
func ofKey(op wire.Op, id uint64, key string, change func(*wire.Request)) *wire.Request {
	q := &wire.Request{Op: op, ID: id, Key: []byte(key), Value: []byte("v")}
	if change != nil {
		change(q)
	}
	return q
}

// protocol.md, Requests of clients: each row, good and bad.
func TestEveryRowOverASocket(t *testing.T) {
	c := startCluster(t, 1)
	s := greet(t, c.nodes[0].config.Listen.Client)
	t.Run("requests", func(t *testing.T) { everyRequest(t, s) })
	t.Run("refusals", func(t *testing.T) { everyRefusal(t, s) })
	t.Run("frames", func(t *testing.T) { everyRefusedFrame(t, c.nodes[0].config.Listen.Client) })
}

// everyRequest looks at the fields of each good answer.
func everyRequest(t *testing.T, s socket) {
	id := uint64(100)
	ask := func(op wire.Op, key string, change func(*wire.Request)) wire.Answer {
		t.Helper()
		id++
		a := s.ask(ofKey(op, id, key, change))
		if a.Code != contract.OK || a.Epoch != 1 {
			t.Errorf("%v: %v %s", op, a.Code, a.Error.Message)
		}
		return a
	}
	want := func(what string, is bool, got any) {
		t.Helper()
		if !is {
			t.Errorf("%s: %+v", what, got)
		}
	}
	ask(wire.OpPing, "", nil)
	ring := ask(wire.OpRing, "", nil).Ring
	want("RING", ring.Q == 64 && ring.N == 1 && len(ring.Members) == 1 && len(ring.Owners) == 128 && ring.Members[0].State == 2, ring)
	first := ask(wire.OpPut, "k", func(q *wire.Request) { q.Flags = contract.Rows | contract.Trace }).Write
	one := contract.Receipt{Need: 1, Asked: 1, Acked: 1, Durable: 1, Level: contract.Quorum}
	want("PUT", !first.Version.IsZero() && first.Outcome == contract.Applied && first.Winner.IsZero() && first.Buried.IsZero(), first)
	want("rows", len(first.Receipt.Rows) == 1 && first.Receipt.Rows[0].State == contract.Durable && first.Receipt.Rows[0].Version == first.Version.Bytes(), first.Receipt)
	want("trace", len(first.Trace) > 0 && first.Trace[0].What != "" && first.Trace[0].Node == ring.Members[0].ID, first.Trace)
	got := ask(wire.OpGet, "k", func(q *wire.Request) { q.After, q.Flags = first.Version, contract.Weaken }).Get
	want("GET", got.Found && string(got.Value) == "v" && got.Version == first.Version && got.ExpiresAt == 0 && got.Trace == nil, got)
	want("receipt", got.Receipt.String() == one.String() && got.Receipt.Level == one.Level && got.Receipt.Rows == nil, got.Receipt)
	never := ask(wire.OpGet, "never", nil).Get
	want("GET of nothing", !never.Found && never.Value == nil && never.Version.IsZero(), never)
	buried := ask(wire.OpPut, "k", func(q *wire.Request) { q.HasSeen = true }).Write
	want("buried", buried.Buried == first.Version, buried)
	older := hlc.Version{Time: first.Version.Time, Writer: first.Version.Writer - 1}
	lost := ask(wire.OpPut, "k", func(q *wire.Request) { q.Version, q.HasVersion = older, true }).Write
	want("superseded", lost.Version == older && lost.Outcome == contract.Superseded && lost.Winner == buried.Version, lost)
	ordered := ask(wire.OpPut, "k", func(q *wire.Request) { q.Flags, q.TTL, q.HasTTL = contract.Ordered, 60_000, true }).Write
	want("ordered", buried.Version.Less(ordered.Version), ordered)
	expires := ask(wire.OpGet, "k", nil).Get
	want("ttl", expires.ExpiresAt == ordered.Version.Time.Millis()+60_000, expires)
	scanned := ask(wire.OpScan, "", func(q *wire.Request) { q.Limit, q.Level = 10, contract.All }).Scan
	want("SCAN", len(scanned.Items) == 1 && scanned.Items[0].Version == ordered.Version && scanned.Cursor == nil, scanned)
	want("coverage", scanned.Coverage == wire.Coverage{Done: 64, MetLevel: 64, Asked: 64}, scanned.Coverage)
	known := ask(wire.OpExplain, "k", nil).Explain
	want("EXPLAIN", known.Token != 0 && known.Partition == known.Token>>58 && known.Winner == ordered.Version && len(known.Rows) == 1, known)
	row := known.Rows[0]
	want("EXPLAIN row", row.Role == wire.RoleNatural && row.Reachable && row.Version == ordered.Version && row.ChecksumOK && row.ValueBytes == 1, row)
	kept := ask(wire.OpPut, "any", func(q *wire.Request) { q.Level, q.Flags = contract.Any, contract.Sloppy }).Write
	want("any", kept.Receipt.Need == 1 && kept.Receipt.Acked == 1 && kept.Receipt.Hinted == 0 && kept.Receipt.Level == contract.Any, kept.Receipt)
	gone := ask(wire.OpDelete, "k", nil).Write
	tomb := ask(wire.OpGet, "k", nil).Get
	want("DELETE", !tomb.Found && tomb.Version == gone.Version, tomb)
	unused := hlc.Version{Time: gone.Version.Time, Writer: 5}
	for _, o := range []struct {
		key     string
		version hlc.Version
		fate    contract.Fate
		winner  hlc.Version
	}{
		{"k", gone.Version, contract.Committed, gone.Version}, {"k", first.Version, contract.FateSuperseded, gone.Version},
		{"unused", unused, contract.NotApplied, hlc.Version{}}, {"any", kept.Version, contract.Committed, kept.Version},
	} {
		for _, sloppy := range []contract.Flags{0, contract.OutcomeSloppy} {
			a := ask(wire.OpOutcome, o.key, func(q *wire.Request) { q.Version, q.HasVersion, q.Flags = o.version, true, sloppy }).Outcome
			want("OUTCOME "+o.fate.String(), a.Fate == o.fate && a.Winner == o.winner, a)
		}
	}
	a := s.ask(ofKey(wire.OpPut, 99, "unused", func(q *wire.Request) { q.Version, q.HasVersion = unused, true }))
	want("given up", a.Code == contract.Clock && a.Error.Kind == contract.StampGivenUp, a)
	everyBatch(t, s)
}

// everyBatch mixes what is done with what is not.
func everyBatch(t *testing.T, s socket) {
	ops := []wire.Op{wire.OpPut, wire.OpGet, wire.OpDelete, wire.OpAdd, wire.OpGet, wire.OpScan}
	wants := []contract.Code{contract.OK, contract.OK, contract.OK, contract.WrongMode, contract.BadRequest, contract.Unsupported}
	frame := wire.BeginBatch(nil, 9, 0, len(ops))
	for i, op := range ops {
		frame = ofKey(op, 0, []string{"a", "b", "c", "d", "", "f"}[i], nil).AppendOp(frame)
	}
	s.send(wire.EndFrame(frame, 0))
	a, err := s.next(ops...)
	if err != nil || a.Code != contract.OK || len(a.Results) != len(ops) {
		t.Fatalf("BATCH: %+v, %v", a, err)
	}
	for i, want := range wants {
		if a.Results[i].Code != want {
			t.Errorf("operation %d of BATCH: %v %s", i, a.Results[i].Code, a.Results[i].Error.Message)
		}
	}
}

// everyRefusal asks what this node cannot or may not do.
func everyRefusal(t *testing.T, s socket) {
	put := func(change func(*wire.Request)) *wire.Request { return ofKey(wire.OpPut, 7, "k", change) }
	get := func(change func(*wire.Request)) *wire.Request { return ofKey(wire.OpGet, 7, "k", change) }
	at := func(level contract.Level) func(*wire.Request) { return func(q *wire.Request) { q.Level = level } }
	now := s.ask(&wire.Request{Op: wire.OpPing, ID: 7}).Clock
	stamped := func(ms int64) func(*wire.Request) {
		return func(q *wire.Request) {
			q.Version, q.HasVersion = hlc.Version{Time: hlc.Make(now.Millis()+ms, 0), Writer: 1}, true
		}
	}
	for _, r := range []struct {
		name  string
		q     *wire.Request
		code  contract.Code
		holds func(*wire.Error) bool // of the detail
	}{
		{"AUTH", &wire.Request{Op: wire.OpAuth, ID: 7}, contract.Unsupported, nil},
		{"WATCH", &wire.Request{Op: wire.OpWatch, ID: 7}, contract.Unsupported, nil},
		{"ADD", ofKey(wire.OpAdd, 7, "k", nil), contract.WrongMode, func(e *wire.Error) bool { return e.Mode == "lww" }},
		{"a condition", put(func(q *wire.Request) { q.Condition.Kind = wire.IfAbsent }), contract.WrongMode, func(e *wire.Error) bool { return e.Mode == "lww" }},
		{"serial", get(at(contract.Serial)), contract.WrongMode, func(e *wire.Error) bool { return e.Mode == "lww" }},
		{"above N", get(at(2)), contract.BadRequest, nil},
		{"a read at any", get(at(contract.Any)), contract.BadRequest, nil},
		{"a sloppy read", get(func(q *wire.Request) { q.Flags = contract.Sloppy }), contract.BadRequest, nil},
		{"an OUTCOME with an unknown flag", ofKey(wire.OpOutcome, 7, "k", func(q *wire.Request) { q.Flags, q.Version.Writer = 2, 1 }), contract.Unsupported, nil},
		{"an unknown namespace", get(func(q *wire.Request) { q.Namespace = []byte("nowhere") }), contract.UnknownNamespace, nil},
		{"a key too large", get(func(q *wire.Request) { q.Key = make([]byte, 4097) }), contract.TooLarge, func(e *wire.Error) bool { return e.Limit == 4096 }},
		{"a value too large", put(func(q *wire.Request) { q.Value = make([]byte, 1<<20+1) }), contract.TooLarge, func(e *wire.Error) bool { return e.Limit == 1<<20 }},
		{"after what nobody has", get(func(q *wire.Request) { q.After = hlc.Version{Time: hlc.Make(now.Millis()+60_000, 0)} }), contract.Unavailable, func(e *wire.Error) bool { return e.N == 1 }},
		{"stamped ahead", put(stamped(3_600_000)), contract.Clock, func(e *wire.Error) bool { return e.Kind == contract.StampAhead && e.Clock >= now }},
		{"stamped long ago", put(stamped(-3_600_000)), contract.Clock, func(e *wire.Error) bool { return e.Kind == contract.StampOld }},
	} {
		if a := s.ask(r.q); a.Code != r.code || a.Error.Message == "" || r.holds != nil && !r.holds(&a.Error) {
			t.Errorf("%s: %v, %+v", r.name, a.Code, a.Error)
		}
	}
}

// everyRefusedFrame sends the vectors that have to be refused.
func everyRefusedFrame(t *testing.T, addr string) {
	text, err := os.ReadFile("../docs/protocol/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Vectors []struct {
			Name, Hex, Phase, Refusal string
			Meaning                   struct{ Op, ID uint64 }
		}
	}
	if err := json.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	for _, v := range file.Vectors {
		if v.Refusal == "" {
			continue
		}
		frame, err := hex.DecodeString(v.Hex)
		if err != nil {
			t.Fatal(err)
		}
		s := socket{t, dial(t, addr)}
		if v.Phase == "after_hello" {
			s = greet(t, addr)
		}
		s.send(frame)
		if v.Refusal == "close_silently" {
			if !s.ends() {
				t.Errorf("%s: answered", v.Name)
			}
			continue
		}
		a := readAnswer(t, s)
		if !strings.Contains(v.Refusal, a.Code.String()) || a.Error.Message == "" {
			t.Errorf("%s: %v %s", v.Name, a.Code, a.Error.Message)
		}
		switch stays := strings.HasSuffix(v.Refusal, "stays"); {
		case stays && (a.ID != v.Meaning.ID || s.ask(&wire.Request{Op: wire.OpPing, ID: 1 << 40}).Code != contract.OK):
			t.Errorf("%s: answered with id %d", v.Name, a.ID)
		case !stays && !s.ends():
			t.Errorf("%s: the connection stays", v.Name)
		}
		s.Close()
	}
}

// protocol.md, Frames and Messages: ids, the window of requests in flight, and
// the goodbye.
func TestIDsWindowAndGoodbyeOverASocket(t *testing.T) {
	c := newCluster(t, 1)
	c.nodes[0].config.Limits.InFlight, c.nodes[0].config.Limits.Batch = 4, 4
	c.start(0)
	t.Cleanup(c.stop)
	c.awaitReady(0)
	addr := c.nodes[0].config.Listen.Client

	// A BATCH counts its operations, so behind one of four nothing more has room.
	s := greet(t, addr)
	batch := wire.BeginBatch(nil, 2, 0, 4)
	for range 4 {
		batch = ofKey(wire.OpPut, 0, "k", nil).AppendOp(batch)
	}
	s.send(wire.EndFrame(batch, 0), ofKey(wire.OpPut, 3, "k", nil).Append(nil))
	codes := map[uint64]contract.Code{}
	for range 2 {
		a, err := s.next(wire.OpPut, wire.OpPut, wire.OpPut, wire.OpPut)
		if err != nil {
			t.Fatal(err)
		}
		codes[a.ID] = a.Code
	}
	if codes[2] != contract.OK || codes[3] != contract.Overloaded {
		t.Errorf("the window of 4: %v", codes)
	}
	big := wire.BeginBatch(nil, 4, 0, 5)
	for range 5 {
		big = ofKey(wire.OpGet, 0, "k", nil).AppendOp(big)
	}
	s.send(wire.EndFrame(big, 0))
	if a := readAnswer(t, s); a.ID != 4 || a.Code != contract.TooLarge || a.Error.Limit != 4 {
		t.Errorf("a BATCH of 5: %+v", a)
	}

	// An id that is still in flight ends the connection.
	twice := ofKey(wire.OpPut, 8, "k", nil).Append(nil)
	s.send(twice, twice)
	refused := false
	a, err := s.next()
	for ; err == nil; a, err = s.next() {
		refused = refused || a.Code == contract.BadRequest && a.ID == 8 && a.Op == wire.OpPut
	}
	if !refused || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("an id twice: refused %v, then %v", refused, err)
	}

	// A node that stops says so, unasked.
	s = greet(t, addr)
	c.halt(0)
	if a := readAnswer(t, s); a.Op != 0 || a.ID != 0 || a.Code != contract.ShuttingDown {
		t.Errorf("the goodbye: %+v", a.Head)
	}
}

// protocol.md: before epoch 1 HELLO and PING work; everything else is NOT_READY.
func TestBeforeEpochOneOverASocket(t *testing.T) {
	c := newCluster(t, 2) // the second does not come
	c.start(0)
	t.Cleanup(c.stop)
	var s socket
	eventually(t, "the client port is open", func() bool {
		conn, err := net.Dial("tcp", c.nodes[0].config.Listen.Client)
		if err == nil {
			conn.Close()
			s = greet(t, c.nodes[0].config.Listen.Client)
		}
		return err == nil
	})
	for op := wire.OpAuth; op <= wire.OpWatch; op++ {
		if op > wire.OpRing && op < wire.OpGet {
			continue
		}
		want := contract.NotReady
		if op == wire.OpPing {
			want = contract.OK
		}
		a := s.ask(ofKey(op, 10+uint64(op), "k", func(q *wire.Request) { q.Version.Writer = 1 }))
		if a.Code != want || a.Epoch != 0 {
			t.Errorf("%v: %v, epoch %d", op, a.Code, a.Epoch)
		}
	}
}
