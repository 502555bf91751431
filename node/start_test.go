package node

import (
	"context"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/candordb/candor/hlc"
	"github.com/candordb/candor/ring"
	"github.com/candordb/candor/router"
	"github.com/candordb/candor/storage"
)

// refused runs node i, which has to refuse to start, and returns the sentence.
func (c *cluster) refused(i int) string {
	c.t.Helper()
	err := Run(context.Background(), c.nodes[i].config, Options{Log: slog.New(slog.DiscardHandler), Version: "test"})
	if err == nil {
		c.t.Fatal("the node started and stopped without an error")
	}
	return err.Error()
}

// Each way in which a node cannot start is one sentence that says what to do.
func TestWhyANodeDoesNotStart(t *testing.T) {
	c := startCluster(t, 1)
	cfg := c.nodes[0].config

	if why := c.refused(0); !strings.Contains(why, "in use by another node") {
		t.Errorf("data folder in use: %s", why)
	}
	c.halt(0)

	taken, err := net.Listen("tcp", cfg.Listen.Peer)
	if err != nil {
		t.Fatal(err)
	}
	if why := c.refused(0); !strings.Contains(why, "listen.peer") || !strings.Contains(why, "in use") {
		t.Errorf("port in use: %s", why)
	}
	taken.Close()

	cfg.Cluster.Name = "other"
	if why := c.refused(0); !strings.Contains(why, "cluster.name") {
		t.Errorf("data folder of another cluster: %s", why)
	}
	cfg.Cluster.Name = "test"

	db := filepath.Join(cfg.Node.DataDir, "db")
	if err := os.Rename(db, db+".away"); err != nil {
		t.Fatal(err)
	}
	if why := c.refused(0); !strings.Contains(why, "lost") && !strings.Contains(why, "gone") {
		t.Errorf("lost database: %s", why)
	}
	if err := os.Rename(db+".away", db); err != nil {
		t.Fatal(err)
	}
	c.start(0)
	c.awaitReady(0)
}

