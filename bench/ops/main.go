// Command ops times operations and layers on a million numbers, on one thread:
// the value alone, and the value with the gradient by the input. ops.py times the
// same of PyTorch; run.sh runs both by turns and writes RESULTS.md.
//
//	go run ./bench/ops [-only REGEXP] [-rounds 5]
//
// It prints one line for each: the name, and both times in milliseconds.
package main

import (
	"flag"
	"fmt"
	"regexp"
	"runtime"
	"slices"
	"time"

	"github.com/gander-ml/gander/autograd"
	"github.com/gander-ml/gander/nn"
	"github.com/gander-ml/gander/tensor"
)

// row is an operation on an input of a shape.
type row struct {
	name  string
	shape []int
	f     func(ctx *nn.Ctx, x *autograd.Var) *autograd.Var
}

var (
	flat   = []int{1 << 20}
	square = []int{1024, 1024}
	images = []int{16, 64, 32, 32}
)

// op is a row of an operation on each element.
func op(name string, f func(x *autograd.Var) *autograd.Var) row {
	return row{name, flat, func(_ *nn.Ctx, x *autograd.Var) *autograd.Var { return f(x) }}
}

// layer is a row of a module.
func layer(name string, shape []int, m nn.Module) row {
	nn.Init(m, 1, tensor.Float32, tensor.CPU())
	return row{name, shape, m.Forward}
}

// positive are numbers from ½ to 1½, for functions with a domain.
func positive(shape []int) *tensor.Tensor {
	return tensor.Shift(tensor.NewStream(2, "positive").Uniform(tensor.Float32, shape...), 0.5)
}

func rows() []row {
	other := autograd.Const(positive(flat))
	labels := autograd.Const(tensor.Greater(positive(flat), tensor.Full(tensor.Float32, 1, 1)))
	classes := make([]int, square[0])
	for i := range classes {
		classes[i] = i
	}
	bias := autograd.Const(positive([]int{1, 64, 1, 1}))
	return []row{
		op("neg", autograd.Neg), op("abs", autograd.Abs), op("square", autograd.Square), op("sqrt", autograd.Sqrt),
		op("reciprocal", autograd.Reciprocal), op("exp", autograd.Exp), op("log", autograd.Log), op("sin", autograd.Sin),
		op("cos", autograd.Cos), op("erf", autograd.Erf), op("erfc", autograd.Erfc), op("tanh", autograd.Tanh), op("sigmoid", autograd.Sigmoid),
		op("softplus", autograd.Softplus), op("relu", autograd.ReLU),
		op("leakyrelu", func(x *autograd.Var) *autograd.Var { return autograd.LeakyReLU(x, 0.2) }),
		op("elu", func(x *autograd.Var) *autograd.Var { return autograd.ELU(x, 1) }),
		layer("gelu", flat, nn.GELU()), layer("gelutanh", flat, nn.GELUTanh()), layer("silu", flat, nn.SiLU()),
		layer("prelu", images, nn.PReLU(64)),
		op("clamp", func(x *autograd.Var) *autograd.Var { return autograd.Clamp(x, 0.7, 1.2) }),
		op("pow3", func(x *autograd.Var) *autograd.Var { return autograd.Pow(x, 3) }),
		op("pow1.7", func(x *autograd.Var) *autograd.Var { return autograd.Pow(x, 1.7) }),
		op("pow-0.5", func(x *autograd.Var) *autograd.Var { return autograd.Pow(x, -0.5) }),
		op("add", func(x *autograd.Var) *autograd.Var { return autograd.Add(x, other) }),
		op("mul", func(x *autograd.Var) *autograd.Var { return autograd.Mul(x, other) }),
		op("div", func(x *autograd.Var) *autograd.Var { return autograd.Div(other, x) }),
		op("max", func(x *autograd.Var) *autograd.Var { return autograd.Max(x, other) }),
		{"addbias", images, func(_ *nn.Ctx, x *autograd.Var) *autograd.Var { return autograd.Add(x, bias) }},
		op("sum", func(x *autograd.Var) *autograd.Var { return autograd.Sum(x) }),
		{"sum0", square, func(_ *nn.Ctx, x *autograd.Var) *autograd.Var { return autograd.Sum(x, 0) }},
		{"sum1", square, func(_ *nn.Ctx, x *autograd.Var) *autograd.Var { return autograd.Sum(x, 1) }},
		{"max1", square, func(_ *nn.Ctx, x *autograd.Var) *autograd.Var { return autograd.MaxOver(x, 1) }},
		{"softmax", square, func(_ *nn.Ctx, x *autograd.Var) *autograd.Var { return autograd.Softmax(x, 1) }},
		{"logsoftmax", square, func(_ *nn.Ctx, x *autograd.Var) *autograd.Var { return autograd.LogSoftmax(x, 1) }},
		{"logsumexp", square, func(_ *nn.Ctx, x *autograd.Var) *autograd.Var { return autograd.LogSumExp(x, 1) }},
		layer("batchnorm", images, nn.BatchNorm2D(64)),
		layer("layernorm", square, nn.LayerNorm(square[1:])),
		layer("groupnorm", images, nn.GroupNorm(8, 64)),
		layer("instancenorm", images, nn.InstanceNorm2D(64)),
		layer("avgpool2", images, nn.AvgPool2D(2)),
		layer("avgpool3s1", images, nn.AvgPool2D(3, nn.Stride(1), nn.Padding(1))),
		layer("maxpool2", images, nn.MaxPool2D(2)),
		layer("adaptive7", images, nn.AdaptiveAvgPool2D(7, 7)),
		layer("adaptive1", images, nn.AdaptiveAvgPool2D(1, 1)),
		layer("nearest2", []int{16, 64, 16, 16}, nn.UpsampleNearest(2)),
		layer("bilinear2", []int{16, 64, 16, 16}, nn.UpsampleBilinear(2)),
		layer("pixelshuffle", images, nn.PixelShuffle(2)),
		layer("dropout", flat, nn.Dropout(0.3)),
		{"transpose", square, func(_ *nn.Ctx, x *autograd.Var) *autograd.Var {
			return autograd.Add(autograd.Permute(x, 1, 0), autograd.Const(tensor.New(tensor.Float32, 1)))
		}},
		{"concat", square, func(_ *nn.Ctx, x *autograd.Var) *autograd.Var { return autograd.Concat(1, x, x) }},
		op("mse", func(x *autograd.Var) *autograd.Var { return nn.MSELoss(x, other) }),
		op("l1", func(x *autograd.Var) *autograd.Var { return nn.L1Loss(x, other) }),
		op("bcelogits", func(x *autograd.Var) *autograd.Var { return nn.BCEWithLogitsLoss(x, labels) }),
		{"bce", flat, func(_ *nn.Ctx, x *autograd.Var) *autograd.Var {
			return nn.BCELoss(autograd.Scale(x, 0.5), labels)
		}},
		{"crossentropy", square, func(_ *nn.Ctx, x *autograd.Var) *autograd.Var { return nn.CrossEntropyLoss(x, classes) }},
	}
}

