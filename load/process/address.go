package process

import "net"

// FreeAddresses finds addresses of this machine's host, by its IP, at which nobody
// listens on TCP now. All are held until all are found, so that they differ.
func FreeAddresses(host string, count int) (addresses []string, err error) {
	for range count {
		l, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
		if err != nil {
			return nil, err
		}
		defer l.Close()
		addresses = append(addresses, l.Addr().String())
	}
	return addresses, nil
}
