package admin

import (
	"net/http"

	"github.com/candordb/candor/contract"
)

// namespaceListJSON is all namespaces.
type namespaceListJSON struct {
	kind
	Namespaces []namespaceFields `json:"namespaces"`
}

// namespaceJSON is one of them.
type namespaceJSON struct {
	kind
	namespaceFields
}

type namespaceFields struct {
	Name       string `json:"name"`
	Number     uint32 `json:"number"`
	Mode       string `json:"mode"`
	ReadLevel  string `json:"read_level"`
	WriteLevel string `json:"write_level"`
	TTLMS      int64  `json:"ttl_ms"`          // 0: never expires
	ValueBytes int64  `json:"max_value_bytes"` // the largest value
	AllowStale bool   `json:"allow_stale"`
}

func fieldsOf(ns *Namespace) namespaceFields {
	return namespaceFields{
		ns.Name, ns.Number, ns.Mode, ns.Read.String(), ns.Write.String(), ns.TTL.Milliseconds(), ns.ValueBytes, ns.AllowStale,
	}
}

func (s *Server) serveNamespaces(c *call) error {
	if _, err := s.snapshot(); err != nil {
		return err
	}
	j := &namespaceListJSON{kindOf("NamespaceList"), []namespaceFields{}}
	for _, ns := range s.node.Namespaces() {
		j.Namespaces = append(j.Namespaces, fieldsOf(&ns))
	}
	writeJSON(c.w, http.StatusOK, j)
	return nil
}

func (s *Server) serveNamespace(c *call) error {
	if _, err := s.snapshot(); err != nil {
		return err
	}
	ns, err := s.namespace(c.rest)
	if err != nil {
		return err
	}
	writeJSON(c.w, http.StatusOK, &namespaceJSON{kindOf("Namespace"), fieldsOf(ns)})
	return nil
}

// namespace finds a namespace by name; "" is the default one.
func (s *Server) namespace(name string) (*Namespace, error) {
	if name == "" {
		name = "default"
	}
	for _, ns := range s.node.Namespaces() {
		if ns.Name == name {
			return &ns, nil
		}
	}
	return nil, refuse(contract.UnknownNamespace, "there is no namespace %q", name)
}
