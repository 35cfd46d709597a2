package optest

import (
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	ag "github.com/gander-ml/gander/autograd"
	"github.com/gander-ml/gander/tensor"
)

// square is x² with faults to choose.
type square struct {
	eval func(x *tensor.Tensor) *tensor.Tensor
	rule func(b *ag.Back, gy *ag.Var) *ag.Var
}

func (square) Name() string { return "Square" }

func (s square) Eval(in []*tensor.Tensor) *tensor.Tensor {
	if s.eval != nil {
		return s.eval(in[0])
	}
	return tensor.Square(in[0])
}

func (s square) VJP(b *ag.Back, gy *ag.Var) []*ag.Var {
	if s.rule != nil {
		return []*ag.Var{s.rule(b, gy)}
	}
	return []*ag.Var{ag.Scale(ag.Mul(gy, b.In(0)), 2)}
}

func squareRow(s square) Row {
	r := unary("Square", func(x *ag.Var) *ag.Var { return ag.Apply(s, x) },
		func(x float64) float64 { return x * x }, Domain{Lo: -2, Hi: 2})
	r.Kinks = []Kink{{In: [][]float64{{0, 1}}, Grad: [][]float64{{0, 2}}}}
	return r.withDefaults()
}

// check runs one aspect of a row.
func check(t *testing.T, aspect string, r Row) error {
	t.Helper()
	for _, a := range aspects {
		if a.name == aspect {
			return a.check(r.withDefaults())
		}
	}
	t.Fatalf("there is no aspect %q", aspect)
	return nil
}

