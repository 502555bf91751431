package wire

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var rewrite = flag.Bool("rewrite", false, "write docs/protocol/vectors.json anew")

const vectorFile = "../docs/protocol/vectors.json"

// vector is one frame and what it means.
type vector struct {
	name, direction string
	frame           []byte
	ops             []Op // of the BATCH that is answered
	onlyRead        bool // nobody sends this form
	why             string
	refusal, phase  string
}

func directed(direction string, all []vector) []vector {
	for i := range all {
		all[i].direction = direction
	}
	return all
}

func vectors() []vector {
	var all []vector
	for _, some := range [][]vector{
		requestVectors(), readOnlyVectors(), answerVectors(), errorVectors(), peerRequestVectors(), peerAnswerVectors(), refusedVectors(),
	} {
		all = append(all, some...)
	}
	return all
}

var conventions = []string{
	"Each vector is one frame of protocol version 1: `hex` is its bytes, the length prefix included, and `meaning` says what stands in it.",
	"A meaning is an object whose members stand in wire order. Take the values, and it is the msgpack array of the frame's body.",
	"Within a meaning: a number is a msgpack integer (up to 64 bits, wider than a double), true, false and null are themselves, a string is a str, {\"bin\": HEX} is a bin.",
	"A list is an array. Any other object is an array too, with names for its elements; the names are not sent.",
	"{\"array32\": LIST} is an array whose head always takes 5 bytes (0xdd), as between nodes; a reader takes any head.",
	"direction is request, answer or error (of a client's request), peer_request or peer_answer (between nodes), or refused.",
	"A writer makes exactly these bytes, but where `only_read` is true: that form is valid, so a reader has to take it, and nobody sends it.",
	"`ops` names the operations of the BATCH that an answer belongs to; its results do not tell.",
	"Of refused frames, `meaning` has a sentence, and op and id where they can be read. `phase` says when the frame comes, `refusal` what a server does.",
	"close_silently: close without an answer. UNSUPPORTED_then_close: answer the HELLO with that code, then close.",
	"close_after_BAD_REQUEST and TOO_LARGE_then_close: send [0x80, 0, code, clock, epoch, message, 0, detail], then close. (With id 0 the op may be repeated.)",
	"BAD_REQUEST_stays and UNSUPPORTED_stays: answer with that code and the frame's op and id; the connection goes on.",
	"Frames that claim too much have only their length prefix here. max_frame is taken to be 1114112.",
}

// vectorText is the whole file.
func vectorText() []byte {
	var b bytes.Buffer
	b.WriteString("{\n  \"protocol\": 1,\n  \"conventions\": [\n")
	for i, c := range conventions {
		fmt.Fprintf(&b, "    %s%s\n", quoted(c), comma(i, len(conventions)))
	}
	b.WriteString("  ],\n  \"vectors\": [\n")
	all := vectors()
	for i := range all {
		fmt.Fprintf(&b, "    %s%s\n", all[i].text(), comma(i, len(all)))
	}
	b.WriteString("  ]\n}\n")
	return b.Bytes()
}

func comma(i, n int) string {
	if i == n-1 {
		return ""
	}
	return ","
}

func quoted(s string) string {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(s); err != nil {
		panic(err)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

func (v *vector) text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "{\"name\": %s, \"direction\": %q, ", quoted(v.name), v.direction)
	if v.onlyRead {
		b.WriteString("\"only_read\": true, ")
	}
	if v.ops != nil {
		text, _ := json.Marshal(opNumbers(v.ops))
		fmt.Fprintf(&b, "\"ops\": %s, ", text)
	}
	if v.refusal != "" {
		fmt.Fprintf(&b, "\"phase\": %q, \"refusal\": %q, ", v.phase, v.refusal)
	}
	fmt.Fprintf(&b, "\n     \"hex\": \"%x\",\n     \"meaning\": %s}", v.frame, v.meaning())
	return strings.Replace(b.String(), ", \n", ",\n", 1)
}

