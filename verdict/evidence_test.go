package verdict

import (
	"encoding/json"
	"errors"
	"math"
	"math/bits"
	"reflect"
	"strings"
	"testing"

	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/coordinator"
	"github.com/candordb/candor/ring"
	"pgregory.net/rapid"
)

func TestUnknownIsNotZero(t *testing.T) {
	type row struct {
		A Opt[int64]   `json:"a"`
		B Opt[[]int64] `json:"b"`
		C Opt[Time]    `json:"c"`
	}
	for text, want := range map[string]row{
		`{"a":null,"b":null,"c":null}`:                    {},
		`{"a":0,"b":[],"c":"2026-10-10T12:05:45.000Z"}`:   {Known(int64(0)), Known([]int64{}), Known(at)},
		`{"a":-7,"b":[1],"c":"1970-01-01T00:00:00.001Z"}`: {Known(int64(-7)), Known([]int64{1}), Known(Time(1))},
	} {
		got := row{A: Known(int64(1)), B: Known([]int64{9})}
		if err := json.Unmarshal([]byte(text), &got); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
		if b, err := json.Marshal(got); err != nil || string(b) != text {
			t.Errorf("%s: %s, %v", text, b, err)
		}
	}
	if b, _ := json.Marshal(row{B: Known([]int64(nil))}); !strings.Contains(string(b), `"b":[]`) {
		t.Errorf("a list that is known to be empty: %s", b)
	}
	var r row
	if err := json.Unmarshal([]byte(`{}`), &r); err != nil || !reflect.DeepEqual(r, row{}) {
		t.Errorf("absent: %+v, %v", r, err)
	}
	if err := json.Unmarshal([]byte(`{"a":"x"}`), &r); err == nil {
		t.Errorf("a wrong type: %+v", r)
	} else if _, known := r.A.Get(); known {
		t.Error("what could not be read is known")
	}
}

func TestASnapshotIsItsJSON(t *testing.T) {
	s := healthy(5, 64)
	kill(s, "n3")
	report(s, "n2").Quarantine = Known(Quarantine{Partitions: PartitionsOf(3, 9, 14, 15, 16, 17)})
	c := clone(t, s)
	if again := clone(t, c); !reflect.DeepEqual(c, again) {
		t.Error("it changes on the way")
	}
	if !reflect.DeepEqual(Verdict(s), Verdict(c)) || !reflect.DeepEqual(Check(s), Check(c)) {
		t.Error("the verdict changes on the way")
	}
	b, err := json.Marshal(report(s, "n2"))
	if err != nil {
		t.Fatal(err)
	}
	if r, err := ParseReport(b); err != nil || !reflect.DeepEqual(r, report(c, "n2")) {
		t.Errorf("%+v, %v", r, err)
	}
	if _, err := ParseReport([]byte(`{"epoch": "x"}`)); err == nil {
		t.Error("a report of another shape")
	}
}

