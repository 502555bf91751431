package engine

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/candordb/candor/bench/driver/echo"
	"github.com/candordb/candor/bench/peer"
	"github.com/candordb/candor/bench/peer/peertest"
	"github.com/candordb/candor/load"
)

// fake is a peer in this process. Its links are given by a func.
type fake struct {
	peer.Peer
	dial func(o peer.Options) (peer.Link, error)
}

func (fake) Name() string { return "fake" }

func (f fake) Dial(_ context.Context, _ int, o peer.Options) (peer.Link, error) { return f.dial(o) }

func mustEcho(t *testing.T) fake {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go echo.Serve(l)
	return fake{dial: func(o peer.Options) (peer.Link, error) {
		nc, err := net.Dial("tcp", l.Addr().String())
		return peer.Link{Net: nc, Protocol: echo.Protocol{ValueSize: o.ValueSize}}, err
	}}
}

// lines is an ordered protocol of lines: get KEY and put KEY VALUE; answers are the
// lines of a script.
type lines struct{}

func (lines) Ordered() bool { return true }

func (lines) Append(dst []byte, _ uint32, op *load.Op) []byte {
	return append(append(append(dst, op.Kind.String()+" "...), op.Key...), '\n')
}

func (lines) Parse(b []byte) (int, peer.Answer, error) {
	end := bytes.IndexByte(b, '\n')
	if end < 0 {
		return 0, peer.Answer{}, nil
	}
	a := peer.Answer{Outcome: peer.Failed}
	if i := slices.Index([]string{"done", "absent", "refused", "unknown"}, string(b[:end])); i >= 0 {
		a.Outcome = peer.Outcome(i)
	}
	return end + 1, a, nil
}

type fencedLines struct{ lines }

func (fencedLines) Fence(dst []byte) []byte { return append(dst, "fence\n"...) }

func (f fencedLines) ParseFence(b []byte) (int, peer.Answer, error) { return f.Parse(b) }

// mustScript answers line by line, as the func says.
func mustScript(t *testing.T, proto peer.Protocol, answer func(line string) string) fake {
	t.Helper()
	address := peertest.Listen(t, func(nc net.Conn) {
		buf, have := make([]byte, 1<<16), 0
		for {
			n, err := nc.Read(buf[have:])
			if err != nil {
				return
			}
			have += n
			for {
				end := bytes.IndexByte(buf[:have], '\n')
				if end < 0 {
					break
				}
				if a := answer(string(buf[:end])); a != "" {
					nc.Write([]byte(a + "\n"))
				}
				have = copy(buf, buf[end+1:have])
			}
		}
	})
	return fake{dial: func(peer.Options) (peer.Link, error) {
		nc, err := net.Dial("tcp", address)
		return peer.Link{Net: nc, Protocol: proto}, err
	}}
}

const patience = time.Minute

func TestAClosedLoopCountsEachOperationOnce(t *testing.T) {
	for _, c := range []Cell{
		{Reads: 50, Keys: 100, ValueSize: 10, Conns: 3, Depth: 4, Count: 1000},
		{Reads: 95, Keys: 100, ValueSize: 3000, Conns: 1, Depth: 64, Count: 1000},
		{Reads: 0, Keys: 100, ValueSize: 0, Conns: 2, Depth: 1, Count: 100, Uniform: true},
	} {
		t.Run(fmt.Sprint(c), func(t *testing.T) {
			var marks []string
			m := Marks{Begin: func() { marks = append(marks, "begin") }, End: func() { marks = append(marks, "end") }}
			r, err := Closed(t.Context(), mustEcho(t), c, 1, Timing{Measure: patience, Deadline: patience}, m)
			if err != nil || r.Counts[peer.Done] != uint64(c.Count) || r.Answered() != uint64(c.Count) || r.Silent != 0 || r.Err != nil {
				t.Errorf("%d of %d done, %d answered, %d silent, %v, %v", r.Counts[peer.Done], c.Count, r.Answered(), r.Silent, r.Err, err)
			}
			if got := strings.Join(marks, " "); got != "begin end" {
				t.Errorf("marks: %q", got)
			}
			if n := r.Reads.Count() + r.Writes.Count(); n != r.Latency.Count() || n == 0 {
				t.Errorf("%d reads and writes were timed, %d in all", n, r.Latency.Count())
			}
		})
	}
}

// What is asked while the beginning is still being noted would have no time.
func TestNothingIsAskedBeforeTheMeasuredPartBegins(t *testing.T) {
	asked := make(chan string, 1000)
	p := mustScript(t, lines{}, func(line string) string { asked <- line; return "done" })
	early := 0
	m := Marks{Begin: func() {
		for timer := time.After(50 * time.Millisecond); ; early++ {
			select {
			case <-asked:
				continue
			case <-timer:
			}
			return
		}
	}}
	if r, err := Closed(t.Context(), p, Cell{Keys: 9, Conns: 2, Depth: 2, Count: 100}, 1, Timing{Measure: patience, Deadline: patience}, m); err != nil || early > 0 {
		t.Errorf("%d were asked before, %v in %v, %v", early, r.Counts, r.Elapsed, err)
	}
}

