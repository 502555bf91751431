package main

import (
	"fmt"
	"strings"
)

// verdict is what the evidence of one node comes to. There is no OK: whether
// disks, clocks and stored data are well is not part of the evidence, so the best
// that can be said is that no fault is seen.
type verdict string

const (
	verdictNoFault  verdict = "no fault"
	verdictDegraded verdict = "DEGRADED" // quorum is possible everywhere, and something is wrong
	verdictFailing  verdict = "FAILING"  // quorum is not possible in some partitions
	verdictUnknown  verdict = "UNKNOWN"
)

// passes says whether requests at quorum are possible in all partitions.
func (v verdict) passes() bool { return v == verdictNoFault || v == verdictDegraded }

func (s *clusterStatus) verdict() verdict {
	switch {
	case s.waits() != "" || s.Quorum.Of == 0:
		return verdictUnknown
	case s.Quorum.Possible < s.Quorum.Of:
		return verdictFailing
	case s.Quorum.Certain < s.Quorum.Of:
		return verdictUnknown // with the silent nodes it is DEGRADED, without them FAILING
	}
	for i := range s.Nodes {
		// A node that joins or leaves is no fault.
		if n := &s.Nodes[i]; !n.Reachable || n.Suspect || n.Error != "" {
			return verdictDegraded
		}
	}
	return verdictNoFault
}

// text is the verdict on one line.
func (v verdict) text(s *clusterStatus) string {
	word := fmt.Sprintf("%-12s", v)
	switch v {
	case verdictUnknown:
		return word + s.unknown()
	case verdictFailing:
		return word + s.failing()
	}
	return word + fmt.Sprintf("quorum: possible in all %s partitions.   all: %s", grouped(s.Quorum.Of), s.allText())
}

// unknown says what is not known.
func (s *clusterStatus) unknown() string {
	if why := s.waits(); why != "" || s.Quorum.Of == 0 {
		return why
	}
	return fmt.Sprintf("DEGRADED or FAILING: whether quorum is possible in %s of %s partitions depends on nodes that are silent (%s)",
		grouped(s.Quorum.Of-s.Quorum.Certain), grouped(s.Quorum.Of), strings.Join(s.suspectNames(), ", "))
}

func (s *clusterStatus) suspectNames() (names []string) {
	for i := range s.Nodes {
		if s.Nodes[i].Suspect {
			names = append(names, s.Nodes[i].Name)
		}
	}
	return names
}

// checkText is all that status --check prints.
func (v verdict) checkText(s *clusterStatus) string {
	text := "verdict  " + v.text(s) + "\n"
	switch v {
	case verdictFailing:
		return text + "         Requests at quorum in them are refused with no effect. " + s.oneText() + "\n"
	case verdictUnknown:
		return text
	}
	return text + fmt.Sprintf("         As seen by %s. Disks, clocks and stored data are not part of it.\n", s.SeenBy.Name)
}

// failing names the partitions without a quorum, and why.
func (s *clusterStatus) failing() string {
	n := s.Quorum.Of - s.Quorum.Possible
	return fmt.Sprintf("quorum: not possible in %s of %s partitions%s: %s", grouped(n), grouped(s.Quorum.Of), s.silent(), partitions(s.Quorum.Failing, n))
}

// silent names the nodes that do not answer, in brackets with a space before.
func (s *clusterStatus) silent() string {
	names := s.downNames()
	switch len(names) {
	case 0:
		return ""
	case 1:
		return " (" + names[0] + " does not answer)"
	}
	return " (" + strings.Join(names, ", ") + " do not answer)"
}

func (s *clusterStatus) downNames() (names []string) {
	for i := range s.Nodes {
		if !s.Nodes[i].Reachable {
			names = append(names, s.Nodes[i].Name)
		}
	}
	return names
}

// allText says where the level all is possible. Of one node that is down it is
// known in how many partitions it has a part; those of several may overlap.
func (s *clusterStatus) allText() string {
	most, sum := 0, 0
	for i := range s.Nodes {
		if n := &s.Nodes[i]; !n.Reachable {
			most, sum = max(most, n.Partitions), sum+n.Partitions
		}
	}
	switch {
	case sum == 0:
		return "possible in all " + grouped(s.Quorum.Of)
	case most == sum || most == s.Quorum.Of:
		return "not possible in " + grouped(most) + s.silent()
	}
	return fmt.Sprintf("not possible in %s to %s%s", grouped(most), grouped(min(sum, s.Quorum.Of)), s.silent())
}

// oneText says where the level one is possible: everywhere, unless as many nodes
// are down as a partition has replicas.
func (s *clusterStatus) oneText() string {
	if len(s.downNames()) < s.Cluster.Replicas {
		return fmt.Sprintf("one: possible in all %s.", grouped(s.Quorum.Of))
	}
	return "one: not known where."
}
