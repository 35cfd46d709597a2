package nn_test

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/autograd"
	"github.com/gander-ml/gander/nn"
	"github.com/gander-ml/gander/tensor"
)

// leafModule scales by one parameter.
type leafModule struct{ p *nn.Param }

func (m leafModule) Params() []*nn.Param { return []*nn.Param{m.p} }
func (m leafModule) Forward(ctx *nn.Ctx, x *autograd.Var) *autograd.Var {
	return autograd.Mul(x, ctx.Var(m.p))
}

// tied has two parts of one name each, or of the same.
type tied struct{ children []nn.Child }

func (m tied) Children() []nn.Child { return m.children }
func (m tied) Forward(ctx *nn.Ctx, x *autograd.Var) *autograd.Var {
	for _, c := range m.children {
		x = c.Module.Forward(ctx, x)
	}
	return x
}

func requireMisuse[E error](t *testing.T, want string, f func()) {
	t.Helper()
	var typed E
	err := tensor.Catch(f)
	require.ErrorAs(t, err, &typed)
	require.EqualError(t, err, want)
	var misuse tensor.Misuse
	require.ErrorAs(t, err, &misuse)
	require.NotEmpty(t, misuse.Misuse())
}

func TestTrack(t *testing.T) {
	m := nn.Sequential(nn.Linear(3, 2), nn.Tanh(), nn.Linear(2, 1))
	nn.Init(m, 1, tensor.Float64, tensor.CPU())
	x := autograd.Const(tensor.Full(tensor.Float64, 0.5, 4, 3))
	for _, ctx := range []*nn.Ctx{nil, {}, {Train: true}, {Track: true, Weights: nn.Snapshot(m)}} {
		require.False(t, m.Forward(ctx, x).Tracked(), "%+v", ctx)
	}
	require.True(t, m.Forward(&nn.Ctx{Track: true}, x).Tracked())
	leaf := autograd.Leaf(x.Value())
	for _, ctx := range []*nn.Ctx{nil, {Weights: nn.Snapshot(m)}} { // gradients by the input need no tracking of parameters
		y := m.Forward(ctx, leaf)
		require.NotZero(t, autograd.Grad(autograd.Sum(y), []*autograd.Var{leaf}, autograd.Opts{})[0].Value().Float64s()[0])
		for _, p := range nn.Params(m) {
			by := []*autograd.Var{p.Param.Leaf()}
			g := autograd.Grad(autograd.Sum(y), by, autograd.Opts{AllowConstant: true})[0]
			require.Equal(t, make([]float64, g.Value().Len()), g.Value().Float64s())
			// To forget Track is told.
			var misuse *autograd.GradError
			require.ErrorAs(t, tensor.Catch(func() { autograd.Grad(autograd.Sum(y), by, autograd.Opts{}) }), &misuse)
			require.Contains(t, misuse.Misuse(), "Track")
		}
	}
}

func TestFreeze(t *testing.T) {
	body, head := nn.Linear(3, 2), nn.Linear(2, 1)
	m := nn.Sequential(body, nn.Tanh(), head)
	nn.Init(m, 1, tensor.Float64, tensor.CPU())
	x := autograd.Const(tensor.Full(tensor.Float64, 0.5, 4, 3))
	grads := func() (zero []bool) {
		y := autograd.Sum(m.Forward(&nn.Ctx{Track: true}, x))
		for _, p := range nn.Params(m) {
			g := autograd.Grad(y, []*autograd.Var{p.Param.Leaf()}, autograd.Opts{AllowConstant: true})[0]
			zero = append(zero, tensor.Sum(tensor.Abs(g.Value())).Item() == 0)
		}
		return zero
	}
	require.Equal(t, []bool{false, false, false, false}, grads())
	nn.Freeze(body, true)
	for i, p := range nn.Params(m) {
		require.Equal(t, i < 2, p.Param.Frozen())
	}
	require.Equal(t, []bool{true, true, false, false}, grads())
	nn.Freeze(m, true)
	require.False(t, m.Forward(&nn.Ctx{Track: true}, x).Tracked())
	require.Equal(t, []bool{true, true, true, true}, grads())
	nn.Freeze(m, false)
	require.Equal(t, []bool{false, false, false, false}, grads())
}

