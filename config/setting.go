package config

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// setting is one field of a Config under its key.
type setting struct {
	key   string
	field any // pointer to the field: *string, *bool, *int, *Size, *Percent, *Percentile, *time.Duration, *AutoDuration or *[]string
}

// settings lists all fields of c, in the order in which they are declared.
func (c *Config) settings() []setting {
	return collect(nil, "", reflect.ValueOf(c).Elem())
}

func collect(list []setting, prefix string, section reflect.Value) []setting {
	for i := range section.NumField() {
		name, tagged := section.Type().Field(i).Tag.Lookup("key")
		if !tagged {
			continue
		}
		if field := section.Field(i); field.Kind() == reflect.Struct {
			list = collect(list, prefix+name+".", field)
		} else {
			list = append(list, setting{key: prefix + name, field: field.Addr().Interface()})
		}
	}
	return list
}

// set parses a text into the field. It is the one parser for all layers.
func (s setting) set(text string) (err error) {
	switch field := s.field.(type) {
	case *string:
		*field = text
	case *bool:
		*field, err = parseBool(text)
	case *int:
		*field, err = parseCount(text)
	case *Size:
		*field, err = parseSize(text)
	case *Percent:
		*field, err = parsePercent(text)
	case *Percentile:
		*field, err = parsePercentile(text)
	case *time.Duration:
		*field, err = parseDuration(text)
	case *AutoDuration:
		*field, err = parseAutoDuration(text)
	case *[]string:
		*field = splitList(text)
	default:
		panic(fmt.Sprintf("config: %s has the unsupported type %T", s.key, s.field))
	}
	if err != nil {
		return fmt.Errorf("%s is %q: %w", s.key, text, err)
	}
	return nil
}

// String is the field's value in the form that set reads.
func (s setting) String() string {
	switch field := s.field.(type) {
	case *string:
		return *field
	case *bool:
		return strconv.FormatBool(*field)
	case *int:
		return strconv.Itoa(*field)
	case *Size:
		return field.String()
	case *Percent:
		return field.String()
	case *Percentile:
		return field.String()
	case *time.Duration:
		return formatDuration(*field)
	case *AutoDuration:
		return field.String()
	case *[]string:
		return strings.Join(*field, ",")
	}
	panic(fmt.Sprintf("config: %s has the unsupported type %T", s.key, s.field))
}

// environmentName is the variable that sets a key: CANDOR_STORAGE_BLOCK_CACHE for
// storage.block_cache.
func environmentName(key string) string {
	return environmentPrefix + strings.ToUpper(strings.ReplaceAll(key, ".", "_"))
}

// Keys lists the keys of all settings, in the order of Reference.
func Keys() []string {
	var keys []string
	for _, s := range new(Config).settings() {
		keys = append(keys, s.key)
	}
	return keys
}

// Value is the value of a key as text, in the form that files and --set take
// (lists separated by commas); "" for a key that does not exist.
func (c *Config) Value(key string) string {
	for _, s := range c.settings() {
		if s.key == key {
			return s.String()
		}
	}
	return ""
}

// Origin tells where the value of a key came from: "default", "file NAME:LINE",
// "environment NAME", "--set", or what it was derived from.
func (c *Config) Origin(key string) string {
	if origin, ok := c.origins[key]; ok {
		return origin
	}
	return "default"
}
