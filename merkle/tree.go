package merkle

// Tree is the hash tree of one partition. It is not safe for concurrent use.
type Tree struct {
	shape Shape
	// levels[0] is the root, levels[Depth] are the leaves. A node is always the
	// sum of its children. One array lies behind all.
	levels [][]Node
}

// New is an empty tree: 24 bytes for each leaf, and a little.
func New(s Shape) *Tree {
	t := &Tree{shape: s, levels: make([][]Node, s.Depth()+1)}
	total := 0
	for level := range t.levels {
		total += s.Size(level)
	}
	nodes := make([]Node, total)
	for level := range t.levels {
		n := s.Size(level)
		t.levels[level], nodes = nodes[:n:n], nodes[n:]
	}
	return t
}

// Shape is what the tree was made with.
func (t *Tree) Shape() Shape { return t.shape }

// Update notes that a record of a leaf was replaced: old is the fingerprint of
// what was there, new of what is there now; zero where there was or is none.
// It allocates nothing.
//
// A caller that is wrong about old makes the leaf wrong and not the process: the
// other replicas' leaf differs then, and the slow count from storage corrects it.
func (t *Tree) Update(leaf int, old, new Sum) {
	t.add(leaf, Node{}.Replace(old, new))
}

// Set puts a leaf to what was counted from storage, or was read from disk.
func (t *Tree) Set(leaf int, n Node) {
	t.add(leaf, n.minus(t.levels[t.shape.depth][leaf]))
}

// add adds to a leaf and to all above it.
func (t *Tree) add(leaf int, change Node) {
	for level, nodes := range t.levels {
		n := &nodes[leaf>>t.shape.below(level)]
		*n = n.plus(change)
	}
}

// Root stands for all records of the partition.
func (t *Tree) Root() Node { return t.levels[0][0] }

// Leaf is one leaf.
func (t *Tree) Leaf(leaf int) Node { return t.levels[t.shape.depth][leaf] }

// Node is a node of a level, 0 to Depth, by its place from the left.
func (t *Tree) Node(level, index int) Node { return t.levels[level][index] }

// Children are the nodes below a node of a level above the leaves, from the left.
// They are the tree's own: to be read, and only until it changes.
func (t *Tree) Children(level, index int) []Node {
	first, end := t.shape.children(level, index)
	return t.levels[level+1][first:end:end]
}