func TestSnapshot(t *testing.T) {
	m := nn.Sequential(nn.Linear(3, 2), nn.Tanh(), nn.Linear(2, 1))
	nn.Init(m, 1, tensor.Float32, tensor.CPU())
	x := autograd.Const(tensor.Full(tensor.Float32, 0.5, 4, 3))
	before := m.Forward(nil, x).Value().Float64s()
	w := nn.Snapshot(m)
	for _, p := range nn.Params(m) {
		p.Param.Value().Fill(0)
	}
	require.Equal(t, make([]float64, 4), m.Forward(nil, x).Value().Float64s())
	require.Equal(t, before, m.Forward(&nn.Ctx{Weights: w}, x).Value().Float64s())
	nn.Init(m, 2, tensor.Float64, tensor.CPU())
	require.Equal(t, before, m.Forward(&nn.Ctx{Weights: w}, x).Value().Float64s())

	other := nn.Linear(3, 2)
	nn.Init(other, 1, tensor.Float32, tensor.CPU())
	requireMisuse[*nn.StateError](t, "nn: the weights of this pass are another network's; take the Snapshot of this one",
		func() { other.Forward(&nn.Ctx{Weights: w}, x) })
}

func TestSnapshotWith(t *testing.T) {
	m := nn.Linear(2, 1, nn.BiasInit(nn.Constant(5)))
	nn.Init(m, 1, tensor.Float32, tensor.CPU())
	params := nn.Params(m)
	averages := map[*nn.Param]*tensor.Tensor{params[0].Param: tensor.Full(tensor.Float32, 2, 1, 2)}
	w := nn.SnapshotWith(m, averages)
	averages[params[0].Param].Fill(0)
	params[1].Param.Value().Fill(0)
	y := m.Forward(&nn.Ctx{Weights: w}, autograd.Const(tensor.Full(tensor.Float32, 3, 1, 2)))
	require.Equal(t, 2.0*3+2*3+5, y.Item())
	averages[params[0].Param] = tensor.New(tensor.Float32, 2, 1)
	requireMisuse[*tensor.ShapeError](t, "SnapshotWith of [2 1] and [1 2]: the value does not have the shape of parameter weight; give each parameter its own value",
		func() { nn.SnapshotWith(m, averages) })
}

// mixer says whether it mixes the samples of a batch.
type mixer struct {
	nn.Module
	mixes bool
}

func (m mixer) MixesBatch() bool { return m.mixes }

func TestMixesBatch(t *testing.T) {
	for _, c := range []struct {
		m            nn.Module
		mixes, known bool
	}{
		{everything(), false, true},
		{silent{nn.Tanh()}, false, false},
		{nn.Sequential(nn.Tanh(), nn.Sequential(silent{nn.Tanh()})), false, false},
		{nn.Sequential(nn.Tanh(), mixer{nn.Tanh(), false}), false, true},
		{nn.Sequential(nn.Sequential(mixer{nn.Tanh(), true}), nn.Tanh()), true, true},
		{nn.Sequential(silent{nn.Tanh()}, mixer{nn.Tanh(), true}), true, true},
		{tied{[]nn.Child{{"a", nn.Tanh()}}}, false, false},
	} {
		mixes, known := nn.MixesBatch(c.m)
		require.Equal(t, c.mixes, mixes)
		require.Equal(t, c.known, known)
	}
}

