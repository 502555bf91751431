package history

import (
	"fmt"

	"github.com/candordb/candor/contract"
)

// Receipt is what an answer says of the replicas behind it.
type Receipt struct {
	Level                               contract.Level
	Need, Asked, Acked, Durable, Hinted int
	Rows                                []Row // only where they were asked for
}

// Row is one replica's line in a receipt.
type Row struct {
	Node  string
	State contract.RowState
}

// holds says whether a row is of a replica that holds what the answer is about.
func (r Row) holds() bool {
	return r.State == contract.RowApplied || r.State == contract.Durable || r.State == contract.RowSuperseded
}

func (r Receipt) String() string {
	return fmt.Sprintf("level %v, need %d, acked %d, durable %d, hinted %d, asked %d", r.Level, r.Need, r.Acked, r.Durable, r.Hinted, r.Asked)
}

// receiptLocked judges the receipt of an answer that is OK.
func (k *Key) receiptLocked(l contract.Level, need int, r Receipt, what string) {
	k.book.count.receipts.Add(1)
	wrong := ""
	switch {
	case r.Level != l:
		wrong = "another level than was asked"
	case r.Need != need:
		wrong = fmt.Sprintf("the level needs %d", need)
	case r.Acked < r.Need:
		wrong = "fewer replicas than it needs"
	case r.Durable < r.Need && !k.book.Periodic:
		wrong = "fewer replicas than it needs have it synced"
	case r.Durable > r.Acked || r.Acked > r.Asked || r.Asked > k.book.replicas:
		wrong = "more than can be"
	case r.Hinted != 0:
		wrong = "a hint was counted, which was not asked for"
	case r.Rows != nil:
		wrong = r.rows(k.book.replicas)
	}
	if wrong != "" {
		k.failLocked(Untrue, "%s is OK with a receipt that says %v %v: %s", what, r, r.Rows, wrong)
	}
}

// rows says what is wrong with the rows; "" if they are as they should be.
func (r Receipt) rows(replicas int) string {
	names, holds := make(map[string]bool), 0
	for _, row := range r.Rows {
		if names[row.Node] {
			return "a replica comes twice"
		}
		names[row.Node] = true
		if row.holds() {
			holds++
		}
	}
	switch {
	case len(r.Rows) > replicas:
		return "more rows than replicas"
	case holds < r.Acked:
		return "fewer rows have it than are counted"
	}
	return ""
}
