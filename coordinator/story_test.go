package coordinator

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/hlc"
	"github.com/candordb/candor/record"
	"github.com/candordb/candor/ring"
)

var rewrite = flag.Bool("rewrite", false, "write the stories of testdata anew from what the Core does")

// TestStories plays the files of testdata. A line that begins with "> " is what
// happens to the Core, the indented lines under it are what the Core does
// about it, and everything else is prose.
//
//	> nodes 3 at a, up a b, suspect b, partitions 1   a new cluster; all but the number may be missing
//	> nodes 3, periodic b             b answers before it syncs
//	> nodes 3, regions eu eu us         the region of each node; this node's is the first, or "from us"
//	> nodes 4 at a, regions eu/x eu/y us/x us/y   the zones too
//	> nodes 3, slots 2                  how many requests may be open
//	> nodes 3, hedging 5                how many extra messages there may be per cent
//	> nodes 5 at d, stands e            the members behind the first three own no copy; those that can stand in
//	> usual b 30                        b has answered twenty reads, within 30 ms each
//	> pace b 200                        b has answered its last reads, to whichever Core, within 200 ms
//	> avoided 63                        so many reads have avoided a slow replica since the last probe
//	> hedges                            says what has become of the hedges
//	> put 5 at quorum with rows         a request on the key k; delete 5, get after 4, outcome 5, explain
//	> put 5 seen 4                      a write whose writer knew version 4
//	> put 5 at any; put 5, sloppy       a write with stand-ins; "outcome 5, sloppy" asks about one
//	> put ordered                       a write that the Core asks a stamp for; "delete ordered"
//	> stamped 8                         the caller makes this version; "unstamped CLOCK kind 3": it makes none
//	> get at all, weaken                a read that takes a lower level too; "with trace" tells its steps
//	> scan limit 3 prefix x             a scan; "scan on" goes on at the cursor of the page before
//	> a: ok                             what replica a answers to what it was asked last:
//	> a: ok, holds 7                    a write that was superseded there, or a void that it cannot note
//	> a: ok, buried 4                   a write that replaced version 4
//	> a: has 5 = text                   a read; text "tombstone" is one; "has nothing", "has garbage"
//	> a: has 4 = text, mark 9           the same, of a replica whose fence is 9
//	> d: has 5 = text                   the hint that d keeps
//	> open                              says how many requests are open, and how many answered ones wait
//	> a: OVERLOADED                     an answer with this code ("CLOCK kind 2")
//	> a: found x=1 y@2000=2, done       a range, y at a token of its own; "x=3-" is a tombstone;
//	                                    or "goes on at 8000" or "goes on at 8000 behind y"
//	> a of x: has 5 = text              the same for the read of another key than k, by a scan
//	> a, before: ok                     the same to what it was asked by the request before
//	> a, first: has 5 = text            the same to what it was asked first by this request
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
	region      string
	up, suspect Mask
	periodic    Mask
	stands      Mask   // members that can stand in
	next        []byte // cursor of the last page
	last        ScanRequest
	stamping    uint64 // the call that waits for a stamp
	paces       Paces
	// The first and the last message to each node of this request, and the last of
	// the one before.
	first, asked, before map[string]Send
}

func newStory() *story { return &story{core: New(3, 8, Hedging{})} }

// happen tells the Core one event and returns what it does, in words.
func (s *story) happen(event string) (done []string) {
	out := Effects{Micros: s.now * 1000}
	words := strings.Fields(strings.NewReplacer(",", " , ", ":", " : ").Replace(event))
	switch words[0] {
	case "nodes":
		s.nodes(words)
	case "stamped":
		n := number(words[1])
		s.core.Stamped(s.stamping, ver(n), rec("k", n, fmt.Sprint("v", n)), &out)
	case "unstamped":
		s.core.Unstamped(s.stamping, code(words[1]), contract.ClockKind(number(after(words, "kind")[0])), "no stamp can be made", &out)
	case "put", "delete", "get", "outcome", "scan", "explain":
		s.before, s.asked, s.first = s.asked, make(map[string]Send), make(map[string]Send)
		s.open(words, &out)
	case "down":
		s.core.LinkDown(s.now, nodeID(int(words[1][0]-'a')), &out)
	case "unsent":
		s.core.Unsent(s.now, s.asked[words[1]].Call, nodeID(int(words[1][0]-'a')), &out)
	case "at":
		s.now = int64(number(words[1]))
		out.Micros = s.now * 1000
		s.core.Tick(s.now, &out)
		s.core.Hedge(&out)
		s.core.Share(&s.paces, &out)
	case "pace":
		s.pace(nodeID(int(words[1][0]-'a')), int64(number(words[2])), &out)
	case "avoided":
		s.core.hedging.avoided = number(words[1])
	case "usual":
		s.usual(nodeID(int(words[1][0]-'a')), int64(number(words[2])))
	case "open":
		return []string{fmt.Sprintf("%d open, %d settling, %d bytes kept", s.core.Open(), s.core.settling, s.core.kept)}
	case "hedges":
		h := s.core.Hedges()
		return []string{fmt.Sprintf("won %d, lost %d, denied %d", h.Won, h.Lost, h.Denied)}
	default:
		done = s.answer(words, event, &out)
	}
	for i := range out.Sends {
		m := &out.Sends[i]
		if m.Call != 0 {
			s.asked[askedName(m)] = *m
			if _, again := s.first[askedName(m)]; !again {
				s.first[askedName(m)] = *m
			}
		}
		done = append(done, sendText(m))
	}
	for i := range out.Stampings {
		s.stamping = out.Stampings[i].Call
		done = append(done, stampingText(&out.Stampings[i]))
	}
	for i := range out.Hints {
		done = append(done, hintText(&out.Hints[i]))
	}
	for i := range out.Answers {
		if out.Answers[i].Next != nil {
			s.next = out.Answers[i].Next
		}
		done = append(done, answerText(&out.Answers[i])...)
	}
	return done
}

