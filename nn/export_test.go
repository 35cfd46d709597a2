package nn

import (
	"github.com/gander-ml/gander/autograd"
)

// With returns weights that are the given variables, which may be tracked.
func With(m Module, vars []*autograd.Var) *Weights {
	w := &Weights{vars: map[*Param]*autograd.Var{}}
	for i, p := range Params(m) {
		w.vars[p.Param] = vars[i]
	}
	return w
}
