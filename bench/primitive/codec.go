package primitive

import (
	"time"

	"github.com/candordb/candor/bench/engine"
	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/hlc"
	"github.com/candordb/candor/wire"
)

// Codec is the name of its figure.
const Codec = "codec"

// codecMessages is how many messages of each kind are coded between two looks at the
// clock.
const codecMessages = 1000

// MessageCodec measures how long it takes to write and read one message.
func MessageCodec(valueSize int, d time.Duration) (Figure, error) {
	key, value := engine.AppendKey(nil, 1), make([]byte, valueSize)
	version := hlc.Version{Time: 1 << 60, Writer: 1}
	requests := []wire.Request{{Op: wire.OpGet, ID: 7, DeadlineMS: 5000, Key: key}, {Op: wire.OpPut, ID: 7, DeadlineMS: 5000, Key: key, Value: value}}
	receipt := contract.Receipt{Need: 2, Asked: 3, Acked: 2, Durable: 2, Level: contract.Quorum}
	get, put := wire.GetAnswer{Found: true, Value: value, Version: version, Receipt: receipt}, wire.WriteAnswer{Version: version, Receipt: receipt}
	var buf []byte
	var q wire.Request
	var a wire.Answer
	answer := func() error { return wire.DecodeAnswer(buf[wire.HeaderBytes:], &a) }
	return timed(Codec, 4*codecMessages, d, func(int) error {
		for range codecMessages {
			for i := range requests {
				buf = requests[i].Append(buf[:0])
				if err := wire.DecodeRequest(buf[wire.HeaderBytes:], &q); err != nil {
					return err
				}
			}
			buf = get.Append(buf[:0], wire.Head{Op: wire.OpGet, ID: 7})
			if err := answer(); err != nil {
				return err
			}
			buf = put.Append(buf[:0], wire.Head{Op: wire.OpPut, ID: 7})
			if err := answer(); err != nil {
				return err
			}
		}
		return nil
	})
}