// Each aspect must find the fault that it tests for.
func TestFaultsAreNoticed(t *testing.T) {
	for _, a := range aspects {
		require.NoError(t, a.check(squareRow(square{})), a.name)
	}
	unlike := squareRow(square{})
	unlike.Ref = Map(func(x float64) float64 { return x*x + 1e-9 })
	kink := squareRow(square{})
	kink.Kinks[0].Grad[0][1] = 2.5
	tame := squareRow(square{})
	tame.Misuse = []Misuse{{Shapes: "[2 3]", Says: "anything"}}
	silent := squareRow(square{})
	silent.F = func(xs []*ag.Var) *ag.Var { return ag.Exp(xs[0]) } // which names another operation
	leaky := squareRow(square{})
	leaky.F = func(xs []*ag.Var) *ag.Var {
		return ag.Add(ag.Square(xs[0]), ag.Leaf(tensor.Scalar(xs[0].Value().DType(), 0)))
	}
	for _, c := range []struct {
		aspect, says string
		row          Row
	}{
		{"forward", "float64: element", unlike},
		{"forward", "shape", squareRow(square{eval: func(x *tensor.Tensor) *tensor.Tensor { return x.Unsqueeze(0) }})},
		{"forward", "float32 inputs give a float64 result", squareRow(square{eval: func(x *tensor.Tensor) *tensor.Tensor {
			return tensor.Square(x.Cast(tensor.Float64))
		}})},
		{"forward", "panic: ", squareRow(square{eval: func(x *tensor.Tensor) *tensor.Tensor { return x.T() }})},
		{"special values", "NaN in input 0", squareRow(square{eval: func(x *tensor.Tensor) *tensor.Tensor {
			return tensor.Square(tensor.Where(tensor.Equal(x, x), x, tensor.New(x.DType())))
		}})},
		{"special values", "hides the NaN", squareRow(square{rule: func(b *ag.Back, gy *ag.Var) *ag.Var {
			return ag.Scale(b.In(0), 2)
		}})},
		{"derivatives", "first derivative", squareRow(square{rule: func(b *ag.Back, gy *ag.Var) *ag.Var {
			return ag.Scale(ag.Mul(gy, b.In(0)), 1.9999)
		}})},
		{"derivatives", "second derivative", squareRow(square{rule: func(b *ag.Back, gy *ag.Var) *ag.Var {
			return ag.Scale(ag.Mul(gy, b.In(0).Detach()), 2)
		}})},
		{"derivatives", "second derivative", squareRow(square{rule: func(b *ag.Back, gy *ag.Var) *ag.Var {
			return ag.Scale(ag.Mul(gy.Detach(), b.In(0)), 2)
		}})},
		{"float32", "gradient by input 0", squareRow(square{rule: func(b *ag.Back, gy *ag.Var) *ag.Var {
			if gy.Value().DType() == tensor.Float32 {
				return ag.Scale(ag.Mul(gy, b.In(0)), 2.0001)
			}
			return ag.Scale(ag.Mul(gy, b.In(0)), 2)
		}})},
		{"kinks", "gradient by input 0", kink},
		{"layouts", "permuted", squareRow(square{eval: func(x *tensor.Tensor) *tensor.Tensor {
			if s := x.Strides(); len(s) > 1 && s[0] < s[1] {
				return x
			}
			return tensor.Square(x)
		}})},
		{"layouts", "strided", squareRow(square{eval: func(x *tensor.Tensor) *tensor.Tensor {
			if s := x.Strides(); len(s) > 0 && s[len(s)-1] == 2 && x.Dim(0) == 37 {
				return x
			}
			return tensor.Square(x)
		}})},
		{"layouts", "repeated", squareRow(square{eval: func(x *tensor.Tensor) *tensor.Tensor {
			if s := x.Strides(); len(s) > 0 && s[0] == 0 && x.Dim(0) > 1 {
				return x
			}
			return tensor.Square(x)
		}})},
		{"layouts", "gradient by input 0", squareRow(square{rule: func(b *ag.Back, gy *ag.Var) *ag.Var {
			if !gy.Value().IsContiguous() {
				return gy
			}
			return ag.Scale(ag.Mul(gy, b.In(0)), 2)
		}})},
		{"scope", "scope", squareRow(square{eval: func(x *tensor.Tensor) *tensor.Tensor { return tensor.Square(x).Keep() }})},
		{"scope", "same bits", squareRow(square{eval: func(x *tensor.Tensor) *tensor.Tensor {
			if s := x.Scope(); s != nil { // old elements in place of the value
				return s.Empty(x.Device(), x.DType(), x.Shape()...)
			}
			return tensor.Square(x)
		}})},
		{"tracking", "constants give a tracked result", leaky},
		{"misuse", "want a *tensor.ShapeError", tame},
		{"misuse", `lacks "Square"`, silent},
		{"device far", "different devices", squareRow(square{eval: func(x *tensor.Tensor) *tensor.Tensor {
			return tensor.Square(x.To(tensor.CPU()))
		}})},
		{"device far", "value: element", squareRow(square{eval: func(x *tensor.Tensor) *tensor.Tensor {
			if x.Device() != tensor.CPU() {
				return tensor.Scale(tensor.Square(x), 1.0001)
			}
			return tensor.Square(x)
		}})},
	} {
		assert.ErrorContains(t, check(t, c.aspect, c.row), c.says, c.aspect)
	}
}

func TestTrackingOfSeveralInputs(t *testing.T) {
	require.NoError(t, check(t, "tracking", binary("Mul", ag.Mul, func(x, y float64) float64 { return x * y })))
	lazy := binary("Mul", func(x, y *ag.Var) *ag.Var { return ag.Mul(x, y.Detach()) }, nil)
	assert.ErrorContains(t, check(t, "tracking", lazy), "input 1 is tracked and the result is not")
	torn := binary("Mul", func(x, y *ag.Var) *ag.Var {
		if x.Tracked() && y.Tracked() {
			return ag.Mul(x, y)
		}
		return ag.Scale(ag.Mul(x, y), 2)
	}, nil)
	assert.ErrorContains(t, check(t, "tracking", torn), "only input 0 tracked")
}

