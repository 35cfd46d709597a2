package nn_test

import (
	"encoding/json"
	"math"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"gonum.org/v1/gonum/mat"

	"github.com/gander-ml/gander/autograd"
	"github.com/gander-ml/gander/internal/optest"
	"github.com/gander-ml/gander/nn"
	"github.com/gander-ml/gander/tensor"
)

const original, vectorU, vectorV = "parametrizations.weight.original", "parametrizations.weight.0._u", "parametrizations.weight.0._v"

// spectralRows have u and v among the inputs, at which evaluation uses them.
func spectralRows() []optest.Row {
	// divided is x's layer with its weight divided by uᵀWv.
	divided := func(axis int, ref func(xs []optest.Array) optest.Array) func([]optest.Array) optest.Array {
		return func(xs []optest.Array) optest.Array {
			w, u, v := xs[1], xs[len(xs)-2], xs[len(xs)-1]
			sigma := 0.0
			w.Each(func(index []int, value float64) {
				column := 0
				for k, i := range index {
					if k != axis {
						column = column*w.Shape[k] + i
					}
				}
				sigma += u.At(index[axis]) * value * v.At(column)
			})
			inner := []optest.Array{xs[0], optest.Build(w.Shape, func(i []int) float64 { return w.At(i...) / sigma })}
			return ref(append(inner, xs[2:len(xs)-2]...))
		}
	}
	rows := []optest.Row{
		layer("SpectralNorm", nn.SpectralNorm(nn.Linear(3, 2)), divided(0, func(xs []optest.Array) optest.Array {
			return optest.Build([]int{xs[0].Shape[0], 2}, func(i []int) float64 {
				sum := xs[2].At(i[1])
				for k := range 3 {
					sum += xs[0].At(i[0], k) * xs[1].At(i[1], k)
				}
				return sum
			})
		}), "[4 3] [2 3] [2] [2] [3]", "[0 3] [2 3] [2] [2] [3]"),
		layer("SpectralNorm/convolution", nn.SpectralNorm(nn.Conv2D(2, 3, 2, nn.Stride(2), nn.Padding(1))), divided(0, convolution(2, 1, 1, 1)),
			"[2 2 3 4] [3 2 2 2] [3] [3] [8]"),
		layer("SpectralNorm/transposed", nn.SpectralNorm(nn.ConvTranspose2D(2, 3, 2, nn.Stride(2))), divided(1, transposed(2, 0, 1, 0)),
			"[2 2 2 3] [2 3 2 2] [3] [3] [8]"),
	}
	for i := range rows {
		rows[i].Domain = []optest.Domain{{Lo: -2, Hi: 2}, {Lo: 0.5, Hi: 1.5}} // σ is not near 0
		rows[i].Tol32 = 5e-6
	}
	rows[0] = refuses(rows[0], given(nn.SpectralNorm(nn.Linear(3, 2)), "the last axis does not hold 3 features", "[3 2]")...)
	return rows
}

func TestSpectralNormEqualsPyTorch(t *testing.T) {
	g := openGolden(t, "testdata/spectral.safetensors")
	cases := g.cases()
	require.Len(t, cases, 15)
	for name, about := range cases {
		t.Run(name, func(t *testing.T) {
			g := golden{t, g.file}
			if name == "training" {
				g.spectralTraining(about)
			} else {
				g.layer(name, about)
			}
		})
	}
}

