package main

import (
	"context"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// haunted lets two nemeses strike for ten minutes, one of which does so only while all
// is whole, and counts their strikes and those that could not be made.
func haunted(t *testing.T, nodes []*node) (kills, losses, spared uint64) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
		defer cancel()
		nothing := func(context.Context, *arena, *rand.Rand) error { return nil }
		both := []nemesis{{name: "kill", strike: nothing}, {name: "lostdb", whole: true, strike: nothing}}
		a := &arena{cluster: &cluster{nodes: nodes}, o: &options{seed: 3}, began: time.Now(), out: io.Discard, strikes: map[string]*atomic.Uint64{}, spared: map[string]*atomic.Uint64{}}
		for _, n := range both {
			a.strikes[n.name], a.spared[n.name] = new(atomic.Uint64), new(atomic.Uint64)
		}
		if err := haunt(ctx, a, processes, both); err != nil {
			t.Error(err)
		}
		kills, losses, spared = a.strikes["kill"].Load(), a.strikes["lostdb"].Load(), a.spared["lostdb"].Load()
	})
	return kills, losses, spared
}

// One copy may be lost, not two: while a node does not serve, no other one loses what
// it has stored, the others strike on, and what could not strike is told.
func TestNothingIsLostTwiceAtATime(t *testing.T) {
	down := new(node)
	down.Name = "n1"
	if kills, losses, spared := haunted(t, []*node{down}); losses > 0 || kills < 10 || spared < 2 {
		t.Errorf("with a node down: %d other strikes, %d losses, %d that could not be made", kills, losses, spared)
	}
	if kills, losses, spared := haunted(t, nil); losses < 10 || kills < 10 || spared > 0 {
		t.Errorf("with nobody down: %d other strikes, %d losses, %d that could not be made", kills, losses, spared)
	}
}

func TestAStrikeThatWaitsEndsWithTheRun(t *testing.T) {
	down := new(node)
	down.Name = "n1"
	a := &arena{cluster: &cluster{nodes: []*node{down}}, out: io.Discard}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	began := time.Now()
	if why := a.awaitWhole(ctx); !strings.Contains(why, "n1 does not serve") || time.Since(began) > wholeWithin/2 {
		t.Errorf("%q after %v", why, time.Since(began))
	}
}

// A node is asked itself, and what cannot be read is not taken for none.
func TestQuarantineIsAskedOfTheNode(t *testing.T) {
	for body, want := range map[string]int{
		"# HELP " + quarantineMetric + " x\n" + quarantineMetric + " 12\nother 3\n": 12,
		quarantineMetric + " 0\n":         0,
		"other 3\n":                       -1,
		quarantineMetric + "_of_all 0\n":  -1,
		quarantineMetric + " many\n":      -1,
		strings.Repeat("x", 100_000) + "": -1,
	} {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, body) }))
		got, err := quarantined(t.Context(), s.Listener.Addr().String())
		s.Close()
		if err != nil {
			got = -1
		}
		if got != want {
			t.Errorf("%.40q is read as %d (%v), want %d", body, got, err, want)
		}
	}
}
