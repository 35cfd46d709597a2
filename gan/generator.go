package gan

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math"
	"reflect"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/gander-ml/gander/internal/excerpt"
	"github.com/gander-ml/gander/internal/strictjson"
	"github.com/gander-ml/gander/nn"
	"github.com/gander-ml/gander/tensor"
)

// Generator is a trained generator on a device. It never changes, so any number
// of goroutines may sample from it at once.
type Generator struct {
	net     nn.Module
	weights func() *nn.Weights
	latent  int
	sample  []int // shape of one; nil: not known
	dtype   tensor.DType
	device  *tensor.Device
	scopes  *sync.Pool   // of *tensor.Scope, warm from earlier chunks
	pass    int          // samples of one pass
	foreign bool         // some layers are not package nn's
	random  *atomic.Bool // some layers draw random numbers, as a pass has shown

	condition int      // numbers in the condition of a sample; 0: none
	classes   []string // of which it is the one-hot; nil: it is a vector, or none
	counts    []int    // how frequent they are in the data; nil: equally

	notes map[string]string // on where it comes from, for its file
}

// newGenerator returns a generator of a network with weights of its own. They
// are copied to where products of few rows read them fastest.
func newGenerator(net nn.Module, w *nn.Weights, latent int, sample []int, dt tensor.DType, d *tensor.Device) *Generator {
	there := w.To(d)
	g := &Generator{
		net: net, weights: func() *nn.Weights { return there }, latent: latent, sample: sample, dtype: dt, device: d,
		scopes: &sync.Pool{New: func() any { return tensor.NewScope() }},
		pass:   sampleChunk, foreign: foreign(net), random: new(atomic.Bool),
	}
	g.condition, _ = nn.ConditionSize(net)
	if one, err := nn.PassMemory(net, []int{1, latent}, dt, math.MaxInt64); err == nil && one > 0 {
		g.pass = int(max(min(sampleChunk, passMemory/one), 1))
	}
	return g
}

// NewGenerator returns a generator of a network that was trained elsewhere, with
// a copy of its weights, on their device: from vectors of latent numbers,
// [n, latent], to samples, [n, …]. shape is that of one sample as [Config]
// explains SampleShape. The error says what does not fit.
func NewGenerator(net nn.Module, latent int, shape ...int) (*Generator, error) {
	switch {
	case latent < 1:
		return nil, fmt.Errorf("gan: a generator of %d latent numbers is not possible; give its number of inputs", latent)
	case len(nn.Params(net)) == 0 || !nn.Ready(net):
		return nil, errors.New("gan: the network has no weights; load them into it first, by nn.LoadInto or nn/torch")
	}
	sample, err := sampleShape(net, latent, shape)
	if err != nil {
		return nil, fmt.Errorf("gan: %w", err)
	}
	if err := conditionFits(net); err != nil {
		return nil, fmt.Errorf("gan: %w", err)
	}
	var g *Generator
	if err := tensor.Catch(func() {
		first := nn.Params(net)[0].Param.Value()
		g = newGenerator(net, nn.Snapshot(net), latent, sample, first.DType(), first.Device())
	}); err != nil {
		return nil, fmt.Errorf("gan: %w", err)
	}
	return g, nil
}

// sampleShape returns the shape of one sample, which is the network's own if none
// is wanted, and nil if that is not known either.
func sampleShape(net nn.Module, latent int, want []int) ([]int, error) {
	if len(want) >= tensor.MaxRank || slices.ContainsFunc(want, func(d int) bool { return d < 1 }) {
		return nil, fmt.Errorf("no sample has the shape %v", want)
	}
	made, err := nn.OutShape(net, []int{1, latent})
	switch {
	case errors.Is(err, nn.ErrUnknownShape):
		return want, nil
	case err != nil:
		return nil, fmt.Errorf("the network does not take %d latent numbers: %w", latent, err)
	case len(made) == 0:
		return nil, errors.New("the network makes a single number of a batch")
	case len(want) == 0:
		return made[1:], nil
	}
	rest := 1 // of the numbers in a sample, when they are divided by the dims
	for _, d := range made[1:] {
		rest *= d
	}
	for _, d := range want {
		if rest%d != 0 {
			return nil, fmt.Errorf("a sample %v of the network does not have the shape %v", made[1:], want)
		}
		rest /= d
	}
	if rest != 1 {
		return nil, fmt.Errorf("a sample %v of the network does not have the shape %v", made[1:], want)
	}
	return want, nil
}