func TestAClosedLoopEndsWithItsTime(t *testing.T) {
	c := Cell{Reads: 100, Keys: 10, ValueSize: 10, Conns: 2, Depth: 8}
	r, err := Closed(t.Context(), mustEcho(t), c, 1, Timing{Warm: 20 * time.Millisecond, Measure: 50 * time.Millisecond, Deadline: patience}, Marks{})
	if err != nil || r.Counts[peer.Done] == 0 || r.Silent != 0 || r.Elapsed < 50*time.Millisecond {
		t.Errorf("%d done, %d silent in %v, %v", r.Counts[peer.Done], r.Silent, r.Elapsed, err)
	}
}

// A wave is one call of write: with one connection and sixteen places there are
// fewer calls than requests.
func TestAWaveIsWrittenAtOnce(t *testing.T) {
	c := Cell{Reads: 100, Keys: 10, ValueSize: 10, Conns: 1, Depth: 16, Count: 1600}
	r, err := Closed(t.Context(), mustEcho(t), c, 1, Timing{Measure: patience, Deadline: patience}, Marks{})
	if err != nil || r.Waves >= 1600 || r.Waves < 100 {
		t.Errorf("%d waves for %d requests, %v", r.Waves, r.Answered(), err)
	}
}

func TestFillWritesEachKeyOnce(t *testing.T) {
	seen := make(chan string, 1000)
	p := mustScript(t, lines{}, func(line string) string { seen <- line; return "done" })
	r, err := Fill(t.Context(), p, Cell{Keys: 500, Conns: 3, Depth: 7}, 1, patience)
	if err != nil || r.Counts[peer.Done] != 500 {
		t.Fatalf("%d of 500, %v", r.Counts[peer.Done], err)
	}
	close(seen)
	keys := make(map[string]int)
	for line := range seen {
		keys[line]++
	}
	for n := range 500 {
		if line := "put " + string(AppendKey(nil, n)); keys[line] != 1 {
			t.Errorf("%q was sent %d times", line, keys[line])
		}
	}
}

func TestAnswersKeepTheirOutcome(t *testing.T) {
	for outcome := peer.Done; outcome < peer.Outcomes; outcome++ {
		t.Run(outcome.String(), func(t *testing.T) {
			p := mustScript(t, lines{}, func(string) string { return outcome.String() })
			r, err := Closed(t.Context(), p, Cell{Keys: 9, Conns: 1, Depth: 3, Count: 30}, 1, Timing{Measure: patience, Deadline: patience}, Marks{})
			if err != nil || r.Counts[outcome] != 30 || r.Answered() != 30 {
				t.Errorf("%v, %v", r.Counts, err)
			}
			if timed := r.Latency.Count() > 0; timed != (outcome == peer.Done) {
				t.Errorf("timed: %v", timed)
			}
		})
	}
}

func TestAReadOfAnotherSizeIsNoRead(t *testing.T) {
	p := mustScript(t, lines{}, func(string) string { return "done" }) // without any value
	r, err := Closed(t.Context(), p, Cell{Reads: 100, Keys: 9, ValueSize: 5, Conns: 1, Depth: 3, Count: 30}, 1, Timing{Measure: patience, Deadline: patience}, Marks{})
	if err != nil || r.Counts[peer.Absent] != 30 {
		t.Errorf("%v, %v", r.Counts, err)
	}
}

func TestWritesHaveTheOutcomeOfTheirFence(t *testing.T) {
	for name, c := range map[string]struct {
		reads int
		fence string
		want  peer.Outcome
	}{
		"writes, acknowledged":     {0, "done", peer.Done},
		"writes, not acknowledged": {0, "unknown", peer.Unknown},
		"reads need none":          {100, "failed", peer.Done},
	} {
		t.Run(name, func(t *testing.T) {
			fences := make(chan int, 1000)
			p := mustScript(t, fencedLines{}, func(line string) string {
				if line == "fence" {
					fences <- 1
					return c.fence
				}
				return "done"
			})
			r, err := Closed(t.Context(), p, Cell{Reads: c.reads, Keys: 9, Conns: 1, Depth: 8, Count: 80}, 1, Timing{Measure: patience, Deadline: patience}, Marks{})
			if err != nil || r.Counts[c.want] != 80 || r.Answered() != 80 {
				t.Errorf("%v, %v", r.Counts, err)
			}
			if n := len(fences); c.reads == 100 && n > 0 || c.reads == 0 && (n < 10 || n > 80) {
				t.Errorf("%d fences", n)
			}
		})
	}
}