func (v *vector) meaning() string {
	if v.refusal == "" {
		return describe(v.direction, v.frame[HeaderBytes:], v.ops)
	}
	if op, id, ok := readableHead(v.frame); ok {
		return fmt.Sprintf("{\"why\": %s, \"op\": %d, \"id\": %d}", quoted(v.why), op, id)
	}
	return fmt.Sprintf("{\"why\": %s}", quoted(v.why))
}

func opNumbers(ops []Op) []int {
	out := []int{}
	for _, op := range ops {
		out = append(out, int(op))
	}
	return out
}

// filed is a vector as a stranger reads it from the file.
type filed struct {
	Name, Direction, Hex, Phase, Refusal string
	Ops                                  []int
	OnlyRead                             bool `json:"only_read"`
	Meaning                              json.RawMessage
}

func filedVectors(t testing.TB) []filed {
	text, err := os.ReadFile(vectorFile)
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Vectors []filed }
	if err := json.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	return file.Vectors
}

func (f filed) frame(t testing.TB) []byte {
	b, err := hex.DecodeString(f.Hex)
	if err != nil {
		t.Fatalf("%s: %v", f.Name, err)
	}
	return b
}

// again decodes and encodes the body of an accepted vector.
func (f filed) again(body []byte) ([]byte, error) {
	switch f.Direction {
	case "request":
		if body[1] == byte(OpHello) {
			return helloAgain(body)
		}
		return requestAgain(body)
	case "peer_request":
		return peerRequestAgain(body)
	case "peer_answer":
		return peerAnswerAgain(body)
	}
	var ops []Op
	for _, op := range f.Ops {
		ops = append(ops, Op(op))
	}
	return answerAgain(body, ops)
}

// The committed file is what the codec makes, byte for byte; -rewrite makes it
// anew, for a reader to look at the difference.
func TestVectorFileIsWhatTheCodecMakes(t *testing.T) {
	want := vectorText()
	if *rewrite {
		if err := os.WriteFile(vectorFile, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(vectorFile)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(string(got), "\n")); diff != "" {
		t.Errorf("the file and the codec have parted; run with -rewrite, and look at what it changes (+ is the file):\n%s", diff)
	}
}

// The meaning, encoded by the library, is the frame; and the frame, decoded and
// encoded by the codec, is itself.
func TestVectorsMeanWhatTheySay(t *testing.T) {
	for _, f := range filedVectors(t) {
		if f.Direction == "refused" {
			continue
		}
		frame := f.frame(t)
		values, err := meant(f.Meaning)
		if err != nil {
			t.Fatalf("%s: %v", f.Name, err)
		}
		again, err := f.again(frame[HeaderBytes:])
		if err != nil {
			t.Errorf("%s: %v", f.Name, err)
			continue
		}
		byMeaning := framed(byLibrary(values))
		if f.OnlyRead {
			if bytes.Equal(frame, again) {
				t.Errorf("%s: this form is sent too", f.Name)
			}
			if frame, err = f.again(byMeaning[HeaderBytes:]); err != nil {
				t.Errorf("%s: %v", f.Name, err)
			}
		} else if !bytes.Equal(frame, byMeaning) {
			t.Errorf("%s:\n%x in the file\n%x by its meaning", f.Name, frame, byMeaning)
		}
		if !bytes.Equal(frame, again) {
			t.Errorf("%s:\n%x in the file\n%x once decoded and encoded", f.Name, frame, again)
		}
	}
}

// protocol.md, Frames: which frames are refused, and how.
func TestVectorsThatAreRefused(t *testing.T) {
	count := 0
	for _, f := range filedVectors(t) {
		if f.Direction == "refused" {
			count++
		} else if f.Direction != "request" {
			continue
		}
		frame := f.frame(t)
		before := f.Phase == "before_hello" || f.Direction == "request" && frame[HeaderBytes+1] == byte(OpHello)
		if got := judge(frame, before); got != f.Refusal {
			t.Errorf("%s: %q, want %q", f.Name, got, f.Refusal)
		}
	}
	if count < 25 {
		t.Errorf("only %d vectors are refused", count)
	}
}