// times returns the least of some times, in milliseconds: of the value, and of the
// value with its gradient.
func (r row) times(rounds int) (value, both float64) {
	x := positive(r.shape)
	random := tensor.NewStream(3, "dropout")
	var seed *tensor.Tensor
	run := func(gradient bool) float64 {
		scope := tensor.NewScope()
		defer scope.Release()
		for range 2 { // warm
			r.step(scope, x, &seed, random, gradient)
		}
		least := 0.0
		for i := range rounds {
			start := time.Now()
			r.step(scope, x, &seed, random, gradient)
			if t := time.Since(start).Seconds() * 1e3; i == 0 || t < least {
				least = t
			}
		}
		return least
	}
	return run(false), run(true)
}

func (r row) step(scope *tensor.Scope, x *tensor.Tensor, seed **tensor.Tensor, random *tensor.Stream, gradient bool) {
	defer scope.Close()
	in := scope.Adopt(x)
	ctx := &nn.Ctx{Train: true, Rand: random}
	if !gradient {
		r.f(ctx, autograd.Const(in))
		return
	}
	leaf := autograd.Leaf(in)
	y := r.f(ctx, leaf)
	if *seed == nil {
		*seed = positive(y.Shape())
	}
	autograd.Grad(y, []*autograd.Var{leaf}, autograd.Opts{Seed: autograd.Const(*seed)})
}

func main() {
	only := flag.String("only", ".", "rows whose names match")
	rounds := flag.Int("rounds", 10, "times each; the least counts")
	flag.Parse()
	runtime.GOMAXPROCS(1)
	match := regexp.MustCompile(*only)
	all := rows()
	for _, r := range slices.DeleteFunc(all, func(r row) bool { return !match.MatchString(r.name) }) {
		value, both := r.times(*rounds)
		fmt.Printf("%s %.3f %.3f\n", r.name, value, both)
	}
}
