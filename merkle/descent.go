package merkle

import (
	"errors"
	"fmt"
)

// ErrMismatch is returned by Answer for a question about nodes that the tree
// does not have, and by Take for nodes that nobody asked for: the other side's
// tree has another shape, or the messages of two comparisons were mixed up.
var ErrMismatch = errors.New("merkle: question and answer do not fit the tree")

// Descent is one comparison of two trees, on the side that asks:
//
//	d := merkle.Descend(mine, theirRoot)
//	for {
//		q, more := d.Question()
//		if !more {
//			break
//		}
//		err := d.Take(mine, ...) // what the other side's Answer to q was
//	}
//	d.Leaves()
//
// It goes down level by level, all differing nodes of a level together, in
// messages of at most NodesMax nodes.
type Descent struct {
	shape Shape
	// level is that of the nodes in todo, which differ and whose children have
	// not been compared; found are those of their children that differ.
	level       int
	todo, found []uint16
}

// Descend begins a comparison with the tree that has this root.
func Descend(mine *Tree, theirRoot Node) *Descent {
	d := &Descent{shape: mine.shape}
	if mine.Root() != theirRoot {
		d.todo = []uint16{0}
	}
	return d
}

// Question is what to ask the other side next; without an answer in between it
// is the same again. It is false when the comparison is at its end. The parents
// are the descent's own: to be read, and only until Take.
func (d *Descent) Question() (q Question, more bool) {
	if d.level == d.shape.Depth() || len(d.todo) == 0 {
		return Question{}, false
	}
	n := min(len(d.todo), NodesMax/d.shape.width(d.level))
	return Question{Level: d.level, Parents: d.todo[:n]}, true
}

// Take compares the answer to the last question with one's own tree, which may
// have changed meanwhile. Its error is ErrMismatch; then nothing has happened.
func (d *Descent) Take(mine *Tree, theirs Nodes) error {
	q, more := d.Question()
	width := d.shape.width(d.level)
	switch {
	case !more:
		return fmt.Errorf("%w: an answer after the end", ErrMismatch)
	case mine.shape != d.shape:
		return fmt.Errorf("%w: a tree of %s in a comparison of trees of %s", ErrMismatch, mine.shape, d.shape)
	case theirs.Level != d.level+1 || len(theirs.Nodes) != width*len(q.Parents):
		return fmt.Errorf("%w: %d nodes of level %d, asked for %d of level %d",
			ErrMismatch, len(theirs.Nodes), theirs.Level, width*len(q.Parents), d.level+1)
	}
	for i, parent := range q.Parents {
		first, _ := d.shape.children(d.level, int(parent))
		for j, n := range mine.Children(d.level, int(parent)) {
			if n != theirs.Nodes[i*width+j] {
				d.found = append(d.found, uint16(first+j))
			}
		}
	}
	d.todo = d.todo[len(q.Parents):]
	if len(d.todo) == 0 {
		d.level, d.todo, d.found = d.level+1, d.found, nil
	}
	return nil
}

// Leaves are the leaves that differ, rising; nil before the end.
func (d *Descent) Leaves() []uint16 {
	if d.level < d.shape.Depth() {
		return nil
	}
	return d.todo
}

// width is the number of children of a node of a level above the leaves.
func (s Shape) width(level int) int {
	first, end := s.children(level, 0)
	return end - first
}

// Answer gives the children that a question asks for, copied into scratch, which
// is overwritten and grown if need be. Its error is ErrMismatch.
func (t *Tree) Answer(scratch []Node, q Question) (Nodes, error) {
	if q.Level < 0 || q.Level >= t.shape.Depth() {
		return Nodes{}, fmt.Errorf("%w: children of level %d in a tree of %s", ErrMismatch, q.Level, t.shape)
	}
	if n := len(q.Parents) * t.shape.width(q.Level); n > NodesMax {
		return Nodes{}, fmt.Errorf("%w: %d nodes in one answer, at most %d", ErrMismatch, n, NodesMax)
	}
	nodes := scratch[:0]
	for _, parent := range q.Parents {
		if int(parent) >= t.shape.Size(q.Level) {
			return Nodes{}, fmt.Errorf("%w: node %d of %d on level %d", ErrMismatch, parent, t.shape.Size(q.Level), q.Level)
		}
		nodes = append(nodes, t.Children(q.Level, int(parent))...)
	}
	return Nodes{Level: q.Level + 1, Nodes: nodes}, nil
}
