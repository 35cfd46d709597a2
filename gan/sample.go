package gan

import (
	"context"
	"fmt"
	"math"
	"sort"

	"github.com/gander-ml/gander/autograd"
	"github.com/gander-ml/gander/nn"
	"github.com/gander-ml/gander/tensor"
)

// sampleChunk is how many latent vectors are drawn at once, so that memory does
// not grow with their number. They are whole blocks of the stream's random
// numbers. A pass makes all their samples, unless those took more than passMemory
// bytes together.
const (
	sampleChunk = 256
	passMemory  = 1 << 30
)

// mostNumbers is how many numbers the samples of one call may have, and their latent
// vectors: a terabyte of Float32, and what can be addressed, in bytes and with room for
// what is made on the way. Go ends a program that asks for more memory than there is,
// so that nobody could tell what was wrong.
const mostNumbers = min(1<<38, math.MaxInt/16)

// Sample draws n samples [n, …] on the generator's device, sample i from latent
// vector i of the seed. The same seed gives the same samples, bit for bit;
// asking for more of them does not change the first, nor does asking for one. If
// the generator has classes, each sample's is drawn too, as often as the data has
// it; [Generator.Labels] tells which it is. Sample panics with a [tensor.ShapeError]
// on a negative n, and with a [tensor.ArgumentError] if the conditions are vectors,
// which the program has to give: see [Generator.Draw].
func (g *Generator) Sample(n int, seed uint64) *tensor.Tensor {
	return must(g.draw(context.Background(), "Generator.Sample", Request{N: n, Seed: seed}))
}

// SampleOf draws a sample of each of the given classes, which are numbers of
// [Generator.Classes], sample i from latent vector i of the seed: as [Generator.Sample]
// does if it has drawn the same classes. It panics with a [tensor.ArgumentError] if
// there is no such class.
func (g *Generator) SampleOf(labels []int, seed uint64) *tensor.Tensor {
	if labels == nil {
		labels = []int{}
	}
	return must(g.draw(context.Background(), "Generator.SampleOf", Request{Labels: labels, Seed: seed}))
}

// Map returns the samples [n, …], on the generator's device, of given latent
// vectors [n, latent]. It panics with a [tensor.Misuse] if they do not fit, or if
// the generator reads a condition.
func (g *Generator) Map(latent *tensor.Tensor) *tensor.Tensor {
	needLatent("Generator.Map", latent)
	return must(g.draw(context.Background(), "Generator.Map", Request{Latent: latent}))
}

// MapOf is [Generator.Map] for samples of the given conditions [n, k], which are
// one-hots if the generator has classes.
func (g *Generator) MapOf(latent, condition *tensor.Tensor) *tensor.Tensor {
	needLatent("Generator.MapOf", latent)
	return must(g.draw(context.Background(), "Generator.MapOf", Request{Latent: latent, Condition: condition}))
}

// needLatent panics if there are no latent vectors: a request without them draws its
// own.
func needLatent(op string, latent *tensor.Tensor) {
	if latent == nil {
		panic(&tensor.ArgumentError{Op: op, Problem: "the latent vectors are nil", Fix: "give [n, latent], such as Generator.Latents"})
	}
}

func must(t *tensor.Tensor, err error) *tensor.Tensor {
	if err != nil {
		panic(err)
	}
	return t
}

// InTurn returns n classes, 0, 1 and so on, over and over, for a [Request] whose
// samples show each of them; or nil if the generator has no classes. It panics with
// a [tensor.ShapeError] on a negative n.
func (g *Generator) InTurn(n int) []int {
	if err := g.countFits("Generator.InTurn", n, g.sample); err != nil {
		panic(err)
	}
	if g.classes == nil {
		return nil
	}
	out := make([]int, n)
	for i := range out {
		out[i] = i % len(g.classes)
	}
	return out
}

// Labels returns the classes of the samples that [Generator.Sample] draws. It panics
// with a [tensor.ArgumentError] if n is negative or there are no classes.
func (g *Generator) Labels(n int, seed uint64) []int {
	if n < 0 || g.classes == nil {
		panic(&tensor.ArgumentError{Op: "Generator.Labels", Problem: fmt.Sprintf("%d samples of %d classes", n, len(g.classes)), Fix: "ask a generator with classes for 0 or more"})
	}
	if err := g.countFits("Generator.Labels", n, g.sample); err != nil {
		panic(err)
	}
	return g.labels(n, tensor.NewStream(seed, "labels"))
}

// labels draws n classes, as frequent as they are in the data. Drawn sampleChunk at a
// time, they are the same.
func (g *Generator) labels(n int, random *tensor.Stream) []int {
	upTo := make([]float64, len(g.classes)) // how many samples are of a class up to this one
	last := len(upTo) - 1                   // the last class that occurs
	for i := range upTo {
		count := 1
		if g.counts != nil {
			count = g.counts[i]
		}
		if upTo[i] = float64(count); i > 0 {
			upTo[i] += upTo[i-1]
		}
	}
	for g.counts != nil && g.counts[last] == 0 {
		last--
	}
	out := make([]int, n)
	for i, u := range random.Uniform(tensor.Float64, n).Float64s() {
		at := u * upTo[last]
		out[i] = min(sort.Search(len(upTo), func(k int) bool { return upTo[k] > at }), last)
	}
	return out
}

