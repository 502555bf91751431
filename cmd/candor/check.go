package main

import (
	"context"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/verdict"
)

// probeState is what a probe comes to, with the exit code that monitoring systems have
// agreed on.
type probeState int

const (
	probeOK probeState = iota
	probeWarning
	probeCritical
	probeUnknown
)

// String is the state as monitoring systems write it.
func (s probeState) String() string {
	return [...]string{"OK", "WARNING", "CRITICAL", "UNKNOWN"}[s]
}

// probeResult is one probe. A value that is not a number was not measured.
type probeResult struct {
	state probeState
	text  string
	value float64
	age   verdict.Opt[int64] // milliseconds, of the oldest evidence in it; not known of what was asked for just now
}

// unmeasured is a probe that has no value.
func unmeasured(state probeState, text string) probeResult {
	return probeResult{state: state, text: text, value: notMeasured}
}

// notMeasured is the value of a probe that has none.
var notMeasured = math.NaN()

// monitor is a command below check. Its bounds are in its unit; unit "": it has none.
type monitor struct {
	name, about    string
	unit           string // s, %, or none
	warn, critical float64
	look           func(*statusView) probeResult
}

// monitors are the probes of the cluster; that of one node is another command.
var monitors = []monitor{
	{"cluster", "the verdict: DEGRADED is a warning, FAILING is critical", "", 0, 0, lookAtVerdict},
	{"quorum", "partitions in which a quorum is not possible", "partitions", 1, 1, lookAtQuorum},
	{"repair", "how long ago all replicas were proved to agree, at the least", "s", 1800, 3600, lookAtRepair},
	{"hints", "the age of the oldest hint", "s", 1800, 3600, lookAtHints},
	{"disk", "how full the fullest disk is", "%", 85, 95, lookAtDisk},
}

func checkLeaves(e *env) []*cli.Command {
	all := []*cli.Command{nodeProbeLeaf(e).command("check")}
	for _, m := range monitors {
		all = append(all, m.leaf(e).command("check"))
	}
	return all
}

// probeFlags are those of every probe.
func probeFlags(more ...cli.Flag) []cli.Flag {
	return adminFlags(append(more,
		&cli.StringFlag{Name: "format", Value: "nagios", Usage: "`FORMAT` of the result: nagios, prometheus, json or text"})...)
}

func (m monitor) leaf(e *env) leaf {
	l := leaf{
		name: m.name, about: "probe for monitoring: " + m.about + "; exit 0, 1, 2 or 3 (unknown)",
		examples: []string{"candor check " + m.name, "candor check " + m.name + " --format prometheus"}, flags: probeFlags(),
		run: func(ctx context.Context, c *cli.Context) error {
			p, o, err := m.probe(c)
			if err != nil {
				return err
			}
			ctx, cancel := context.WithTimeout(ctx, o.timeout)
			defer cancel()
			v, err := o.status(ctx)
			switch {
			case err != nil && isUsage(err):
				return err
			case err != nil:
				return p.tell(e, unmeasured(probeUnknown, err.Error()))
			}
			return p.tell(e, p.of(v))
		},
	}
	if m.unit != "" {
		l.flags = probeFlags(
			&cli.StringFlag{Name: "warn", Usage: "`BOUND` from which on it is a warning: " + boundText(m.warn, m.unit) + " if not given"},
			&cli.StringFlag{Name: "critical", Usage: "`BOUND` from which on it is critical: " + boundText(m.critical, m.unit) + " if not given"})
		l.examples = append(l.examples, "candor check "+m.name+" --warn "+boundText(m.warn, m.unit)+" --critical "+boundText(m.critical, m.unit))
	}
	return l
}

// boundText is a bound as the flags take it.
func boundText(bound float64, unit string) string {
	switch unit {
	case "s":
		return time.Duration(bound * float64(time.Second)).String()
	case "%":
		return fmt.Sprintf("%g%%", bound)
	}
	return fmt.Sprintf("%g", bound)
}

