package nn_test

import (
	"encoding/json"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/autograd"
	"github.com/gander-ml/gander/nn"
	"github.com/gander-ml/gander/nn/safetensors"
	"github.com/gander-ml/gander/tensor"
)

// golden is a file of values from PyTorch; see bench/golden/README.md.
type golden struct {
	t    *testing.T
	file *safetensors.File
}

func openGolden(t *testing.T, path string) golden {
	f, err := safetensors.Load(path)
	require.NoError(t, err)
	return golden{t, f}
}

func (g golden) tensor(name string) *tensor.Tensor {
	x, err := g.file.Tensor(name)
	require.NoError(g.t, err)
	return x
}

func (g golden) constant(name string) *autograd.Var { return autograd.Const(g.tensor(name)) }

// cases returns the names of the cases and what the metadata says of each.
func (g golden) cases() map[string]map[string]any {
	out := map[string]map[string]any{}
	for name, text := range g.file.Metadata() {
		if name == "torch" || name == "script" {
			continue
		}
		var about map[string]any
		require.NoError(g.t, json.Unmarshal([]byte(text), &about))
		out[name] = about
	}
	return out
}

// near compares each element with the golden one, to within rel of its size
// and 10⁻¹⁵ besides, for those that come out of a cancellation.
func (g golden) near(name string, got *autograd.Var, rel float64) {
	g.t.Helper()
	want := g.tensor(name)
	require.Equal(g.t, want.Shape(), got.Shape(), name)
	values := got.Value().Float64s()
	for i, w := range want.Float64s() {
		require.LessOrEqual(g.t, math.Abs(values[i]-w), rel*math.Abs(w)+1e-15, "%s: element %d is %g, want %g", name, i, values[i], w)
	}
}

func TestLossesEqualPyTorch(t *testing.T) {
	g := openGolden(t, "testdata/losses.safetensors")
	cases := g.cases()
	require.Len(t, cases, 11)
	for name, about := range cases {
		t.Run(name, func(t *testing.T) {
			g := golden{t, g.file}
			x := autograd.Leaf(g.tensor(name + ".input"))
			var loss *autograd.Var
			switch about["loss"] {
			case "BCELoss":
				loss = nn.BCELoss(x, g.constant(name+".target"))
			case "BCEWithLogitsLoss":
				loss = nn.BCEWithLogitsLoss(x, g.constant(name+".target"))
			case "MSELoss":
				loss = nn.MSELoss(x, g.constant(name+".target"))
			case "L1Loss":
				loss = nn.L1Loss(x, g.constant(name+".target"))
			case "CrossEntropyLoss":
				if about["targets"] == "class probabilities" {
					loss = nn.SoftCrossEntropyLoss(x, g.constant(name+".target"))
					break
				}
				numbers, _, err := g.file.Int64s(name + ".target")
				require.NoError(t, err)
				classes := make([]int, len(numbers))
				for i, n := range numbers {
					classes[i] = int(n)
				}
				loss = nn.CrossEntropyLoss(x, classes)
			default:
				t.Fatalf("no such loss: %v", about["loss"])
			}
			rel := 1e-12
			if name == "bce_edge" {
				rel = 1e-8 // PyTorch's bound 1e-12 is a float32
			}
			g.near(name+".value", loss, 1e-12)
			g.near(name+".grad", autograd.Grad(loss, []*autograd.Var{x}, autograd.Opts{})[0], rel)

			grad := autograd.Grad(loss, []*autograd.Var{x}, autograd.Opts{CreateGraph: true})[0]
			g.near(name+".grad", grad, rel)
			along := autograd.Sum(autograd.Mul(grad, g.constant(name+".vector")))
			second := autograd.Grad(along, []*autograd.Var{x}, autograd.Opts{AllowConstant: true})[0] // L1 has none
			switch {
			case name == "bce_edge": // PyTorch's is not exact there; see TestBCELossAtTheEdges
			case strings.HasPrefix(name, "bce") && !strings.Contains(name, "logits"):
				g.near(name+".grad2", second, 1e-10) // PyTorch adds 1e-12 to p and 1−p
			default:
				g.near(name+".grad2", second, 1e-12)
			}
		})
	}
}

