package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// savedContext is a cluster under a name: where it is, and how to talk to it.
// There is no place for a secret, only for the files that hold one.
type savedContext struct {
	Name      string `json:"name"`
	Addr      string `json:"addr"`                 // host:port of nodes, separated by commas
	Namespace string `json:"ns,omitempty"`         // empty: default
	Timeout   string `json:"timeout,omitempty"`    // empty: that of the commands
	CAFile    string `json:"ca_file,omitempty"`    // whom to trust; empty: no TLS
	TokenFile string `json:"token_file,omitempty"` // who one is; empty: nobody in particular
}

// contextFile is contexts.json in the user's folder of settings. It is JSON,
// because a program writes it as often as it reads it, and the standard library
// does both strictly; a reader of YAML takes it too.
type contextFile struct {
	Current  string         `json:"current"` // empty: none
	Contexts []savedContext `json:"contexts"`
	path     string
}

// noContext is the name that stands for using none.
const noContext = "none"

// contextBytesMax bounds what is read of the file.
const contextBytesMax = 1 << 20

// contextPath is where the file is, whether or not it exists.
func contextPath() (string, error) {
	dir, err := os.UserConfigDir()
	if err != nil {
		return "", fmt.Errorf("there is no folder for settings: %w", err)
	}
	return filepath.Join(dir, "candor", "contexts.json"), nil
}

// loadContexts reads the file; one that does not exist has no contexts, and
// whatever cannot be taken exactly as it is written is refused.
func loadContexts() (*contextFile, error) {
	path, err := contextPath()
	if err != nil {
		return &contextFile{}, nil // nobody can have written it
	}
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return &contextFile{path: path}, nil
	}
	if err != nil {
		return nil, usagef("", "the contexts cannot be read: %v", err)
	}
	defer f.Close()
	content, err := io.ReadAll(io.LimitReader(f, contextBytesMax+1))
	if err != nil {
		return nil, usagef("", "the contexts cannot be read: %v", err)
	}
	file, why := parseContexts(content)
	if why != "" {
		return nil, usagef("mend the file, or remove it and use candor context add", "%s: %s", path, why)
	}
	file.path = path
	return file, nil
}

// parseContexts says in why what is wrong with the file, if anything is.
func parseContexts(content []byte) (file *contextFile, why string) {
	if len(content) > contextBytesMax {
		return nil, fmt.Sprintf("it is longer than %s", sized(contextBytesMax))
	}
	file = new(contextFile)
	d := json.NewDecoder(bytes.NewReader(content))
	d.DisallowUnknownFields()
	if err := d.Decode(file); err != nil {
		return nil, "want one JSON object with current and contexts: " + jsonFault(err)
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, "something follows the object"
	}
	known := make(map[string]bool)
	for i := range file.Contexts {
		c := &file.Contexts[i]
		if err := c.check(); err != nil {
			return nil, fmt.Sprintf("context %q: %v", c.Name, err)
		}
		if known[c.Name] {
			return nil, fmt.Sprintf("there are two contexts %q", c.Name)
		}
		known[c.Name] = true
	}
	if file.Current != "" && !known[file.Current] {
		return nil, fmt.Sprintf("current is %q, and there is no such context", file.Current)
	}
	return file, ""
}

// check says what is wrong with a context.
func (c *savedContext) check() error {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-"
	switch {
	case c.Name == "" || len(c.Name) > 64 || strings.Trim(c.Name, letters) != "" || c.Name[0] == '-':
		return errors.New("want a name of 1 to 64 letters, digits, dots, dashes and underlines")
	case c.Name == noContext:
		return fmt.Errorf("%s is the name for no context; choose another", noContext)
	}
	if err := checkAddr(c.Addr); err != nil {
		return err
	}
	_, err := c.timeout()
	return err
}

func checkAddr(addr string) error {
	if addr == "" || strings.ContainsAny(addr, "/? ") {
		return fmt.Errorf("the address is %q: want host:port, several separated by commas", addr)
	}
	return nil
}

// checkPorts wants what context add promises to keep: host:port each. On a command
// line a host alone may do, as whoever typed it sees at once what comes of it.
func checkPorts(addr string) error {
	for one := range strings.SplitSeq(addr, ",") {
		host, port, err := net.SplitHostPort(strings.TrimSpace(one))
		if number, bad := strconv.ParseUint(port, 10, 16); err != nil || bad != nil || number == 0 || host == "" {
			return fmt.Errorf("%q is no address: want host:port, several separated by commas", one)
		}
	}
	return nil
}

// timeout is 0 if the context has none.
func (c *savedContext) timeout() (time.Duration, error) {
	if c.Timeout == "" {
		return 0, nil
	}
	d, err := time.ParseDuration(c.Timeout)
	if err != nil || d < time.Millisecond {
		return 0, fmt.Errorf("the timeout is %q: want a time like 2s, at least 1ms", c.Timeout)
	}
	return d, nil
}

// find is nil if there is no context of that name.
func (file *contextFile) find(name string) *savedContext {
	for i := range file.Contexts {
		if file.Contexts[i].Name == name {
			return &file.Contexts[i]
		}
	}
	return nil
}

// named is the context of that name, or the sentence that there is none.
func (file *contextFile) named(name string) (*savedContext, error) {
	if c := file.find(name); c != nil {
		return c, nil
	}
	var names []string
	for _, c := range file.Contexts {
		names = append(names, c.Name)
	}
	return nil, usagef("candor context ls", "there is no context %q%s", name, didYouMean(name, names))
}

// save replaces the file.
func (file *contextFile) save() error {
	if file.path == "" {
		_, err := contextPath()
		return failf(exitFailed, "set HOME or XDG_CONFIG_HOME", "the contexts cannot be kept: %w", err)
	}
	content, err := json.MarshalIndent(file, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(file.path), 0o700); err != nil {
		return failf(exitFailed, "", "the contexts cannot be kept: %w", err)
	}
	if err := replaceFile(file.path, append(content, '\n')); err != nil {
		return failf(exitFailed, "", "the contexts cannot be kept: %w", err)
	}
	return nil
}
