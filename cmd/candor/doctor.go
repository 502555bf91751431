package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/candordb/candor/verdict"
)

func doctorLeaf(e *env) leaf {
	return leaf{
		name: "doctor", about: "say what is wrong, what follows from it, and what to do; exit 9 on a critical finding, 4 if there is any other", views: true, markdown: true,
		examples: []string{
			"candor doctor",
			"candor doctor -v                             with all that was checked and is well",
			"candor doctor --skip D114,D131               leave out what is known",
			"candor doctor --since 1h                     only what began in the last hour",
			"candor doctor -o markdown                    for a ticket",
		},
		flags: adminFlags(
			&cli.BoolFlag{Name: "verbose", Aliases: []string{"v"}, Usage: "list the checks that found nothing"},
			&cli.StringFlag{Name: "skip", Usage: "`CODES` of rules to leave out, separated by commas"},
			&cli.DurationFlag{Name: "since", Usage: "print only findings that began within this `TIME`; the others are counted"}),
		run: func(ctx context.Context, c *cli.Context) error {
			o, err := adminOptionsOf(c)
			if err != nil {
				return err
			}
			d := doctorOptions{adminOptions: o, all: c.Bool("verbose"), since: c.Duration("since")}
			if d.since < 0 {
				return usagef("", "--since is %v: want more than 0s", d.since)
			}
			if d.skip, err = codesOf(c.String("skip")); err != nil {
				return err
			}
			return doctor(ctx, e, d)
		},
	}
}

func codesOf(list string) (codes []string, err error) {
	for _, code := range strings.Split(list, ",") {
		switch code = strings.ToUpper(strings.TrimSpace(code)); {
		case code == "":
		case !slices.Contains(verdict.Codes(), code):
			return nil, usagef("", "--skip: there is no rule %q: the rules are %s", code, strings.Join(verdict.Codes(), ", "))
		default:
			codes = append(codes, code)
		}
	}
	return codes, nil
}

type doctorOptions struct {
	adminOptions
	all   bool
	skip  []string
	since time.Duration // 0: whenever they began
}

// doctorFinding is a finding, and since when the node that was asked has had it.
type doctorFinding struct {
	verdict.Finding
	Since verdict.Opt[verdict.Time] `json:"since"`
}

// doctorView is what was found, without what is to be skipped.
type doctorView struct {
	APIVersion string           `json:"apiVersion"`
	Kind       string           `json:"kind"`
	Cluster    string           `json:"cluster"`
	Epoch      uint64           `json:"epoch"`
	SeenBy     string           `json:"seen_by"`
	AgeMS      int64            `json:"age_ms"`  // of the oldest evidence
	Worst      verdict.Severity `json:"worst"`   // of all that is not skipped
	Skipped    []string         `json:"skipped"` // codes that have found something, or could not be checked
	Older      int              `json:"older"`   // findings that began before --since, and are not listed
	Findings   []doctorFinding  `json:"findings"`
	all        bool
}

func (v *doctorView) names() (codes []string) {
	for i := range v.Findings {
		if f := &v.Findings[i]; f.Severity != verdict.Fine && !slices.Contains(codes, f.Code) {
			codes = append(codes, f.Code)
		}
	}
	return codes
}

func (v *doctorView) findings() (list []verdict.Finding) {
	for i := range v.Findings {
		list = append(list, v.Findings[i].Finding)
	}
	return list
}

func (v *doctorView) screen(bool) screen {
	return screen{above: verdict.Text(v.findings(), v.all), below: v.rest()}
}

// rest says what is not shown, and whose view this is.
func (v *doctorView) rest() string {
	text := ""
	if v.Older > 0 {
		text += fmt.Sprintf("%s began earlier (without --since they are listed)\n", counted(v.Older, "finding"))
	}
	if len(v.Skipped) > 0 {
		text += "skipped, and not well: " + strings.Join(v.Skipped, ", ") + "\n"
	}
	return text + fmt.Sprintf("as seen by %s, %.1fs ago\n", v.SeenBy, float64(v.AgeMS)/1000)
}

