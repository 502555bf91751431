package admin

import (
	"encoding/base64"
	"net/http"

	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/wire"
)

// scanJSON is one page of a scan.
type scanJSON struct {
	kind
	Namespace string         `json:"ns"`
	Items     []scanItemJSON `json:"items"`
	Next      string         `json:"next"` // the cursor of the next page; "" at the end
	Coverage  coverageJSON   `json:"coverage"`
	Epoch     uint64         `json:"epoch"`
}

type scanItemJSON struct {
	Key      *string `json:"key,omitempty"`
	KeyB64   *string `json:"key_b64,omitempty"`
	Value    *string `json:"value,omitempty"`
	ValueB64 *string `json:"value_b64,omitempty"`
	Version  string  `json:"version"`
	Expires  string  `json:"expires,omitempty"`
}

// coverageJSON is how far the whole scan has come, in partitions.
type coverageJSON struct {
	Done     uint64 `json:"partitions_done"`
	MetLevel uint64 `json:"partitions_met_level"`
	Asked    uint64 `json:"partitions_asked"`
}

func (s *Server) serveScan(c *call) error {
	v := c.query
	q := &wire.Request{
		Op: wire.OpScan, Namespace: []byte(v.text("ns")), Prefix: []byte(v.text("prefix")), Level: v.level("consistency"),
		Limit: v.count("limit"), KeysOnly: v.flag("keys_only"), DeadlineMS: v.millis("timeout"),
	}
	if v.has("prefix_b64") {
		q.Prefix = v.bytes("prefix_b64")
	}
	if v.text("cursor") != "" { // so that a loop may begin with the empty one
		q.Cursor = v.bytes("cursor")
	}
	if v.flag("weaken") {
		q.Flags = contract.Weaken
	}
	switch {
	case v.err != nil:
		return v.err
	case v.has("prefix") && v.has("prefix_b64"):
		return badf("the prefix stands in prefix and in prefix_b64: send one of the two")
	}
	a, err := s.ask(c, q)
	if err != nil {
		return err
	}
	j := &scanJSON{
		kind: kindOf("Scan"), Namespace: namespaceName(q), Items: []scanItemJSON{}, Next: base64.RawURLEncoding.EncodeToString(a.Scan.Cursor),
		Coverage: coverageJSON(a.Scan.Coverage), Epoch: a.Epoch,
	}
	for i := range a.Scan.Items {
		from := &a.Scan.Items[i]
		item := scanItemJSON{Version: versionText(from.Version), Expires: milliText(from.ExpiresAt)}
		item.Key, item.KeyB64 = textOf(from.Key)
		if !q.KeysOnly {
			item.Value, item.ValueB64 = textOf(from.Value)
		}
		j.Items = append(j.Items, item)
	}
	writeJSON(c.w, http.StatusOK, j)
	return nil
}
