package coordinator

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/record"
	"github.com/candordb/candor/ring"
)

var rewrite = flag.Bool("rewrite", false, "write the stories of testdata anew from what the Core does")

// TestStories plays the files of testdata. A line that begins with "> " is what
// happens to the Core, the indented lines under it are what the Core does
// about it, and everything else is prose.
//
//	> nodes 3 at a, up a b, suspect b, partitions 1   a new cluster; all but the number may be missing
//	> put 5 at quorum with rows         a request on the key k; delete 5, get after 4, outcome 5
//	> scan limit 3 prefix x             a scan; "scan on" goes on at the cursor of the page before
//	> a: ok                             what replica a answers to what it was asked last:
//	> a: ok, holds 7                    a write that was superseded there
//	> a: has 5 = text                   a read; text "tombstone" is one; "has nothing", "has garbage"
//	> a: OVERLOADED                     an answer with this code ("CLOCK kind 2")
//	> a: found x=1 y=2, done            a range; or "goes on at 8000" or "goes on at 8000 behind y"
//	> a, before: ok                     the same to what it was asked by the request before
//	> down b                            the link to b is lost
//	> unsent b                          the message to b could not be sent
//	> at 1000                           a tick at this time
func TestStories(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no stories: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got := tell(string(want))
			if *rewrite {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got, "\n")); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// tell plays a story and returns it with what the Core did.
func tell(text string) string {
	var out strings.Builder
	s := newStory()
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		event, happens := strings.CutPrefix(line, "> ")
		switch {
		case happens:
			fmt.Fprintln(&out, line)
			for _, done := range s.happen(event) {
				fmt.Fprintln(&out, "  "+done)
			}
		case !strings.HasPrefix(line, "  "):
			fmt.Fprintln(&out, line)
		}
	}
	return out.String()
}

// story is a Core and the script's memory of it.
type story struct {
	core        *Core
	now         int64
	view        *ring.View
	self        int
	up, suspect Mask
	next        []byte // cursor of the last page
	last        ScanRequest
	// The last message to each node, of this request and of the one before.
	asked, before map[string]Send
}

func newStory() *story { return &story{core: New(3, 8)} }

// happen tells the Core one event and returns what it does, in words.
func (s *story) happen(event string) (done []string) {
	var out Effects
	words := strings.Fields(strings.NewReplacer(",", " , ", ":", " : ").Replace(event))
	switch words[0] {
	case "nodes":
		s.nodes(words)
	case "put", "delete", "get", "outcome", "scan":
		s.before, s.asked = s.asked, make(map[string]Send)
		s.open(words, &out)
	case "down":
		s.core.LinkDown(s.now, nodeID(int(words[1][0]-'a')), &out)
	case "unsent":
		s.core.Unsent(s.now, s.asked[words[1]].Call, nodeID(int(words[1][0]-'a')), &out)
	case "at":
		s.now = int64(number(words[1]))
		s.core.Tick(s.now, &out)
	default:
		s.answer(words, event, &out)
	}
	for i := range out.Sends {
		m := &out.Sends[i]
		if m.Call != 0 {
			s.asked[nodeName(m.To)] = *m
		}
		done = append(done, sendText(m))
	}
	for i := range out.Answers {
		if out.Answers[i].Next != nil {
			s.next = out.Answers[i].Next
		}
		done = append(done, answerText(&out.Answers[i])...)
	}
	return done
}

func number(word string) int {
	n, err := strconv.Atoi(word)
	if err != nil {
		panic("a story says " + word + " where a number is wanted")
	}
	return n
}

// after returns the words that follow a word, up to the next comma.
func after(words []string, word string) []string {
	for i, w := range words {
		if w == word {
			rest := words[i+1:]
			for n, w := range rest {
				if w == "," {
					return rest[:n]
				}
			}
			return rest
		}
	}
	return nil
}

func mask(names []string) (m Mask) {
	for _, n := range names {
		m.add(int(n[0] - 'a'))
	}
	return m
}

// nodes begins anew.
func (s *story) nodes(words []string) {
	*s = *newStory()
	n, members, partitions := 3, number(words[1]), 1
	if r := after(words, "replicas"); r != nil {
		n = number(r[0])
	}
	if p := after(words, "partitions"); p != nil {
		partitions = number(p[0])
	}
	s.view, s.self = newView(partitions, n, members), -1
	if at := after(words, "at"); at != nil {
		s.self = int(at[0][0] - 'a')
	}
	s.up = bit(members) - 1
	if up := after(words, "up"); up != nil {
		s.up = mask(up)
	}
	s.suspect = mask(after(words, "suspect"))
}

