package config

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
)

// ErrInvalid is wrapped by every error of Load and Validate that is about what
// was written, as opposed to a file that cannot be read.
var ErrInvalid = errors.New("config: invalid configuration")

// invalid is one thing that is wrong, in one sentence.
type invalid string

func (i invalid) Error() string        { return string(i) }
func (i invalid) Is(target error) bool { return target == ErrInvalid }

func invalidf(format string, args ...any) error {
	return invalid(fmt.Sprintf(format, args...))
}

// environmentPrefix is what the name of every variable of ours begins with.
const environmentPrefix = "CANDOR_"

// foreignVariables begin with our prefix and are no settings: the command line
// reads them.
var foreignVariables = []string{"CANDOR_ADDR", "CANDOR_CONTEXT", "CANDOR_TOKEN_FILE"}

// Sources are the layers that Load puts on top of the defaults.
type Sources struct {
	File      string   // path of the file, also named in errors; "" for none
	FileBytes []byte   // the file's content, if the caller has it already; else nil, and File is read
	Env       []string // NAME=VALUE, as os.Environ gives them
	Sets      []string // KEY=VALUE, as --set gives them; a later one overrides an earlier one
	HostName  string   // for node.name where no layer gives one
}

// Load makes a Config from the defaults and all layers. It reports every
// unknown key and every unreadable value of all layers at once; each such error
// wraps ErrInvalid. Whether the values make sense together is for Validate to say;
// only where there is such an error, what Validate finds by the values that could be
// read is told too, as nobody can ask it then.
func Load(s Sources) (*Config, error) {
	c := Default()
	c.origins = map[string]string{}
	var problems []error
	if s.File != "" || s.FileBytes != nil {
		content := s.FileBytes
		if content == nil {
			var err error
			if content, err = readFile(s.File); err != nil {
				return nil, err
			}
		}
		problems = append(problems, c.applyFile(s.File, content)...)
	}
	problems = append(problems, c.applyEnvironment(s.Env)...)
	problems = append(problems, c.applySets(s.Sets)...)
	if len(problems) > 0 {
		return nil, errors.Join(append(problems, c.certain(s.HostName)...)...)
	}
	c.fillDerived(s.HostName)
	return c, nil
}

// certain are the violations that hold whatever was meant by what could not be read:
// those that name no setting but such as a layer has set, and that could be read.
func (c *Config) certain(hostName string) (problems []error) {
	set := maps.Clone(c.origins)
	if c.Limits.Frame == 0 {
		delete(set, "limits.frame") // it follows from another one
	}
	c.fillDerived(hostName)
	for _, problem := range c.violations() {
		named, read := 0, 0
		for _, key := range Keys() {
			if !slices.Contains(words(problem.Error()), key) {
				continue
			}
			if named++; set[key] != "" {
				read++
			}
		}
		if named > 0 && named == read {
			problems = append(problems, problem)
		}
	}
	return problems
}

// words are the words of a sentence, names of settings whole.
func words(text string) []string {
	all := strings.FieldsFunc(text, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '_' && r != '.'
	})
	for i := range all {
		all[i] = strings.Trim(all[i], ".")
	}
	return all
}

// readFile reads at most one byte more than a configuration file may have.
func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("config: there is no file %s: check the path given with --config: %w", path, err)
	}
	if err != nil {
		return nil, fmt.Errorf("config: %w", err)
	}
	defer f.Close()
	content, err := io.ReadAll(io.LimitReader(f, fileBytesMax+1))
	if err != nil {
		return nil, fmt.Errorf("config: read %s: %w", path, err)
	}
	return content, nil
}

// applyEnvironment takes over all variables of ours. Of one that occurs twice
// the last counts.
func (c *Config) applyEnvironment(env []string) (problems []error) {
	byName := map[string]setting{}
	var names []string
	for _, s := range c.settings() {
		name := environmentName(s.key)
		byName[name] = s
		names = append(names, name)
	}
	for _, variable := range env {
		name, value, _ := strings.Cut(variable, "=")
		if !strings.HasPrefix(name, environmentPrefix) || slices.Contains(foreignVariables, name) {
			continue
		}
		s, known := byName[name]
		if !known {
			problems = append(problems, invalidf("environment: %s is no setting%s; unset it", name, didYouMean(name, names)))
			continue
		}
		if err := s.set(value); err != nil {
			delete(c.origins, s.key) // the value below it does not count either
			problems = append(problems, invalidf("environment %s: %v", name, err))
			continue
		}
		c.origins[s.key] = "environment " + name
	}
	return problems
}

// applySets takes over KEY=VALUE of the command line.
func (c *Config) applySets(sets []string) (problems []error) {
	settings := c.settings()
	for _, text := range sets {
		key, value, found := strings.Cut(text, "=")
		at := slices.IndexFunc(settings, func(s setting) bool { return s.key == key })
		switch {
		case !found:
			problems = append(problems, invalidf("--set %s: want KEY=VALUE", text))
		case at < 0:
			problems = append(problems, invalidf("--set %s: unknown setting %q%s", text, key, didYouMean(key, Keys())))
		default:
			if err := settings[at].set(value); err != nil {
				delete(c.origins, key)
				problems = append(problems, invalidf("--set: %v", err))
				continue
			}
			c.origins[key] = "--set"
		}
	}
	return problems
}
