package wire

// TraceStep is one step of a request that was asked for with the flag trace.
type TraceStep struct {
	OffsetUS uint64 // microseconds since the coordinator took the request up
	Node     [16]byte
	What     string
}

// appendTrace encodes the steps; nil where there is no trace.
func appendTrace(dst []byte, steps []TraceStep) []byte {
	if steps == nil {
		return appendNil(dst)
	}
	dst = appendArray(dst, len(steps))
	for i := range steps {
		s := &steps[i]
		dst = appendStr(appendNode(appendUint(appendArray(dst, 3), s.OffsetUS), s.Node), s.What)
	}
	return dst
}

func decodeTrace(r *reader, steps []TraceStep) []TraceStep {
	outer, list := rows(r, "trace", steps)
	for r.more() {
		inner, _ := r.enter("step")
		list = append(list, TraceStep{r.uint("offset_us"), r.node("node_id"), r.text("what")})
		r.leave(inner)
	}
	r.leave(outer)
	return list
}
