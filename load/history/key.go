package history

import (
	"fmt"
	"sync"
	"time"

	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/hlc"
)

// Key is one key with what is known about it.
type Key struct {
	book    *Book
	name    string
	element bool

	mu     sync.Mutex // guards what follows
	writes map[hlc.Version]*Write
	acked  levels // what clients were told by writes
	shown  levels // and by reads
	recent [linesKept]string
	lines  int
	last   string // line, without its time
}

// linesKept is how much of what was done to a key a finding shows.
const linesKept = 16

// levels is, for a number of replicas, the highest version of which a client was
// told that so many hold it, or a higher one.
type levels []hlc.Version

// told notes that need replicas hold v or more.
func (l levels) told(need int, v hlc.Version) {
	if l[need].Less(v) {
		l[need] = v
	}
}

// floor is the highest version that need replicas cannot all be without, of those
// that at least so many replicas hold.
func (l levels) floor(need, least int) (v hlc.Version) {
	for held := max(len(l)-need, least); held < len(l); held++ {
		if v.Less(l[held]) {
			v = l[held]
		}
	}
	return v
}

// Name is the key itself.
func (k *Key) Name() []byte { return []byte(k.name) }

// Element says whether the key is written once.
func (k *Key) Element() bool { return k.element }

// Known is the highest version of the key that any client has been shown, or told
// to have written.
func (k *Key) Known() (v hlc.Version) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.knownLocked(1)
}

// knownLocked is the highest version of which a client was told that at least so
// many replicas hold it.
func (k *Key) knownLocked(least int) (v hlc.Version) {
	for _, l := range []levels{k.acked, k.shown} {
		for held := least; held < len(l); held++ {
			if v.Less(l[held]) {
				v = l[held]
			}
		}
	}
	return v
}

// goneLocked says whether a key with that floor may be absent without a trace: a
// delete at or above the floor, which may have had an effect, was purged.
func (k *Key) goneLocked(floor hlc.Version) bool {
	if floor.IsZero() {
		return true
	}
	for v, w := range k.writes { // any will do: order does not matter
		if w.delete && w.class != None && !v.Less(floor) {
			return true
		}
	}
	return false
}

// need is how many replicas a level asks for.
func (b *Book) need(l contract.Level) int {
	need, ok := l.Need(b.replicas)
	if !ok {
		panic(fmt.Sprintf("history: level %v does not count replicas", l))
	}
	return need
}

// lineLocked adds a line to what a finding will show, unless it says what the line
// before says.
func (k *Key) lineLocked(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if text == k.last {
		return
	}
	at := time.Since(k.book.began).Round(time.Millisecond)
	k.recent[k.lines%linesKept], k.last = fmt.Sprintf("%9s  %s", at, text), text
	k.lines++
}

// failLocked notes a broken promise.
func (k *Key) failLocked(bad Bad, format string, args ...any) {
	f := Finding{Bad: bad, At: time.Since(k.book.began), Key: k.name, Text: fmt.Sprintf(format, args...)}
	for i := max(0, k.lines-linesKept); i < k.lines; i++ {
		f.History = append(f.History, k.recent[i%linesKept])
	}
	k.book.note(f)
}
