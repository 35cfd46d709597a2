package gan

import (
	"bytes"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"maps"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/gander-ml/gander/autograd"
	"github.com/gander-ml/gander/internal/excerpt"
	"github.com/gander-ml/gander/nn"
	"github.com/gander-ml/gander/optim"
	"github.com/gander-ml/gander/tensor"
)

// settings are what determines a run's future besides its state, by name:
//
//	objective              hinge
//	generator.optimizer.lr 0.001
//
// Two runs with the same settings and the same state have the same future.
type settings map[string]string

// settingsOf takes down a configuration and the networks.
func settingsOf(g, d nn.Module, c Config, game *game) settings {
	s := settings{
		"latent":          strconv.Itoa(c.Latent),
		"objective":       c.objective().Name(),
		"generator_every": strconv.Itoa(game.generatorEvery),
		"fresh_latent":    strconv.FormatBool(c.FreshLatent),
		"clip_weights":    number(c.ClipWeights),
		"ema_half_life":   number(c.EMAHalfLife),
		"seed":            strconv.FormatUint(c.Seed, 10),
		"dtype":           game.dtype.String(),
	}
	if n := c.condition(); n > 0 {
		s["condition"] = strconv.Itoa(n)
	}
	w := writer{out: s}
	if len(c.Classes) > 0 {
		w.list("classes", reflect.ValueOf(c.Classes), 0)
	}
	w.value("objective", reflect.ValueOf(c.objective()), 0)
	for i, p := range c.Penalties {
		name := fmt.Sprintf("penalty.%d", i)
		w.value(name, reflect.ValueOf(p), 0)
		s[name] = p.Name()
	}
	gMethod, dMethod := c.optimizers()
	for network, method := range map[string]optim.Method{"generator": gMethod, "discriminator": dMethod} {
		name := network + ".optimizer"
		w.value(name, reflect.ValueOf(method), 0)
		s[name] = method.Name()
	}
	for network, m := range map[string]nn.Module{"generator": g, "discriminator": d} {
		w.network(network+".network", m)
	}
	return s
}

// writer takes values apart.
type writer struct{ out settings }

// maxDepth is how deep values are followed. Nothing that is a setting lies as
// deep, and what points to itself has no end.
const maxDepth = 12

var (
	scheduleType = reflect.TypeFor[optim.Schedule]()
	moduleType   = reflect.TypeFor[nn.Module]()
	tensorType   = reflect.TypeFor[*tensor.Tensor]()
)

// value takes down a value under a name: numbers, strings and what consists of
// them. Of functions, a schedule is told by what it returns, and others by being
// there.
func (w writer) value(name string, v reflect.Value, depth int) {
	if !v.IsValid() {
		w.out[name] = "none"
		return
	}
	if depth > maxDepth {
		return
	}
	t := v.Type()
	switch kind := v.Kind(); {
	case kind == reflect.Pointer && v.IsNil() || kind == reflect.Interface && v.IsNil() || kind == reflect.Func && v.IsNil():
		w.out[name] = "none"
	case t == tensorType && v.CanInterface():
		x := v.Interface().(*tensor.Tensor)
		w.out[name] = fmt.Sprintf("%v%v %s", x.DType(), x.Shape(), digestOf(x.Float64s()))
	case kind != reflect.Interface && t.Implements(moduleType) && v.CanInterface():
		w.network(name, v.Interface().(nn.Module))
	case kind == reflect.Func && t.Implements(scheduleType) && v.CanInterface():
		w.out[name] = samples(v.Interface().(optim.Schedule))
	case kind == reflect.Func:
		w.out[name] = "a function"
	case ours(t) && !isScalar(kind):
		w.out[name] = t.String()
	case kind == reflect.Pointer:
		w.value(name, v.Elem(), depth+1)
	case kind == reflect.Interface:
		w.out[name] = v.Elem().Type().String()
		w.value(name, v.Elem(), depth+1)
	case kind == reflect.Struct:
		if _, ok := w.out[name]; !ok {
			w.out[name] = t.String()
		}
		for i := range t.NumField() {
			switch f := t.Field(i); {
			case f.Anonymous:
				w.value(name, v.Field(i), depth+1)
			case f.Type.Size() > 0:
				w.value(name+"."+snake(f.Name), v.Field(i), depth+1)
			}
		}
	case kind == reflect.Slice || kind == reflect.Array:
		w.list(name, v, depth)
	case kind == reflect.Map:
		w.out[name] = t.String()
		for key, value := range v.Seq2() {
			if text, ok := keyOf(key); ok {
				w.value(name+"."+text, value, depth+1)
			}
		}
	default:
		w.out[name] = scalar(v)
	}
}

