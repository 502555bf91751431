package admin

import (
	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/wire"
)

// words are what a code means in one line, and what to do about it.
type words struct{ title, hint string }

// table has a row for every code; a test holds it to that.
var table = map[contract.Code]words{
	contract.OK:               {"done", ""},
	contract.BadRequest:       {"the request cannot be read as it is", "correct the request; docs/HTTP.md has every route with its parameters"},
	contract.TooLarge:         {"the request is over a limit", "send less at once: the limit is limits.key, limits.value or the namespace's max_value"},
	contract.UnknownNamespace: {"there is no such namespace", "GET /v1/namespaces lists them"},
	contract.WrongMode:        {"the namespace's mode does not have this", "conditions and level serial are for namespaces of mode serial; leave them out here"},
	contract.Unauthenticated:  {"the request does not say who sends it", "send a token in Authorization: Bearer"},
	contract.Forbidden:        {"the request is not allowed", "ask at an address of this node, from no other origin; http.hosts and http.data say what is allowed"},
	contract.Unavailable:      {"too few replicas can be reached for the level", "GET /v1/cluster/health says which levels are possible; ask for a lower consistency, or repeat later"},
	contract.Overloaded:       {"this node has too much to do", "repeat after retry_after_ms, with longer pauses each time"},
	contract.ConditionFailed:  {"the condition does not hold", "read the key again and decide anew; current is what is stored"},
	contract.Clock:            {"the time of the write or of the node is out of bounds", "leave version out, and the node stamps the write"},
	contract.DiskFull:         {"the disk is too full to write", "free space on the node's disk; reads and deletes go on"},
	contract.ShuttingDown:     {"this node is shutting down", "ask another node"},
	contract.StaleEpoch:       {"the ring has changed", "repeat the request"},
	contract.NotReady:         {"this node is not ready", "GET /readyz?verbose says why; ask another node, or repeat later"},
	contract.Unsupported:      {"this build cannot do that", "docs/HTTP.md says what there is"},
	contract.Contention:       {"others were quicker at this key", "repeat after a random pause"},
	contract.Timeout:          {"too few replicas answered in time", "repeat it, with a longer timeout or a lower consistency"},
	contract.InDoubt:          {"the write is in doubt", "repeat it with the same version"},
	contract.Corrupt:          {"no intact copy was found", "GET /v1/explain/{key} says which replicas hold what; restore the damaged ones"},
	contract.Internal:         {"a fault of this server", "the node's log has more; GET /readyz?verbose says how it is"},
}

func wordsOf(code contract.Code) words {
	if w, ok := table[code]; ok {
		return w
	}
	return words{"an error that this build does not know", "the detail says more"}
}

// clockHints say what to do about each kind of CLOCK.
var clockHints = map[contract.ClockKind]string{
	contract.StampAhead:    "the version is too far ahead of this node's clock: leave version out, or make it from the clocks of answers",
	contract.StampOld:      "the version is too old for a fresh write: what became of an earlier attempt, /v1/outcome/{key} tells; else leave version out",
	contract.ClockFenced:   "this node's clock is off, or was not compared with the others yet: ask another node, or repeat later",
	contract.StampGivenUp:  "this version was given up by an OUTCOME: write again without it",
	contract.RepeatUnknown: "it cannot be told whether this is a repeat: read the key, and decide anew",
}

// afterWords are those of UNAVAILABLE where the level can be had, and what was
// asked for by after= cannot.
var afterWords = words{
	"no version as new as after can be read now",
	"GET /v1/explain/{key} says which version each replica holds; repeat when the nodes that are down are back, or read without after",
}

// doubtHint says how a write that is in doubt is settled.
func doubtHint(q *wire.Request, version string) string {
	if version == "" {
		return "read the key to see whether it was written; send a version with each write, and it can be repeated or asked about"
	}
	return "repeat the request with version=" + version + ", or ask for its fate: " + outcomePath(q, version)
}
