package report

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"slices"

	"github.com/candordb/candor/bench/primitive"
	"github.com/candordb/candor/bench/trial"
)

// Report is what a run was.
type Report struct {
	Machine    Machine
	Rounds     []*trial.Round
	Primitives []primitive.Figure
	Absent     []Absent
}

// Machine is where and how it ran.
type Machine struct {
	Name     string            `json:"name"` // of the run
	Date     string            `json:"date"`
	Cores    int               `json:"cores"`
	CPU      string            `json:"cpu"`
	Memory   string            `json:"memory"`
	Kernel   string            `json:"kernel"`
	Disk     string            `json:"disk"` // the file system of the data
	Go       string            `json:"go"`
	Commit   string            `json:"commit"`
	Command  string            `json:"command"`
	Versions map[string]string `json:"versions"` // of peers, by name
}

// Absent is a peer that was not measured.
type Absent struct {
	Peer   string `json:"peer"`
	Reason string `json:"reason"`
}

// line is one JSON line: it has one of these.
type line struct {
	Machine   *Machine          `json:"machine,omitempty"`
	Round     *trial.Round      `json:"round,omitempty"`
	Primitive *primitive.Figure `json:"primitive,omitempty"`
	Absent    *Absent           `json:"absent,omitempty"`
}

// Writer writes JSON lines, and keeps what it has written.
type Writer struct {
	out    io.Writer
	report Report
}

// NewWriter begins with the machine.
func NewWriter(out io.Writer, m Machine) (*Writer, error) {
	w := &Writer{out: out}
	return w, w.write(line{Machine: &m})
}

// Round writes a round.
func (w *Writer) Round(r *trial.Round) error { return w.write(line{Round: r}) }

// Primitive writes a primitive.
func (w *Writer) Primitive(f primitive.Figure) error { return w.write(line{Primitive: &f}) }

// Absent writes who was not measured.
func (w *Writer) Absent(a Absent) error { return w.write(line{Absent: &a}) }

// Report is all that was written so far.
func (w *Writer) Report() *Report { return &w.report }

func (w *Writer) write(l line) error {
	text, err := json.Marshal(l)
	if err != nil {
		return err
	}
	w.report.take(l)
	_, err = w.out.Write(append(text, '\n'))
	return err
}

// lineMax is the longest JSON line that is read.
const lineMax = 1 << 20

// Read reads JSON lines.
func Read(in io.Reader) (*Report, error) {
	r, n := new(Report), 0
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, lineMax)
	for lines.Scan() {
		n++
		var l line
		if err := json.Unmarshal(lines.Bytes(), &l); err != nil {
			return nil, fmt.Errorf("report: line %d: %w", n, err)
		}
		r.take(l)
	}
	return r, lines.Err()
}

func (r *Report) take(l line) {
	if l.Machine != nil {
		r.Machine = *l.Machine
	}
	if l.Round != nil {
		r.Rounds = append(r.Rounds, l.Round)
	}
	if l.Primitive != nil {
		r.Primitives = append(r.Primitives, *l.Primitive)
	}
	if l.Absent != nil {
		r.Absent = append(r.Absent, *l.Absent)
	}
}

// Spread is a figure over the rounds.
type Spread struct {
	Median, Min, Max float64
	Count            int
}

// spreadOf is that of some figures; its Count is 0 if there are none. Figures that
// could not be had are negative, and left out.
func spreadOf(figures []float64) Spread {
	var seen []float64
	for _, f := range figures {
		if f >= 0 {
			seen = append(seen, f)
		}
	}
	n := len(seen)
	if n == 0 {
		return Spread{}
	}
	slices.Sort(seen)
	return Spread{(seen[(n-1)/2] + seen[n/2]) / 2, seen[0], seen[n-1], n}
}

// primitiveOf is a figure by its name.
func (r *Report) primitiveOf(name string) (f primitive.Figure, ok bool) {
	i := slices.IndexFunc(r.Primitives, func(f primitive.Figure) bool { return f.Name == name })
	if i < 0 {
		return f, false
	}
	return r.Primitives[i], true
}