// TestBCELossAtTheEdges holds value and derivatives against their formulas
// where a logarithm or the denominator is cut.
func TestBCELossAtTheEdges(t *testing.T) {
	logOf := func(p float64) float64 { return max(math.Log(p), -100) }
	for _, p := range []float64{0, 1e-50, 1e-40, 1e-13, 1e-6, 0.5, 1 - 1e-6, 1 - 1e-13, 1} {
		for _, target := range []float64{0, 0.3, 1} {
			x, y := autograd.Leaf(tensor.Scalar(tensor.Float64, p)), autograd.Leaf(tensor.Scalar(tensor.Float64, target))
			both := []*autograd.Var{x, y}
			loss := nn.BCELoss(x, y)
			first := autograd.Grad(loss, both, autograd.Opts{CreateGraph: true})
			byP := autograd.Grad(first[0], both, autograd.Opts{})
			byT := autograd.Grad(first[1], both, autograd.Opts{})

			v := max(p*(1-p), 1e-12)
			curve := 1 / v
			if p*(1-p) > 1e-12 {
				curve = target/(p*p) + (1-target)/((1-p)*(1-p))
			}
			for what, pair := range map[string][2]float64{
				"value":  {loss.Item(), -(target*logOf(p) + (1-target)*logOf(1-p))},
				"by p":   {first[0].Item(), (p - target) / v},
				"by t":   {first[1].Item(), logOf(1-p) - logOf(p)},
				"by p p": {byP[0].Item(), curve},
				"by p t": {byP[1].Item(), -1 / v},
				"by t p": {byT[0].Item(), -1 / v},
				"by t t": {byT[1].Item(), 0},
			} {
				require.InDelta(t, pair[1], pair[0], 1e-14/v+1e-12*math.Abs(pair[1]), "%s at p=%g, t=%g", what, p, target)
			}
		}
	}
	for _, p := range []float64{-0.1, 1.1, math.NaN(), math.Inf(1)} {
		loss := nn.BCELoss(autograd.Const(tensor.Scalar(tensor.Float64, p)), autograd.Const(tensor.Scalar(tensor.Float64, 1)))
		require.True(t, math.IsNaN(loss.Item()), "p = %g", p)
	}
}

// TestExtremeLogits: losses of logits neither overflow nor lose a gradient.
func TestExtremeLogits(t *testing.T) {
	for _, dt := range []tensor.DType{tensor.Float32, tensor.Float64} {
		x := autograd.Leaf(tensor.FromFloat64([]float64{-1000, 1000, -1000, 1000}).Cast(dt))
		y := autograd.Const(tensor.FromFloat64([]float64{0, 1, 1, 0}).Cast(dt))
		loss := nn.BCEWithLogitsLoss(x, y, nn.ReduceNone)
		require.Equal(t, []float64{0, 0, 1000, 1000}, loss.Value().Float64s())
		g := autograd.Grad(autograd.Sum(loss), []*autograd.Var{x}, autograd.Opts{})[0]
		require.Equal(t, []float64{0, 0, -1, 1}, g.Value().Float64s())

		// A masked class: PyTorch gives ln 2 here, not NaN.
		z := autograd.Leaf(tensor.FromFloat64([]float64{0, math.Inf(-1), 0}, 1, 3).Cast(dt))
		loss = nn.CrossEntropyLoss(z, []int{2})
		require.InDelta(t, math.Ln2, loss.Item(), 1e-7)
		g = autograd.Grad(loss, []*autograd.Var{z}, autograd.Opts{})[0]
		require.InDeltaSlice(t, []float64{0.5, 0, -0.5}, g.Value().Float64s(), 1e-7)
	}
}