// parseBound reads a bound: a time, a percentage, or a number.
func parseBound(text, unit string) (float64, error) {
	if d, err := time.ParseDuration(text); err == nil && unit == "s" && d >= 0 {
		return d.Seconds(), nil
	}
	bound, err := strconv.ParseFloat(strings.TrimSuffix(text, "%"), 64)
	if unit == "s" || err != nil || !(bound >= 0) {
		return 0, fmt.Errorf("%q is no bound: want one such as %s", text, boundText(map[string]float64{"s": 1800, "%": 85, "partitions": 1}[unit], unit))
	}
	if bound == 0 && unit == "partitions" {
		return 0, fmt.Errorf("%q is met by every cluster: want at least 1", text)
	}
	return bound, nil
}

// aProbe is a probe as it was asked for.
type aProbe struct {
	monitor
	format string
}

var probeFormats = "nagios, prometheus, json or text"

func (m monitor) probe(c *cli.Context) (p aProbe, o adminOptions, err error) {
	p = aProbe{m, c.String("format")}
	switch p.format {
	case "nagios", "prometheus", "json", "text":
	default:
		return p, o, usagef("", "--format is %q: want %s", p.format, probeFormats)
	}
	if c.String("output") == "json" { // as everywhere else
		if c.IsSet("format") && p.format != "json" {
			return p, o, usagef("", "-o json and --format %s exclude each other", p.format)
		}
		p.format = "json"
	}
	for name, to := range map[string]*float64{"warn": &p.warn, "critical": &p.critical} { // each by itself
		if text := c.String(name); text != "" {
			if *to, err = parseBound(text, m.unit); err != nil {
				return p, o, usagef("", "--%s: %v", name, err)
			}
		}
	}
	if p.warn > p.critical && c.IsSet("warn") && c.IsSet("critical") {
		return p, o, usagef("", "--warn is %s and --critical %s: it would be critical before it is a warning", boundText(p.warn, p.unit), boundText(p.critical, p.unit))
	}
	o, err = adminOptionsOf(c)
	return p, o, err
}

// of is the probe of what a node has told, and how old that is: a node answers at once
// with what it has heard some time ago.
func (p aProbe) of(v *statusView) probeResult {
	r := p.judge(p.look(v))
	r.age = verdict.Known(v.evidenceAge())
	r.text += fmt.Sprintf("; as of %.1fs ago", float64(v.evidenceAge())/1000)
	return r
}

// judge measures a value by the bounds, which can only make a state worse. Of what is
// not known in all it is enough that a part of it is critical.
func (p aProbe) judge(r probeResult) probeResult {
	switch {
	case p.unit == "" || math.IsNaN(r.value):
	case r.value >= p.critical:
		r.state = probeCritical
	case r.value >= p.warn && r.state == probeOK:
		r.state = probeWarning
	}
	return r
}

// probeJSON is a probe in JSON.
type probeJSON struct {
	APIVersion string   `json:"apiVersion"`
	Kind       string   `json:"kind"`
	Check      string   `json:"check"`
	State      string   `json:"state"`
	Exit       int      `json:"exit"`
	Text       string   `json:"text"`
	Value      *float64 `json:"value"` // null: it was not measured, or there is none
	Unit       string   `json:"unit"`
	Warn       float64  `json:"warn"`
	Critical   float64  `json:"critical"`

	AgeMS verdict.Opt[int64] `json:"age_ms"` // of the oldest evidence in it; null: it was asked for just now
}

// tell prints the result, and ends with its exit code.
func (p aProbe) tell(e *env, r probeResult) error {
	measured := !math.IsNaN(r.value)
	switch p.format {
	case "json":
		j := probeJSON{apiVersion, "Check", p.name, r.state.String(), int(r.state), r.text, nil, p.unit, p.warn, p.critical, r.age}
		if measured {
			j.Value = &r.value
		}
		if err := writeJSON(e.stdout, j); err != nil {
			return err
		}
	case "prometheus":
		fmt.Fprintf(e.stdout, "candor_check_state{check=%q} %d\n", p.name, r.state)
		if measured {
			fmt.Fprintf(e.stdout, "candor_check_value{check=%q} %g\n", p.name, r.value)
		}
	case "text":
		fmt.Fprintf(e.stdout, "%-9s %s: %s\n", r.state, p.name, r.text)
	default:
		figures := ""
		if measured {
			unit := p.unit
			if unit == "partitions" {
				unit = ""
			}
			figures = fmt.Sprintf(" | %s=%g%s;%g;%g", p.name, r.value, unit, p.warn, p.critical)
		}
		fmt.Fprintf(e.stdout, "CANDOR %s - %s: %s%s\n", r.state, p.name, strings.ReplaceAll(r.text, "|", "/"), figures)
	}
	if r.state == probeOK {
		return nil
	}
	return exitWith(int(r.state))
}

