package admin

import "net/http"

// configJSON is the settings of one node.
type configJSON struct {
	kind
	Node     string        `json:"node"`
	ID       string        `json:"id"`
	Settings []settingJSON `json:"settings"`
}

type settingJSON struct {
	Key    string `json:"key"`
	Value  string `json:"value"` // in the form that files and --set take
	Origin string `json:"origin"`
}

func (s *Server) serveConfig(c *call) error {
	seen := s.node.Snapshot()
	j := &configJSON{kindOf("Config"), seen.Name, seen.Self.String(), []settingJSON{}}
	for _, setting := range s.node.Settings() {
		j.Settings = append(j.Settings, settingJSON(setting))
	}
	writeJSON(c.w, http.StatusOK, j)
	return nil
}
