package admin

import (
	"net/http"
	"slices"
	"strings"

	"github.com/candordb/candor/contract"
)

// handler serves one route. What it returns is told as a problem; it has written
// nothing then.
type handler func(*Server, *call) error

// call is one request on its route.
type call struct {
	w     http.ResponseWriter
	r     *http.Request
	rest  string // what stands in the place of the pattern's {key} or {name}, as sent
	query *query
}

// route is one row of the table.
type route struct {
	method string // GET is HEAD too
	path   string // {key} at its end stands for the whole rest, {name} and {id} for one segment
	query  string // the names of the parameters, all optional unless about says else
	data   bool   // it shows or changes data: only with http.data
	serve  handler
	about  string
}

// probe says that the route is served even if there is no place for connections.
func (r *route) probe() bool {
	return r.path == "/livez" || r.path == "/readyz" || r.path == "/startupz"
}

// routes is the whole surface. docs/HTTP.md is generated from it.
var routes = []route{
	{"GET", "/v1/keys/{key}", "ns consistency weaken after timeout replicas trace key_b64", true, (*Server).serveGet,
		"the value; 404 if the level (under `weaken`, the one that the receipt names) agrees that the key is absent; 304 with `If-None-Match`; JSON with its receipt under `replicas=1` or `trace=1`"},
	{"PUT", "/v1/keys/{key}", "ns consistency sloppy ordered ttl version seen if_version timeout replicas trace key_b64", true, (*Server).servePut,
		"store the body"},
	{"DELETE", "/v1/keys/{key}", "ns consistency sloppy ordered version seen if_version timeout replicas trace key_b64", true, (*Server).serveDelete,
		"delete the key; 200 with a receipt, present or not"},
	{"GET", "/v1/scan", "ns prefix prefix_b64 cursor limit consistency weaken keys_only timeout", true, (*Server).serveScan,
		"a page of keys, the cursor of the next one, and how much of the cluster was read"},
	{"GET", "/v1/where/{key}", "ns key_b64", false, (*Server).serveWhere,
		"the partition of a key and its replicas in order, as far as this node knows"},
	{"GET", "/v1/explain/{key}", "ns timeout key_b64", true, (*Server).serveExplain,
		"what every replica holds of a key, and which version wins"},
	{"GET", "/v1/outcome/{key}", "ns version sloppy timeout key_b64", true, (*Server).serveOutcome,
		"settle what became of the write `version` (required)"},

	{"GET", "/v1/cluster/status", "", false, (*Server).serveStatus, "the verdict, and all the evidence for it: what every member says of itself, with its age"},
	{"GET", "/v1/cluster/health", "ns consistency", false, (*Server).serveHealth,
		"200 if the level (else the namespace's own levels) is possible in every partition; else 503 with those where it is not"},
	{"GET", "/v1/cluster/events", "after", false, (*Server).serveEvents,
		"server-sent events; goes on behind `Last-Event-ID` or `after`"},
	{"GET", "/v1/doctor", "", false, (*Server).serveDoctor, "what the rules of the doctor find in that evidence, worst first"},
	{"GET", "/v1/ring", "epoch", false, (*Server).serveRing, "members and the owner table"},
	{"GET", "/v1/partitions", "state", false, (*Server).servePartitions, "every partition with its replicas, and up to when they are proved to agree; `state` is complete, degraded or failing"},
	{"GET", "/v1/nodes", "", false, (*Server).serveNodes, "one row per member"},
	{"GET", "/v1/namespaces", "", false, (*Server).serveNamespaces, "the namespaces and their settings"},
	{"GET", "/v1/namespaces/{name}", "", false, (*Server).serveNamespace, "one of them"},
	{"GET", "/v1/config", "", false, (*Server).serveConfig, "every setting of this node, and where its value came from"},

	{"GET", "/v1/repair", "", false, (*Server).serveRepair,
		"up to when the replicas of each partition of this node are proved to agree, who holds that back, and whether repair is paused"},
	{"POST", "/v1/repair/pause", "for", false, (*Server).servePause,
		"pause repair on this node `for` a time, up to 24h; 0 ends a pause; answers as `GET /v1/repair`"},
	{"POST", "/v1/repair/accept-loss", "nodes dry_run", false, (*Server).serveAcceptLoss,
		"give up the copies of `nodes`, members in quarantine or away, by name or id, so that what waits for them is rebuilt from what is left; with `dry_run=1` only say what is lost by it"},
	{"GET", "/v1/tasks", "", false, (*Server).serveTasks, "this node's part in the last 100 tasks, the latest first"},
	{"POST", "/v1/tasks", "kind id full preview partitions nodes dry_run", false, (*Server).serveStartTask,
		"begin this node's part in the task `id` of `kind` repair; a task of the cluster is the same `id` on every node, and a repeat begins nothing"},
	{"GET", "/v1/tasks/{id}", "", false, (*Server).serveTask, "how far it has come, and whom it waits for"},
	{"DELETE", "/v1/tasks/{id}", "dry_run", false, (*Server).serveCancelTask, "cancel it; what it has done stays done"},

	{"GET", "/v1/hints", "", false, (*Server).serveHints,
		"the hints that this node keeps for others, and those that their target refuses"},
	{"POST", "/v1/hints/{id}/replay", "dry_run", false, (*Server).serveReplayHints,
		"have the hints for a node, by name or id, tried at once, the refused ones too; answers as `GET /v1/hints`"},
	{"POST", "/v1/hints/{id}/drop", "dry_run", false, (*Server).serveDropHints,
		"erase the hints for a node, after everything that it replicates was marked for repair; with `dry_run=1` only say what that is"},

	{"GET", "/livez", "verbose", false, (*Server).serveLive, "200 if the loops of the node turn; else restart it; probes have a place whatever other connections do"},
	{"GET", "/readyz", "verbose", false, (*Server).serveReady, "200 if the node takes requests; never depends on other nodes"},
	{"GET", "/startupz", "verbose", false, (*Server).serveStarted, "200 once the node has started"},
	{"GET", "/metrics", "", false, (*Server).serveMetrics, "Prometheus text or OpenMetrics"},

	{"POST", "/v1/plans", "dry_run", false, later, ""},
	{"POST", "/v1/plans/{id}/apply", "dry_run", false, later, ""},
	{"PUT", "/v1/namespaces/{name}", "dry_run", false, later, ""},
	{"DELETE", "/v1/namespaces/{name}", "dry_run", false, later, ""},
	{"PATCH", "/v1/config", "dry_run", false, later, ""},
}