// markdown is the report for a ticket.
func (v *doctorView) markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s, epoch %d\n\n", v.Cluster, v.Epoch)
	var well, lacking []string
	for i := range v.Findings {
		f := &v.Findings[i]
		switch f.Severity {
		case verdict.Fine:
			well = append(well, f.Code+" "+f.Short)
			continue
		case verdict.Unchecked:
			lacking = append(lacking, "- "+f.Code+" "+f.Title+"\n")
			continue
		}
		fmt.Fprintf(&b, "## %s %s: %s\n\n", f.Code, f.Severity, f.Title)
		for _, one := range f.Evidence {
			fmt.Fprintf(&b, "- %s\n", one.Text)
		}
		if len(f.Evidence) > 0 {
			b.WriteString("\n")
		}
		if since, ok := f.Since.Get(); ok {
			fmt.Fprintf(&b, "Since %s.\n\n", timeText(time.UnixMilli(int64(since))))
		}
		if f.Effect != "" {
			fmt.Fprintf(&b, "**Effect:** %s\n\n", f.Effect)
		}
		if f.Action != "" {
			fmt.Fprintf(&b, "**Do:** %s\n\n", f.Action)
		}
	}
	if len(lacking) > 0 {
		fmt.Fprintf(&b, "## not known\n\n%s\n", strings.Join(lacking, ""))
	}
	if len(well) > 0 {
		fmt.Fprintf(&b, "## well\n\n%s\n\n", strings.Join(well, "; "))
	}
	b.WriteString(v.rest())
	return b.String()
}

func doctor(ctx context.Context, e *env, o doctorOptions) error {
	ctx, cancel := context.WithTimeout(ctx, o.timeout)
	defer cancel()
	var answer struct {
		Cluster string `json:"cluster"`
		Epoch   uint64 `json:"epoch"`
		SeenBy  struct {
			Name string    `json:"name"`
			Time time.Time `json:"time"`
		} `json:"seen_by"`
		AgeMS    verdict.Opt[int64] `json:"age_ms"` // of the oldest evidence
		Findings []doctorFinding    `json:"findings"`
	}
	asked := time.Now()
	if err := o.ask(ctx, "/v1/doctor", &answer); err != nil {
		return err
	}
	v := &doctorView{
		APIVersion: apiVersion, Kind: "Doctor", Cluster: answer.Cluster, Epoch: answer.Epoch, SeenBy: answer.SeenBy.Name,
		AgeMS: time.Since(asked).Milliseconds() + known(answer.AgeMS), Findings: answer.Findings, all: o.all,
	}
	v.leaveOut(o.skip, o.since, verdict.Time(answer.SeenBy.Time.UnixMilli()))
	if err := o.format.print(e.stdout, v); err != nil {
		return err
	}
	switch v.Worst {
	case verdict.Fine:
		return nil
	case verdict.Critical:
		return exitWith(exitFailing)
	}
	return exitWith(exitPartly)
}

// leaveOut takes out what is to be skipped, and what began too early. The latter
// counts for what is worst all the same.
func (v *doctorView) leaveOut(skip []string, since time.Duration, now verdict.Time) {
	v.Skipped = []string{}
	v.Findings = slices.DeleteFunc(v.Findings, func(f doctorFinding) bool {
		out := slices.Contains(skip, f.Code)
		if out && f.Severity != verdict.Fine && !slices.Contains(v.Skipped, f.Code) {
			v.Skipped = append(v.Skipped, f.Code)
		}
		return out
	})
	v.Worst = verdict.Worst(v.findings())
	v.Findings = slices.DeleteFunc(v.Findings, func(f doctorFinding) bool {
		began, known := f.Since.Get()
		out := since > 0 && f.Severity != verdict.Fine && known && int64(now)-int64(began) > since.Milliseconds()
		if out {
			v.Older++
		}
		return out
	})
	if v.Findings == nil {
		v.Findings = []doctorFinding{}
	}
}
