package router

import (
	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/wire"
)

// The checks of a request that need the node: its limits, its namespaces, and
// what this build can do. To the rules that the protocol has for a request alone
// package wire has held it already.

// checkNamespace finds the namespace of a request.
func checkNamespace(cl *Cluster, name []byte) (*Namespace, *failure) {
	if len(name) == 0 {
		name = defaultNamespace
	}
	if ns := cl.namespace(name); ns != nil {
		return ns, nil
	}
	return nil, fail(contract.UnknownNamespace, "there is no namespace "+string(name))
}

var defaultNamespace = []byte("default")

// checkPlace checks namespace, key and value.
func (r *Router) checkPlace(cl *Cluster, q *wire.Request) (*Namespace, *failure) {
	ns, f := checkNamespace(cl, q.Namespace)
	switch l := &r.o.Limits; {
	case f != nil:
		return nil, f
	case uint64(len(q.Key)) > l.KeyBytes:
		return nil, tooLarge("the key is longer than the limit", l.KeyBytes)
	case uint64(len(q.Value)) > l.ValueBytes:
		return nil, tooLarge("the value is larger than the limit", l.ValueBytes)
	case ns.MaxValue != 0 && uint64(len(q.Value)) > ns.MaxValue:
		return nil, tooLarge("the value is larger than the limit of namespace "+ns.Name, ns.MaxValue)
	}
	return ns, nil
}

func tooLarge(message string, limit uint64) *failure {
	f := fail(contract.TooLarge, message)
	f.Limit = limit
	return f
}

// checkFlags refuses flags, and the parts of a write that belong to them, that
// this build or the mode of the namespace does not have.
func checkFlags(q *wire.Request) *failure {
	switch {
	case q.Op == wire.OpAdd:
		return wrongMode("ADD is for serial namespaces")
	case q.Condition.Kind != wire.NoCondition:
		return wrongMode("a condition is for serial namespaces")
	}
	return nil
}

// wrongMode refuses what only serial namespaces have: all are of mode lww.
func wrongMode(message string) *failure {
	f := fail(contract.WrongMode, message)
	f.Mode = "lww"
	return f
}

// checkLevel resolves the level of a request.
func checkLevel(cl *Cluster, ns *Namespace, q *wire.Request) (contract.Level, *failure) {
	level := q.Level
	switch {
	case q.Op == wire.OpOutcome:
		level = contract.Quorum
	case level == contract.Default && q.Op.Writes():
		level = ns.Write
	case level == contract.Default:
		level = ns.Read
	}
	switch {
	case level == contract.Default:
		return contract.Quorum, nil
	case level == contract.Any && !q.Op.Writes():
		return 0, fail(contract.BadRequest, "the level any is for writes")
	case level == contract.Serial:
		return 0, wrongMode("the level serial is for serial namespaces")
	case level <= contract.LevelsExact && int(level) > cl.Ring.N():
		return 0, fail(contract.BadRequest, "the level is a number above the number of copies, N")
	}
	return level, nil
}

// checkScan checks a SCAN.
func (r *Router) checkScan(cl *Cluster, q *wire.Request) (*Namespace, contract.Level, *failure) {
	ns, f := checkNamespace(cl, q.Namespace)
	if f != nil {
		return nil, 0, f
	}
	if uint64(len(q.Prefix)) > r.o.Limits.KeyBytes {
		return nil, 0, tooLarge("the prefix is longer than the longest key", r.o.Limits.KeyBytes)
	}
	if f := checkFlags(q); f != nil {
		return nil, 0, f
	}
	level, f := checkLevel(cl, ns, q)
	return ns, level, f
}
