package wire

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/hlc"
)

// Every row of the protocol's tables has a vector: each op both ways, and each
// level, flag, code, kind, state and so on wherever it may stand. The tables
// are those of the code, so a new row asks for its vector.

// demands are the facts of which each needs a vector.
func demands() []string {
	var all []string
	need := func(format string, args ...any) { all = append(all, fmt.Sprintf(format, args...)) }
	for op := range opNames {
		direction := "peer_"
		if op < OpWrite {
			direction = ""
		}
		need("%srequest %v", direction, op)
		if op != OpWatch {
			need("%sanswer %v", direction, op)
		}
	}
	for _, op := range leveled {
		for _, l := range levels() {
			if l == contract.Any && !op.Writes() {
				need("refused %v level %d: %s", op, l, staysBadRequest)
			} else {
				need("request %v level %d", op, l)
			}
		}
		need("refused %v level %d: %s", op, contract.EachQuorum+1, staysUnsupported)
		need("request %v flags %d", op, 0)
		sum := contract.Flags(0)
		for f := contract.Flags(1); f&contract.FlagsKnown != 0; f <<= 1 {
			if taken := flagNames[slices.IndexFunc(flagNames, func(n flagName) bool { return n.flag == f })]; op.Writes() && taken.writes || !op.Writes() && taken.reads {
				need("request %v flags %d", op, f)
				sum |= f
			} else {
				need("refused %v flags %d: %s", op, f, staysBadRequest)
			}
		}
		need("request %v flags %d", op, sum)
		need("refused %v flags %d: %s", op, contract.FlagsKnown+1, staysUnsupported)
	}
	need("request OUTCOME flags 0")
	need("request OUTCOME flags %d", contract.OutcomeSloppy)
	need("refused OUTCOME flags %d: %s", contract.OutcomeSloppy<<1, staysUnsupported)
	for _, op := range []Op{OpPut, OpDelete} {
		for _, what := range []string{"version", "no version", "seen", "seen nothing", "does not care"} {
			need("request %v %s", op, what)
		}
		for _, what := range []string{"outcome 0", "outcome 1", "winner", "buried", "trace"} {
			need("answer %v %s", op, what)
		}
	}
	for k := IfAbsent; k <= VersionEquals; k++ {
		need("condition %d", k)
	}
	return append(all, answerDemands()...)
}

func answerDemands() []string {
	var all []string
	need := func(format string, args ...any) { all = append(all, fmt.Sprintf(format, args...)) }
	for _, code := range contract.Codes()[1:] {
		need("code %v", code)
		need("result of BATCH %v", code)
		if detailNames[code] != "" || strings.Contains("TOO_LARGE WRONG_MODE STALE_EPOCH", code.String()) {
			need("detail of %v", code)
		}
	}
	need("code 199")
	for k := contract.StampAhead; k <= contract.RepeatUnknown; k++ {
		need("CLOCK kind %d", k)
		need("WRITE result of CLOCK kind %d", k)
	}
	for _, op := range []Op{OpGet, OpPut, OpDelete} {
		need("rows of %v", op)
	}
	for _, what := range []string{"TIMEOUT of GET", "TIMEOUT of PUT", "IN_DOUBT of PUT", "result of BATCH OK"} {
		need("%s", what)
	}
	for s := contract.Silent; s <= contract.Down; s++ {
		need("row state %d", s)
	}
	for f := contract.Pending; f <= contract.Forgotten; f++ {
		need("fate %d", f)
	}
	for r := RoleNatural; r <= RoleStandIn; r++ {
		need("role %d", r)
	}
	for _, what := range []string{
		"unreachable", "holds nothing", "tombstone", "phi nil", "phi 312", "expires", "damaged", "hints", "holds a value",
	} {
		need("EXPLAIN row %s", what)
	}
	for s := 1; s <= 3; s++ {
		need("member state %d", s)
	}
	for k := Fresh; k <= Exchange; k++ {
		need("WRITE kind %d", k)
	}
	for _, what := range []string{
		"answer GET found", "answer GET not found", "answer GET never seen", "answer GET never expires", "answer GET trace", "answer GET weakened",
		"answer SCAN items", "answer SCAN keys only", "answer SCAN cursor without items", "answer SCAN end", "answer SCAN weakened",
		"WRITE seen", "WRITE seen nothing", "WRITE winner", "WRITE buried", "READ want 1", "READ want 2", "READ mark", "VOID noted", "VOID winner", "RANGE all", "RANGE keys only",
		"HELLO role 0", "HELLO role 1", "HELLO token", "HELLO user", "HELLO before epoch 1", "goodbye", "unreadable frame", "frame too large",
		"refused: " + closeSilently, "refused: " + noCommonVersion, "refused: " + closeBadRequest, "refused: " + closeTooLarge,
		"refused: " + staysBadRequest, "refused: " + staysUnsupported,
	} {
		need("%s", what)
	}
	return all
}

