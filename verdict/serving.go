package verdict

// truth is what is known of a statement. The zero value is that nothing is.
type truth int8

const (
	unknown truth = iota
	no
	yes
)

// cause is why a replica does not serve.
type cause struct {
	one, more string // after one name, after several
	code      string // of the rule that reports it
}

// The causes, in the order in which they are told. A silent node comes first: whatever
// else it has is not known.
var causes = []*cause{isSilent, isStopped, isDraining, isWaiting, isRebuilding, isFull}

var (
	isSilent     = &cause{"does not answer", "do not answer", "D101"}
	isStopped    = &cause{"has stopped its storage", "have stopped their storage", "D130"}
	isDraining   = &cause{"shuts down", "shut down", ""}
	isWaiting    = &cause{"serves nothing yet", "serve nothing yet", ""}
	isRebuilding = &cause{"rebuilds them", "rebuild them", "D126"}
	isFull       = &cause{"takes no writes, its disk is full", "take no writes, their disks are full", "D107"}
)

// service is whether a member serves the partitions that it owns, for reads or for
// writes.
type service struct {
	serves truth
	why    *cause     // if it does not
	words  []string   // what is missing if that is not known
	but    Partitions // which it rebuilds, though it serves the others
}

// in is whether the member serves one partition.
func (s *service) in(partition int) (truth, *cause) {
	if s.serves != no && s.but.Has(partition) {
		return no, isRebuilding
	}
	return s.serves, s.why
}

// missing implements reporter.
func (s *service) missing(words string) { s.words = append(s.words, words) }

// services are those of all members.
func (e *evidence) services(writes bool) []service {
	all := make([]service, len(e.Members))
	for i := range all {
		all[i].ask(e, i, writes)
	}
	return all
}

func (s *service) ask(e *evidence, i int, writes bool) {
	n := e.nodes[i]
	switch {
	case e.silent(i):
		s.serves, s.why = no, isSilent
		return
	case n == nil:
		s.missing(e.absent(i))
		return
	}
	refuse := func(is bool, why *cause) {
		if is && s.why == nil {
			s.serves, s.why = no, why
		}
	}
	stopped, _ := told(s, n, n.Stopped, whetherStopped)
	refuse(stopped != "", isStopped)
	draining, _ := told(s, n, n.Draining, whetherDraining)
	refuse(draining, isDraining)
	waiting, _ := told(s, n, n.Waiting, whetherServes)
	if waiting != "" && n.isNew() {
		s.missing(n.name + starting)
	}
	refuse(waiting != "" && !n.isNew(), isWaiting)
	quarantine, _ := told(s, n, n.Quarantine, whetherQuarantined)
	s.but = quarantine.Partitions
	if writes {
		disk, _ := told(s, n, n.Disk, itsDisk)
		refuse(disk.InReserve, isFull)
	}
	if s.serves == unknown && len(s.words) == 0 {
		s.serves = yes
	}
}

// What nodes report, in the words in which it is missed.
const (
	itsEpoch           = "its epoch"
	whetherFenced      = "whether it coordinates"
	whetherDraining    = "whether it is shutting down"
	whetherStopped     = "whether its storage runs"
	whetherServes      = "whether it serves"
	whetherQuarantined = "which partitions it rebuilds"
	itsPeers           = "which nodes it reaches"
	itsProbe           = "a timed write"
	itsHints           = "its hints"
	itsRepair          = "how far its partitions are repaired"
	itsClock           = "its clock"
	itsDisk            = "its disk"
	itsDamage          = "whether damage is open"
)