func TestPartitionsAreListedInRuns(t *testing.T) {
	for _, tc := range []struct {
		set        Partitions
		text, said string
	}{
		{nil, "", ""},
		{PartitionsOf(7), "7", "7"},
		{PartitionsOf(17, 3, 9, 14, 16, 15, 3), "3,9,14-17", "3, 9, 14-17"},
		{PartitionsOf(0, 2, 4, 6, 7), "0,2,4,6-7", "0, 2, 4 and 2 more"},
		{PartitionsOf(0, 1, 65535), "0-1,65535", "0-1, 65535"},
	} {
		b, err := tc.set.MarshalText()
		if err != nil || string(b) != tc.text || tc.set.Text(3) != tc.said {
			t.Errorf("%v: %q, %q, %v", tc.set, b, tc.set.Text(3), err)
		}
		var got Partitions
		if err := got.UnmarshalText(b); err != nil || !reflect.DeepEqual(got, tc.set) {
			t.Errorf("%q: %v, %v", b, got, err)
		}
	}
	for _, text := range []string{",", "1,", "1,1", "2,1", "3-1", "65536", "-1", "1-", "a", "1-70000", "+1", "0-5,5", "1 2"} {
		if err := new(Partitions).UnmarshalText([]byte(text)); !errors.Is(err, ErrPartitions) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func FuzzReport(f *testing.F) {
	s := healthy(3, 8)
	b, _ := json.Marshal(s.Members[0].Report)
	f.Add(b)
	f.Add([]byte(`{"quarantine":{"partitions":"0-65535"},"repair":{"states":[{"partitions":"9-99"}]},"probe":{"age_ms":-9223372036854775808}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := ParseReport(b)
		if err != nil {
			return
		}
		s := healthy(3, 8)
		s.Members[1].Report = r
		judge(s)
	})
}

// judge asks for everything that can be said of a snapshot.
func judge(s *Snapshot) {
	r, found := Verdict(s), Check(s)
	_, _, _, _ = r.Screen(), Text(found, true), Why(r, found), Disagreements(s)
}

// Whatever other nodes report, nothing panics.
func TestNothingIsTooStrange(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := anySnapshot(t)
		var numbers []reflect.Value
		var walk func(v reflect.Value)
		walk = func(v reflect.Value) {
			switch v.Kind() {
			case reflect.Struct:
				for i := range v.NumField() {
					f := v.Field(i)
					walk(reflect.NewAt(f.Type(), f.Addr().UnsafePointer()).Elem())
				}
			case reflect.Slice:
				for i := range v.Len() {
					walk(v.Index(i))
				}
			case reflect.Pointer:
				if !v.IsNil() {
					walk(v.Elem())
				}
			case reflect.Int, reflect.Int64, reflect.Uint64, reflect.Uint16:
				numbers = append(numbers, v)
			}
		}
		walk(reflect.ValueOf(s).Elem())
		for range rapid.IntRange(1, 20).Draw(t, "changes") {
			v := numbers[rapid.IntRange(0, len(numbers)-1).Draw(t, "number")]
			switch n := rapid.SampledFrom([]int64{math.MinInt64, math.MinInt64 + 1, -1, 0, 1, 1 << 40, math.MaxInt64}).Draw(t, "value"); v.Kind() {
			case reflect.Uint16, reflect.Uint64:
				v.SetUint(uint64(n) & (1<<v.Type().Bits() - 1))
			default:
				v.SetInt(n)
			}
		}
		judge(s)
	})
}

// A level is possible by the very rule by which the coordinator refuses requests.
func TestLevelsAreThoseOfTheCoordinator(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		nodes := rapid.IntRange(1, 7).Draw(t, "nodes")
		s := healthy(nodes, 8)
		s.Cluster.Replicas = min(nodes, 3)
		var members []ring.Member
		for i := range s.Members {
			s.Members[i].Region = rapid.SampledFrom([]string{"", "eu", "us"}).Draw(t, "region")
			members = append(members, ring.Member{ID: ring.NodeID{byte(i + 1)}, Name: s.Members[i].Name, Region: s.Members[i].Region, State: ring.Normal})
		}
		var flat []uint16
		for _, row := range s.Owners.value {
			flat = append(flat, row...)
		}
		view, err := ring.NewView(41, 8, s.Cluster.Replicas, members, flat)
		if err != nil {
			t.Fatal(err)
		}
		e := evidenceOf(s)
		level := contract.Level(rapid.IntRange(1, int(contract.EachQuorum)).Draw(t, "level"))
		want, ok := coordinator.AppendParts(nil, level, view, view.Owners(3), e.region())
		got, known := e.parts(level, s.Owners.value[3], e.region())
		if level == contract.Any {
			if known && !meets(got, 0) { // others stand in for its own replicas
				t.Fatalf("any: %v", got)
			}
			return
		}
		if !ok {
			// Not a level of natural replicas, or above their number: never possible.
			if known && meets(got, everyone>>(64-s.Cluster.Replicas)) != (level == contract.Serial) {
				t.Fatalf("%v: %v", level, got)
			}
			return
		}
		for up := range uint64(1) << s.Cluster.Replicas {
			possible := true
			for _, p := range want {
				possible = possible && bits.OnesCount64(up&uint64(p.Of)) >= p.Need
			}
			if meets(got, up) != possible {
				t.Fatalf("%v with %b: the coordinator says %v", level, up, possible)
			}
		}
	})
}

func TestSpansAndNumbers(t *testing.T) {
	for ms, want := range map[int64]string{
		-5: "0ms", 412: "412ms", 1000: "1s", 3200: "3.2s", 14_000: "14s", 60_000: "1m", 252_000: "4m12s", hourMS: "1h", 185 * minuteMS: "3h5m", 61 * dayMS: "61d",
	} {
		if got := span(ms); got != want {
			t.Errorf("%d ms: %s, want %s", ms, got, want)
		}
	}
	for n, want := range map[int]string{0: "0", 999: "999", 1024: "1,024", 1234567: "1,234,567", -1234: "-1,234", -123: "-123"} {
		if got := Grouped(n); got != want {
			t.Errorf("%d: %s", n, got)
		}
	}
	if got := (at - 24*hourMS).clock(at); got != "2026-10-09T12:05:45Z" {
		t.Errorf("yesterday: %s", got)
	}
}

func TestAgeingIsOfAllEvidence(t *testing.T) {
	s := healthy(3, 8)
	later := s.Aged(5_000)
	if age, _ := later.Members[2].AgeMS.Get(); age != 5_400 {
		t.Error(age)
	}
	if age, _ := s.Members[2].AgeMS.Get(); age != 400 {
		t.Errorf("the snapshot itself has changed: %d", age)
	}
	if now, _ := later.Time.Get(); now != at+5_000 {
		t.Error(now)
	}
	if r := Verdict(later); r.Verdict != OK {
		t.Error(r)
	}
	if r := Verdict(s.Aged(math.MaxInt64)); r.Verdict != Unknown {
		t.Error(r)
	}
}
