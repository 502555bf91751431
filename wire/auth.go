package wire

// AuthAnswer is the answer to an AUTH: whether it is done, else what the
// mechanism says next.
type AuthAnswer struct {
	Done    bool
	Payload []byte
}

// Append encodes the answer as a frame.
func (a *AuthAnswer) Append(dst []byte, h Head) []byte {
	start := len(dst)
	return EndFrame(appendBinNil(appendBool(h.begin(dst, 2), a.Done), a.Payload), start)
}

func (a *AuthAnswer) decode(r *reader) {
	a.Done, a.Payload = r.bool("done"), r.bin("payload")
}