// askedName is the name under which a message is answered: the node's, and for a
// read of a scan the key too.
func askedName(m *Send) string {
	if m.Ask == AskRange || string(m.Place.Key) == "k" {
		return nodeName(m.To)
	}
	return nodeName(m.To) + " of " + string(m.Place.Key)
}

// usual lets a node have answered as many reads as make it known.
func (s *story) usual(id ring.NodeID, millis int64) {
	l := new(latency)
	for range fewSamples {
		l.add(millis*1000, 95)
	}
	s.core.hedging.members[id] = l
}

// pace lets all know how long a node took for its last reads.
func (s *story) pace(id ring.NodeID, millis int64, out *Effects) {
	for range paceSeen {
		s.paces.add(sighting{id, millis * 1000})
	}
	s.core.Share(&s.paces, out)
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
	if slots := after(words, "slots"); slots != nil {
		s.core = New(3, number(slots[0]), Hedging{})
	}
	if percent := after(words, "hedging"); percent != nil {
		s.core.hedging.Hedging = Hedging{Percentile: 95, Percent: number(percent[0])}
	}
	n, members, partitions := 3, number(words[1]), 1
	if r := after(words, "replicas"); r != nil {
		n = number(r[0])
	}
	if p := after(words, "partitions"); p != nil {
		partitions = number(p[0])
	}
	regions := after(words, "regions")
	s.view, s.self = newView(partitions, n, members, regions...), -1
	if regions != nil {
		s.region, _, _ = strings.Cut(regions[0], "/")
	}
	if from := after(words, "from"); from != nil {
		s.region = from[0]
	}
	if at := after(words, "at"); at != nil {
		s.self = int(at[0][0] - 'a')
	}
	s.up = bit(members) - 1
	if up := after(words, "up"); up != nil {
		s.up = mask(up)
	}
	s.suspect = mask(after(words, "suspect"))
	s.periodic = mask(after(words, "periodic"))
	s.stands = s.up
	if stands := after(words, "stands"); stands != nil {
		s.stands = mask(stands)
	}
}

// standIns are the members that own no copy: those that can stand in, or all.
func (s *story) standIns(all bool) (m []uint16) {
	for i := s.view.N(); i < len(s.view.Members()); i++ {
		if all || s.stands.has(i) {
			m = append(m, uint16(i))
		}
	}
	return m
}

func (s *story) open(words []string, out *Effects) {
	if words[0] == "scan" {
		s.scan(words, out)
		return
	}
	level := contract.Quorum
	if at := after(words, "at"); at != nil {
		level = levelOf(at[0])
	}
	op := map[string]Op{"put": OpPut, "delete": OpDelete, "get": OpGet, "outcome": OpOutcome, "explain": OpExplain}[words[0]]
	r := newRequest(op, s.view, level, s.region)
	r.Periodic = s.periodic
	r.Up, r.Suspect, r.Self, r.Deadline = r.Up&s.up, s.suspect, s.self, s.now+1000
	if s.self >= 0 {
		r.Coordinator = nodeID(s.self)
	}
	r.Rows, r.Trace = slices.Contains(words, "rows"), slices.Contains(words, "trace")
	if r.Sloppy = slices.Contains(words, "sloppy") || level == contract.Any; r.Sloppy || op == OpOutcome {
		r.Stands = s.standIns(op == OpOutcome)
	}
	r.Weaken, r.Ordered = slices.Contains(words, "weaken"), slices.Contains(words, "ordered")
	if seen := after(words, "after"); seen != nil {
		r.After = ver(number(seen[0]))
	}
	switch op {
	case OpGet:
		s.core.Get(s.now, r, out)
	case OpOutcome:
		r.Stamp = ver(number(words[1]))
		s.core.Get(s.now, r, out)
	case OpExplain:
		s.core.Explain(s.now, r, out)
	default:
		if seen := after(words, "seen"); seen != nil {
			r.Seen, r.HasSeen = ver(number(seen[0])), true
		}
		if r.Ordered {
			r.Value, r.TTL = []byte("ordered"), 7
			s.core.Put(s.now, r, out)
			return
		}
		n := number(words[1])
		r.Stamp, r.Record = ver(n), rec("k", n, map[Op]string{OpPut: fmt.Sprint("v", n), OpDelete: "tombstone"}[op])
		s.core.Put(s.now, r, out)
	}
}

