package wire

import "github.com/candordb/candor/contract"

func appendReceipt(dst []byte, c *contract.Receipt) []byte {
	dst = appendArray(dst, 8)
	for _, n := range [...]int{c.Need, c.Asked, c.Acked, c.Durable, c.Hinted, int(c.Level), c.Repaired} {
		dst = appendUint(dst, uint64(n))
	}
	if c.Rows == nil {
		return appendNil(dst)
	}
	dst = appendArray(dst, len(c.Rows))
	for i := range c.Rows {
		row := &c.Rows[i]
		dst = append(appendNode(appendArray(dst, 3), row.Node), byte(row.State))
		if row.Version == [16]byte{} {
			dst = appendNil(dst)
		} else {
			dst = appendBin(dst, row.Version[:])
		}
	}
	return dst
}

// receiptCountMax bounds the counts of a receipt: no key has more replicas and
// stand-ins than members can be.
const receiptCountMax = 1 << 16

// decodeReceipt says whether there is one.
func decodeReceipt(r *reader, c *contract.Receipt) (present bool) {
	outer, present := r.enter("receipt")
	for _, p := range [...]*int{&c.Need, &c.Asked, &c.Acked, &c.Durable, &c.Hinted} {
		*p = int(r.uintMax("receipt", receiptCountMax))
	}
	c.Level = contract.Level(r.uintMax("receipt level", 255))
	c.Repaired = int(r.uintMax("receipt", receiptCountMax))
	outerRows, list := rows(r, "rows", c.Rows)
	for r.more() {
		inner, _ := r.enter("row")
		row := contract.Row{Node: r.node("node_id"), State: contract.RowState(r.uintMax("state", 255))}
		row.Version = r.version("version").Bytes()
		r.leave(inner)
		list = append(list, row)
	}
	c.Rows = list
	r.leave(outerRows)
	r.leave(outer)
	return present
}
