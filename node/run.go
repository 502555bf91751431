package node

import (
	"context"
	crand "crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"sync"
	"syscall"
	"time"

	"github.com/candordb/candor/config"
	"github.com/candordb/candor/coordinator"
	"github.com/candordb/candor/hlc"
	"github.com/candordb/candor/replica"
	"github.com/candordb/candor/ring"
	"github.com/candordb/candor/router"
	"github.com/candordb/candor/rpc"
	"github.com/candordb/candor/storage"
	"github.com/candordb/candor/stored"
	"github.com/candordb/candor/topology"
	"github.com/candordb/candor/wire"
)

// How often deadlines are swept, the clocks are compared, and the clock bound is
// renewed.
const (
	sweepEvery = 5 * time.Millisecond
	clockEvery = 50 * time.Millisecond
	boundEvery = time.Second
)

// shards is how many Cores a node runs. More than the processors, so that two
// goroutines seldom want the same one.
const shards = 16

// slotsPerShard bounds the requests that a node coordinates at once.
const slotsPerShard = 4096

// Run runs a node until ctx ends, then stops it in order and returns nil. Its
// error, before or after that, is one sentence that says what to do. A node whose
// database is found to be damaged is stopped and started again in between: the
// database is renewed, and what is missing rebuilt from the others.
func Run(ctx context.Context, c *config.Config, o Options) error {
	if err := ring.CheckHash(); err != nil {
		return err
	}
	for renewals := 0; ; renewals++ {
		began := time.Now()
		err := run(ctx, c, o)
		if time.Since(began) > renewalsCalm {
			renewals = 0
		}
		if !errors.Is(err, errDamaged) || ctx.Err() != nil || renewals == renewalsMax {
			return err
		}
		o.Log.Error("this node starts again, to renew its database", "error", err)
	}
}

// run runs a node once.
func run(ctx context.Context, c *config.Config, o Options) error {
	n := &Node{
		config: c, machine: o.Machine.withDefaults(), version: o.Version, log: o.Log, started: time.Now(),
		failed: make(chan error, 1), gossipDone: make(chan struct{}),
		rpcOptions: rpc.Options{
			FrameBytes: frameBytes(c), PreauthFrameBytes: int(c.Limits.PreauthFrame), OutputBuffer: int(c.Limits.OutputBuffer),
			Connections: c.Limits.Connections, PerIP: c.Limits.PerIP, PreauthPerIP: c.Limits.PreauthPerIP, Handshake: c.Timeouts.Handshake, Idle: c.Timeouts.Idle, WriteStall: c.Timeouts.WriteStall,
		},
	}
	n.gate.bytesMax = int64(c.Limits.BytesInFlight)
	n.gate.allowed.Store(shards * slotsPerShard)
	n.ctx, n.cancel = context.WithCancel(context.WithoutCancel(ctx))
	n.stopped = n.ctx.Done()
	defer n.cancel()
	if err := n.open(); err != nil {
		return err
	}
	defer func() {
		n.closeStorage()
		if ctx.Err() != nil {
			n.log.Info("stopped")
		}
	}()
	if err := n.listen(); err != nil {
		return err
	}
	return n.serve(ctx)
}

func frameBytes(c *config.Config) int {
	if c.Limits.Frame > 0 {
		return int(c.Limits.Frame)
	}
	return int(c.Limits.Value) + 64<<10
}

// open opens the data directory and begins a new incarnation.
func (n *Node) open() error {
	if err := n.openStorage(); err != nil {
		return err
	}
	if err := n.store.loadVoids(); err != nil {
		return errors.Join(err, n.closeStorage())
	}
	if err := n.begin(); err != nil {
		return errors.Join(err, n.closeStorage())
	}
	return nil
}

// reserve is storage.reserve as the storage takes it, where 0 is its default.
func reserve(p config.Percent) int {
	if p == 0 {
		return -1
	}
	return int(p)
}

// recordCache is storage.record_cache in the same way.
func recordCache(s config.Size) int {
	if s == 0 {
		return -1
	}
	return int(s)
}

