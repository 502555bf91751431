package node

import (
	"fmt"
	"io"
	"net"
	"runtime"
	rtm "runtime/metrics"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/replica"
	"github.com/candordb/candor/router"
	"github.com/candordb/candor/wire"
)

func TestGateNamesTheLimitThatIsReached(t *testing.T) {
	newGate := func() *gate {
		g := &gate{bytesMax: 1000}
		g.allowed.Store(10)
		return g
	}
	for name, tc := range map[string]struct {
		before     func(*gate)
		ops, bytes int
		want       router.Shed
	}{
		"the first":                    {func(*gate) {}, 1, 100, router.Admitted},
		"larger than all, alone":       {func(*gate) {}, 50, 5000, router.Admitted},
		"the last operation":           {func(g *gate) { g.Take(9, 9) }, 1, 1, router.Admitted},
		"a BATCH that begins in time":  {func(g *gate) { g.Take(9, 9) }, 50, 1, router.Admitted},
		"one operation too many":       {func(g *gate) { g.Take(10, 10) }, 1, 1, router.ShedDelay},
		"the last byte":                {func(g *gate) { g.Take(1, 900) }, 1, 100, router.Admitted},
		"one byte too many":            {func(g *gate) { g.Take(1, 900) }, 1, 101, router.ShedBytes},
		"answers that nobody takes":    {func(g *gate) { g.Take(1, 1); g.waiting.Store(950) }, 1, 100, router.ShedBytes},
		"short of memory, even if one": {func(g *gate) { g.memory.Store(true) }, 1, 1, router.ShedMemory},
	} {
		g := newGate()
		tc.before(g)
		open, bytes := g.open.Load(), g.bytes.Load()
		got := g.Take(tc.ops, tc.bytes)
		if got != tc.want {
			t.Errorf("%s: %v, want %v", name, got, tc.want)
		}
		if got == router.Admitted {
			g.Give(tc.ops, tc.bytes)
		}
		if g.open.Load() != open || g.bytes.Load() != bytes {
			t.Errorf("%s: %d operations and %d bytes are left", name, g.open.Load()-open, g.bytes.Load()-bytes)
		}
	}
}

// Rule 4: no read is hedged above 80 % of the limit of what is in flight.
func TestGateIsBusyAbove80PerCent(t *testing.T) {
	g := &gate{bytesMax: 1000}
	g.allowed.Store(10)
	for ops, want := range map[int]bool{0: false, 8: false, 9: true, 10: true} {
		if g.open.Store(int64(ops)); g.busy() != want {
			t.Errorf("%d of 10: %v", ops, !want)
		}
	}
}

func TestGateUnderManyHands(t *testing.T) {
	g := &gate{bytesMax: 1 << 30}
	g.allowed.Store(100)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 2000 {
				if g.Take(1, 10) == router.Admitted {
					g.Give(1, 10)
				}
			}
		})
	}
	all.Wait()
	if g.open.Load() != 0 || g.bytes.Load() != 0 {
		t.Errorf("%d operations and %d bytes are left", g.open.Load(), g.bytes.Load())
	}
}

// The delay of the committer is what every write had to wait, and that of a
// committer that is stuck rises while it is.
func TestProbeMeasuresTheCommitter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pass := func(d time.Duration) { <-time.After(d) }
		writes := func(n int) []replica.Write { return make([]replica.Write, n) }
		var p probe
		if d := p.delay(); d != 0 {
			t.Errorf("of nothing: %v", d)
		}
		for _, took := range []time.Duration{30 * time.Millisecond, 10 * time.Millisecond, 80 * time.Millisecond} {
			p.submit(3)
			pass(took)
			p.commit(writes(3))
		}
		if d := p.delay(); d != 10*time.Millisecond {
			t.Errorf("the shortest of three: %v", d)
		}
		p.submit(2)
		pass(time.Second)
		p.submit(5) // no second probe
		p.commit([]replica.Write{{Kind: replica.System}, {Kind: replica.System}})
		p.commit(writes(1))
		if d := p.delay(); d != time.Second {
			t.Errorf("stuck: %v", d)
		}
		pass(time.Second)
		p.commit(writes(6))
		if d := p.delay(); d != 2*time.Second {
			t.Errorf("after it: %v", d)
		}
	})
}

