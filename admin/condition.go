package admin

import (
	"strings"

	"github.com/candordb/candor/hlc"
	"github.com/candordb/candor/wire"
)

// condition reads the condition of a write: if_version, or If-Match or
// If-None-Match: *. It always goes with the request, so that a namespace that
// has no conditions refuses it: it is never ignored.
func (c *call) condition(q *wire.Request) error {
	h := c.r.Header
	match, none := strings.Join(h.Values("If-Match"), ", "), strings.Join(h.Values("If-None-Match"), ", ")
	given := 0
	for _, is := range []bool{c.query.has("if_version"), match != "", none != ""} {
		if is {
			given++
		}
	}
	switch {
	case h.Get("If-Unmodified-Since") != "":
		return badf("If-Unmodified-Since is too coarse a condition: use if_version or If-Match with a version")
	case given > 1:
		return badf("there is more than one condition: send one of if_version, If-Match and If-None-Match")
	case match == "*":
		q.Condition.Kind = wire.IfExists
	case match != "":
		v, ok := versionOfTag(match)
		if !ok {
			return badf("If-Match is %s: want * or one ETag as a read gives it, a version in quotes", match)
		}
		q.Condition = wire.Condition{Kind: wire.VersionEquals, Version: v}
	case none == "*":
		q.Condition.Kind = wire.IfAbsent
	case none != "":
		return badf("If-None-Match is %s: a write can have * only", none)
	case given == 1:
		return c.ifVersion(q)
	}
	return nil
}

// ifVersion reads if_version.
func (c *call) ifVersion(q *wire.Request) error {
	switch c.query.text("if_version") {
	case "absent":
		q.Condition.Kind = wire.IfAbsent
	case "exists":
		q.Condition.Kind = wire.IfExists
	default:
		v, _ := c.query.version("if_version")
		if c.query.err != nil {
			c.query.err = nil
			c.query.fail("if_version", "a version, absent or exists")
		}
		q.Condition = wire.Condition{Kind: wire.VersionEquals, Version: v}
	}
	return c.query.err
}

// versionOfTag is the version of an ETag that compares strongly.
func versionOfTag(tag string) (hlc.Version, bool) {
	text, ok := strings.CutPrefix(tag, `"`)
	text, closed := strings.CutSuffix(text, `"`)
	v, err := hlc.ParseVersion(text)
	return v, ok && closed && err == nil
}

// holds tells whether the reader has the version already: If-None-Match names it,
// or is *.
func (c *call) holds(v hlc.Version) bool {
	for tag := range strings.SplitSeq(strings.Join(c.r.Header.Values("If-None-Match"), ","), ",") {
		tag = strings.TrimSpace(tag)
		if tag == "*" || strings.TrimPrefix(tag, "W/") == etag(v) {
			return true
		}
	}
	return false
}
