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

// What is erased elsewhere, or settled for good, because a record is here already: that one
// may wait for its sync, so what is answered must not.
func TestWhoVouchesForARecordHasItSynced(t *testing.T) {
	old, young := write(Fresh, "k", value("k", at(0, 0), "v")), write(Fresh, "k", value("k", at(5, 0), "v"))
	void := Write{Kind: Void, Token: token("k"), Namespace: ns, Key: []byte("k"), Version: at(0, 0)}
	deliver := write(Deliver, "k", value("k", at(0, 0), "v"))
	for _, tc := range []struct {
		name   string
		before []Write
		w      Write
		want   bool
	}{
		{"a hint of what is here", []Write{old}, deliver, true},
		{"a hint of what was written over", []Write{young}, deliver, true},
		{"a hint of what is not here", nil, deliver, false},
		{"OUTCOME of what is here", []Write{old}, void, true},
		{"OUTCOME of what was written over", []Write{young}, void, true},
		{"OUTCOME of what is not here", nil, void, false},
		{"a repeat", []Write{old}, old, false},
		{"a write-back of what is here", []Write{old}, write(Repair, "k", value("k", at(0, 0), "v")), false},
	} {
		a, m := fencedApplier(-100), &memory{}
		for _, w := range tc.before {
			apply(a, m, w)
		}
		if apply(a, m, tc.w, write(Fresh, "other", value("other", at(0, 0), "v"))); a.Vouches != tc.want {
			t.Errorf("%s: vouches %v", tc.name, a.Vouches)
		}
		if apply(a, m, write(Fresh, "other", value("other", at(1, 0), "v"))); a.Vouches {
			t.Errorf("%s: the next batch vouches too", tc.name)
		}
	}
}

func exchanged(w Write) Write {
	w.Mark = mark(0)
	return w
}