func TestMachineMemory(t *testing.T) {
	file := func(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }
	info := file("MemFree:  100 kB\nMemTotal:       1000 kB\n")
	for name, tc := range map[string]struct {
		files fstest.MapFS
		want  uint64
	}{
		"another system":   {fstest.MapFS{}, 0},
		"no limit":         {fstest.MapFS{"proc/meminfo": info, "sys/fs/cgroup/memory.max": file("max\n")}, 1000 << 10},
		"container":        {fstest.MapFS{"proc/meminfo": info, "sys/fs/cgroup/memory.max": file("4096\n")}, 4096},
		"its own group":    {fstest.MapFS{"proc/meminfo": info, "proc/self/cgroup": file("0::/a/b\n"), "sys/fs/cgroup/a/b/memory.max": file("8192\n")}, 8192},
		"a group above":    {fstest.MapFS{"proc/meminfo": info, "proc/self/cgroup": file("0::/a/b\n"), "sys/fs/cgroup/a/b/memory.max": file("max"), "sys/fs/cgroup/a/memory.max": file("512")}, 512},
		"old groups":       {fstest.MapFS{"proc/meminfo": info, "sys/fs/cgroup/memory/memory.limit_in_bytes": file("2048\n")}, 2048},
		"old, no limit":    {fstest.MapFS{"proc/meminfo": info, "sys/fs/cgroup/memory/memory.limit_in_bytes": file("9223372036854771712\n")}, 1000 << 10},
		"more than it has": {fstest.MapFS{"proc/meminfo": info, "sys/fs/cgroup/memory.max": file("99999999\n")}, 1000 << 10},
		"nonsense":         {fstest.MapFS{"proc/meminfo": file("MemTotal: many kB\n")}, 0},
	} {
		if got := machineMemory(tc.files); got != tc.want {
			t.Errorf("%s: %d, want %d", name, got, tc.want)
		}
	}
}

// The wait is that since the last reading, not since the process began.
func TestVitalsLookAtTheLastMoment(t *testing.T) {
	v := newVitals()
	h := &rtm.Float64Histogram{Counts: []uint64{100, 0, 0}, Buckets: []float64{0, 0.001, 0.01, 0.1}}
	if got := v.quantile(h); got != time.Millisecond {
		t.Errorf("%v", got)
	}
	if got := v.quantile(h); got != 0 {
		t.Errorf("nothing has happened: %v", got)
	}
	h.Counts = []uint64{180, 5, 15} // since then 80, 5, 15: one in ten waited longer than the second step
	if got := v.quantile(h); got != 100*time.Millisecond {
		t.Errorf("%v", got)
	}
	h.Counts = []uint64{275, 10, 15} // 95, 5, 0
	if got := v.quantile(h); got != time.Millisecond {
		t.Errorf("%v", got)
	}
	runtime.GC()
	if v.read(); v.heap == 0 {
		t.Error("nothing is alive on the heap")
	}
}