func (s *story) open(words []string, out *Effects) {
	if words[0] == "scan" {
		s.scan(words, out)
		return
	}
	level := contract.Quorum
	if at := after(words, "at"); at != nil {
		l, ok := contract.ParseLevel(at[0])
		if !ok {
			panic("a story asks for level " + at[0])
		}
		level = l
	}
	op := map[string]Op{"put": OpPut, "delete": OpDelete, "get": OpGet, "outcome": OpOutcome}[words[0]]
	r := newRequest(op, s.view, level)
	r.Up, r.Suspect, r.Self, r.Deadline = r.Up&s.up, s.suspect, s.self, s.now+1000
	r.Rows = after(words, "with") != nil
	if seen := after(words, "after"); seen != nil {
		r.After = ver(number(seen[0]))
	}
	switch op {
	case OpGet:
		s.core.Get(s.now, r, out)
	case OpOutcome:
		r.Stamp = ver(number(words[1]))
		s.core.Get(s.now, r, out)
	default:
		n := number(words[1])
		r.Stamp, r.Record = ver(n), rec("k", n, map[Op]string{OpPut: fmt.Sprint("v", n), OpDelete: "tombstone"}[op])
		s.core.Put(s.now, r, out)
	}
}

func (s *story) scan(words []string, out *Effects) {
	q := &s.last
	if words[len(words)-1] == "on" {
		q.Cursor = s.next
	} else {
		*q = ScanRequest{Namespace: namespace, Limit: 1000, Last: ^ring.Token(0), Level: contract.One}
	}
	q.View, q.Deadline = s.view, s.now+1000
	if s.self >= 0 {
		q.Self = nodeID(s.self)
	}
	if limit := after(words, "limit"); limit != nil {
		q.Limit = number(limit[0])
	}
	if prefix := after(words, "prefix"); prefix != nil {
		q.Prefix = []byte(prefix[0])
	}
	q.KeysOnly = q.KeysOnly || after(words, "only") != nil
	q.Up = func(id ring.NodeID) (up, suspect bool) {
		i, _ := s.view.Index(id)
		return s.up.has(int(i)), s.suspect.has(int(i))
	}
	s.core.Scan(s.now, q, out)
}

// answer tells the Core what a replica answers.
func (s *story) answer(words []string, event string, out *Effects) {
	asked := s.asked
	if words[1] == "," && words[2] == "before" {
		asked = s.before
	}
	m, ok := asked[words[0]]
	if !ok {
		panic("a story lets a node answer that was not asked: " + event)
	}
	_, what, _ := strings.Cut(event, ": ")
	r := Reply{Ask: m.Ask}
	switch words := strings.Fields(strings.ReplaceAll(what, ",", " , ")); words[0] {
	case "ok":
		if holds := after(words, "holds"); holds != nil {
			r.Winner = ver(number(holds[0]))
		}
	case "has":
		r.Record = has(&m, words, what)
	case "found":
		r.Range = found(words)
	default:
		r.Code = code(words[0])
		if kind := after(words, "kind"); kind != nil {
			r.Kind = contract.ClockKind(number(kind[0]))
		}
	}
	s.core.Reply(s.now, m.Call, m.To, &r, out)
	// What the Core was shown is not its own to keep.
	for i := range r.Record {
		r.Record[i] = 0xee
	}
}

func code(name string) contract.Code {
	for _, c := range contract.Codes() {
		if c.String() == name {
			return c
		}
	}
	panic("a story knows no answer " + name)
}

// has is what a replica holds: the record, or its header if that was asked for.
func has(m *Send, words []string, what string) []byte {
	switch words[1] {
	case "nothing":
		return nil
	case "garbage":
		return []byte("garbage")
	}
	_, value, _ := strings.Cut(what, " = ")
	b := rec("k", number(words[1]), value)
	switch {
	case value == "damaged":
		b[len(b)-1] ^= 1
	case m.Ask == AskDigest:
		header, err := record.Header(b)
		if err != nil {
			panic(err)
		}
		return bytes.Clone(header)
	}
	return b
}

// found is what a replica found in a range: x=3 is the key x at version 3.
func found(words []string) *RangeReply {
	r := new(RangeReply)
	for _, w := range words[1:] {
		if key, version, item := strings.Cut(w, "="); item {
			r.Items = append(r.Items, RangeItem{Key: []byte(key), Record: rec(key, number(version), "of "+key)})
		}
	}
	where := after(words, "on")
	if r.Done = where == nil; r.Done {
		return r
	}
	token, err := strconv.ParseUint(where[1], 16, 16)
	if err != nil {
		panic(err)
	}
	r.Token = ring.Token(token << 48)
	if behind := after(words, "behind"); behind != nil {
		r.Key = []byte(behind[0])
	}
	return r
}
