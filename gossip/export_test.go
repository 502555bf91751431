package gossip

// LockedCount asks memberlist for something that needs its node lock.
func (g *Gossip) LockedCount() int { return g.list.Load().NumMembers() }

// Meta is what this node tells memberlist of itself.
func (g *Gossip) Meta() []byte { return g.delegate.NodeMeta(512) }
