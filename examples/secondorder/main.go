// Secondorder shows what CreateGraph is for: gradients that are values like any
// other, so that a loss can be made of them.
//
//	go run ./examples/secondorder
//
// First the two derivatives of x³. Then R1, the penalty that keeps GAN training
// stable, ½‖∂D/∂x‖² at real samples x: it is itself made of a gradient, and
// training needs its gradient by D's weights. The program prints that for some
// weights beside finite differences, which know nothing of derivatives: they
// change a weight a little and look what the penalty does. It takes a moment.
package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/gander-ml/gander/autograd"
	"github.com/gander-ml/gander/nn"
	"github.com/gander-ml/gander/tensor"
)

func main() {
	if len(os.Args) > 1 {
		fmt.Fprintln(os.Stderr, "secondorder takes no arguments; go doc ./examples/secondorder says what it shows")
		os.Exit(2)
	}
	out := bufio.NewWriter(os.Stdout)
	show(out)
	if err := out.Flush(); err != nil {
		fmt.Fprintln(os.Stderr, "secondorder:", err)
		os.Exit(1)
	}
}

func show(w io.Writer) {
	x := autograd.Leaf(tensor.Scalar(tensor.Float64, 3))
	y := autograd.Pow(x, 3)
	first := grad(y, x, true)
	second := grad(first, x, false)
	fmt.Fprintf(w, "x³ at 3: value %g, first derivative %g, second derivative %g\n", y.Item(), first.Item(), second.Item())
	fmt.Fprintf(w, "Without CreateGraph the first is a plain number, tracked: %v; with it, tracked: %v\n\n",
		grad(y, x, false).Tracked(), first.Tracked())

	d := nn.Sequential(nn.Linear(2, 16), nn.Tanh(), nn.Linear(16, 1))
	nn.Init(d, 1, tensor.Float64, tensor.CPU())
	samples := tensor.NewStream(2, "samples").Normal(tensor.Float64, 8, 2)
	fmt.Fprintln(w, "∂R1/∂w      by autograd     by differences  deviation")
	for _, p := range nn.Params(d) {
		g := grad(r1(d, samples), p.Param.Leaf(), false).Value().Float64s()
		for i := range min(len(g), 3) {
			diff := byDifferences(d, samples, p.Param.Value(), i)
			fmt.Fprintf(w, "%-8s %d  %+.9f    %+.9f    %.0e\n", p.Name, i, g[i], diff, g[i]-diff)
		}
	}
}

// grad is ∂y/∂x, or zeros: the last bias, for one, does not change ∂D/∂x.
func grad(y, x *autograd.Var, createGraph bool) *autograd.Var {
	return autograd.Grad(y, []*autograd.Var{x}, autograd.Opts{CreateGraph: createGraph, AllowConstant: true})[0]
}

// r1 is the mean of ½‖∂D/∂x‖² over the samples, as a function of D's weights.
func r1(d nn.Module, samples *tensor.Tensor) *autograd.Var {
	x := autograd.Leaf(samples)
	out := d.Forward(&nn.Ctx{Train: true, Track: true}, x)
	gradients := grad(autograd.Sum(out), x, true) // row i is sample i's: D(xⱼ) does not depend on xᵢ
	return autograd.Scale(autograd.Mean(autograd.Sum(autograd.Square(gradients), 1)), 0.5)
}

// byDifferences is R1's derivative by one weight, as a finite difference.
func byDifferences(d nn.Module, samples, weight *tensor.Tensor, i int) float64 {
	const h = 1e-5
	before := weight.Float64s()
	at := func(change float64) float64 {
		values := slices.Clone(before)
		values[i] += change
		weight.CopyFrom(tensor.FromFloat64(values, weight.Shape()...))
		return r1(d, samples).Item()
	}
	defer at(0)
	return (at(h) - at(-h)) / (2 * h)
}
