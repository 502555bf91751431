package wire

import (
	"testing"

	"github.com/candordb/candor/contract"
)

// The head alone is what the whole answer begins with, of any answer.
func TestHeadOf(t *testing.T) {
	want := Head{Op: OpBatch, ID: 1 << 40, Code: contract.OK, Clock: 77, Epoch: 3}
	put := WriteAnswer{}
	frames := map[string][]byte{
		"a batch": BatchAnswer(nil, want, [][]byte{put.AppendResult(nil)}), "nothing behind it": AppendOK(nil, want),
	}
	for name, frame := range frames {
		if got, ok := HeadOf(frame[HeaderBytes:]); !ok || got != want {
			t.Errorf("%s: %+v, %v", name, got, ok)
		}
	}
	for name, body := range map[string][]byte{"nothing": nil, "a request": {0x92, 0x10, 0x01}, "cut off": frames["a batch"][HeaderBytes : HeaderBytes+4]} {
		if got, ok := HeadOf(body); ok {
			t.Errorf("%s: %+v", name, got)
		}
	}
}
