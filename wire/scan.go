package wire

import "github.com/candordb/candor/hlc"

// ScanItem is one row of a SCAN. Value is nil under keys_only.
type ScanItem struct {
	Key, Value []byte
	Version    hlc.Version
	ExpiresAt  int64
}

// Coverage is how far a scan has come since its start.
type Coverage struct {
	Done, MetLevel, Asked uint64
}

// ScanAnswer is the answer to a SCAN. Cursor is nil at the end.
type ScanAnswer struct {
	Items    []ScanItem
	Cursor   []byte
	Coverage Coverage
}

// Append encodes the answer as a frame.
func (a *ScanAnswer) Append(dst []byte, h Head) []byte {
	start := len(dst)
	dst = appendArray(h.begin(dst, 3), len(a.Items))
	for i := range a.Items {
		dst = a.Items[i].append(dst)
	}
	dst = appendArray(appendBinNil(dst, a.Cursor), 3)
	dst = appendUint(appendUint(appendUint(dst, a.Coverage.Done), a.Coverage.MetLevel), a.Coverage.Asked)
	return EndFrame(dst, start)
}

func (i *ScanItem) append(dst []byte) []byte {
	dst = appendBinNil(appendBin(appendArray(dst, 4), i.Key), i.Value)
	dst = appendVersion(dst, i.Version)
	if i.ExpiresAt == 0 {
		return appendNil(dst)
	}
	return appendUint(dst, uint64(i.ExpiresAt))
}

func (a *ScanAnswer) decode(r *reader) {
	outer, items := rows(r, "items", a.Items)
	for r.more() {
		inner, _ := r.enter("item")
		item := ScanItem{Key: r.bin("key"), Value: r.bin("value"), Version: r.version("version")}
		item.ExpiresAt = int64(r.uintMax("expires_at_ms", 1<<63-1))
		r.leave(inner)
		items = append(items, item)
	}
	r.leave(outer)
	a.Items, a.Cursor = items, r.bin("cursor")
	outer, _ = r.enter("coverage")
	a.Coverage = Coverage{r.uint("coverage"), r.uint("coverage"), r.uint("coverage")}
	r.leave(outer)
}
