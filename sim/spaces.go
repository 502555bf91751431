package sim

import (
	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/router"
	"github.com/candordb/candor/topology"
	"github.com/candordb/candor/wire"
)

// space is a namespace of the run, with what the protocol says that requests
// which name no level, and writes which name no TTL, get there.
type space struct {
	Space
	number uint32
}

// makeSpaces makes the namespaces of the plan, the default one first.
func (s *Sim) makeSpaces() {
	plain := Space{Name: "default"}
	s.spaces = []*space{{plain, 1}}
	for i, sp := range s.plan.Spaces {
		s.spaces = append(s.spaces, &space{sp, 1<<31 + uint32(i)})
	}
}

// namespaces are those of the run as the router knows them.
func (s *Sim) namespaces() []router.Namespace {
	var all []router.Namespace
	for _, sp := range s.spaces {
		all = append(all, router.Namespace{Name: sp.Name, Number: sp.number, Read: sp.Read, Write: sp.Write, TTL: sp.TTL, MaxValue: sp.ValueBytes})
	}
	return all
}

// rows are those beside the default one, as a node's configuration names them to
// package topology.
func (s *Sim) rows() []topology.NamespaceRow {
	var all []topology.NamespaceRow
	for _, sp := range s.spaces[1:] {
		all = append(all, topology.NamespaceRow{Name: sp.Name, Read: uint8(sp.Read), Write: uint8(sp.Write), TTLMS: sp.TTL, MaxValue: sp.ValueBytes, AllowStale: true})
	}
	return all
}

// namespacesOf are those of an epoch's metadata.
func namespacesOf(m *topology.Metadata) []router.Namespace {
	var all []router.Namespace
	for _, row := range m.Namespaces {
		all = append(all, router.Namespace{
			Name: row.Name, Number: row.Number, Read: contract.Level(row.Read), Write: contract.Level(row.Write), TTL: row.TTLMS, MaxValue: row.MaxValue,
		})
	}
	return all
}

// level is the level that an operation with level l is carried out at.
func (sp *space) level(kind wire.Op, l contract.Level) contract.Level {
	if l == contract.Default {
		l = sp.Read
		if kind == wire.OpPut || kind == wire.OpDelete {
			l = sp.Write
		}
	}
	if l == contract.Default {
		l = contract.Quorum
	}
	return l
}
