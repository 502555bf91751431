package main

import (
	"encoding/binary"
	"hash/fnv"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/candordb/candor/client"
	loadgen "github.com/candordb/candor/load"
)

// benchKeys names the keys of a bench by their numbers:
//
//	bench:0000000042         where nothing is scanned
//	bench:{00012}:07         key 7 of group 12: what is scanned shares a {tag}, so
//	                         that a scan reads keys in order, and of one partition
//
// The number is filled up to the size that was asked for.
type benchKeys struct {
	prefix string
	size   int // of the whole key, in bytes
	group  int // keys that share a tag; 0: there are no tags
}

// The sizes of keys. The larger one is what any node takes.
const (
	benchKeySizeMin = 16
	benchKeySizeMax = 1024
)

func benchKeysOf(c *cli.Context, w *loadgen.Workload) (k benchKeys, err error) {
	k = benchKeys{prefix: c.String("prefix"), size: c.Int("key-size")}
	if w.Shares[loadgen.Scan] > 0 {
		k.group = w.ScanLimit
	}
	switch {
	case k.prefix == "" || strings.ContainsAny(k.prefix, "{}"):
		return k, usagef("", "--prefix is %q: want a text without braces that no other keys begin with", k.prefix)
	case k.size < benchKeySizeMin || k.size > benchKeySizeMax:
		return k, usagef("", "--key-size is %d: want %d to %d", k.size, benchKeySizeMin, benchKeySizeMax)
	case len(k.append(nil, w.Keys-1)) > k.size:
		return k, usagef("", "--key-size is %d, and the last of %d keys would be %q", k.size, w.Keys, k.append(nil, w.Keys-1))
	}
	return k, nil
}

// append appends the name of key n.
func (k benchKeys) append(dst []byte, n int) []byte {
	if k.group == 0 {
		return appendPadded(append(dst, k.prefix...), n, k.size-len(k.prefix))
	}
	return appendPadded(k.appendGroup(dst, n), n%k.group, k.digits())
}

// appendGroup appends what the names of all keys in the group of key n begin with.
func (k benchKeys) appendGroup(dst []byte, n int) []byte {
	dst = append(append(dst, k.prefix...), '{')
	return append(appendPadded(dst, n/k.group, k.size-len(k.prefix)-len("{}:")-k.digits()), "}:"...)
}

// digits are those of a place in a group.
func (k benchKeys) digits() int { return len(strconv.Itoa(k.group - 1)) }

func appendPadded(dst []byte, n, width int) []byte {
	for digits := len(strconv.Itoa(n)); digits < width; digits++ {
		dst = append(dst, '0')
	}
	return strconv.AppendInt(dst, int64(n), 10)
}

// appendBenchValue appends the value that a version of a key has in a bench: bytes
// that follow from both and that nothing compresses, so that a value which belongs
// to another key or another version, or is damaged, is found by looking at it.
func appendBenchValue(dst, key []byte, v client.Version, size int) []byte {
	h := fnv.New64a()
	_, _ = h.Write(key) // a hash does not fail
	b := v.Bytes()
	_, _ = h.Write(binary.BigEndian.AppendUint64(b[:], uint64(size))) // a part of it is another value
	x := h.Sum64()
	for end := len(dst) + size; len(dst) < end; {
		x += 0x9e3779b97f4a7c15 // splitmix64
		z := x
		z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
		z = (z ^ z>>27) * 0x94d049bb133111eb
		dst = binary.LittleEndian.AppendUint64(dst, z^z>>31)
		dst = dst[:min(len(dst), end)]
	}
	return dst
}
