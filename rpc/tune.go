package rpc

import (
	"net"
	"time"
)

// tune makes the kernel notice a peer that has vanished: probes while the
// connection rests, and a limit for what was sent and is never acknowledged.
// Failures are of no consequence, the deadlines above hold anyway.
func tune(nc net.Conn, stall time.Duration) {
	if outer, ok := nc.(interface{ NetConn() net.Conn }); ok { // TLS
		nc = outer.NetConn()
	}
	tcp, ok := nc.(*net.TCPConn)
	if !ok {
		return
	}
	tcp.SetKeepAliveConfig(net.KeepAliveConfig{Enable: true, Idle: 15 * time.Second, Interval: 5 * time.Second, Count: 3})
	setUserTimeout(tcp, stall)
}
