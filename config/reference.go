package config

import _ "embed"

// reference.yaml is written by TestReferenceIsCurrent -rewrite from the comments
// in config.go and the values of Default.
//
//go:embed reference.yaml
var reference string

// Reference is a commented configuration file that sets every key to its default.
func Reference() string { return reference }