// Rule 1: each start has a new incarnation, and continues from the persisted
// bound if that is near.
func TestAStartBeginsANewIncarnation(t *testing.T) {
	c := startCluster(t, 1)
	_, h, _ := c.do("PUT", 0, "/v1/keys/k", "one")
	first, err := hlc.ParseVersion(h.Get("Candor-Version"))
	if err != nil {
		t.Fatal(err)
	}
	c.halt(0)
	db, err := storage.Open(filepath.Join(c.nodes[0].config.Node.DataDir, "db"), storage.Options{})
	if err != nil {
		t.Fatal(err)
	}
	incarnation, err := systemUint(db, incarnationName, incarnationVersion)
	if err != nil || incarnation != 1 {
		t.Errorf("incarnation %d, %v", incarnation, err)
	}
	bound, err := systemUint(db, clockName, clockVersion)
	if err != nil || hlc.Timestamp(bound) < first.Time {
		t.Errorf("bound %v below the issued %v, %v", hlc.Timestamp(bound), first.Time, err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	c.start(0)
	c.awaitReady(0)
	_, h, _ = c.do("PUT", 0, "/v1/keys/k", "two")
	second, err := hlc.ParseVersion(h.Get("Candor-Version"))
	if err != nil || second.Writer == first.Writer || !first.Less(second) {
		t.Errorf("after a restart %v follows %v, %v", second, first, err)
	}
	if _, _, body := c.do("GET", 0, "/v1/keys/k", ""); body != "two" {
		t.Errorf("the value is %q", body)
	}
}

// No time above the persisted bound is issued.
func TestTheBoundStopsTheClock(t *testing.T) {
	c := newClock(500, 1)
	now := c.now().Physical
	c.bound.Store(uint64(hlc.Make(now+600_000, 0)))
	if _, ok := c.stamp(); !ok {
		t.Fatal("no stamp within the bound")
	}
	c.last.Store(uint64(hlc.Make(now+600_010, 0)))
	if v, ok := c.stamp(); ok {
		t.Fatalf("%v was issued above the bound", v)
	}
}

// A second cluster whose bootstrap list points at the first never mixes with it.
func TestASecondClusterNeverMixes(t *testing.T) {
	first := startCluster(t, 1)
	first.do("PUT", 0, "/v1/keys/k", "first")
	for name, change := range map[string]string{"same name": "test", "another name": "other"} {
		second := newCluster(t, 1)
		cfg := second.nodes[0].config
		cfg.Cluster.Name = change
		cfg.Cluster.Bootstrap = []string{cfg.Listen.Peer, first.nodes[0].config.Listen.Peer}
		cfg.Cluster.Seeds = []string{first.nodes[0].config.Listen.Gossip}
		second.start(0)
		t.Cleanup(second.stop)
		eventually(t, name+": the second says why it waits", func() bool {
			_, _, w := second.do("GET", 0, "/readyz?verbose", "")
			return strings.Contains(w, "does not name this node") || strings.Contains(w, "belongs to cluster")
		})
		if status, _, body := second.do("GET", 0, "/v1/keys/k", ""); status != 503 {
			t.Errorf("%s: the second answers %d %s", name, status, body)
		}
		if s := first.status(0); len(s.Nodes) != 1 || s.Cluster.Epoch != 1 {
			t.Errorf("%s: the first has changed: %+v", name, s)
		}
	}
}

// Rule 1: a node whose clock is off the members' median by more than max_drift
// stamps no versions, and stops that by itself.
func TestAClockThatIsOffIsFenced(t *testing.T) {
	c := newClock(500, 1)
	c.bound.Store(uint64(hlc.Make(c.now().Physical+3_600_000, 0)))
	tell := func(ahead int64) {
		c.mu.Lock()
		defer c.mu.Unlock()
		for i := range 2 {
			c.peers[ring.NodeID{byte(i + 1)}] = heard{ahead, c.mono()}
		}
	}
	for _, ahead := range []int64{0, 400, -2000, 3_000, 100} {
		tell(ahead)
		_, fenced := c.adjust()
		c.fenced.Store(fenced)
		if _, ok := c.stamp(); ok == (max(ahead, -ahead) > 500) {
			t.Errorf("the median is %d ms ahead: stamped %v", ahead, ok)
		}
	}
}

// A node that starts and hears nobody trusts its own clock in the end: all others may
// wait for it.
func TestANodeThatStartsAloneIsNotFencedForEver(t *testing.T) {
	c := newClock(500, 1)
	c.bound.Store(^uint64(0))
	c.awaitPeers(2)
	if !c.fenced.Load() {
		t.Fatal("it does not wait for the others")
	}
	c.mu.Lock()
	c.trustAt = 1
	c.mu.Unlock()
	for c.mono() < 2 {
		runtime.Gosched()
	}
	if _, fenced := c.adjust(); fenced {
		t.Error("it is fenced, though nobody says that it is off")
	}
}

// Rule 1: the fence stands until the clock is right again. That no member is heard any
// more, or one that still tells another time, does not make it so; one that agrees does.
func TestAFencedClockIsNotMadeRightBySilence(t *testing.T) {
	ahead := int64(3_600_000)
	c := newClockOn(func() int64 { return wallMillis() + ahead }, 500, 1)
	c.bound.Store(^uint64(0))
	c.others = 2
	tell := func(offset int64, members int) {
		c.mu.Lock()
		clear(c.peers)
		for i := range members {
			c.peers[ring.NodeID{byte(i + 1)}] = heard{offset, c.mono()}
		}
		c.mu.Unlock()
		_, fenced := c.adjust()
		c.fenced.Store(fenced)
	}
	for _, members := range []int{2, 0, 1, 0} {
		tell(-ahead, members)
		if _, ok := c.stamp(); ok || !c.fenced.Load() {
			t.Fatalf("an hour ahead it leaves the fence, as it hears %d members", members)
		}
		if median, known := c.median(); known && median.Millis() > c.now().Physical-ahead+500 {
			t.Fatalf("an hour ahead it takes its own time for the members', as it hears %d of them", members)
		}
	}
	right := ahead
	ahead = 0
	tell(-right, 1)
	if v, ok := c.stamp(); !ok || v.Time.Millis() > wallMillis()+500 {
		t.Errorf("set right, and heard by one that agrees, it stamps %v, %t", v, ok)
	}
}

// An answer that waited makes its sender look behind; that is no reason to
// fence anybody.
func TestDelayedAnswersFenceNobody(t *testing.T) {
	c := newClock(500, 1)
	for i := range 2 {
		id := ring.NodeID{byte(i + 1)}
		c.measure(id, c.now().Physical-400, c.mono()-450)
		c.measure(id, c.now().Physical-5000, c.mono()-5000)
	}
	if median, _ := c.median(); median.Millis() < c.now().Physical-100 {
		t.Errorf("the clocks are equal, and said to be %d ms apart by answers that were late", c.now().Physical-median.Millis())
	}
	if _, fenced := c.adjust(); fenced {
		t.Error("fenced by answers that were late")
	}
}

// Rule 1: the median is over the members' clocks. Hybrid clocks follow the fastest of
// all, so the offsets are those of the physical ones: the node that is off is the one
// that is said to be.
func TestTheNodeWhoseClockIsOffIsSaidToBe(t *testing.T) {
	for _, fast := range []int64{300, 450, 505} {
		ahead := []int64{fast, 10, 0}
		var clocks []*clock
		for i := range ahead {
			c := newClockOn(func() int64 { return wallMillis() + ahead[i] }, 500, uint64(i+1))
			c.bound.Store(^uint64(0))
			c.awaitPeers(2)
			clocks = append(clocks, c)
		}
		for range 50 {
			for i, from := range clocks {
				for j, to := range clocks {
					if i != j {
						to.observe(from.read()) // of any head
						to.measure(ring.NodeID{byte(i + 1)}, from.now().Physical, to.mono())
					}
				}
			}
		}
		for i, c := range clocks {
			_, fenced := c.adjust()
			median, _ := c.median()
			off := c.now().Physical - median.Millis()
			const slack = 100 // of a machine that stalls
			if truth := ahead[i] - 10; off-truth > slack || truth-off > slack {
				t.Errorf("%d ms ahead, the others about right: node %d is %d ms off the median, and says %d", fast, i+1, truth, off)
			}
			if fenced && ahead[i] < 400 {
				t.Errorf("%d ms ahead, the others about right: node %d is fenced", fast, i+1)
			}
		}
	}
}

// Who is no member may connect, but must not be able to fence anybody, nor move a
// clock.
func TestOnlyMembersClocksCount(t *testing.T) {
	n := &Node{clock: newClock(500, 1)}
	member := ring.NodeID{1}
	view, err := ring.NewView(1, 1, 1, []ring.Member{{ID: member, State: ring.Normal}}, []uint16{0})
	if err != nil {
		t.Fatal(err)
	}
	n.state.Store(&state{cluster: &router.Cluster{Ring: view}})
	soon := hlc.Make(n.clock.now().Physical+400, 0)
	n.Observe(ring.NodeID{9}, soon)
	if n.clock.read() >= soon {
		t.Error("a stranger's clock is followed")
	}
	n.Observe(member, soon)
	if n.clock.read() < soon {
		t.Error("a member's clock does not count")
	}
}

// A clock that comes out of the fence goes on at the right time, however far it was
// ahead, but not below what it has stamped; and no version is made twice.
func TestAClockThatIsSetRightGoesBackToNoVersion(t *testing.T) {
	ahead := int64(3_600_000)
	c := newClockOn(func() int64 { return wallMillis() + ahead }, 500, 1)
	c.last.Store(uint64(hlc.Make(c.now().Physical, 0)))
	c.bound.Store(^uint64(0))
	tell := func(off int64) {
		for i := range 2 {
			c.mu.Lock()
			c.peers[ring.NodeID{byte(i + 1)}] = heard{off, c.mono()}
			c.mu.Unlock()
		}
		_, fenced := c.adjust()
		c.fenced.Store(fenced)
	}
	c.awaitPeers(2)
	tell(-ahead)
	if _, ok := c.stamp(); ok || !c.fenced.Load() {
		t.Fatal("an hour ahead, and not fenced")
	}
	right := ahead
	ahead = 0
	tell(-right)
	first, ok := c.stamp()
	if off := first.Time.Millis() - wallMillis(); !ok || off > 500 || first.Writer == 1 {
		t.Fatalf("set right it stamps %v, %d ms ahead, %t", first, off, ok)
	}
	for i := range 20 { // it runs ahead, the others are set back, and then it is too
		ahead += 400
		tell(0)
		before, _ := c.stamp()
		tell(-700)
		ahead -= 700
		tell(-700)
		if after, ok := c.stamp(); !ok || !before.Less(after) {
			t.Fatalf("%d: %v is stamped after %v, %t", i, after, before, ok)
		}
	}
}