// conditionFits returns an error if a network reads no condition that a generator
// can give it.
func conditionFits(net nn.Module) error {
	switch size, err := nn.ConditionSize(net); {
	case err != nil:
		return err
	case size < 0 || size > maxCondition:
		return fmt.Errorf("the network reads a condition of %d numbers; there may be up to %d", size, maxCondition)
	}
	return nil
}

// WithClasses returns g with names for its classes, of which the condition of a
// sample is the one-hot, in the order of their numbers. counts says how frequent
// they are, such as the number of each in the data, or is nil if they are equally
// frequent. A generator that comes from a [Trainer] knows both. The error says
// what does not fit.
func (g *Generator) WithClasses(names []string, counts []int) (*Generator, error) {
	if err := classesFit(g.condition, names, counts); err != nil {
		return nil, fmt.Errorf("gan: %w", err)
	}
	named := *g
	named.classes, named.counts = slices.Clone(names), slices.Clone(counts)
	return &named, nil
}

// classesFit returns an error if a condition of size numbers is not the one-hot of
// these classes.
func classesFit(size int, names []string, counts []int) error {
	if len(names) != size || size == 0 {
		return fmt.Errorf("%d classes do not fit a condition of %d numbers", len(names), size)
	}
	if err := checkClasses(names); err != nil {
		return err
	}
	if counts != nil && len(counts) != size {
		return fmt.Errorf("%d counts do not fit %d classes", len(counts), size)
	}
	if counts != nil && slices.Max(counts) == 0 {
		return errors.New("no class has a count above 0")
	}
	if i := slices.IndexFunc(counts, func(n int) bool { return n < 0 }); i >= 0 {
		return fmt.Errorf("class %d has a count of %d", i, counts[i])
	}
	return nil
}

// To returns the generator on a device: g itself if it is there already, else a
// copy.
func (g *Generator) To(d *tensor.Device) *Generator {
	if d == g.device {
		return g
	}
	there := newGenerator(g.net, g.weights(), g.latent, g.sample, g.dtype, d)
	there.notes, there.classes, there.counts = g.notes, g.classes, g.counts
	return there
}

// Device returns where the generator's weights and samples live.
func (g *Generator) Device() *tensor.Device { return g.device }

// foreign reports whether a part of a network is not made by package nn.
func foreign(m nn.Module) bool {
	t := reflect.TypeOf(m)
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.PkgPath() != reflect.TypeFor[nn.Ctx]().PkgPath() {
		return true
	}
	switch m := m.(type) {
	case nn.Wrapper:
		return foreign(m.Unwrap())
	case nn.Parent:
		return slices.ContainsFunc(m.Children(), func(c nn.Child) bool { return foreign(c.Module) })
	}
	return false
}

// Latent returns the number of the generator's inputs, without the condition.
func (g *Generator) Latent() int { return g.latent }

// Condition returns how many numbers the condition of a sample has, 0 if there is
// none.
func (g *Generator) Condition() int { return g.condition }

// Classes returns the names of the classes that samples can be asked of, in the
// order of their numbers ([Generator.SampleOf]), or nil if there are none.
func (g *Generator) Classes() []string { return slices.Clone(g.classes) }

// Network returns the generator's network and the weights to run it with, for what
// sampling does not do: net.Forward(&nn.Ctx{Weights: w}, z), with a Condition if the
// network reads one, makes samples of latent vectors z on the generator's device.
// Neither may be changed; the network's own weights may be those of a training that
// goes on.
func (g *Generator) Network() (net nn.Module, w *nn.Weights) { return g.net, g.weights() }

// SampleShape returns the shape of one sample, such as [1 28 28] of a digit, also
// if the generator makes it as a row of 784 numbers; see [Config]. It is nil if
// the shape is not known.
func (g *Generator) SampleShape() []int { return slices.Clone(g.sample) }

