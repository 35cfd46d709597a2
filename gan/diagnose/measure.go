package diagnose

import (
	"math"
	"slices"
	"strings"

	"github.com/gander-ml/gander/autograd"
	"github.com/gander-ml/gander/gan"
	"github.com/gander-ml/gander/nn"
	"github.com/gander-ml/gander/tensor"
)

// A Measurement is what is known about a run at one step. A number that is not known
// is NaN.
type Measurement struct {
	Step      int
	Losses    gan.Losses // means over the steps since the measurement before
	PerSecond float64    // steps

	// Of the two networks, of this step.
	Generator, Discriminator Network

	// RealScores and FakeScores are D(x) and D(G(z)) of the step's batch, before D has
	// learnt from it.
	RealScores, FakeScores []float64
	// Accuracy is the share of pairs of a real sample and a generated one in which D
	// scores the real one higher; ½ if it cannot tell them apart. It means the same
	// for all objectives: it is the area under D's ROC curve.
	Accuracy float64
	// RealSlope and FakeSlope are the mean norm of D's gradient by its input at real
	// samples and at generated ones: of its logit, if it ends in a sigmoid.
	RealSlope, FakeSlope float64
	// RealDistance and FakeDistance are the mean Euclidean distance of two samples of
	// the batch, of real ones and of generated ones.
	RealDistance, FakeDistance float64

	// RealRange is the smallest and the largest number in the real samples, Limits what
	// the generator's last layer can make, such as −1 and 1 of a Tanh, or ±Inf if there
	// is no limit. Beyond is the share of the real samples' numbers that lie beyond.
	RealRange, Limits [2]float64
	Beyond            float64
}

// Network is what is known about one of the networks.
type Network struct {
	GradNorm float64 // Euclidean norm of the loss's gradient by the weights
	Rate     float64 // learning rate
	// Update is ‖Δw‖/‖w‖ of the step, over all weights that have two axes or more.
	Update float64
	// Dead is the largest share, among the layers, of units that give the same
	// number for every sample of the batch, so that nothing passes through them; and
	// DeadLayer is that layer, "3 ReLU". Of a generator it is not known if a batch has
	// a single sample.
	Dead      float64
	DeadLayer string
}

// most is how many samples of a batch are looked at, at most.
const most = 32

// copies are what a measurement needs of a step, copied so that training can go on.
type copies struct {
	m                        Measurement
	generator, discriminator nn.Module
	before, after            [2]*nn.Weights // of the generator and the discriminator
	generatorTurn            bool
	real, fake               *tensor.Tensor // samples [n ≤ most, …]
	condition                *tensor.Tensor // [n, k] of both and of latent; nil if there is none
	latent                   *tensor.Tensor // [n, latent], nil if the generator cannot be looked into
}

// finish computes what takes time.
func (c *copies) finish() *Measurement {
	m := &c.m
	m.Accuracy = accuracy(m.RealScores, m.FakeScores)
	m.RealDistance, m.FakeDistance = distance(c.real), distance(c.fake)
	m.Limits[0], m.Limits[1] = limits(c.generator)
	m.RealRange, m.Beyond = beyond(c.real, m.Limits)
	m.Generator.Update = math.NaN()
	if c.generatorTurn {
		m.Generator.Update = update(c.generator, c.before[0], c.after[0])
	}
	m.Discriminator.Update = update(c.discriminator, c.before[1], c.after[1])
	m.RealSlope, m.FakeSlope, m.Generator.Dead, m.Discriminator.Dead = math.NaN(), math.NaN(), math.NaN(), math.NaN()
	// Networks may refuse to be run so, a batch norm on a single sample, say. Nothing
	// is known then, and training goes on.
	for _, look := range []func(){
		func() { m.RealSlope = slope(c.discriminator, c.after[1], c.real, c.condition) },
		func() { m.FakeSlope = slope(c.discriminator, c.after[1], c.fake, c.condition) },
		func() {
			m.Generator.Dead, m.Generator.DeadLayer = dead(c.generator, c.after[0], c.condition, c.latent)
		},
		func() {
			m.Discriminator.Dead, m.Discriminator.DeadLayer = dead(c.discriminator, c.after[1], c.condition, c.real, c.fake)
		},
	} {
		tensor.Catch(look)
	}
	return m
}

