//go:build !traitor

package main

import "github.com/candordb/candor/traitor"

// betray has nothing to choose: this build has no planted bugs.
func betray(traitor.Bug) {}
