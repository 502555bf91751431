package repair

// Plan is what a node has saved of its rebuild: the epoch that says that it is rebuilt
// names Generation, and lies behind After, that in which it was when the last of its
// partitions had gone into quarantine. The zero Plan: there is none.
type Plan struct {
	Generation, After uint64
}

// Situation is all that decides what comes next in the rebuild of a node.
type Situation struct {
	Quarantined bool   // one of its partitions is
	Plan        Plan   // as saved
	Epoch       uint64 // that it acts on
	// Distrust is the generation that an epoch has to name before this node votes
	// again (package topology); 0: it may.
	Distrust uint64
	// Named is what the epoch says of this node's rebuild: the generation, and the
	// epoch that began it; zero: nothing.
	Named Plan
}

// Move is what is to be done next.
type Move uint8

// The moves.
const (
	// Rest: nothing.
	Rest Move = iota
	// Save the Plan; all partitions in question are in quarantine, durably.
	Save
	// Begin: propose the epoch that begins the rebuild of Plan.
	Begin
	// Go: partitions may be rebuilt, in epochs from Plan.After on.
	Go
	// End: propose the epoch that ends the rebuild of Plan.
	End
)

// Next decides. Whoever puts another partition into quarantine saves the zero Plan
// before that: an epoch that was decided while it still served is no barrier for it.
// random is not 0; it names a rebuild that topology does not ask for.
func (s Situation) Next(random uint64) (Move, Plan) {
	if !s.Quarantined && s.Distrust == 0 {
		switch {
		case s.Named != (Plan{}):
			return End, s.Named
		case s.Plan != (Plan{}):
			return Save, Plan{}
		}
		return Rest, Plan{}
	}
	generation := s.Plan.Generation
	if s.Distrust != 0 {
		generation = s.Distrust
	}
	switch {
	case generation == 0:
		return Save, Plan{random, s.Epoch}
	case s.Plan.Generation != generation:
		return Save, Plan{generation, s.Epoch}
	case s.Named.Generation != generation || s.Named.After <= s.Plan.After:
		return Begin, s.Plan
	case s.Quarantined:
		return Go, Plan{generation, s.Named.After}
	}
	return End, s.Named
}
