package gan

import (
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/autograd"
	"github.com/gander-ml/gander/nn"
	"github.com/gander-ml/gander/nn/safetensors"
	"github.com/gander-ml/gander/tensor"
)

// given is a penalty that takes its ε from a file.
type given struct {
	GradientPenalty
	epsilon *tensor.Tensor
}

func (g given) Terms(p *Pass) *autograd.Var { return g.at(p, g.epsilon) }

// goldenCritics are the critics of bench/golden/make_penalties.py.
func goldenCritics() map[string]nn.Module {
	mlp := func(activation nn.Module, last ...nn.Module) nn.Module {
		return nn.Sequential(append([]nn.Module{nn.Flatten(), nn.Linear(16, 4), activation, nn.Linear(4, 3), activation, nn.Linear(3, 1)}, last...)...)
	}
	return map[string]nn.Module{
		"leaky":    mlp(nn.LeakyReLU(0.2)),
		"tanh":     mlp(nn.Tanh()),
		"softplus": mlp(nn.Softplus()),
		"convolution": nn.Sequential(
			nn.Conv2D(1, 2, 3, nn.Padding(1)), nn.LeakyReLU(0.2),
			nn.Conv2D(2, 2, 3, nn.Padding(1), nn.Stride(2)), nn.Tanh(),
			nn.Flatten(), nn.Linear(8, 1)),
		"probability": mlp(nn.Tanh(), nn.Sigmoid()),
		"beside":      nn.Sequential(nn.Flatten(), nn.Linear(16, 4), nn.LeakyReLU(0.2), nn.ConcatCondition(3, 2), nn.Linear(7, 3), nn.LeakyReLU(0.2), nn.Linear(3, 1)),
		"planes":      nn.Sequential(nn.ConcatCondition(3, 2), nn.Conv2D(4, 2, 3, nn.Padding(1)), nn.LeakyReLU(0.2), nn.Flatten(), nn.Linear(32, 1)),
		"embedded": nn.Sequential(nn.Flatten(), nn.Linear(16, 4), nn.Tanh(), nn.Linear(4, 3), nn.Tanh(), nn.EmbedCondition(nn.Linear(3, 2, nn.NoBias())),
			nn.Linear(5, 3), nn.LeakyReLU(0.2), nn.Linear(3, 1)),
		"projection": nn.Sequential(nn.Flatten(), nn.Linear(16, 4), nn.LeakyReLU(0.2), nn.Linear(4, 3), nn.LeakyReLU(0.2),
			nn.Projection(nn.Linear(3, 1), nn.Linear(3, 3, nn.NoBias()))),
		"projection/tanh": nn.Sequential(nn.Flatten(), nn.Linear(16, 4), nn.Tanh(), nn.Linear(4, 3), nn.Tanh(), nn.Projection(nn.Linear(3, 1), nn.Linear(3, 3))),
	}
}

// TestPenaltiesEqualPyTorch holds each loss, each penalty and their gradients
// by all of the critic's weights to PyTorch's, alone and added up, along the
// paths that the trainer takes.
func TestPenaltiesEqualPyTorch(t *testing.T) {
	file, err := safetensors.Load("testdata/penalties.safetensors")
	require.NoError(t, err)
	compared := map[string]int{}
	for name, critic := range goldenCritics() {
		golden := func(key string) *tensor.Tensor {
			v, err := file.Tensor(name + "." + key)
			require.NoError(t, err)
			return v
		}
		nn.Init(critic, 1, tensor.Float64, tensor.CPU())
		setFlat(critic, golden("weights").Float64s())
		real, fake := golden("real"), golden("fake")
		var condition *autograd.Var
		if slices.Contains(file.Names(), name+".condition") {
			condition = autograd.Const(golden("condition"))
		}

		objectives := OnLogits
		if name == "probability" {
			objectives = []Objective{Classic{}}
		}
		penalties := []Penalty{
			R1{Gamma: 0.7}, R2{Gamma: 1.3},
			given{GradientPenalty{Lambda: 10}, golden("epsilon")},
			given{GradientPenalty{Lambda: 0.1, OneSided: true}, golden("epsilon")},
		}
		together := [][]Penalty{nil, penalties[:1], penalties[1:2], penalties[:2], penalties[2:3], penalties[3:], penalties}

		for _, o := range objectives {
			t.Run(name+"/"+o.Name(), func(t *testing.T) {
				constant := func(x *tensor.Tensor) *autograd.Var {
					return critic.Forward(&nn.Ctx{Condition: condition}, autograd.Const(x))
				}
				onFake := autograd.Leaf(constant(fake).Value())
				loss := autograd.Mean(o.Generator(onFake, func() *autograd.Var { return constant(real) }))
				close12(t, golden(o.Name()+".generator").Float64s(), loss.Value().Float64s())
				close12(t, golden(o.Name()+".generator.grad").Float64s(),
					autograd.Grad(loss, []*autograd.Var{onFake}, autograd.Opts{})[0].Value().Float64s())

				for _, chosen := range together {
					wantLoss, wantPenalty := golden(o.Name()+".loss").Item(), 0.0
					want := golden(o.Name() + ".grad").Float64s()
					var names []string
					for _, p := range chosen {
						names = append(names, p.Name())
						wantPenalty += p.Weight(0) * tensor.Sum(golden(p.Name()+".terms")).Item() / float64(real.Dim(0))
						for i, w := range golden(p.Name() + ".grad").Float64s() {
							want[i] += p.Weight(0) * w
						}
					}
					g := criticGame(t, critic, o, chosen, 1, 4, 4)
					for path, got := range eachPathOf(t, g, real, fake, condition) {
						compared[path]++
						close12(t, []float64{wantLoss, wantPenalty}, []float64{got.losses.Real + got.losses.Fake, got.losses.Penalty}, path, names)
						close12(t, want, flat(got.d.grads), path, names)
					}
				}
			})
		}
		for _, p := range penalties {
			pass := &Pass{Critic: func(x *autograd.Var) *autograd.Var {
				return critic.Forward(&nn.Ctx{Track: true, Condition: condition}, x)
			}}
			for s, x := range map[*Samples]*tensor.Tensor{&pass.Real: real, &pass.Fake: fake} {
				s.X = autograd.Leaf(x)
				s.D = pass.Critic(s.X)
			}
			close12(t, golden(p.Name()+".terms").Float64s(), p.Terms(pass).Value().Float64s(), name, p.Name())
		}
	}
	// Nine critics with seven objectives and one with one, seven sets of
	// penalties; the exact path takes three of them on four critics.
	require.Equal(t, map[string]int{"general": 64 * 7, "exact": 4 * 7 * 3}, compared)
}

