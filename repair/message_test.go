package repair

import (
	"bytes"
	"encoding/hex"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/candordb/candor/hlc"
	"github.com/candordb/candor/merkle"
	"github.com/candordb/candor/record"
)

// samples are bodies of each kind.
func samples() map[byte]body {
	header := mustHeader(record.Append(nil, 1, []byte("k"), record.Record{Version: hlc.Version{Time: 7, Writer: 8}, Value: []byte("v")}))
	root := merkle.Node{Sum: merkle.Sum{Hi: 1, Lo: 2}, Count: 3}
	return map[byte]body{
		kindSay:               say{1, 2},
		kindSay | answered:    nothing{},
		kindRoots:             roots{say: say{1, 2}, least: 3, first: 4, rows: []rootsRow{{root, hlc.Make(5, 0), hlc.Make(6, 0), unusable}, {state: shown}}},
		kindRoots | answered:  roots{say: say{1, 2}, answer: true, first: 4, rows: []rootsRow{{asOf: hlc.Make(5, 0), strict: hlc.Make(6, 0), state: differs}}},
		kindOpen:              opening{partition: 9, floor: 1, least: 2},
		kindOpen | answered:   opening{partition: 9, answer: true, floor: 1, root: root},
		kindDescend:           descend{9, merkle.Question{Parents: []uint16{0}}.Append(nil)},
		kindLeaves:            wanted{partition: 9, leaves: []uint16{1, 5}, begun: true, after: Place{1, 2, []byte("key")}},
		kindLeaves | answered: page{partition: 9, fence: 1, purge: 2, more: true, entries: []entry{{Place{1, 2, []byte("key")}, header}}},
		kindDone:              done{9, 1, 2, 3, 4},
		kindAgree:             marksOf{{9, 1}, {3, 1}, {9, 2}},
		kindAgree | answered:  verdicts{None, Quarantined},
		kindTell:              tells{{9, hlc.Make(5, 0), hlc.Make(6, 0)}, {3, hlc.Make(5, 0), hlc.Make(6, 0)}, {4, hlc.Make(7, 0), 0}},
		kindRefusal:           refusal(OtherEpoch),
	}
}

// parseAny decodes a message of any kind.
func parseAny(b []byte) (head, body, error) {
	h, r, err := parseHead(b)
	if err != nil {
		return h, nil, err
	}
	var m body
	switch h.kind {
	case kindSay:
		m, err = parseSay(r)
	case kindTell:
		m, err = parseTells(r)
	case kindSay | answered, kindDone | answered, kindTell | answered:
		m, err = nothing{}, r.end()
	case kindRoots, kindRoots | answered:
		m, err = parseRoots(r, h.kind != kindRoots)
	case kindOpen, kindOpen | answered:
		m, err = parseOpening(r, h.kind != kindOpen)
	case kindDescend, kindDescend | answered:
		m, err = parseDescend(r)
	case kindLeaves:
		m, err = parseWanted(r)
	case kindLeaves | answered:
		m, err = parsePage(r)
	case kindDone:
		m, err = parseDone(r)
	case kindAgree, kindAdopt:
		m, err = parseMarks(r)
	case kindAgree | answered, kindAdopt | answered:
		m, err = parseVerdicts(r)
	case kindRefusal:
		var reason Reason
		reason, err = parseRefusal(r)
		m = refusal(reason)
	default:
		err = ErrMessage
	}
	return h, m, err
}

func TestMessagesComeBackAsTheyWere(t *testing.T) {
	for kind, m := range samples() {
		h := head{kind, 5, 6, 7}
		doc := m.append(h.append(nil))
		gotHead, got, err := parseAny(doc)
		if err != nil {
			t.Errorf("kind %#x: %v", kind, err)
			continue
		}
		equal := cmp.Options{cmp.AllowUnexported(head{}, roots{}, say{}, rootsRow{}, opening{}, descend{}, wanted{}, page{}, entry{}, done{}, markRow{}, tellRow{})}
		if gotHead != h || !cmp.Equal(got, m, equal) {
			t.Errorf("kind %#x: %s", kind, cmp.Diff(m, got, equal))
		}
		for cut := range doc {
			if _, _, err := parseAny(doc[:cut]); !errors.Is(err, ErrMessage) && kind|answered != kindDescend|answered {
				t.Errorf("kind %#x, cut to %d bytes of %d: %v", kind, cut, len(doc), err)
			}
		}
	}
}

