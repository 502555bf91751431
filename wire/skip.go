package wire

// pass steps over a field, whatever it is.
func (r *reader) pass() {
	if r.more() {
		r.left--
		r.skip()
	}
}

// skip steps over one value of any type. Its stack is a counter: arrays are
// walked with the room that DepthMax leaves, maps are walked too (they are no
// part of the protocol, but have to be measured to find the end of a frame).
func (r *reader) skip() {
	if r.bad != noFault {
		return
	}
	var pending [DepthMax + 1]uint64
	level := r.depth
	pending[level] = 1
	for r.bad == noFault {
		for pending[level] == 0 {
			if level == r.depth {
				return
			}
			level--
		}
		pending[level]--
		children, container := r.skipOne()
		if !container {
			continue
		}
		if level++; level > DepthMax {
			r.fail(tooDeep, r.field)
			return
		}
		if children > uint64(len(r.b)-r.at) {
			r.fail(truncated, r.field)
			return
		}
		pending[level] = children
	}
}

// skipOne steps over the head and the bytes of a value; of an array or a map it
// returns how many values it contains.
func (r *reader) skipOne() (children uint64, container bool) {
	if r.at >= len(r.b) {
		r.fail(truncated, r.field)
		return 0, false
	}
	c := r.b[r.at]
	r.at++
	switch {
	case c <= 0x7f, c >= 0xe0, c == 0xc0, c == 0xc2, c == 0xc3:
	case c&0xf0 == 0x80:
		return uint64(c&0x0f) * 2, true
	case c&0xf0 == 0x90, c == 0xdc, c == 0xdd:
		n, _ := r.arrayLen(c)
		return n, true
	case c >= 0xa0 && c <= 0xbf:
		r.take(uint64(c & 0x1f))
	case c >= 0xc4 && c <= 0xc6:
		r.take(r.beUint(1 << (c - 0xc4)))
	case c >= 0xc7 && c <= 0xc9: // ext
		r.take(r.beUint(1<<(c-0xc7)) + 1)
	case c == 0xca, c == 0xcb: // float
		r.take(4 << (c - 0xca))
	case c >= 0xcc && c <= 0xcf:
		r.take(1 << (c - 0xcc))
	case c >= 0xd0 && c <= 0xd3:
		r.take(1 << (c - 0xd0))
	case c >= 0xd4 && c <= 0xd8: // fixext
		r.take(1<<(c-0xd4) + 1)
	case c >= 0xd9 && c <= 0xdb:
		r.take(r.beUint(1 << (c - 0xd9)))
	case c == 0xde:
		return r.beUint(2) * 2, true
	case c == 0xdf:
		return r.beUint(4) * 2, true
	default: // 0xc1 is never used
		r.fail(truncated, r.field)
	}
	return 0, false
}

// wellFormed says whether a body is exactly one msgpack array within DepthMax.
func wellFormed(body []byte) bool {
	r := reader{b: body, left: 1}
	if len(body) == 0 {
		return false
	}
	if c := body[0]; c&0xf0 != 0x90 && c != 0xdc && c != 0xdd {
		return false
	}
	r.skip()
	return r.bad == noFault && r.at == len(body)
}