// begin writes the new incarnation and the first clock bound, and makes the
// parts that decide.
func (n *Node) begin() error {
	incarnation, err := systemUint(n.engine, incarnationName, incarnationVersion)
	if err != nil {
		return err
	}
	bound, err := systemUint(n.engine, clockName, clockVersion)
	if err != nil {
		return err
	}
	highest, err := systemUint(n.engine, highestName, clockVersion)
	if err != nil {
		return err
	}
	highest = max(highest, bound)
	asking, err := systemUint(n.engine, askingName, clockVersion)
	if err != nil {
		return err
	}
	found := highest
	if asking != 0 {
		found = asking // a start before this one has not heard yet whether that is enough
	}
	var random [16]byte
	if _, err := crand.Read(random[:]); err != nil {
		return err
	}
	n.incarnation, n.found, n.life = incarnation+1, hlc.Timestamp(found), binary.BigEndian.Uint64(random[8:])|1
	n.clock = newClockOn(n.machine.Wall, n.config.Clock.MaxDrift.Milliseconds(), binary.BigEndian.Uint64(random[:]))
	physical := n.clock.now().Physical
	n.clock.last.Store(uint64(hlc.Restart(hlc.Timestamp(bound), physical, physical, n.config.Clock.MaxDrift.Milliseconds())))
	next := hlc.NextBound(n.clock.read(), 0, physical)
	b := stored.Batch{Batch: new(storage.Batch)}
	b.PutSystem([]byte(incarnationName), uintValue(incarnationVersion, n.incarnation))
	b.PutSystem([]byte(clockName), uintValue(clockVersion, uint64(next)))
	b.PutSystem([]byte(highestName), uintValue(clockVersion, highest))
	b.PutSystem([]byte(askingName), uintValue(clockVersion, found))
	if err := n.engine.Write(b.Batch); err != nil {
		return err
	}
	n.clock.bound.Store(uint64(next))
	return n.assemble()
}

// assemble makes router, committer and links.
func (n *Node) assemble() error {
	n.applier = &replica.Applier{}
	locks := make([]router.Locker, shards)
	for i := range locks {
		locks[i] = new(sync.Mutex)
	}
	l := n.config.Limits
	n.metrics = newMetrics(n)
	n.router = router.New(router.Options{
		Self: n.id, Incarnation: n.incarnation, ServerVersion: n.version, ClusterName: n.config.Cluster.Name, Locks: locks, Gate: &n.gate, Count: n.metrics.count, Took: n.metrics.took,
		Periodic: n.syncInterval() > 0,
		Hedging:  coordinator.Hedging{Percentile: int(n.config.Read.HedgePercentile), Percent: int(n.config.Read.HedgeMax)}, Busy: n.gate.busy,
		Limits: router.Limits{
			Limits: wire.Limits{
				FrameBytes: uint64(n.rpcOptions.FrameBytes), KeyBytes: uint64(l.Key), ValueBytes: uint64(l.Value),
				InFlight: uint64(l.InFlight), BatchOps: uint64(l.Batch),
			},
			DeadlineDefault: uint64(n.config.Timeouts.Default.Milliseconds()), DeadlineMax: uint64(n.config.Timeouts.Max.Milliseconds()),
			Slots: slotsPerShard,
		},
	}, n)
	scratch := newBatch(n.store)
	var turn router.Turn
	n.committer = storage.NewCommitter(n.engine, storage.CommitterOptions[replica.Write]{
		QueueBytes: int(l.QueueBytes), BatchBytes: int(n.config.Storage.CommitBytes), SyncInterval: n.syncInterval(),
		Apply: func(writes []replica.Write, b *storage.Batch) {
			scratch.begin(b)
			n.beginBatch()
			n.trees.mu.Lock()
			n.applier.Apply(n.clock.now(), n.store, writes, scratch)
			n.trees.mu.Unlock()
			scratch.End(n.applier)
			n.counted()
		},
		Done: func(writes []replica.Write, err error) {
			if err == nil {
				scratch.durable()
			}
			n.committed(&turn, writes, err)
		},
	})
	lost, err := newLost(n)
	if err != nil {
		return err
	}
	n.lost, n.store.damaged, n.store.broken = lost, n.damaged, n.broken
	n.links = &links{node: n}
	n.watch = newWatch(n)
	n.repair = newRepairer(n)
	n.reporter, n.evidence = newReporter(n), newEvidence(n)
	hints, err := newHints(n)
	n.hints, n.store.coming = hints, hints.coming
	return err
}

