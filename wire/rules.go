package wire

import (
	"fmt"

	"github.com/candordb/candor/contract"
)

// NamespaceBytesMax is how long the name of a namespace may be.
const NamespaceBytesMax = 64

// rules holds the fields of a request to what the protocol says of them alone,
// whatever the node is and can do. An unknown level or flag is never ignored.
func (q *Request) rules() *RequestError {
	known, read := contract.FlagsKnown, q.Op == OpGet || q.Op == OpScan
	if q.Op == OpOutcome {
		known = contract.OutcomeSloppy
	}
	switch f := q.Flags; {
	case !q.Level.Known():
		return q.refuse(contract.Unsupported, "this level is not known here; ask for a number up to 63, or 64 quorum, 65 all")
	case f&^known != 0:
		return q.refuse(contract.Unsupported, fmt.Sprintf("flags %d are not known here", f&^known))
	case read && f&(contract.Sloppy|contract.Ordered) != 0:
		return q.refuse(contract.BadRequest, "the flags sloppy and ordered are for writes")
	case q.Op.Writes() && f&contract.Weaken != 0:
		return q.refuse(contract.BadRequest, "the flag weaken is for reads")
	case q.Op.Writes() && f&contract.Ordered != 0 && q.HasVersion:
		return q.refuse(contract.BadRequest, "an ordered write is stamped by the node; leave the version out")
	case read && q.Level == contract.Any:
		return q.refuse(contract.BadRequest, "level any is for writes")
	case q.Op.hasKey() && len(q.Key) == 0:
		return q.refuse(contract.BadRequest, "a key has at least one byte")
	case !namespaceName(q.Namespace):
		return q.refuse(contract.BadRequest, "a namespace is 1 to 64 of a-z, 0-9, _ and -")
	}
	return nil
}

func (q *Request) refuse(code contract.Code, why string) *RequestError {
	return &RequestError{code, q.Op.String() + ": " + why}
}

func (o Op) hasKey() bool { return o >= OpGet && o <= OpAdd || o == OpOutcome || o == OpExplain }

// namespaceName says whether s names a namespace; "" is the default one.
func namespaceName(s []byte) bool {
	if len(s) > NamespaceBytesMax {
		return false
	}
	for _, c := range s {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_' && c != '-' {
			return false
		}
	}
	return true
}
