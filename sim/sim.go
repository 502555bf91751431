package sim

import (
	"fmt"
	"io"
	"time"

	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/hlc"
	"github.com/candordb/candor/merkle"
	"github.com/candordb/candor/repair"
	"github.com/candordb/candor/replica"
	"github.com/candordb/candor/ring"
	"github.com/candordb/candor/router"
	"github.com/candordb/candor/storage/model"
	"github.com/candordb/candor/wire"
)

// Options say which run to make.
type Options struct {
	Seed     uint64
	Scenario string    // "" for a swarm run; else a name of Scenarios
	Without  []string  // swarm options that are left out though the seed draws them
	Shorten  float64   // share of the drawn length; 0: all of it
	Outside  bool      // judge only by what clients are told and what stands at the end
	Trace    io.Writer // gets a line for everything of interest; nil: none
}

// Result is what came of a run.
type Result struct {
	Options
	Plan        *Plan
	Fingerprint uint64
	Virtual     time.Duration
	Failure     *Failure // nil: every promise was kept
	Figures     Figures
}

// Sim is one run: a cluster of real routers, and everything around them.
type Sim struct {
	timeline
	seed        uint64
	plan        *Plan
	trace       io.Writer
	cluster     *router.Cluster // of the newest epoch
	spaces      []*space        // the default namespace first
	net         *network
	nodes       []*node
	clients     []*client
	history     history
	inPartition [][]*key
	check       checker
	fig         Figures
	failure     *Failure
	calm        bool          // no faults any more
	rested      hlc.Timestamp // a time above the last write, once all have ended
	outside     bool          // see Options

	diskDice, nodeDice, faultDice dice
	healDice, checkDice           dice
	shape                         merkle.Shape // of the trees
	treeSeed                      uint64
	bugDice                       [bugCount]dice
	ringMembers                   []wire.RingMember
	epochs                        map[uint64][]byte // the metadata of the first node that acted in each
	newest                        uint64            // the highest of them
	proposed                      int               // changes of the metadata
	unmade                        []change          // those of which it was said that they were not made

	rebuilds  map[uint64]map[ring.NodeID]repair.Plan // by epoch, where it is given: who is rebuilt
	wrecked   *node                                  // who has come back wrong, and is not rebuilt yet; nil: nobody
	hintsLost time.Duration                          // when hints were last lost with a disk
}

// Run makes one run. It is a function of the options, and of this build.
func Run(o Options) *Result {
	plan := drawPlan(o.Seed, o.Without)
	if o.Scenario != "" {
		plan = scenarioPlan(o.Seed, o.Scenario)
	}
	if o.Shorten != 0 {
		plan.Length = time.Duration(float64(plan.Length) * o.Shorten)
		plan.Load.Ops = max(1, int(float64(plan.Load.Ops)*o.Shorten))
	}
	s := newSim(o, plan)
	s.run(s.plan.Length)
	if s.failure == nil {
		s.settleDown()
	}
	if plan.Found {
		s.fig.Founded = 1
	}
	if plan.Disk.Silent > 0 {
		s.fig.Rotten = 1
	}
	s.fig.Runs, s.fig.Virtual, s.fig.Events = 1, s.now, s.happened
	return &Result{Options: o, Plan: plan, Fingerprint: s.fingerprint, Virtual: s.now, Failure: s.failure, Figures: s.fig}
}

