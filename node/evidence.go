package node

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/ring"
	"github.com/candordb/candor/verdict"
	"github.com/candordb/candor/wire"
)

// evidence collects what all members say of themselves, and judges by it. Each member
// is asked by its link every other second; one whose link is down, or that takes too
// long, is silent, and that is evidence too.
type evidence struct {
	node    *Node
	answers chan told
	judged  atomic.Pointer[judgement] // nil: there is none yet
	wanted  atomic.Pointer[time.Time] // since when somebody waits for what all say now; nil: nobody did yet

	mu   sync.Mutex // guards what follows
	rows map[ring.NodeID]*heardOf
	of   *ring.View // whose owner table owners is
	// owners is shared by all snapshots of an epoch, and never changed.
	owners [][]uint16
}

// heardOf is what became of the questions to a member.
type heardOf struct {
	pending uint64    // the frame of the question that waits for its answer; 0: none does
	asked   time.Time // when the last question was sent
	linked  bool      // the link stood at the last look

	answer verdict.Answer // "": none was asked yet
	report *verdict.Report
	at     time.Time     // when the question was sent that this came of
	aged   time.Duration // how old the report was already when it was told
	why    string        // why there is no report
	rtt    time.Duration // of the last answer; 0: there was none
}

// told is an answer to a REPORT.
type told struct {
	from     ring.NodeID
	id       uint64
	refused  string // ""; or why there is no document
	document []byte
}

// judgement is a verdict, and when it was reached.
type judgement struct {
	at       time.Time
	result   *verdict.Result
	findings []verdict.Finding
	began    map[string]time.Time // of each finding that is not well, by what it is about
}

// about is what makes a finding the same one a second later: its figures change.
func about(f *verdict.Finding) string {
	return f.Code + " " + string(f.Severity) + " " + strings.Join(f.Nodes, " ")
}

// Began implements admin.Node.
func (n *Node) Began(f *verdict.Finding) time.Time {
	if j := n.evidence.judged.Load(); j != nil {
		return j.began[about(f)]
	}
	return time.Time{}
}

const (
	// askEvery is how often each member is asked, and askTimeout how long it has. Both
	// and the age of a report together are well below the age at which evidence is none.
	askEvery   = 2 * time.Second
	askTimeout = 3 * time.Second
	// evidenceTick is how often it is looked at who is due.
	evidenceTick = 250 * time.Millisecond
	judgeEvery   = time.Second
	// judgeStale is from which age on a verdict is none any more.
	judgeStale = 10 * time.Second
	// answersWaiting bounds the answers that wait to be read.
	answersWaiting = 64
)

func newEvidence(n *Node) *evidence {
	return &evidence{node: n, answers: make(chan told, answersWaiting), rows: make(map[ring.NodeID]*heardOf)}
}

// run asks and judges until ctx ends.
func (e *evidence) run(ctx context.Context) error {
	tick := time.NewTicker(evidenceTick)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case a := <-e.answers:
			e.take(a, time.Now())
		case now := <-tick.C:
			e.ask(now)
			if j := e.judged.Load(); j == nil || now.Sub(j.at) >= judgeEvery {
				e.judge(time.Now())
			}
		}
	}
}

