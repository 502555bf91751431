package node

import (
	"context"
	"io/fs"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/candordb/candor/config"
	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/verdict"
	"github.com/candordb/candor/wire"
)

// processFigures are what this process may use of its machine, and uses. They are
// looked up seldom.
type processFigures struct {
	vitals *vitals
	memory uint64 // bytes that it may use; 0: no limit
	at     int64  // monotonic milliseconds of the last look; 0: there was none
	last   verdict.Opt[verdict.Process]
}

func newProcessFigures(share config.Percent) processFigures {
	return processFigures{vitals: newVitals(), memory: machineMemory(os.DirFS("/")) / 100 * uint64(share)}
}

// read looks, if the last look was some time ago. Where the system does not tell how
// many files there may be, nothing is known.
func (f *processFigures) read(mono int64) verdict.Opt[verdict.Process] {
	if f.at > 0 && mono-f.at < sampleEvery {
		return f.last
	}
	f.at = max(mono, 1)
	f.vitals.read()
	f.last = verdict.Opt[verdict.Process]{}
	if open, most, ok := openFiles(os.DirFS("/")); ok {
		f.last = verdict.Known(verdict.Process{Files: open, FilesMax: most, HeapBytes: f.vitals.heap, MemoryMax: f.memory})
	}
	return f.last
}

// Where Linux tells of the files of this process, below the root of the file system.
const (
	selfFiles  = "proc/self/fd"
	selfLimits = "proc/self/limits"
	filesLimit = "Max open files"
)

// openFiles is how many files this process has open, and how many it may; 0: no limit.
func openFiles(root fs.FS) (open, most uint64, ok bool) {
	files, err := fs.ReadDir(root, selfFiles)
	if err != nil {
		return 0, 0, false
	}
	text, err := fs.ReadFile(root, selfLimits)
	if err != nil {
		return 0, 0, false
	}
	for line := range strings.Lines(string(text)) {
		if rest, found := strings.CutPrefix(line, filesLimit); found && len(strings.Fields(rest)) > 0 {
			most, _ = strconv.ParseUint(strings.Fields(rest)[0], 10, 64) // "unlimited" is no limit
			return uint64(len(files)), most, true
		}
	}
	return 0, 0, false
}

// beyondLoopback says whether this node listens where other machines can reach it.
func (n *Node) beyondLoopback() bool {
	for _, l := range []interface{ String() string }{n.clientListener.Addr(), n.peerListener.Addr(), n.httpListener.Addr()} {
		if at, err := netip.ParseAddrPort(l.String()); err != nil || !at.Addr().Unmap().IsLoopback() {
			return true
		}
	}
	return false
}

// written is how many writes of clients were answered, and how many of them ended in
// doubt.
func (m *metrics) written() (all, inDoubt uint64) {
	for op := range m.answers {
		if !wire.Op(op).Writes() {
			continue
		}
		for c := range m.answers[op] {
			v := m.answers[op][c].Load()
			all += v
			if contract.Class(c/codesEach) == contract.Unknown {
				inDoubt += v
			}
		}
	}
	return all, inDoubt
}

// seedsEvery is how often the names of the seeds are looked up.
const seedsEvery = time.Minute

// lookUpSeeds looks up the addresses of cluster.seeds until ctx ends.
func (r *reporter) lookUpSeeds(ctx context.Context) error {
	lookUp := func() { r.seeds.Store(r.node.lookedUp()) }
	lookUp()
	return every(ctx, seedsEvery, lookUp)
}

func (n *Node) lookedUp() *verdict.Seeds {
	s := &verdict.Seeds{Listed: len(n.config.Cluster.Seeds)}
	own, others := resolved(n.self().Gossip), 0
	for _, seed := range n.config.Cluster.Seeds {
		switch at, err := literal(seed); {
		case err != nil:
			s.Unresolved = append(s.Unresolved, seed)
		case at != own:
			others++
		}
	}
	s.OnlySelf = s.Listed > 0 && others == 0 && len(s.Unresolved) == 0
	return s
}
