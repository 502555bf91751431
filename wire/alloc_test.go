package wire

import (
	"bytes"
	"testing"

	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/hlc"
)

// valueBytes makes the PUT below 311 bytes in all.
const valueBytes = 255

// The data plane costs no memory: what is encoded goes into a buffer that is
// used again, what is decoded into a struct that is used again.

var (
	benchVersion = hlc.Version{Time: hlc.Make(1_760_000_000_000, 7), Writer: 0xfeedface}
	benchPlace   = Place{Token: 0x27525313dfa73c54, Namespace: 1, Key: []byte("user:42")}
	benchReceipt = contract.Receipt{Need: 2, Asked: 3, Acked: 2, Durable: 2, Level: contract.Quorum}
	benchHead    = Head{Op: OpPut, ID: 7, Clock: benchVersion.Time, Epoch: 3}
	benchPut     = Request{
		Op: OpPut, ID: 1 << 20, DeadlineMS: 2000, Namespace: []byte("default"), Key: []byte("user:42"), Value: bytes.Repeat([]byte{7}, valueBytes),
		Level: contract.Quorum, Version: benchVersion, HasVersion: true,
	}
	benchWrite = WriteItem{Call: 1 << 40, Kind: Fresh, DeadlineMS: 2000, Place: benchPlace, Record: bytes.Repeat([]byte{7}, 280)}
	benchSeen  = WriteItem{Call: 1 << 40, Kind: Fresh, DeadlineMS: 2000, Place: benchPlace, Record: benchWrite.Record, Seen: benchVersion, HasSeen: true}
	benchVoid  = VoidItem{Call: 1 << 40, DeadlineMS: 2000, Place: benchPlace, Version: benchVersion}
	benchRead  = ReadItem{Call: 1 << 40, DeadlineMS: 2000, Place: benchPlace}
)

// hotPath is one message of the data plane: how it is written into a buffer,
// and how its body is read.
type hotPath struct {
	name  string
	write func(dst []byte) []byte
	read  func(body []byte) bool
}