// TestServeWhileTraining: passes on a snapshot are not disturbed by updates in
// place. Run it under the race detector.
func TestServeWhileTraining(t *testing.T) {
	m := nn.Sequential(nn.Linear(20, 64), nn.Tanh(), nn.Linear(64, 30), nn.Sigmoid())
	nn.Init(m, 1, tensor.Float32, tensor.CPU())
	x := autograd.Const(tensor.NewStream(1, "input").Normal(tensor.Float32, 16, 20))
	want := m.Forward(nil, x).Value().Float64s()
	ctx := &nn.Ctx{Weights: nn.Snapshot(m)}
	var serving sync.WaitGroup
	for range 10 {
		serving.Go(func() {
			for range 20 {
				leaf := autograd.Leaf(x.Value())
				y := m.Forward(ctx, leaf)
				assert.Equal(t, want, y.Value().Float64s())
				autograd.Grad(autograd.Sum(y), []*autograd.Var{leaf}, autograd.Opts{})
			}
		})
	}
	for range 50 {
		params := nn.Params(m)
		var leaves []*autograd.Var
		for _, p := range params {
			leaves = append(leaves, p.Param.Leaf())
		}
		y := autograd.Mean(m.Forward(&nn.Ctx{Train: true, Track: true}, x))
		for i, g := range autograd.Grad(y, leaves, autograd.Opts{}) {
			v := params[i].Param.Value()
			tensor.AddScaledInto(v, v, -0.1, g.Value())
		}
	}
	serving.Wait()
	require.NotEqual(t, want, m.Forward(nil, x).Value().Float64s())
}

func TestNotInitialised(t *testing.T) {
	m := nn.Sequential(nn.Linear(3, 2))
	x := autograd.Const(tensor.New(tensor.Float32, 1, 3))
	const want = "nn: parameter weight[2 3] has no value yet; call nn.Init on the network, or load its weights; a module of your own must list it in Params"
	require.False(t, nn.Ready(m))
	requireMisuse[*nn.StateError](t, want, func() { m.Forward(nil, x) })
	requireMisuse[*nn.StateError](t, want, func() { nn.Snapshot(m) })
	requireMisuse[*nn.StateError](t, want, func() { nn.State(m) })
	requireMisuse[*nn.StateError](t, want, func() { nn.Leaves(m) })
	p := nn.Params(m)[0].Param
	require.Nil(t, p.Value())
	require.Nil(t, p.Leaf())
	require.Equal(t, []int{2, 3}, p.Shape())
	nn.Init(m, 1, tensor.Float32, tensor.CPU())
	require.True(t, nn.Ready(m))
	require.True(t, nn.Ready(nn.Tanh()))
}

// What is trained is neither a buffer nor frozen, and each parameter comes once.
func TestLeaves(t *testing.T) {
	frozen, shared := nn.Linear(2, 2), nn.Linear(2, 2)
	m := nn.Sequential(frozen, nn.BatchNorm1D(2), shared, shared)
	nn.Freeze(frozen, true)
	nn.Init(m, 1, tensor.Float32, tensor.CPU())
	var want []*autograd.Var
	for _, p := range append(nn.Params(nn.Sequential(m.(nn.Parent).Children()[1].Module))[:2], nn.Params(shared)...) {
		want = append(want, p.Param.Leaf())
	}
	require.Equal(t, want, nn.Leaves(m))
	for i, v := range autograd.Values(nn.Leaves(m)) {
		require.Same(t, want[i].Value(), v)
	}
	require.Empty(t, nn.Leaves(nn.Tanh()))
}

func TestParams(t *testing.T) {
	shared := nn.Linear(2, 2)
	m := nn.Sequential(nn.Tanh(), shared, nn.Sequential(nn.ReLU(), nn.Linear(2, 3, nn.NoBias()), shared))
	var names []string
	for _, p := range nn.Params(m) {
		names = append(names, p.Name)
	}
	require.Equal(t, []string{"1.weight", "1.bias", "2.1.weight"}, names)
	require.Equal(t, 12, nn.Count(m))
	require.Equal(t, 0, nn.Count(nn.Tanh()))

	one := func() *nn.Param { return nn.NewParam("w", nn.Constant(1), 1, 1) }
	a, b := leafModule{one()}, leafModule{one()}
	require.Len(t, nn.Params(tied{[]nn.Child{{"a", a}, {"b", b}}}), 2)
	require.Len(t, nn.Params(tied{[]nn.Child{{"a", a}, {"a", a}}}), 1)
	requireMisuse[*nn.StateError](t, "nn: two parameters are called a.w; give parts and parameters of one module different names",
		func() { nn.Params(tied{[]nn.Child{{"a", a}, {"a", b}}}) })
}

