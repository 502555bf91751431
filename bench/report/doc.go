// Package report makes of one run of the harness a page that can be read, and one
// that can be reckoned with.
//
// A Report is what a run was: the machine, the rounds, the primitives, who was absent.
// It is written as JSON lines while the run goes on (Writer), so that a run that is
// interrupted loses nothing, and can be read back (Read). Markdown and Plots are made
// of a Report and of nothing else.
//
// Figures of several rounds are a Spread: their median, and the least and the
// largest. Ratios are taken round by round, of the two that ran one after the other,
// and only then is the median taken; a ratio above 1 says that Candor has more of it.
//
// Goals are those of the project: one row each, whether it was reached or not, and
// where it is not measured here, why. No row is left out for want of a figure.
//
// Everything in here is a function of its arguments: no clock, no file, no machine.
package report