func TestReductions(t *testing.T) {
	s := tensor.NewStream(1, "test")
	x, y := autograd.Const(s.Uniform(tensor.Float64, 3, 4)), autograd.Const(s.Uniform(tensor.Float64, 3, 4))
	for name, loss := range map[string]func(r ...nn.Reduction) *autograd.Var{
		"BCE":              func(r ...nn.Reduction) *autograd.Var { return nn.BCELoss(x, y, r...) },
		"BCEWithLogits":    func(r ...nn.Reduction) *autograd.Var { return nn.BCEWithLogitsLoss(x, y, r...) },
		"MSE":              func(r ...nn.Reduction) *autograd.Var { return nn.MSELoss(x, y, r...) },
		"L1":               func(r ...nn.Reduction) *autograd.Var { return nn.L1Loss(x, y, r...) },
		"CrossEntropy":     func(r ...nn.Reduction) *autograd.Var { return nn.CrossEntropyLoss(x, []int{0, 3, 1}, r...) },
		"SoftCrossEntropy": func(r ...nn.Reduction) *autograd.Var { return nn.SoftCrossEntropyLoss(x, y, r...) },
	} {
		terms := loss(nn.ReduceNone)
		n := 12
		if strings.Contains(name, "Cross") {
			n = 3
			require.Equal(t, []int{3}, terms.Shape(), name)
		} else {
			require.Equal(t, []int{3, 4}, terms.Shape(), name)
		}
		sum := 0.0
		for _, v := range terms.Value().Float64s() {
			require.Positive(t, v, name)
			sum += v
		}
		require.InDelta(t, sum, loss(nn.ReduceSum).Item(), 1e-14*sum, name)
		require.InDelta(t, sum/float64(n), loss(nn.ReduceMean).Item(), 1e-14*sum, name)
		require.Equal(t, loss(nn.ReduceMean).Item(), loss().Item(), name)
	}
}

// A Var or a device that was forgotten is told as misuse is.
func TestNothingGiven(t *testing.T) {
	x := autograd.Const(tensor.New(tensor.Float32, 2, 2))
	for op, f := range map[string]func(){
		"BCELoss": func() { nn.BCELoss(nil, x) }, "BCEWithLogitsLoss": func() { nn.BCEWithLogitsLoss(x, nil) },
		"MSELoss": func() { nn.MSELoss(nil, x) }, "L1Loss": func() { nn.L1Loss(x, nil) },
		"CrossEntropyLoss":     func() { nn.CrossEntropyLoss(nil, []int{0, 1}) },
		"SoftCrossEntropyLoss": func() { nn.SoftCrossEntropyLoss(x, nil) },
		"CheckGrad":            func() { nn.CheckGrad(nil, nn.Tanh(), nil, autograd.CheckOptions{}) },
		"New":                  func() { nn.Init(nn.Linear(2, 2), 1, tensor.Float32, nil) },
	} {
		err := tensor.Catch(f)
		require.ErrorAs(t, err, new(*tensor.ArgumentError), op)
		require.ErrorContains(t, err, op)
		require.ErrorContains(t, err, "is nil")
	}
}