// TestParametersLieApart: the values of a network's parameters, which share a
// block of memory, do not overlap.
func TestParametersLieApart(t *testing.T) {
	m := nn.Sequential(nn.Linear(3, 2), nn.Tanh(), nn.Linear(2, 1))
	loaded := nn.Sequential(nn.Linear(3, 2), nn.Tanh(), nn.Linear(2, 1))
	nn.Init(m, 1, tensor.Float32, tensor.CPU())
	require.NoError(t, nn.LoadState(loaded, nn.State(m)))
	for _, net := range []nn.Module{m, loaded} {
		params := nn.Params(net)
		for _, p := range params {
			require.True(t, p.Param.Value().IsContiguous())
			require.Same(t, p.Param.Value(), p.Param.Leaf().Value())
		}
	}
	// Writing to one does not reach its neighbours.
	params := nn.Params(m)
	for i, p := range params {
		p.Param.Value().Fill(float64(i))
	}
	for i, p := range params {
		for _, v := range p.Param.Value().Float64s() {
			require.Equal(t, float64(i), v)
		}
	}
}

func TestConstructorsRefuse(t *testing.T) {
	requireMisuse[*tensor.ShapeError](t, "Linear of [2 0]: a layer needs at least one input and one output; give in ≥ 1 and out ≥ 1",
		func() { nn.Linear(0, 2) })
	requireMisuse[*tensor.ShapeError](t, "Linear of [-1 3]: a layer needs at least one input and one output; give in ≥ 1 and out ≥ 1",
		func() { nn.Linear(3, -1) })
	requireMisuse[*tensor.ShapeError](t, "NewParam of [2 -1]: no tensor has this shape; give at most 6 dims of 0 or more",
		func() { nn.NewParam("w", nn.Constant(0), 1, 1, 2, -1) })
	requireMisuse[*tensor.ShapeError](t, "NewParam of [1 1 1 1 1 1 1]: no tensor has this shape; give at most 6 dims of 0 or more",
		func() { nn.NewParam("w", nn.Constant(0), 1, 1, 1, 1, 1, 1, 1, 1, 1) })
	requireMisuse[*nn.StateError](t, "nn: parameter w[2] has no initialiser; give one, such as Constant(0)",
		func() { nn.NewParam("w", nil, 1, 1, 2) })
	requireMisuse[*nn.StateError](t, "nn: module 1 of a Sequential is nil; leave it out",
		func() { nn.Sequential(nn.Tanh(), nil) })
	for _, shape := range [][]int{{-1, -1}, {-2}, {1, 1, 1, 1, 1, 1}} {
		var e *tensor.ShapeError
		require.ErrorAs(t, tensor.Catch(func() { nn.Reshape(shape...) }), &e)
	}
}

// TestArgumentsAreCopied: what the caller does to its slices later is its own
// affair.
func TestArgumentsAreCopied(t *testing.T) {
	modules, shape := []nn.Module{nn.Tanh(), nn.ReLU()}, []int{3, 2}
	m, r := nn.Sequential(modules...), nn.Reshape(shape...)
	p := nn.NewParam("w", nn.Constant(0), 1, 1, shape...)
	modules[0], shape[0] = nil, 99
	m.Forward(nil, autograd.Const(tensor.New(tensor.Float32, 2, 6)))
	require.Equal(t, []int{2, 3, 2}, r.Forward(nil, autograd.Const(tensor.New(tensor.Float32, 2, 6))).Shape())
	require.Equal(t, []int{3, 2}, p.Shape())
	p.Shape()[0] = 99
	require.Equal(t, []int{3, 2}, p.Shape())
}