// The forms are between versions of the program: they never change.
func TestGoldenMessages(t *testing.T) {
	all := samples()
	head26 := func(kind string) string {
		return "01" + kind + "0000000000000005" + "0000000000000006" + "0000000000000007"
	}
	for _, c := range []struct {
		kind   byte
		golden string
	}{
		{kindSay, head26("01") + "0000000000000001" + "0000000000000002"},
		{kindRoots, head26("02") + "0000000000000001" + "0000000000000002" + "0000000000000003" + "00000004" + "0002" +
			"000000000000000100000000000000020000000000000003" + "000000000005" + "000000000006" +
			"000000000000000000000000000000000000000000000000" + "000000000000" + "000000000000" + "80"},
		{kindRoots | answered, head26("42") + "0000000000000001" + "0000000000000002" + "00000004" + "0001" + "000000000005" + "000000000006" + "40"},
		{kindOpen, head26("03") + "0009" + "0000000000000001" + "0000000000000002"},
		{kindLeaves, head26("05") + "0009" + "0002" + "0001" + "0005" + "01" + "0000000000000001" + "00000002" + "00000003" + "6b6579"},
		{kindDone, head26("06") + "0009" + "0000000000000001" + "0000000000000002" + "0000000000000003" + "0000000000000004"},
		{kindAgree, head26("07") + "0002" + "0000000000000001" + "0002" + "0009" + "0003" + "0000000000000002" + "0001" + "0009"},
		{kindAgree | answered, head26("47") + "0002" + "00" + "04"},
		{kindTell, head26("0b") + "0002" + "000000000005" + "000000000006" + "0002" + "0009" + "0003" + "000000000007" + "000000000000" + "0001" + "0004"},
		{kindRefusal, head26("7f") + "02"},
	} {
		if got := hex.EncodeToString(all[c.kind].append(head{c.kind, 5, 6, 7}.append(nil))); got != c.golden {
			t.Errorf("kind %#x:\n%s, want\n%s", c.kind, got, c.golden)
		}
	}
}

func TestDamagedMessagesAreRefused(t *testing.T) {
	h := func(kind byte, rest ...byte) []byte { return append(head{kind: kind}.append(nil), rest...) }
	time := make([]byte, 8)
	for _, c := range []struct {
		name string
		doc  []byte
	}{
		{"nothing", nil},
		{"a later format", append([]byte{2}, h(kindSay, make([]byte, 16)...)[1:]...)},
		{"a byte more", h(kindSay, make([]byte, 17)...)},
		{"65,535 partitions in 30 bytes", h(kindRoots, append(make([]byte, 28), 0xff, 0xff)...)},
		{"two billion records", h(kindLeaves|answered, append(make([]byte, 19), 0x7f, 0xff, 0xff, 0xff)...)},
		{"a key of 4 GB", h(kindLeaves, append(make([]byte, 4), append([]byte{1}, append(make([]byte, 12), 0xff, 0xff, 0xff, 0xff)...)...)...)},
		{"falling leaves", h(kindLeaves, 0, 9, 0, 2, 0, 5, 0, 1, 0)},
		{"a flag of 2", h(kindLeaves, 0, 9, 0, 0, 2)},
		{"more behind nothing", h(kindLeaves|answered, append(make([]byte, 18), 1, 0, 0, 0, 0)...)},
		{"bits behind the states", h(kindRoots|answered, append(make([]byte, 20), append([]byte{0, 1}, append(make([]byte, 12), 1)...)...)...)},
		{"a group of no partitions", h(kindAgree, append(append([]byte{0, 1}, time...), 0, 0)...)},
		{"more rows than allowed", h(kindAgree|answered, append([]byte{0xff, 0xff}, make([]byte, 0xffff)...)...)},
		{"a kind that is not known", h(0x22)},
	} {
		if _, _, err := parseAny(c.doc); !errors.Is(err, ErrMessage) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// Whatever is taken is the one form of what it says; nothing panics.
func FuzzMessage(f *testing.F) {
	for kind, m := range samples() {
		f.Add(m.append(head{kind, 1, 2, 3}.append(nil)))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		h, m, err := parseAny(b)
		switch {
		case err != nil && !errors.Is(err, ErrMessage):
			t.Fatal(err)
		case err == nil && !bytes.Equal(m.append(h.append(nil)), b):
			t.Fatalf("%x came back as %x", b, m.append(h.append(nil)))
		}
	})
}

// Requests of any bytes are refused or answered, and answers of any bytes end
// their call: nobody can stop a node by what it sends.
func FuzzRequest(f *testing.F) {
	for kind, m := range samples() {
		f.Add(m.append(head{kind, 1, 2, 3}.append(nil)))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		w := newWorld(t, 1, 2, 2, 4, 10, Options{})
		for _, key := range w.keys {
			w.set(w.nodes[0], key, w.encode(w.placeOf(key), recordOf("v")))
		}
		var out Effects
		c := w.nodes[1].core
		c.Request(w.nodes[0].id, Ticket{Conn: 0}, b, &out)
		if len(out.Replies) == 0 && len(out.Writes) == 0 {
			t.Fatal("no reply, and nothing that it could wait for")
		}
		w.run(6000, nil)
		for id, k := range w.nodes[0].core.calls {
			w.nodes[0].core.Answer(k.to, id, b, &out)
			break
		}
	})
}

// What is told of a proof is rounded down, never up.
func TestProofsAreToldRoundedDown(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		at := hlc.Make(rapid.Int64Range(0, hlc.MillisMax).Draw(t, "ms"), rapid.Uint16().Draw(t, "counter"))
		r := reader{b: appendMillis(nil, at)}
		if got := r.millis(); got > at || got.Millis() != at.Millis() || r.end() != nil {
			t.Fatalf("%v is told as %v", at, got)
		}
	})
}