// keyOf returns the text of a map's key, if it is the same in every run: not if it holds
// a pointer.
func keyOf(v reflect.Value) (text string, ok bool) {
	kind := v.Kind()
	switch {
	case isScalar(kind):
		return scalar(v), true
	case kind == reflect.Interface && !v.IsNil():
		return keyOf(v.Elem())
	case kind != reflect.Struct && kind != reflect.Array:
		return "", false
	}
	var n int
	var part func(int) reflect.Value
	if kind == reflect.Struct {
		n, part = v.NumField(), v.Field
	} else {
		n, part = v.Len(), v.Index
	}
	var parts []string
	for i := range n {
		one, ok := keyOf(part(i))
		if !ok {
			return "", false
		}
		parts = append(parts, one)
	}
	return "[" + strings.Join(parts, " ") + "]", true
}

// list takes down a list: in one piece if it is of numbers or the like.
func (w writer) list(name string, v reflect.Value, depth int) {
	if !isScalar(v.Type().Elem().Kind()) {
		w.out[name] = fmt.Sprintf("%d of them", v.Len())
		for i := range v.Len() {
			w.value(fmt.Sprintf("%s.%d", name, i), v.Index(i), depth+1)
		}
		return
	}
	var items []string
	sum := crc32.NewIEEE()
	for i := range v.Len() {
		item := scalar(v.Index(i))
		if v.Index(i).Kind() == reflect.String {
			item = word(item)
		}
		fmt.Fprintln(sum, item)
		if i < 8 {
			items = append(items, item)
		}
	}
	w.out[name] = "[" + strings.Join(items, " ") + "]"
	if more := v.Len() - len(items); more > 0 {
		w.out[name] = fmt.Sprintf("[%s and %d more, checksum %08x]", strings.Join(items, " "), more, sum.Sum32())
	}
}

// word is a string of a list: quoted if it could be taken for several, or for a
// part of one.
func word(s string) string {
	if s == "" || strings.ContainsFunc(s, func(r rune) bool { return unicode.IsSpace(r) || !unicode.IsPrint(r) || r == '"' || r == '\\' }) {
		return strconv.Quote(s)
	}
	return s
}

func isScalar(k reflect.Kind) bool {
	return k >= reflect.Bool && k <= reflect.Complex128 || k == reflect.String
}

// ours reports whether a type, or what it points to, is of this library's
// tensors and networks, which are not taken apart.
func ours(t reflect.Type) bool {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	for _, known := range []reflect.Type{tensorType.Elem(), moduleType, reflect.TypeFor[autograd.Var]()} {
		if t.PkgPath() == known.PkgPath() {
			return true
		}
	}
	return false
}

// scalar is the text of a number, a string or a bool. It may be of a field that
// is not exported.
func scalar(v reflect.Value) string {
	switch v.Kind() {
	case reflect.Bool:
		return strconv.FormatBool(v.Bool())
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return strconv.FormatInt(v.Int(), 10)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		return strconv.FormatUint(v.Uint(), 10)
	case reflect.Float32, reflect.Float64:
		return number(v.Float())
	case reflect.Complex64, reflect.Complex128:
		return strconv.FormatComplex(v.Complex(), 'g', -1, 128)
	case reflect.String:
		return v.String()
	}
	return v.Type().String()
}

