package main

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/candordb/candor/verdict"
)

// shopTime is the time of the shop's screens: 12:05:45Z.
const shopTime = verdict.Time(1791633945000)

// shopID is the id of node i, from 1 on.
func shopID(i int) string { return strings.Repeat("0"+string(rune('0'+i)), 16) }

// shop is a cluster of five nodes, of which n3 is down and n5 joins, with invented
// figures.
func shop() *statusView {
	v := &statusView{age: 400 * time.Millisecond, evidence: &verdict.Snapshot{
		Time: verdict.Known(shopTime), Cluster: verdict.Cluster{Name: "shop-prod", Replicas: 3, Partitions: 1024, Epoch: 41},
		SeenBy: verdict.SeenBy{Name: "n1", ID: shopID(1)}, Losses: verdict.Known([]verdict.Loss{}),
		Namespaces: verdict.Known([]verdict.Namespace{{Name: "default", Mode: "lww", ReadLevel: "quorum", WriteLevel: "quorum"}}),
	}}
	v.Cluster.Name, v.Cluster.Replicas, v.Cluster.Partitions, v.Cluster.Epoch = "shop-prod", 3, 1024, 41
	v.SeenBy.Name, v.SeenBy.ID = "n1", shopID(1)
	owners := make([][]uint16, 1024)
	for p := range owners {
		for r := range 3 {
			owners[p] = append(owners[p], uint16((p+r)%4))
		}
	}
	v.evidence.Owners = verdict.Known(owners)
	for i, n := range []nodeStatus{
		{State: "normal", Reachable: true, Partitions: 768, Self: true},
		{State: "normal", Reachable: true, Partitions: 768, Gossip: "alive"},
		{State: "normal", Partitions: 768, Gossip: "dead"},
		{State: "normal", Reachable: true, Partitions: 768, Gossip: "alive"},
		{State: "joining", Reachable: true, Gossip: "alive"},
	} {
		d := string(rune('1' + i))
		n.Name, n.ID, n.Zone = "n"+d, shopID(i+1), string(rune('a'+i))
		n.Client, n.Peer, n.GossipAddr, n.HTTP = "10.0.0."+d+":7400", "10.0.0."+d+":7401", "10.0.0."+d+":7402", "10.0.0."+d+":7480"
		if phi := []float64{0, 0.4, 300, 0.3}; !n.Self && i < len(phi) { // the joining node was not heard yet
			n.Phi = &phi[i]
		}
		v.Nodes = append(v.Nodes, n)
		v.evidence.Members = append(v.evidence.Members, verdict.Member{
			Name: n.Name, ID: n.ID, Zone: n.Zone, State: n.State, HTTP: n.HTTP, Answer: verdict.Answered, AgeMS: verdict.Known(int64(0)), Report: shopReport(i),
		})
	}
	v.down(3)
	return v
}

