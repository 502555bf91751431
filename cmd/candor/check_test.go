package main

import (
	"errors"
	"strings"
	"testing"

	"github.com/candordb/candor/verdict"
)

// Each probe says what there is, in the words and exit codes of monitoring systems.
func TestProbes(t *testing.T) {
	unknown := func() *statusView { // with three of four there is no quorum where n2 is needed
		v := shop()
		v.evidence.Members[1].Report = new(verdict.Report)
		v.again()
		return v
	}
	unproven := func() *statusView {
		v := shop()
		r, _ := v.evidence.Members[1].Report.Repair.Get()
		for i := range r.States {
			r.States[i].AsOf = verdict.Opt[verdict.Time]{}
		}
		return v
	}
	failing := func() *statusView {
		v := shop()
		v.down(4)
		return v
	}
	for _, c := range []struct {
		name   string
		view   *statusView
		exit   int
		prints string
	}{
		{"cluster", shop().healthy(), 0, "CANDOR OK - cluster: OK: quorum: possible in all 1,024 partitions."},
		{"cluster", shop(), 1, "CANDOR WARNING - cluster: DEGRADED: "},
		{"cluster", failing(), 2, "CANDOR CRITICAL - cluster: FAILING: "},
		{"cluster", unknown(), 3, "CANDOR UNKNOWN - cluster: UNKNOWN: "},
		{"quorum", shop(), 0, "CANDOR OK - quorum: possible in all 1,024 partitions; as of 0.4s ago | quorum=0;1;1"},
		{"quorum", failing(), 2, "CANDOR CRITICAL - quorum: not possible in 512 of 1,024 partitions (n3, n4 do not answer); as of 0.4s ago | quorum=512;1;1"},
		{"quorum", unknown(), 3, "CANDOR UNKNOWN - quorum: it is not known where it is possible"},
		{"repair", shop().healthy(), 0, "CANDOR OK - repair: the oldest proof is 1m34s old"},
		{"repair", shop(), 1, "CANDOR WARNING - repair: the oldest proof is 1m34s old (n1); n3 not counted: it does not answer; as of 0.4s ago | repair="},
		{"repair", unknown(), 3, "CANDOR UNKNOWN - repair: n2 has not reported how far its partitions are repaired; of the others: the oldest"},
		{"repair", unproven(), 3, "CANDOR UNKNOWN - repair: n2 has no proof yet for 768 partitions; of the others: the oldest"},
		{"hints", shop(), 1, "CANDOR WARNING - hints: the oldest is 4m00s old (at n1); n3 not counted: it does not answer; as of 0.4s ago | hints=240"},
		{"disk", failing(), 1, "CANDOR WARNING - disk: the fullest is 40% full (n1); n3 and n4 not counted: they do not answer"},
		{"hints", shop().healthy(), 0, "CANDOR OK - hints: there are none; as of 0.4s ago | hints=0s;1800;3600"},
		{"hints", unknown(), 3, "CANDOR UNKNOWN - hints: n2 has not reported its hints"},
		{"disk", shop().healthy(), 0, "CANDOR OK - disk: the fullest is 40% full (n1); as of 0.4s ago | disk=40%;85;95"},
		{"disk", unknown(), 3, "CANDOR UNKNOWN - disk: n2 has not reported its disk"},
	} {
		exit, text := probed(t, c.name, "nagios", c.view, nil)
		if exit != c.exit || !strings.HasPrefix(text, c.prints) {
			t.Errorf("%s: exit %d, want %d: %s", c.name, exit, c.exit, text)
		}
	}
}

// probed is what a probe prints, and its exit code.
func probed(t *testing.T, name, format string, v *statusView, change func(*aProbe)) (exit int, text string) {
	t.Helper()
	for _, m := range monitors {
		if m.name != name {
			continue
		}
		e, stdout, _ := quietEnv()
		p := aProbe{m, format}
		if change != nil {
			change(&p)
		}
		err := p.tell(e, p.of(v))
		var f *failure
		if errors.As(err, &f) {
			exit = f.exit
		}
		return exit, stdout.String()
	}
	t.Fatalf("there is no probe %s", name)
	return 0, ""
}

