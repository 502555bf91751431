package wire

import (
	"fmt"

	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/hlc"
)

// Request is a request of a client: op and id, and of the rest what the op has
// (see the table in docs/PROTOCOL.md); HELLO has a type of its own. It is one
// struct for all ops, so that a connection decodes into one that it reuses.
// Slices alias the frame.
type Request struct {
	Op         Op
	ID         uint64
	DeadlineMS uint64 // how long from now the sender waits; 0: the node's default
	Namespace  []byte // empty: default
	Key        []byte
	Value      []byte
	Level      contract.Level
	Flags      contract.Flags

	TTL        uint64 // milliseconds; 0: never expires
	HasTTL     bool   // else the namespace's
	Version    hlc.Version
	HasVersion bool
	Seen       hlc.Version
	HasSeen    bool
	Condition  Condition
	Delta      int64
	After      hlc.Version // zero: none

	Prefix, Cursor []byte
	Limit          uint64 // 0: LimitDefault
	KeysOnly       bool

	Ops    int    // of a BATCH: how many operations
	rawOps []byte // their encoding, walked by BatchOp

	Mechanism, Payload []byte // of an AUTH
}

// LimitDefault is the limit of a SCAN that names none.
const LimitDefault = 1000

// ConditionKind is what a conditional write asks of the key. Append-only.
type ConditionKind uint64

// The conditions. NoCondition stands for nil.
const (
	NoCondition   ConditionKind = 0
	IfAbsent      ConditionKind = 1
	IfExists      ConditionKind = 2
	VersionEquals ConditionKind = 3
)

// Condition is the condition of a write.
type Condition struct {
	Kind    ConditionKind
	Version hlc.Version
}

// RequestError says why a request that could be told apart (its op and id are
// known) is refused.
type RequestError struct {
	Code    contract.Code // BadRequest or Unsupported
	Message string
}

// Error is the message.
func (e *RequestError) Error() string { return e.Message }

// DecodeRequest decodes the body of a request other than the first HELLO, and
// holds it to the rules that the protocol has for it alone; what depends on the
// node (its limits, its namespaces, what this build can do) is not looked at,
// nor is id 0. Its errors are ErrMalformed, after which the connection cannot go
// on, and *RequestError, with Op and ID of q set.
func DecodeRequest(body []byte, q *Request) error {
	*q = Request{}
	var r reader
	r.open(body)
	q.Op, q.ID = r.opAndID(0xff)
	if r.bad != noFault {
		return ErrMalformed
	}
	switch {
	case !q.Op.ofClient():
		return refuse(body, &RequestError{contract.Unsupported, "op " + q.Op.String() + " is not known here"})
	case q.Op == OpHello:
		return refuse(body, &RequestError{contract.BadRequest, "HELLO: it opens a connection, and comes once"})
	case q.Op.waits():
		q.DeadlineMS = r.uint("deadline_ms")
	}
	q.fields(&r)
	r.close()
	if r.bad != noFault {
		return refuse(body, r.refusal(q.Op))
	}
	if err := q.rules(); err != nil {
		return err
	}
	return nil
}

// refuse decides between a bad field and a bad frame.
func refuse(body []byte, err *RequestError) error {
	if !wellFormed(body) {
		return ErrMalformed
	}
	return err
}

// refusal is the sentence about a bad field.
func (r *reader) refusal(op Op) *RequestError {
	return &RequestError{contract.BadRequest, fmt.Sprintf("%v: field %s is %v", op, r.field, r.bad)}
}

func (o Op) ofClient() bool { return o >= OpHello && o <= OpRing || o >= OpGet && o <= OpWatch }

// waits says whether a request with this op has a deadline.
func (o Op) waits() bool { return o == OpPing || o >= OpGet && o <= OpExplain }

// fields reads what follows the deadline, for an op on its own and in a BATCH.
func (q *Request) fields(r *reader) {
	switch q.Op {
	case OpAuth:
		q.Mechanism, q.Payload = r.str("mechanism"), r.bin("payload")
	case OpBatch:
		q.ops(r)
	case OpGet:
		q.place(r)
		q.levelAndFlags(r)
		q.After = r.version("after")
	case OpPut:
		q.place(r)
		q.Value = r.needBin("value")
		q.levelAndFlags(r)
		q.TTL, q.HasTTL = r.optUint("ttl_ms")
		q.stamp(r)
	case OpDelete:
		q.place(r)
		q.levelAndFlags(r)
		q.stamp(r)
	case OpAdd:
		q.place(r)
		q.Delta = r.int("delta")
		q.levelAndFlags(r)
		q.Version, q.HasVersion = r.optVersion("version")
	case OpScan:
		q.Namespace = r.str("namespace")
		q.Prefix = r.bin("prefix")
		q.Cursor = r.bin("cursor")
		q.Limit = r.uint("limit")
		q.levelAndFlags(r)
		q.KeysOnly = r.bool("keys_only")
	case OpOutcome:
		q.place(r)
		q.Version, q.HasVersion = r.optVersion("version")
		if !q.HasVersion {
			r.fail(required, "version")
		}
		q.Flags = contract.Flags(r.uint("flags"))
	case OpExplain:
		q.place(r)
	}
}

func (q *Request) place(r *reader) {
	q.Namespace = r.str("namespace")
	q.Key = r.needBin("key")
}

func (q *Request) levelAndFlags(r *reader) {
	// A level above 255 is as unknown as 255 is; both are refused by name.
	q.Level = contract.Level(min(r.uint("level"), 255))
	q.Flags = contract.Flags(r.uint("flags"))
}

// stamp reads version, seen and condition.
func (q *Request) stamp(r *reader) {
	q.Version, q.HasVersion = r.optVersion("version")
	q.Seen, q.HasSeen = r.optVersion("seen")
	outer, present := r.enter("condition")
	if present {
		q.Condition.decode(r)
	}
	r.leave(outer)
}

func (c *Condition) decode(r *reader) {
	c.Kind = ConditionKind(r.uint("condition kind"))
	version, given := r.optVersion("condition version")
	c.Version = version
	switch {
	case c.Kind < IfAbsent || c.Kind > VersionEquals:
		r.fail(wrongSize, "condition kind")
	case c.Kind == VersionEquals && !given:
		r.fail(required, "condition version")
	}
}
