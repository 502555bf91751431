package main

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
)

// jsonFault is what is wrong with JSON, in words of JSON and not of the program
// that reads it.
func jsonFault(err error) string {
	var wrong *json.UnmarshalTypeError
	var b64 base64.CorruptInputError
	switch {
	case errors.As(err, &wrong) && wrong.Field == "":
		return "it is " + jsonValue(wrong.Value)
	case errors.As(err, &wrong):
		return fmt.Sprintf("%s is %s: want %s", wrong.Field, jsonValue(wrong.Value), jsonType(wrong.Type))
	case errors.As(err, &b64):
		return fmt.Sprintf("a text that has to be base64 is none from its byte %d on", int64(b64)+1)
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return "it ends too early"
	}
	return strings.TrimPrefix(err.Error(), "json: ")
}

// jsonValue is a value as the decoder names it: "number -5", "string", "array".
func jsonValue(name string) string {
	kind, digits, isNumber := strings.Cut(name, " ")
	switch {
	case isNumber:
		return digits
	case kind == "array" || kind == "object":
		return "an " + kind
	case kind == "bool":
		return "true or false"
	}
	return "a " + kind
}

// jsonType is what a field takes.
func jsonType(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Uint64:
		return "a whole number that is not negative"
	case reflect.Int:
		return "a whole number"
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 {
			return "base64 in a string"
		}
		return "an array"
	case reflect.Struct:
		return "an object"
	}
	return "a " + t.Kind().String()
}