// spectralTraining follows a critic that learns by Adam from a loss with a
// gradient penalty: weights, u and v after each step.
func (g golden) spectralTraining(about map[string]any) {
	architecture, err := json.Marshal(about["architecture"])
	require.NoError(g.t, err)
	m, err := nn.Decode(architecture)
	require.NoError(g.t, err)
	state := map[string]*tensor.Tensor{}
	for _, key := range g.file.Names() {
		if name, ok := strings.CutPrefix(key, "training.param."); ok {
			state[name] = g.tensor(key)
		}
	}
	require.NoError(g.t, nn.LoadState(m, state))
	var leaves []*autograd.Var
	var first, second []*tensor.Tensor // Adam's moments
	for _, p := range nn.Params(m) {
		if !p.Param.Frozen() {
			leaves = append(leaves, p.Param.Leaf())
			first = append(first, tensor.New(tensor.Float64, p.Param.Shape()...))
			second = append(second, tensor.New(tensor.Float64, p.Param.Shape()...))
		}
	}
	betas := about["betas"].([]any)
	adam := tensor.AdamParams{LR: about["lr"].(float64), Beta1: betas[0].(float64), Beta2: betas[1].(float64), Eps: about["eps"].(float64)}
	ctx := &nn.Ctx{Train: true, Track: true, Updates: new(nn.Updates)}
	steps := int(about["steps"].(float64))
	var x *autograd.Var
	for step := range steps {
		prefix := "training." + strconv.Itoa(step)
		x = autograd.Leaf(g.tensor(prefix + ".input"))
		y := m.Forward(ctx, x)
		slope := autograd.Grad(autograd.Sum(y), []*autograd.Var{x}, autograd.Opts{CreateGraph: true})[0]
		penalty := autograd.Mean(autograd.Sum(autograd.Square(slope), 1, 2, 3))
		loss := autograd.Add(autograd.Mean(autograd.Softplus(autograd.Neg(y))), penalty)
		g.near(prefix+".loss", loss, 1e-12)
		adam.Correction1, adam.Correction2 = 1-math.Pow(adam.Beta1, float64(step+1)), 1-math.Pow(adam.Beta2, float64(step+1))
		for i, grad := range autograd.Grad(loss, leaves, autograd.Opts{}) {
			one := func(t *tensor.Tensor) []*tensor.Tensor { return []*tensor.Tensor{t} }
			tensor.AdamInto(one(leaves[i].Value()), one(grad.Value()), one(first[i]), one(second[i]), adam)
		}
		ctx.Updates.Apply()
		for name, value := range nn.State(m) {
			require.InDeltaSlice(g.t, g.tensor(prefix+".after."+name).Float64s(), value.Float64s(), 1e-12, "%s after step %d", name, step)
		}
	}
	g.near("training.evaluated", m.Forward(nil, x), 1e-11)
}

// matrix returns a layer's weight by rows of its outputs, of PyTorch's kind of
// state.
func matrix(w *tensor.Tensor, transposed bool) *mat.Dense {
	if transposed {
		w = w.Permute(1, 0, 2, 3)
	}
	return mat.NewDense(w.Dim(0), w.Len()/w.Dim(0), w.Reshape(-1).Float64s())
}

// stretch returns a matrix's largest singular value, by another method.
func stretch(t *testing.T, m *mat.Dense) float64 {
	var svd mat.SVD
	require.True(t, svd.Factorize(m, mat.SVDNone))
	return svd.Values(nil)[0]
}

// spectralLayers are layers that have weights of each kind, and an input's shape.
func spectralLayers() map[string]func() (m nn.Module, input []int) {
	return map[string]func() (nn.Module, []int){
		"linear":     func() (nn.Module, []int) { return nn.Linear(9, 7), []int{4, 9} },
		"conv":       func() (nn.Module, []int) { return nn.Conv2D(2, 6, 3, nn.Groups(2)), []int{4, 2, 5, 5} },
		"transposed": func() (nn.Module, []int) { return nn.ConvTranspose2D(5, 4, 2), []int{4, 5, 3, 3} },
		"embedding":  func() (nn.Module, []int) { return nn.Embedding(6, 4), nil },
	}
}

