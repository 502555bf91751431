package main

import (
	"context"
	"time"

	"github.com/candordb/candor/load/process"
)

const (
	// memoryBar is how many MB a node may hold in memory for each further million keys.
	memoryBar = 6
	// grown is how many times the keys there are for the second look.
	grown = 4
	// givenBack is how long a process needs to give back what it needs no more: it collects
	// garbage every two minutes at least.
	givenBack = 150 * time.Second
)

// smallCaches are settings with which what is held whatever the number of keys, the caches
// and the memory tables, is small beside what grows with them.
func smallCaches(*options) []string {
	return []string{"storage.block_cache=16MiB", "storage.record_cache=0B", "storage.write_buffer=8MiB", "limits.value=1MiB", "limits.frame=0B"}
}

// measureMemory looks at the memory of nodes that have all keys, and at it again when
// there are more of them.
func measureMemory(ctx context.Context, b *bench) error {
	f, err := newForeground(b.nodes, inserts(), b.o.rate)
	if err != nil {
		return err
	}
	defer f.close()
	first, keys, err := b.held(ctx, f, b.o.keys)
	if err != nil {
		return err
	}
	second, more, err := b.held(ctx, f, grown*b.o.keys)
	if err != nil {
		return err
	}
	b.note(told("the process of a node", "%.0f MB with %d keys, %.0f MB with %d", first.resident, keys, second.resident, more))
	b.note(told("live memory of a node", "%.0f MB with %d keys, %.0f MB with %d", first.live, keys, second.live, more))
	b.note(most("live memory of a node for each further million keys", (second.live-first.live)/(float64(more-keys)/1e6), memoryBar, " MB"))
	return nil
}

// memory is what a node holds, in MB. The process keeps some time what it needs no more.
type memory struct{ resident, live float64 }

// held fills up to so many keys, and says what a node holds in memory then, when it has
// come to rest.
func (b *bench) held(ctx context.Context, f *foreground, keys int) (m memory, written int, err error) {
	filled := f.fills(ctx, keys-f.written)
	b.tell("%d keys: %s", f.written, outcome(&filled))
	if process.Pause(ctx, givenBack); ctx.Err() != nil {
		return m, 0, ctx.Err()
	}
	all, err := b.metrics(ctx)
	if err != nil {
		return m, 0, err
	}
	each := float64(len(b.nodes)) * (1 << 20)
	m.resident = all.sum("process_resident_memory_bytes") / each
	m.live = all.sum("go_memstats_next_gc_bytes") / 2 / each // the next collection comes when it has doubled
	if m.live == 0 {
		return m, 0, notRun("the nodes do not say what memory they hold")
	}
	return m, f.written, nil
}
