package nn

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/gander-ml/gander/autograd"
	"github.com/gander-ml/gander/tensor"
)

// Sequential feeds each module's output to the next. Its parts are named by
// their place, as in PyTorch: "0.weight" is the first one's.
//
// A [Fusing] layer, within a [Wrapper] such as [SpectralNorm] or not, and the
// activation after it run as one operation; so do [UpsampleNearest] and a [Conv2D] of
// stride 1 after it, at four ninths of the products for a kernel of 3 and a scale of 2,
// and [Flatten] and a [ConcatCondition]. Sequential panics with a [StateError] if a
// module is nil.
func Sequential(modules ...Module) Module {
	if i := slices.Index(modules, nil); i >= 0 {
		panic(&StateError{Problem: fmt.Sprintf("module %d of a Sequential is nil", i), Fix: "leave it out"})
	}
	return sequential(slices.Clone(modules))
}

type sequential []Module

func (s sequential) Forward(ctx *Ctx, x *autograd.Var) *autograd.Var {
	for i := 0; i < len(s); i++ {
		m, ctx := s[i], ctx
		if both, ok := s.absorbed(i); ok {
			m = both
			i++
		}
		leave := ctx.enter(i, "", s[i])
		for w, ok := m.(Wrapper); ok; w, ok = m.(Wrapper) {
			m, ctx = w.Unwrap(), w.Pass(ctx, x)
		}
		f, fuses := m.(Fusing)
		act, follows := s.activation(i + 1)
		if fuses && follows {
			x = f.ForwardFused(ctx, x, act)
			i++
		} else {
			x = m.Forward(ctx, x)
		}
		leave()
	}
	return x
}

// absorbed returns module i and the next as one layer, if they can be.
func (s sequential) absorbed(i int) (both Module, ok bool) {
	if i+1 == len(s) {
		return nil, false
	}
	if a, is := s[i+1].(absorber); is {
		return a.absorb(s[i])
	}
	return nil, false
}

// activation returns module i as what the layer before it can apply, if it is
// there and can be.
func (s sequential) activation(i int) (act tensor.Activation, ok bool) {
	if i < len(s) {
		if a, is := s[i].(Activator); is {
			return a.Activation()
		}
	}
	return tensor.Activation{}, false
}

func (s sequential) Children() []Child {
	out := make([]Child, len(s))
	for i, m := range s {
		out[i] = Child{strconv.Itoa(i), m}
	}
	return out
}

// Chain implements [Chain].
func (sequential) Chain() {}

// MixesBatch implements [BatchMixer].
func (sequential) MixesBatch() bool { return false }

func (s sequential) OutShape(in []int) ([]int, error) {
	for _, m := range s {
		out, err := OutShape(m, in)
		if err != nil {
			return nil, err
		}
		in = out
	}
	return in, nil
}

// Export implements [Exporter].
func (s sequential) Export(g *Graph, x *Value) *Value {
	for i, m := range s {
		x = g.Part(strconv.Itoa(i), m, x)
	}
	return x
}

type sequentialSpec struct {
	Layers []Part `json:"layers"`
}

// Describe implements [Describer].
func (s sequential) Describe() (string, any) {
	c := sequentialSpec{Layers: make([]Part, len(s))}
	for i, m := range s {
		c.Layers[i].Module = m
	}
	return "Sequential", c
}

func init() {
	Register("Sequential", func(c sequentialSpec) (Module, error) {
		layers := make([]Module, len(c.Layers))
		for i, l := range c.Layers {
			layers[i] = l.Module
		}
		return Sequential(layers...), nil
	})
}
