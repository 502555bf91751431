package admin

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
)

// operations.md, section 3: Host must be a loopback name, the node's own address
// or in http.hosts.
func TestHostMustBeOurs(t *testing.T) {
	s := newServer(newFake(t))
	for host, status := range map[string]int{
		"localhost": 200, "LOCALHOST:7480": 200, "localhost.": 200, "127.0.0.1:7480": 200, "127.1.2.3": 200, "[::1]:7480": 200, "[::1]": 200,
		"n1.example:7480": 200, "N1.Example": 200, "10.0.0.1:7480": 200, "[::ffff:10.0.0.1]:7480": 200,
		"": 403, "evil.example": 403, "localhost.evil.example": 403, "127.0.0.1.evil.example": 403, "10.0.0.2": 403, "0.0.0.0": 403, "n1.example.evil": 403,
	} {
		r := httptest.NewRequest("GET", "/v1/cluster/status", nil)
		r.Host = host
		r = r.WithContext(context.WithValue(r.Context(), http.LocalAddrContextKey, &net.TCPAddr{IP: net.IPv4(10, 0, 0, 1), Port: 7480}))
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		if w.Code != status {
			t.Errorf("Host %q: %d, want %d", host, w.Code, status)
		}
	}
}

// A page of another origin may not change anything, whatever the route; a GET that
// may settle a write counts as a change.
func TestOtherOriginsMayNotWrite(t *testing.T) {
	f := newFake(t)
	s := newServer(f)
	outcome := "/v1/outcome/a?version=" + testVersion.String()
	for _, tc := range []struct {
		method, target, header string
		status                 int
	}{
		{"PUT", "/v1/keys/a", "Origin: http://evil.example", 403},
		{"PUT", "/v1/keys/a", "Sec-Fetch-Site: cross-site", 403},
		{"DELETE", "/v1/keys/a", "Sec-Fetch-Site: same-site", 403},
		{"POST", "/v1/plans", "Origin: null", 403},
		{"GET", outcome, "Sec-Fetch-Site: cross-site", 403},
		{"GET", outcome, "Origin: http://evil.example", 403},
		{"PUT", "/v1/keys/a", "Origin: http://localhost:7480", 200},
		{"PUT", "/v1/keys/a", "Sec-Fetch-Site: same-origin", 200},
		{"GET", outcome, "Sec-Fetch-Site: none", 200},
		{"GET", "/v1/cluster/status", "Sec-Fetch-Site: cross-site", 200}, // which the page cannot read
	} {
		f.asked = nil
		w := do(s, tc.method, tc.target, "", tc.header)
		if w.Code != tc.status || tc.status == 403 && f.asked != nil {
			t.Errorf("%s %.30s %s: %d, want %d", tc.method, tc.target, tc.header, w.Code, tc.status)
		}
		if w.Header().Get("Cross-Origin-Resource-Policy") != "same-origin" {
			t.Errorf("%s %.30s may be embedded by others", tc.method, tc.target)
		}
	}
}
