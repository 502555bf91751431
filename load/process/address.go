package process

import "net"

// FreeAddresses finds addresses of this machine's host, by its IP, at which nobody
// listens now, neither over TCP nor over UDP, which gossip needs. All are held until
// all are found, so that they differ.
func FreeAddresses(host string, count int) (addresses []string, err error) {
	for len(addresses) < count {
		l, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
		if err != nil {
			return nil, err
		}
		defer l.Close()
		u, err := net.ListenPacket("udp", l.Addr().String())
		if err != nil {
			continue // another one; this is not offered again, as it is held
		}
		defer u.Close()
		addresses = append(addresses, l.Addr().String())
	}
	return addresses, nil
}
