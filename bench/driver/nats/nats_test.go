package nats

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	client "github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/candordb/candor/bench/peer"
	"github.com/candordb/candor/bench/peer/peertest"
)

// memory is the part of a bucket that a caller uses.
type memory struct {
	jetstream.KeyValue
	values map[string]string
	err    error
}

type entry struct {
	jetstream.KeyValueEntry
	value string
}

func (e entry) Value() []byte { return []byte(e.value) }

func (m *memory) Put(_ context.Context, key string, value []byte) (uint64, error) {
	m.values[key] = string(value)
	return 1, m.err
}

func (m *memory) Get(_ context.Context, key string) (jetstream.KeyValueEntry, error) {
	v, found := m.values[key]
	if m.err == nil && !found {
		return nil, jetstream.ErrKeyNotFound
	}
	return entry{value: v}, m.err
}

func TestACallIsAPutOrAGet(t *testing.T) {
	m := &memory{values: make(map[string]string)}
	peertest.Calls(t, &caller{store: m}, func() { m.err = client.ErrNoResponders })
}

// What a library's error means: no effect, or nobody knows.
func TestErrorsHaveAnOutcome(t *testing.T) {
	peertest.Outcomes(t, outcomeOf, map[error]peer.Outcome{
		jetstream.ErrKeyNotFound:              peer.Absent,
		client.ErrNoResponders:                peer.Refused,
		jetstream.ErrNoStreamResponse:         peer.Refused,
		error(&jetstream.APIError{Code: 400}): peer.Refused,
		error(&jetstream.APIError{Code: 429}): peer.Refused,
		error(&jetstream.APIError{Code: 503}): peer.Unknown,
		error(&jetstream.APIError{Code: 500}): peer.Failed,
		client.ErrTimeout:                     peer.Unknown,
		client.ErrConnectionClosed:            peer.Unknown,
		context.DeadlineExceeded:              peer.Unknown,
	})
}

// The class is that of the sync, and each server listens at its own addresses and
// knows those of all.
func TestTheClassIsThatOfTheSync(t *testing.T) {
	for class, sync := range map[peer.Class]string{peer.D1: `sync_interval: "2m"`, peer.D2: `sync_interval: "always"`} { // each by itself
		p := New(class)
		p.clients = []string{"a:1", "b:1"}
		text := p.configuration(1, "/dir", []string{"a:2", "b:2"})
		for _, want := range []string{sync, "server_name: n2\n", "listen: b:1\n", "name: bench, listen: b:2\n", "routes: [nats://a:2, nats://b:2]", `store_dir: "/dir/data-n2"`} {
			if !strings.Contains(text, want) {
				t.Errorf("%s: %s is missing in\n%s", class, want, text)
			}
		}
	}
}

// The module is found from inside it, from the tree around it, and nowhere else.
func TestTheModuleIsFound(t *testing.T) {
	tree := t.TempDir()
	deep := filepath.Join(tree, "bench", "driver", "nats")
	beside := filepath.Join(tree, "docs")
	for _, dir := range []string{deep, beside} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := moduleAbove(deep); !errors.Is(err, errNoModule) {
		t.Errorf("without a go.mod: %v", err)
	}
	for dir, module := range map[string]string{tree: "module another\n", filepath.Join(tree, "bench"): benchModule} { // in any order
		if err := os.WriteFile(filepath.Join(dir, "go.mod"), []byte(module), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, from := range []string{deep, beside, tree} {
		if got, err := moduleAbove(from); err != nil || got != filepath.Join(tree, "bench") {
			t.Errorf("from %s: %s, %v", from, got, err)
		}
	}
}

func TestTheVersionIsRead(t *testing.T) {
	if got := parseVersion("nats-server: v2.15.2\n"); got != "nats-server 2.15.2" {
		t.Errorf("%q", got)
	}
	if got := parseVersion("usage"); got != "" {
		t.Errorf("%q", got)
	}
}
