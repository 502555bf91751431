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
		{"quorum", shop(), 0, "CANDOR OK - quorum: possible in all 1,024 partitions | quorum=0;1;1"},
		{"quorum", failing(), 2, "CANDOR CRITICAL - quorum: not possible in 512 of 1,024 partitions (n3, n4 do not answer) | quorum=512;1;1"},
		{"quorum", unknown(), 3, "CANDOR UNKNOWN - quorum: it is not known where it is possible"},
		{"repair", shop().healthy(), 0, "CANDOR OK - repair: the oldest proof is 1m34s old"},
		{"repair", shop(), 3, "CANDOR UNKNOWN - repair: n3 has not reported how far its partitions are repaired"},
		{"hints", shop().healthy(), 0, "CANDOR OK - hints: there are none | hints=0s;1800;3600"},
		{"hints", unknown(), 3, "CANDOR UNKNOWN - hints: n2 has not reported its hints"},
		{"disk", shop().healthy(), 0, "CANDOR OK - disk: the fullest is 40% full (n1) | disk=40%;85;95"},
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
		err := p.tell(e, p.judge(m.look(v)))
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
	}{{"30m", "s", 1800, true}, {"30", "s", 0, false}, {"85%", "%", 85, true}, {"85", "%", 85, true}, {"-1", "%", 0, false}, {"x", "partitions", 0, false}, {"2", "partitions", 2, true}, {"NaN", "%", 0, false}} {
		if got, err := parseBound(c.text, c.unit); got != c.want || (err == nil) != c.good {
			t.Errorf("%q of %s: %g %v", c.text, c.unit, got, err)
		}
	}
}

// The formats say the same.
func TestProbeFormats(t *testing.T) {
	for format, want := range map[string]string{
		"text":       "OK        disk: the fullest is 40% full (n1)\n",
		"prometheus": "candor_check_state{check=\"disk\"} 0\ncandor_check_value{check=\"disk\"} 40\n",
		"json":       `{"apiVersion":"candor/v1","kind":"Check","check":"disk","state":"OK","exit":0,"text":"the fullest is 40% full (n1)","value":40,"unit":"%","warn":85,"critical":95}` + "\n",
	} {
		if _, text := probed(t, "disk", format, shop().healthy(), nil); text != want {
			t.Errorf("%s: %s", format, text)
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
