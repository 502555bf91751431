package main

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
)

// drawEvery is how often the bar is drawn at most.
const drawEvery = 100 * time.Millisecond

// barWidth is how many cells the bar has.
const barWidth = 20

// progress is a bar on a terminal; without one it draws nothing. Its methods may
// be called by many goroutines.
type progress struct {
	w     io.Writer
	width int // of the terminal; 0: there is none
	label string
	size  int64 // of all, in bytes; 0: not known
	began time.Time

	mu      sync.Mutex // guards what follows
	bytes   int64
	records int
	drawn   time.Time
	shown   bool
}

func newProgress(e *env, label string, size int64) *progress {
	return &progress{w: e.stderr, width: e.width(), label: label, size: size, began: time.Now()}
}

// at says how much of the input has been read.
func (p *progress) at(bytes int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.bytes = bytes
}

// done counts a record that is done with.
func (p *progress) done() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.records++
	if now := time.Now(); p.width > 0 && now.Sub(p.drawn) >= drawEvery {
		p.drawn, p.shown = now, true
		fmt.Fprint(p.w, "\r"+fit(p.line(now.Sub(p.began)), p.width-1))
	}
}

// over prints a line above the bar.
func (p *progress) over(line string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.wipe()
	fmt.Fprintln(p.w, line)
}

// end takes the bar away.
func (p *progress) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.wipe()
}

func (p *progress) wipe() {
	if p.shown {
		fmt.Fprint(p.w, "\r"+strings.Repeat(" ", p.width-1)+"\r")
		p.shown = false
	}
}

// line is the bar. Percentages are rounded down.
func (p *progress) line(took time.Duration) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%-8s", p.label)
	if p.size > 0 {
		share := min(float64(p.bytes)/float64(p.size), 1)
		full := int(share * barWidth)
		fmt.Fprintf(&b, "[%s%s] %d%%   ", strings.Repeat("#", full), strings.Repeat("-", barWidth-full), int(share*100))
	}
	fmt.Fprintf(&b, "%s records   %s   %s/s", grouped(p.records), sized(p.bytes), grouped(rate(p.records, took)))
	return b.String()
}

// rate is how many per second.
func rate(n int, took time.Duration) int {
	if took <= 0 {
		return 0
	}
	return int(float64(n) / took.Seconds())
}

// fit makes a line exactly that wide, so that it covers the one before.
func fit(line string, width int) string {
	if len(line) > width {
		return line[:max(width, 0)]
	}
	return line + strings.Repeat(" ", width-len(line))
}
