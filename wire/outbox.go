package wire

import "github.com/candordb/candor/hlc"

// Outbox gathers what waits for one peer: the items of WRITE, READ and DIGEST
// each in one open frame, other frames whole. Take closes the open frames and
// hands everything over. It is a plain value; its owner locks it.
//
// A frame is closed early when the next item would not fit, and when the epoch
// changes, so that all items of a frame have been made under the epoch that its
// head names. An item that fits no frame with others goes alone.
type Outbox struct {
	// FrameBytes is the largest body that the peer takes; 0: outboxBytesMax.
	FrameBytes int

	ready []byte // whole frames
	open  [3]openFrame
	id    uint64 // of the last frame
}

// openFrame is a frame of items that can still grow.
type openFrame struct {
	buf   []byte
	items int // length of buf where the items begin; 0: no frame is open
	count int
	epoch uint64
}

const (
	outboxItemsMax = 1024
	outboxBytesMax = 256 << 10
	// itemBytesMax is more than an item takes beside its key and record.
	itemBytesMax = 64
)

// NextID is the id for a frame that is appended to the outbox as a whole.
func (o *Outbox) NextID() uint64 {
	o.id++
	return o.id
}

// Ready gives the whole frames that wait, to append one to; SetReady takes
// them back.
func (o *Outbox) Ready() []byte { return o.ready }

// SetReady replaces the whole frames that wait.
func (o *Outbox) SetReady(frames []byte) { o.ready = frames }

// Write adds an item to the open WRITE frame.
func (o *Outbox) Write(epoch uint64, clock hlc.Timestamp, w *WriteItem) {
	f := o.frame(OpWrite, epoch, clock, len(w.Key)+len(w.Record))
	f.buf = w.Append(f.buf)
}

// Read adds an item to the open READ or DIGEST frame.
func (o *Outbox) Read(op Op, epoch uint64, clock hlc.Timestamp, q *ReadItem) {
	f := o.frame(op, epoch, clock, len(q.Key))
	f.buf = q.Append(f.buf)
}

// frame is the open frame of an op, with room for an item of so many bytes of
// key and record.
func (o *Outbox) frame(op Op, epoch uint64, clock hlc.Timestamp, bytes int) *openFrame {
	f := &o.open[op-OpWrite]
	limit := outboxBytesMax
	if o.FrameBytes > 0 {
		limit = min(limit, o.FrameBytes)
	}
	if f.items != 0 && (f.epoch != epoch || f.count == outboxItemsMax || len(f.buf)+itemBytesMax+bytes > limit) {
		o.closeFrame(f)
	}
	if f.items == 0 {
		f.buf = BeginItems(f.buf[:0], PeerHead{Op: op, ID: o.NextID(), Epoch: epoch, Clock: clock})
		f.items, f.epoch = len(f.buf), epoch
	}
	f.count++
	return f
}

func (o *Outbox) closeFrame(f *openFrame) {
	o.ready = append(o.ready, EndItems(f.buf, 0, f.items, f.count)...)
	f.buf, f.items, f.count = f.buf[:0], 0, 0
}

// Waiting is how many bytes wait, to within the heads of open frames.
func (o *Outbox) Waiting() int {
	n := len(o.ready)
	for i := range o.open {
		if o.open[i].items != 0 {
			n += len(o.open[i].buf)
		}
	}
	return n
}

// Take returns all that waits as whole frames, and leaves the outbox empty
// with spare as its buffer.
func (o *Outbox) Take(spare []byte) []byte {
	for i := range o.open {
		if f := &o.open[i]; f.items != 0 {
			o.closeFrame(f)
		}
	}
	frames := o.ready
	o.ready = spare[:0]
	return frames
}
