package verdict

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
)

// at is the time of all fixtures: 12:05:45Z.
const at = Time(1791633945000)

// healthy is a cluster of so many nodes, with nothing wrong and everything known.
func healthy(nodes, partitions int) *Snapshot {
	s := &Snapshot{
		Time: Known(at), Cluster: Cluster{Name: "shop-prod", ID: "c1", Replicas: 3, Partitions: partitions, Epoch: 41}, SeenBy: SeenBy{"n1", id(1)},
		Namespaces: Known([]Namespace{{Name: "default", Mode: "lww", ReadLevel: "quorum", WriteLevel: "quorum"}}), Losses: Known([]Loss{}),
	}
	owners := make([][]uint16, partitions)
	for p := range owners {
		for r := range min(3, nodes) {
			owners[p] = append(owners[p], uint16((p+r)%nodes))
		}
	}
	s.Owners = Known(owners)
	for n := range nodes {
		s.Members = append(s.Members, Member{
			Name: fmt.Sprintf("n%d", n+1), ID: id(n + 1), Zone: string(rune('a' + n)), State: "normal", Answer: Answered, AgeMS: Known(int64(400)),
			Since: Known(at - 400), Report: healthyReport(n, nodes, owners),
		})
	}
	return s
}

func id(n int) string { return fmt.Sprintf("%032x", n) }

func healthyReport(n, nodes int, owners [][]uint16) *Report {
	r := &Report{
		Version: Known("1.4.0"), Incarnation: Known(uint64(3)), UptimeMS: Known(int64(dayMS)), Epoch: Known(uint64(41)), EpochAgeMS: Known(int64(hourMS)),
		Fenced: Known(false), Draining: Known(false), Stopped: Known(""), Quarantine: Known(Quarantine{}), Waiting: Known(""), OffsetMS: Known(int64(n - 1)),
		Disk: Known(Disk{TotalBytes: 100 << 30, FreeBytes: 60 << 30, ReserveBytes: 5 << 30}), Probe: Known(Probe{TookMS: 4, AgeMS: 900}),
		FsyncP99US: Known(int64(3100)), Syncs: Known(Syncs{Count: 5000, FromUS: 1550, ToUS: 3100}), Stall: Known(Stall{}), Hints: Known([]Hints(nil)), Dirty: Known([]Dirty(nil)),
		Damage: Known([]Found(nil)), Arrived: Known([]Found(nil)), Scrub: Known(Scrub{Known(at - 5*hourMS)}), Voters: Known(Voters{nodes, nodes}),
		Gossip: Known(Health{}), Traffic: Known(Traffic{5 * minuteMS, 100_000, 3}), Process: Known(Process{120, 1024, 1 << 30, 4 << 30}),
		Seeds:  Known(Seeds{Listed: 2}),
		Bounds: Bounds{Known(int64(hourMS)), Known(int64(hourMS)), Known(int64(250)), Known(int64(500)), Known(int64(85))},
		Shared: Known([]Value{{"limits.key", "4KiB"}, {"clock.max_drift", "500ms"}}), Durability: Known("sync"), Insecure: Known(false),
		DataBytes: Known(int64(44239801548)), Keys: Known(uint64(18_100_000)), ReadP99US: Known(int64(3100)), WriteP99US: Known(int64(4000)),
	}
	repair := Repair{Running: true}
	for p, row := range owners {
		for _, o := range row {
			if int(o) == n {
				repair.Add(p, Repaired{AsOf: Known(at - 94*secondMS), Watermark: Known(at - 300*secondMS), Tree: "ready", HeldBy: []string{id(1), id(2)}})
			}
		}
	}
	r.Repair = Known(repair)
	var peers []Peer
	for o := range nodes {
		if o != n {
			peers = append(peers, Peer{id(o + 1), Up, Known(uint64(300)), Known(int64(210)), Known(int64(1)), Known(int64(120)), false})
		}
	}
	r.Peers = Known(peers)
	return r
}

