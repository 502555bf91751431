package storage

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
)

// A node's data directory:
//
//	LOCK        held with flock while the node runs
//	FORMAT      "1\n": the oldest program that can read it must know this number
//	node.json   {"node": "32 hex digits", "cluster": "32 hex digits"}
//	db/         the database
//
// Identity stands beside the database, not in it, so that a lost database under
// a known identity is recognised: such a node has forgotten what it promised,
// and must not go on as if it were new. Cluster is absent until epoch 1 is
// installed.
const (
	lockName   = "LOCK"
	formatName = "FORMAT"
	nodeName   = "node.json"
	dbName     = "db"

	formatNumber = 1
)

// Dir is an open data directory. Its methods belong to one goroutine.
type Dir struct {
	fs      FS
	path    string
	lock    io.Closer
	node    [16]byte
	cluster [16]byte // zero: none yet
}

// OpenDir opens a node's data directory, or makes it. The node id of a new one
// is 16 bytes from random, and so is that of one that belongs to no cluster and
// has no database (any more). A nil fsys means OS.
//
// Errors: ErrLocked, ErrFormat, ErrLost, ErrCorrupt for files that do not say
// what they should, or what the file system said; each is one sentence that
// says what to do.
func OpenDir(path string, random io.Reader, fsys FS) (*Dir, error) {
	return openDir(path, fsys, func(d *Dir) error { return d.load(random) })
}

// OpenLostDir opens a data directory that OpenDir has refused with ErrLost, for a
// node that is to be rebuilt from its peers under the identity that it has: the
// next thing to do is Renew with Everything. Until that has returned, the
// directory is as lost as before. Its errors are those of OpenDir, and ErrCorrupt
// if there is no such identity.
func OpenLostDir(path string, fsys FS) (*Dir, error) {
	return openDir(path, fsys, func(d *Dir) error {
		if _, err := d.loadFormat(); err != nil {
			return err
		}
		if _, err := d.loadNode(); err != nil {
			return err
		}
		if _, ok := d.Cluster(); !ok {
			return fmt.Errorf("%s names no cluster, so nothing can have been lost: %w", nodeName, ErrCorrupt)
		}
		return nil
	})
}

// openDir locks the directory and loads what it says.
func openDir(path string, fsys FS, load func(*Dir) error) (*Dir, error) {
	if fsys == nil {
		fsys = OS
	}
	d := &Dir{fs: fsys, path: path}
	if err := makeDir(fsys, path); err != nil {
		return nil, fmt.Errorf("storage: data directory %s: %w", path, advised(err))
	}
	lock, err := fsys.Lock(join(path, lockName))
	if errors.Is(err, ErrLocked) {
		return nil, fmt.Errorf("storage: data directory %s: %w by another node; stop that one, or give this one a directory of its own", path, err)
	}
	if err != nil {
		return nil, fmt.Errorf("storage: data directory %s: %w", path, advised(err))
	}
	d.lock = lock
	if err := load(d); err != nil {
		lock.Close()
		return nil, fmt.Errorf("storage: data directory %s: %w", path, advised(err))
	}
	return d, nil
}

// Node returns the node's id, which never changes once there is a database.
func (d *Dir) Node() [16]byte { return d.node }

// Cluster returns the id of the cluster the node belongs to, and whether it
// belongs to one.
func (d *Dir) Cluster() (id [16]byte, ok bool) { return d.cluster, d.cluster != [16]byte{} }

// DB returns the path of the database, for Open.
func (d *Dir) DB() string { return join(d.path, dbName) }

// SetCluster notes, durably, that the node belongs to this cluster. It is done
// once; the same id again is no error, another one is ErrOtherCluster.
func (d *Dir) SetCluster(id [16]byte) error {
	if id == [16]byte{} {
		panic("storage: SetCluster with a zero id")
	}
	switch have, ok := d.Cluster(); {
	case ok && have == id:
		return nil
	case ok:
		return fmt.Errorf("storage: data directory %s: %w: it is of %x, not of %x; use another directory", d.path, ErrOtherCluster, have, id)
	}
	d.cluster = id
	if err := d.save(); err != nil {
		d.cluster = [16]byte{}
		return fmt.Errorf("storage: data directory %s: %w", d.path, err)
	}
	return nil
}

