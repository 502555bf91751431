package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// journey imports a file as an import does, but into fates, and stops where it is
// told to: as a kill does, with nothing more being written, or as Ctrl-C.
type journey struct {
	state, rejects string
	file           string
	written        map[string]int
}

// goOn reads and settles entries, of which the one numbered stop and those after
// it are not settled any more. It returns what the import would have said.
func (j *journey) goOn(t *rapid.T, stop int) (writeCounts, bool) {
	state, resumed, err := loadState(j.state, "")
	if err != nil {
		t.Fatal(err)
	}
	l := newLines(strings.NewReader(j.file))
	if err := state.skip(l); err != nil {
		t.Fatal(err)
	}
	rejects, err := importOptions{rejects: j.rejects}.openRejects(&state, resumed)
	if err != nil {
		t.Fatal(err)
	}
	defer rejects.Close()
	if !resumed {
		if err := state.save(j.state); err != nil {
			t.Fatal(err)
		}
	}
	book := newLedger(j.state, state, rejects, func() {})
	total, settled := state.Counts, 0
	var held []*entry // settled later than those behind them
	ended := false
	for !ended && settled < stop {
		before := l.bytes
		en, err := l.next()
		var bad *lineError
		switch {
		case err == io.EOF:
			ended = true
			continue
		case errors.As(err, &bad):
			book.refuse(bad)
			total.BadLines++
		case err != nil:
			t.Fatal(err)
		default:
			book.begin(&en)
			held = append(held, &en)
		}
		book.read(l, int(l.bytes-before))
		if len(held) > 3 {
			i := rapid.IntRange(0, len(held)-1).Draw(t, "who")
			j.settle(book, held[i], &total)
			held = append(held[:i], held[i+1:]...)
			settled++
		}
	}
	if ended {
		book.end(l)
		for _, en := range held {
			j.settle(book, en, &total)
		}
	}
	if err := book.close(); err != nil {
		t.Fatal(err)
	}
	return total, ended
}

func (j *journey) settle(book *ledger, en *entry, total *writeCounts) {
	j.written[string(en.key)]++
	outcome, err := wroteIt, error(nil)
	if strings.HasPrefix(string(en.key), "refused") {
		outcome, err = wasRefused, errors.New("too large")
	}
	book.settle(en, outcome, 2, err)
	total.add(outcome, 2, len(en.key)+len(en.value))
}

// However often an import is killed, the last run says what became of every line,
// each counted once, none left out, and the refused lines are kept once and in
// order.
func TestResumedImportsLeaveNothingOut(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		dir, err := os.MkdirTemp("", "candor-import-*")
		if err != nil {
			t.Fatal(err)
		}
		defer os.RemoveAll(dir)
		n := rapid.IntRange(1, 3*partLines).Draw(t, "lines")
		var file, bad strings.Builder
		want := writeCounts{}
		for i := 1; i <= n; i++ {
			switch line := fmt.Sprintf(`{"key":"k%d","value":"v"}`, i); {
			case i%500 == 7:
				fmt.Fprintf(&file, "nonsense %d\n", i)
				fmt.Fprintf(&bad, "%d ", i)
				want.BadLines++
			case i%700 == 9:
				fmt.Fprintf(&file, "{\"key\":\"refused%d\",\"value\":\"v\"}\n", i)
				fmt.Fprintf(&bad, "%d ", i)
				want.Refused++
			default:
				file.WriteString(line + "\n")
				want.Done++
			}
		}
		j := &journey{filepath.Join(dir, "state"), filepath.Join(dir, "rejects"), file.String(), map[string]int{}}
		var total writeCounts
		for ended := false; !ended; {
			total, ended = j.goOn(t, rapid.IntRange(n/2, 2*n+1).Draw(t, "killed after"))
			if err := appendTo(j.rejects, "{\"line\":0}\n"); err != nil { // written, and then killed before the state was
				t.Fatal(err)
			}
		}
		if total.Done != want.Done || total.Refused != want.Refused || total.BadLines != want.BadLines || total.Bytes != bytesOf(j.file) {
			t.Fatalf("counted %+v, want %+v", total, want)
		}
		if len(j.written) != want.Done+want.Refused {
			t.Fatalf("%d keys written, of %d", len(j.written), want.Done+want.Refused)
		}
		kept, err := os.ReadFile(j.rejects)
		if err != nil {
			t.Fatal(err)
		}
		var lines strings.Builder
		for line := range bytes.Lines(kept) {
			var number int
			if _, err := fmt.Sscanf(string(line), `{"line":%d,`, &number); err == nil {
				fmt.Fprintf(&lines, "%d ", number)
			}
		}
		if lines.String() != bad.String() {
			t.Fatalf("refused lines %s, want %s", lines.String(), bad.String())
		}
	})
}

