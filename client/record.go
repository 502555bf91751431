package client

import "time"

// record is what a node has done for this client. It belongs to the lock of its
// node.
type record struct {
	latency  time.Duration // smoothed; 0: not known
	measured time.Duration // when, since Open
	took     histogram     // of requests for one key

	failed  bool          // the last that was heard of it was no success
	retryAt time.Duration // since Open; until then it comes last
}

// failedFor is how long a node comes last that has failed, if it does not ask
// for more. Then one request tries it, and the others go on as if it still came
// last until that one has an answer or as much time has passed again.
const failedFor = time.Second

// worked notes a request for one key that was carried out.
func (r *record) worked(now, took time.Duration) {
	r.latency, r.measured = smoothed(faded(r.latency, now-r.measured), took), now
	r.took.add(took)
	r.failed = false
}

// works notes that a node has carried something out whose latency tells nothing.
func (n *node) works() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.record.failed = false
}

// fails notes that a node has refused or not answered. It may say when it wants
// to be asked again.
func (n *node) fails(retryAfter time.Duration) {
	now := n.c.elapsed()
	n.mu.Lock()
	defer n.mu.Unlock()
	n.record.failed, n.record.retryAt = true, now+max(retryAfter, failedFor)
}

// chosen notes that a node was chosen, which may be its next trial. It is false if the
// caller saw it as one that may be tried, and another request has it tried already:
// several may see that at once, and one of them is the trial.
func (n *node) chosen(now time.Duration, failed bool) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if !n.record.failed {
		return true
	}
	if !failed && now < n.record.retryAt {
		return false
	}
	n.record.retryAt = max(n.record.retryAt, now+failedFor)
	return true
}

// standing is what matters of a node to one who chooses among several.
func (n *node) standing(now time.Duration) (linkState, standing) {
	n.mu.Lock()
	defer n.mu.Unlock()
	state, _ := n.lookLocked()
	return state, standing{
		failed: n.suspect || n.record.failed && now < n.record.retryAt, near: n.near,
		latency: faded(n.record.latency, now-n.record.measured), inFlight: int(n.inFlight.Load()),
	}
}