// kill makes a member silent, as all others see it too.
func kill(s *Snapshot, names ...string) {
	for _, name := range names {
		m := member(s, name)
		m.Answer, m.Report, m.AgeMS, m.Since = Silent, nil, Known(int64(400)), Known(at-252*secondMS)
		for i := range s.Members {
			if r := s.Members[i].Report; r != nil {
				see(r, m.ID, Down, 18234)
			}
		}
	}
}

// see sets how a node sees another.
func see(r *Report, id, state string, phi uint64) {
	for i := range r.Peers.value {
		if p := &r.Peers.value[i]; p.ID == id {
			p.State, p.Phi = state, Known(phi)
		}
	}
}

// cools makes a node see another as back for too short a time.
func cools(r *Report, id string) {
	see(r, id, Suspect, 0)
	for i := range r.Peers.value {
		if p := &r.Peers.value[i]; p.ID == id {
			p.Cooling = true
		}
	}
}

func member(s *Snapshot, name string) *Member {
	for i := range s.Members {
		if s.Members[i].Name == name {
			return &s.Members[i]
		}
	}
	panic("there is no " + name)
}

func report(s *Snapshot, name string) *Report { return member(s, name).Report }

// clone is a deep copy, by way of JSON.
func clone(t interface{ Fatal(...any) }, s *Snapshot) *Snapshot {
	b, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	c := new(Snapshot)
	if err := json.Unmarshal(b, c); err != nil {
		t.Fatal(err)
	}
	return c
}

// forget makes the figure unknown.
func (o *Opt[T]) forget() { *o = Opt[T]{} }

// figure is an Opt somewhere in a snapshot.
type figure struct {
	path   string
	forget func()
}

// figures finds every Opt that is known, with the path to it in JSON names. Those within
// another one come before it.
func figures(s *Snapshot) (all []figure) {
	var walk func(path string, v reflect.Value)
	walk = func(path string, v reflect.Value) {
		if o, is := v.Addr().Interface().(interface{ forget() }); is {
			inner := v.Addr().Elem() // its fields cannot be set from outside; what they point to can
			if !inner.FieldByName("known").Bool() {
				return
			}
			walkOpt(path, v, walk)
			all = append(all, figure{path, o.forget})
			return
		}
		switch v.Kind() {
		case reflect.Struct:
			for i := range v.NumField() {
				f := v.Type().Field(i)
				name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
				if f.IsExported() {
					walk(strings.TrimPrefix(path+"."+name, "."), v.Field(i))
				}
			}
		case reflect.Slice:
			for i := range v.Len() {
				walk(path, v.Index(i))
			}
		case reflect.Pointer:
			if !v.IsNil() {
				walk(path, v.Elem())
			}
		}
	}
	walk("", reflect.ValueOf(s).Elem())
	return all
}

// walkOpt goes into the value of an Opt.
func walkOpt(path string, v reflect.Value, walk func(string, reflect.Value)) {
	value := v.FieldByName("value")
	reach := reflect.NewAt(value.Type(), value.Addr().UnsafePointer()).Elem()
	switch reach.Kind() {
	case reflect.Struct, reflect.Slice:
		walk(path, reach)
	}
}

// mutate sets one thing of a snapshot.
type mutate func(*Snapshot)

func onN2(f func(*Report)) mutate { return func(s *Snapshot) { f(report(s, "n2")) } }

// findings are those of a rule.
func findings(s *Snapshot, code string) (all []Finding) {
	for _, f := range Check(s) {
		if f.Code == code {
			all = append(all, f)
		}
	}
	return all
}

func texts(all []Finding) string {
	var b strings.Builder
	for i := range all {
		b.WriteString(all[i].Text())
	}
	return b.String()
}

func TestTheFixtureIsWell(t *testing.T) {
	for _, nodes := range []int{3, 5, 7} {
		s := clone(t, healthy(nodes, 64))
		if r := Verdict(s); r.Verdict != OK || len(r.Missing)+len(r.Reasons) > 0 {
			t.Errorf("%d nodes: %v\n%s", nodes, r, r.Screen())
		}
		for _, f := range Check(s) {
			if f.Severity != Fine {
				t.Errorf("%d nodes: %s", nodes, f.Text())
			}
		}
		if d := Disagreements(s); len(d) > 0 {
			t.Errorf("%d nodes: %v", nodes, d)
		}
	}
}
