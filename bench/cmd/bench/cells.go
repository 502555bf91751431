package main

import (
	"strings"

	"github.com/candordb/candor/bench/engine"
	"github.com/candordb/candor/bench/report"
	"github.com/candordb/candor/bench/trial"
)

// closed is a cell of a closed loop.
func (o *options) closed(name string, reads, depth int) trial.Cell {
	return trial.Cell{Cell: engine.Cell{Name: name, Reads: reads, Conns: o.conns, Depth: depth}}
}

// open is a cell of an open loop, at a share of what a cell before it has reached.
func (o *options) open(name string, reads int, share float64, of string) trial.Cell {
	return trial.Cell{Cell: engine.Cell{Name: name, Reads: reads, Conns: o.conns}, Share: share, Of: of}
}

// once is the cell of sustained writes, to all keys alike: it is asked for long enough that
// what is written is merged again and again.
func (o *options) once(depth int) trial.Cell {
	c := o.closed(report.CellSustained, 0, depth)
	c.Once, c.Uniform = true, true
	return c
}

// A burst is writes that fit into two memory tables, so that nothing is merged
// meanwhile: these many operations at most, of some 200 bytes each.
const burst = 600_000

func (o *options) burst(name string, depth int) trial.Cell {
	c := o.closed(name, 0, depth)
	c.Count = burst
	return c
}

// The shares of mixes that are reads.
const (
	onlyReads  = 100
	mixA       = 50
	mixB       = 95
	onlyWrites = 0
)

// usual are the cells of a peer.
func (o *options) usual() []trial.Cell {
	return []trial.Cell{
		o.burst(report.CellPut16, 16),
		o.burst(report.CellPut1, 1),
		o.closed(report.CellGet1, onlyReads, 1),
		o.closed(report.CellGet16, onlyReads, 16),
		o.closed(report.CellB16, mixB, 16),
		o.closed(report.CellA16, mixA, 16),
		o.once(16),
	}
}

// floor are the cells beside the echo: those that tell Candor from the machine.
func (o *options) floor() []trial.Cell {
	one := o.open(report.CellTenthOne, onlyReads, 0.1, report.CellGet1)
	one.ReadOne = true
	return []trial.Cell{
		o.burst(report.CellPut64, 64),
		o.burst(report.CellPut16, 16),
		o.burst(report.CellPut1, 1),
		o.closed(report.CellGet1, onlyReads, 1),
		o.closed(report.CellGet16, onlyReads, 16),
		o.closed(report.CellB64, mixB, 64),
		o.closed(report.CellA16, mixA, 16),
		one,
		o.open(report.CellTenthGet, onlyReads, 0.1, report.CellGet1),
		o.open(report.CellTenthPut, onlyWrites, 0.1, report.CellPut1),
		o.open(report.CellHalf, mixA, 0.5, report.CellA16),
		o.once(64),
	}
}

// alone are the cells of one node beside the echo.
func (o *options) alone() []trial.Cell {
	return []trial.Cell{
		o.burst(report.CellPut64, 64),
		o.closed(report.CellGet1, onlyReads, 1),
		o.closed(report.CellGet16, onlyReads, 16),
		o.once(64),
	}
}

// chosen are the cells whose name begins with one of the words, and what they need.
func chosen(all []trial.Cell, words string) (some []trial.Cell) {
	if words == "" {
		return all
	}
	wanted := make(map[string]bool)
	for _, c := range all {
		for word := range strings.SplitSeq(words, ",") {
			if strings.HasPrefix(c.Name, word) {
				wanted[c.Name], wanted[c.Of] = true, true
			}
		}
	}
	for _, c := range all {
		if wanted[c.Name] {
			some = append(some, c)
		}
	}
	return some
}