// ask asks all members that are due, and gives up questions that took too long.
func (e *evidence) ask(now time.Time) {
	peers := e.node.links.all()
	every := askEvery
	if since := e.wanted.Load(); since != nil && now.Sub(*since) < saidWithin {
		every = evidenceTick // a report of before is of no use now
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	for id := range e.rows { // each by itself: order does not matter
		if peers[id] == nil {
			delete(e.rows, id)
		}
	}
	for id, p := range peers { // each by itself: order does not matter
		r := e.rows[id]
		if r == nil {
			r = new(heardOf)
			e.rows[id] = r
		}
		was := r.linked
		if !p.Link.Up() {
			*r = heardOf{rtt: r.rtt} // what it said before says nothing of who will answer next
			continue
		}
		r.linked = true
		if r.pending != 0 && now.Sub(r.asked) >= askTimeout {
			*r = heardOf{linked: true, asked: r.asked, rtt: r.rtt, answer: verdict.Silent, at: r.asked, why: fmt.Sprintf("its link stands, and it did not report within %v", askTimeout)}
		}
		if r.pending == 0 && (!was || now.Sub(r.asked) >= every) {
			r.asked, r.pending = now, e.send(p)
		}
	}
}

// send sends a question and returns its frame; 0 if it could not be sent.
func (e *evidence) send(p *peer) uint64 {
	box := p.Begin()
	if box == nil {
		return 0
	}
	h := wire.PeerHead{Op: wire.OpReport, ID: box.NextID(), Epoch: e.node.Epoch(), Clock: e.node.clock.read()}
	box.SetReady(wire.AppendDocument(box.Ready(), h, nil))
	p.End()
	p.Flush()
	return h.ID
}

// answered queues an answer; its bytes are copied. One that finds no room is lost, and
// the question runs into its time.
func (e *evidence) answered(from ring.NodeID, a *wire.PeerAnswer) {
	t := told{from: from, id: a.ID, document: bytes.Clone(a.Document)}
	if a.Code != contract.OK {
		t.refused = fmt.Sprintf("it does not report: %v: %s", a.Code, a.Error.Message)
	}
	select {
	case e.answers <- t:
	default:
	}
}

// take takes an answer in. One that nobody waits for any more came too late, and its
// member is silent; one that cannot be read says nothing.
func (e *evidence) take(a told, now time.Time) {
	own, aged, err := parseTold(&a)
	e.mu.Lock()
	defer e.mu.Unlock()
	r := e.rows[a.from]
	if r == nil || r.pending != a.id || a.id == 0 {
		return
	}
	next := heardOf{linked: r.linked, asked: r.asked, at: r.asked, rtt: now.Sub(r.asked), answer: verdict.Answered, report: own, aged: aged}
	if err != nil {
		next.answer, next.report, next.why = verdict.TooOld, nil, err.Error()
	}
	*r = next
}

// parseTold reads the document of an answer.
func parseTold(a *told) (*verdict.Report, time.Duration, error) {
	var document struct {
		AgeMS  int64           `json:"age_ms"`
		Report json.RawMessage `json:"report"`
	}
	switch {
	case a.refused != "":
		return nil, 0, errors.New(a.refused)
	case len(a.document) == 0:
		return nil, 0, errors.New("it has nothing to report yet")
	}
	if err := json.Unmarshal(a.document, &document); err != nil {
		return nil, 0, fmt.Errorf("its report cannot be read: %w", err)
	}
	if document.AgeMS < 0 || document.AgeMS > ageMost || len(document.Report) == 0 {
		return nil, 0, errors.New("its report cannot be read: it has no age, or there is none")
	}
	own, err := verdict.ParseReport(document.Report)
	return own, time.Duration(document.AgeMS) * time.Millisecond, err
}

// ageMost is the largest age, in milliseconds, that is believed: a year.
const ageMost = 365 * 24 * 3_600_000

// roundTrip is how long the last question to a member took until its answer, in
// microseconds.
func (e *evidence) roundTrip(id ring.NodeID) (o verdict.Opt[int64]) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if r := e.rows[id]; r != nil && r.rtt > 0 {
		return verdict.Known(r.rtt.Microseconds())
	}
	return o
}

// judge reaches a verdict, and tells when it is another one.
func (e *evidence) judge(now time.Time) {
	s := e.node.Evidence()
	j := &judgement{at: now, result: verdict.Verdict(s), findings: verdict.Check(s)}
	before := e.judged.Load()
	j.begin(before)
	e.judged.Store(j)
	if before != nil && before.result.Verdict == j.result.Verdict {
		return
	}
	e.node.admin.Changed()
	say := e.node.log.Warn
	if j.result.Verdict == verdict.OK {
		say = e.node.log.Info
	}
	if before != nil && !e.node.draining.Load() { // the first one is UNKNOWN: nobody has answered yet; the last ones only see this node leave
		say("the verdict on the cluster is another one", "verdict", string(j.result.Verdict), "was", string(before.result.Verdict), "sentence", j.result.Sentence, "why", verdict.Why(j.result, j.findings))
	}
}

// begin takes over since when findings are there.
func (j *judgement) begin(before *judgement) {
	j.began = make(map[string]time.Time)
	for i := range j.findings {
		f := &j.findings[i]
		if f.Severity == verdict.Fine {
			continue
		}
		j.began[about(f)] = before.since(f, j.at)
	}
}

// since is since when a finding was there already, or else now. One that names more
// nodes than before, or fewer, is the same still.
func (j *judgement) since(f *verdict.Finding, now time.Time) time.Time {
	if j == nil {
		return now
	}
	if at, same := j.began[about(f)]; same {
		return at
	}
	for i := range j.findings {
		g := &j.findings[i]
		at, told := j.began[about(g)]
		if told && g.Code == f.Code && g.Severity == f.Severity && len(f.Nodes) > 0 && len(g.Nodes) > 0 && (within(f.Nodes, g.Nodes) || within(g.Nodes, f.Nodes)) && at.Before(now) {
			now = at
		}
	}
	return now
}

// within says whether all of some are among others.
func within(some, others []string) bool {
	for _, s := range some {
		if !slices.Contains(others, s) {
			return false
		}
	}
	return true
}

// verdictNow is the last verdict; UNKNOWN, without a sentence, if there is none or it is
// too old.
func (e *evidence) verdictNow() (word verdict.Word, sentence string, findings []verdict.Finding) {
	j := e.judged.Load()
	if j == nil || time.Since(j.at) >= judgeStale {
		return verdict.Unknown, "", nil
	}
	return j.result.Verdict, j.result.Sentence, j.findings
}
