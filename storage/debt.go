package storage

import "time"

// debt is the sync that a Committer owes for batches that it has written without.
// It begins one no later than the interval after the oldest of them was written, in a
// goroutine, so that writes go on; and no write goes on when the next one is due while
// that one lasts, so that nothing is ever owed for longer than two intervals and a sync.
// While nothing is owed nobody is woken. It belongs to the goroutine of Run.
type debt struct {
	engine   Engine
	interval time.Duration // 0: nothing is ever owed

	owed  bool        // something was written that no sync covers which has begun
	since time.Time   // when, the first of it
	due   *time.Timer // runs while something is owed and no sync is under way
	done  chan struct{}
	busy  bool // a sync is under way; it sends to done
}

func (d *debt) init(engine Engine, interval time.Duration) {
	d.engine, d.interval, d.done = engine, interval, make(chan struct{}, 1)
	d.due = time.NewTimer(time.Hour)
	d.due.Stop()
}

// add notes that something was written now, and is not synced.
func (d *debt) add(now time.Time) {
	switch {
	case !d.owed:
		d.owed, d.since = true, now
		if !d.busy {
			d.due.Reset(d.interval)
		}
	case now.Sub(d.since) >= d.interval: // Run has been too busy to see the timer
		d.wait()
		d.pay()
	}
}

// cancel notes that everything is synced that was written.
func (d *debt) cancel() {
	if d.owed {
		d.owed = false
		d.due.Stop()
	}
}

// pay begins a sync of what is owed, unless one is under way.
func (d *debt) pay() {
	if !d.owed || d.busy {
		return
	}
	d.owed, d.busy = false, true
	d.due.Stop()
	go func() {
		// Its error is not lost: it is the engine's, and the next write meets it.
		_ = d.engine.Sync()
		d.done <- struct{}{}
	}()
}

// paid notes that the sync under way has ended. What was written meanwhile is owed.
func (d *debt) paid() {
	d.busy = false
	if d.owed {
		d.due.Reset(max(0, d.interval-time.Since(d.since)))
	}
}

// look does what the select of Run would, which is not reached while writes come without
// a rest.
func (d *debt) look() {
	select {
	case <-d.done:
		d.paid()
	default:
	}
	if d.owed && time.Since(d.since) >= d.interval {
		d.pay()
	}
}

// clear returns when nothing is owed. Its error says that some of it may be lost.
func (d *debt) clear() error {
	if !d.owed && !d.busy {
		return nil
	}
	if err := d.engine.Sync(); err != nil {
		return err
	}
	d.cancel()
	return nil
}

// wait waits for the sync that is under way.
func (d *debt) wait() {
	if d.busy {
		<-d.done
		d.paid()
	}
}

// settle ends with nothing owed: all is synced, or the engine has failed.
func (d *debt) settle() {
	d.wait()
	d.pay()
	d.wait()
}