// shopReport is what a node says of itself that is well, and sees all others.
func shopReport(at int) *verdict.Report {
	r := &verdict.Report{
		Version: verdict.Known("1.4.0"), UptimeMS: verdict.Known(int64(86_400_000)), Epoch: verdict.Known(uint64(41)), EpochAgeMS: verdict.Known(int64(3_600_000)),
		Fenced: verdict.Known(false), Draining: verdict.Known(false), Stopped: verdict.Known(""), Waiting: verdict.Known(""), Quarantine: verdict.Known(verdict.Quarantine{}),
		OffsetMS: verdict.Known(int64(at - 1)), Disk: verdict.Known(verdict.Disk{TotalBytes: 100 << 30, FreeBytes: 60 << 30, ReserveBytes: 5 << 30}),
		Probe: verdict.Known(verdict.Probe{TookMS: 4, AgeMS: 900}), FsyncP99US: verdict.Known(int64(3100)), Stall: verdict.Known(verdict.Stall{}),
		Hints: verdict.Known([]verdict.Hints{}), Dirty: verdict.Known([]verdict.Dirty{}), Damage: verdict.Known([]verdict.Found{}), Arrived: verdict.Known([]verdict.Found{}),
		Voters: verdict.Known(verdict.Voters{Reachable: 3, Of: 3}), Gossip: verdict.Known(verdict.Health{}), Traffic: verdict.Known(verdict.Traffic{OverMS: 300_000, Writes: 1000}),
		Process: verdict.Known(verdict.Process{Files: 120, FilesMax: 1024, HeapBytes: 1 << 30, MemoryMax: 4 << 30}), Seeds: verdict.Known(verdict.Seeds{Listed: 2}),
		Bounds: verdict.Bounds{
			HintsAlarmAgeMS: verdict.Known(int64(3_600_000)), RepairLagMS: verdict.Known(int64(3_600_000)), ClockWarnMS: verdict.Known(int64(250)),
			ClockMaxDriftMS: verdict.Known(int64(500)), DiskWarnPercent: verdict.Known(int64(85)),
		},
		Shared: verdict.Known([]verdict.Value{{Key: "clock.max_drift", Value: "500ms"}}), Durability: verdict.Known("sync"), Insecure: verdict.Known(false),
		DataBytes: verdict.Known(int64(44_239_801_548)), ReadP99US: verdict.Known(int64(3072)), WriteP99US: verdict.Known(int64(4096)),
	}
	switch at { // n2 is counting its keys, n4 has coordinated no write
	case 0:
		r.Keys = verdict.Known(uint64(18_199_999))
	case 3:
		r.Keys, r.WriteP99US = verdict.Known(uint64(999_999)), verdict.Opt[int64]{}
	case 4:
		r.Keys, r.ReadP99US, r.WriteP99US = verdict.Known(uint64(0)), verdict.Opt[int64]{}, verdict.Opt[int64]{}
	}
	all, peers := verdict.Repair{Running: true}, []verdict.Peer{}
	for p := range 1024 {
		if at < 4 && (at-p%4+4)%4 < 3 {
			all.Add(p, verdict.Repaired{AsOf: verdict.Known(shopTime - 94_000), Tree: "ready"})
		}
	}
	for i := range 5 {
		if i != at {
			peers = append(peers, verdict.Peer{ID: shopID(i + 1), State: verdict.Up})
		}
	}
	r.Repair, r.Peers = verdict.Known(all), verdict.Known(peers)
	return r
}

// down makes node i silent for all, with hints for it at n1, and judges.
func (v *statusView) down(i int) {
	v.Nodes[i-1].Reachable = false
	m := &v.evidence.Members[i-1]
	m.Answer, m.Report, m.Since = verdict.Silent, nil, verdict.Known(shopTime-252_000)
	for k := range v.evidence.Members {
		r := v.evidence.Members[k].Report
		if r == nil {
			continue
		}
		peers, _ := r.Peers.Get()
		for j := range peers {
			if peers[j].ID == m.ID {
				peers[j].State = verdict.Down
			}
		}
		if k == 0 {
			hints, _ := r.Hints.Get()
			r.Hints = verdict.Known(append(hints, verdict.Hints{Target: m.ID, Count: 81204, Bytes: 212 << 20, BoundBytes: 1 << 30, OldestAgeMS: 240_000}))
		}
	}
	v.again()
}

// again judges what was changed, as of now.
func (v *statusView) again() {
	age := v.age
	v.age = 0
	v.judge()
	v.age = age
}

// without leaves only the first nodes, all of them up.
func (v *statusView) healthy() *statusView {
	v.Nodes[2].Reachable, v.Nodes[2].Gossip = true, "alive"
	for i := range v.evidence.Members {
		v.evidence.Members[i].Answer, v.evidence.Members[i].Report = verdict.Answered, shopReport(i)
	}
	v.again()
	return v
}

// The screens of operations.md 1.5, for the columns and lines that exist.
func TestStatusScreens(t *testing.T) {
	v := shop()
	goldenView(t, "status", v)
	v.classic = true
	golden(t, "status-classic", v.screen(false).String())
	v = shop()
	v.check = true
	golden(t, "status-check-degraded", v.screen(false).String())

	v = shop()
	v.Nodes[3].Gossip, v.Nodes[3].Error = "unknown", "connection refused"
	v.down(4)
	golden(t, "status-failing", v.screen(false).String())
	v.check = true
	golden(t, "status-check-failing", v.screen(false).String())
	v.check, v.partitions = false, true
	golden(t, "status-partitions", v.screen(false).String())
	v.partitions, v.classic = false, true
	golden(t, "status-classic-unknown", v.screen(false).String())

	v = shop().healthy()
	golden(t, "status-ok", v.screen(false).String())
	v.check = true
	golden(t, "status-check-ok", v.screen(false).String())
	v.evidence.Members[1].Report.OffsetMS = verdict.Opt[int64]{}
	v.again()
	golden(t, "status-check-unknown", v.screen(false).String())

	v = shop()
	v.Waiting = "waiting for 10.0.0.2:7401"
	v.evidence = &verdict.Snapshot{Waiting: v.Waiting, SeenBy: v.evidence.SeenBy}
	v.again()
	golden(t, "status-waiting", v.screen(false).String())
	v.check = true
	golden(t, "status-check-waiting", v.screen(false).String())
}