// TestSpectralNormFirstVectors: Init leaves unit vectors that nearly give the
// largest singular value, the same for the same seed, and passes bring them to
// it; a layer that has weights gets vectors for those.
func TestSpectralNormFirstVectors(t *testing.T) {
	for name, make := range spectralLayers() {
		for _, dt := range []tensor.DType{tensor.Float32, tensor.Float64} {
			layer, input := make()
			m := nn.Sequential(nn.SpectralNorm(layer))
			nn.Init(m, 3, dt, tensor.CPU())
			s := nn.State(m)
			w := matrix(s["0."+original], name == "transposed")
			sigma := func() float64 {
				u, v := s["0."+vectorU].Float64s(), s["0."+vectorV].Float64s()
				require.InDelta(t, 1, mat.Norm(mat.NewVecDense(len(u), u), 2), 1e-6, name)
				require.InDelta(t, 1, mat.Norm(mat.NewVecDense(len(v), v), 2), 1e-6, name)
				return mat.Inner(mat.NewVecDense(len(u), u), w, mat.NewVecDense(len(v), v))
			}
			want := stretch(t, w)
			require.InEpsilon(t, want, sigma(), 0.1, name)
			require.LessOrEqual(t, sigma(), want*(1+1e-6), name)

			before := bits(m)
			nn.Init(m, 3, dt, tensor.CPU())
			require.Equal(t, before, bits(m), name)
			nn.Init(m, 4, dt, tensor.CPU())
			require.NotEqual(t, before, bits(m), name)
			nn.Init(m, 3, dt, tensor.CPU())

			s = nn.State(m)
			x := autograd.Const(tensor.New(dt, append([]int{2}, input...)[min(1, len(input)):]...))
			ctx := &nn.Ctx{Train: true, Updates: new(nn.Updates)}
			for range 200 {
				m.Forward(ctx, x)
				ctx.Updates.Apply()
			}
			require.InEpsilon(t, want, sigma(), 1e-5, name)

			old, _ := make()
			nn.Init(old, 3, dt, tensor.CPU())
			late := nn.SpectralNorm(old)
			require.True(t, nn.Ready(late))
			require.Equal(t, s["0."+original].Float64s(), nn.State(late)[original].Float64s())
			require.Equal(t, dt, nn.State(late)[vectorU].DType())
			s = map[string]*tensor.Tensor{"0." + vectorU: nn.State(late)[vectorU], "0." + vectorV: nn.State(late)[vectorV]}
			require.InEpsilon(t, want, sigma(), 0.1, name)
		}
	}
}

// TestSpectralNormPasses: evaluation uses the vectors and changes nothing; all
// training passes start at the stored ones, and only Apply stores others.
func TestSpectralNormPasses(t *testing.T) {
	for iterations := 1; iterations <= 3; iterations++ {
		m := nn.SpectralNorm(nn.Linear(4, 3, nn.NoBias()), nn.PowerIterations(iterations))
		nn.Init(m, 1, tensor.Float64, tensor.CPU())
		s := nn.State(m)
		s[vectorU].CopyFrom(tensor.FromFloat64([]float64{1, 0, 0}))
		s[vectorV].CopyFrom(tensor.FromFloat64([]float64{0.6, 0, 0.8, 0}))
		w := matrix(s[original], false)
		// normalised is Wᵀ/σ, which the layer makes of the identity matrix.
		normalised := func(u, v *mat.VecDense) []float64 {
			var out mat.Dense
			out.Scale(1/mat.Inner(u, w, v), w.T())
			return out.RawMatrix().Data
		}
		u, v := mat.NewVecDense(3, []float64{1, 0, 0}), mat.NewVecDense(4, []float64{0.6, 0, 0.8, 0})
		identity := autograd.Const(tensor.FromFloat64([]float64{1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1}, 4, 4))
		pass := func(ctx *nn.Ctx) []float64 { return m.Forward(ctx, identity).Value().Float64s() }
		before := bits(m)
		for _, ctx := range []*nn.Ctx{nil, {}, {Track: true, Updates: new(nn.Updates)}, {Weights: nn.Snapshot(m)}} {
			require.InDeltaSlice(t, normalised(u, v), pass(ctx), 1e-14)
			if ctx != nil && ctx.Updates != nil {
				ctx.Updates.Apply()
			}
		}
		require.Equal(t, before, bits(m))

		for range iterations {
			u.MulVec(w, v)
			u.ScaleVec(1/mat.Norm(u, 2), u)
			v.MulVec(w.T(), u)
			v.ScaleVec(1/mat.Norm(v, 2), v)
		}
		updates := new(nn.Updates)
		snapshot := nn.Snapshot(m)
		for _, ctx := range []*nn.Ctx{{Train: true}, {Train: true, Updates: updates}, {Train: true, Track: true, Updates: updates}, {Train: true, Weights: snapshot}} {
			require.InDeltaSlice(t, normalised(u, v), pass(ctx), 1e-14)
		}
		require.Equal(t, before, bits(m))
		updates.Apply()
		require.InDeltaSlice(t, u.RawVector().Data, s[vectorU].Float64s(), 1e-15)
		require.InDeltaSlice(t, v.RawVector().Data, s[vectorV].Float64s(), 1e-15)
		require.InDeltaSlice(t, normalised(u, v), pass(nil), 1e-14)
		require.NotEqual(t, pass(nil), pass(&nn.Ctx{Weights: snapshot}))

		// The last pass decides, whatever weights it had.
		pass(&nn.Ctx{Train: true, Updates: updates})
		s[original].CopyFrom(tensor.Neg(s[original]))
		pass(&nn.Ctx{Train: true, Updates: updates})
		updates.Apply()
		require.Less(t, mat.Dot(u, mat.NewVecDense(3, s[vectorU].Float64s())), -0.1)
	}
}

