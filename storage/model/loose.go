package model

// loose is a batch that is visible and not durable: what each of its keys had before,
// in the order of its entries; a nil value for none.
type loose struct{ before []op }

// loosen makes what is staged visible, and remembers what it has replaced.
func (e *Engine) loosen() {
	start := 0
	for _, end := range e.ends {
		var l loose
		for _, op := range e.staged[start:end] {
			l.before = append(l.before, e.was(op.key))
			e.set(op)
		}
		e.loose, start = append(e.loose, l), end
	}
	e.staged, e.ends = e.staged[:0], e.ends[:0]
}

func (e *Engine) was(key string) op {
	value, there := e.values[key]
	if !there {
		return op{key: key}
	}
	return op{key, value}
}

// tear takes back the batches that a power cut loses: from the first on that keep does
// not want. It reports whether all were kept.
func (e *Engine) tear(keep func() bool) bool {
	kept := 0
	for kept < len(e.loose) && keep != nil && keep() {
		kept++
	}
	whole := kept == len(e.loose)
	for i := len(e.loose) - 1; i >= kept; i-- {
		before := e.loose[i].before
		for j := len(before) - 1; j >= 0; j-- {
			e.set(before[j])
		}
	}
	e.loose = nil
	return whole
}

// Unsynced returns how many batches are visible and not durable.
func (e *Engine) Unsynced() int { return len(e.loose) }
