package wire

// Items is how many items are still to be taken.
func (q *PeerRequest) Items() int { return q.items.left }

// NextWrite takes the next item of a WRITE; false at the end, or with
// ErrMalformed.
func (q *PeerRequest) NextWrite(w *WriteItem) (bool, error) {
	outer, more := q.items.beginItem()
	if !more {
		return false, q.items.broken()
	}
	w.decode(&q.items)
	return q.items.endItem(outer)
}

// NextRead takes the next item of a READ or DIGEST; false at the end, or with
// ErrMalformed.
func (q *PeerRequest) NextRead(w *ReadItem) (bool, error) {
	outer, more := q.items.beginItem()
	if !more {
		return false, q.items.broken()
	}
	w.decode(&q.items)
	return q.items.endItem(outer)
}

// NextWrite takes the next result of a WRITE; false at the end, or with
// ErrMalformed.
func (a *PeerAnswer) NextWrite(w *WriteResult) (bool, error) {
	outer, more := a.items.beginItem()
	if !more {
		return false, a.items.broken()
	}
	w.decode(&a.items)
	return a.items.endItem(outer)
}

// NextRead takes the next result of a READ or DIGEST; false at the end, or with
// ErrMalformed.
func (a *PeerAnswer) NextRead(w *ReadResult) (bool, error) {
	outer, more := a.items.beginItem()
	if !more {
		return false, a.items.broken()
	}
	w.decode(&a.items)
	return a.items.endItem(outer)
}

// beginItem begins the next item, if there is one.
func (r *reader) beginItem() (outer int, more bool) {
	if !r.more() {
		return 0, false
	}
	outer, present := r.enter("item")
	if !present {
		r.fail(wrongType, "item")
	}
	return outer, present
}

func (r *reader) endItem(outer int) (bool, error) {
	r.leave(outer)
	return r.bad == noFault, r.broken()
}

func (r *reader) broken() error {
	if r.bad != noFault {
		return ErrMalformed
	}
	return nil
}