// bytesOf is what the entries that are written hold.
func bytesOf(file string) (n int64) {
	l := newLines(strings.NewReader(file))
	for {
		en, err := l.next()
		if err == io.EOF {
			return n
		}
		if err == nil && !strings.HasPrefix(string(en.key), "refused") {
			n += int64(len(en.key) + len(en.value))
		}
	}
}

func appendTo(path, text string) error {
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Close())
}

// A line that was given up because of Ctrl-C is not settled: neither it nor what
// stands behind it is left out by the next run.
func TestGivenUpLinesAreReadAgain(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state")
	l := newLines(strings.NewReader(strings.Repeat(`{"key":"k","value":"v"}`+"\n", 2*partLines)))
	book := newLedger(path, importState{Kind: stateKind}, nil, func() {})
	for i := range 2 * partLines {
		en, err := l.next()
		if err != nil {
			t.Fatal(err)
		}
		book.begin(&en)
		book.read(l, 0)
		outcome := wroteIt
		if i == partLines+5 {
			outcome = wasGivenUp
		}
		book.settle(&en, outcome, 1, errors.New("cut off"))
	}
	book.end(l)
	if err := book.close(); err != nil {
		t.Fatal(err)
	}
	s, found, err := loadState(path, "")
	if err != nil || !found || s.Line > partLines || s.Counts.Done != s.Line {
		t.Errorf("kept %+v, %v", s, err)
	}
}

// Where the state cannot be written, the import stops and says so.
func TestLedgerStopsWhereItCannotWrite(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	book := newLedger(filepath.Join(t.TempDir(), "gone", "state"), importState{}, nil, cancel)
	l := newLines(strings.NewReader(`{"key":"k","value":"v"}`))
	en, _ := l.next()
	book.begin(&en)
	book.settle(&en, wroteIt, 1, nil)
	book.end(l)
	<-ctx.Done()
	if err := book.close(); err == nil || !strings.Contains(err.Error(), "cannot be kept") {
		t.Errorf("%v", err)
	}
}

// The bucket lets through what the rate allows, in whatever steps it is asked.
func TestBucketKeepsTheRate(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		perSecond := rapid.Float64Range(1, 1e5).Draw(t, "rate")
		b, now, took := &bucket{perSecond: perSecond}, time.Unix(0, 0), 0
		began := now
		for range rapid.IntRange(1, 200).Draw(t, "steps") {
			n := rapid.IntRange(1, 1000).Draw(t, "n")
			now = now.Add(b.take(now, n)).Add(time.Duration(rapid.IntRange(0, 1000).Draw(t, "ms")) * time.Millisecond)
			took += n
		}
		most := max(perSecond/10, 1) + now.Sub(began).Seconds()*perSecond + 1
		if float64(took) > most {
			t.Fatalf("%d in %v at %v a second", took, now.Sub(began), perSecond)
		}
	})
	if b := (&bucket{perSecond: 10}); b.take(time.Unix(1, 0), 1) != 0 || b.take(time.Unix(1, 0), 1) != 100*time.Millisecond {
		t.Error("ten a second is one each 100ms")
	}
}
