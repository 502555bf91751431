package gossip

import (
	"fmt"

	"github.com/hashicorp/memberlist"
)

// broadcast is a message that replaces the waiting one of the same name.
type broadcast struct {
	name    string
	message []byte
	sent    func() // nil, or told when it was sent often enough or replaced
}

func (b *broadcast) Name() string                            { return b.name }
func (b *broadcast) Message() []byte                         { return b.message }
func (b *broadcast) Invalidates(o memberlist.Broadcast) bool { return sameName(b, o) }

func (b *broadcast) Finished() {
	if b.sent != nil {
		b.sent()
	}
}

func sameName(b *broadcast, o memberlist.Broadcast) bool {
	other, ok := o.(memberlist.NamedBroadcast)
	return ok && other.Name() == b.name
}

// enqueue takes a broadcast in, if it fits a packet.
func (d *delegate) enqueue(b *broadcast) error {
	if len(b.message) > broadcastMax {
		return fmt.Errorf("%w: %q has %d bytes, at most %d are taken", errBroadcastTooLarge, b.name, len(b.message), broadcastMax)
	}
	d.queue.QueueBroadcast(b)
	return nil
}