// metric is the value of a metric of node i; "" if it has none.
func (c *cluster) metric(i int, name string) string {
	c.t.Helper()
	_, _, body := c.do("GET", i, "/metrics", "")
	for line := range strings.Lines(body) {
		if value, found := strings.CutPrefix(line, name+" "); found {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// Scenario I1, small: one address opens far more connections than it may. They
// are closed at the limit and counted; healthy connections keep working.
func TestConnectionsOfOneAddressAreLimited(t *testing.T) {
	c := newCluster(t, 1)
	c.nodes[0].config.Limits.PerIP = 32
	c.start(0)
	t.Cleanup(c.stop)
	c.awaitReady(0)
	addr := c.nodes[0].config.Listen.Client
	healthy := dial(t, addr)
	put := func(id uint64) {
		t.Helper()
		q := wire.Request{Op: wire.OpPut, ID: id, Key: []byte("k"), Value: []byte("v")}
		if _, err := healthy.Write(q.Append(nil)); err != nil {
			t.Fatal(err)
		}
		if a := readAnswer(t, healthy); a.Code != contract.OK {
			t.Fatalf("%+v %s", a.Head, a.Error.Message)
		}
	}
	if _, err := healthy.Write(hello(1)); err != nil {
		t.Fatal(err)
	}
	readAnswer(t, healthy)
	refused := 0
	for i := range uint64(200) {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		_ = conn.SetDeadline(time.Now().Add(patience)) // on a connection that may be closed already
		if _, err := conn.Write(hello(1)); err == nil {
			_, err = io.ReadFull(conn, make([]byte, wire.HeaderBytes))
			if err != nil {
				refused++
			}
		} else {
			refused++
		}
		put(10 + i)
	}
	if want := 200 - 31; refused != want {
		t.Errorf("%d were refused, want %d", refused, want)
	}
	if got := c.metric(0, `candor_shed_total{reason="per_ip"}`); got != fmt.Sprint(200-31) {
		t.Errorf("shed_total: %s", got)
	}
}

// A node that is full of bytes says so, with when to come again, and does nothing.
func TestBytesInFlightAreLimited(t *testing.T) {
	c := newCluster(t, 3)
	for i := range 3 {
		l := &c.nodes[i].config.Limits
		l.Value, l.Frame, l.BytesInFlight = 64<<10, 128<<10, 128<<10
		c.start(i)
	}
	t.Cleanup(c.stop)
	for i := range 3 {
		c.awaitReady(i)
	}
	c.awaitTrust()
	conn := dial(t, c.nodes[0].config.Listen.Client)
	frames := hello(1)
	const n = 200
	for i := range uint64(n) {
		q := wire.Request{Op: wire.OpPut, ID: 2 + i, Key: fmt.Appendf(nil, "k%d", i), Value: make([]byte, 60<<10)}
		frames = q.Append(frames)
	}
	go func() { _, _ = conn.Write(frames) }() // the answers tell whether it arrived
	readAnswer(t, conn)
	done, shed := 0, 0
	for range n {
		switch a := readAnswer(t, conn); {
		case a.Code == contract.OK:
			done++
		case a.Code == contract.Overloaded && a.Error.RetryAfterMS >= 10:
			shed++
			if status, _, _ := c.do("GET", 1, fmt.Sprintf("/v1/keys/k%d?consistency=one", a.ID-2), ""); status != 404 {
				t.Errorf("a refused write left something behind: %d", status)
			}
		default:
			t.Errorf("%v %s, retry after %d ms", a.Code, a.Error.Message, a.Error.RetryAfterMS)
		}
	}
	if done == 0 || shed == 0 {
		t.Errorf("%d done, %d refused", done, shed)
	}
	if got := c.metric(0, `candor_shed_total{reason="bytes_in_flight"}`); got != fmt.Sprint(shed) {
		t.Errorf("shed_total: %s, want %d", got, shed)
	}
	eventually(t, "no bytes are left in flight", func() bool { return c.metric(0, "candor_bytes_in_flight") == "0" })
}

// Limits that have to be the same everywhere and are not are told, and stop
// nobody.
func TestUnequalLimitsAreToldAsAWarning(t *testing.T) {
	c := newCluster(t, 2)
	c.nodes[1].config.Limits.Value = 64 << 10
	for i := range 2 {
		c.start(i)
	}
	t.Cleanup(c.stop)
	for i := range 2 {
		c.awaitReady(i)
	}
	eventually(t, "both say so", func() bool {
		for i := range 2 {
			status, _, body := c.do("GET", i, "/readyz?verbose", "")
			if status != 200 || !strings.Contains(body, "[!] settings: limits.value is ") {
				return false
			}
		}
		return true
	})
}

// The committer may have told of a write before its submitter has noted it. No
// probe is left open then: nothing waits, and nothing is refused for it.
func TestProbeOfAFastCommitter(t *testing.T) {
	var p probe
	p.commit(make([]replica.Write, 1))
	p.submit(1)
	if p.until != 0 || p.delay() != 0 {
		t.Errorf("a probe waits for %d of %d writes", p.until, p.done)
	}
	p.submit(1)
	if p.until == 0 {
		t.Error("the next write has no probe")
	}
}
