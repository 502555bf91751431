package history

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/candordb/candor/hlc"
)

// Book is everything that clients have asked and been told.
type Book struct {
	// Purges says that the cluster drops tombstones once all replicas hold them, each
	// replica at its own time: then one that holds nothing agrees with a tombstone.
	// It is set before the book is used.
	Purges bool

	// Periodic says that nodes answer before they sync: receipts need not say durable.
	// It is set before the book is used.
	Periodic bool

	replicas int
	proof    int // how many replicas have to have held a version for it to be safe
	began    time.Time
	ids      atomic.Uint64
	count    counters

	mu       sync.Mutex // guards what follows
	keys     []*Key
	findings []Finding
}

// NewBook is the book of a cluster with so many copies of each key. lost is how
// many replicas of a key may lose their disks at a time: that as many and no more
// hold something, or were seen to, proves nothing.
func NewBook(replicas, lost int) *Book {
	return &Book{replicas: replicas, proof: lost + 1, began: time.Now()}
}

// Key makes a key known. An element is a key that is written once.
func (b *Book) Key(name string, element bool) *Key {
	k := &Key{
		book: b, name: name, element: element, writes: make(map[hlc.Version]*Write),
		acked: make(levels, b.replicas+1), shown: make(levels, b.replicas+1),
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.keys = append(b.keys, k)
	return k
}

// Keys are all keys, in the order in which they became known.
func (b *Book) Keys() []*Key {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.keys[:len(b.keys):len(b.keys)]
}

// Bad is a way in which a promise can be broken.
type Bad uint8

// The ways.
const (
	Lost        Bad = iota // an acknowledged value is gone
	Resurrected            // a deleted key is back
	Ghost                  // a write without effect shows
	Fabricated             // something shows that nobody wrote
	Stale                  // a read answers less than was acknowledged
	NotMonotone            // a read answers less than a read before
	Diverged               // the replicas of a key differ in the end
	Untrue                 // an answer contradicts itself or the history
	Stuck                  // what has to succeed when all is healed does not
	badWays
)

func (b Bad) String() string {
	return [...]string{"acked lost", "resurrected", "ghosts", "fabricated", "stale", "not monotone", "diverged", "untrue answers", "no progress"}[b]
}

// Finding is a broken promise.
type Finding struct {
	Bad     Bad
	At      time.Duration // since the book was opened
	Key     string
	Text    string
	History []string // what was last done to the key
}

// String is the finding as a paragraph.
func (f Finding) String() string {
	text := fmt.Sprintf("%s: %s, at %s: %s", f.Bad, f.Key, f.At.Round(time.Millisecond), f.Text)
	for _, line := range f.History {
		text += "\n    " + line
	}
	return text
}

// findingsMost is how many findings are kept; all are counted.
const findingsMost = 50

// Report notes a broken promise that has nothing to do with one key.
func (b *Book) Report(bad Bad, format string, args ...any) {
	b.note(Finding{Bad: bad, At: time.Since(b.began), Key: "cluster", Text: fmt.Sprintf(format, args...)})
}

func (b *Book) note(f Finding) {
	b.count.bad[f.Bad].Add(1)
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.findings) < findingsMost {
		b.findings = append(b.findings, f)
	}
}

// Findings are the broken promises, the first ones if there are many.
func (b *Book) Findings() []Finding {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.findings[:len(b.findings):len(b.findings)]
}
