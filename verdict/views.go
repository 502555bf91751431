package verdict

// settleMS is how long, in milliseconds, nodes have to find each other. A view of a
// node that was formed within so long of the start of either, or of the moment in
// which it fell silent, tells of the change and not of a fault: links are made anew,
// trust is won anew. What lasts longer is told.
const settleMS = 5000

// started is how long ago a member was started, by its own report; false if that is
// not known.
func (e *evidence) started(i int) (ago int64, ok bool) {
	n := e.nodes[i]
	if n == nil {
		return 0, false
	}
	uptime, ok := n.UptimeMS.Get()
	return saturated(uptime, n.age), ok && uptime >= 0
}

// isNew says whether a node had only just been started when it made its report.
func (n *node) isNew() bool {
	uptime, ok := n.UptimeMS.Get()
	return ok && uptime >= 0 && uptime < settleMS
}

// view is how a node sees a member, as far as that is evidence about the member as it
// is now: a report that is older than the process which answers today, or than the
// silence that has begun since, is none. What is missing then is in words.
func (e *evidence) view(n *node, i int) (state, missing string) {
	state = n.sees(e.Members[i].ID)
	name := e.name(i)
	switch ago, known := e.started(i); {
	case state == "":
		return "", n.name + " has not reported whether it reaches " + name
	case e.silent(i) && state == Up && e.quietFor(i)-n.age < settleMS:
		return "", n.name + " has not looked at " + name + " since that fell silent"
	case e.silent(i) || state == Up:
	case known && ago-n.age < settleMS:
		return "", n.name + " has not looked at " + name + " since that was started"
	case n.isNew():
		return "", n.name + ", just started, has not found " + name + " yet"
	}
	return state, ""
}

// outside is what is missing of a node that isOutside, behind its name.
const outside = ", just started, was not part of the cluster yet"

// starting is what is missing of a node that serves nothing, as it was only just
// started, behind its name.
const starting = ", just started, serves nothing yet"

// isOutside says whether a node had not become part of the cluster yet when it made its
// report, and that is no wonder: it had only just been started.
func (n *node) isOutside() bool {
	epoch, ok := n.Epoch.Get()
	return ok && epoch == 0 && n.isNew()
}

// quietFor is how long ago a silent member was last heard of, in milliseconds. One
// that never was has been quiet for long.
func (e *evidence) quietFor(i int) int64 {
	since, heard := e.Members[i].Since.Get()
	now, timed := e.Time.Get()
	if !heard || !timed {
		return int64(dayMS)
	}
	return int64(now) - int64(since)
}

// unsettled is what is missing where a node misses others, as it or they have only
// just been started; "": it misses none, or they have been away for longer.
func (e *evidence) unsettled(n *node) string {
	if n.isNew() {
		return n.name + ", just started, has not found all others yet"
	}
	for i := range e.Members {
		if s := n.sees(e.Members[i].ID); i == n.at || s != Down {
			continue
		}
		if _, words := e.view(n, i); words != "" {
			return words
		}
		if e.nodes[i] == nil && !e.silent(i) {
			return e.absent(i)
		}
	}
	return ""
}

// OldestMS is the age of the oldest evidence that counts, in milliseconds; not known
// if none does.
func (s *Snapshot) OldestMS() (oldest Opt[int64]) {
	for i := range s.Members {
		m := &s.Members[i]
		age, ok := m.AgeMS.Get()
		if !ok || !isFresh(age) || m.Answer != Silent && (m.Answer != Answered || m.Report == nil) {
			continue
		}
		if most, some := oldest.Get(); !some || age > most {
			oldest = Known(age)
		}
	}
	return oldest
}
