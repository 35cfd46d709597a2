package optim

import "github.com/gander-ml/gander/tensor"

// SGD is stochastic gradient descent, with momentum if Momentum is set:
//
//	g ← g + WeightDecay·θ
//	b ← Momentum·b + g
//	θ ← θ − LR·b                      or, with Nesterov, θ − LR·(g + Momentum·b)
//
// The rate stands outside the momentum, so that a change of rate acts at once
// (as in PyTorch; Sutskever et al., 2013, have it inside).
type SGD struct {
	LR          float64  // learning rate; must be set
	Momentum    float64  // μ, from 0 (none) to below 1
	WeightDecay float64  // λ; 0 is none
	Nesterov    bool     // look ahead by one step of momentum
	Schedule    Schedule // multiplies LR; nil is constant
}

// Name returns "SGD".
func (SGD) Name() string { return "SGD" }

// Validate returns what is wrong with the hyper-parameters, or nil.
func (s SGD) Validate() error {
	err := firstOf(checkAboveZero("LR", s.LR), checkFraction("Momentum", s.Momentum),
		checkNotNegative("WeightDecay", s.WeightDecay))
	if err == nil && s.Nesterov && orDefault(s.Momentum, 0) == 0 {
		err = errNesterov
	}
	return err
}

// State names the momentum buffer, if there is momentum.
func (s SGD) State() (slots, scalars []string) {
	if orDefault(s.Momentum, 0) == 0 {
		return nil, nil
	}
	return []string{"momentum"}, nil
}

// Rate returns LR times the schedule.
func (s SGD) Rate(step int) float64 { return scheduled(s.LR, s.Schedule, step) }

// Apply does one step.
func (s SGD) Apply(u *Update) {
	s.Momentum = orDefault(s.Momentum, 0)
	for i, p := range u.Params {
		d := u.Decayed(i, s.WeightDecay)
		if s.Momentum != 0 {
			// The buffer starts at zero, so the first step sets it to g.
			b := u.Slots[0][i]
			tensor.AddScaledInto(b, d, s.Momentum, b)
			if s.Nesterov {
				d = tensor.Add(d, tensor.Scale(u.Slot(0, i), s.Momentum))
			} else {
				d = b
			}
		}
		tensor.AddScaledInto(p, p, -u.Rate, d)
	}
}
