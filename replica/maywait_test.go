package replica

import "testing"

// Durability periodic: a batch may be synced after it was answered for if nothing
// durable rests on it, here or on another node.
func TestOnlyPlainRecordsMayWaitForTheirSync(t *testing.T) {
	floor := Write{Kind: SetFloor, Mark: mark(-40)}
	fresh := write(Fresh, "a", value("a", at(0, 0), "v"))
	for _, tc := range []struct {
		name   string
		writes []Write
		want   bool
	}{
		{"fresh", []Write{fresh}, true},
		{"a write-back", []Write{write(Repair, "k", value("k", at(0, 0), "v"))}, true},
		{"an exchange above the fence", []Write{write(Exchange, "k", value("k", at(0, 0), "v"))}, true},
		{"an exchange at the fence", []Write{exchanged(write(Exchange, "k", value("k", at(-100, 0), "v")))}, false},
		{"an exchange below the fence, among others", []Write{fresh, exchanged(write(Exchange, "k", value("k", at(-200, 0), "v"))), fresh}, false},
		{"a write-back at the floor", []Write{floor, write(Repair, "k", value("k", at(-40, 0), "v"))}, false},
		{"an exchange above the floor", []Write{floor, write(Exchange, "k", value("k", at(-39, 0), "v"))}, true},
		{"a hint", []Write{write(Deliver, "k", value("k", at(0, 0), "v"))}, false},
		{"what a partition is rebuilt from", []Write{write(Rebuild, "k", value("k", at(0, 0), "v"))}, false},
		{"a record beside a system value", []Write{fresh, {Kind: System, Key: []byte("clock"), Record: []byte("5")}}, false},
		{"a system value beside a record", []Write{{Kind: System, Key: []byte("clock"), Record: []byte("5")}, fresh}, false},
		{"a void", []Write{{Kind: Void, Token: token("k"), Namespace: 1, Key: []byte("k"), Version: at(0, 0)}}, false},
		{"a stand", []Write{write(Stand, "k", value("k", at(0, 0), "v"))}, false},
		{"an agreement", []Write{fresh, {Kind: Agree, Token: token("k"), Mark: mark(-50)}}, false},
	} {
		a := fencedApplier(-100)
		if tc.writes[0].Kind == SetFloor { // it is durable before anything rests on it
			apply(a, &memory{}, tc.writes[0])
			tc.writes = tc.writes[1:]
		}
		if apply(a, &memory{}, tc.writes...); a.MayWait != tc.want {
			t.Errorf("%s: may wait %v", tc.name, a.MayWait)
		}
		if apply(a, &memory{}, fresh); !a.MayWait {
			t.Errorf("%s: the next batch may not wait", tc.name)
		}
	}
}

func exchanged(w Write) Write {
	w.Mark = mark(0)
	return w
}