func TestArrays(t *testing.T) {
	a := Build([]int{2, 3}, func(index []int) float64 { return float64(10*index[0] + index[1]) })
	assert.Equal(t, []float64{0, 1, 2, 10, 11, 12}, a.Data)
	assert.Equal(t, 11.0, a.At(1, 1))
	assert.Equal(t, 11.0, a.At(7, 1, 1), "a missing axis repeats")
	row := Array{[]int{1, 3}, []float64{5, 6, 7}}
	assert.Equal(t, 6.0, row.At(1, 1))
	assert.Equal(t, []float64{5, 7, 9, 15, 17, 19}, Zip(func(x, y float64) float64 { return x + y })([]Array{a, row}).Data)
	assert.Equal(t, []int{4, 2, 0}, Broadcast(Array{Shape: []int{2, 1}}, Array{Shape: []int{4, 1, 0}}))
	add := func(acc, v float64) float64 { return acc + v }
	assert.Equal(t, Array{[]int{3}, []float64{10, 12, 14}}, Fold(a, []int{-2}, 0, add))
	assert.Equal(t, Array{[]int{2}, []float64{4, 34}}, Fold(a, []int{1}, 1, add))
	assert.Equal(t, Array{[]int{}, []float64{36}}, Fold(a, nil, 0, add))
	assert.Equal(t, [][]int{{2, 3}, {}, {0}}, parse("[2 3] [] [0]"))
	assert.Panics(t, func() { parse("[2,3]") })
}

func TestNear(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	for _, c := range []struct {
		got, want float64
		ok        bool
	}{
		{1, 1 + 1e-9, true}, {1, 1 + 1e-7, false}, {0, 1e-9, true}, {1e9, 1e9 + 1, true}, {1e9, 1e9 + 100, false},
		{nan, nan, true}, {nan, 1, false}, {1, nan, false}, {inf, inf, true}, {inf, -inf, false}, {1, inf, false}, {inf, 1, false},
	} {
		err := near(Array{nil, []float64{c.got}}, Array{nil, []float64{c.want}}, 1e-8)
		assert.Equal(t, c.ok, err == nil, "%+v", c)
	}
	assert.Error(t, near(Array{[]int{2}, []float64{0, 0}}, Array{[]int{1, 2}, []float64{0, 0}}, 1))
}

func TestDrawStaysAwayFromKinks(t *testing.T) {
	var s sequence
	a := s.draw([]int{500}, Domain{Lo: -1, Hi: 2, Kinks: []float64{0, 1}})
	seen := map[float64]bool{}
	for _, v := range a.Data {
		assert.True(t, v >= -1 && v <= 2 && math.Abs(v) > 0.049 && math.Abs(v-1) > 0.049, v)
		seen[v] = true
	}
	assert.Greater(t, len(seen), 450)
}

func TestSources(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "a.go"), []byte(`package p
		func One(x *Var) *Var { return x }
		func Many(k int, xs ...*autograd.Var) *autograd.Var { return xs[0] }
		func List(xs []*Var) *Var { return xs[0] }
		func Start(t *Tensor) *Var { return nil }
		func Run[O Op](op O, x *Var) *Var { return x }
		func Several(x *Var) []*Var { return nil }
		func Measure(x *Var) float64 { return 0 }
		func hidden(x *Var) *Var { return x }
		func (v *Var) Method(x *Var) *Var { return x }
		func (a) VJP(b *Back, gy *Var) []*Var { return nil }
		func (b *b) VJP(*Back, *Var) []*Var { return nil }
		func (c) Eval(*Back, *Var) []*Var { return nil }`), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "a_test.go"), []byte(`package p
		func Two(x *Var) *Var { return x }`), 0o600))
	functions, err := Functions(dir)
	require.NoError(t, err)
	assert.Equal(t, []string{"List", "Many", "One"}, functions)
	types, err := OpTypes(dir)
	require.NoError(t, err)
	assert.Equal(t, []string{"a", "b"}, types)
	_, err = Functions(filepath.Join(dir, "nowhere"))
	assert.Error(t, err)
}

func TestRunOn(t *testing.T) {
	RunOn(t, []Row{squareRow(square{}), linearRow("tanh", tensor.TanhActivation(), math.Tanh, true)}, "ref")
}
