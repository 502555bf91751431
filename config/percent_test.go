package config

import "testing"

func TestPercentile(t *testing.T) {
	for text, want := range map[string]Percentile{"p1": 1, "p95": 95, "p99": 99} {
		got, err := parsePercentile(text)
		if err != nil || got != want || got.String() != text {
			t.Errorf("%s: %v %v", text, got, err)
		}
	}
	for _, text := range []string{"", "p", "95", "95%", "p0", "p100", "p-1", "p99.9", "p095", "P95", "p 95"} {
		if got, err := parsePercentile(text); err == nil {
			t.Errorf("%q is read as %v", text, got)
		}
	}
}

func TestPercent(t *testing.T) {
	for text, want := range map[string]Percent{"0%": 0, "75%": 75, "100%": 100} {
		got, err := parsePercent(text)
		if err != nil || got != want || got.String() != text {
			t.Errorf("%s: %v %v", text, got, err)
		}
	}
	for _, text := range []string{"", "%", "75", "101%", "-1%", "7.5%", "075%", "75 %", "0.75"} {
		if got, err := parsePercent(text); err == nil {
			t.Errorf("%q is read as %v", text, got)
		}
	}
}