// Close releases the lock.
func (d *Dir) Close() error { return d.lock.Close() }

func (d *Dir) load(random io.Reader) error {
	isNew, err := d.loadFormat()
	if err != nil {
		return err
	}
	if isNew {
		if err := replaceFile(d.fs, d.path, formatName, fmt.Appendln(nil, formatNumber)); err != nil {
			return err
		}
	}
	found, err := d.loadNode()
	if err != nil {
		return err
	}
	if !found {
		return d.draw(random)
	}
	return d.checkDatabase(random)
}

// loadFormat reads FORMAT and reports whether the directory is new. FORMAT is
// the first file made in a directory, so without it there must be no other.
func (d *Dir) loadFormat() (isNew bool, err error) {
	content, err := readFile(d.fs, join(d.path, formatName))
	if errors.Is(err, os.ErrNotExist) {
		names, err := d.fs.List(d.path)
		if err != nil {
			return false, err
		}
		for _, name := range names {
			if name == nodeName || name == dbName {
				return false, fmt.Errorf("%s is there but %s is gone: %w; restore that file (this version writes %d)", name, formatName, ErrCorrupt, formatNumber)
			}
		}
		return true, nil
	}
	if err != nil {
		return false, err
	}
	n, err := strconv.Atoi(strings.TrimSpace(string(content)))
	switch {
	case err != nil || n < 1:
		return false, fmt.Errorf("%s holds %q, which is no number: %w; restore that file", formatName, content, ErrCorrupt)
	case n > formatNumber:
		return false, fmt.Errorf("%w (format %d, this program reads up to %d); start the newer version", ErrFormat, n, formatNumber)
	}
	return false, nil
}

// nodeFile is node.json.
type nodeFile struct {
	Node    string `json:"node"`
	Cluster string `json:"cluster,omitempty"`
}

func (d *Dir) loadNode() (found bool, err error) {
	content, err := readFile(d.fs, join(d.path, nodeName))
	if errors.Is(err, os.ErrNotExist) {
		names, err := d.fs.List(d.path)
		for _, name := range names {
			if name == dbName {
				return false, fmt.Errorf("%s is there but %s is gone: %w; restore that file", dbName, nodeName, ErrCorrupt)
			}
		}
		return false, err
	}
	if err != nil {
		return false, err
	}
	var f nodeFile
	dec := json.NewDecoder(bytes.NewReader(content))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&f); err != nil || !parseID(f.Node, &d.node) || f.Cluster != "" && !parseID(f.Cluster, &d.cluster) {
		return false, fmt.Errorf("%s does not hold a node id: %w; restore that file", nodeName, ErrCorrupt)
	}
	return true, nil
}

func (d *Dir) save() error {
	f := nodeFile{Node: hex.EncodeToString(d.node[:])}
	if id, ok := d.Cluster(); ok {
		f.Cluster = hex.EncodeToString(id[:])
	}
	content, err := json.Marshal(f)
	if err != nil {
		return err
	}
	return replaceFile(d.fs, d.path, nodeName, append(content, '\n'))
}

// checkDatabase refuses a node that belongs to a cluster and has no database. A
// node that belongs to none yet may have voted on what the cluster is to be, and
// with the database has forgotten its vote: it goes on under another id, as one
// that has never voted.
func (d *Dir) checkDatabase(random io.Reader) error {
	if err := d.finishRenewal(); err != nil {
		return err
	}
	f, err := d.fs.Open(join(d.DB(), currentName))
	if err == nil {
		return f.Close()
	}
	if !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if id, ok := d.Cluster(); ok {
		return fmt.Errorf("node %x of cluster %x: %w; put back the %s folder that belongs here, as it was when the node last ran (an older copy lacks what the node has acknowledged since), or let it be rebuilt from the others", d.node, id, ErrLost, dbName)
	}
	return d.draw(random)
}

// draw gives the directory a new node id.
func (d *Dir) draw(random io.Reader) error {
	if _, err := io.ReadFull(random, d.node[:]); err != nil {
		return fmt.Errorf("drawing a node id: %w", err)
	}
	return d.save()
}

func parseID(text string, id *[16]byte) bool {
	b, err := hex.DecodeString(text)
	if err != nil || len(b) != len(id) {
		return false
	}
	copy(id[:], b)
	return *id != [16]byte{}
}