// latentKey and sampleKey are where a file's metadata holds the number of inputs
// and the shape of one sample, as a JSON array. classesKey and countsKey are where it
// holds the names of the classes and how many samples of each the data has, likewise.
const (
	latentKey  = "gander.latent"
	sampleKey  = "gander.sample_shape"
	classesKey = "gander.classes"
	countsKey  = "gander.class_counts"
)

// stepKey and seedKey are where it holds what notes of a trainer's networks tell.
const (
	stepKey = "gander.step"
	seedKey = "gander.seed"
)

// Save makes path a safetensors file of the generator, which [LoadGenerator]
// reads, and PyTorch too. The file is written whole or not at all. If a [Trainer]
// has made the generator, its metadata tells after which step ("gander.step") and
// with which seed ("gander.seed").
func (g *Generator) Save(path string) error {
	return told("saving "+path, func() error { return nn.SaveWeights(path, g.net, g.weights(), g.metadata()) })
}

// Write is [Generator.Save] to a stream.
func (g *Generator) Write(w io.Writer) error {
	return told("writing a generator", func() error { return nn.WriteWeights(w, g.net, g.weights(), g.metadata()) })
}

// told returns f's error, of package nn, or what a device that fails meanwhile panics
// with.
func told(doing string, f func() error) (err error) {
	failure := tensor.Catch(func() { err = f() })
	if err != nil {
		err = ofNetwork(doing, err)
	}
	return both(err, failure)
}

func (g *Generator) metadata() map[string]string {
	meta := map[string]string{latentKey: strconv.Itoa(g.latent)}
	if g.sample != nil {
		shape, _ := json.Marshal(g.sample) // of integers: no error
		meta[sampleKey] = string(shape)
	}
	if g.classes != nil {
		names, _ := json.Marshal(g.classes)
		meta[classesKey] = string(names)
	}
	if g.counts != nil {
		counts, _ := json.Marshal(g.counts)
		meta[countsKey] = string(counts)
	}
	maps.Copy(meta, g.notes)
	return meta
}

// LoadOption changes a default of [LoadGenerator].
type LoadOption func(*loadConfig)

type loadConfig struct {
	sampleMemory int64
	device       *tensor.Device
}

// SampleMemory sets the number of bytes that one sample may take while it is
// made, with all that the layers make on the way ([nn.PassMemory]). The default
// is 1 GiB. It panics with a [tensor.ArgumentError] if bytes is below 1.
func SampleMemory(bytes int64) LoadOption {
	if bytes < 1 {
		panic(&tensor.ArgumentError{Op: "SampleMemory", Problem: fmt.Sprintf("a sample of %d bytes is not possible", bytes), Fix: "give 1 or more"})
	}
	return func(c *loadConfig) { c.sampleMemory = bytes }
}

// OnDevice places the generator on a device. Nil, the default, means [tensor.CPU].
func OnDevice(d *tensor.Device) LoadOption { return func(c *loadConfig) { c.device = d } }

// LoadGenerator builds the generator that [Generator.Save] wrote. A file that is
// damaged, or holds something else, is an error, and so is a network that would
// take more memory for a sample than is allowed: the error wraps a
// [nn.MemoryError]. The memory of layers after one that does not tell its output's
// shape is not known, and not limited.
func LoadGenerator(path string, options ...LoadOption) (*Generator, error) {
	net, meta, err := nn.Load(path)
	if err != nil {
		return nil, ofNetwork("loading "+path, err)
	}
	return loaded(path, net, meta, options)
}

// LoadGeneratorFS is [LoadGenerator] of a file of fsys, such as an [embed.FS].
func LoadGeneratorFS(fsys fs.FS, name string, options ...LoadOption) (*Generator, error) {
	net, meta, err := nn.LoadFS(fsys, name)
	if err != nil {
		return nil, ofNetwork("loading "+name, err)
	}
	return loaded(name, net, meta, options)
}

// ReadGenerator is [LoadGenerator] of a stream, which ends where the file ends.
func ReadGenerator(r io.Reader, options ...LoadOption) (*Generator, error) {
	net, meta, err := nn.Read(r)
	if err != nil {
		return nil, ofNetwork("loading a stream", err)
	}
	return loaded("a stream", net, meta, options)
}

