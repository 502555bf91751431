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
				return p.tell(e, probeResult{probeUnknown, err.Error(), notMeasured})
			}
			return p.tell(e, p.judge(m.look(v)))
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
		return 0, fmt.Errorf("%q is no bound: want one such as %s", text, boundText(map[string]float64{"s": 1800, "%": 85}[unit], unit))
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
	for name, to := range map[string]*float64{"warn": &p.warn, "critical": &p.critical} { // each by itself
		if text := c.String(name); text != "" {
			if *to, err = parseBound(text, m.unit); err != nil {
				return p, o, usagef("", "--%s: %v", name, err)
			}
		}
	}
	o, err = adminOptionsOf(c)
	return p, o, err
}

// judge measures a value that is known by the bounds.
func (p aProbe) judge(r probeResult) probeResult {
	switch {
	case p.unit == "" || math.IsNaN(r.value) || r.state == probeUnknown:
	case r.value >= p.critical:
		r.state = probeCritical
	case r.value >= p.warn:
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
}

// tell prints the result, and ends with its exit code.
func (p aProbe) tell(e *env, r probeResult) error {
	measured := !math.IsNaN(r.value)
	switch p.format {
	case "json":
		j := probeJSON{apiVersion, "Check", p.name, r.state.String(), int(r.state), r.text, nil, p.unit, p.warn, p.critical}
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
					return p.tell(e, probeResult{probeCritical, err.Error(), notMeasured})
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
			return probeResult{probeCritical, err.Error(), notMeasured}
		}
		if status != http.StatusOK {
			return probeResult{probeCritical, admin + " is not well: " + failedChecks(string(body)), notMeasured}
		}
	}
	return probeResult{probeOK, admin + " is alive and takes requests", notMeasured}
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
	return probeResult{states[v.result.Verdict], text, notMeasured}
}

func lookAtQuorum(v *statusView) probeResult {
	for _, p := range v.result.Levels {
		switch {
		case p.Level != contract.Quorum.String():
		case len(p.Failing) > 0:
			return probeResult{probeOK, fmt.Sprintf("not possible in %s of %s partitions (%s)", grouped(len(p.Failing)), grouped(p.Of), p.Because), float64(len(p.Failing))}
		case p.Of == 0 || len(p.Unknown) > 0:
			return probeResult{probeUnknown, "it is not known where it is possible: " + p.Because, notMeasured}
		}
	}
	return probeResult{probeOK, fmt.Sprintf("possible in all %s partitions", grouped(v.Cluster.Partitions)), 0}
}

// worstOf is the largest figure of all members. Where one has not reported, that
// is not known, unless what is known is bad enough to tell.
func worstOf(v *statusView, what string, of func(*verdict.Report, int64) (float64, bool)) (worst float64, who, missing string) {
	for i := range v.evidence.Members {
		m := &v.evidence.Members[i]
		age, _ := m.AgeMS.Get()
		value, ok := 0.0, false
		if m.Report != nil {
			value, ok = of(m.Report, age)
		}
		switch {
		case !ok && missing == "":
			missing = m.Name + " has not reported " + what
		case ok && (who == "" || value > worst):
			worst, who = value, m.Name
		}
	}
	if len(v.evidence.Members) == 0 {
		missing = v.waits()
	}
	return worst, who, missing
}

// measured is the worst figure as a probe. What is missing makes it unknown.
func measured(worst float64, who, missing, text string) probeResult {
	if missing != "" || who == "" {
		return probeResult{probeUnknown, missing, notMeasured}
	}
	return probeResult{probeOK, text, worst}
}

func lookAtRepair(v *statusView) probeResult {
	now, _ := v.evidence.Time.Get()
	worst, who, missing := worstOf(v, "how far its partitions are repaired", func(r *verdict.Report, _ int64) (lag float64, ok bool) {
		repair, ok := r.Repair.Get()
		for i := range repair.States {
			asOf, proven := repair.States[i].AsOf.Get()
			if !proven {
				return 0, false
			}
			lag = max(lag, float64(int64(now)-int64(asOf))/1000)
		}
		return lag, ok
	})
	return measured(worst, who, missing, fmt.Sprintf("the oldest proof is %s old (%s)", spanText(int64(worst*1000)), who))
}

func lookAtHints(v *statusView) probeResult {
	worst, who, missing := worstOf(v, "its hints", func(r *verdict.Report, age int64) (oldest float64, ok bool) {
		hints, ok := r.Hints.Get()
		for _, h := range hints {
			if h.Count > 0 {
				oldest = max(oldest, float64(h.OldestAgeMS+age)/1000)
			}
		}
		return oldest, ok
	})
	text := "there are none"
	if worst > 0 {
		text = fmt.Sprintf("the oldest is %s old (at %s)", spanText(int64(worst*1000)), who)
	}
	return measured(worst, who, missing, text)
}

func lookAtDisk(v *statusView) probeResult {
	worst, who, missing := worstOf(v, "its disk", func(r *verdict.Report, _ int64) (float64, bool) {
		d, ok := r.Disk.Get()
		if !ok || d.TotalBytes <= 0 {
			return 0, false
		}
		return math.Floor(float64(d.TotalBytes-d.FreeBytes) / float64(d.TotalBytes) * 100), true
	})
	return measured(worst, who, missing, fmt.Sprintf("the fullest is %g%% full (%s)", worst, who))
}
