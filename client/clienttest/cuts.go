package clienttest

import "net"

// kill breaks every connection of node i and lets no new one come about.
func (w *network) kill(i int) {
	w.mu.Lock()
	w.hosts[i].dead = true
	conns := w.hosts[i].clients
	w.hosts[i].clients = nil
	for j := range w.hosts {
		conns = append(conns, w.takeLocked(i, j)...)
	}
	w.mu.Unlock()
	severAll(conns)
	w.gossips()
}

// revive undoes kill.
func (w *network) revive(i int) {
	w.mu.Lock()
	w.hosts[i].dead = false
	w.mu.Unlock()
	w.gossips()
}

// split cuts nodes i and j off from each other.
func (w *network) split(i, j int) {
	w.mu.Lock()
	w.cut[[2]int{i, j}], w.cut[[2]int{j, i}] = true, true
	conns := w.takeLocked(i, j)
	w.mu.Unlock()
	severAll(conns)
	w.gossips()
}

// heal undoes every split.
func (w *network) heal() {
	w.mu.Lock()
	clear(w.cut)
	w.mu.Unlock()
	w.gossips()
}

// gossips has gossip travel between those that are connected, and no others.
func (w *network) gossips() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i := range w.hosts {
		for j := range i {
			w.gossip.Block(w.hosts[i].gossip, w.hosts[j].gossip, !w.connectedLocked(i, j))
		}
	}
}

// takeLocked takes the connections between two nodes out of the books.
func (w *network) takeLocked(i, j int) (conns []net.Conn) {
	for _, pair := range [][2]int{{i, j}, {j, i}} {
		conns = append(conns, w.between[pair]...)
		delete(w.between, pair)
	}
	return conns
}

func severAll(conns []net.Conn) {
	for _, conn := range conns {
		sever(conn)
	}
}

// sever breaks a connection as the loss of its machine would: without a word,
// and what was still on its way is gone.
func sever(conn net.Conn) {
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // a connection that is closed already needs no breaking
	}
	_ = conn.Close()
}
