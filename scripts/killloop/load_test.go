package main

import (
	"bytes"
	"testing"

	"github.com/candordb/candor/client"
)

// What may be found of a write, by what its writer was told. A checker that
// lets everything pass would call any store durable.
func TestWhatAWriterWasToldIsHeldAgainstTheStore(t *testing.T) {
	const gone, whole, damaged = "gone", "whole", "damaged"
	for _, c := range []struct {
		told  client.Outcome
		found string
		ok    bool
		want  tally
	}{
		{client.Done, whole, true, tally{acked: 1}},
		{client.Done, gone, false, tally{}},
		{client.Done, damaged, false, tally{}},
		{client.InDoubt, whole, true, tally{doubtThere: 1}},
		{client.InDoubt, gone, true, tally{doubtGone: 1}},
		{client.InDoubt, damaged, false, tally{}},
		{client.NotApplied, gone, true, tally{refused: 1}},
		{client.NotApplied, whole, false, tally{}},
		{client.NotApplied, damaged, false, tally{}},
	} {
		var sum tally
		if ok := sum.count(write{"k", c.told}, c.found != gone, c.found == whole); ok != c.ok || sum != c.want {
			t.Errorf("told %v, found %s: %t, %+v", c.told, c.found, ok, sum)
		}
	}
}

func TestAValueNamesItsKey(t *testing.T) {
	a, b := write{key: "a"}.value(), write{key: "b"}.value()
	if !bytes.Equal(a, write{key: "a", fate: client.InDoubt}.value()) {
		t.Error("a key has two values")
	}
	if !bytes.HasPrefix(a, []byte("a ")) || !bytes.HasPrefix(b, []byte("b ")) {
		t.Errorf("%.20q, %.20q", a, b)
	}
}
