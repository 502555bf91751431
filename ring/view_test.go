package ring

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// failer is what testing.T, testing.B and rapid.T have in common.
type failer interface {
	Helper()
	Fatal(...any)
	Fatalf(string, ...any)
}

// testMembers makes one Normal member per zone named; ids are spread by hash.
func testMembers(zones ...string) []Member {
	members := make([]Member, len(zones))
	for i, zone := range zones {
		members[i] = testMember(i, zone)
	}
	return members
}

func testMember(i int, zone string) Member {
	var id NodeID
	binary.BigEndian.PutUint64(id[:], mix(uint64(i)+1))
	binary.BigEndian.PutUint64(id[8:], uint64(i))
	return Member{ID: id, Name: fmt.Sprintf("n%d", i), Zone: zone, State: Normal}
}

func zoneless(count int) []Member { return testMembers(make([]string, count)...) }

func mustView(t failer, n int, members []Member, owners []uint16) *View {
	t.Helper()
	v, err := NewView(1, len(owners)/n, n, members, owners)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestViewAnswers(t *testing.T) {
	members := zoneless(4)
	v, err := NewView(7, 4, 3, members, []uint16{0, 1, 2, 1, 2, 3, 2, 3, 0, 3, NoOwner, NoOwner})
	if err != nil {
		t.Fatal(err)
	}
	if v.Epoch() != 7 || v.Q() != 4 || v.N() != 3 || v.Bits() != 2 || v.Quorum() != 2 {
		t.Errorf("epoch %d q %d n %d bits %d quorum %d", v.Epoch(), v.Q(), v.N(), v.Bits(), v.Quorum())
	}
	if diff := cmp.Diff(members, v.Members()); diff != "" {
		t.Error(diff)
	}
	if got := v.Owners(1); !slices.Equal(got, []uint16{1, 2, 3}) || cap(got) != 3 {
		t.Errorf("owners of 1: %v, cap %d", got, cap(got))
	}
	if got := v.Replicas(PartitionEnd(2, 2)); !slices.Equal(got, []uint16{2, 3, 0}) {
		t.Errorf("replicas of the last token of 2: %v", got)
	}
	for i, want := range []int{2, 2, 3, 3} {
		id := v.Member(i).ID
		if at, ok := v.Index(id); !ok || at != i {
			t.Errorf("index of member %d: %d, %v", i, at, ok)
		}
		if got := v.Partitions(id); got != want {
			t.Errorf("member %d owns %d partitions, want %d", i, got, want)
		}
	}
	if !v.Owns(3, members[3].ID) || v.Owns(3, members[0].ID) {
		t.Error("Owns(3)")
	}
	stranger := NodeID{1, 2, 3}
	if _, ok := v.Index(stranger); ok || v.Owns(0, stranger) || v.Partitions(stranger) != 0 {
		t.Error("a stranger is known")
	}
}

func TestViewIsImmutable(t *testing.T) {
	members, owners := zoneless(2), []uint16{0, 1}
	v := mustView(t, 1, members, owners)
	members[0].Name, owners[0] = "changed", 1
	if v.Member(0).Name != "n0" || v.Owners(0)[0] != 0 {
		t.Error("the view shares memory with the arguments of NewView")
	}
}

func TestNewViewRefuses(t *testing.T) {
	two := zoneless(2)
	twice := []Member{two[0], two[0]}
	for name, c := range map[string]struct {
		q, n    int
		members []Member
		owners  []uint16
		want    error
	}{
		"no partitions":          {0, 1, two, nil, ErrTable},
		"three partitions":       {3, 1, two, []uint16{0, 1, 0}, ErrTable},
		"negative partitions":    {-4, 1, two, nil, ErrTable},
		"too many partitions":    {1 << 17, 1, two, make([]uint16, 1<<17), ErrTable},
		"no replicas":            {1, 0, two, nil, ErrTable},
		"64 replicas":            {1, 64, two, make([]uint16, 64), ErrTable},
		"short table":            {2, 1, two, []uint16{0}, ErrTable},
		"long table":             {1, 1, two, []uint16{0, 1}, ErrTable},
		"unknown owner":          {1, 1, two, []uint16{2}, ErrTable},
		"owner twice":            {1, 2, two, []uint16{1, 1}, ErrTable},
		"owner behind a hole":    {1, 2, two, []uint16{NoOwner, 1}, ErrTable},
		"no members":             {1, 1, nil, []uint16{NoOwner}, ErrMembers},
		"member twice":           {1, 1, twice, []uint16{0}, ErrMembers},
		"member without id":      {1, 1, []Member{{State: Normal}}, []uint16{0}, ErrMembers},
		"member without a state": {1, 1, []Member{{ID: NodeID{1}}}, []uint16{0}, ErrMembers},
		"member of state 4":      {1, 1, []Member{{ID: NodeID{1}, State: 4}}, []uint16{0}, ErrMembers},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := NewView(1, c.q, c.n, c.members, c.owners); !errors.Is(err, c.want) {
				t.Errorf("error %v, want %v", err, c.want)
			}
		})
	}
}

func TestOwnersOnTheWire(t *testing.T) {
	owners := []uint16{0, 1, 258, NoOwner}
	wire := AppendOwners([]byte("head"), owners)
	if want := "head\x00\x00\x00\x01\x01\x02\xff\xff"; string(wire) != want {
		t.Fatalf("%x, want %x", wire, want)
	}
	got, err := ParseOwners(wire[4:], 2, 2)
	if err != nil || !slices.Equal(got, owners) {
		t.Errorf("%v, %v", got, err)
	}
	for _, c := range []struct {
		b    []byte
		q, n int
	}{
		{wire[4:11], 2, 2}, {wire[3:], 2, 2}, {wire[4:], 4, 2}, {nil, 0, 0}, {nil, 1, 1}, {wire[4:10], 3, 1}, {nil, 1 << 40, 1 << 40},
	} {
		if got, err := ParseOwners(c.b, c.q, c.n); !errors.Is(err, ErrTable) {
			t.Errorf("%x for %d x %d: %v, %v", c.b, c.q, c.n, got, err)
		}
	}
}

func FuzzParseOwners(f *testing.F) {
	f.Add([]byte{0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff}, 2, 2)
	members := zoneless(3)
	f.Fuzz(func(t *testing.T, b []byte, q, n int) {
		owners, err := ParseOwners(b, q, n)
		if err != nil {
			return
		}
		if string(AppendOwners(nil, owners)) != string(b) {
			t.Fatalf("%x does not survive", b)
		}
		if v, err := NewView(1, q, n, members, owners); err == nil {
			for p := range v.Q() {
				v.Owners(p)
			}
		}
	})
}

func BenchmarkNewView(b *testing.B) {
	for _, size := range []struct{ members, q int }{{3, 1024}, {1000, 16384}} {
		b.Run(fmt.Sprintf("%dx%d", size.members, size.q), func(b *testing.B) {
			members := zoneless(size.members)
			owners, err := Claim(size.q, 3, nil, members)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				mustView(b, 3, members, owners)
			}
		})
	}
}

func BenchmarkOwners(b *testing.B) {
	members := zoneless(5)
	owners, err := Claim(1024, 3, nil, members)
	if err != nil {
		b.Fatal(err)
	}
	v := mustView(b, 3, members, owners)
	sum, token := 0, Token(0)
	b.ReportAllocs()
	for b.Loop() {
		token += 0x9e3779b97f4a7c15
		for _, o := range v.Replicas(token) {
			sum += int(o)
		}
	}
	if sum == 0 {
		b.Fatal("no owners")
	}
}