// ofNetwork says of a generator what package nn says of it as a network: that this is
// what could not be done, and the cause.
func ofNetwork(doing string, err error) error {
	if cause := errors.Unwrap(err); cause != nil {
		err = cause
	}
	return fmt.Errorf("gan: %s: %w", doing, err)
}

// loaded makes a generator of a file's network.
func loaded(from string, net nn.Module, meta map[string]string, options []LoadOption) (*Generator, error) {
	c := loadConfig{sampleMemory: 1 << 30}
	for _, option := range options {
		option(&c)
	}
	if c.device == nil {
		c.device = tensor.CPU()
	}
	latent, err := strconv.Atoi(meta[latentKey])
	if err != nil || latent < 1 {
		return nil, fmt.Errorf("gan: loading %s: this is a network, but not a generator: its metadata does not hold %q; nn.Load reads it, and NewGenerator makes a generator of it", from, latentKey)
	}
	params := nn.Params(net)
	if len(params) == 0 {
		return nil, fmt.Errorf("gan: loading %s: the network has no weights", from)
	}
	first := params[0].Param.Value()
	if int64(latent) > c.sampleMemory/8 {
		return nil, fmt.Errorf("gan: loading %s: %d latent numbers are too many", from, latent)
	}
	var large *nn.MemoryError
	switch _, err := nn.PassMemory(net, []int{1, latent}, first.DType(), c.sampleMemory); {
	case errors.As(err, &large):
		return nil, fmt.Errorf("gan: loading %s: one sample takes too much memory (see gan.SampleMemory): %w", from, err)
	case err != nil && !errors.Is(err, nn.ErrUnknownShape):
		return nil, excerpt.Error(fmt.Errorf("gan: loading %s: the network does not take %d latent numbers: %w", from, latent, err))
	}
	var want []int
	if text, ok := meta[sampleKey]; ok {
		if err := json.Unmarshal([]byte(text), &want); err != nil {
			return nil, excerpt.Error(fmt.Errorf("gan: loading %s: its metadata %q is not a shape: %w", from, sampleKey, err))
		}
	}
	sample, err := sampleShape(net, latent, want)
	if err != nil {
		return nil, excerpt.Error(fmt.Errorf("gan: loading %s: %w", from, err))
	}
	if err := conditionFits(net); err != nil {
		return nil, excerpt.Error(fmt.Errorf("gan: loading %s: %w", from, err))
	}
	classes, counts, err := readClasses(net, meta)
	if err != nil {
		return nil, excerpt.Error(fmt.Errorf("gan: loading %s: %w", from, err))
	}
	var g *Generator
	if err := tensor.Catch(func() {
		g = newGenerator(net, nn.Snapshot(net), latent, sample, first.DType(), c.device)
	}); err != nil {
		return nil, fmt.Errorf("gan: loading %s: %w", from, err)
	}
	g.classes, g.counts = classes, counts
	g.notes = maps.Clone(meta)
	maps.DeleteFunc(g.notes, func(key, _ string) bool { return key != stepKey && key != seedKey })
	return g, nil
}

// readClasses returns what a file's metadata says about the classes of a network.
func readClasses(net nn.Module, meta map[string]string) (names []string, counts []int, err error) {
	text, ok := meta[classesKey]
	countsText, counted := meta[countsKey]
	switch {
	case !ok && counted:
		return nil, nil, fmt.Errorf("its metadata holds %q without %q", countsKey, classesKey)
	case !ok:
		return nil, nil, nil
	}
	if err := strictjson.Unmarshal([]byte(text), &names); err != nil {
		return nil, nil, fmt.Errorf("its metadata %q is not a list of names: %w", classesKey, err)
	}
	if counted {
		if err := strictjson.Unmarshal([]byte(countsText), &counts); err != nil {
			return nil, nil, fmt.Errorf("its metadata %q is not a list of numbers: %w", countsKey, err)
		}
		if counts == nil {
			return nil, nil, fmt.Errorf("its metadata %q is null", countsKey)
		}
	}
	size, _ := nn.ConditionSize(net)
	if err := classesFit(size, names, counts); err != nil {
		return nil, nil, fmt.Errorf("its metadata %q: %w", classesKey, err)
	}
	return names, counts, nil
}