// later serves what the API has a place for and this build cannot do.
func later(_ *Server, c *call) error {
	return refuse(contract.Unsupported, "%s %s is not supported by this build", c.r.Method, c.r.URL.Path)
}

// match tells whether a path, as it was sent, is of the route, and what stands in
// its wildcard. A route of a key matches without it too: it may be in key_b64.
func (r *route) match(sent string) (rest string, ok bool) {
	if before, isKey := strings.CutSuffix(r.path, "/{key}"); isKey {
		if sent == before {
			return "", true
		}
		return strings.CutPrefix(sent, before+"/")
	}
	want, have := strings.Split(r.path, "/"), strings.Split(sent, "/")
	if len(want) != len(have) {
		return "", false
	}
	for i := range want {
		switch {
		case strings.HasPrefix(want[i], "{") && have[i] != "":
			rest = have[i]
		case want[i] != have[i]:
			return "", false
		}
	}
	return rest, true
}

// routeOf finds the route of a request.
func routeOf(method, sent string) (*route, string, error) {
	if method == http.MethodHead {
		method = http.MethodGet
	}
	var allowed []string
	for i := range routes {
		rest, ok := routes[i].match(sent)
		switch {
		case ok && routes[i].method == method:
			return &routes[i], rest, nil
		case ok && routes[i].method == http.MethodGet:
			allowed = append(allowed, http.MethodGet, http.MethodHead)
		case ok:
			allowed = append(allowed, routes[i].method)
		}
	}
	if allowed == nil {
		return nil, "", newProblem(http.StatusNotFound, codeNoRoute, "there is nothing at this path",
			"there is no route "+sent+"; this says nothing about any key", "docs/HTTP.md has every route")
	}
	slices.Sort(allowed)
	list := strings.Join(allowed, ", ")
	p := newProblem(http.StatusMethodNotAllowed, codeBadMethod, "the path does not have this method", sent+" has "+list+", not "+method,
		"use one of the methods of Allow")
	p.allow = list
	return nil, "", p
}