// newSim builds a cluster in epoch 1 whose nodes are about to start.
func newSim(o Options, plan *Plan) *Sim {
	s := &Sim{seed: o.Seed, plan: plan, trace: o.Trace, outside: o.Outside}
	s.check.s = s
	s.epochs, s.rebuilds = make(map[uint64][]byte), make(map[uint64]map[ring.NodeID]repair.Plan)
	s.fig.Codes = make(map[contract.Code]int)
	s.history.byName, s.history.byVersion = make(map[string]*key), make(map[hlc.Version]*operation)
	s.diskDice, s.nodeDice, s.faultDice = s.stream("disk"), s.stream("node"), s.stream("faults")
	s.healDice, s.checkDice = s.stream("heal"), s.stream("check")
	s.treeSeed = s.healDice.Uint64()
	shape, err := merkle.NewShape(plan.Healing.Leaves, plan.Healing.FanOut)
	if err != nil {
		panic("sim: " + err.Error())
	}
	s.shape = shape
	for b := range s.bugDice {
		s.bugDice[b] = s.stream("buggify/" + bugNames[b])
	}
	s.makeSpaces()
	s.build()
	s.inPartition = make([][]*key, plan.Partitions)
	s.net = newNetwork(s)
	s.makeKeys()
	for _, n := range s.nodes {
		s.start(n)
	}
	for i := range plan.Load.Clients {
		c := s.newClient(i)
		s.clients = append(s.clients, c)
		c.think()
	}
	s.unleash()
	s.check.healingOn()
	return s
}

// build makes the nodes and the epoch that they all have, or will agree on.
func (s *Sim) build() {
	d, regions := s.stream("cluster"), s.stream("regions")
	var members []ring.Member
	for i := range s.plan.Nodes {
		n := &node{sim: s, index: i, disk: disk{engine: model.New()}, durable: replica.NewMarks(s.plan.Partitions)}
		for b := range n.id {
			n.id[b] = byte(d.Uint32())
		}
		n.clock.drift = d.Int64N(2*s.plan.Clocks.Drift+1) - s.plan.Clocks.Drift
		n.clock.offset = quantised(d.between(-s.plan.Clocks.Offset, s.plan.Clocks.Offset), s.plan.Clocks.Quantum)
		s.nodes = append(s.nodes, n)
		m := ring.Member{ID: n.id, Name: n.String(), Zone: fmt.Sprint("z", i%s.plan.Zones), State: ring.Normal}
		if s.plan.Regions > 1 {
			n.region = regions.IntN(s.plan.Regions)
			m.Region = fmt.Sprint("r", n.region)
		}
		members = append(members, m)
		s.ringMembers = append(s.ringMembers, wire.RingMember{ID: n.id, Name: m.Name, Zone: m.Zone, Region: m.Region, State: uint64(m.State)})
	}
	owners, err := ring.Claim(s.plan.Partitions, s.plan.Replicas, nil, members)
	if err != nil {
		panic("sim: " + err.Error())
	}
	view, err := ring.NewView(1, s.plan.Partitions, s.plan.Replicas, members, owners)
	if err != nil {
		panic("sim: " + err.Error())
	}
	s.cluster = &router.Cluster{
		ID: [16]byte{1}, Ring: view, Namespaces: s.namespaces(),
		AgeLimit: s.plan.AgeLimit.Milliseconds(), MaxDrift: s.plan.MaxDrift.Milliseconds(),
	}
	for _, n := range s.nodes {
		n.cluster = s.cluster
	}
	if s.plan.Agreed {
		s.giveFirst()
	}
}

// quantised is d as a multiple of q; q 0: as it is.
func quantised(d, q time.Duration) time.Duration {
	if q == 0 {
		return d
	}
	return d.Round(q)
}

// stream is the stream of random numbers of that name.
func (s *Sim) stream(name string) dice { return newDice(s.seed, name) }

// run lets things happen until a virtual time, or a failure.
func (s *Sim) run(until time.Duration) {
	for s.failure == nil && s.step(until) {
	}
	s.now = max(s.now, until)
}

// verbose says whether somebody reads the trace.
func (s *Sim) verbose() bool { return s.trace != nil }

// tracef writes a line of the trace.
func (s *Sim) tracef(format string, args ...any) {
	if s.trace != nil {
		fmt.Fprintf(s.trace, "%s %s\n", clockText(s.now), fmt.Sprintf(format, args...))
	}
}
