package client

import (
	"time"

	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/hlc"
	"github.com/candordb/candor/ring"
)

// Receipt says what a request really achieved.
type Receipt struct {
	// Version is that of the write, or of what was read; zero if nothing was ever
	// seen of the key.
	Version Version
	// Need is how many acknowledgements the level asked for.
	Need int
	// Acked is how many distinct natural replicas answered in its favour.
	Acked int
	// Durable is how many of those had it synced before they answered.
	Durable int
	// Hinted is how many stand-ins hold a durable hint.
	Hinted int
	// Asked is how many natural replicas the request was sent to.
	Asked int
	// SupersededBy is not zero if a replica already holds this higher version; until
	// it has spread, reads may show either.
	SupersededBy Version
	// Buried is not zero if the write replaced this version, which its writer had
	// not seen; only with Seen, or under WithSession.
	Buried Version
	// RepairedAsOf is when all replicas of the key's partition were last proven to
	// hold everything; zero: not known.
	RepairedAsOf time.Time
	// Level is the level that was achieved.
	Level Level
	// Repaired is how many replicas were behind and were written before a read was
	// answered.
	Repaired int
	// Epoch is the ring epoch of the answer.
	Epoch uint64
	// Replicas is what each replica did; only with PerReplica.
	Replicas []ReplicaAnswer
}

// ReplicaAnswer is what one replica did for a request.
type ReplicaAnswer struct {
	Node    string // its name
	ID      string // 32 hex digits
	State   State
	Version Version // zero: it told none
}

// Superseded says whether a write has lost to a higher version.
func (r *Receipt) Superseded() bool { return !r.SupersededBy.IsZero() }

// String is the receipt as one line of words and numbers.
func (r Receipt) String() string {
	counts := contract.Receipt{
		Need: r.Need, Asked: r.Asked, Acked: r.Acked, Durable: r.Durable, Hinted: r.Hinted, Repaired: r.Repaired,
	}
	return counts.String()
}

// Item is a key with its value.
type Item struct {
	Key, Value []byte
	Version    Version
	Expires    time.Time // UTC; zero: never
	Receipt    Receipt   // not of items of a scan
}

func receiptOf(t *table, v Version, r *contract.Receipt, epoch uint64) Receipt {
	out := Receipt{
		Version: v, Need: r.Need, Acked: r.Acked, Durable: r.Durable, Hinted: r.Hinted, Asked: r.Asked, Level: r.Level,
		Repaired: r.Repaired, Epoch: epoch,
	}
	for _, row := range r.Rows {
		id := ring.NodeID(row.Node)
		out.Replicas = append(out.Replicas, ReplicaAnswer{
			Node: t.nameOf(id), ID: id.String(), State: row.State, Version: hlc.VersionFrom(row.Version[:]),
		})
	}
	return out
}

// expires is the time of an expires_at_ms; zero for never.
func expires(millis int64) time.Time {
	if millis == 0 {
		return time.Time{}
	}
	return time.UnixMilli(millis).UTC()
}
