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

	"github.com/gander-ml/gander/autograd"
	"github.com/gander-ml/gander/internal/excerpt"
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
	scopes  *sync.Pool // of *tensor.Scope, warm from earlier chunks
	pass    int        // samples of one pass
	foreign bool       // some layers are not package nn's

	notes map[string]string // on where it comes from, for its file
}

// newGenerator returns a generator of a network with weights of its own. They
// are copied to where products of few rows read them fastest.
func newGenerator(net nn.Module, w *nn.Weights, latent int, sample []int, dt tensor.DType, d *tensor.Device) *Generator {
	there := w.To(d)
	g := &Generator{
		net: net, weights: func() *nn.Weights { return there }, latent: latent, sample: sample, dtype: dt, device: d,
		scopes: &sync.Pool{New: func() any { return tensor.NewScope() }},
		pass:   sampleChunk, foreign: foreign(net),
	}
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
		return nil, errors.New("gan: the network has no weights")
	}
	sample, err := sampleShape(net, latent, shape)
	if err != nil {
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

// To returns the generator on a device: g itself if it is there already, else a
// copy.
func (g *Generator) To(d *tensor.Device) *Generator {
	if d == g.device {
		return g
	}
	there := newGenerator(g.net, g.weights(), g.latent, g.sample, g.dtype, d)
	there.notes = g.notes
	return there
}

// Device returns where the generator's weights and samples live.
func (g *Generator) Device() *tensor.Device { return g.device }

// sampleChunk is how many latent vectors are drawn at once, so that memory does
// not grow with their number. They are whole blocks of the stream's random
// numbers. A pass makes all their samples, unless those took more than passMemory
// bytes together.
const (
	sampleChunk = 256
	passMemory  = 1 << 30
)

// Sample draws n samples [n, …] on the generator's device, sample i from latent
// vector i of the seed. The same seed gives the same samples, bit for bit;
// asking for more of them does not change the first, nor does asking for one. It
// panics with a [tensor.ShapeError] on a negative n.
func (g *Generator) Sample(n int, seed uint64) *tensor.Tensor {
	random := tensor.NewStream(seed, "sample")
	return g.chunks("Generator.Sample", n, func(s *tensor.Scope, _, m int) *tensor.Tensor {
		z := s.Empty(g.device, g.dtype, m, g.latent)
		random.NormalInto(z)
		return z
	})
}

// Map returns the samples [n, …], on the generator's device, of given latent
// vectors [n, latent]. It panics with a [tensor.Misuse] if they do not fit.
func (g *Generator) Map(latent *tensor.Tensor) *tensor.Tensor {
	if latent.Rank() != 2 || latent.Dim(1) != g.latent {
		panic(&tensor.ShapeError{Op: "Generator.Map", Shapes: [][]int{latent.Shape()},
			Problem: fmt.Sprintf("these are not latent vectors of %d numbers", g.latent), Fix: fmt.Sprintf("give [n, %d]", g.latent)})
	}
	return g.chunks("Generator.Map", latent.Dim(0), func(s *tensor.Scope, at, m int) *tensor.Tensor {
		return s.Adopt(latent.Slice(0, at, at+m)).To(g.device)
	})
}

// chunks makes n samples, at most sampleChunk at a time. draw returns the latent
// vectors [m, latent] from number at on, in a scope.
func (g *Generator) chunks(op string, n int, draw func(s *tensor.Scope, at, m int) *tensor.Tensor) *tensor.Tensor {
	if n < 0 {
		panic(&tensor.ShapeError{Op: op, Shapes: [][]int{{n, g.latent}}, Problem: "the number of samples is negative", Fix: "ask for 0 or more"})
	}
	scope := g.scopes.Get().(*tensor.Scope)
	defer g.scopes.Put(scope)
	defer scope.Close()
	ctx := &nn.Ctx{Weights: g.weights()}
	var out *tensor.Tensor
	for at := 0; out == nil || at < n; at += sampleChunk {
		m := min(sampleChunk, n-at)
		z := draw(scope, at, m)
		for from := 0; out == nil || from < m; from += g.pass {
			to := min(from+g.pass, m)
			y := g.net.Forward(ctx, autograd.Const(g.full(scope, z.Slice(0, from, to)))).Value()
			if out == nil {
				shape := y.Shape()
				shape[0] = n
				out = g.device.New(y.DType(), shape...)
			}
			out.Slice(0, at+from, at+to).CopyFrom(y.Slice(0, 0, to-from))
		}
		scope.Close()
	}
	return out
}

// full returns the latent vectors of a pass, with zeros behind them if the pass
// would give their samples other bits than a larger one does: on a device that
// rounds the factors of large products only, whatever is less than a whole pass,
// and in a layer of the program's own, a single sample. Its product of one row may
// be summed in another order; those of package nn are not ([nn.Snapshot]).
func (g *Generator) full(s *tensor.Scope, z *tensor.Tensor) *tensor.Tensor {
	n, least := z.Dim(0), 1
	switch {
	case n == 0:
		return z
	case g.device.Precision() != tensor.FullPrecision:
		least = g.pass
	case g.foreign:
		least = 2
	}
	if n >= least {
		return z
	}
	rest := s.Empty(g.device, z.DType(), least-n, g.latent)
	rest.Fill(0)
	return tensor.Concat(0, z, rest)
}

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

// Latent returns the number of the generator's inputs.
func (g *Generator) Latent() int { return g.latent }

// SampleShape returns the shape of one sample, such as [1 28 28] of a digit, also
// if the generator makes it as a row of 784 numbers; see [Config]. It is nil if
// the shape is not known.
func (g *Generator) SampleShape() []int { return slices.Clone(g.sample) }

// latentKey and sampleKey are where a file's metadata holds the number of inputs
// and the shape of one sample, as a JSON array.
const (
	latentKey = "gander.latent"
	sampleKey = "gander.sample_shape"
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
	return told(func() error { return nn.SaveWeights(path, g.net, g.weights(), g.metadata()) })
}

// Write is [Generator.Save] to a stream.
func (g *Generator) Write(w io.Writer) error {
	return told(func() error { return nn.WriteWeights(w, g.net, g.weights(), g.metadata()) })
}

// told returns f's error, or what a device that fails meanwhile panics with.
func told(f func() error) (err error) {
	failure := tensor.Catch(func() { err = f() })
	return both(err, failure)
}

func (g *Generator) metadata() map[string]string {
	meta := map[string]string{latentKey: strconv.Itoa(g.latent)}
	if g.sample != nil {
		shape, _ := json.Marshal(g.sample) // of integers: no error
		meta[sampleKey] = string(shape)
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
		return nil, err
	}
	return loaded(path, net, meta, options)
}

// LoadGeneratorFS is [LoadGenerator] of a file of fsys, such as an [embed.FS].
func LoadGeneratorFS(fsys fs.FS, name string, options ...LoadOption) (*Generator, error) {
	net, meta, err := nn.LoadFS(fsys, name)
	if err != nil {
		return nil, err
	}
	return loaded(name, net, meta, options)
}

// ReadGenerator is [LoadGenerator] of a stream, which ends where the file ends.
func ReadGenerator(r io.Reader, options ...LoadOption) (*Generator, error) {
	net, meta, err := nn.Read(r)
	if err != nil {
		return nil, err
	}
	return loaded("a stream", net, meta, options)
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
		return nil, fmt.Errorf("gan: loading %s: this is a network, but not a generator: its metadata does not hold %q", from, latentKey)
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
	var g *Generator
	if err := tensor.Catch(func() {
		g = newGenerator(net, nn.Snapshot(net), latent, sample, first.DType(), c.device)
	}); err != nil {
		return nil, fmt.Errorf("gan: loading %s: %w", from, err)
	}
	g.notes = maps.Clone(meta)
	maps.DeleteFunc(g.notes, func(key, _ string) bool { return key != stepKey && key != seedKey })
	return g, nil
}
