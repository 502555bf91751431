package main

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/pingcap/go-ycsb/pkg/prop"

	"github.com/candordb/candor/client"
)

// memory is a store in order of keys, with small pages.
type memory struct {
	store
	values map[string][]byte
}

func (m *memory) Get(_ context.Context, key []byte, _ ...client.CallOption) (client.Item, error) {
	v, found := m.values[string(key)]
	if !found {
		return client.Item{}, client.ErrNotFound
	}
	return client.Item{Key: key, Value: v}, nil
}

func (m *memory) Put(_ context.Context, key, value []byte, _ ...client.CallOption) (r client.Receipt, err error) {
	m.values[string(key)] = bytes.Clone(value)
	return r, nil
}

func (m *memory) ScanPage(_ context.Context, prefix, cursor []byte, limit int, _ ...client.CallOption) (p client.Page, err error) {
	var keys []string
	for k := range m.values { // sorted below
		if strings.HasPrefix(k, string(prefix)) && k > string(cursor) {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	const page = 7
	for _, k := range keys[:min(len(keys), page, limit)] {
		p.Items = append(p.Items, client.Item{Key: []byte(k), Value: m.values[k]})
	}
	if n := len(p.Items); n < len(keys) {
		p.Cursor = p.Items[n-1].Key
	}
	return p, nil
}

// All six workloads run, find what they ask for whole, and nothing fails.
func TestTheWorkloadsFindWhatTheyWrote(t *testing.T) {
	for letter := range mixes { // in any order
		t.Run(letter, func(t *testing.T) {
			d := &database{store: &memory{values: make(map[string][]byte)}, grouped: letter == "e"}
			p, err := settings(letter, size{records: 250, operations: 500, threads: 1}, []string{prop.DataIntegrity + "=true"})
			if err != nil {
				t.Fatal(err)
			}
			for _, transactions := range []bool{false, true} {
				if err := phase(t.Context(), letter, p, d, transactions); err != nil {
					t.Fatal(err)
				}
			}
			if err := d.verdict(); err != nil {
				t.Error(err)
			}
			if n := len(d.store.(*memory).values); n < 250 {
				t.Errorf("%d records of 250", n)
			}
		})
	}
}

// A scan reads as many records of its group as there are, over pages, and none of
// another group.
func TestAScanReadsItsGroup(t *testing.T) {
	d := &database{store: &memory{values: make(map[string][]byte)}, grouped: true}
	for _, name := range []string{"user0199", "user0300"} {
		if err := d.Insert(t.Context(), "", name, map[string][]byte{"f": []byte("another group")}); err != nil {
			t.Fatal(err)
		}
	}
	for i := range byte(30) {
		name := "user02" + string([]byte{'0' + i/10, '0' + i%10})
		if err := d.Insert(t.Context(), "", name, map[string][]byte{"f": []byte(name)}); err != nil {
			t.Fatal(err)
		}
	}
	for count, want := range map[int]int{1: 1, 20: 20, 100: 30} { // each by itself
		rows, err := d.Scan(t.Context(), "", "user0215", count, []string{"f"})
		if err != nil || len(rows) != want {
			t.Fatalf("a scan of %d: %d records, %v; want %d", count, len(rows), err, want)
		}
		for i, r := range rows {
			if !strings.HasPrefix(string(r["f"]), "user02") {
				t.Errorf("record %d is %q", i, r["f"])
			}
		}
	}
}

// What fails is counted and told, so that no table without it stands alone.
func TestWhatFailsIsTold(t *testing.T) {
	d := &database{store: &memory{values: make(map[string][]byte)}}
	if err := d.verdict(); err != nil {
		t.Fatal(err)
	}
	_, first := d.Read(t.Context(), "", "user1", []string{"f"})
	second := d.Update(t.Context(), "", "user1", map[string][]byte{"f": nil, "g": nil})
	if !errors.Is(first, client.ErrNotFound) || !errors.Is(second, errFields) {
		t.Errorf("%v, %v", first, second)
	}
	err := d.verdict()
	if !errors.Is(err, client.ErrNotFound) || !strings.Contains(err.Error(), "2 operations") {
		t.Error(err)
	}
}

func TestSettingsThatCannotBeRunAreRefused(t *testing.T) {
	good := size{records: 10, operations: 10, threads: 2}
	for name, c := range map[string]struct {
		letter string
		size   size
		extra  []string
	}{ // each by itself
		"no such workload":      {"g", good, nil},
		"no threads":            {"a", size{10, 10, 0}, nil},
		"too few operations":    {"a", size{10, 1, 2}, nil},
		"two fields":            {"a", good, []string{"fieldcount=2"}},
		"a setting of no sense": {"a", good, []string{"fieldcount"}},
	} {
		if _, err := settings(c.letter, c.size, c.extra); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	p, err := settings("d", good, []string{"fieldlength=7"})
	if err != nil {
		t.Fatal(err)
	}
	if p.GetString(prop.RequestDistribution, "") != "latest" || p.GetString(prop.FieldLength, "") != "7" {
		t.Errorf("a later setting has to stand above an earlier one: %v", p)
	}
}
