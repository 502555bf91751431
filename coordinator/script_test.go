package coordinator

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/hlc"
	"github.com/candordb/candor/record"
	"github.com/candordb/candor/ring"
)

// The tests of this package talk to a Core as its caller does, and are the
// replicas themselves. Nodes are called a, b, c ..., versions are small numbers.

const namespace = 1

// nodeID is the id of the i-th node.
func nodeID(i int) ring.NodeID { return ring.NodeID{byte(i + 1)} }

// nodeName is its name.
func nodeName(id ring.NodeID) string { return string(rune('a' + id[0] - 1)) }

func nodeNames(ids []ring.NodeID) string {
	names := make([]string, len(ids))
	for i, id := range ids {
		names[i] = nodeName(id)
	}
	return strings.Join(names, " ")
}

func ver(n int) hlc.Version {
	if n == 0 {
		return hlc.Version{}
	}
	return hlc.Version{Time: hlc.Timestamp(n), Writer: 1}
}

func verText(v hlc.Version) string {
	if v.IsZero() {
		return "none"
	}
	return strconv.Itoa(int(v.Time))
}

// rec is the record of a key: a value, or with value "tombstone" a tombstone.
// Version 0 is no record.
func rec(key string, version int, value string) []byte {
	if version == 0 {
		return nil
	}
	r := record.Record{Version: ver(version), Value: []byte(value)}
	if value == "tombstone" {
		r.Value, r.Tombstone = nil, true
	}
	return record.Append(nil, namespace, []byte(key), r)
}

// newView has the given number of partitions, each with n replicas, of members
// nodes; partition p belongs to the nodes p, p+1, ... in this order. Regions are
// those of the nodes, if there are any, with their zones behind a slash.
func newView(q, n, members int, regions ...string) *ring.View {
	list := make([]ring.Member, members)
	for i := range list {
		list[i] = ring.Member{ID: nodeID(i), Name: nodeName(nodeID(i)), State: ring.Normal}
		if i < len(regions) {
			list[i].Region, list[i].Zone, _ = strings.Cut(regions[i], "/")
		}
	}
	owners := make([]uint16, q*n)
	for at := range owners {
		if owners[at] = ring.NoOwner; at%n < members {
			owners[at] = uint16((at/n + at%n) % members)
		}
	}
	v, err := ring.NewView(1, q, n, list, owners)
	if err != nil {
		panic(err)
	}
	return v
}

// newRequest is a request on the key k, owned by all nodes of a view of one
// partition, all of them reachable, coordinated by none of them.
// Its region is that of the first argument, if there is one.
func newRequest(op Op, v *ring.View, level contract.Level, region ...string) *Request {
	parts, ok := AppendParts(nil, level, v, v.Owners(0), strings.Join(region, ""))
	if !ok {
		panic("a test asks for level " + level.String())
	}
	r := &Request{
		Op: op, Deadline: 1000, View: v, Owners: v.Owners(0), Self: -1, Level: level, Need: NeedOf(parts), Parts: parts, Coordinator: nodeID(25),
		Place: Place{Namespace: namespace, Key: []byte("k")}, Client: Client{ID: 1},
	}
	for i, m := range r.Owners {
		if m != ring.NoOwner {
			r.Up |= 1 << i
		}
	}
	return r
}

// put is a PUT of a version of the key k.
func newPut(v *ring.View, level contract.Level, version int) *Request {
	r := newRequest(OpPut, v, level)
	r.Stamp, r.Record = ver(version), rec("k", version, fmt.Sprint("v", version))
	return r
}

var asks = map[Ask]string{
	AskWrite: "write", AskRepair: "write back", AskRead: "read", AskDigest: "digest", AskRange: "range", AskVoid: "void",
	AskStand: "hint", AskHint: "any hint", AskDeliver: "deliver",
}

// sendText is a message to a replica in words.
func sendText(m *Send) string {
	text := nodeName(m.To) + " <- " + asks[m.Ask]
	if m.Ask != AskRange && string(m.Place.Key) != "k" {
		text += " of " + string(m.Place.Key)
	}
	switch m.Ask {
	case AskWrite, AskRepair, AskStand, AskDeliver:
		if m.Ask == AskStand {
			text += " for " + nodeName(m.Target)
		}
		r, err := record.Verify(m.Place.Namespace, m.Place.Key, m.Record)
		if err != nil {
			return text + " of a damaged record: " + err.Error()
		}
		text += " " + verText(r.Version)
		if m.HasSeen {
			text += ", seen " + verText(m.Seen)
		}
	case AskVoid, AskHint:
		text += " " + verText(m.Version)
	case AskRange:
		text += fmt.Sprintf(" %s to %s, at most %d", position(m.Range.From, m.Range.After), tokenText(m.Range.Last), m.Range.Limit)
		if m.Range.Bytes < scanStepBytes && m.Range.All {
			text += fmt.Sprintf(", %d bytes", m.Range.Bytes)
		}
		if len(m.Range.Prefix) > 0 {
			text += fmt.Sprintf(", prefix %s", m.Range.Prefix)
		}
		if m.Range.KeysOnly {
			text += ", headers"
		}
		if m.Range.All {
			text += ", the dead too"
		}
	}
	switch {
	case m.Call == 0:
		text += ", nobody waits"
	case isProbe(m.Call):
		text += ", a probe"
	}
	return text
}

