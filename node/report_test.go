package node

import (
	"testing"
	"testing/fstest"
	"time"

	"github.com/candordb/candor/storage"
	"github.com/candordb/candor/verdict"
)

// Figures of the last minutes are differences, and those from before do not count.
func TestFiguresAreOfTheLastMinutes(t *testing.T) {
	at := func(mono int64, syncs, slow, writes uint64, delayed time.Duration) sample {
		s := sample{mono: mono, writes: writes, delayed: delayed, syncs: storage.SyncTimes{Count: syncs + slow}}
		s.syncs.Buckets[3], s.syncs.Buckets[13] = syncs, slow
		return s
	}
	h := history{samples: []sample{at(0, 0, 500, 10, time.Minute), at(10_000, 100, 500, 20, time.Minute), at(320_000, 1000, 500, 120, time.Minute+time.Second)}}
	if s, ok := h.fsyncs().Get(); !ok || s != (verdict.Syncs{Count: 900, FromUS: 64, ToUS: 128}) {
		t.Errorf("syncs %+v %v", s, ok)
	}
	if tr, _ := h.traffic(320_000).Get(); tr.Writes != 100 || tr.OverMS != 310_000 {
		t.Errorf("%+v", tr)
	}
	if d := h.delayed(320_000); d != time.Second {
		t.Errorf("held up for %v", d)
	}
	if _, ok := (&history{samples: []sample{{mono: 5}}}).fsyncs().Get(); ok {
		t.Error("without a sync the time of syncs is known")
	}
}

// What is no report is none: it never counts as a node that is well.
func TestAnAnswerThatIsNoReport(t *testing.T) {
	for _, a := range []told{
		{refused: "it does not report: UNSUPPORTED"}, {}, {document: []byte("x")}, {document: []byte("{}")},
		{document: []byte(`{"age_ms":-1,"report":{}}`)}, {document: []byte(`{"age_ms":1e99,"report":{}}`)}, {document: []byte(`{"age_ms":1,"report":[]}`)},
	} {
		if _, _, err := parseTold(&a); err == nil {
			t.Errorf("%s %s is a report", a.refused, a.document)
		}
	}
	own, aged, err := parseTold(&told{document: []byte(`{"age_ms":700,"report":{"version":"1"}}`)})
	if err != nil || aged != 700*time.Millisecond || own.Version != verdict.Known("1") {
		t.Errorf("%v %v %v", own, aged, err)
	}
}

// An answer counts from when it was asked for; one that came too late does not count.
func TestALateAnswerIsNone(t *testing.T) {
	e := newEvidence(&Node{})
	asked := time.Now()
	e.rows[[16]byte{1}] = &heardOf{pending: 7, asked: asked, linked: true}
	document := []byte(`{"age_ms":0,"report":{}}`)
	e.take(told{from: [16]byte{1}, id: 6, document: document}, asked)
	if r := e.rows[[16]byte{1}]; r.answer != "" || r.pending != 7 {
		t.Errorf("an answer to another question: %+v", r)
	}
	e.take(told{from: [16]byte{1}, id: 7, document: document}, asked.Add(time.Second))
	if r := e.rows[[16]byte{1}]; r.answer != verdict.Answered || r.at != asked || r.rtt != time.Second || r.pending != 0 {
		t.Errorf("%+v", r)
	}
	e.take(told{from: [16]byte{1}, id: 7, refused: "no"}, asked.Add(time.Second))
	if r := e.rows[[16]byte{1}]; r.answer != verdict.Answered {
		t.Errorf("a second answer to one question: %+v", r)
	}
	e.rows[[16]byte{1}].pending = 8
	e.take(told{from: [16]byte{1}, id: 8, refused: "no"}, asked)
	if r := e.rows[[16]byte{1}]; r.answer != verdict.TooOld || r.report != nil || r.why != "no" {
		t.Errorf("a refusal: %+v", r)
	}
}

// A timed write that hangs is told as soon as it is slow, and before that the last one.
func TestATimedWriteThatHangs(t *testing.T) {
	var w timedWrite
	if _, ok := w.last().Get(); ok {
		t.Error("there is one before the first")
	}
	w.begin()
	w.end("")
	w.begin()
	if p, ok := w.last().Get(); !ok || p.Error != "" || p.TookMS >= slowWrite.Milliseconds() {
		t.Errorf("%+v", p)
	}
	w.began = w.began.Add(-5 * time.Second)
	if p, _ := w.last().Get(); p.TookMS < 5000 || p.AgeMS != 0 {
		t.Errorf("%+v", p)
	}
	w.end("the disk is gone")
	if p, _ := w.last().Get(); p.Error != "the disk is gone" {
		t.Errorf("%+v", p)
	}
}

// A finding about several nodes is as old as it is, whoever comes or goes.
func TestAFindingThatGrowsIsNotANewOne(t *testing.T) {
	finding := func(code string, nodes ...string) verdict.Finding {
		return verdict.Finding{Code: code, Severity: verdict.Warning, Nodes: nodes}
	}
	start := time.Now()
	first := &judgement{at: start, findings: []verdict.Finding{finding("D110", "n1", "n2"), finding("D107", "n1")}}
	first.begin(nil)
	second := &judgement{at: start.Add(time.Minute), findings: []verdict.Finding{finding("D110", "n1", "n2", "n3"), finding("D107", "n2"), finding("D131", "n1")}}
	second.begin(first)
	third := &judgement{at: start.Add(2 * time.Minute), findings: []verdict.Finding{finding("D110", "n3")}}
	third.begin(second)
	for i, tc := range []struct {
		of   *judgement
		f    int
		want time.Time
	}{{second, 0, start}, {second, 1, second.at}, {second, 2, second.at}, {third, 0, start}} {
		if got := tc.of.began[about(&tc.of.findings[tc.f])]; !got.Equal(tc.want) {
			t.Errorf("%d: it began %v after the start, want %v", i, got.Sub(start), tc.want.Sub(start))
		}
	}
}

func TestOpenFiles(t *testing.T) {
	root := fstest.MapFS{
		"proc/self/fd/0": {}, "proc/self/fd/1": {},
		"proc/self/limits": {Data: []byte("Limit  Soft Limit  Hard Limit  Units\nMax open files            1024                 4096                 files\n")},
	}
	if open, most, ok := openFiles(root); !ok || open != 2 || most != 1024 {
		t.Errorf("%d of %d, %v", open, most, ok)
	}
	root["proc/self/limits"] = &fstest.MapFile{Data: []byte("Max open files            unlimited            unlimited            files\n")}
	if _, most, ok := openFiles(root); !ok || most != 0 {
		t.Errorf("%d, %v", most, ok)
	}
	if _, _, ok := openFiles(fstest.MapFS{}); ok {
		t.Error("known where the system does not tell")
	}
}
