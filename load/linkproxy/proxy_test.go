package linkproxy

import (
	"bufio"
	"context"
	"net"
	"net/netip"
	"os"
	"runtime"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/candordb/candor/load/process"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is for what has to happen, and moment for what must not.
const (
	patience = time.Minute
	moment   = 50 * time.Millisecond
)

// mustListen is an echo of lines at an address.
func mustListen(t *testing.T, at string) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", at)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				for in := bufio.NewReader(c); ; {
					line, err := in.ReadString('\n')
					if err != nil {
						return
					}
					c.Write([]byte(line))
				}
			}()
		}
	}()
	return l
}

// mustStart runs a proxy until the test ends.
func mustStart(t *testing.T, ports []Port, whose Whose) *Proxy {
	t.Helper()
	p, err := New(ports, whose)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { defer close(ended); p.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-ended })
	return p
}

// lines is a connection on which lines come back.
type lines struct {
	net.Conn
	in *bufio.Reader
}

func mustDial(t *testing.T, to net.Addr) *lines {
	t.Helper()
	c, err := net.Dial("tcp", to.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return &lines{c, bufio.NewReader(c)}
}

func (l *lines) send(t *testing.T, text string) {
	t.Helper()
	if _, err := l.Write([]byte(text + "\n")); err != nil {
		t.Fatal(err)
	}
}

// comes says whether a line comes within a time.
func (l *lines) comes(within time.Duration) bool {
	l.SetReadDeadline(time.Now().Add(within))
	_, err := l.in.ReadString('\n')
	return err == nil
}

// A cut holds what is sent in its direction, and only in that, and lets it go when
// it ends. A client is no node and sees none of it.
func TestACutHoldsOneDirection(t *testing.T) {
	echo := mustListen(t, "127.0.0.1:0")
	p := mustStart(t, []Port{{Node: 1, Real: echo.Addr().String(), Public: "127.0.0.1:0"}}, func(netip.AddrPort) int { return 0 })
	c := mustDial(t, p.listeners[0].Addr())
	c.send(t, "one")
	if !c.comes(patience) {
		t.Fatal("nothing comes through")
	}
	for _, link := range [][2]int{{0, 1}, {1, 0}} {
		p.Set(map[[2]int]Weather{link: {Cut: true}})
		c.send(t, "two")
		if c.comes(moment) {
			t.Errorf("something comes through the cut %v", link)
		}
		p.Set(nil)
		c.in.Reset(c.Conn)
		if !c.comes(patience) {
			t.Errorf("nothing comes when the cut %v has ended", link)
		}
	}
	p.Set(map[[2]int]Weather{{1, 2}: {Cut: true}, {2, 1}: {Cut: true}})
	c.send(t, "three")
	if !c.comes(patience) {
		t.Error("another link's cut holds this one")
	}
}

func TestWhoIsNoNodeIsNotHeld(t *testing.T) {
	echo := mustListen(t, "127.0.0.1:0")
	p := mustStart(t, []Port{{Node: 1, Real: echo.Addr().String(), Public: "127.0.0.1:0"}}, func(netip.AddrPort) int { return Nobody })
	p.Set(map[[2]int]Weather{{0, 1}: {Cut: true}, {1, 0}: {Cut: true}})
	c := mustDial(t, p.listeners[0].Addr())
	c.send(t, "one")
	if !c.comes(patience) {
		t.Error("a client is cut off")
	}
}

func TestADelayIsAtLeastThat(t *testing.T) {
	echo := mustListen(t, "127.0.0.1:0")
	p := mustStart(t, []Port{{Node: 1, Real: echo.Addr().String(), Public: "127.0.0.1:0"}}, func(netip.AddrPort) int { return 0 })
	p.Set(map[[2]int]Weather{{0, 1}: {Delay: moment}, {1, 0}: {Delay: moment}})
	c := mustDial(t, p.listeners[0].Addr())
	began := time.Now()
	c.send(t, "one")
	if !c.comes(patience) || time.Since(began) < 2*moment {
		t.Errorf("it took %v", time.Since(began))
	}
}

// Of a node that is gone the other end is told: the connection closes.
func TestAnEndIsPassedOn(t *testing.T) {
	echo := mustListen(t, "127.0.0.1:0")
	p := mustStart(t, []Port{{Node: 1, Real: echo.Addr().String(), Public: "127.0.0.1:0"}}, func(netip.AddrPort) int { return 0 })
	echo.Close()
	c := mustDial(t, p.listeners[0].Addr())
	c.SetReadDeadline(time.Now().Add(patience))
	if _, err := c.in.ReadByte(); err == nil || os.IsTimeout(err) {
		t.Errorf("%v", err)
	}
}

// Packets arrive as from the public address of their sender, twice if they are
// doubled, and not at all through a cut or from strangers.
func TestPacketsBetweenNodes(t *testing.T) {
	var socks [2]*net.UDPConn
	var ports []Port
	public, err := process.FreeAddresses("127.0.0.1", len(socks))
	if err != nil {
		t.Fatal(err)
	}
	for i := range socks {
		u, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			t.Fatal(err)
		}
		defer u.Close()
		socks[i] = u
		ports = append(ports, Port{Node: i, Real: u.LocalAddr().String(), Public: public[i], UDP: true})
	}
	p := mustStart(t, ports, func(netip.AddrPort) int { return Nobody })
	b := make([]byte, 100)
	receive := func(within time.Duration) (string, string) {
		socks[1].SetReadDeadline(time.Now().Add(within))
		n, from, err := socks[1].ReadFromUDP(b)
		if err != nil {
			return "", ""
		}
		return string(b[:n]), from.String()
	}
	to := net.UDPAddrFromAddrPort(netip.MustParseAddrPort(ports[1].Public))
	p.Set(map[[2]int]Weather{{0, 1}: {Duplicate: 1000, Reorder: 1000, Delay: time.Millisecond}})
	socks[0].WriteTo([]byte("hello"), to)
	for range 2 {
		if text, from := receive(patience); text != "hello" || from != ports[0].Public {
			t.Fatalf("%q comes from %q; the public address is %q", text, from, ports[0].Public)
		}
	}
	for _, bad := range []Weather{{Cut: true}, {Loss: 1000}} {
		p.Set(map[[2]int]Weather{{0, 1}: bad})
		socks[0].WriteTo([]byte("lost"), to)
		if text, _ := receive(moment); text != "" {
			t.Errorf("%q comes through %+v", text, bad)
		}
	}
	p.Set(nil)
	stranger, err := net.DialUDP("udp", nil, to)
	if err != nil {
		t.Fatal(err)
	}
	defer stranger.Close()
	stranger.Write([]byte("stranger"))
	if text, _ := receive(moment); text != "" {
		t.Errorf("%q comes from a stranger", text)
	}
}

func TestAConnectionIsFoundInProc(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("there is no /proc")
	}
	echo := mustListen(t, "127.0.0.1:0")
	c := mustDial(t, echo.Addr())
	mine := netip.MustParseAddrPort(c.LocalAddr().String())
	whose := Processes(func() []int { return []int{0, os.Getpid()} })
	if got := whose(mine); got != 1 {
		t.Errorf("the connection of this process is that of %d", got)
	}
	if got := whose(netip.MustParseAddrPort("127.0.0.1:1")); got != Nobody {
		t.Errorf("the connection of nobody is that of %d", got)
	}
}