func number(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }

// samples tells a schedule that is a function by its values: a few of them, and
// a checksum of some hundred, the steps of which grow from 1 to 2²⁴.
func samples(s optim.Schedule) string {
	var values []float64
	for step := 0; step < 1<<24; step += 1 + step/16 {
		values = append(values, s.At(step))
	}
	return fmt.Sprintf("a function (%.4g, %.4g after 1,000 steps, %.4g after 10,000; %s)", s.At(0), s.At(1000), s.At(10_000), digestOf(values))
}

// digestOf is a checksum of numbers.
func digestOf(values []float64) string {
	var b [8]byte
	sum := crc32.NewIEEE()
	for _, v := range values {
		bits := math.Float64bits(v)
		for i := range b {
			b[i] = byte(bits >> (8 * i))
		}
		sum.Write(b[:])
	}
	return fmt.Sprintf("checksum %08x", sum.Sum32())
}

// network takes down an architecture: its description, or, if a part of it has
// none, the types of its parts and the shapes of their parameters.
func (w writer) network(name string, m nn.Module) {
	var frozen []string
	for _, p := range nn.Params(m) {
		if p.Param.Frozen() && !p.Param.Buffer() {
			frozen = append(frozen, p.Name)
		}
	}
	if len(frozen) > 0 {
		w.list(name+".frozen", reflect.ValueOf(frozen), 0)
	}
	w.module(name, m)
}

func (w writer) module(name string, m nn.Module) {
	if description, err := nn.Encode(m); err == nil {
		d := json.NewDecoder(bytes.NewReader(description))
		d.UseNumber()
		var v any
		if d.Decode(&v) == nil {
			w.json(name, v)
			return
		}
	}
	w.out[name] = fmt.Sprintf("%T", m)
	v := reflect.ValueOf(m)
	if v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	if v.Kind() == reflect.Struct {
		w.constants(name, v)
	} else {
		w.constant(name+".value", v)
	}
	if o, ok := m.(nn.Owner); ok {
		for i, p := range o.Params() {
			w.out[fmt.Sprintf("%s.parameter.%d", name, i)] = fmt.Sprint(p.Shape())
		}
	}
	if c, ok := m.(nn.Parent); ok {
		for _, part := range c.Children() {
			w.module(name+"."+part.Name, part.Module)
		}
	}
}

// constants takes down the fields of a module without a description that are numbers,
// strings, lists of them, or structs of the same package with such fields.
func (w writer) constants(name string, v reflect.Value) {
	for i := range v.NumField() {
		f, field := v.Type().Field(i), v.Field(i)
		inner := name
		if !f.Anonymous || isScalar(field.Kind()) {
			inner += "." + snake(f.Name)
		}
		if field.Kind() == reflect.Struct && f.Type.PkgPath() == v.Type().PkgPath() {
			w.constants(inner, field)
		} else {
			w.constant(inner, field)
		}
	}
}

// constant takes down a number, a string or a list of them.
func (w writer) constant(name string, v reflect.Value) {
	switch kind := v.Kind(); {
	case isScalar(kind):
		w.out[name] = scalar(v)
	case (kind == reflect.Slice || kind == reflect.Array) && isScalar(v.Type().Elem().Kind()):
		w.list(name, v, 0)
	}
}

// json takes down what a description consists of; a kind of module goes by the
// module's own name.
func (w writer) json(name string, v any) {
	switch v := v.(type) {
	case map[string]any:
		for key, value := range v {
			if key == "type" {
				w.json(name, value)
			} else {
				w.json(name+"."+key, value)
			}
		}
	case []any:
		if slices.ContainsFunc(v, func(item any) bool { _, ok := item.(map[string]any); return ok }) {
			for i, item := range v {
				w.json(fmt.Sprintf("%s.%d", name, i), item)
			}
			return
		}
		items := slices.Clone(v)
		for i, item := range items {
			if text, ok := item.(string); ok {
				items[i] = word(text)
			}
		}
		text := fmt.Sprint(items)
		if len(text) > 100 {
			text = fmt.Sprintf("%d items, checksum %08x", len(v), crc32.ChecksumIEEE([]byte(text)))
		}
		w.out[name] = text
	default:
		w.out[name] = fmt.Sprint(v)
	}
}

