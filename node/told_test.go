package node

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/candordb/candor/admin"
	"github.com/candordb/candor/hinted"
	"github.com/candordb/candor/verdict"
)

// A node that is to be rebuilt keeps no hints. What it did not keep is told apart from
// what it had no room for, as long as repair has not made up for it.
func TestHintsThatARebuildForbidsAreToldApart(t *testing.T) {
	n, away := leftWithOneVote(t)
	n.distrustItself()
	eventually(t, "it is behind", func() bool { return n.control.distrust.Load() != 0 })
	hint := freshHint(n, away, []byte("k"))
	n.KeepHint(hint)

	r := newReporter(n)
	told := func() (kept verdict.Hints, partitions int) {
		var own verdict.Report
		r.hints(&own)
		hints, _ := own.Hints.Get()
		for _, row := range hints {
			if row.Target == away.String() {
				kept = row
			}
		}
		dirty, _ := own.Dirty.Get()
		for _, row := range dirty {
			partitions += row.Partitions
		}
		return kept, partitions
	}
	if kept, partitions := told(); kept.Overflowed != 0 || kept.Withheld != 1 || partitions != 1 {
		t.Errorf("%+v, %d partitions are due", kept, partitions)
	}
	n.hints.with(func(c *hinted.Core) {
		c.Clean(away, n.Cluster().Ring.PartitionOf(hint.Place.Token), hint.Version.Time.Add(time.Hour.Milliseconds()))
	})
	if kept, partitions := told(); kept.Withheld != 0 || partitions != 0 {
		t.Errorf("repair has made up for it: %+v, %d partitions are due", kept, partitions)
	}
}

// A member whose data folder is gone, and that was started all the same, answers as
// somebody else. The doctor says so, and a node that was stopped says that it is.
func TestAMemberThatAnswersAsSomebodyElse(t *testing.T) {
	c, _ := quickCluster(t)
	c.halt(2)
	c.log.mu.Lock()
	last := ""
	for _, line := range c.log.lines {
		if strings.HasPrefix(line, "n3 ") && strings.Contains(line, "msg=stop") {
			last = line
		}
	}
	c.log.mu.Unlock()
	if !strings.HasSuffix(last, "msg=stopped") {
		t.Errorf("the last word of a node that was stopped is %q", last)
	}
	dir := c.nodes[2].config.Node.DataDir
	if err := os.Rename(dir, filepath.Join(t.TempDir(), "moved")); err != nil {
		t.Fatal(err)
	}
	c.start(2)
	eventually(t, "the doctor says who answers there", func() bool {
		_, _, body := c.do(http.MethodGet, 0, "/v1/doctor", "")
		return strings.Contains(body, "n3 is down: another node answers at its address")
	})
}

// What a log says in JSON is for people too: how long it took has a unit.
func TestTimesInTheLogHaveUnits(t *testing.T) {
	var said bytes.Buffer
	n := &Node{log: slog.New(slog.NewJSONHandler(&said, nil)), admin: new(admin.Server)}
	l := &lost{node: n, since: time.Now().Add(-14200 * time.Millisecond), of: 3}
	l.note(context.Background(), 0)
	if text := said.String(); !strings.Contains(text, `"took":"14.2`) {
		t.Error(text)
	}
}
