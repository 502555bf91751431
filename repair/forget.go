package repair

import (
	"bytes"

	"github.com/candordb/candor/hlc"
	"github.com/candordb/candor/ring"
)

// OUTCOME has members that own no copy of a key note that they will keep no hint of the
// version (rule 4). No watermark is told to them that would say when such a note has
// done its work, but none is needed: at or below its floor a node keeps no new hint
// anyhow (replica.Applier.unvoid has the whole argument).

// foreignEvery is how often, in milliseconds, these notes are looked through: there are
// few, of half a minute or so.
const foreignEvery = 60 * second

// sweepForeign is one step over the notes of partitions that this node does not
// replicate.
func (c *Core) sweepForeign(s *sweep, out *Effects) {
	var found []Write
	s.last = true
	for s.last {
		own := -1
		err := c.local.Voids(s.from, ^uint64(0), func(token uint64, namespace uint32, key []byte, version hlc.Version) bool {
			partition := c.view.PartitionOf(ring.Token(token))
			if c.part(partition) != nil {
				own = partition
				return false
			}
			if s.last = len(found) < stepPurges; !s.last {
				return false
			}
			if s.from = token; version.Time <= s.mark {
				found = append(found, Write{
					Kind: ForgetVoid, Partition: partition, Place: Place{token, namespace, bytes.Clone(key)}, Version: version, Mark: s.mark,
				})
			}
			return true
		})
		if err != nil {
			c.stuck(s, err, out)
			return
		}
		if own < 0 {
			break
		}
		_, last := c.tokens64(c.part(own))
		if last == ^uint64(0) {
			break
		}
		s.from = last + 1
	}
	c.remove(s, found, out)
}