// tokenText writes a token as its top 16 bits.
func tokenText(t ring.Token) string { return fmt.Sprintf("%04x", uint64(t)>>48) }

func position(t ring.Token, after []byte) string {
	if after == nil {
		return tokenText(t)
	}
	return tokenText(t) + " behind " + string(after)
}

// answerText is an answer in words: the first line, and one for each row.
func answerText(a *Answer) []string {
	ops := map[Op]string{OpGet: "get", OpPut: "put", OpDelete: "delete", OpOutcome: "outcome", OpScan: "scan", OpExplain: "explain"}
	text := ops[a.Op] + ": " + a.Code.String()
	switch {
	case a.Code == contract.Unavailable:
		text += fmt.Sprintf(", need %d, reachable %d of %d, down [%s]: %s", a.Receipt.Need, a.Reachable, a.N, nodeNames(a.Down), a.Reason)
	case a.Code == contract.Clock:
		text += fmt.Sprintf(" kind %d: %s", a.ClockKind, a.Reason)
	case a.Code == contract.Timeout || a.Code == contract.InDoubt:
		text += fmt.Sprintf(", version %s; %s", verText(a.Version), a.Receipt)
	case a.Code != contract.OK:
		text += ": " + a.Reason
	case a.Op == OpScan:
		return append([]string{text + scanText(a)}, itemLines(a)...)
	case a.Op == OpExplain:
		return append([]string{text + ", winner " + verText(a.Winner)}, explainLines(a)...)
	case a.Op == OpGet && !a.Found:
		text += fmt.Sprintf(" not found, version %s; %s", verText(a.Version), a.Receipt)
	case a.Op == OpGet:
		text += fmt.Sprintf(" %s, version %s; %s", a.Value, verText(a.Version), a.Receipt)
	case a.Op == OpOutcome:
		text += fmt.Sprintf(" %s, winner %s; %s", a.Fate, verText(a.Winner), a.Receipt)
	default:
		text += fmt.Sprintf(" %s %s, winner %s; %s", a.Outcome, verText(a.Version), verText(a.Winner), a.Receipt)
		if !a.Buried.IsZero() {
			text += ", buried " + verText(a.Buried)
		}
	}
	if a.Code == contract.OK && a.Op == OpGet {
		text += ", level " + a.Receipt.Level.String()
	}
	lines := []string{text}
	for _, row := range a.Receipt.Rows {
		lines = append(lines, fmt.Sprintf("  row %s %s %s", nodeName(row.Node), row.State, verText(hlc.VersionFrom(row.Version[:]))))
	}
	for _, step := range a.Trace {
		lines = append(lines, fmt.Sprintf("  +%d us %s: %s", step.Micros, nodeName(step.Node), traceText(step.What)))
	}
	return lines
}

// traceText shortens the versions in the text of a step.
func traceText(what string) string {
	at := strings.LastIndexByte(what, ' ') + 1
	if v, err := hlc.ParseVersion(what[at:]); err == nil {
		return what[:at] + verText(v)
	}
	return what
}

func explainLines(a *Answer) (lines []string) {
	for _, row := range a.Explain {
		text := "  " + nodeName(row.Node) + " "
		switch {
		case !row.Reachable:
			text += "cannot be reached"
		case !row.Intact:
			text += "holds a damaged record"
		case row.Version.IsZero():
			text += "holds nothing"
		case row.Tombstone:
			text += "holds a tombstone, version " + verText(row.Version)
		default:
			text += fmt.Sprintf("holds %d bytes, version %s", row.ValueBytes, verText(row.Version))
		}
		lines = append(lines, text)
	}
	return lines
}

// hintText is a hint that is to be kept here, in words.
func hintText(h *Hint) string {
	if len(h.Record) == 0 {
		return fmt.Sprintf("note that %s may lack %s", nodeName(h.Target), verText(h.Version))
	}
	r, err := record.Verify(h.Place.Namespace, h.Place.Key, h.Record)
	if err != nil || r.Version != h.Version || string(h.Place.Key) != "k" {
		return fmt.Sprintf("a damaged hint: %v", err)
	}
	return fmt.Sprintf("keep a hint for %s of %s", nodeName(h.Target), verText(h.Version))
}

// stampingText is the wish for a stamp in words.
func stampingText(m *Stamping) string {
	what := fmt.Sprintf("%s for %v ms", m.Value, m.TTL)
	if m.Tombstone {
		what = "a tombstone"
	}
	return fmt.Sprintf("stamp above %s: %s", verText(m.Above), what)
}

func scanText(a *Answer) string {
	text := fmt.Sprintf(", %d items; done %d met %d asked %d", len(a.Items), a.Coverage.Done, a.Coverage.MetLevel, a.Coverage.Asked)
	if a.Next == nil {
		return text + "; the end"
	}
	return text + "; goes on"
}

func itemLines(a *Answer) (lines []string) {
	for _, it := range a.Items {
		lines = append(lines, fmt.Sprintf("  %s = %s, version %s", it.Key, it.Value, verText(it.Version)))
	}
	return lines
}
