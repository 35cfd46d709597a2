package optim

import (
	"errors"
	"fmt"

	"github.com/gander-ml/gander/tensor"
)

// Adam divides a running mean of the gradient by the root of a running mean of
// its square (Kingma and Ba, 2015):
//
//	g ← g + WeightDecay·θ
//	m ← β₁·m + (1−β₁)·g
//	v ← β₂·v + (1−β₂)·g²
//	θ ← θ − LR·(m/c₁) / (√(v/c₂) + Eps)
//
// c₁ and c₂ correct for the zeros that m and v start from: 1 − β₁ᵗ and 1 − β₂ᵗ,
// or, if β₂ follows a schedule, 1 minus the product of the values applied.
type Adam struct {
	LR          float64    // learning rate; must be set
	Betas       [2]float64 // β₁ and β₂, each from 0 to below 1; {0, 0} means {0.9, 0.999}, {Zero, Zero} zeros
	Eps         float64    // ε; 0 means 1e-8, Zero 0
	WeightDecay float64    // λ; 0 is none
	Schedule    Schedule   // multiplies LR; nil is constant
	// Beta2Schedule gives β₂ itself at each step, in place of Betas[1]. If it is set,
	// Betas must be set too.
	Beta2Schedule Schedule
}

// AdamW is [Adam] with a weight decay that does not enter the running means
// (Loshchilov and Hutter, 2019): each step begins with
//
//	θ ← θ·(1 − LR·WeightDecay)
//
// The fields are those of Adam, except for the default of WeightDecay.
type AdamW struct {
	LR            float64    // learning rate; must be set
	Betas         [2]float64 // β₁ and β₂, each from 0 to below 1; {0, 0} means {0.9, 0.999}, {Zero, Zero} zeros
	Eps           float64    // ε; 0 means 1e-8, Zero 0
	WeightDecay   float64    // λ; 0 means 0.01, Zero 0
	Schedule      Schedule   // multiplies LR; nil is constant
	Beta2Schedule Schedule   // β₂ itself at each step; see Adam
}

// Name returns "Adam".
func (Adam) Name() string { return "Adam" }

// Name returns "AdamW".
func (AdamW) Name() string { return "AdamW" }

// Validate returns what is wrong with the hyper-parameters, or nil.
func (a Adam) Validate() error {
	if a.Beta2Schedule != nil && a.Betas == [2]float64{} {
		return errors.New("Beta2Schedule is set and Betas is not; set it for β₁, to {0, 0.999} or {0.9, 0.999} for example")
	}
	return firstOf(checkAboveZero("LR", a.LR), checkFraction("Betas[0]", a.Betas[0]),
		checkFraction("Betas[1]", a.Betas[1]), checkNotNegative("Eps", a.Eps),
		checkNotNegative("WeightDecay", a.WeightDecay))
}

// Validate returns what is wrong with the hyper-parameters, or nil.
func (a AdamW) Validate() error { return Adam(a).Validate() }

// State names the two running means, m and v, and the products of the β
// applied so far.
func (Adam) State() (slots, scalars []string) {
	return []string{"m", "v"}, []string{"beta1_product", "beta2_product"}
}

// State is that of [Adam].
func (a AdamW) State() (slots, scalars []string) { return Adam(a).State() }

// Rate returns LR times the schedule.
func (a Adam) Rate(step int) float64 { return scheduled(a.LR, a.Schedule, step) }

// Rate returns LR times the schedule.
func (a AdamW) Rate(step int) float64 { return Adam(a).Rate(step) }

// Apply does one step.
func (a Adam) Apply(u *Update) { a.apply(u, false) }

// Apply does one step.
func (a AdamW) Apply(u *Update) {
	a.WeightDecay = orDefault(a.WeightDecay, 0.01)
	Adam(a).apply(u, true)
}

func (a Adam) apply(u *Update, decoupled bool) {
	if a.Betas == [2]float64{} {
		a.Betas = [2]float64{0.9, 0.999}
	}
	a.Betas = [2]float64{orDefault(a.Betas[0], 0), orDefault(a.Betas[1], 0)}
	if a.Beta2Schedule != nil {
		a.Betas[1] = a.Beta2Schedule.At(u.Step)
		if !(a.Betas[1] >= 0 && a.Betas[1] < 1) {
			name := a.Name()
			if decoupled {
				name = AdamW(a).Name()
			}
			panic(&MethodError{name, checkFraction(fmt.Sprintf("Beta2Schedule after %d steps", u.Step), a.Betas[1])})
		}
	}
	a.Eps, a.WeightDecay = orDefault(a.Eps, 1e-8), orDefault(a.WeightDecay, 0)
	products := u.Scalars
	if u.Step == 0 {
		products[0], products[1] = 1, 1
	}
	products[0] *= a.Betas[0]
	products[1] *= a.Betas[1]
	c := tensor.AdamParams{
		LR: u.Rate, Beta1: a.Betas[0], Beta2: a.Betas[1], Eps: a.Eps,
		Correction1: 1 - products[0], Correction2: 1 - products[1],
		WeightDecay: a.WeightDecay, Decoupled: decoupled,
	}
	tensor.AdamInto(u.Params, u.Grads, u.Slots[0], u.Slots[1], c)
}