// syncInterval is how long the sync of a record may be put off; 0: not at all.
func (n *Node) syncInterval() time.Duration {
	if n.config.Storage.Durability != "periodic" {
		return 0
	}
	return n.config.Storage.SyncInterval
}

// counted publishes the replica's counters, and tells of what must not be: one
// version with two contents.
func (n *Node) counted() {
	before := n.applied.load().Conflicts
	n.applied.store(n.applier.Counters)
	if now := n.applier.Counters.Conflicts; now > before {
		n.log.Error("one version with two contents was written: a writer id or a clock is not what it should be", "count", now-before)
	}
}

// listen binds the listeners.
func (n *Node) listen() error {
	for _, l := range []struct {
		to        *net.Listener
		key, addr string
	}{
		{&n.clientListener, "listen.client", n.config.Listen.Client},
		{&n.peerListener, "listen.peer", n.config.Listen.Peer},
		{&n.httpListener, "listen.http", n.config.Listen.HTTP},
	} {
		bound, err := n.machine.Listen(l.addr)
		if err != nil {
			n.closeListeners()
			return listenError(l.key, l.addr, err)
		}
		*l.to = bound
	}
	if n.machine.Gossip != nil {
		return nil
	}
	probe, err := net.Listen("tcp", n.config.Listen.Gossip)
	if err != nil {
		n.closeListeners()
		return listenError("listen.gossip", n.config.Listen.Gossip, err)
	}
	return probe.Close()
}

func listenError(key, addr string, err error) error {
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("%s: %s is in use by another process: stop that one, or set %s to a free port", key, addr, key)
	}
	return fmt.Errorf("%s: %s cannot be listened on, set another address: %w", key, addr, err)
}

func (n *Node) closeListeners() {
	for _, l := range []net.Listener{n.clientListener, n.peerListener, n.httpListener} {
		if l != nil {
			_ = l.Close() // nothing is lost with a listener
		}
	}
}

// self is this node as others shall reach it.
func (n *Node) self() ring.Member {
	c := n.config
	return ring.Member{
		ID: n.id, Name: c.Node.Name, Zone: c.Node.Zone, Region: c.Node.Region, State: ring.Normal,
		Client: n.advertised(n.clientListener.Addr().String()), Peer: n.advertised(n.peerListener.Addr().String()),
		Gossip: n.advertised(c.Listen.Gossip), HTTP: n.advertised(n.httpListener.Addr().String()),
	}
}

func (n *Node) advertised(addr string) string {
	host, p, err := net.SplitHostPort(addr)
	if err != nil || n.config.Advertise.Host == "" && host != "" {
		return addr
	}
	return net.JoinHostPort(n.config.Advertise.Host, p)
}

// serve runs the node until ctx ends or a part fails, and stops it.
func (n *Node) serve(ctx context.Context) error {
	core, err := n.topology()
	if err != nil {
		n.closeListeners()
		return err
	}
	n.control = newControl(n, core)
	committed := make(chan error, 1)
	go func() {
		err := n.committer.Run(context.Background())
		if err != nil {
			n.log.Error("the storage has stopped; this node acknowledges nothing until it is restarted", "error", err)
		}
		committed <- err
	}()
	clients := n.rpcOptions
	clients.Waiting = &n.gate.waiting
	n.clients = rpc.NewServer(n.clientListener, clients, n.accept(false), n.log)
	n.peers = rpc.NewServer(n.peerListener, n.rpcOptions, n.accept(true), n.log)
	admin := n.startAdmin()
	if m := core.Metadata(); m != nil {
		err = n.adopt(m)
	} else {
		n.links.dialBootstrap(n.ctx, n.config.Cluster.Bootstrap)
	}
	if err == nil {
		for _, work := range []func(context.Context) error{n.clients.Run, n.peers.Run, n.control.run, n.sweep, n.govern, n.keepTime, n.watch.run, n.countTrees, n.clean, n.repair.run, n.repair.recount, n.hints.run, n.hints.tidy, n.reporter.run, n.reporter.lookUpSeeds, n.timeWrites, n.evidence.run, n.lost.run, n.scrub.run(n)} {
			n.background(work)
		}
		n.log.Info("node runs", "name", n.config.Node.Name, "id", n.id, "client", n.clientListener.Addr().String(), "peer", n.peerListener.Addr().String(), "http", n.httpListener.Addr().String())
		if n.machine.started != nil {
			n.machine.started(n)
		}
		err = n.untilStopped(ctx)
	}
	n.stop(admin)
	n.keepTrees()
	n.committer.Close()
	return errors.Join(err, <-committed)
}