// pass is how a network is run with copied weights, as in training, without touching
// the run's random numbers and buffers. The condition is nil if there is none.
func pass(w *nn.Weights, condition *tensor.Tensor) *nn.Ctx {
	ctx := &nn.Ctx{Train: true, Weights: w, Rand: tensor.NewStream(1, "diagnose")}
	if condition != nil {
		ctx.Condition = autograd.Const(condition)
	}
	return ctx
}

// accuracy is the share of pairs in which the real score is higher; a tie counts
// half.
func accuracy(real, fake []float64) float64 {
	sum := 0.0
	for _, r := range real {
		for _, f := range fake {
			switch {
			case r > f:
				sum++
			case r == f:
				sum += 0.5
			}
		}
	}
	return sum / float64(len(real)*len(fake)) // NaN if there are none
}

// distance returns the mean Euclidean distance of two of the samples, NaN if there
// are fewer than two. Of large samples some pairs stand for all.
func distance(x *tensor.Tensor) float64 {
	n := x.Dim(0)
	if n < 2 {
		return math.NaN()
	}
	values := x.Float64s()
	size := len(values) / n
	sum, pairs := 0.0, 0
	for apart := 1; apart < n; apart++ { // neighbours first
		if pairs >= n && pairs*size > 1<<22 {
			break
		}
		for i := 0; i+apart < n; i++ {
			a, b := values[i*size:(i+1)*size], values[(i+apart)*size:(i+apart+1)*size]
			squares := 0.0
			for k, v := range a {
				squares += (v - b[k]) * (v - b[k])
			}
			sum += math.Sqrt(squares)
			pairs++
		}
	}
	return sum / float64(pairs)
}

// update returns ‖after − before‖/‖before‖ over a network's weights.
func update(m nn.Module, before, after *nn.Weights) float64 {
	var changes, weights []*tensor.Tensor
	for _, p := range nn.Params(m) {
		if len(p.Param.Shape()) < 2 || p.Param.Frozen() {
			continue // biases begin at zero
		}
		a := (&nn.Ctx{Weights: after}).Var(p.Param).Value()
		b := (&nn.Ctx{Weights: before}).Var(p.Param).Value()
		if a.Rank() == 2 {
			a, b = a.T(), b.T() // as they lie in memory
		}
		changes, weights = append(changes, tensor.Sub(a, b)), append(weights, b)
	}
	if len(weights) == 0 {
		return math.NaN()
	}
	return tensor.Norm(changes).Item() / tensor.Norm(weights).Item()
}

// slope returns the mean norm of the gradient of a discriminator at samples of a
// condition.
func slope(d nn.Module, w *nn.Weights, x, condition *tensor.Tensor) float64 {
	leaf := autograd.Leaf(x)
	out := autograd.Sum(logit(d, pass(w, condition), leaf))
	gradient := autograd.Grad(out, []*autograd.Var{leaf}, autograd.Opts{})[0].Value()
	n := x.Dim(0)
	values := gradient.Float64s()
	size := len(values) / n
	sum := 0.0
	for i := range n {
		squares := 0.0
		for _, v := range values[i*size : (i+1)*size] {
			squares += v * v
		}
		sum += math.Sqrt(squares)
	}
	return sum / float64(n)
}

// logit runs a discriminator without the sigmoid that it may end in.
func logit(d nn.Module, ctx *nn.Ctx, x *autograd.Var) *autograd.Var {
	c, ok := d.(nn.Chain)
	if !ok || len(c.Children()) == 0 {
		if kindOf(d) == "Sigmoid" {
			return x
		}
		return d.Forward(ctx, x)
	}
	parts := c.Children()
	if _, deeper := parts[len(parts)-1].Module.(nn.Chain); !deeper && kindOf(parts[len(parts)-1].Module) != "Sigmoid" {
		return d.Forward(ctx, x) // in one, as it is fastest
	}
	for i, part := range parts {
		if i < len(parts)-1 {
			x = part.Module.Forward(ctx, x)
		} else {
			x = logit(part.Module, ctx, x)
		}
	}
	return x
}