func TestWhatHasNoAnswerIsSilent(t *testing.T) {
	n := 0
	p := mustScript(t, lines{}, func(string) string {
		if n++; n > 5 {
			return ""
		}
		return "done"
	})
	c := Cell{Keys: 9, Conns: 1, Depth: 3, Count: 8}
	r, err := Closed(t.Context(), p, c, 1, Timing{Measure: patience, Deadline: time.Second}, Marks{})
	if err != nil || r.Counts[peer.Done] != 5 || r.Silent != 3 {
		t.Errorf("%v, %d silent, %v", r.Counts, r.Silent, err)
	}
}

func TestABrokenConnectionIsToldAndEndsARun(t *testing.T) {
	address := peertest.Listen(t, func(net.Conn) {})
	p := fake{dial: func(peer.Options) (peer.Link, error) {
		nc, err := net.Dial("tcp", address)
		return peer.Link{Net: nc, Protocol: lines{}}, err
	}}
	r, err := Closed(t.Context(), p, Cell{Keys: 9, Conns: 2, Depth: 3}, 1, Timing{Measure: patience, Deadline: patience}, Marks{})
	if err == nil || r.Err == nil || r.Silent != 6 {
		t.Errorf("%d silent, %v, %v", r.Silent, r.Err, err)
	}
}

func TestAnOpenLoopKeepsItsRate(t *testing.T) {
	c := Cell{Reads: 50, Keys: 100, ValueSize: 10, Conns: 3}
	r, err := Open(t.Context(), mustEcho(t), c, 1, 2000, Timing{Warm: 10 * time.Millisecond, Measure: 100 * time.Millisecond, Deadline: patience}, Marks{})
	if n := r.Counts[peer.Done]; err != nil || n < 190 || n > 210 || r.Silent != 0 || r.Err != nil {
		t.Errorf("%d of 200 done, %d silent, %v, %v", n, r.Silent, r.Err, err)
	}
	if r.Gap <= 0 || r.Gap > patience {
		t.Errorf("the longest gap is %v", r.Gap)
	}
}

func TestAnOpenLoopHasFencesToo(t *testing.T) {
	p := mustScript(t, fencedLines{}, func(line string) string {
		if line == "fence" {
			return "unknown"
		}
		return "done"
	})
	r, err := Open(t.Context(), p, Cell{Keys: 100, Conns: 2}, 1, 1000, Timing{Measure: 50 * time.Millisecond, Deadline: patience}, Marks{})
	if err != nil || r.Counts[peer.Unknown] != r.Answered() || r.Answered() == 0 {
		t.Errorf("%v, %v", r.Counts, err)
	}
}

// caller is a client library that has the answer at once.
type caller struct{ closed chan struct{} }

func (c caller) Call(_ context.Context, op *load.Op) peer.Answer {
	return peer.Answer{Value: op.Value}
}

func (c caller) Close() error { close(c.closed); return nil }

func TestLibrariesAreAskedAsOftenAsThereArePlaces(t *testing.T) {
	closed := make(chan struct{})
	p := fake{dial: func(peer.Options) (peer.Link, error) { return peer.Link{Caller: caller{closed}}, nil }}
	c := Cell{Keys: 9, ValueSize: 4, Conns: 1, Depth: 5, Count: 100}
	r, err := Closed(t.Context(), p, c, 1, Timing{Measure: patience, Deadline: patience}, Marks{})
	if err != nil || r.Counts[peer.Done] != 100 {
		t.Errorf("%v, %v", r.Counts, err)
	}
	<-closed
	closed = make(chan struct{})
	if r, err = Open(t.Context(), p, c, 1, 1000, Timing{Measure: 50 * time.Millisecond, Deadline: patience}, Marks{}); err != nil || r.Counts[peer.Done] == 0 {
		t.Errorf("%v, %v", r.Counts, err)
	}
	<-closed
}

func TestKeysHaveOneSizeAndDiffer(t *testing.T) {
	seen := make(map[string]bool)
	for n := range 10_000 {
		key := string(AppendKey(nil, n))
		if len(key) != 16 || seen[key] {
			t.Fatalf("key %d is %q", n, key)
		}
		seen[key] = true
	}
}

func TestACellAsksForItsShares(t *testing.T) {
	for _, uniform := range []bool{false, true} {
		s := NewSource(Cell{Reads: 95, Keys: 1000, ValueSize: 10, Uniform: uniform}, 1).stream(0, 1)
		reads := 0
		for range 10_000 {
			op := s.next()
			if op.Kind == load.Get {
				reads++
			}
			if op.Number >= 1000 || (len(op.Value) == 10) != (op.Kind == load.Put) {
				t.Fatalf("%+v", op)
			}
		}
		if reads < 9400 || reads > 9600 {
			t.Errorf("uniform %v: %d of 10,000 are reads", uniform, reads)
		}
	}
}
