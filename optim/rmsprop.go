package optim

import (
	"math"

	"github.com/gander-ml/gander/tensor"
)

// RMSprop divides the gradient by the root of a running mean of its square
// (Tieleman and Hinton, 2012):
//
//	g ← g + WeightDecay·θ
//	v ← α·v + (1−α)·g²
//	d = g / (√v + Eps)
//	θ ← θ − LR·d                      or, with momentum, b ← Momentum·b + d, θ ← θ − LR·b
//
// Centered, it divides by the root of the running variance instead (Graves,
// 2013): v − m² for a running mean m of g, and never less than 0.
type RMSprop struct {
	LR          float64  // learning rate; must be set
	Alpha       float64  // α, from 0 to below 1; 0 means 0.99, Zero 0
	Eps         float64  // ε; 0 means 1e-8, Zero 0
	WeightDecay float64  // λ; 0 is none
	Momentum    float64  // μ, from 0 (none) to below 1
	Centered    bool     // divide by the standard deviation
	Schedule    Schedule // multiplies LR; nil is constant
}

// Name returns "RMSprop".
func (RMSprop) Name() string { return "RMSprop" }

// Validate returns what is wrong with the hyper-parameters, or nil.
func (r RMSprop) Validate() error {
	return firstOf(checkAboveZero("LR", r.LR), checkFraction("Alpha", r.Alpha), checkNotNegative("Eps", r.Eps),
		checkNotNegative("WeightDecay", r.WeightDecay), checkFraction("Momentum", r.Momentum))
}

// State names the running mean of squares; that of the gradient if centered;
// and the momentum buffer, if there is momentum.
func (r RMSprop) State() (slots, scalars []string) {
	slots = []string{"v"}
	if r.Centered {
		slots = append(slots, "m")
	}
	if orDefault(r.Momentum, 0) != 0 {
		slots = append(slots, "momentum")
	}
	return slots, nil
}

// Rate returns LR times the schedule.
func (r RMSprop) Rate(step int) float64 { return scheduled(r.LR, r.Schedule, step) }

// Apply does one step.
func (r RMSprop) Apply(u *Update) {
	r.Alpha, r.Eps, r.Momentum = orDefault(r.Alpha, 0.99), orDefault(r.Eps, 1e-8), orDefault(r.Momentum, 0)
	for i, p := range u.Params {
		g, v := u.Decayed(i, r.WeightDecay), u.Slots[0][i]
		tensor.AddScaledInto(v, tensor.Mul(tensor.Scale(g, 1-r.Alpha), g), r.Alpha, v)
		variance := u.Slot(0, i)
		if r.Centered {
			m := u.Slots[1][i]
			tensor.LerpInto(m, m, g, 1-r.Alpha)
			// Rounding may leave the difference of two equal numbers below zero.
			variance = tensor.Clamp(tensor.Sub(variance, tensor.Square(u.Slot(1, i))), 0, math.Inf(1))
		}
		d := tensor.Div(g, tensor.Shift(tensor.Sqrt(variance), r.Eps))
		if r.Momentum != 0 {
			b := u.Slots[len(u.Slots)-1][i]
			tensor.AddScaledInto(b, d, r.Momentum, b)
			d = b
		}
		tensor.AddScaledInto(p, p, -u.Rate, d)
	}
}