// kindOf returns what a module says that it is, or "".
func kindOf(m nn.Module) (kind string) {
	if d, ok := m.(nn.Describer); ok {
		kind, _ = d.Describe()
	}
	return kind
}

// limits returns the smallest and the largest number that a network can make, as its
// last layer tells that changes numbers and not only where they are.
func limits(m nn.Module) (lo, hi float64) {
	lo, hi = math.Inf(-1), math.Inf(1)
	layers := []nn.Module{m}
	for len(layers) > 0 {
		last := layers[len(layers)-1]
		layers = layers[:len(layers)-1]
		if c, ok := last.(nn.Chain); ok {
			for _, part := range c.Children() {
				layers = append(layers, part.Module)
			}
			continue
		}
		switch kindOf(last) {
		case "Flatten", "Reshape", "PixelShuffle", "PixelUnshuffle", "UpsampleNearest":
			continue
		case "Tanh":
			return -1, 1
		case "Sigmoid", "Softmax":
			return 0, 1
		case "ReLU", "Softplus":
			return 0, hi
		}
		break
	}
	return lo, hi
}

// beyond returns the smallest and the largest number in samples, and the share of them
// that lie beyond limits by more than rounding does.
func beyond(x *tensor.Tensor, limits [2]float64) (extent [2]float64, share float64) {
	const slack = 1e-3
	values := x.Float64s()
	if len(values) == 0 {
		return extent, 0
	}
	n := 0
	for _, v := range values {
		if v < limits[0]-slack || v > limits[1]+slack {
			n++
		}
	}
	return [2]float64{slices.Min(values), slices.Max(values)}, float64(n) / float64(len(values))
}

// dead runs a network layer by layer, and returns the largest share of units that
// are the same for all inputs among the layers that have no weights of their own and
// keep their input's shape, the last layer excepted: the activations.
func dead(m nn.Module, w *nn.Weights, condition *tensor.Tensor, inputs ...*tensor.Tensor) (share float64, layer string) {
	if len(inputs) == 0 || inputs[0] == nil {
		return math.NaN(), ""
	}
	x := inputs[0]
	if len(inputs) > 1 {
		x = tensor.Concat(0, inputs...)
		if condition != nil {
			condition = tensor.Concat(0, slices.Repeat([]*tensor.Tensor{condition}, len(inputs))...)
		}
	}
	if x.Dim(0) < 2 {
		return math.NaN(), "" // a single sample is like no other
	}
	type found struct {
		share float64
		layer string
	}
	var all []found
	var visit func(name string, m nn.Module, x *autograd.Var) *autograd.Var
	visit = func(name string, m nn.Module, x *autograd.Var) *autograd.Var {
		if c, ok := m.(nn.Chain); ok {
			for _, c := range c.Children() {
				below := c.Name
				if name != "" {
					below = name + "." + c.Name
				}
				x = visit(below, c.Module, x)
			}
			return x
		}
		y := m.Forward(pass(w, condition), x)
		f := found{share: -1}
		if _, parent := m.(nn.Parent); !parent && len(nn.Params(m)) == 0 && y.Value().SameShape(x.Value()) {
			f = found{constant(y.Value()), strings.TrimSpace(name + " " + kindOf(m))}
		}
		all = append(all, f)
		return y
	}
	visit("", m, autograd.Const(x))
	for _, f := range all[:max(len(all)-1, 0)] {
		if f.share > share {
			share, layer = f.share, f.layer
		}
	}
	return share, layer
}

// constant returns the share of units, or of channels of images, that hold one
// number only.
func constant(x *tensor.Tensor) float64 {
	shape := x.Shape()
	if len(shape) < 2 || x.Len() == 0 {
		return 0
	}
	n, units := shape[0], shape[1]
	each := x.Len() / (n * units)
	values := x.Float32s()
	same := 0
	for u := range units {
		first, differs := values[u*each], false
		for i := 0; i < n && !differs; i++ {
			for _, v := range values[(i*units+u)*each : (i*units+u+1)*each] {
				if v != first {
					differs = true
					break
				}
			}
		}
		if !differs {
			same++
		}
	}
	return float64(same) / float64(units)
}