// Latents returns the latent vectors [n, latent] of a seed, on the generator's
// device, of which [Generator.Sample] makes samples. It panics with a
// [tensor.ShapeError] on a negative n.
func (g *Generator) Latents(n int, seed uint64) *tensor.Tensor {
	if err := g.countFits("Generator.Latents", n, g.sample); err != nil {
		panic(err)
	}
	random := tensor.NewStream(seed, "sample")
	out := g.device.New(g.dtype, n, g.latent)
	for at := 0; at < n; at += sampleChunk { // as draw does
		random.NormalInto(out.Slice(0, at, min(at+sampleChunk, n)))
	}
	return out
}

// countFits returns an error if there cannot be n samples, of the shape of one as far
// as it is known.
func (g *Generator) countFits(op string, n int, shape []int) error {
	made := 1 // numbers in a sample
	for _, d := range shape {
		made *= d
	}
	switch {
	case n < 0:
		return &tensor.ShapeError{Op: op, Shapes: [][]int{{n, g.latent}}, Problem: "the number of samples is negative", Fix: "ask for 0 or more"}
	case n > mostNumbers/max(g.latent, g.condition, made):
		return &tensor.ShapeError{Op: op, Shapes: [][]int{{n, g.latent}}, Problem: "no memory holds so many samples", Fix: "ask for fewer at a time"}
	}
	return nil
}

// Request says which samples [Generator.Draw] makes.
type Request struct {
	// N is the number of samples, which together may have up to 2³⁸ numbers. It may be
	// left out if Labels, Condition or Latent tells it. Programs that serve others set
	// limits of their own: Go ends a program that asks for more memory than there is.
	N int
	// Seed is that of the latent vectors, and of classes that are not asked for.
	Seed uint64
	// Labels are the classes, one for each sample. Nil draws them, as often as the
	// data has them.
	Labels []int
	// Condition [n, k] is in place of Labels, or what else the generator reads.
	Condition *tensor.Tensor
	// Latent [n, latent] is in place of the seed's latent vectors.
	Latent *tensor.Tensor
}

// Draw makes the samples [n, …] of a request, on the generator's device. It is what
// [Generator.Sample] and the like are made of, with errors for all that they panic
// with. If ctx ends, Draw returns its cause after the pass that is under way, which
// makes 256 samples or fewer.
//
// A network that draws random numbers of its own ([nn.Ctx.Rand]) has a stream of the
// seed for them. Then, too, a sample depends on the seed and its place alone.
func (g *Generator) Draw(ctx context.Context, r Request) (samples *tensor.Tensor, err error) {
	if ctx == nil {
		return nil, &tensor.ArgumentError{Op: "Generator.Draw", Problem: "the context is nil", Fix: "give context.Background()"}
	}
	failure := tensor.Catch(func() { samples, err = g.draw(ctx, "Generator.Draw", r) })
	if err = both(err, failure); err != nil {
		return nil, err
	}
	return samples, nil
}

// check returns how many samples a request is for.
func (g *Generator) check(op string, r Request) (n int, err error) {
	bad := func(problem, fix string) (int, error) {
		return 0, &tensor.ArgumentError{Op: op, Problem: problem, Fix: fix}
	}
	if err := g.countFits(op, r.N, g.sample); err != nil {
		return 0, err
	}
	switch {
	case r.Latent != nil && (r.Latent.Rank() != 2 || r.Latent.Dim(1) != g.latent):
		return 0, &tensor.ShapeError{Op: op, Shapes: [][]int{r.Latent.Shape()},
			Problem: fmt.Sprintf("these are not latent vectors of %d numbers", g.latent), Fix: fmt.Sprintf("give [n, %d]", g.latent)}
	case r.Condition != nil && g.condition == 0:
		return bad("the generator reads no condition", "give latent vectors alone")
	case r.Condition != nil && (r.Condition.Rank() != 2 || r.Condition.Dim(1) != g.condition):
		return 0, &tensor.ShapeError{Op: op, Shapes: [][]int{r.Condition.Shape()},
			Problem: fmt.Sprintf("these are not conditions of %d numbers", g.condition), Fix: fmt.Sprintf("give [n, %d]", g.condition)}
	}
	for _, t := range []*tensor.Tensor{r.Latent, r.Condition} {
		if t != nil && t.DType() != g.dtype {
			return 0, &tensor.DTypeError{Op: op, DTypes: []tensor.DType{t.DType()}, Shapes: [][]int{t.Shape()}, Fix: fmt.Sprintf("give the generator's, %v; Cast converts", g.dtype)}
		}
	}
	var counts []int
	if r.N > 0 {
		counts = append(counts, r.N)
	}
	if r.Labels != nil {
		counts = append(counts, len(r.Labels))
	}
	for _, t := range []*tensor.Tensor{r.Latent, r.Condition} {
		if t != nil {
			counts = append(counts, t.Dim(0))
		}
	}
	for _, m := range counts {
		if n = counts[0]; m != n {
			return bad(fmt.Sprintf("the request is for %d samples and for %d", n, m), "give as many latent vectors as conditions or labels")
		}
	}
	switch {
	case r.Labels != nil && r.Condition != nil:
		return bad("there are labels and conditions", "give one of the two")
	case r.Labels != nil && g.classes == nil:
		return bad("the generator has no classes", "ask for samples without labels")
	case r.Labels == nil && r.Condition == nil && g.condition > 0 && g.classes == nil:
		return bad(fmt.Sprintf("the samples' conditions are vectors of %d numbers, and none are given", g.condition),
			"give them: MapOf(g.Latents(n, seed), conditions)")
	case r.Labels == nil && r.Condition == nil && g.condition > 0 && r.Latent != nil:
		return bad(fmt.Sprintf("the generator reads a condition of %d numbers, and none is given", g.condition), "give MapOf a condition too, such as one-hots of the classes")
	}
	for i, label := range r.Labels {
		if label < 0 || label >= len(g.classes) {
			return bad(fmt.Sprintf("sample %d is to be of class %d, and there are %d", i, label, len(g.classes)), "count from 0")
		}
	}
	return n, nil
}