// TestSpectralNormInASequential: with the activation in one operation or not,
// with a scope or not, for any number of threads, the bits are the same.
func TestSpectralNormInASequential(t *testing.T) {
	defer tensor.CPU().SetThreads(0)
	body := func(last nn.Module) nn.Module {
		return nn.Sequential(nn.SpectralNorm(nn.Conv2D(1, 16, 4, nn.Stride(2))), nn.LeakyReLU(0.2), nn.SpectralNorm(nn.ConvTranspose2D(16, 8, 3)),
			nn.Flatten(), nn.SpectralNorm(nn.Linear(8*15*15, 70)), last)
	}
	var want []uint64
	for _, threads := range []int{1, 2, 3} {
		tensor.CPU().SetThreads(threads)
		for _, scope := range []*tensor.Scope{nil, tensor.NewScope()} {
			for _, last := range []nn.Module{nn.ReLU(), nn.Sequential(nn.ReLU())} {
				m := ready(body(last), 1, tensor.Float32)
				x := tensor.NewStream(1, "input").Normal(tensor.Float32, 5, 1, 28, 28)
				if scope != nil {
					x = scope.Adopt(x)
				}
				ctx := &nn.Ctx{Train: true, Track: true, Updates: new(nn.Updates)}
				leaves := nn.Leaves(m)
				y := m.Forward(ctx, autograd.Const(x))
				require.Equal(t, scope, y.Value().Scope())
				grads := autograd.Grad(autograd.Sum(autograd.Square(y)), leaves, autograd.Opts{})
				ctx.Updates.Apply()
				got := append(bits(m), math.Float64bits(autograd.Sum(y).Item()))
				for _, g := range grads {
					for _, v := range g.Value().Float64s() {
						got = append(got, math.Float64bits(v))
					}
				}
				got = append(got, math.Float64bits(m.Forward(nil, autograd.Const(x)).Value().At(4, 69)))
				if scope != nil {
					scope.Close()
				}
				if want == nil {
					want = got
				}
				require.True(t, slices.Equal(want, got), "%d threads", threads)
			}
		}
	}
}

// lipschitz is a layer of one's own with a weight, a matrix of a given rank.
type lipschitz struct{ weight *nn.Param }

func newLipschitz(rank int) lipschitz {
	return lipschitz{nn.NewParam("weight", nn.Normal(1), 3, 3, []int{3, 3, 1, 1}[:rank]...)}
}

func (l lipschitz) Params() []*nn.Param { return []*nn.Param{l.weight} }

func (l lipschitz) Forward(ctx *nn.Ctx, x *autograd.Var) *autograd.Var {
	return autograd.MatMul(x, ctx.Var(l.weight))
}

// TestSpectralNormOfOnesOwn: any module with a weight may be normalised; what it
// does not tell of itself is not known of the result.
func TestSpectralNormOfOnesOwn(t *testing.T) {
	m := ready(nn.SpectralNorm(newLipschitz(2), nn.PowerIterations(200)), 1, tensor.Float64)
	identity := autograd.Const(tensor.FromFloat64([]float64{1, 0, 0, 0, 1, 0, 0, 0, 1}, 3, 3))
	require.InDelta(t, 1, stretch(t, matrix(m.Forward(&nn.Ctx{Train: true}, identity).Value(), false)), 1e-12)
	_, known := nn.MixesBatch(m)
	require.False(t, known)
	_, err := nn.OutShape(m, []int{1, 3})
	require.ErrorIs(t, err, nn.ErrUnknownShape)
	_, err = nn.Encode(m)
	require.ErrorIs(t, err, nn.ErrUnknownModule)
	require.Equal(t, 9, nn.Count(m))

	mixes, known := nn.MixesBatch(nn.Sequential(nn.SpectralNorm(nn.Conv2D(1, 1, 1)), nn.SpectralNorm(nn.Linear(1, 1))))
	require.True(t, !mixes && known)
	require.Contains(t, nn.Summary(nn.Sequential(nn.SpectralNorm(nn.Conv2D(1, 2, 3))), 1, 4, 4), "0 SpectralNorm Conv2D  [n 2 2 2]          20\n")
	_, exact := nn.PiecewiseLayers(nn.Sequential(nn.SpectralNorm(nn.Linear(2, 2)), nn.ReLU()))
	require.False(t, exact)
}

