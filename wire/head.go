package wire

// HeadOf reads the head of an answer alone; false where that cannot be read. It
// is for finding out who waits for an answer before it is decoded: the results
// of a BATCH cannot be read without its operations.
func HeadOf(body []byte) (h Head, ok bool) {
	var r reader
	r.open(body)
	h.decode(&r)
	return h, r.bad == noFault
}