// snake is the name of a setting for a field: "EMAHalfLife" is "ema_half_life".
func snake(field string) string {
	var out strings.Builder
	runes := []rune(field)
	for i, r := range runes {
		lowerNext := i+1 < len(runes) && unicode.IsLower(runes[i+1])
		if i > 0 && unicode.IsUpper(r) && (!unicode.IsUpper(runes[i-1]) || lowerNext) {
			out.WriteByte('_')
		}
		out.WriteRune(unicode.ToLower(r))
	}
	return out.String()
}

// Difference is a setting that a checkpoint was made with and the trainer that
// is to go on from it does not have.
type Difference struct {
	Setting  string // "generator.optimizer.lr"
	Old, New string // the checkpoint's and the trainer's; "none" if there is none
}

// differences returns where s differs from the settings of a checkpoint, except
// for what is allowed: the networks last, and nothing about the parts of what is
// only on one side.
func (s settings) differences(old settings, allowed []string) (out []Difference) {
	names := maps.Clone(s)
	maps.Copy(names, old)
	for _, name := range slices.SortedFunc(maps.Keys(names), compareNames) {
		d := Difference{name, orNone(old, name), orNone(s, name)}
		last := Difference{}
		if len(out) > 0 {
			last = out[len(out)-1]
		}
		part := (last.Old == "none" || last.New == "none") && strings.HasPrefix(name, last.Setting+".")
		if d.Old != d.New && !part && !slices.ContainsFunc(allowed, func(a string) bool { return covers(a, name) }) {
			out = append(out, d)
		}
	}
	return out
}

// compareNames orders settings by their parts.
func compareNames(a, b string) int {
	isNetwork := func(name string) int { return strings.Count(name, ".network") }
	if c := isNetwork(a) - isNetwork(b); c != 0 {
		return c
	}
	return slices.Compare(strings.Split(a, "."), strings.Split(b, "."))
}

func orNone(s settings, name string) string {
	if v, ok := s[name]; ok {
		return shown(v)
	}
	return "none"
}

// zero is optim.Zero in a value: 5e-324.
var zero = number(optim.Zero)

// shown returns a value as people read it, with optim.Zero by its name. Checkpoints hold
// the number.
func shown(value string) string {
	return strings.ReplaceAll(value, zero, "Zero")
}

// covers reports whether the parts of a name, between its dots, occur in a
// setting one after the other: "optimizer.lr" in "generator.optimizer.lr", and
// "optimizer" too.
func covers(name, setting string) bool {
	return strings.Contains("."+setting+".", "."+name+".")
}

// allowable returns an error if one of the allowed names stands for no setting: it
// would allow nothing, and nobody would know. What there is to know about the data
// is known only with a source.
func allowable(allowed []string, known []settings, source bool) error {
	names := map[string]bool{}
	for _, s := range known {
		for name := range s {
			names[name] = true
		}
	}
	for _, a := range allowed {
		data := a == "data" || strings.HasPrefix(a, "data.")
		if data && !source || slices.ContainsFunc(slices.Collect(maps.Keys(names)), func(name string) bool { return covers(a, name) }) {
			continue
		}
		var list []string
		for name := range names {
			if at := strings.Index(name, ".network."); at >= 0 {
				name = name[:at+len(".network")] // its parts are many
			}
			list = append(list, name)
		}
		slices.Sort(list)
		text := strings.Join(slices.Compact(list), ", ")
		if len(text) > 2000 {
			text = text[:2000] + "…"
		}
		return fmt.Errorf("gan: %w: no setting is called %s, which Allow names; there are %s", ErrConfig, excerpt.Quote(a), text)
	}
	return nil
}
