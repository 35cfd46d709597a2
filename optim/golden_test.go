package optim_test

import (
	"encoding/json"
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/nn/safetensors"
	"github.com/gander-ml/gander/optim"
	"github.com/gander-ml/gander/tensor"
)

// golden is a case of testdata/optim.safetensors, which PyTorch has computed.
type golden struct {
	t    *testing.T
	file *safetensors.File
	name string
}

// options are PyTorch's names; the defaults of the methods left out are
// PyTorch's too.
type options struct {
	Optimizer   string
	Schedule    string
	Steps       int
	LR          float64
	Betas       [2]float64
	Eps         float64
	Alpha       float64
	Momentum    float64
	Nesterov    bool
	Centered    bool
	Decay       float64
	WeightDecay float64 `json:"weight_decay"`
	StepSize    int     `json:"step_size"`
	Gamma       float64
	TMax        int     `json:"T_max"`
	EtaMin      float64 `json:"eta_min"`
	StartFactor float64 `json:"start_factor"`
	EndFactor   float64 `json:"end_factor"`
	TotalIters  int     `json:"total_iters"`
	MaxNorm     float64 `json:"max_norm"`
	ClipValue   float64 `json:"clip_value"`
}

func openGolden(t *testing.T) *safetensors.File {
	f, err := safetensors.Load("testdata/optim.safetensors")
	require.NoError(t, err)
	return f
}

func (g golden) options() (o options) {
	text, ok := g.file.Metadata()[g.name]
	require.True(g.t, ok, g.name)
	require.NoError(g.t, json.Unmarshal([]byte(text), &o))
	return o
}

func (g golden) tensor(key string) *tensor.Tensor {
	x, err := g.file.Tensor(g.name + "." + key)
	require.NoError(g.t, err)
	return x
}

// list returns the tensors key.0, key.1, key.2.
func (g golden) list(format string, args ...any) []*tensor.Tensor {
	key := fmt.Sprintf(format, args...)
	var out []*tensor.Tensor
	for i := range 3 {
		out = append(out, g.tensor(fmt.Sprintf("%s.%d", key, i)))
	}
	return out
}

func (o options) method() optim.Method {
	switch o.Optimizer {
	case "SGD":
		return optim.SGD{LR: o.LR, Momentum: o.Momentum, WeightDecay: o.WeightDecay, Nesterov: o.Nesterov}
	case "Adam":
		return optim.Adam{LR: o.LR, Betas: o.Betas, Eps: o.Eps, WeightDecay: o.WeightDecay}
	case "AdamW":
		return optim.AdamW{LR: o.LR, Betas: o.Betas, Eps: o.Eps, WeightDecay: o.WeightDecay}
	case "RMSprop":
		return optim.RMSprop{LR: o.LR, Alpha: o.Alpha, Eps: o.Eps, WeightDecay: o.WeightDecay,
			Momentum: o.Momentum, Centered: o.Centered}
	}
	panic("no method " + o.Optimizer)
}

// requireClose compares within a number of units in the last place, at least
// those of floor.
func requireClose(t *testing.T, want, got []*tensor.Tensor, units, floor float64, at string) {
	t.Helper()
	require.Len(t, got, len(want))
	for i, w := range want {
		unit := 0x1p-52
		if w.DType() == tensor.Float32 {
			unit = 0x1p-23
		}
		require.Equal(t, w.DType(), got[i].DType())
		require.Equal(t, w.Shape(), got[i].Shape())
		x, y := w.Float64s(), got[i].Float64s()
		for k := range x {
			if d := math.Abs(x[k] - y[k]); !(d <= units*unit*max(math.Abs(x[k]), floor)) {
				t.Fatalf("%s, tensor %d, element %d: %v, want %v (%.1f units)", at, i, k, y[k], x[k],
					d/(unit*max(math.Abs(x[k]), floor)))
			}
		}
	}
}

