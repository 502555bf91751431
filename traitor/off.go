//go:build !traitor

package traitor

// Built says whether this build has the planted bugs.
const Built = false

// Is says whether the bug is active: never, in this build.
func Is(Bug) bool { return false }