// facts gathers what some vectors show.
type facts map[string]bool

func (s facts) add(format string, args ...any) { s[fmt.Sprintf(format, args...)] = true }

// when adds the fact if it is one.
func (s facts) when(is bool, format string, args ...any) {
	if is {
		s.add(format, args...)
	}
}

func (s facts) gather(v *vector) error {
	body := v.frame[min(HeaderBytes, len(v.frame)):]
	switch v.direction {
	case "refused":
		return s.refused(v)
	case "request":
		if body[1] == byte(OpHello) {
			var h Hello
			err := DecodeHello(body, &h)
			s.add("request HELLO")
			s.add("HELLO role %d", h.Role)
			s.add("HELLO %s", h.Auth.Kind)
			s.when(h.Role == RoleNode && h.ClusterID == nil, "HELLO before epoch 1")
			return err
		}
		var q Request
		err := DecodeRequest(body, &q)
		s.request(&q)
		return err
	case "peer_request":
		got, err := readPeerRequest(body)
		read := got.(peerRead)
		s.peerRequest(&read)
		return err
	case "peer_answer":
		got, err := readPeerAnswer(body)
		read := got.(peerRead)
		s.peerAnswer(&read)
		return err
	}
	var a Answer
	err := DecodeAnswer(body, &a, v.ops...)
	s.answer(&a)
	return err
}

// refused notes of a refused frame that can be told apart its level and flags,
// where those are the reason.
func (s facts) refused(v *vector) error {
	s.add("refused: %s", v.refusal)
	if v.refusal != staysBadRequest && v.refusal != staysUnsupported {
		return nil
	}
	var q Request
	_ = DecodeRequest(v.frame[HeaderBytes:], &q)
	s.when(q.Level != 0, "refused %v level %d: %s", q.Op, q.Level, v.refusal)
	s.when(q.Flags != 0, "refused %v flags %d: %s", q.Op, q.Flags, v.refusal)
	return nil
}

func (s facts) request(q *Request) {
	s.add("request %v", q.Op)
	s.add("request %v level %d", q.Op, q.Level)
	s.add("request %v flags %d", q.Op, q.Flags)
	s.add("condition %d", q.Condition.Kind)
	s.when(q.HasVersion, "request %v version", q.Op)
	s.when(!q.HasVersion, "request %v no version", q.Op)
	s.when(!q.HasSeen, "request %v does not care", q.Op)
	s.when(q.HasSeen && q.Seen.IsZero(), "request %v seen nothing", q.Op)
	s.when(q.HasSeen && !q.Seen.IsZero(), "request %v seen", q.Op)
}

func (s facts) answer(a *Answer) {
	if a.Code != contract.OK {
		s.add("code %v", a.Code)
		s.when(uint16(a.Code) == 199, "code 199")
		s.when(a.Code == contract.Timeout || a.Code == contract.InDoubt, "%v of %v", a.Code, a.Op)
		s.failure(a.Code, &a.Error)
		if a.Op == 0 && a.ID == 0 {
			s.add("%s", map[contract.Code]string{
				contract.ShuttingDown: "goodbye", contract.BadRequest: "unreadable frame", contract.TooLarge: "frame too large",
			}[a.Code])
		}
		return
	}
	s.add("answer %v", a.Op)
	s.when(a.Op == OpGet, "answer GET %s", map[bool]string{true: "found", false: "not found"}[a.Get.Found])
	s.when(a.Op == OpGet && a.Get.Version.IsZero(), "answer GET never seen")
	s.when(a.Op == OpGet && a.Get.Found && a.Get.ExpiresAt == 0, "answer GET never expires")
	s.when(a.Get.Trace != nil, "answer GET trace")
	s.when(a.Op == OpGet && a.Get.Receipt.Level == contract.One, "answer GET weakened")
	s.when(a.Op == OpPut || a.Op == OpDelete, "answer %v outcome %d", a.Op, a.Write.Outcome)
	s.when(!a.Write.Winner.IsZero(), "answer %v winner", a.Op)
	s.when(!a.Write.Buried.IsZero(), "answer %v buried", a.Op)
	s.when(len(a.Write.Trace) > 0, "answer %v trace", a.Op)
	s.when(a.Op == OpOutcome, "fate %d", a.Outcome.Fate)
	for _, c := range []contract.Receipt{a.Get.Receipt, a.Write.Receipt} {
		s.when(c.Rows != nil, "rows of %v", a.Op)
		for _, row := range c.Rows {
			s.add("row state %d", row.State)
		}
	}
	for _, m := range a.Ring.Members {
		s.add("member state %d", m.State)
	}
	for _, one := range a.Results {
		s.add("result of BATCH %v", one.Code)
	}
	if a.Op == OpScan {
		s.scan(&a.Scan)
	}
	for i := range a.Explain.Rows {
		s.explained(&a.Explain.Rows[i])
	}
}

