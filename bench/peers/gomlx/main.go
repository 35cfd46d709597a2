// Command gomlx times the classic MNIST GAN step in GoMLX on its pure-Go backend.
//
// The step is one compiled graph: both losses, both gradients and both Adam updates, without D's weight gradients in G's
// phase. Images are random: the time does not depend on them.
//
//	cd bench/peers/gomlx && go run . [-manual] [-steps 3]
//
// GoMLX's own gradient of a matrix product is a broadcast, a product and a sum, which its XLA backend fuses and this one
// does not; with -manual the backward passes are written out as matrix products instead. The program prints one line in
// the format of Go benchmarks. GOMAXPROCS sets the number of threads.
package main

import (
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"time"

	"github.com/gomlx/gomlx/backends/simplego"
	. "github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/tensors"
)

const (
	batch  = 64
	latent = 128
	pixels = 784
	lr     = 1e-4
)

var (
	generatorSizes     = []int{latent, 256, 512, pixels}
	discriminatorSizes = []int{pixels, 512, 256, 128, 1}
)

// An activation and its derivative as a function of its output.
type activation struct {
	apply      func(x *Node) *Node
	derivative func(y *Node) *Node
}

var (
	tanh    = activation{Tanh, func(y *Node) *Node { return OneMinus(Square(y)) }}
	sigmoid = activation{Sigmoid, func(y *Node) *Node { return Mul(y, OneMinus(y)) }}
	relu    = activation{
		func(x *Node) *Node { return MaxScalar(x, 0.0) },
		func(y *Node) *Node { return ConvertDType(GreaterThan(y, ScalarZero(y.Graph(), y.DType())), y.DType()) },
	}
	generator     = []activation{tanh, relu, tanh}
	discriminator = []activation{tanh, tanh, tanh, sigmoid}
)

// forward returns the input and the output of each layer; weights are [in, out].
func forward(x *Node, params []*Node, layers []activation) []*Node {
	ys := []*Node{x}
	for i, layer := range layers {
		product := DotGeneral(ys[i], []int{1}, nil, params[2*i], []int{0}, nil)
		ys = append(ys, layer.apply(Add(product, ExpandLeftToRank(params[2*i+1], 2))))
	}
	return ys
}

func last(ys []*Node) *Node { return ys[len(ys)-1] }

// backward returns the gradients of the parameters and of the input, given that of the output.
func backward(ys, params []*Node, layers []activation, grad *Node) (grads []*Node, input *Node) {
	grads = make([]*Node, len(params))
	for i := len(layers) - 1; i >= 0; i-- {
		grad = Mul(grad, layers[i].derivative(ys[i+1]))
		grads[2*i] = DotGeneral(ys[i], []int{0}, nil, grad, []int{0}, nil)
		grads[2*i+1] = ReduceSum(grad, 0)
		grad = DotGeneral(grad, []int{1}, nil, params[2*i], []int{1}, nil)
	}
	return grads, grad
}

// negLog is the mean of -log p, each log cut at -100.
func negLog(p *Node) *Node { return Neg(ReduceAllMean(MaxScalar(Log(p), -100.0))) }

// negLogGrad is the gradient of negLog.
func negLogGrad(p *Node) *Node { return MulScalar(Reciprocal(p), -1.0/batch) }

// adam returns the new parameters, first and second moments for one network's state of the same layout.
func adam(state, grads []*Node, size1, size2 *Node) []*Node {
	n := len(grads)
	next := make([]*Node, 3*n)
	for i, g := range grads {
		m := Add(MulScalar(state[n+i], 0.9), MulScalar(g, 0.1))
		v := Add(MulScalar(state[2*n+i], 0.999), MulScalar(Square(g), 0.001))
		update := Div(Mul(m, size1), AddScalar(Sqrt(Mul(v, size2)), 1e-8))
		next[i], next[n+i], next[2*n+i] = Sub(state[i], update), m, v
	}
	return next
}