func TestProbeBounds(t *testing.T) {
	for bound, want := range map[float64]int{90: 0, 40: 1, 39: 1} {
		if exit, text := probed(t, "disk", "nagios", shop().healthy(), func(p *aProbe) { p.warn = bound }); exit != want {
			t.Errorf("warn at %g: %d %s", bound, exit, text)
		}
	}
	if exit, text := probed(t, "disk", "nagios", shop().healthy(), func(p *aProbe) { p.critical = 40 }); exit != 2 {
		t.Errorf("%d %s", exit, text)
	}
	for _, c := range []struct {
		text, unit string
		want       float64
		good       bool
	}{{"30m", "s", 1800, true}, {"30", "s", 0, false}, {"85%", "%", 85, true}, {"85", "%", 85, true}, {"-1", "%", 0, false}, {"x", "partitions", 0, false}, {"2", "partitions", 2, true}, {"0", "partitions", 0, false}, {"NaN", "%", 0, false}} {
		if got, err := parseBound(c.text, c.unit); got != c.want || (err == nil) != c.good {
			t.Errorf("%q of %s: %g %v", c.text, c.unit, got, err)
		}
	}
}

// The formats say the same.
func TestProbeFormats(t *testing.T) {
	for format, want := range map[string]string{
		"text":       "OK        disk: the fullest is 40% full (n1); as of 0.4s ago\n",
		"prometheus": "candor_check_state{check=\"disk\"} 0\ncandor_check_value{check=\"disk\"} 40\n",
		"json":       `{"apiVersion":"candor/v1","kind":"Check","check":"disk","state":"OK","exit":0,"text":"the fullest is 40% full (n1); as of 0.4s ago","value":40,"unit":"%","warn":85,"critical":95,"age_ms":400}` + "\n",
	} {
		if _, text := probed(t, "disk", format, shop().healthy(), nil); text != want {
			t.Errorf("%s: %s", format, text)
		}
	}
}

// What is known is enough for CRITICAL, whoever is silent or has not told: never for OK.
func TestAProbeThatIsPartlyBlind(t *testing.T) {
	v := shop()
	v.evidence.Members[1].Report = new(verdict.Report)
	for bound, want := range map[float64]int{40: 2, 41: 3} {
		if exit, text := probed(t, "disk", "nagios", v, func(p *aProbe) { p.critical = bound }); exit != want {
			t.Errorf("critical at %g: %d %s", bound, exit, text)
		}
	}
	for bound, want := range map[float64]int{40: 2, 41: 1} {
		if exit, text := probed(t, "disk", "nagios", shop(), func(p *aProbe) { p.critical = bound }); exit != want {
			t.Errorf("one is down, critical at %g: %d %s", bound, exit, text)
		}
	}
}

// Operations: the codes of probes are 0 ok, 1 warning, 2 critical, 3 unknown. One that
// was not asked rightly knows nothing, and 2 would say that there is no quorum.
func TestAProbeThatIsMisusedIsUnknown(t *testing.T) {
	for line, says := range map[string]string{
		"check":                                   "name a probe",
		"check foo":                               `there is no command "foo"`,
		"check quorum --wran 1":                   "there is no flag --wran",
		"check repair --warn 1h --critical 1s":    "--warn is 1h0m0s and --critical 1s: it would be critical before it is a warning",
		"check quorum --warn x":                   `"x" is no bound: want one such as 1`,
		"check disk --format xml":                 `--format is "xml"`,
		"check disk -o yaml":                      "want table or json",
		"check disk -o json --format text":        "exclude each other",
		"check disk --timeout x":                  `--timeout is "x": want a time`,
		"check cluster extra":                     "",
		"check node --addr a:1 --context nowhere": "exclude each other",
	} {
		e, stdout, _ := quietEnv()
		if exit := e.run(t.Context(), strings.Fields(line)); exit != 3 || !strings.HasPrefix(stdout.String(), "CANDOR UNKNOWN - check: ") || !strings.Contains(stdout.String(), says) || strings.Count(stdout.String(), "\n") != 1 {
			t.Errorf("%s: exit %d: %s", line, exit, stdout)
		}
	}
}

func TestFailedChecks(t *testing.T) {
	if got := failedChecks("[+] storage ok\n[-] clock: it is off\n[-] not draining: it stops\n"); got != "clock: it is off; not draining: it stops" {
		t.Error(got)
	}
	if got := failedChecks("not ready\n"); got != "not ready" {
		t.Error(got)
	}
}