// failure notes the detail of an error, if it says something.
func (s facts) failure(code contract.Code, e *Error) {
	said := e.Limit != 0 || e.Mode != "" || e.N != 0 || e.Clock != 0 || e.Epoch != 0 || !e.Version.IsZero() && (e.Value != nil || e.Receipt != nil)
	s.when(said, "detail of %v", code)
	s.when(code == contract.Clock, "CLOCK kind %d", e.Kind)
}

func (s facts) scan(a *ScanAnswer) {
	s.when(len(a.Items) > 0 && a.Items[0].Value != nil, "answer SCAN items")
	s.when(len(a.Items) > 0 && a.Items[0].Value == nil, "answer SCAN keys only")
	s.when(len(a.Items) == 0 && a.Cursor != nil, "answer SCAN cursor without items")
	s.when(a.Cursor == nil, "answer SCAN end")
	s.when(a.Coverage.MetLevel < a.Coverage.Done, "answer SCAN weakened")
}

func (s facts) explained(w *ExplainRow) {
	s.add("role %d", w.Role)
	s.when(!w.Reachable, "EXPLAIN row unreachable")
	s.when(w.Reachable && w.Version.IsZero(), "EXPLAIN row holds nothing")
	s.when(w.Tombstone, "EXPLAIN row tombstone")
	s.when(w.Reachable && !w.HasPhi, "EXPLAIN row phi nil")
	s.when(w.HasPhi, "EXPLAIN row phi %d", w.Phi)
	s.when(w.ExpiresAt != 0, "EXPLAIN row expires")
	s.when(!w.Version.IsZero() && !w.ChecksumOK, "EXPLAIN row damaged")
	s.when(w.HintsPending > 0, "EXPLAIN row hints")
	s.when(w.ValueBytes > 0, "EXPLAIN row holds a value")
}

func (s facts) peerRequest(p *peerRead) {
	s.add("peer_request %v", p.Request.Op)
	for _, w := range p.Writes {
		s.add("WRITE kind %d", w.Kind)
		s.when(w.HasSeen && !w.Seen.IsZero(), "WRITE seen")
		s.when(w.HasSeen && w.Seen.IsZero(), "WRITE seen nothing")
	}
	for _, r := range p.Reads {
		s.when(r.Want != 0, "READ want %d", r.Want)
	}
	s.when(p.Request.Range.All, "RANGE all")
	s.when(p.Request.Range.KeysOnly, "RANGE keys only")
}

func (s facts) peerAnswer(p *peerRead) {
	op := p.Answer.Op
	s.add("peer_answer %v", op)
	for _, r := range p.ReadResults {
		s.when(r.Mark != 0, "READ mark")
	}
	for _, w := range p.WriteResults {
		s.when(w.Code == contract.Clock, "%v result of CLOCK kind %d", op, w.Kind)
		s.when(!w.Winner.IsZero(), "%v winner", op)
		s.when(!w.Buried.IsZero(), "%v buried", op)
		s.when(w.Code == contract.OK && w.Winner == hlc.Version{}, "%v noted", op)
	}
}

// missing is what of the demands some vectors do not show.
func missing(t *testing.T, some []vector) (all []string) {
	shown := facts{}
	for i := range some {
		if err := shown.gather(&some[i]); err != nil {
			t.Fatalf("%s: %v", some[i].name, err)
		}
	}
	for _, d := range demands() {
		if !shown[d] {
			all = append(all, d)
		}
	}
	slices.Sort(all)
	return all
}

func TestVectorsAreComplete(t *testing.T) {
	names := map[string]bool{}
	for _, v := range vectors() {
		if names[v.name] {
			t.Errorf("two vectors are named %q", v.name)
		}
		names[v.name] = true
	}
	for _, what := range missing(t, vectors()) {
		t.Errorf("no vector shows: %s", what)
	}
}

// The test above can fail: without one of these vectors it would say so.
func TestALostVectorIsMissed(t *testing.T) {
	for lost, want := range map[string]string{
		"answer to OUTCOME, not applied": "fate 3", "PUT at level each_quorum": "request PUT level 70", "SCAN trace": "request SCAN flags 4",
		"CLOCK, kind 4": "CLOCK kind 4", "VOID": "peer_request VOID", "RANGE of tombstones too": "RANGE all",
		"the goodbye of a node": "goodbye", "refused: weaken on an ADD": "refused ADD flags 8: BAD_REQUEST_stays",
	} {
		rest := slices.DeleteFunc(vectors(), func(v vector) bool { return v.name == lost })
		got := missing(t, rest)
		if !slices.Contains(got, want) {
			t.Errorf("without %q: missing are %q", lost, got)
		}
	}
}