// A node that sees another one as nobody else does is a line of its own.
func TestStatusShowsWhoSeesItOtherwise(t *testing.T) {
	v := shop().healthy()
	peers, _ := v.evidence.Members[3].Report.Peers.Get()
	peers[0].State = verdict.Down
	v.again()
	if text := v.screen(false).String(); !strings.Contains(text, "\ndiffer  n1   ") || !strings.Contains(text, "verdict  DEGRADED ") {
		t.Errorf("%s", text)
	}
}

// A node that has only just been started has no view of the others yet, and says of
// itself that it serves nothing: neither is a node that is down.
func TestStatusOfANodeThatHasJustStarted(t *testing.T) {
	v := shop().healthy()
	v.Nodes[0].Reachable, v.Nodes[0].Error = false, "it asks the others"
	v.Nodes[1].Reachable, v.Nodes[1].Answer = false, verdict.NotAsked
	v.Nodes[2].Reachable, v.Nodes[2].Answer = false, verdict.Silent
	if census := v.census(); census != "1 up, 1 down, 1 not serving, 1 unknown, 1 joining" {
		t.Error(census)
	}
}

// What nodes say of themselves is shown where it is not as usual.
func TestStatesOfNodes(t *testing.T) {
	v := shop().healthy()
	for want, change := range map[string]func(*verdict.Report){
		"stopped":  func(r *verdict.Report) { r.Stopped = verdict.Known("fsync failed") },
		"draining": func(r *verdict.Report) { r.Draining = verdict.Known(true) },
		"fenced":   func(r *verdict.Report) { r.Fenced = verdict.Known(true) },
		"rebuilding": func(r *verdict.Report) {
			r.Quarantine = verdict.Known(verdict.Quarantine{Partitions: verdict.PartitionsOf(3)})
		},
		"up": func(*verdict.Report) {},
	} {
		v.evidence.Members[1].Report = shopReport(1)
		change(v.evidence.Members[1].Report)
		if got := v.stateOf(&v.Nodes[1], v.member(&v.Nodes[1])); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	v.evidence.Members[1].Answer, v.evidence.Members[1].Report, v.evidence.Members[1].Since = verdict.Silent, nil, verdict.Known(shopTime-5000)
	if got := v.stateOf(&v.Nodes[1], v.member(&v.Nodes[1])); got != "silent 5s" {
		t.Error(got)
	}
}

// Every node is asked; one that does not answer is a row, and who comes to another
// verdict is told.
func TestAllViews(t *testing.T) {
	v := allViewsOf(shop().Nodes, func(n *nodeStatus) (*statusView, error) {
		switch s := shop(); n.Name {
		case "n3":
			return nil, errors.New("connection refused")
		case "n4":
			s.healthy().SeenBy.Name = n.Name
			return s, nil
		default:
			s.SeenBy.Name = n.Name
			return s, nil
		}
	})
	for i := range v.Views {
		v.Views[i].AgeMS = 12
	}
	if !v.Partial || v.passes() != true {
		t.Errorf("partial %v, passes %v", v.Partial, v.passes())
	}
	goldenView(t, "status-all-views", v)
	v.Views[0].Verdict = verdict.Unknown
	if v.passes() {
		t.Error("a view that is UNKNOWN passes")
	}
}

// The answer of a node is evidence as it is: what an older one does not send is not
// known, so its verdict is never OK.
func TestStatusOfAnOlderNode(t *testing.T) {
	v := &statusView{answer: json.RawMessage(`{"cluster":{"name":"c","replicas":1,"partitions":1,"epoch":1},"seen_by":{"name":"n1","id":"01"},"nodes":[{"name":"n1","id":"01","reachable":true,"state":"normal"}]}`)}
	if err := v.read(0); err != nil || v.result.Verdict != verdict.Unknown {
		t.Errorf("%v %v", err, v.result)
	}
}

// Two reasons why a node does not answer are two, and one that is told twice is
// one.
func TestNodeInfoTellsItsReasonsApart(t *testing.T) {
	v := &nodeView{Error: "10.0.0.3:7480: connection refused", status: shop()}
	v.Node = v.status.Nodes[2]
	for own, want := range map[string]string{"": v.Error, "no heartbeat": v.Error + "; no heartbeat", v.Error: v.Error} {
		v.Node.Error = own
		if got := v.screen(false).String(); !strings.HasSuffix(got, "\nwhy         "+want+"\n") {
			t.Errorf("%q:\n%s", own, got)
		}
	}
}

// doctorOf is the doctor's report on a view.
func doctorOf(v *statusView) *doctorView {
	d := &doctorView{APIVersion: apiVersion, Kind: "Doctor", Cluster: "shop-prod", Epoch: 41, SeenBy: "n1", AgeMS: 400}
	for i, f := range verdict.Check(v.evidence) {
		row := doctorFinding{Finding: f}
		if f.Severity != verdict.Fine {
			row.Since = verdict.Known(shopTime - verdict.Time(i)*3_600_000)
		}
		d.Findings = append(d.Findings, row)
	}
	return d
}

func TestDoctorScreens(t *testing.T) {
	d := doctorOf(shop())
	d.leaveOut(nil, 0, shopTime)
	goldenView(t, "doctor", d)
	golden(t, "doctor-markdown", d.markdown())
	d.all = true
	golden(t, "doctor-verbose", d.screen(false).String())
	d = doctorOf(shop().healthy())
	d.leaveOut(nil, 0, shopTime)
	golden(t, "doctor-ok", d.screen(false).String())
	if d.Worst != verdict.Fine {
		t.Error(d.Worst)
	}
}

// What is skipped does not count; what began before --since is not listed, and counts.
func TestDoctorLeavesOut(t *testing.T) {
	d := doctorOf(shop())
	critical := d.Findings[0].Code
	d.leaveOut([]string{critical}, 0, shopTime)
	if slices.Contains(d.names(), critical) || !slices.Equal(d.Skipped, []string{critical}) || d.Worst == verdict.Critical {
		t.Errorf("%v, skipped %v, worst %s", d.names(), d.Skipped, d.Worst)
	}
	d = doctorOf(shop())
	d.leaveOut(nil, 30*time.Minute, shopTime)
	if !slices.Equal(d.names(), []string{critical}) || d.Older == 0 || d.Worst != verdict.Critical {
		t.Errorf("%v, %d older, worst %s", d.names(), d.Older, d.Worst)
	}
	d = doctorOf(shop())
	d.leaveOut(nil, 30*time.Minute, shopTime+3_600_000)
	if len(d.names()) != 0 || d.Worst != verdict.Critical {
		t.Errorf("%v, worst %s", d.names(), d.Worst)
	}
	for list, good := range map[string]bool{"": true, "D101": true, "d101, D105": true, "101": false, "D1010": false} {
		if codes, err := codesOf(list); (err == nil) != good {
			t.Errorf("%q: %v %v", list, codes, err)
		}
	}
}

// The header counts every state that a row can show, so that the counts come to the
// number of nodes.
func TestTheHeaderCountsWhatTheRowsShow(t *testing.T) {
	for want, change := range map[string]func(*verdict.Member){
		"stopped":  func(m *verdict.Member) { m.Report.Stopped = verdict.Known("fsync failed") },
		"draining": func(m *verdict.Member) { m.Report.Draining = verdict.Known(true) },
		"fenced":   func(m *verdict.Member) { m.Report.Fenced = verdict.Known(true) },
		"rebuilding": func(m *verdict.Member) {
			m.Report.Quarantine = verdict.Known(verdict.Quarantine{Partitions: verdict.PartitionsOf(3)})
		},
		"silent": func(m *verdict.Member) {
			m.Answer, m.Report, m.Since = verdict.Silent, nil, verdict.Known(shopTime-5000)
		},
	} {
		v := shop().healthy()
		change(&v.evidence.Members[1])
		if census := v.census(); census != "3 up, 0 down, 1 "+want+", 1 joining" {
			t.Errorf("%s: %s", want, census)
		}
	}
	v := shop().healthy()
	v.Nodes[1].State = "replacing"
	if census := v.census(); census != "3 up, 0 down, 1 joining, 1 other" {
		t.Errorf("a state that is not known here: %s", census)
	}
}
