package models

import "github.com/candordb/candor/replica"

// The rules that can be switched off, one at a time. Where the code of a replica
// keeps one, the code is not shown what it goes by (shown), or its word does not
// reach the disk; the others are of the models.
const (
	allRules rule = ""

	fenceStopsWriteBacks rule = "the fence stops write-backs"
	fenceStopsHints      rule = "the fence stops hints"
	fenceStopsExchanges  rule = "the fence stops exchanges with one that had agreed to less"
	floorStopsWrites     rule = "the floor stops fresh writes"
	floorStopsHints      rule = "the floor stops new hints"

	hintsLieAbove     rule = "a proof lies below all hints"
	floorsReadFirst   rule = "floors are read before the records"
	provedWhenMoved   rule = "a pair is proved when its records have moved"
	allPairsProve     rule = "all pairs prove a watermark"
	allReplicasProve  rule = "all replicas, not a quorum, prove and agree to a watermark"
	purgedBelowMark   rule = "nothing is purged above the watermark"
	allAgreeFirst     rule = "all replicas agree before any adopts"
	purgedWhenAdopted rule = "nothing is purged before it is adopted"

	notesDurable    rule = "notes are durable"
	notesRefuse     rule = "notes refuse fresh writes"
	notesOnHints    rule = "notes refuse hints"
	notesLookAgain  rule = "who notes looks again"
	writeBacksErase rule = "write-backs erase notes"
	allNote         rule = "all note, not a quorum"
	sourcesQuorum   rule = "a quorum of the others are sources"
	notesTravel     rule = "notes travel"
	notesFirst      rule = "notes travel first"
	sourcesRefuse   rule = "sources refuse what is of an older epoch"
	quarantineMute  rule = "who is in quarantine does not vote"
	acksOfOneEpoch  rule = "acknowledgements of one epoch count"
	notesOfOneEpoch rule = "notes of one epoch count"
	readsOfOneEpoch rule = "who held it in one epoch counts"

	writeBacksOfOneEpoch rule = "a write-back is of the epoch in which it was read"
	notesOutweigh        rule = "the notes of sources outweigh own records"
)

// shown is a place as the code sees it that decides on a Write, while a rule is
// switched off.
func (c *committer) shown(p place, a ask) place {
	unfenced := func(kinds ...replica.Kind) {
		for _, k := range kinds {
			if a.kind == k {
				p.fence, p.purge = 0, 0
			}
		}
	}
	switch {
	case c.off == fenceStopsWriteBacks:
		unfenced(replica.Repair)
	case c.off == fenceStopsHints:
		unfenced(replica.Deliver)
	case c.off == fenceStopsExchanges:
		unfenced(replica.Exchange)
	case c.off == floorStopsWrites && a.kind == replica.Fresh, c.off == floorStopsHints && a.kind == replica.Stand:
		p.floor = 0
	case c.off == notesRefuse && a.kind == replica.Fresh, c.off == notesOnHints && a.kind == replica.Deliver:
		p.noted = false
	case c.off == notesLookAgain && a.kind == replica.Void:
		p.stored = nothing
	case c.off == quarantineMute && (a.kind == replica.Fresh || a.kind == replica.Repair || a.kind == replica.Void):
		p.quarantined = false
	case c.off == purgedBelowMark && a.kind == replica.Purge:
		p.fence, p.purge = p.floor, p.floor
	case c.off == purgedWhenAdopted && a.kind == replica.Purge:
		p.purge = p.fence
	}
	return p
}
