package coordinator

import (
	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/hlc"
	"github.com/candordb/candor/ring"
)

// Client says who waits for an answer. The core only hands it back.
type Client struct {
	Conn  any    // the connection
	ID    uint64 // of the request on it
	Batch int    // 1 + the index of the operation in a BATCH; 0: not in one
}

// Place is where a record stands.
type Place struct {
	Token     ring.Token
	Namespace uint32
	Key       []byte
}

// Ask says what a message asks of a replica.
type Ask uint8

// The asks.
const (
	AskWrite   Ask = iota // merge a client's write
	AskRepair             // merge a write-back
	AskRead               // the record
	AskDigest             // the record's header
	AskRange              // records of a range
	AskVoid               // a note that a version will be refused
	AskStand              // keep a client's write as a hint for another node
	AskHint               // the record of a hint of a version
	AskDeliver            // merge what was kept as a hint
)

// Send is a message to a replica, this node's own included.
type Send struct {
	To       ring.NodeID
	Ask      Ask
	Call     uint64     // 0: nobody waits for the reply
	Epoch    ring.Epoch // that what is asked belongs to: a replica in a later one refuses it
	Deadline int64      // monotonic milliseconds
	Place    Place
	Record   []byte      // of AskWrite, AskRepair
	Range    Range       // of AskRange
	Version  hlc.Version // of AskVoid
	Seen     hlc.Version // of AskWrite: what the writer knew of the key
	HasSeen  bool        // else it does not care what it buries
	Target   ring.NodeID // of AskStand: the node that the write is for
	WantMark bool        // of AskRead, AskDigest: tell the fence of the partition
}

// Range is what AskRange asks for.
type Range struct {
	Namespace uint32
	From      ring.Token
	After     []byte // begin behind this key of From; nil: at From
	Last      ring.Token
	Prefix    []byte
	Limit     int
	Bytes     int
	KeysOnly  bool
	All       bool // tombstones and expired records too
}

// Answer is the end of a request.
type Answer struct {
	Client  Client
	Op      Op
	Code    contract.Code
	Reason  string // a sentence, where Code is not OK
	Receipt contract.Receipt
	Micros  int64 // since it was taken up, at least 1; 0: it was refused at once

	// Writes: the version that was written, OK or in doubt.
	Version hlc.Version
	Outcome contract.Outcome
	Winner  hlc.Version // writes: the higher version; OUTCOME: the winner
	Fate    contract.Fate
	Buried  hlc.Version // writes: the highest unseen version that was replaced
	Trace   []Step

	// Reads.
	Found     bool
	Value     []byte
	ExpiresAt int64

	// Unavailable.
	Reachable, N int // of the natural replicas; N is how many there should be
	Down         []ring.NodeID

	// Clock.
	ClockKind contract.ClockKind

	// Explain.
	Token   ring.Token
	Explain []ExplainRow

	// Scans.
	Items    []Item
	Next     []byte // cursor; nil at the end
	Coverage Coverage
}

// Item is one record of a scan. Value is nil under keys only.
type Item struct {
	Key, Value []byte
	Version    hlc.Version
	ExpiresAt  int64
}

// Coverage is how far a scan has come since its start, in partitions.
type Coverage struct {
	Done, MetLevel, Asked uint32
}

// Effects is what is to be done. Its owner resets and reuses it.
type Effects struct {
	Sends     []Send
	Answers   []Answer
	Stampings []Stamping
	Hints     []Hint
	// Micros is the time of the calls, in microseconds: for traces, and for how long
	// replicas take to answer.
	Micros int64

	arena []byte
}

// Reset forgets all, and keeps the memory.
func (e *Effects) Reset() {
	clear(e.Answers) // they hold values and connections
	clear(e.Sends)   // they hold the arena
	clear(e.Stampings)
	clear(e.Hints)
	e.Sends, e.Answers, e.Stampings, e.Hints, e.arena = e.Sends[:0], e.Answers[:0], e.Stampings[:0], e.Hints[:0], e.arena[:0]
	if cap(e.arena) > arenaKept {
		e.arena = nil
	}
}

// arenaKept is how large an arena may be to be kept for the next turn.
const arenaKept = 1 << 20

// keep copies bytes to where they are good until Reset. When the arena moves,
// what was kept before stays where it was.
func (e *Effects) keep(b []byte) []byte {
	if b == nil {
		return nil
	}
	at := len(e.arena)
	e.arena = append(e.arena, b...)
	return e.arena[at:len(e.arena):len(e.arena)]
}

func (e *Effects) answer() *Answer {
	e.Answers = append(e.Answers, Answer{})
	return &e.Answers[len(e.Answers)-1]
}
