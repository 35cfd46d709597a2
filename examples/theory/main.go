// Theory checks the derivation behind GANs (Goodfellow et al., 2014, section 4)
// in numbers, in one dimension, where every density is known.
//
//	go run ./examples/theory
//
// The paper shows that for a fixed generator the best discriminator is
// D*(x) = p_data(x) / (p_data(x) + p_g(x)), that the value function there is
//
//	V(D*) = E_data ln D* + E_g ln(1 − D*) = −ln 4 + 2·JSD(p_data ‖ p_g),
//
// and that its least value, −ln 4, is reached where the densities are equal and D* is ½
// everywhere. Here a discriminator is trained by gradient descent to maximise V, against
// three generators that come nearer to the data. As in the proof it is free to take any
// value anywhere, being one logit for each point of a fine grid, and the expectations are
// integrals over the grid instead of means over samples. It takes a second and prints, for
// each generator, the largest deviation of the trained D from D*, and of V from its
// formula; runs/theory.png shows the curves of the first.
package main

import (
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"

	"github.com/gander-ml/gander/autograd"
	"github.com/gander-ml/gander/gan"
	"github.com/gander-ml/gander/gan/chart"
	"github.com/gander-ml/gander/optim"
	"github.com/gander-ml/gander/tensor"
)

// The interval holds all but 10⁻⁸ of every density, and a sum over its points
// is an integral to about that accuracy.
const (
	lo, hi        = -8.0, 8.0
	points, steps = 641, 3000
)

func normal(x, mean, std float64) float64 {
	z := (x - mean) / std
	return math.Exp(-z*z/2) / (std * math.Sqrt(2*math.Pi))
}

// data is a mixture of two bumps.
func data(x float64) float64 { return 0.5*normal(x, -1.6, 0.6) + 0.5*normal(x, 1.4, 0.9) }

// generators come nearer to the data: one broad bump, half-way, the data.
var generators = []struct {
	name    string
	density func(x float64) float64
}{
	{"one broad bump", func(x float64) float64 { return normal(x, 0, 1.4) }},
	{"half-way", func(x float64) float64 { return 0.5*normal(x, 0, 1.4) + 0.5*data(x) }},
	{"the data itself", data},
}

func main() {
	out := flag.String("o", filepath.Join("runs", "theory.png"), "PNG file to write")
	flag.Usage = func() { fmt.Fprintln(os.Stderr, "theory: see -help") } // a wrong flag needs no list of all
	for _, name := range []string{"h", "help"} {
		flag.BoolFunc(name, "list the flags", func(string) error { flag.PrintDefaults(); os.Exit(0); return nil })
	}
	flag.Parse()
	if flag.NArg() > 0 || filepath.Ext(*out) != ".png" {
		fmt.Fprintln(os.Stderr, "theory: -o must name a file in .png, and there are no arguments; see -help")
		os.Exit(2)
	}
	if err := run(*out); err != nil {
		fmt.Fprintln(os.Stderr, "theory:", err)
		os.Exit(1)
	}
}

func run(out string) error {
	if err := os.MkdirAll(filepath.Dir(out), 0o755); err != nil {
		return err
	}
	xs := make([]float64, points)
	for i := range xs {
		xs[i] = lo + (hi-lo)*float64(i)/(points-1)
	}
	pData := values(xs, data)
	fmt.Println("generator        max|D−D*|  V(D)        −ln4 + 2·JSD  difference")
	for i, g := range generators {
		pG := values(xs, g.density)
		best := make([]float64, points)
		for k := range best {
			best[k] = pData[k] / (pData[k] + pG[k])
		}
		d, v := train(pData, pG)
		gap := tensor.MaxOver(tensor.Abs(tensor.Sub(tensor.FromFloat64(d), tensor.FromFloat64(best)))).Item()
		formula := -math.Log(4) + 2*jensenShannon(pData, pG)
		fmt.Printf("%-15s  %.1e    %+.7f  %+.7f    %+.1e\n", g.name, gap, v, formula, v-formula)
		if i == 0 {
			if err := chart.WritePNG(out, "The best discriminator", "x", "",
				chart.Curve{Name: "p_data", X: xs, Y: pData},
				chart.Curve{Name: "p_g", X: xs, Y: pG},
				chart.Curve{Name: "p_data/(p_data+p_g)", X: xs, Y: best},
				chart.Curve{Name: "trained D", X: xs, Y: d, Dashed: true}); err != nil {
				return err
			}
		}
	}
	_, err := fmt.Printf("\n−ln 4 = %.7f; curves of the first in %s\n", -math.Log(4), out)
	return err
}

func values(xs []float64, f func(float64) float64) []float64 {
	out := make([]float64, len(xs))
	for i, x := range xs {
		out[i] = f(x)
	}
	return out
}

// train maximises V over the discriminator's logits and returns D on the grid
// and the value reached.
func train(pData, pG []float64) (d []float64, v float64) {
	logits := tensor.New(tensor.Float64, points)
	leaf := autograd.Leaf(logits)
	adam := optim.New(optim.Adam{LR: 0.2, Betas: [2]float64{0.5, 0.9}, Eps: 1e-30, Schedule: optim.Cosine{From: 1, To: 0, Steps: steps}}, []*tensor.Tensor{logits})
	weightReal, weightFake := weights(pData), weights(pG)
	loss := func() *autograd.Var { // −V, by quadrature
		t := gan.Minimax{}.Discriminator(leaf, leaf)
		return autograd.Add(autograd.Sum(autograd.Mul(t.Real, weightReal)), autograd.Sum(autograd.Mul(t.Fake, weightFake)))
	}
	for range steps {
		grad := autograd.Grad(loss(), []*autograd.Var{leaf}, autograd.Opts{})
		adam.Step([]*tensor.Tensor{grad[0].Value()})
	}
	return tensor.Sigmoid(logits).Float64s(), -loss().Item()
}

// weights are the integration weights of a density on the grid.
func weights(density []float64) *autograd.Var {
	return autograd.Const(tensor.Scale(tensor.FromFloat64(density), (hi-lo)/(points-1)))
}

// jensenShannon is the divergence in nats.
func jensenShannon(p, q []float64) float64 {
	sum := 0.0
	for i := range p {
		m := (p[i] + q[i]) / 2
		sum += (p[i]*math.Log(p[i]/m) + q[i]*math.Log(q[i]/m)) / 2
	}
	return sum * (hi - lo) / (points - 1)
}
