package client

import (
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// defaultPort is the client port of a node, where an address names none.
const defaultPort = "7400"

// timeoutDefault bounds a request whose context has no deadline, unless the DSN
// says otherwise. It is also what nodes take for their default.
const timeoutDefault = 2 * time.Second

// target is what a DSN says.
type target struct {
	seeds     []string // host:port
	namespace string   // "": default
	level     Level
	timeout   time.Duration
	zone      string
	session   bool
}

// parseDSN reads candor://HOST:PORT,.../NAMESPACE?NAME=VALUE&... The scheme, and with it all but the addresses, may be left out.
func parseDSN(dsn string) (target, error) {
	t := target{timeout: timeoutDefault}
	rest, hasScheme := strings.CutPrefix(dsn, "candor://")
	if !hasScheme && strings.Contains(dsn, "://") {
		return t, fmt.Errorf("client: %q: the scheme is candor://", dsn)
	}
	rest, query, _ := strings.Cut(rest, "?")
	hosts, namespace, _ := strings.Cut(rest, "/")
	if strings.Contains(namespace, "/") {
		return t, fmt.Errorf("client: %q: the path is one namespace", dsn)
	}
	t.namespace = namespace
	for host := range strings.SplitSeq(hosts, ",") {
		address, err := parseAddress(strings.TrimSpace(host))
		if err != nil {
			return t, fmt.Errorf("client: %q: %w", dsn, err)
		}
		t.seeds = append(t.seeds, address)
	}
	values, err := url.ParseQuery(query)
	if err != nil {
		return t, fmt.Errorf("client: %q: %w", dsn, err)
	}
	if err := t.parameters(values); err != nil {
		return t, fmt.Errorf("client: %q: %w", dsn, err)
	}
	return t, nil
}

// parameters takes what stands behind the question mark. An unknown name is an
// error: one that was misspelt must not run at another level in silence.
func (t *target) parameters(values url.Values) error {
	for name, given := range values {
		if len(given) != 1 {
			return fmt.Errorf("%s is given %d times", name, len(given))
		}
		switch text := given[0]; name {
		case "consistency":
			level, ok := ParseLevel(text)
			if !ok {
				return fmt.Errorf("consistency is %q: want one, two, three, quorum, all, another level by its name, or a number up to 63", text)
			}
			t.level = level
		case "timeout":
			d, err := time.ParseDuration(text)
			if err != nil || d < time.Millisecond {
				return fmt.Errorf("timeout is %q: want a duration of at least 1ms, like 2s", text)
			}
			t.timeout = d
		case "zone":
			t.zone = text
		case "session":
			on, err := strconv.ParseBool(text)
			if err != nil {
				return fmt.Errorf("session is %q: want true or false", text)
			}
			t.session = on
		default:
			return fmt.Errorf("unknown parameter %q: there are consistency, timeout, zone and session", name)
		}
	}
	return nil
}

// parseAddress completes an address with the default port.
func parseAddress(text string) (string, error) {
	if text == "" {
		return "", fmt.Errorf("an address is empty: want host:port")
	}
	host, port, err := net.SplitHostPort(text)
	if err != nil {
		host, port = strings.Trim(text, "[]"), defaultPort
	}
	number, err := strconv.ParseUint(port, 10, 16)
	unbracketed := strings.Contains(host, ":") && net.ParseIP(host) == nil
	if host == "" || err != nil || number == 0 || unbracketed || strings.ContainsAny(host, " @/") {
		return "", fmt.Errorf("%q is no address: want host:port", text)
	}
	return net.JoinHostPort(host, port), nil
}
