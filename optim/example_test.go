package optim_test

import (
	"fmt"

	"github.com/gander-ml/gander/optim"
	"github.com/gander-ml/gander/tensor"
)

// gradientOf returns the gradient of the valley (x−3)² + 10·(y+1)² at p.
func gradientOf(p *tensor.Tensor) *tensor.Tensor {
	curvature := tensor.FromFloat64([]float64{2, 20})
	return tensor.Mul(curvature, tensor.Sub(p, tensor.FromFloat64([]float64{3, -1})))
}

func Example() {
	p := tensor.New(tensor.Float64, 2)
	o := optim.New(optim.SGD{LR: 0.02, Momentum: 0.9}, []*tensor.Tensor{p})
	for range 300 {
		o.Step([]*tensor.Tensor{gradientOf(p)})
	}
	fmt.Printf("%.4f after %d steps\n", p.Float64s(), o.Steps())
	// Output: [3.0000 -1.0000] after 300 steps
}

// A rate that warms up and then decays, printed every 100 steps.
func ExampleProduct() {
	m := optim.Adam{LR: 2e-3, Schedule: optim.Product{
		optim.Linear{From: 0.1, To: 1, Steps: 100},
		optim.Cosine{From: 1, To: 0.05, Steps: 400},
	}}
	for step := 0; step <= 400; step += 100 {
		fmt.Printf("%.6f ", m.Rate(step))
	}
	// Output: 0.000200 0.001722 0.001050 0.000378 0.000100
}

// Saving a run and continuing it elsewhere.
func ExampleOptimizer_Restore() {
	m := optim.Adam{LR: 0.1}
	p := tensor.New(tensor.Float64, 2)
	o := optim.New(m, []*tensor.Tensor{p})
	for range 10 {
		o.Step([]*tensor.Tensor{gradientOf(p)})
	}
	state, saved := o.State(), p.Clone()

	o = optim.New(m, []*tensor.Tensor{saved})
	if err := o.Restore(state); err != nil {
		fmt.Println(err)
		return
	}
	for range 200 {
		o.Step([]*tensor.Tensor{gradientOf(saved)})
	}
	fmt.Printf("%.2f after %d steps\n", saved.Float64s(), o.Steps())
	// Output: [3.00 -1.00] after 210 steps
}

// The norm before clipping shows how large gradients are.
func ExampleClipNorm() {
	grads := []*tensor.Tensor{tensor.FromFloat64([]float64{3, 0}), tensor.FromFloat64([]float64{4})}
	norm := optim.ClipNorm(grads, 1)
	fmt.Printf("%.1f → %.1f: %.1f %.1f\n", norm, tensor.Norm(grads).Item(), grads[0].Float64s(), grads[1].Float64s())
	// Output: 5.0 → 1.0: [0.6 0.0] [0.8]
}

func ExampleEMA() {
	p := tensor.Scalar(tensor.Float64, 0)
	average := optim.NewEMA([]*tensor.Tensor{p}, 0.5)
	for _, v := range []float64{8, 8, 8} {
		p.Fill(v)
		average.Update()
		fmt.Print(average.Values()[0].Item(), " ")
	}
	// Output: 4 6 7
}

// Lion is a method that this package does not have (Chen et al., "Symbolic
// discovery of optimization algorithms", 2023): it steps by the sign of a
// momentum.
type Lion struct{ LR float64 }

func (Lion) Name() string                     { return "Lion" }
func (Lion) Validate() error                  { return nil }
func (Lion) State() (slots, scalars []string) { return []string{"m"}, nil }
func (l Lion) Rate(int) float64               { return l.LR }
func (Lion) Apply(u *optim.Update) {
	for i, p := range u.Params {
		m, g := u.Slots[0][i], u.Grad(i)
		mixed := g.Clone()
		tensor.LerpInto(mixed, m, g, 0.1)
		tensor.AddScaledInto(p, p, -u.Rate, tensor.Sign(mixed))
		tensor.LerpInto(m, m, g, 0.01)
	}
}

func ExampleMethod() {
	p := tensor.New(tensor.Float64, 2)
	o := optim.New(Lion{LR: 0.125}, []*tensor.Tensor{p})
	for range 8 {
		o.Step([]*tensor.Tensor{gradientOf(p)})
	}
	fmt.Println(p.Float64s())
	// Output: [1 -1]
}