var methodCases = []string{
	"sgd", "sgd_momentum", "sgd_nesterov", "sgd_weight_decay",
	"adam", "adam_decay", "adam_f32", "adamw",
	"rmsprop", "rmsprop_centered", "rmsprop_decay",
}

func TestMethodsAgainstPyTorch(t *testing.T) {
	file := openGolden(t)
	for _, name := range methodCases {
		t.Run(name, func(t *testing.T) {
			g := golden{t, file, name}
			opts := g.options()
			params := g.list("param")
			o := optim.New(opts.method(), params)
			for step := range opts.Steps {
				o.Step(g.list("grad.%d", step))
				requireClose(t, g.list("after.%d", step), params, 2, 1, fmt.Sprintf("step %d", step))
			}
			require.Equal(t, opts.Steps, o.Steps())
		})
	}
}

// A zero hyper-parameter that stands for a default must give the default.
func TestDefaultsArePyTorchs(t *testing.T) {
	file := openGolden(t)
	for name, m := range map[string]optim.Method{
		"adam":    optim.Adam{LR: 1e-3},
		"adamw":   optim.AdamW{LR: 1e-3},
		"rmsprop": optim.RMSprop{LR: 1e-2},
	} {
		g := golden{t, file, name}
		params := g.list("param")
		o := optim.New(m, params)
		for step := range 10 {
			o.Step(g.list("grad.%d", step))
		}
		requireClose(t, g.list("after.9"), params, 2, 1, name)
	}
}

func TestSchedulesAgainstPyTorch(t *testing.T) {
	file := openGolden(t)
	for name, build := range map[string]func(options) optim.Schedule{
		"step_lr": func(o options) optim.Schedule { return optim.StepDecay{Every: o.StepSize, Factor: o.Gamma} },
		"linear_lr": func(o options) optim.Schedule {
			return optim.Linear{From: o.StartFactor, To: o.EndFactor, Steps: o.TotalIters}
		},
		"cosine_lr": func(o options) optim.Schedule {
			return optim.Cosine{From: 1, To: o.EtaMin / o.LR, Steps: o.TMax}
		},
	} {
		t.Run(name, func(t *testing.T) {
			g := golden{t, file, name}
			opts := g.options()
			o := optim.New(optim.SGD{LR: opts.LR, Schedule: build(opts)}, []*tensor.Tensor{tensor.New(tensor.Float64, 1)})
			for step, want := range g.tensor("values").Float64s() {
				if opts.TMax > 0 && step > opts.TMax {
					want = opts.EtaMin // PyTorch's rises again
				}
				require.InEpsilon(t, want, o.LR(), 1e-14, "step %d", step)
				o.Step([]*tensor.Tensor{tensor.New(tensor.Float64, 1)})
			}
		})
	}
}

func TestClippingAgainstPyTorch(t *testing.T) {
	file := openGolden(t)
	for _, name := range []string{"clip_norm", "clip_norm_small"} {
		g := golden{t, file, name}
		given, grads := g.list("grad"), g.list("grad")
		norm := optim.ClipNorm(grads, g.options().MaxNorm)
		require.InEpsilon(t, g.tensor("norm").Item(), norm, 1e-15, name)
		requireClose(t, g.list("after"), grads, 2, 0, name)
		require.InEpsilon(t, norm, tensor.Norm(given).Item(), 0)
	}
	g := golden{t, file, "clip_value"}
	grads := g.list("grad")
	optim.ClipValue(grads, g.options().ClipValue)
	requireClose(t, g.list("after"), grads, 0, 0, "clip_value")
}

func TestEMAAgainstPyTorch(t *testing.T) {
	g := golden{t, openGolden(t), "ema"}
	opts := g.options()
	params := g.list("param")
	e := optim.NewEMA(params, opts.Decay)
	for step := range opts.Steps {
		for i, v := range g.list("value.%d", step) {
			params[i].CopyFrom(v)
		}
		e.Update()
		requireClose(t, g.list("after.%d", step), e.Values(), 2, 1, fmt.Sprintf("step %d", step))
	}
}