func nodeProbeLeaf(e *env) leaf {
	m := monitor{name: "node", about: "whether a node is alive, and takes requests"}
	return leaf{
		name: m.name, about: "probe for monitoring: " + m.about + " (that of --admin, else the first that answers); exit 0 or 2",
		examples: []string{"candor check node", "candor check node --admin 127.0.0.1:7480", "candor check node --format json"}, flags: probeFlags(),
		run: func(ctx context.Context, c *cli.Context) error {
			p, o, err := m.probe(c)
			if err != nil {
				return err
			}
			ctx, cancel := context.WithTimeout(ctx, o.timeout)
			defer cancel()
			admin := o.admin
			if admin == "" {
				admins, err := o.admins(ctx)
				switch {
				case err != nil && isUsage(err):
					return err
				case err != nil:
					return p.tell(e, unmeasured(probeCritical, err.Error()))
				}
				admin = admins[0]
			}
			return p.tell(e, lookAtNode(ctx, admin))
		},
	}
}

// lookAtNode asks a node whether its loops turn, and whether it takes requests.
func lookAtNode(ctx context.Context, admin string) probeResult {
	for _, path := range []string{"/livez?verbose", "/readyz?verbose"} {
		status, body, err := adminGet(ctx, admin, path)
		if err != nil {
			return unmeasured(probeCritical, err.Error())
		}
		if status != http.StatusOK {
			return unmeasured(probeCritical, admin+" is not well: "+failedChecks(string(body)))
		}
	}
	return unmeasured(probeOK, admin+" is alive and takes requests")
}

// failedChecks are the lines of a probe that say what does not hold.
func failedChecks(body string) string {
	var failed []string
	for line := range strings.Lines(body) {
		if why, bad := strings.CutPrefix(strings.TrimSpace(line), "[-] "); bad {
			failed = append(failed, why)
		}
	}
	if len(failed) == 0 {
		return strings.Join(strings.Fields(body), " ")
	}
	return strings.Join(failed, "; ")
}

func lookAtVerdict(v *statusView) probeResult {
	states := map[verdict.Word]probeState{verdict.OK: probeOK, verdict.Degraded: probeWarning, verdict.Failing: probeCritical, verdict.Unknown: probeUnknown}
	text := v.result.String()
	if why := verdict.Why(v.result, v.findings); why != "" {
		text += "   " + why
	}
	return unmeasured(states[v.result.Verdict], text)
}

func lookAtQuorum(v *statusView) probeResult {
	for _, p := range v.result.Levels {
		switch {
		case p.Level != contract.Quorum.String():
		case len(p.Failing) > 0:
			return probeResult{state: probeOK, text: fmt.Sprintf("not possible in %s of %s partitions (%s)", grouped(len(p.Failing)), grouped(p.Of), p.Because), value: float64(len(p.Failing))}
		case p.Of == 0 || len(p.Unknown) > 0:
			return unmeasured(probeUnknown, "it is not known where it is possible: "+p.Because)
		}
	}
	return probeResult{state: probeOK, text: fmt.Sprintf("possible in all %s partitions", grouped(v.Cluster.Partitions)), value: 0}
}

// worst is the largest figure of all members that have told theirs.
type worst struct {
	value float64
	who   string // its member; "": nobody has told one
	// missing is why the figure of some member is not known, though that may answer;
	// away are the members of which it is known that they do not answer.
	missing string
	away    []string
}

