package client

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/candordb/candor/contract"
)

// contract.md, section 3: a read never ends in doubt.
func TestClassOfAReadIsNeverInDoubt(t *testing.T) {
	for _, tc := range []struct {
		code  contract.Code
		write bool
		want  Class
	}{
		{contract.Timeout, false, contract.NoEffect}, {contract.Timeout, true, contract.Unknown}, {contract.Corrupt, false, contract.Damage},
		{contract.Unavailable, true, contract.NoEffect}, {contract.InDoubt, true, contract.Unknown},
	} {
		if got := (&Error{Code: tc.code, write: tc.write}).Class(); got != tc.want {
			t.Errorf("%v, write %v: %v, want %v", tc.code, tc.write, got, tc.want)
		}
	}
}

func TestErrorText(t *testing.T) {
	rows := []ReplicaAnswer{{Node: "n1", State: contract.Durable}, {Node: "n2", State: contract.Durable}, {Node: "n4"}}
	for _, tc := range []struct {
		e    Error
		want string
	}{
		{
			Error{
				Op: "put", Key: []byte("user:42"), Code: contract.Unavailable, Level: Quorum, Receipt: Receipt{Need: 2},
				Reachable: 1, N: 3, Down: []string{"n3", "n5"}, write: true,
			},
			`put "user:42": unavailable: quorum needs 2 of 3 replicas, 1 answers (n3, n5 down); nothing was written`,
		},
		{
			Error{Op: "get", Key: []byte("k"), Code: contract.Unavailable, Receipt: Receipt{Need: 2}, Reachable: 1, N: 3},
			`get "k": unavailable: quorum needs 2 of 3 replicas, 1 answers`,
		},
		{
			Error{Op: "get", Key: []byte("k"), Code: contract.Unavailable, Receipt: Receipt{Need: 3}, Level: All, Reachable: 2, N: 3, Message: "too few replicas answer; refused by n3"},
			`get "k": unavailable: all needs 3 of 3 replicas, 2 answer; refused by n3`,
		},
		{
			Error{Op: "get", Key: []byte(strings.Repeat("k", 9000)), Code: contract.TooLarge, Message: "the key is too large"},
			`get "` + strings.Repeat("k", 64) + `"... (9000 bytes): too large: the key is too large`,
		},
		{
			Error{Op: "put", Key: []byte("k"), Code: contract.Unavailable, Level: One, Receipt: Receipt{Need: 2}, Reachable: 1, N: 3, write: true},
			`put "k": unavailable: an ordered write at one needs 2 of 3 replicas, 1 answers; nothing was written`,
		},
		{
			Error{Op: "get", Key: []byte("k"), Code: contract.Unavailable, Receipt: Receipt{Need: 2}, Reachable: 3, N: 3, Message: "no replica that can be reached has the version"},
			`get "k": unavailable: no replica that can be reached has the version`,
		},
		{
			Error{Op: "get", Key: []byte("k"), Code: contract.Unavailable, Receipt: Receipt{Need: 1}, Reachable: 0, N: 3},
			`get "k": unavailable: the namespace's level needs 1 of 3 replicas, 0 answer`,
		},
		{
			Error{
				Op: "put", Key: []byte("order:77"), Code: contract.Timeout, Took: 500 * time.Millisecond, write: true, doubt: true,
				Receipt: Receipt{Need: 3, Acked: 2, Level: All, Replicas: rows},
			},
			`put "order:77": in doubt: all needs 3, got 2 (n1, n2 durable) in 500ms, n4 is silent; it may be seen now, later or never`,
		},
		{
			Error{
				Op: "put", Key: []byte("k"), Code: contract.Timeout, Took: time.Second, write: true, doubt: true,
				Receipt: Receipt{Need: 3, Acked: 2, Level: All, Replicas: []ReplicaAnswer{{Node: "n1", State: contract.Durable}, {Node: "n2", State: contract.RowApplied}}},
			},
			`put "k": in doubt: all needs 3, got 2 (n1 durable) (n2 not synced yet) in 1s; it may be seen now, later or never`,
		},
		{
			Error{
				Op: "put", Key: []byte("k"), Code: contract.Timeout, Took: time.Second, write: true, doubt: true,
				Receipt: Receipt{Need: 3, Acked: 2, Level: All, Replicas: []ReplicaAnswer{{Node: "n1", State: contract.Durable}, {Node: "n2", State: contract.RowSuperseded}}},
			},
			`put "k": in doubt: all needs 3, got 2 (n1 durable) (a higher version at n2) in 1s; it may be seen now, later or never`,
		},
		{
			Error{
				Op: "put", Key: []byte("k"), Code: contract.Timeout, Took: time.Second, write: true, doubt: true,
				Receipt: Receipt{Need: 2, Acked: 1, Level: Quorum, Replicas: []ReplicaAnswer{{Node: "n1", State: contract.Durable}, {Node: "n3", State: contract.Refused}}},
			},
			`put "k": in doubt: quorum needs 2, got 1 (n1 durable) (n3 refused) in 1s; it may be seen now, later or never`,
		},
		{
			Error{Op: "get", Key: []byte("k"), Code: contract.Timeout, Took: 2 * time.Second, Receipt: Receipt{Need: 2, Acked: 1, Level: Quorum}},
			`get "k": timeout: quorum needs 2, got 1 in 2s`,
		},
		{
			Error{Op: "delete", Key: []byte("k"), Code: contract.InDoubt, Node: "n1", Err: errLost, write: true, doubt: true},
			`delete "k": in doubt: n1: the connection was lost; it may be seen now, later or never`,
		},
		{Error{Op: "ring", Code: contract.NotReady, Message: "waiting for n2"}, `ring: not ready: waiting for n2`},
		{Error{Op: "put", Key: []byte("\xff"), Code: contract.TooLarge, Message: "the value is larger than the limit", Limit: 9, write: true},
			`put "\xff": too large: the value is larger than the limit (9 bytes); nothing was written`},
	} {
		if got := tc.e.Error(); got != tc.want {
			t.Errorf("got  %s\nwant %s", got, tc.want)
		}
	}
}

func TestErrorsMatchByCode(t *testing.T) {
	timeout := &Error{Code: contract.Timeout, write: true, doubt: true, Err: context.Canceled}
	for target, want := range map[error]bool{
		ErrTimeout: true, ErrInDoubt: true, context.Canceled: true, ErrUnavailable: false, context.DeadlineExceeded: false,
	} {
		if errors.Is(timeout, target) != want {
			t.Errorf("Is(%v) is not %v", target, want)
		}
	}
	if errors.Is(&Error{Code: contract.Timeout}, ErrInDoubt) {
		t.Error("a read is never in doubt")
	}
}

func TestErrorExitCode(t *testing.T) {
	for _, tc := range []struct {
		e    Error
		want int
	}{
		{Error{Code: contract.Timeout}, 5}, {Error{Code: contract.Timeout, write: true, doubt: true}, 6},
		{Error{Code: contract.Unavailable, write: true, doubt: true}, 6}, {Error{Code: contract.Unavailable, write: true}, 5},
		{Error{Code: contract.Clock, Clock: contract.StampOld, write: true}, 1}, {Error{Code: contract.Clock, Clock: contract.ClockFenced, write: true}, 5},
		{Error{Code: contract.Corrupt}, 10}, {Error{Code: contract.BadRequest, write: true}, 2},
	} {
		if got := tc.e.ExitCode(); got != tc.want {
			t.Errorf("%v (write %v) exits with %d, want %d", tc.e.Code, tc.e.write, got, tc.want)
		}
	}
}
