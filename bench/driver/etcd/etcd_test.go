package etcd

import (
	"context"
	"slices"
	"testing"

	"go.etcd.io/etcd/api/v3/mvccpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/candordb/candor/bench/peer"
	"github.com/candordb/candor/bench/peer/peertest"
)

// memory is the part of a client that a caller uses.
type memory struct {
	clientv3.KV
	values map[string]string
	err    error
}

func (m *memory) Put(_ context.Context, key, value string, _ ...clientv3.OpOption) (*clientv3.PutResponse, error) {
	m.values[key] = value
	return nil, m.err
}

func (m *memory) Get(_ context.Context, key string, _ ...clientv3.OpOption) (*clientv3.GetResponse, error) {
	r := new(clientv3.GetResponse)
	if v, found := m.values[key]; found {
		r.Kvs = append(r.Kvs, &mvccpb.KeyValue{Value: []byte(v)})
	}
	return r, m.err
}

func TestACallIsAPutOrAGet(t *testing.T) {
	m := &memory{values: make(map[string]string)}
	peertest.Calls(t, &caller{store: m}, func() { m.err = rpctypes.ErrNoSpace })
}

// What a client's error means: no effect, or nobody knows.
func TestErrorsHaveAnOutcome(t *testing.T) {
	peertest.Outcomes(t, outcomeOf, map[error]peer.Outcome{
		rpctypes.ErrNoSpace:         peer.Refused,
		rpctypes.ErrTooManyRequests: peer.Refused,
		rpctypes.ErrTimeout:         peer.Unknown,
		rpctypes.ErrNoLeader:        peer.Unknown,
		context.DeadlineExceeded:    peer.Unknown,
		rpctypes.ErrCorrupt:         peer.Failed,
	})
}

// Each node listens at its own addresses and knows those of all.
func TestNodesKnowEachOther(t *testing.T) {
	args := arguments(1, "/dir", []string{"a:1", "b:1"}, []string{"a:2", "b:2"})
	for flag, want := range map[string]string{ // each by itself
		"--name": "n2", "--data-dir": "/dir/data-n2", "--listen-client-urls": "http://b:1", "--listen-peer-urls": "http://b:2",
		"--initial-cluster": "n1=http://a:2,n2=http://b:2", "--quota-backend-bytes": "8589934592",
	} {
		if i := slices.Index(args, flag); i < 0 || args[i+1] != want {
			t.Errorf("%s is not %s in %v", flag, want, args)
		}
	}
}

func TestTheVersionIsRead(t *testing.T) {
	for text, want := range map[string]string{ // each by itself
		"etcd Version: 3.4.23\nGit SHA: Not provided\n": "etcd 3.4.23",
		"etcd Version: 3.5.1":                           "etcd 3.5.1",
		"flag provided but not defined":                 "",
	} {
		if got := parseVersion(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}
