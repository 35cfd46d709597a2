package rundir

import (
	"flag"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/gander-ml/gander/gan"
)

// Changes is a flag that changes settings of a run on purpose when it is resumed,
// "-set lr=1e-4": it sets another flag of the program and allows the settings that
// depend on it to differ from the checkpoint's. Without it, a run that is resumed
// with another -lr is refused.
type Changes struct {
	flags    *flag.FlagSet
	settings map[string][]string
	set      []string
}

// NewChanges returns the value of such a flag. settings names, for each flag that
// may be set, what [gan.Allow] is to allow:
//
//	changes := rundir.NewChanges(flag.CommandLine, map[string][]string{"lr": {"optimizer.lr"}})
//	flag.Var(changes, "set", "change a setting of a run that is resumed, `name=value`")
func NewChanges(flags *flag.FlagSet, settings map[string][]string) *Changes {
	return &Changes{flags: flags, settings: settings}
}

// String returns what was set.
func (c *Changes) String() string {
	if c == nil {
		return ""
	}
	return strings.Join(c.set, " ")
}

// Set takes "name=value". The flag may be given several times.
func (c *Changes) Set(text string) error {
	name, value, ok := strings.Cut(text, "=")
	if _, known := c.settings[name]; !ok || !known {
		return fmt.Errorf("it must be NAME=VALUE, of the names %s", strings.Join(slices.Sorted(maps.Keys(c.settings)), ", "))
	}
	if err := c.flags.Set(name, value); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	c.set = append(c.set, text)
	return nil
}

// Allow is the option of [gan.Trainer.Resume] that allows what was set.
func (c *Changes) Allow() gan.ResumeOption {
	var names []string
	for _, text := range c.set {
		name, _, _ := strings.Cut(text, "=")
		names = append(names, c.settings[name]...)
	}
	return gan.Allow(names...)
}