// TestSpectralNormOfLargeWeights: that the square of a length is no number of the
// weight's type is no reason for NaN.
func TestSpectralNormOfLargeWeights(t *testing.T) {
	for dt, scales := range map[tensor.DType][]float64{tensor.Float32: {1, 1e10, 1e20, 1e30}, tensor.Float64: {1, 1e100, 1e160, 1e300}} {
		var want []float64
		for _, scale := range scales {
			m := nn.SpectralNorm(nn.Linear(4, 3, nn.WeightInit(nn.Uniform(scale)), nn.NoBias()))
			nn.Init(m, 1, dt, tensor.CPU())
			x := autograd.Const(tensor.NewStream(1, "input").Normal(dt, 2, 4))
			y := m.Forward(&nn.Ctx{Train: true}, x).Value().Float64s()
			if want == nil {
				want = y
			}
			require.InDeltaSlice(t, want, y, 1e-5, "%v, %g", dt, scale)
		}
	}
}

// TestSpectralNormInFiles: architecture, weights and vectors come back.
func TestSpectralNormInFiles(t *testing.T) {
	m := nn.Sequential(nn.SpectralNorm(nn.Conv2D(1, 3, 2)), nn.SpectralNorm(nn.ConvTranspose2D(3, 2, 2), nn.PowerIterations(2), nn.Eps(1e-4)),
		nn.Flatten(), nn.SpectralNorm(nn.Linear(32, 1, nn.NoBias())))
	nn.Init(m, 1, tensor.Float32, tensor.CPU())
	x := autograd.Const(tensor.NewStream(1, "input").Normal(tensor.Float32, 3, 1, 4, 4))
	path := filepath.Join(t.TempDir(), "critic")
	require.NoError(t, nn.Save(path, m, nil))
	loaded, _, err := nn.Load(path)
	require.NoError(t, err)
	require.Equal(t, bits(m), bits(loaded))
	for _, ctx := range []*nn.Ctx{nil, {Train: true}} {
		require.Equal(t, m.Forward(ctx, x).Value().Float32s(), loaded.Forward(ctx, x).Value().Float32s())
	}
	one, err := nn.Encode(m)
	require.NoError(t, err)
	two, err := nn.Encode(loaded)
	require.NoError(t, err)
	require.Equal(t, string(one), string(two))
	require.Contains(t, string(one), `"iterations":2,"eps":0.0001}`)

	plain := nn.Sequential(nn.Conv2D(1, 3, 2), nn.ConvTranspose2D(3, 2, 2), nn.Flatten(), nn.Linear(32, 1, nn.NoBias()))
	require.ErrorContains(t, nn.LoadInto(path, plain), "0.weight[3 1 2 2] is missing")

	const linear = `"layer":{"type":"Linear","in":2,"out":2,"bias":true}`
	for description, says := range map[string]string{
		`{"type":"SpectralNorm"}`:                                                                                              `"layer" is missing`,
		`{"type":"SpectralNorm","layer":null,"iterations":1,"eps":0}`:                                                          "SpectralNorm of <nil>: it has no weight",
		`{"type":"SpectralNorm",` + linear + `,"iterations":0,"eps":0}`:                                                        "0 power iterations with ε = 0 are not possible",
		`{"type":"SpectralNorm",` + linear + `,"iterations":16777216,"eps":0}`:                                                 "16777216 power iterations with ε = 0 are not possible",
		`{"type":"SpectralNorm",` + linear + `,"iterations":1}`:                                                                `"eps" is missing`,
		`{"type":"SpectralNorm",` + linear + `,"iterations":1,"eps":-1}`:                                                       "1 power iterations with ε = -1",
		`{"type":"SpectralNorm","layer":{"type":"Tanh"},"iterations":1,"eps":0}`:                                               "SpectralNorm of Tanh: it has no weight",
		`{"type":"SpectralNorm","layer":{"type":"Sequential","layers":[]},"iterations":1,"eps":0}`:                             "SpectralNorm of Sequential: a module with parts",
		`{"type":"SpectralNorm",` + linear + `,"iterations":20000000,"eps":0}`:                                                 "iterations is 20000000; sizes are at most",
		`{"type":"SpectralNorm","layer":{"type":"SpectralNorm",` + linear + `,"iterations":1,"eps":0},"iterations":1,"eps":0}`: "SpectralNorm of SpectralNorm",
		`{"type":"SpectralNorm","layer":{"type":"Linear","in":0,"out":1,"bias":true},"iterations":1,"eps":0}`:                  "at least one input",
		`{"type":"SpectralNorm","layer":{"type":"SpectralNor"},"iterations":1,"eps":0}`:                                        `unknown module "SpectralNor"`,
		`{"type":"SpectralNorm",` + linear + `,"iterations":1,"eps":"x"}`:                                                      "cannot unmarshal string",
	} {
		_, err := nn.Decode([]byte(description))
		require.ErrorContains(t, err, says, description)
	}
}

