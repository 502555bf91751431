package config

import (
	"slices"
	"strings"
	"time"

	"github.com/candordb/candor/contract"
)

// Namespace is one entry of cluster.namespaces: what requests of a namespace
// that do not say otherwise get.
type Namespace struct {
	Name string
	// Read and Write are the levels of requests that name none.
	Read, Write contract.Level
	// TTL is how long a value lives that names no time; 0: for ever.
	TTL time.Duration
	// MaxValue is the largest value; 0: limits.value alone.
	MaxValue Size
	// AllowStale permits levels that need not meet, R + W <= N.
	AllowStale bool
}

// DefaultNamespace is the namespace of requests that name none. It always exists.
const DefaultNamespace = "default"

// ParseNamespace reads an entry of cluster.namespaces:
//
//	name [read=LEVEL] [write=LEVEL] [ttl=DURATION] [max_value=SIZE] [allow_stale]
//
// What is left out is quorum, quorum, never, and the limit of the node. Its error
// wraps ErrInvalid.
func ParseNamespace(text string) (Namespace, error) {
	words := strings.Fields(text)
	if len(words) == 0 || !isClusterName(words[0]) {
		return Namespace{}, invalidf("cluster.namespaces has %q: want a name of 1 to %d of a-z 0-9 _ -, then read=LEVEL write=LEVEL ttl=DURATION max_value=SIZE allow_stale as needed", text, nameBytesMax)
	}
	ns := Namespace{Name: words[0], Read: contract.Quorum, Write: contract.Quorum}
	var seen []string
	for _, word := range words[1:] {
		name, value, _ := strings.Cut(word, "=")
		if slices.Contains(seen, name) {
			return Namespace{}, invalidf("cluster.namespaces has %q: it says %s twice", text, name)
		}
		seen = append(seen, name)
		if !ns.set(name, value, word) {
			return Namespace{}, invalidf("cluster.namespaces has %q: %s is not read=LEVEL, write=LEVEL, ttl=DURATION of at least 1ms, max_value=SIZE or allow_stale", text, word)
		}
	}
	return ns, nil
}

// set takes one setting; false if it makes no sense.
func (ns *Namespace) set(name, value, word string) (ok bool) {
	var err error
	switch name {
	case "read":
		ns.Read, ok = namespaceLevel(value)
	case "write":
		ns.Write, ok = namespaceLevel(value)
	case "ttl":
		ns.TTL, err = time.ParseDuration(value)
		ok = err == nil && ns.TTL >= time.Millisecond
	case "max_value":
		ns.MaxValue, err = parseSize(value)
		ok = err == nil && ns.MaxValue > 0
	case "allow_stale":
		ns.AllowStale, ok = true, word == name
	}
	return ok
}

// namespaceLevel reads a level that a namespace of mode lww can have.
func namespaceLevel(text string) (contract.Level, bool) {
	level, ok := contract.ParseLevel(text)
	return level, ok && level != contract.Default && level != contract.Any && level != contract.Serial
}

// Overlaps says whether a read and a write at the namespace's levels are sure to
// meet in a replica, of n.
func (ns Namespace) Overlaps(n int) bool {
	return leastOf(ns.Read, n)+leastOf(ns.Write, n) > n
}

// leastOf is the fewest replicas that can meet a level. Those of regions count as
// one, as other regions do not see them; each_quorum is at least a quorum.
func leastOf(level contract.Level, n int) int {
	if need, ok := level.Need(n); ok {
		return need
	}
	if level == contract.EachQuorum {
		return contract.QuorumOf(n)
	}
	return 1
}

// ParseNamespaces reads cluster.namespaces; `default` is among them, first where
// it is not listed. Entries that cannot be read are left out: Validate names them.
func (c *Config) ParseNamespaces() []Namespace {
	list := make([]Namespace, 0, len(c.Cluster.Namespaces)+1)
	for _, text := range c.Cluster.Namespaces {
		if ns, err := ParseNamespace(text); err == nil {
			list = append(list, ns)
		}
	}
	if !slices.ContainsFunc(list, func(ns Namespace) bool { return ns.Name == DefaultNamespace }) {
		list = slices.Insert(list, 0, Namespace{Name: DefaultNamespace, Read: contract.Quorum, Write: contract.Quorum})
	}
	return list
}

// namespacesMax is how many namespaces a cluster is founded with at most.
const namespacesMax = 1000

func (c *Config) checkNamespaces(k *check) {
	n := c.Cluster.Replicas
	k.want(len(c.Cluster.Namespaces) <= namespacesMax, "cluster.namespaces lists %d: want at most %d", len(c.Cluster.Namespaces), namespacesMax)
	var names []string
	for _, text := range c.Cluster.Namespaces {
		ns, err := ParseNamespace(text)
		if err != nil {
			k.problems = append(k.problems, err)
			continue
		}
		k.want(!slices.Contains(names, ns.Name), "cluster.namespaces lists %s twice", ns.Name)
		names = append(names, ns.Name)
		for _, level := range []contract.Level{ns.Read, ns.Write} {
			k.want(level > contract.LevelsExact || int(level) <= n, "cluster.namespaces: the level %v of %s is above cluster.replicas, %d", level, ns.Name, n)
		}
		k.want(ns.MaxValue <= c.Limits.Value, "cluster.namespaces: max_value=%v of %s is above limits.value, %v", ns.MaxValue, ns.Name, c.Limits.Value)
		k.want(ns.AllowStale || ns.Overlaps(n), "cluster.namespaces: read=%v write=%v of %s need not meet in %d replicas, so that a read may not see an acknowledged write: choose higher levels, or add allow_stale if that is what you want", ns.Read, ns.Write, ns.Name, n)
	}
}