// criticGame returns the game of a critic of samples [n, shape…]. Its generator
// does not matter.
func criticGame(t *testing.T, critic nn.Module, o Objective, penalties []Penalty, shape ...int) *game {
	t.Helper()
	size := 1
	for _, d := range shape {
		size *= d
	}
	g := nn.Sequential(nn.Linear(1, size), nn.Reshape(shape...))
	condition, err := nn.ConditionSize(critic)
	require.NoError(t, err)
	if condition > 0 {
		g = nn.Sequential(nn.ConcatCondition(condition, 1), nn.Linear(1+condition, size), nn.Reshape(shape...))
	}
	out, err := newGame(g, critic, Config{Latent: 1, Condition: condition, Objective: o, Penalties: penalties, DType: tensor.Float64})
	require.NoError(t, err)
	return out
}

// eachPath returns what each strategy that applies computes of the critic's
// loss, on samples of some condition if the critic reads one.
func eachPath(t *testing.T, g *game, real, fake *tensor.Tensor) map[string]result {
	return eachPathOf(t, g, real, fake, someCondition(g, real.Dim(0)))
}

// someCondition returns the condition of n samples: one-hots of the first classes
// and other vectors after them.
func someCondition(g *game, n int) *autograd.Var {
	if g.condition == 0 {
		return nil
	}
	c := tensor.NewStream(9, "condition").Normal(g.dtype, n, g.condition)
	first := min(n/2, g.condition)
	var classes []int
	for i := range first {
		classes = append(classes, i)
	}
	c.Slice(0, 0, first).CopyFrom(tensor.OneHot(g.dtype, g.condition, classes))
	return autograd.Const(c)
}

func eachPathOf(t *testing.T, g *game, real, fake *tensor.Tensor, condition *autograd.Var) map[string]result {
	strategies := map[string]strategy{"general": g.strategy}
	if e, ok := g.strategy.(*exact); ok {
		strategies = map[string]strategy{"general": general{}, "exact": e}
	}
	out := map[string]result{}
	random := *g.random
	for name, s := range strategies {
		*g.random = random // for layers that draw
		r := result{d: s.gradients(g, real, fake, condition)}
		require.True(t, r.d.read(&r.losses))
		out[name] = r
	}
	return out
}

// flat returns the numbers of all tensors, one after the other.
func flat(ts []*tensor.Tensor) (out []float64) {
	for _, t := range ts {
		out = append(out, t.Float64s()...)
	}
	return out
}

// setFlat gives a network all its weights from one list.
func setFlat(m nn.Module, weights []float64) {
	for _, p := range nn.Params(m) {
		if v := p.Param.Value(); !p.Param.Buffer() {
			v.SetFloat64(weights[:v.Len()])
			weights = weights[v.Len():]
		}
	}
}

// close12 compares numbers to twelve digits.
func close12(t *testing.T, want, got []float64, what ...any) {
	t.Helper()
	require.Len(t, got, len(want), what...)
	for i, w := range want {
		require.InDelta(t, w, got[i], 1e-12*max(1, math.Abs(w)), append(what, i)...)
	}
}