// worstOf asks every member for a figure; why says why it has none.
func worstOf(v *statusView, of func(r *verdict.Report, age int64) (value float64, why string)) (w worst) {
	for i := range v.evidence.Members {
		m := &v.evidence.Members[i]
		age, aged := m.AgeMS.Get()
		switch {
		case m.Answer == verdict.Silent && aged:
			w.away = append(w.away, m.Name)
			continue
		case m.Answer != verdict.Answered || m.Report == nil:
			w.lacks(m.Name + " was not heard yet, or too long ago")
			continue
		}
		switch value, why := of(m.Report, age); {
		case why != "":
			w.lacks(m.Name + " " + why)
		case w.who == "" || value > w.value:
			w.value, w.who = value, m.Name
		}
	}
	if len(v.evidence.Members) == 0 {
		w.missing = v.waits()
	}
	return w
}

func (w *worst) lacks(words string) {
	if w.missing == "" {
		w.missing = words
	}
}

// result is the worst figure as a probe. Without the figure of a member that may answer
// it is not known. One that does not answer is not counted, and that is a warning.
func (w *worst) result(text string) probeResult {
	r := probeResult{state: probeOK, text: text, value: w.value}
	if w.who == "" {
		r = unmeasured(probeUnknown, "no node has told")
	}
	if len(w.away) > 0 {
		r.state = max(r.state, probeWarning)
		r.text += fmt.Sprintf("; %s not counted: %s not answer", joined(w.away), verb(w.away, "it does", "they do"))
	}
	if w.missing != "" {
		r.state, r.text = probeUnknown, w.missing+"; of the others: "+r.text
	}
	return r
}

func lookAtRepair(v *statusView) probeResult {
	now, _ := v.evidence.Time.Get()
	w := worstOf(v, func(r *verdict.Report, _ int64) (lag float64, why string) {
		repair, ok := r.Repair.Get()
		if !ok {
			return 0, "has not reported how far its partitions are repaired"
		}
		unproven := 0
		for i := range repair.States {
			asOf, proven := repair.States[i].AsOf.Get()
			if !proven {
				unproven += len(repair.States[i].Partitions)
				continue
			}
			lag = max(lag, float64(int64(now)-int64(asOf))/1000)
		}
		if unproven > 0 {
			return 0, "has no proof yet for " + counted(unproven, "partition")
		}
		return lag, ""
	})
	return w.result(fmt.Sprintf("the oldest proof is %s old (%s)", spanText(int64(w.value*1000)), w.who))
}

func lookAtHints(v *statusView) probeResult {
	w := worstOf(v, func(r *verdict.Report, age int64) (oldest float64, why string) {
		hints, ok := r.Hints.Get()
		if !ok {
			return 0, "has not reported its hints"
		}
		for _, h := range hints {
			if h.Count > 0 {
				oldest = max(oldest, float64(h.OldestAgeMS+age)/1000)
			}
		}
		return oldest, ""
	})
	text := "there are none"
	if w.value > 0 {
		text = fmt.Sprintf("the oldest is %s old (at %s)", spanText(int64(w.value*1000)), w.who)
	}
	return w.result(text)
}

func lookAtDisk(v *statusView) probeResult {
	w := worstOf(v, func(r *verdict.Report, _ int64) (float64, string) {
		d, ok := r.Disk.Get()
		if !ok || d.TotalBytes <= 0 {
			return 0, "has not reported its disk"
		}
		return math.Floor(float64(d.TotalBytes-d.FreeBytes) / float64(d.TotalBytes) * 100), ""
	})
	return w.result(fmt.Sprintf("the fullest is %g%% full (%s)", w.value, w.who))
}

// isProbe says whether a command line is for a monitoring system.
func (l *line) isProbe() bool { return len(l.path) > 0 && l.path[0] == "check" }

// probeMisused is a probe that was not asked rightly: nothing is known by it. The
// codes of other commands would mean something else here.
func (e *env) probeMisused(why string) int {
	r := unmeasured(probeUnknown, why)
	fmt.Fprintf(e.stdout, "CANDOR %s - check: %s\n", r.state, strings.ReplaceAll(r.text, "|", "/"))
	return int(r.state)
}
