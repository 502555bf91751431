package contract

import (
	"slices"
	"testing"
)

// protocol.md: "In text: one, two, three for 1 to 3, else the number or the name."
func TestLevelText(t *testing.T) {
	for l := range Level(255) {
		if !l.Known() {
			continue
		}
		back, ok := ParseLevel(l.String())
		if !ok || back != l {
			t.Errorf("level %d is %q and comes back as %d, %v", l, l, back, ok)
		}
	}
	for _, s := range []string{"", "0", "01", "+1", "64", "300", "-1", "Quorum", "qourum", "1x"} {
		if l, ok := ParseLevel(s); ok {
			t.Errorf("%q was taken as %v", s, l)
		}
	}
}

func TestNeed(t *testing.T) {
	for _, tc := range []struct {
		level Level
		n     int
		need  int
		ok    bool
	}{
		{One, 3, 1, true}, {Two, 3, 2, true}, {Three, 3, 3, true}, {4, 3, 0, false}, {Quorum, 1, 1, true}, {Quorum, 2, 2, true},
		{Quorum, 3, 2, true}, {Quorum, 4, 3, true}, {Quorum, 5, 3, true}, {All, 5, 5, true}, {Any, 3, 0, false}, {Serial, 3, 0, false},
		{Default, 3, 0, false}, {LocalQuorum, 3, 0, false},
	} {
		if need, ok := tc.level.Need(tc.n); need != tc.need || ok != tc.ok {
			t.Errorf("%v of %d: %d %v", tc.level, tc.n, need, ok)
		}
	}
}

// Contract, section 3: three outcomes, nothing else.
func TestClassIsTheCodeDividedBy100(t *testing.T) {
	for _, c := range Codes() {
		if c.Class() != Class(c/100) {
			t.Errorf("%v is of class %v", c, c.Class())
		}
	}
	for _, tc := range []struct {
		code        Code
		read, write Class
	}{
		{OK, Done, Done}, {Unavailable, NoEffect, NoEffect}, {Timeout, NoEffect, Unknown}, {InDoubt, NoEffect, Unknown},
		{Corrupt, NoEffect, NoEffect}, {Internal, NoEffect, Unknown}, {199, NoEffect, NoEffect}, {299, NoEffect, Unknown}, {399, NoEffect, Unknown},
	} {
		if r, w := tc.code.Settled(false), tc.code.Settled(true); r != tc.read || w != tc.write {
			t.Errorf("%v: reads %v, writes %v", tc.code, r, w)
		}
	}
}

// operations.md, section 2: 504 and exit 6 mean one thing only: a write is in doubt.
func TestOneTableForHTTPAndExitCodes(t *testing.T) {
	for _, c := range Codes() {
		for _, write := range []bool{false, true} {
			doubt := c.Settled(write) == Unknown
			if doubt != (c.ExitCode(write) == 6) {
				t.Errorf("%v write=%v exits with %d", c, write, c.ExitCode(write))
			}
			if !doubt && c.HTTPStatus(write) == 504 {
				t.Errorf("%v write=%v is HTTP %d", c, write, c.HTTPStatus(write))
			}
		}
	}
	if Code(250).ExitCode(true) != 6 || Code(150).ExitCode(true) != 1 || Code(150).HTTPStatus(true) != 500 {
		t.Error("an unknown code is not treated by its class")
	}
}

func TestNamesAreUnique(t *testing.T) {
	var names []string
	for _, c := range Codes() {
		names = append(names, c.String())
	}
	slices.Sort(names)
	if len(slices.Compact(names)) != len(codes) {
		t.Error("two codes share a name")
	}
	if Code(777).String() != "CODE_777" || RowState(9).String() != "9" || Hinted.String() != "hinted" {
		t.Error("names of unknown numbers")
	}
}