func levelOf(word string) contract.Level {
	l, ok := contract.ParseLevel(word)
	if !ok {
		panic("a story asks for level " + word)
	}
	return l
}

func (s *story) scan(words []string, out *Effects) {
	q := &s.last
	if words[len(words)-1] == "on" {
		q.Cursor = s.next
	} else {
		*q = ScanRequest{Namespace: namespace, Limit: 1000, Last: ^ring.Token(0), Level: contract.One, Region: s.region}
		q.Weaken = slices.Contains(words, "weaken")
	}
	if at := after(words, "at"); at != nil {
		q.Level = levelOf(at[0])
	}
	if bytes := after(words, "bytes"); bytes != nil {
		q.Bytes = number(bytes[0])
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
	q.KeysOnly = q.KeysOnly || slices.Contains(words, "only")
	q.Up = func(id ring.NodeID) (up, suspect bool) {
		i, _ := s.view.Index(id)
		return s.up.has(int(i)), s.suspect.has(int(i))
	}
	s.core.Scan(s.now, q, out)
}

// answer tells the Core what a replica answers.
func (s *story) answer(words []string, event string, out *Effects) (done []string) {
	asked := s.asked
	switch {
	case words[1] == "," && words[2] == "before":
		asked = s.before
	case words[1] == "," && words[2] == "first":
		asked = s.first
	}
	who, _, _ := strings.Cut(event, ":")
	who, _, _ = strings.Cut(who, ",")
	m, ok := asked[who]
	if !ok {
		return []string{"nobody has asked that"}
	}
	_, what, _ := strings.Cut(event, ": ")
	r := Reply{Ask: m.Ask}
	switch words := strings.Fields(strings.ReplaceAll(what, ",", " , ")); words[0] {
	case "ok":
		if holds := after(words, "holds"); holds != nil {
			r.Winner = ver(number(holds[0]))
		}
		if buried := after(words, "buried"); buried != nil {
			r.Buried = ver(number(buried[0]))
		}
	case "has":
		if mark := after(words, "mark"); mark != nil {
			r.Mark = hlc.Timestamp(number(mark[0]))
			what, _, _ = strings.Cut(what, ", mark")
		}
		r.Record = has(&m, words, what)
	case "found":
		r.Range = found(&m.Range, words)
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
	return nil
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
	b := rec(string(m.Place.Key), number(words[1]), value)
	switch {
	case value == "damaged":
		b[len(b)-1] ^= 1
	case m.Ask == AskDigest:
		return headerOf(b)
	}
	return b
}

func headerOf(rec []byte) []byte {
	header, err := record.Header(rec)
	if err != nil {
		panic(err)
	}
	return bytes.Clone(header)
}

// found is what a replica found in a range: x=3 is the key x at version 3. It
// stands at the beginning of the range if it does not say where.
func found(q *Range, words []string) *RangeReply {
	r := new(RangeReply)
	for _, w := range words[1:] {
		if place, version, item := strings.Cut(w, "="); item {
			r.Items = append(r.Items, foundItem(q, place, version))
		}
	}
	where := after(words, "on")
	if r.Done = where == nil; r.Done {
		return r
	}
	r.Token = tokenOf(where[1])
	if behind := after(words, "behind"); behind != nil {
		r.Key = []byte(behind[0])
	}
	return r
}

func foundItem(q *Range, place, version string) RangeItem {
	key, at, elsewhere := strings.Cut(place, "@")
	version, dead := strings.CutSuffix(version, "-")
	version, expires, expiring := strings.Cut(version, "^")
	it := RangeItem{Token: q.From, Key: []byte(key), Record: rec(key, number(version), "of "+key)}
	switch {
	case dead:
		it.Record = rec(key, number(version), "tombstone")
	case expiring:
		it.Record = record.Append(nil, namespace, it.Key, record.Record{Version: ver(number(version)), ExpiresAt: int64(number(expires))})
	}
	if elsewhere {
		it.Token = tokenOf(at)
	}
	if q.KeysOnly {
		it.Record = headerOf(it.Record)
	}
	return it
}

// tokenOf reads a token by its top 16 bits.
func tokenOf(word string) ring.Token {
	token, err := strconv.ParseUint(word, 16, 16)
	if err != nil {
		panic(err)
	}
	return ring.Token(token << 48)
}