// untilStopped returns when ctx ends, or a part of the node failed. A storage
// that has stopped does not stop the node: it goes on coordinating for its
// clients, and says that it is not ready.
func (n *Node) untilStopped(ctx context.Context) error {
	select {
	case <-ctx.Done():
		n.log.Info("stopping")
		return nil
	case err := <-n.failed:
		return err
	}
}

// topology makes the Core from what is saved, and checks it against the data
// directory.
func (n *Node) topology() (*topology.Core, error) {
	saved, err := topology.Load(func(name string) ([]byte, error) { return system(n.engine, name) })
	if err != nil {
		return nil, err
	}
	c := n.config
	return topology.New(topology.Options{
		Self: n.self(), ClusterName: c.Cluster.Name, Bootstrap: c.Cluster.Bootstrap, Replicas: c.Cluster.Replicas, Partitions: c.Cluster.Partitions,
		Namespaces: namespaceRows(c.ParseNamespaces()),
		AgeLimitMS: c.Repair.MaxRequestAge.Milliseconds(), MaxDriftMS: c.Clock.MaxDrift.Milliseconds(),
		KeyBytes: int64(c.Limits.Key), ValueBytes: int64(c.Limits.Value),
		Incarnation: n.incarnation, Life: n.life, Bound: n.found, Forgotten: n.lost.forgotten(),
	}, saved)
}

// namespaceRows are the namespaces of the configuration as metadata.
func namespaceRows(list []config.Namespace) (rows []topology.NamespaceRow) {
	for _, ns := range list {
		rows = append(rows, topology.NamespaceRow{
			Name: ns.Name, Read: uint8(ns.Read), Write: uint8(ns.Write), TTLMS: uint64(ns.TTL.Milliseconds()),
			MaxValue: uint64(ns.MaxValue), AllowStale: ns.AllowStale,
		})
	}
	return rows
}

// sweep ends requests whose deadline has passed.
func (n *Node) sweep(ctx context.Context) error {
	var turn router.Turn
	return every(ctx, sweepEvery, func() {
		n.router.Begin(&turn)
		n.router.Tick(&turn)
		n.router.Finish(&turn)
	})
}

// keepTime follows the wall clock and renews the clock bound.
func (n *Node) keepTime(ctx context.Context) error {
	tick, renew := time.NewTicker(clockEvery), time.NewTicker(boundEvery)
	defer tick.Stop()
	defer renew.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-renew.C:
			n.renewBound()
		case <-tick.C:
			jumped, fenced := n.clock.adjust()
			if fenced != n.clock.fenced.Swap(fenced) {
				n.log.Info("clock fence: a node whose clock is off by more than clock.max_drift, or cannot be compared yet, does not coordinate", "fenced", fenced)
			}
			if jumped != n.clockJump.Swap(jumped) && jumped {
				n.log.Warn("the wall clock was set; it is not followed until the other nodes' clocks agree with it")
			}
		}
	}
}

// renewBound persists the next clock bound; it counts once it is synced.
func (n *Node) renewBound() {
	next := hlc.NextBound(n.clock.read(), hlc.Timestamp(n.clock.bound.Load()), n.clock.now().Physical)
	w := replica.Write{Kind: replica.System, Key: []byte(clockName), Record: uintValue(clockVersion, uint64(next))}
	w.Origin.Done = func(durable bool) {
		if durable {
			n.clock.bound.Store(uint64(next))
		}
	}
	n.committer.Submit([]replica.Write{w})
}

func (n *Node) fail(err error) {
	select {
	case n.failed <- err:
	default:
	}
}

// closeStorage closes database and directory.
func (n *Node) closeStorage() error { return errors.Join(n.engine.Close(), n.dir.Close()) }