func TestSpectralNormRefuses(t *testing.T) {
	once := nn.Linear(2, 2)
	nn.SpectralNorm(once)
	const twice = ": the weight is normalised already; wrap the layer once"
	for want, layer := range map[string]nn.Module{
		"nn: SpectralNorm of <nil>: it has no weight; wrap linear layers and convolutions":                                 nil,
		"nn: SpectralNorm of Tanh: it has no weight; wrap linear layers and convolutions":                                  nn.Tanh(),
		"nn: SpectralNorm of InstanceNorm2D: it has no weight; wrap linear layers and convolutions":                        nn.InstanceNorm2D(3),
		"nn: SpectralNorm of BatchNorm2D: its weight[3] is not a matrix; wrap linear layers and convolutions":              nn.BatchNorm2D(3),
		"nn: SpectralNorm of nn_test.lipschitz: its weight[3] is not a matrix; wrap linear layers and convolutions":        newLipschitz(1),
		"nn: SpectralNorm of Sequential: a module with parts has no weight of its own; wrap the layers that it is made of": small(),
		"nn: SpectralNorm of SpectralNorm Conv2D" + twice:                                                                  nn.SpectralNorm(nn.Conv2D(1, 1, 1)),
		"nn: SpectralNorm of Linear" + twice:                                                                               once,
	} {
		requireMisuse[*nn.StateError](t, want, func() { nn.SpectralNorm(layer) })
	}
	requireMisuse[*tensor.ArgumentError](t, "SpectralNorm: 0 power iterations with ε = 1e-12 are not possible; give 1 to 1000 iterations, and an ε of 0 or more",
		func() { nn.SpectralNorm(nn.Linear(1, 1), nn.PowerIterations(0)) })
	for _, eps := range []float64{-1, math.NaN(), math.Inf(1)} {
		require.ErrorContains(t, tensor.Catch(func() { nn.SpectralNorm(nn.Linear(1, 1), nn.Eps(eps)) }), "are not possible")
	}
	m := nn.SpectralNorm(nn.Linear(2, 2))
	x := autograd.Const(tensor.New(tensor.Float32, 1, 2))
	requireMisuse[*nn.StateError](t, "nn: parameter parametrizations.weight.original[2 2] has no value yet; call nn.Init on the network, or load its weights; a module of your own must list it in Params",
		func() { m.Forward(nil, x) })
	nn.Init(m, 1, tensor.Float32, tensor.CPU())
	requireMisuse[*nn.StateError](t, "nn: the weights of this pass are another network's; take the Snapshot of this one",
		func() { m.Forward(&nn.Ctx{Weights: nn.Snapshot(ready(small(), 1, tensor.Float32))}, x) })

	// Nothing has no direction, as in PyTorch.
	nothing := ready(nn.SpectralNorm(nn.Linear(2, 2, nn.WeightInit(nn.Constant(0)))), 1, tensor.Float32)
	require.True(t, math.IsNaN(nothing.Forward(nil, x).Value().At(0, 0)))
}