func hotPaths() []hotPath {
	var (
		q       Request
		op      Request
		a       Answer
		request PeerRequest
		answer  PeerAnswer
		write   WriteItem
		read    ReadItem
		void    VoidItem
		written WriteResult
		found   ReadResult
	)
	get := Request{Op: OpGet, ID: 9, DeadlineMS: 2000, Key: []byte("user:42"), Level: contract.Quorum, After: benchVersion}
	putAnswer := WriteAnswer{Version: benchVersion, Receipt: benchReceipt}
	getAnswer := GetAnswer{Found: true, Value: benchPut.Value, Version: benchVersion, Receipt: benchReceipt}
	ack := WriteResult{Call: 1 << 40, Winner: benchVersion}
	buried := WriteResult{Call: 1 << 40, Buried: benchVersion}
	row := ReadResult{Call: 1 << 40, Record: benchWrite.Record}
	ranged := RangeResult{Call: 9, Items: []RangeItem{{1, benchPlace.Key, benchWrite.Record}, {2, benchPlace.Key, benchWrite.Record}}}
	peerHead := PeerHead{ID: 9, Epoch: 3, Clock: benchVersion.Time}
	items := func(dst []byte, op Op, add func([]byte) []byte) []byte {
		start := len(dst)
		h := peerHead
		h.Op = op
		dst = BeginItems(dst, h)
		at := len(dst)
		return EndItems(add(add(dst)), start, at, 2)
	}
	results := func(dst []byte, op Op, add func([]byte) []byte) []byte {
		start := len(dst)
		h := benchHead
		h.Op = op
		dst = BeginResults(dst, h)
		at := len(dst)
		return EndItems(add(add(dst)), start, at, 2)
	}
	request2 := func(next func() (bool, error)) func([]byte) bool {
		return func(b []byte) bool { return DecodePeerRequest(b, &request) == nil && twice(next) }
	}
	answer2 := func(next func() (bool, error)) func([]byte) bool {
		return func(b []byte) bool { return DecodePeerAnswer(b, &answer) == nil && twice(next) }
	}
	return []hotPath{
		{"PUT", benchPut.Append, func(b []byte) bool { return DecodeRequest(b, &q) == nil && len(q.Value) == valueBytes }},
		{"GET", get.Append, func(b []byte) bool { return DecodeRequest(b, &q) == nil && q.After == benchVersion }},
		{
			"BATCH",
			func(dst []byte) []byte {
				start := len(dst)
				return EndFrame(get.AppendOp(benchPut.AppendOp(BeginBatch(dst, 3, 0, 2))), start)
			},
			func(b []byte) bool {
				if DecodeRequest(b, &q) != nil || q.Ops != 2 {
					return false
				}
				at, err := q.BatchOp(0, &op)
				if err == nil {
					_, err = q.BatchOp(at, &op)
				}
				return err == nil && op.After == benchVersion
			},
		},
		{
			"answer to PUT", func(dst []byte) []byte { return putAnswer.Append(dst, benchHead) },
			func(b []byte) bool { return DecodeAnswer(b, &a) == nil && a.Write.Version == benchVersion },
		},
		{
			"answer to GET", func(dst []byte) []byte { h := benchHead; h.Op = OpGet; return getAnswer.Append(dst, h) },
			func(b []byte) bool { return DecodeAnswer(b, &a) == nil && len(a.Get.Value) == valueBytes },
		},
		{
			"WRITE items", func(dst []byte) []byte { return items(dst, OpWrite, benchWrite.Append) },
			request2(func() (bool, error) { return request.NextWrite(&write) }),
		},
		{
			"WRITE items with seen", func(dst []byte) []byte { return items(dst, OpWrite, benchSeen.Append) },
			request2(func() (bool, error) { return request.NextWrite(&write) }),
		},
		{
			"VOID items", func(dst []byte) []byte { return items(dst, OpVoid, benchVoid.Append) },
			request2(func() (bool, error) { return request.NextVoid(&void) }),
		},
		{
			"READ items", func(dst []byte) []byte { return items(dst, OpRead, benchRead.Append) },
			request2(func() (bool, error) { return request.NextRead(&read) }),
		},
		{
			"WRITE results", func(dst []byte) []byte { return results(dst, OpWrite, ack.Append) },
			answer2(func() (bool, error) { return answer.NextWrite(&written) }),
		},
		{
			"WRITE results with buried", func(dst []byte) []byte { return results(dst, OpWrite, buried.Append) },
			answer2(func() (bool, error) { return answer.NextWrite(&written) }),
		},
		{
			"READ results", func(dst []byte) []byte { return results(dst, OpRead, row.Append) },
			answer2(func() (bool, error) { return answer.NextRead(&found) }),
		},
		{
			"RANGE result", func(dst []byte) []byte { h := benchHead; h.Op = OpRange; return ranged.Append(dst, h) },
			func(b []byte) bool { return DecodePeerAnswer(b, &answer) == nil && len(answer.Range.Items) == 2 },
		},
	}
}

// twice takes exactly two items.
func twice(next func() (bool, error)) bool {
	for i := range 3 {
		if more, err := next(); err != nil || more != (i < 2) {
			return false
		}
	}
	return true
}

func TestTheDataPlaneAllocatesNothing(t *testing.T) {
	for _, p := range hotPaths() {
		buf := make([]byte, 0, 4096)
		if n := testing.AllocsPerRun(200, func() { buf = p.write(buf[:0]) }); n != 0 {
			t.Errorf("writing %s: %v allocations", p.name, n)
		}
		body, n, err := NextFrame(buf, 1<<20)
		if n != len(buf) || err != nil || !p.read(body) {
			t.Errorf("%s: %x cannot be read back: %v", p.name, buf, err)
		}
		if n := testing.AllocsPerRun(200, func() {
			body, _, _ := NextFrame(buf, 1<<20)
			if !p.read(body) {
				t.Fatal(p.name)
			}
		}); n != 0 {
			t.Errorf("reading %s: %v allocations", p.name, n)
		}
	}
	if n := len(benchPut.Append(nil)); n != 311 {
		t.Errorf("the PUT of the benchmark is %d bytes", n)
	}
}

func BenchmarkWrite(b *testing.B) {
	for _, p := range hotPaths() {
		b.Run(p.name, func(b *testing.B) {
			buf := p.write(nil)
			b.SetBytes(int64(len(buf)))
			b.ReportAllocs()
			for b.Loop() {
				buf = p.write(buf[:0])
			}
		})
	}
}

func BenchmarkRead(b *testing.B) {
	for _, p := range hotPaths() {
		b.Run(p.name, func(b *testing.B) {
			buf := p.write(nil)
			b.SetBytes(int64(len(buf)))
			b.ReportAllocs()
			for b.Loop() {
				body, _, _ := NextFrame(buf, 1<<20)
				p.read(body)
			}
		})
	}
}
