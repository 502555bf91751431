package admin

import (
	"encoding/base64"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/hlc"
)

// query is the query of a request. Its methods read one parameter each and
// remember the first that cannot be read.
type query struct {
	values url.Values
	err    error
}

// parseQuery refuses what does not parse, names that are not of known, and names
// that come twice. (url.URL.Query would drop what does not parse.)
func parseQuery(raw string, known []string) (*query, error) {
	values, err := url.ParseQuery(raw)
	if err != nil {
		return nil, badf("the query cannot be read: %v", err)
	}
	for name, given := range values { // in no order: any of several faults will do
		if !slices.Contains(known, name) {
			if len(known) == 0 {
				return nil, badf("the query parameter %q is not known here: there are none", name)
			}
			return nil, badf("the query parameter %q is not known here: there are %s", name, strings.Join(known, ", "))
		}
		if len(given) != 1 {
			return nil, badf("the query names %s more than once", name)
		}
	}
	return &query{values: values}, nil
}

func (q *query) has(name string) bool { return q.values.Has(name) }

func (q *query) text(name string) string { return q.values.Get(name) }

// fail notes that a parameter cannot be read.
func (q *query) fail(name, want string) {
	if q.err == nil {
		q.err = badf("%s=%s: want %s", name, q.values.Get(name), want)
	}
}

// flag is a parameter that is on or off; off if not given.
func (q *query) flag(name string) bool {
	switch v := q.values.Get(name); {
	case !q.has(name), v == "0", v == "false":
		return false
	case v == "1", v == "true":
		return true
	}
	q.fail(name, "1 or 0")
	return false
}

// millis is a duration in milliseconds, at least one; 0 if not given.
func (q *query) millis(name string) uint64 {
	if !q.has(name) {
		return 0
	}
	d, err := time.ParseDuration(q.values.Get(name))
	if err != nil || d < time.Millisecond {
		q.fail(name, "a number and a unit, at least 1ms: 500ms, 2s, 1h")
		return 0
	}
	return uint64(d.Milliseconds())
}

// lifetime is a duration in milliseconds, where 0 is one too.
func (q *query) lifetime(name string) uint64 {
	d, err := time.ParseDuration(q.values.Get(name))
	if err != nil || d != 0 && d < time.Millisecond {
		q.fail(name, "a number and a unit, at least 1ms: 30m, 24h; or 0: it never expires")
	}
	return uint64(max(d, 0).Milliseconds())
}

// version is a version; false if not given.
func (q *query) version(name string) (hlc.Version, bool) {
	if !q.has(name) {
		return hlc.Version{}, false
	}
	v, err := hlc.ParseVersion(q.values.Get(name))
	if err != nil {
		q.fail(name, "a version of 32 hex digits, as Candor-Version has it")
	}
	return v, true
}

// level is a level; the default one if not given.
func (q *query) level(name string) contract.Level {
	if !q.has(name) {
		return contract.Default
	}
	l, ok := contract.ParseLevel(q.values.Get(name))
	if !ok {
		q.fail(name, "one, two, three, a number, quorum, all, any, local_one, local_quorum or each_quorum")
	}
	return l
}

// whole is a whole number; 0 if not given.
func (q *query) whole(name string) uint64 {
	if !q.has(name) {
		return 0
	}
	n, err := strconv.ParseUint(q.values.Get(name), 10, 32)
	if err != nil {
		q.fail(name, "a whole number")
	}
	return n
}

// count is a whole number of at least one; 0 if not given.
func (q *query) count(name string) uint64 {
	n := q.whole(name)
	if q.has(name) && n == 0 {
		q.fail(name, "a whole number, at least 1")
	}
	return n
}

// bytes is a parameter in base64, of either alphabet, padded or not: a plus that
// became a space on the way is a plus.
func (q *query) bytes(name string) []byte {
	text := strings.NewReplacer(" ", "+", "-", "+", "_", "/").Replace(q.values.Get(name))
	b, err := base64.RawStdEncoding.Strict().DecodeString(strings.TrimRight(text, "="))
	if err != nil {
		q.fail(name, "base64")
	}
	return b
}
