package verdict

import (
	"bytes"
	"encoding/json"
	"reflect"
)

// Opt is a figure that may not be known. The zero value is not known. In JSON
// that is null, and a field that is absent is not known either.
type Opt[T any] struct {
	value T
	known bool
}

// Known is a figure that is known.
func Known[T any](value T) Opt[T] { return Opt[T]{value, true} }

// Get is the figure; false if it is not known.
func (o Opt[T]) Get() (T, bool) { return o.value, o.known }

// MarshalJSON implements json.Marshaler. A list that is known to be empty is [],
// so that it is not taken for one that is not known.
func (o Opt[T]) MarshalJSON() ([]byte, error) {
	if !o.known {
		return []byte("null"), nil
	}
	if v := reflect.ValueOf(&o.value).Elem(); v.Kind() == reflect.Slice && v.IsNil() {
		v.Set(reflect.MakeSlice(v.Type(), 0, 0))
	}
	return json.Marshal(o.value)
}

// UnmarshalJSON implements json.Unmarshaler.
func (o *Opt[T]) UnmarshalJSON(b []byte) error {
	*o = Opt[T]{}
	if bytes.Equal(b, []byte("null")) {
		return nil
	}
	err := json.Unmarshal(b, &o.value)
	o.known = err == nil
	return err
}
