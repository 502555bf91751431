package topology

import (
	"fmt"
	"slices"

	"github.com/candordb/candor/ring"
)

// shared are the settings that have to be the same on all nodes of a cluster,
// without an epoch that enforces it: a key that one node takes and another refuses
// can be written by way of the one and not be repaired by the other. 0: it was not
// told (an older node).
type shared struct {
	KeyBytes   int64 `msgpack:"key_bytes"`
	ValueBytes int64 `msgpack:"value_bytes"`
	AgeLimitMS int64 `msgpack:"age_limit_ms"`
	MaxDriftMS int64 `msgpack:"max_drift_ms"`
}

func (c *Core) shared() shared {
	return shared{KeyBytes: c.o.KeyBytes, ValueBytes: c.o.ValueBytes, AgeLimitMS: c.o.AgeLimitMS, MaxDriftMS: c.o.MaxDriftMS}
}

// unequal is what a node has otherwise than this one.
type unequal struct {
	id       ring.NodeID
	settings []string
}

// compare notes in which of the shared settings a node differs from this one. Once
// there are members only they matter: anybody may say anything under any id.
func (c *Core) compare(id ring.NodeID, s *status) {
	if c.meta != nil {
		c.unequal = slices.DeleteFunc(c.unequal, func(u unequal) bool { return !c.meta.names(u.id) })
		if !c.meta.names(id) {
			return
		}
	}
	u := unequal{id: id}
	for _, setting := range []struct {
		key, unit   string
		there, here int64
	}{
		{"limits.key", "B", s.Shared.KeyBytes, c.o.KeyBytes},
		{"limits.value", "B", s.Shared.ValueBytes, c.o.ValueBytes},
		{"repair.max_request_age", "ms", s.Shared.AgeLimitMS, c.o.AgeLimitMS},
		{"clock.max_drift", "ms", s.Shared.MaxDriftMS, c.o.MaxDriftMS},
	} {
		if setting.there != 0 && setting.here != 0 && setting.there != setting.here {
			u.settings = append(u.settings, fmt.Sprintf("%s is %d%s at %s (%v) and %d%s here: it has to be the same on all nodes",
				setting.key, setting.there, setting.unit, s.Member.Name, id, setting.here, setting.unit))
		}
	}
	for i := range c.unequal {
		if c.unequal[i].id == id {
			c.unequal[i] = u
			return
		}
	}
	c.unequal = append(c.unequal, u)
}

// Unequal says in which settings, that have to be the same on all nodes, others
// differ from this one, a sentence each, as far as they have told.
func (c *Core) Unequal() (sentences []string) {
	for _, u := range c.unequal {
		if c.meta != nil && !c.meta.names(u.id) {
			continue // it was compared before there were members
		}
		sentences = append(sentences, u.settings...)
	}
	return sentences
}