// step maps both networks' state, a batch, its noise and Adam's two bias-corrected factors to the next state and losses.
func step(in []*Node, manual bool) []*Node {
	const dParams, gParams = 8, 6
	dState, in := in[:3*dParams], in[3*dParams:]
	gState, in := in[:3*gParams], in[3*gParams:]
	x, z, size1, size2 := in[0], in[1], in[2], in[3]
	d, g := dState[:dParams], gState[:gParams]

	image := forward(z, g, generator)
	real := forward(x, d, discriminator)
	fake := forward(StopGradient(last(image)), d, discriminator)
	dLoss := Add(negLog(last(real)), negLog(OneMinus(last(fake))))
	var dGrads []*Node
	if manual {
		dGrads, _ = backward(real, d, discriminator, negLogGrad(last(real)))
		more, _ := backward(fake, d, discriminator, Neg(negLogGrad(OneMinus(last(fake)))))
		for i := range dGrads {
			dGrads[i] = Add(dGrads[i], more[i])
		}
	} else {
		dGrads = Gradient(dLoss, d...)
	}
	dNext := adam(dState, dGrads, size1, size2)

	frozen := make([]*Node, dParams)
	for i := range frozen {
		frozen[i] = StopGradient(dNext[i])
	}
	judged := forward(last(image), frozen, discriminator)
	gLoss := negLog(last(judged))
	var gGrads []*Node
	if manual { // the graph drops D's weight gradients, which nothing uses
		_, pixels := backward(judged, frozen, discriminator, negLogGrad(last(judged)))
		gGrads, _ = backward(image, g, generator, pixels)
	} else {
		gGrads = Gradient(gLoss, g...)
	}
	gNext := adam(gState, gGrads, size1, size2)
	return append(append(dNext, gNext...), dLoss, gLoss)
}

var random = rand.New(rand.NewPCG(1, 2))

// filled returns a tensor whose elements are uniform in [-bound, bound].
func filled(bound float64, dims ...int) *tensors.Tensor {
	size := 1
	for _, dim := range dims {
		size *= dim
	}
	values := make([]float32, size)
	for i := range values {
		values[i] = float32(bound * (2*random.Float64() - 1))
	}
	return tensors.FromFlatDataAndDimensions(values, dims...)
}

// initial returns a network's parameters, initialised as PyTorch does, and their zero moments.
func initial(sizes []int) []any {
	var params, first, second []any
	for i, out := range sizes[1:] {
		in := sizes[i]
		bound := 1 / math.Sqrt(float64(in))
		for _, dims := range [][]int{{in, out}, {out}} {
			params = append(params, filled(bound, dims...))
			first = append(first, filled(0, dims...))
			second = append(second, filled(0, dims...))
		}
	}
	return append(append(params, first...), second...)
}

func main() {
	manual := flag.Bool("manual", false, "write the backward passes out as matrix products")
	steps := flag.Int("steps", 3, "steps to time")
	flag.Parse()

	backend, err := simplego.New("ops_sequential") // faster here than "ops_parallel", which can also hang on two cores
	if err != nil {
		panic(err)
	}
	exec := MustNewExec(backend, func(in []*Node) []*Node { return step(in, *manual) })
	state := append(initial(discriminatorSizes), initial(generatorSizes)...)
	var dLoss, gLoss float32
	t := 0
	run := func() {
		t++
		noise := make([]float32, batch*latent)
		for i := range noise {
			noise[i] = float32(random.NormFloat64())
		}
		size1 := float32(lr / (1 - math.Pow(0.9, float64(t))))
		size2 := float32(1 / (1 - math.Pow(0.999, float64(t))))
		in := append(append([]any{}, state...), filled(1, batch, pixels),
			tensors.FromFlatDataAndDimensions(noise, batch, latent), size1, size2)
		out := exec.MustExec(in...)
		for i := range state {
			state[i].(*tensors.Tensor).MustFinalizeAll()
			state[i] = out[i]
		}
		dLoss = tensors.ToScalar[float32](out[len(state)])
		gLoss = tensors.ToScalar[float32](out[len(state)+1])
	}
	for range 2 {
		run()
	}
	start := time.Now()
	for range *steps {
		run()
	}
	elapsed := time.Since(start)
	ns := elapsed.Nanoseconds() / int64(*steps)
	impl := "gomlx"
	if *manual {
		impl = "gomlx-manual"
	}
	fmt.Printf("BenchmarkClassicStep/impl=%s/threads=%d %d %d ns/op %.3f ms/step %.4f d-loss %.4f g-loss\n",
		impl, runtime.GOMAXPROCS(0), *steps, ns, float64(ns)/1e6, dLoss, gLoss)
}
