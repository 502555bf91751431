package verdict

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// ErrPartitions is returned for text that is not a list of partitions.
var ErrPartitions = errors.New("verdict: not a list of partitions")

// partitionsMax is the most partitions that a cluster can have.
const partitionsMax = 1 << 16

// Partitions is a set of partition numbers, ascending. Its text, in JSON too, has
// runs: "3,9,14-17"; that of none is "".
type Partitions []int

// PartitionsOf makes a set of any numbers.
func PartitionsOf(numbers ...int) Partitions {
	slices.Sort(numbers)
	return slices.Compact(numbers)
}

// Has says whether the set has a partition.
func (p Partitions) Has(partition int) bool {
	_, found := slices.BinarySearch(p, partition)
	return found
}

// MarshalText implements encoding.TextMarshaler.
func (p Partitions) MarshalText() ([]byte, error) {
	return []byte(strings.Join(p.runs(len(p)), ",")), nil
}

// UnmarshalText implements encoding.TextUnmarshaler. Its error is ErrPartitions.
// However long the text, the set has each partition that there can be once at most.
func (p *Partitions) UnmarshalText(text []byte) error {
	*p = nil
	if len(text) == 0 {
		return nil
	}
	for run := range strings.SplitSeq(string(text), ",") {
		from, to, isRun := strings.Cut(run, "-")
		first, err := partition(from)
		last := first
		if isRun && err == nil {
			last, err = partition(to)
		}
		if err != nil {
			return err
		}
		if last < first || len(*p) > 0 && first <= (*p)[len(*p)-1] {
			return fmt.Errorf("%w: %q is not in ascending order", ErrPartitions, run)
		}
		for n := first; n <= last; n++ {
			*p = append(*p, n)
		}
	}
	return nil
}

func partition(text string) (int, error) {
	n, err := strconv.ParseUint(text, 10, 32)
	if err != nil || n >= partitionsMax {
		return 0, fmt.Errorf("%w: %q is not a number from 0 to %d", ErrPartitions, text, partitionsMax-1)
	}
	return int(n), nil
}

// runs are the first runs of the set, most of them at most.
func (p Partitions) runs(most int) (runs []string) {
	for i := 0; i < len(p) && len(runs) < most; {
		j := i
		for j+1 < len(p) && p[j+1] == p[j]+1 {
			j++
		}
		run := strconv.Itoa(p[i])
		if j > i {
			run += "-" + strconv.Itoa(p[j])
		}
		runs, i = append(runs, run), j+1
	}
	return runs
}

// Text lists the first runs, most of them at most, and how many partitions more
// there are: "3, 9, 14-17 and 346 more".
func (p Partitions) Text(most int) string {
	listed := 0
	for i, runs := 0, 0; i < len(p) && runs < most; runs++ {
		for i++; i < len(p) && p[i] == p[i-1]+1; i++ {
		}
		listed = i
	}
	text := strings.Join(p.runs(most), ", ")
	if listed < len(p) {
		text += fmt.Sprintf(" and %s more", Grouped(len(p)-listed))
	}
	return text
}
