package node

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/candordb/candor/repair"
	"github.com/candordb/candor/ring"
	"github.com/candordb/candor/storage"
)

// errDamaged ends a node whose database has to be renewed; Run starts it again.
var errDamaged = errors.New("the database is damaged")

// renewalsMax is how often Run does that before it gives up, unless a node has run for
// renewalsCalm in between: a disk that is damaged again and again has to be looked at.
const (
	renewalsMax  = 3
	renewalsCalm = time.Hour
)

// openStorage opens data directory and database. A database that is lost, or damaged
// in what was acknowledged, is renewed: the node starts without what is missing, which
// is in quarantine until it was rebuilt from the others. Where there are no others, or
// there never was anything, it is refused.
func (n *Node) openStorage() error {
	s := n.config.Storage
	o := storage.Options{
		WriteBuffer: int(s.WriteBuffer), BlockCache: int(s.BlockCache), BlockSize: int(s.BlockSize), OpenFiles: s.OpenFiles,
		RecordCache: recordCache(s.RecordCache),
		BloomBits:   s.BloomBits, Snappy: s.Compression == "snappy", Log: n.log, Reserve: reserve(s.Reserve), FS: n.machine.Disk,
	}
	dir, err := n.openDir(o)
	if err != nil {
		return err
	}
	db, err := storage.Open(dir.DB(), o)
	var damaged *storage.DamagedError
	if _, member := dir.Cluster(); errors.As(err, &damaged) && member && (n.hasOthers() || !damaged.Missing.System) {
		n.log.Error("the database is damaged: it is set aside, what is missing will be rebuilt from the other members", "missing", damaged.Missing.String(), "error", err)
		if err = n.renew(dir, o, damaged.Missing); err == nil {
			db, err = storage.Open(dir.DB(), o)
		}
	}
	if err != nil {
		return errors.Join(fmt.Errorf("the database in %s: %w", filepath.Join(n.config.Node.DataDir, "db"), err), dir.Close())
	}
	n.dir, n.id, n.engine, n.store = dir, dir.Node(), db, newStore(db)
	return nil
}

// openDir opens the data directory, one that has lost its database too.
func (n *Node) openDir(o storage.Options) (*storage.Dir, error) {
	dir, err := storage.OpenDir(n.config.Node.DataDir, rand.Reader, n.machine.Disk)
	if !errors.Is(err, storage.ErrLost) || !n.hasOthers() {
		return dir, err
	}
	n.log.Error("the database is gone: all that this node held will be rebuilt from the other members", "error", err)
	if dir, err = storage.OpenLostDir(n.config.Node.DataDir, n.machine.Disk); err != nil {
		return nil, err
	}
	if err := n.renew(dir, o, storage.Everything); err != nil {
		return nil, errors.Join(err, dir.Close())
	}
	return dir, nil
}

// hasOthers says whether there may be others to rebuild from. More is not known before
// the metadata are.
func (n *Node) hasOthers() bool {
	c := n.config.Cluster
	return len(c.Bootstrap) > 1 || len(c.Seeds) > 1
}

// renew replaces the database by one that lacks what is missing, or everything.
func (n *Node) renew(dir *storage.Dir, o storage.Options, missing storage.Missing) error {
	aside, err := dir.Renew(o, missing)
	if errors.Is(err, storage.ErrCorrupt) && !missing.Whole() && n.hasOthers() {
		n.log.Error("more of the database is damaged than was found first: nothing of it is kept", "error", err)
		aside, err = dir.Renew(o, storage.Everything)
	}
	if err == nil && aside != "" {
		n.log.Warn("the damaged database was set aside; remove it once nothing waits for being rebuilt any more", "folder", aside)
	}
	return err
}

// newLost reads what is known to be missing and to be under way.
func newLost(n *Node) (*lost, error) {
	missing, err := storage.ReadMissing(n.engine)
	if err != nil {
		return nil, err
	}
	l := &lost{node: n, missing: missing}
	if l.plan.Generation, err = systemUint(n.engine, planName, lostVersion); err != nil {
		return nil, err
	}
	if l.plan.After, err = systemUint(n.engine, planAfterName, lostVersion); err != nil {
		return nil, err
	}
	if l.swept, err = systemUint(n.engine, sweptName, lostVersion); err != nil {
		return nil, err
	}
	if l.paid, err = systemUint(n.engine, paidName, lostVersion); err != nil {
		return nil, err
	}
	return l, l.lacksMetadata()
}

// lacksMetadata notes that a database without metadata, in a folder that belongs to a
// cluster, is not the one that was there: everything is missing.
func (l *lost) lacksMetadata() error {
	metadata, err := system(l.node.engine, metadataName)
	if _, member := l.node.dir.Cluster(); err != nil || !member || metadata != nil || l.missing.Whole() {
		return err
	}
	if !l.node.hasOthers() {
		return fmt.Errorf("the database in %s lacks the metadata of the cluster that node.json names: put back the db folder that belongs here, as it was when the node last ran", l.node.config.Node.DataDir)
	}
	l.missing = storage.Everything
	var b storage.Batch
	b.Put(storage.SystemKey(storage.MissingName), l.missing.Encode())
	return l.node.engine.Write(&b)
}

// forgotten says why this node may not remember all that it has promised; "": it does.
func (l *lost) forgotten() string {
	if l.missing.System {
		return "this node has lost what it had promised, with its database"
	}
	return ""
}

// missed are the own partitions of which something is missing.
func (l *lost) missed(view *ring.View) (partitions []int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for p := range view.Q() {
		if view.Owns(p, l.node.id) && (l.missing.System || l.overlaps(view, p)) {
			partitions = append(partitions, p)
		}
	}
	return partitions
}

func (l *lost) overlaps(view *ring.View, partition int) bool {
	r := tokensOf(view, partition)
	for _, m := range l.missing.Tokens {
		if m.First <= r.Last && r.First <= m.Last {
			return true
		}
	}
	return false
}

// tokensOf are the tokens of a partition.
func tokensOf(view *ring.View, partition int) storage.TokenRange {
	first := uint64(partition) << (64 - view.Bits())
	return storage.TokenRange{First: first, Last: first | (1<<(64-view.Bits()) - 1)}
}

// planOf is what an epoch says of this node's rebuild.
func (n *Node) planOf(st *state) (named repair.Plan) {
	if row := st.meta.Rebuild(n.id); row != nil {
		named = repair.Plan{Generation: row.Generation, After: row.Epoch}
	}
	return named
}

// someNumber is random, and not 0.
func someNumber() uint64 {
	var b [8]byte
	_, _ = rand.Read(b[:]) // it never fails
	return binary.BigEndian.Uint64(b[:]) | 1
}
