//go:build traitor

package traitor

// Built says whether this build has the planted bugs.
const Built = true

var chosen Bug

// Choose activates one bug; "" none.
func Choose(b Bug) { chosen = b }

// Is says whether the bug is active.
func Is(b Bug) bool { return chosen == b }
