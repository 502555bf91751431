package coordinator

import (
	"bytes"
	"math"
	"slices"

	"github.com/candordb/candor/record"
	"github.com/candordb/candor/ring"
	"github.com/candordb/candor/traitor"
)

// take adds a replica's items and moves on; false if the answer makes no sense:
// a record that is damaged, or an end that is not behind its beginning, which
// would be asked for again and again.
func (s *scan) take(r *RangeReply, verified bool) bool {
	if r == nil || !r.Done && (r.Token > s.last || !s.behind(r.Token, r.Key)) {
		return false
	}
	before, size := len(s.items), 0
	for _, it := range r.Items {
		rec, err := s.parse(it, verified)
		if err != nil {
			s.items = s.items[:before]
			return false
		}
		item := Item{Key: append([]byte(nil), it.Key...), Version: rec.Version, ExpiresAt: rec.ExpiresAt}
		if !s.KeysOnly {
			item.Value = append([]byte{}, rec.Value...)
		}
		s.items = append(s.items, item)
		size += len(it.Key) + len(it.Record) + scanRowBytes
	}
	if before > 0 && s.bytes+size > s.Bytes {
		s.items, s.full = s.items[:before], true // the next page begins with them
		return true
	}
	s.bytes += size
	if r.Done {
		s.passed()
	} else {
		s.moveTo(r.Token, r.Key)
	}
	return true
}

// passed moves behind the range that was asked for.
func (s *scan) passed() {
	if s.last < s.Last {
		s.moveTo(s.last+1, nil)
		return
	}
	s.moved, s.finished = true, true
	s.complete(s.View.PartitionOf(s.last) - s.partition + 1)
}

// behind says whether a position lies further than the present one.
func (s *scan) behind(token ring.Token, key []byte) bool {
	return token > s.token || token == s.token && key != nil && (s.after == nil || bytes.Compare(key, s.after) > 0)
}

// parse decodes a record of a range; one that came whole from another node is
// checked against its checksum.
func (s *scan) parse(it RangeItem, verified bool) (record.Record, error) {
	if verified || s.KeysOnly {
		return record.Parse(it.Record)
	}
	return record.Verify(s.Namespace, it.Key, it.Record)
}

// moveTo sets the position, and counts the partitions that lie behind it.
func (s *scan) moveTo(token ring.Token, after []byte) {
	s.moved = true
	s.token, s.after = token, nil
	if after != nil {
		s.after = append([]byte(nil), after...)
	}
	if p := s.View.PartitionOf(token); p != s.partition {
		s.complete(p - s.partition)
		s.partition = p
		s.coverage.Asked++
		clear(s.failed)
		clear(s.refused)
	}
}

// complete counts partitions from the present one on; of those that are weak
// nothing has to be remembered any longer.
func (s *scan) complete(partitions int) {
	n := uint32(min(partitions, math.MaxUint16+1))
	weak := uint32(0)
	s.weak = slices.DeleteFunc(s.weak, func(p int) bool {
		if p < s.partition+partitions {
			weak++
			return true
		}
		return false
	})
	s.coverage.Done += n
	s.coverage.MetLevel += n - weak
	s.coverage.Asked += n - 1
}

// weaken notes that a partition is not met at the level.
func (s *scan) weaken(partition int) {
	if !slices.Contains(s.weak, partition) && !traitor.Is(traitor.SilentWeaken) {
		s.weak = append(s.weak, partition)
	}
}
