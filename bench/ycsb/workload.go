package main

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/magiconair/properties"
	"github.com/pingcap/go-ycsb/pkg/prop"
)

// mixes are the workloads by their letter, in go-ycsb's properties.
var mixes = map[string]map[string]string{
	"a": {prop.ReadProportion: "0.5", prop.UpdateProportion: "0.5"},
	"b": {prop.ReadProportion: "0.95", prop.UpdateProportion: "0.05"},
	"c": {prop.ReadProportion: "1", prop.UpdateProportion: "0"},
	"d": {prop.ReadProportion: "0.95", prop.UpdateProportion: "0", prop.InsertProportion: "0.05", prop.RequestDistribution: "latest"},
	"e": {
		prop.ReadProportion: "0", prop.UpdateProportion: "0", prop.ScanProportion: "0.95", prop.InsertProportion: "0.05",
		prop.MaxScanLength: strconv.Itoa(groupKeys), prop.InsertOrder: "ordered", prop.ZeroPadding: "10",
	},
	"f": {prop.ReadProportion: "0.5", prop.UpdateProportion: "0", prop.ReadModifyWriteProportion: "0.5"},
}

// size is how much of a workload is run.
type size struct {
	records, operations, threads int
}

// settings are go-ycsb's properties for a workload. extra, each as name=value,
// stand above all others.
func settings(letter string, s size, extra []string) (*properties.Properties, error) {
	mix, known := mixes[letter]
	switch {
	case !known:
		return nil, fmt.Errorf("there is no workload %q: choose a to f", letter)
	case s.threads < 1 || s.records < s.threads || s.operations < s.threads:
		return nil, fmt.Errorf("%d records, %d operations, %d threads: want at least one of each for every thread", s.records, s.operations, s.threads)
	}
	all := map[string]string{
		prop.FieldCount:          "1",
		prop.FieldLength:         "100",
		prop.RequestDistribution: "zipfian",
		prop.RecordCount:         strconv.Itoa(s.records),
		prop.OperationCount:      strconv.Itoa(s.operations),
		prop.ThreadCount:         strconv.Itoa(s.threads),
	}
	for name, value := range mix { // in any order
		all[name] = value
	}
	for _, e := range extra {
		name, value, found := strings.Cut(e, "=")
		if !found {
			return nil, fmt.Errorf("-set %q: want name=value", e)
		}
		all[name] = value
	}
	if all[prop.FieldCount] != "1" {
		return nil, fmt.Errorf("-set %s=%s: a record is one value here, and has one field", prop.FieldCount, all[prop.FieldCount])
	}
	return properties.LoadMap(all), nil
}