func TestLossesRefuse(t *testing.T) {
	v := func(shape ...int) *autograd.Var { return autograd.Const(tensor.New(tensor.Float32, shape...)) }
	for want, f := range map[string]func(){
		"BCELoss of [4 1] and [4]: prediction and target differ in shape; give one target per prediction; reshape [n] to [n, 1]": func() { nn.BCELoss(v(4, 1), v(4)) },
		"BCEWithLogitsLoss of [4 1] and [1 4]":                         func() { nn.BCEWithLogitsLoss(v(4, 1), v(1, 4)) },
		"MSELoss of [4] and []":                                        func() { nn.MSELoss(v(4), v()) },
		"L1Loss of [2 3] and [3]":                                      func() { nn.L1Loss(v(2, 3), v(3)) },
		"SoftCrossEntropyLoss of [2 3] and [2]":                        func() { nn.SoftCrossEntropyLoss(v(2, 3), v(2)) },
		"SoftCrossEntropyLoss of [3]: the rank is 1":                   func() { nn.SoftCrossEntropyLoss(v(3), v(3)) },
		"CrossEntropyLoss of [2 3] and [1]":                            func() { nn.CrossEntropyLoss(v(2, 3), []int{0}) },
		"CrossEntropyLoss of [2] and [2]":                              func() { nn.CrossEntropyLoss(v(2), []int{0, 0}) },
		"CrossEntropyLoss of [2 3]: row 1 has class 3 of 3; give clas": func() { nn.CrossEntropyLoss(v(2, 3), []int{0, 3}) },
		"CrossEntropyLoss of [1 3]: row 0 has class -1 of 3":           func() { nn.CrossEntropyLoss(v(1, 3), []int{-1}) },
	} {
		var shape *tensor.ShapeError
		err := tensor.Catch(f)
		require.ErrorAs(t, err, &shape, want)
		require.ErrorContains(t, err, want)
	}
	var dtype *tensor.DTypeError
	require.ErrorAs(t, tensor.Catch(func() { nn.MSELoss(v(2), autograd.Const(tensor.New(tensor.Float64, 2))) }), &dtype)
}

// build makes the network of a case of layers.safetensors.
func build(t *testing.T, name string, about map[string]any) nn.Module {
	switch about["layer"] {
	case "Linear":
		if about["bias"] == true {
			return nn.Linear(5, 3)
		}
		return nn.Linear(5, 3, nn.NoBias())
	case "Tanh":
		return nn.Tanh()
	case "ReLU":
		return nn.ReLU()
	case "LeakyReLU":
		return nn.LeakyReLU(about["slope"].(float64))
	case "Sigmoid":
		return nn.Sigmoid()
	case "Softplus":
		return nn.Softplus()
	case "Flatten":
		return nn.Flatten()
	case "Sequential":
		if name == "generator" {
			return nn.Sequential(nn.Linear(8, 12), nn.Tanh(), nn.Linear(12, 16), nn.ReLU(), nn.Linear(16, 36), nn.Tanh())
		}
		return nn.Sequential(nn.Linear(36, 16), nn.Tanh(), nn.Linear(16, 12), nn.Tanh(),
			nn.Linear(12, 8), nn.Tanh(), nn.Linear(8, 1), nn.Sigmoid())
	}
	t.Fatalf("no such layer: %v", about["layer"])
	return nil
}

func TestLayersEqualPyTorch(t *testing.T) {
	g := openGolden(t, "testdata/layers.safetensors")
	cases := g.cases()
	require.Len(t, cases, 12)
	for name, about := range cases {
		t.Run(name, func(t *testing.T) {
			g := golden{t, g.file}
			m := build(t, name, about)
			state := map[string]*tensor.Tensor{}
			for _, key := range g.file.Names() {
				if param, ok := strings.CutPrefix(key, name+".param."); ok {
					state[param] = g.tensor(key)
				}
			}
			require.NoError(t, nn.LoadState(m, state)) // and so the names are PyTorch's

			names, leaves := []string{"input"}, []*autograd.Var{autograd.Leaf(g.tensor(name + ".input"))}
			for _, p := range nn.Params(m) {
				names, leaves = append(names, p.Name), append(leaves, p.Param.Leaf())
			}
			y := m.Forward(&nn.Ctx{Track: true}, leaves[0])
			g.near(name+".output", y, 1e-12)

			s := autograd.Sum(autograd.Mul(y, g.constant(name+".vector")))
			plain := autograd.Grad(s, leaves, autograd.Opts{})
			first := autograd.Grad(s, leaves, autograd.Opts{CreateGraph: true})
			penalty := autograd.Sum(autograd.Square(first[0]))
			second := autograd.Grad(penalty, leaves, autograd.Opts{AllowConstant: true}) // of linear layers
			for i, leaf := range names {
				g.near(name+".grad."+leaf, plain[i], 1e-12)
				g.near(name+".grad."+leaf, first[i], 1e-12)
				g.near(name+".grad2."+leaf, second[i], 1e-12)
			}
		})
	}
}