// draw makes the samples of a request, at most sampleChunk at a time.
func (g *Generator) draw(ctx context.Context, op string, r Request) (*tensor.Tensor, error) {
	n, err := g.check(op, r)
	if err != nil {
		return nil, err
	}
	drawn := g.classes != nil && r.Labels == nil && r.Condition == nil
	labels := tensor.NewStream(r.Seed, "labels")
	scope := g.scopes.Get().(*tensor.Scope)
	defer g.scopes.Put(scope)
	defer scope.Close()
	latent := tensor.NewStream(r.Seed, "sample")
	noise, _ := tensor.NewStream(r.Seed, "noise").State()
	pass := &nn.Ctx{Weights: g.weights()}
	var out *tensor.Tensor
	for at := 0; out == nil || at < n; at += sampleChunk {
		m := min(sampleChunk, n-at)
		var z *tensor.Tensor
		if r.Latent != nil {
			z = scope.Adopt(r.Latent.Slice(0, at, at+m)).To(g.device)
		} else {
			z = scope.Empty(g.device, g.dtype, m, g.latent)
			latent.NormalInto(z)
		}
		var of []int // the samples' classes
		if drawn {
			of = g.labels(m, labels)
		} else if r.Labels != nil {
			of = r.Labels[at : at+m]
		}
		for from := 0; out == nil || from < m; from += g.pass {
			if ctx.Err() != nil {
				return nil, context.Cause(ctx)
			}
			to := min(from+g.pass, m)
			var y *tensor.Tensor
			for done := false; !done; {
				rows := g.rows(to - from)
				if g.condition > 0 {
					var c *tensor.Tensor
					if of != nil {
						c = tensor.OneHot(g.dtype, g.condition, of[from:to])
					} else {
						c = r.Condition.Slice(0, at+from, at+to)
					}
					pass.Condition = autograd.Const(padded(scope.Adopt(c).To(g.device), rows))
				}
				// Each pass has 2³² blocks of random numbers to itself.
				pass.Rand = tensor.StreamAt(noise, uint64(at+from)<<32)
				y = g.net.Forward(pass, autograd.Const(padded(z.Slice(0, from, to), rows))).Value()
				done = true
				if _, used := pass.Rand.State(); used != uint64(at+from)<<32 {
					g.random.Store(true) // from now on, all passes are whole
					done = rows == g.rows(to-from)
				}
			}
			if out == nil {
				shape := y.Shape()
				if err := g.countFits(op, n, shape[1:]); err != nil {
					return nil, err
				}
				shape[0] = n
				out = g.device.New(y.DType(), shape...)
			}
			out.Slice(0, at+from, at+to).CopyFrom(y.Slice(0, 0, to-from))
		}
		scope.Close()
	}
	return out, nil
}

// rows returns how many rows a pass of n samples has, with zeros behind them, so
// that they have the bits of a larger one: on a device that rounds the factors of
// large products only, and for a network that draws random numbers, whatever is
// less than a whole pass, and in a layer of the program's own, a single sample. Its
// product of one row may be summed in another order; those of package nn are not
// ([nn.Snapshot]).
func (g *Generator) rows(n int) int {
	switch {
	case n == 0:
		return 0
	case g.device.Precision() != tensor.FullPrecision || g.random.Load():
		return g.pass
	case g.foreign:
		return max(n, 2)
	}
	return n
}

// padded returns x with zeros behind it, rows in all.
func padded(x *tensor.Tensor, rows int) *tensor.Tensor {
	if x.Dim(0) >= rows {
		return x
	}
	return tensor.Pad(x, 0, 0, 1, rows)
}
