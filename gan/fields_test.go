package gan_test

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/gan"
	"github.com/gander-ml/gander/nn"
	"github.com/gander-ml/gander/optim"
	"github.com/gander-ml/gander/tensor"
)

// halved is the objective of someone's own, with all sorts of settings.
type halved struct {
	gan.Hinge
	Scale  float64
	Power  int32
	On     bool
	Kind   tensor.DType
	Names  []string
	ByName map[string]float64
	Rates  [2]float32
	Deep   struct{ Inner *struct{ Value uint8 } }
	hidden string
}

// differ returns the settings in which two trainers differ.
func differ(t *testing.T, a, b gan.Config) (names []string) {
	var all [2]map[string]string
	for i, c := range []gan.Config{a, b} {
		g := nn.Sequential(nn.ConcatCondition(2, 1), nn.Linear(4, 3))
		d := nn.Sequential(nn.ConcatCondition(2, 1), nn.Linear(5, 1))
		if c.Latent == 3 {
			g = nn.Sequential(nn.ConcatCondition(2, 1), nn.Linear(5, 3))
		}
		trainer, err := gan.New(g, d, c)
		require.NoError(t, err)
		all[i] = trainer.Settings()
	}
	for name, value := range all[0] {
		if all[1][name] != value {
			names = append(names, name)
		}
	}
	for name := range all[1] {
		if _, ok := all[0][name]; !ok {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// otherwise changes a value to a sensible other one.
func otherwise(t *testing.T, v reflect.Value) {
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(!v.Bool())
	case reflect.Int, reflect.Int32:
		v.SetInt(v.Int() + 1)
	case reflect.Uint8, reflect.Uint64:
		v.SetUint(v.Uint() + 1)
	case reflect.Float32, reflect.Float64:
		v.SetFloat(v.Float()/2 + .125)
	case reflect.Array:
		otherwise(t, v.Index(v.Len()-1))
	default:
		require.Fail(t, "a field of a new kind", "%v: say here what else it may be", v.Type())
	}
}

// TestEveryFieldIsASetting: each exported field of Config and of what it may hold,
// found by reflection, is compared when a run goes on, or is listed here as one that
// the future does not depend on. So is a field that is added.
func TestEveryFieldIsASetting(t *testing.T) {
	base := func() gan.Config {
		return gan.Config{Latent: 2, Classes: []string{"a", "b"}, Objective: gan.Hinge{}, Optimizer: optim.Adam{LR: .1, Betas: [2]float64{.5, .5}}, Seed: 1}
	}
	nothing := []string{
		"AllowMixing", // New has done its work
		"SampleShape", // of those who store samples
		"Group",       // N processes train what one does
		"Device",      // other bits are told by the arithmetic
	}
	set := map[string]func(*gan.Config){
		"Classes":                func(c *gan.Config) { c.Classes = []string{"a", "c"} },
		"Condition":              func(c *gan.Config) { c.Classes, c.Condition = nil, 2 },
		"Objective":              func(c *gan.Config) { c.Objective = gan.Wasserstein{} },
		"Optimizer":              func(c *gan.Config) { c.Optimizer = optim.SGD{LR: .1} },
		"GeneratorOptimizer":     func(c *gan.Config) { c.GeneratorOptimizer = optim.SGD{LR: .1} },
		"DiscriminatorOptimizer": func(c *gan.Config) { c.DiscriminatorOptimizer = optim.SGD{LR: .1} },
		"Penalties":              func(c *gan.Config) { c.Penalties = []gan.Penalty{gan.R1{Gamma: 1}} },
		"GeneratorEvery":         func(c *gan.Config) { c.GeneratorEvery = 2 },
	}
	for _, field := range reflect.VisibleFields(reflect.TypeFor[gan.Config]()) {
		c := base()
		if change, ok := set[field.Name]; ok {
			change(&c)
		} else if slices.Contains(nothing, field.Name) {
			continue
		} else {
			otherwise(t, reflect.ValueOf(&c).Elem().FieldByIndex(field.Index))
		}
		require.NotEmpty(t, differ(t, base(), c), field.Name)
	}

	// The parts, as they come with the library and as someone may write them.
	schedules := []optim.Schedule{
		optim.Linear{From: 1, To: .5, Steps: 3}, optim.Cosine{From: 1, To: .5, Steps: 3}, optim.StepDecay{Every: 2, Factor: .5},
		optim.Product{optim.Linear{From: 1, To: .5, Steps: 3}, optim.StepDecay{Every: 2, Factor: .5}},
		optim.ScheduleFunc(func(step int) float64 { return .5 }),
	}
	var parts []any
	for _, s := range schedules {
		parts = append(parts, optim.Adam{LR: .1, Betas: [2]float64{.5, .5}, Eps: .5, WeightDecay: .5, Schedule: s, Beta2Schedule: optim.Linear{From: .5, To: .6, Steps: 3}})
	}
	inner := struct{ Value uint8 }{3}
	own := halved{Scale: .5, Power: 2, Names: []string{"x y", "z"}, ByName: map[string]float64{"a": 1}, hidden: "h"}
	own.Deep.Inner = &inner
	parts = append(parts, optim.AdamW{LR: .1, Betas: [2]float64{.5, .5}, Schedule: schedules[0], Beta2Schedule: schedules[1]},
		optim.SGD{LR: .1, Momentum: .5, Schedule: schedules[0]}, optim.RMSprop{LR: .1, Schedule: schedules[0]},
		gan.R1{Gamma: .5, Schedule: schedules[0]}, gan.R2{Gamma: .5, Schedule: schedules[0]}, gan.GradientPenalty{Lambda: .5, Schedule: schedules[0]},
		own, &own)
	with := func(part any) gan.Config {
		c := base()
		switch p := part.(type) {
		case optim.Method:
			c.Optimizer = p
		case gan.Penalty:
			c.Penalties = []gan.Penalty{p}
		case gan.Objective:
			c.Objective = p
		}
		return c
	}
	for _, part := range parts {
		typ := reflect.TypeOf(part)
		pointer := typ.Kind() == reflect.Pointer
		if pointer {
			typ = typ.Elem()
		}
		for _, field := range reflect.VisibleFields(typ) {
			if !field.IsExported() || field.Anonymous {
				continue
			}
			changed := reflect.New(typ)
			changed.Elem().Set(reflect.Indirect(reflect.ValueOf(part)))
			v := changed.Elem().FieldByIndex(field.Index)
			switch {
			case field.Type == reflect.TypeFor[optim.Schedule]():
				v.Set(reflect.ValueOf(optim.Linear{From: .25, To: .125, Steps: 2}))
			case field.Name == "Kind":
				v.Set(reflect.ValueOf(tensor.Float64))
			case field.Name == "Names":
				v.Set(reflect.ValueOf([]string{"x", "y z"}))
			case field.Name == "ByName":
				v.Set(reflect.ValueOf(map[string]float64{"a": 2}))
			case field.Name == "Deep":
				other := own.Deep
				other.Inner = &struct{ Value uint8 }{4}
				v.Set(reflect.ValueOf(other))
			default:
				otherwise(t, v)
			}
			now := changed.Interface()
			if !pointer {
				now = changed.Elem().Interface()
			}
			names := differ(t, with(part), with(now))
			require.NotEmpty(t, names, "%T.%s", part, field.Name)
			first := strings.ToLower(field.Name[:1])
			require.True(t, slices.ContainsFunc(names, func(name string) bool { return strings.Contains(name, "."+first) }), "%T.%s: %v", part, field.Name, names)
		}
	}
	hidden := own
	hidden.hidden = "i"
	require.Equal(t, []string{"objective.hidden"}, differ(t, with(own), with(hidden)))
}

// TestNamesThatLookLikeOthers: lists of strings that print alike are different
// settings.
func TestNamesThatLookLikeOthers(t *testing.T) {
	lists := [][]string{
		{"a b", "c"}, {"a", "b c"}, {`"a b"`, "c"}, {"a\nb", "c"}, {"a\tb", "c"}, {`a\nb`, "c"}, {"a\u00a0b", "c"}, {"a b] c", "[d"}, {"a\x00", "b"}, {"a", "b\u200b"}, {"a", "b"},
	}
	for i, a := range lists {
		for _, b := range lists[:i] {
			c := gan.Config{Latent: 2, Classes: a, Optimizer: optim.SGD{LR: .1}}
			other := c
			other.Classes = b
			require.Equal(t, []string{"classes"}, differ(t, c, other), "%q and %q", a, b)
		}
	}
	many := make([]string, 20)
	for i := range many {
		many[i] = fmt.Sprint("class ", i)
	}
	a, b := slices.Clone(many), slices.Clone(many)
	a[11], a[12] = "x\ny", "z"
	b[11], b[12] = "x", "y\nz"
	own := func(names []string) gan.Config {
		return gan.Config{Latent: 2, Classes: []string{"a", "b"}, Objective: halved{Names: names}, Optimizer: optim.SGD{LR: .1}}
	}
	require.Equal(t, []string{"objective.names"}, differ(t, own(a), own(b)))
}

// keyed is an objective with maps whose keys are no words.
type keyed struct {
	gan.Hinge
	at     map[[2]int]float64
	of     map[any]int
	places map[*int]string
}

// What a map holds is told by each of its keys, and the same every time.
func TestMapsAreSettings(t *testing.T) {
	settings := func(o keyed) map[string]string {
		trainer, err := gan.New(nn.Linear(3, 4), nn.Linear(4, 1), gan.Config{Latent: 3, Objective: o})
		require.NoError(t, err)
		return trainer.Settings()
	}
	o := keyed{
		at:     map[[2]int]float64{{1, 2}: 3, {3, 4}: 5, {5, 6}: 7},
		of:     map[any]int{1: 2, "a": 3, struct{ x, y uint8 }{4, 5}: 6},
		places: map[*int]string{new(int): "here", new(int): "there"},
	}
	first := settings(o)
	for name, want := range map[string]string{"at.[1 2]": "3", "at.[3 4]": "5", "at.[5 6]": "7", "of.1": "2", "of.a": "3", "of.[4 5]": "6", "places": "map[*int]string"} {
		require.Equal(t, want, first["objective."+name], name)
	}
	for range 10 {
		require.Equal(t, first, settings(o))
	}
}
