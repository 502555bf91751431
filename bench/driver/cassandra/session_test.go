package cassandra

import (
	"encoding/binary"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/candordb/candor/bench/peer/peertest"
)

// mustServe answers what comes on each connection with one of the answers after the
// other, and gives back where.
func mustServe(t *testing.T, answers ...[]byte) string {
	return peertest.Listen(t, func(nc net.Conn) {
		for _, a := range answers {
			head := make([]byte, headerBytes)
			if _, err := io.ReadFull(nc, head); err != nil {
				return
			}
			if _, err := io.CopyN(io.Discard, nc, int64(binary.BigEndian.Uint32(head[5:]))); err != nil {
				return
			}
			if _, err := nc.Write(a); err != nil {
				return
			}
		}
	})
}

func TestASessionGreetsAndPrepares(t *testing.T) {
	prepared := appendString(ints(resultPrepared), "id")
	address := mustServe(t, answer(0, opReady, 0, nil), answer(0, opResult, 0, append(prepared, "metadata"...)), answer(0, opError, 0, failure(0x2000)))
	s, err := open(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	if id, err := s.prepare(getOne); err != nil || string(id) != "id" {
		t.Errorf("prepared as %q, %v", id, err)
	}
	if err := s.query(makeKeyspace, levelQuorum); err == nil || !strings.Contains(err.Error(), "what a server says") {
		t.Errorf("an ERROR gives %v", err)
	}
}

func TestWhoIsNoCassandraIsNotTaken(t *testing.T) {
	for name, a := range map[string][]byte{ // each by itself
		"it wants a password": answer(0, 0x03, 0, appendString(nil, "PasswordAuthenticator")),
		"it speaks something": []byte("-ERR unknown command\r\n"),
		"it hangs up":         nil,
	} {
		if s, err := open(t.Context(), mustServe(t, a)); err == nil {
			s.close()
			t.Errorf("%s: taken", name)
		}
	}
}
