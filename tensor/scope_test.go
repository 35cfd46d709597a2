package tensor_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/tensor"
)

// uses has a call of everything that takes a tensor, with x [2, 2] in the place
// of each.
var uses = map[string]func(x *tensor.Tensor){
	"Tensor.At":          func(x *tensor.Tensor) { x.At(0, 0) },
	"Tensor.BroadcastTo": func(x *tensor.Tensor) { x.BroadcastTo(1, 2, 2) },
	"Tensor.Cast":        func(x *tensor.Tensor) { x.Cast(x.DType()) },
	"Tensor.Clone":       func(x *tensor.Tensor) { x.Clone() },
	"Tensor.Contiguous":  func(x *tensor.Tensor) { x.Contiguous() },
	"Tensor.CopyFrom":    func(x *tensor.Tensor) { x.CopyFrom(x) },
	"Tensor.Fill":        func(x *tensor.Tensor) { x.Fill(0) },
	"Tensor.Float32s":    func(x *tensor.Tensor) { x.Float32s() },
	"Tensor.Float64s":    func(x *tensor.Tensor) { x.Float64s() },
	"Tensor.Format":      func(x *tensor.Tensor) { x.Format(plain{}, 'v') },
	"Tensor.Item":        func(x *tensor.Tensor) { x.Item() },
	"Items":              func(x *tensor.Tensor) { tensor.Items(x) },
	"Tensor.Keep":        func(x *tensor.Tensor) { x.Keep() },
	"Tensor.Permute":     func(x *tensor.Tensor) { x.Permute(1, 0) },
	"Tensor.Reshape":     func(x *tensor.Tensor) { x.Reshape(4) },
	"Tensor.Set":         func(x *tensor.Tensor) { x.Set(0, 0, 0) },
	"Tensor.SetFloat32":  func(x *tensor.Tensor) { x.SetFloat32(make([]float32, 4)) },
	"Tensor.SetFloat64":  func(x *tensor.Tensor) { x.SetFloat64(make([]float64, 4)) },
	"Tensor.Slice":       func(x *tensor.Tensor) { x.Slice(0, 0, 1) },
	"Tensor.SliceStep":   func(x *tensor.Tensor) { x.SliceStep(0, 0, 1, 1) },
	"Tensor.String":      func(x *tensor.Tensor) { _ = x.String() },
	"Tensor.Part":        func(x *tensor.Tensor) { x.Part() },
	"Tensor.T":           func(x *tensor.Tensor) { x.T() },
	"Tensor.To":          func(x *tensor.Tensor) { x.To(tensor.CPU()) },
	"Tensor.Unsqueeze":   func(x *tensor.Tensor) { x.Unsqueeze(0) },
	"Scope.Adopt":        func(x *tensor.Tensor) { tensor.NewScope().Adopt(x) },
	"Stream.NormalInto":  func(x *tensor.Tensor) { tensor.NewStream(1, "").NormalInto(x) },
	"Stream.UniformInto": func(x *tensor.Tensor) { tensor.NewStream(1, "").UniformInto(x) },
	"AdamInto":           func(x *tensor.Tensor) { tensor.AdamInto(list(x), list(x), list(x), list(x), tensor.AdamParams{}) },
	"AverageInto":        func(x *tensor.Tensor) { tensor.AverageInto(list(x), list(x), 1) },
	"ClampInto":          func(x *tensor.Tensor) { tensor.ClampInto(list(x), 0, 1) },
	"Norm":               func(x *tensor.Tensor) { tensor.Norm(list(x)) },
	"EmptyLike":          func(x *tensor.Tensor) { tensor.EmptyLike(x) },
	"FullLike":           func(x *tensor.Tensor) { tensor.FullLike(x, 1, 3) },
	"ScalarLike":         func(x *tensor.Tensor) { tensor.ScalarLike(x, 1) },
	"AddScaledInto":      func(x *tensor.Tensor) { tensor.AddScaledInto(x, x, 1, x) },
	"LerpInto":           func(x *tensor.Tensor) { tensor.LerpInto(x, x, x, 1) },
	"Check":              func(x *tensor.Tensor) { tensor.Check("Check", x) },
	"Concat":             func(x *tensor.Tensor) { tensor.Concat(0, x) },
	"Conv2D":             func(x *tensor.Tensor) { tensor.Conv2D(x, x, nil, tensor.ConvParams{}, tensor.Activation{}) },
	"Conv2DInputGrad": func(x *tensor.Tensor) {
		tensor.Conv2DInputGrad(x, x, nil, 1, 1, tensor.ConvParams{}, tensor.Activation{})
	},
	"Conv2DWeightGrad":    func(x *tensor.Tensor) { tensor.Conv2DWeightGrad(x, x, 1, 1, tensor.ConvParams{}) },
	"Gather":              func(x *tensor.Tensor) { tensor.Gather(x, 0, tensor.Positions()) },
	"Linear":              func(x *tensor.Tensor) { tensor.Linear(x, x, nil, tensor.Activation{}) },
	"LinearAdd":           func(x *tensor.Tensor) { tensor.LinearAdd(x, x, nil, x, tensor.Activation{}) },
	"Activate":            func(x *tensor.Tensor) { tensor.Activate(x, tensor.Activation{}) },
	"ActivationGrad":      func(x *tensor.Tensor) { tensor.ActivationGrad(x, x, tensor.Activation{}) },
	"EpilogueGrad":        func(x *tensor.Tensor) { tensor.EpilogueGrad(x, x, tensor.Activation{}) },
	"InverseDeviation":    func(x *tensor.Tensor) { tensor.InverseDeviation(x, 1, 1) },
	"Standardise":         func(x *tensor.Tensor) { tensor.Standardise(x, x) },
	"StandardiseGrad":     func(x *tensor.Tensor) { tensor.StandardiseGrad(x, x, x) },
	"MatMul":              func(x *tensor.Tensor) { tensor.MatMul(x, x) },
	"MaxOver":             func(x *tensor.Tensor) { tensor.MaxOver(x) },
	"Pad":                 func(x *tensor.Tensor) { tensor.Pad(x, 0, 0, 1, 2) },
	"ScatterAdd":          func(x *tensor.Tensor) { tensor.ScatterAdd(x, 0, 2, tensor.Positions(0, 1)) },
	"ArgMax":              func(x *tensor.Tensor) { tensor.ArgMax(x, 0) },
	"Mean":                func(x *tensor.Tensor) { tensor.Mean(x) },
	"Std":                 func(x *tensor.Tensor) { tensor.Std(x) },
	"SumSquares":          func(x *tensor.Tensor) { tensor.SumSquares(x) },
	"Sum":                 func(x *tensor.Tensor) { tensor.Sum(x) },
	"SumTo":               func(x *tensor.Tensor) { tensor.SumTo(x, 2, 2) },
	"Where":               func(x *tensor.Tensor) { tensor.Where(x, x, x) },
	"MulAdd":              func(x *tensor.Tensor) { tensor.MulAdd(x, x, x) },
	"Tensor.Device":       nil, // these return properties that do not change with the scope
	"Tensor.Dim":          nil,
	"Tensor.DType":        nil,
	"Tensor.IsContiguous": nil,
	"Tensor.Len":          nil,
	"Tensor.Rank":         nil,
	"Tensor.SameShape":    nil,
	"Tensor.Scope":        nil,
	"Tensor.SeenFinite":   nil,
	"Tensor.Shape":        nil,
	"Tensor.Strides":      nil,
	"Tensor.Version":      nil,
}

// plain is the state of a %v.
type plain struct{ fmt.State }

func (plain) Precision() (int, bool) { return 0, false }

func init() {
	for name, c := range unaries {
		uses[name] = func(x *tensor.Tensor) { c.f(x) }
	}
	for name, c := range binaries {
		uses[name] = func(x *tensor.Tensor) { c.f(x, x) }
	}
}

// TestUsesAreComplete reads the package's source: an operation that is missing
// from uses would go without the tests below.
func TestUsesAreComplete(t *testing.T) {
	names, err := filepath.Glob("*.go")
	require.NoError(t, err)
	found := 0
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		require.NoError(t, err)
		for _, d := range file.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok || !f.Name.IsExported() {
				continue
			}
			name, takes := f.Name.Name, false
			fields := f.Type.Params.List
			if f.Recv != nil {
				fields = append(fields[:len(fields):len(fields)], f.Recv.List...)
				if star, ok := f.Recv.List[0].Type.(*ast.StarExpr); ok {
					name = star.X.(*ast.Ident).Name + "." + name
				}
			}
			for _, p := range fields {
				typ := p.Type
				if many, ok := typ.(*ast.Ellipsis); ok {
					typ = many.Elt
				}
				if list, ok := typ.(*ast.ArrayType); ok {
					typ = list.Elt
				}
				if star, ok := typ.(*ast.StarExpr); ok {
					id, ok := star.X.(*ast.Ident)
					takes = takes || ok && id.Name == "Tensor"
				}
			}
			if takes {
				_, ok := uses[name]
				require.True(t, ok, "%s takes a tensor and is not in uses", name)
				found++
			}
		}
	}
	require.Equal(t, len(uses), found, "uses has names that are gone")
}

// TestUseAfterClose: whatever is done with a tensor of a closed scope panics,
// in the operation's name, and so does what is done with its views.
func TestUseAfterClose(t *testing.T) {
	for name, use := range uses {
		if use == nil {
			continue
		}
		for kind, make := range map[string]func(s *tensor.Scope) *tensor.Tensor{
			"empty":   func(s *tensor.Scope) *tensor.Tensor { return s.Empty(tensor.CPU(), tensor.Float32, 2, 2) },
			"adopted": func(s *tensor.Scope) *tensor.Tensor { return s.Adopt(tensor.New(tensor.Float32, 2, 2)) },
			"result":  func(s *tensor.Scope) *tensor.Tensor { return tensor.Exp(s.Adopt(tensor.New(tensor.Float32, 2, 2))) },
			"view":    func(s *tensor.Scope) *tensor.Tensor { return s.Empty(tensor.CPU(), tensor.Float32, 2, 2).T() },
			"lent": func(s *tensor.Scope) *tensor.Tensor {
				return tensor.NewScope().Adopt(s.Empty(tensor.CPU(), tensor.Float32, 2, 2))
			},
		} {
			s := tensor.NewScope()
			x := make(s)
			s.Close()
			_ = s.Empty(tensor.CPU(), tensor.Float32, 2, 2) // so that the memory is in use again
			err := tensor.Catch(func() { use(x) })
			var lifetime *tensor.LifetimeError
			require.ErrorAs(t, err, &lifetime, "%s of %s", name, kind)
			op := strings.TrimPrefix(name, "Tensor.")
			if op == "Format" {
				op = "String"
			}
			require.EqualError(t, err, op+" of [2 2]: the tensor's scope was closed; call Keep before Close, or use it earlier")
			require.Equal(t, []int{2, 2}, x.Shape())
		}
	}
}

// TestOperandsOfTwoScopes may not meet, in any operation of several.
func TestOperandsOfTwoScopes(t *testing.T) {
	pair := func() (x, y *tensor.Tensor) {
		return tensor.NewScope().Adopt(tensor.New(tensor.Float32, 2, 2)), tensor.NewScope().Adopt(tensor.New(tensor.Float32, 2, 2))
	}
	calls := map[string]func(x, y *tensor.Tensor){
		"MatMul":        func(x, y *tensor.Tensor) { tensor.MatMul(x, y) },
		"Linear":        func(x, y *tensor.Tensor) { tensor.Linear(x, y, nil, tensor.Activation{}) },
		"LinearAdd":     func(x, y *tensor.Tensor) { tensor.LinearAdd(x, x, nil, y, tensor.Activation{}) },
		"Concat":        func(x, y *tensor.Tensor) { tensor.Concat(0, x, y) },
		"Where":         func(x, y *tensor.Tensor) { tensor.Where(x, x, y) },
		"MulAdd":        func(x, y *tensor.Tensor) { tensor.MulAdd(x, x, y) },
		"AddScaledInto": func(x, y *tensor.Tensor) { tensor.AddScaledInto(x, x, 1, y) },
		"LerpInto":      func(x, y *tensor.Tensor) { tensor.LerpInto(x, y, x, 1) },
		"AdamInto":      func(x, y *tensor.Tensor) { tensor.AdamInto(list(x), list(y), list(x), list(x), tensor.AdamParams{}) },
		"AverageInto":   func(x, y *tensor.Tensor) { tensor.AverageInto(list(x), list(y), 1) },
		"Check":         func(x, y *tensor.Tensor) { tensor.Check("Check", x, y) },
	}
	for name, c := range binaries {
		calls[name] = func(x, y *tensor.Tensor) { c.f(x, y) }
	}
	for name, call := range calls {
		x, y := pair()
		err := tensor.Catch(func() { call(x, y) })
		var lifetime *tensor.LifetimeError
		require.ErrorAs(t, err, &lifetime, name)
		require.ErrorContains(t, err, name+" of [2 2] and [2 2]")
		require.ErrorContains(t, err, "the operands live in different scopes; Keep one of them first")
		call(x.Keep(), y)
		// CopyFrom is how numbers get from one scope to another.
		x.CopyFrom(y)
	}
}

// TestResultsLiveInTheScope of their operands, and views too.
func TestResultsLiveInTheScope(t *testing.T) {
	s := tensor.NewScope()
	free := tensor.Full(tensor.Float32, 1, 2, 2)
	x := s.Adopt(free)
	for name, y := range map[string]*tensor.Tensor{
		"Adopt": x, "Add": tensor.Add(x, free), "Add reversed": tensor.Add(free, x), "Exp": tensor.Exp(x), "Sum": tensor.Sum(x),
		"MatMul": tensor.MatMul(free, x), "Linear": tensor.Linear(x, free, nil, tensor.TanhActivation()),
		"LinearAdd": tensor.LinearAdd(free, free, nil, x, tensor.TanhActivation()), "Gather": tensor.Gather(x, 0, tensor.Positions(0)),
		"ScatterAdd": tensor.ScatterAdd(x, 0, 3, tensor.Positions(0, 0)), "Pad": tensor.Pad(x, 0, 0, 1, 3), "Concat": tensor.Concat(0, free, x),
		"Where": tensor.Where(free, x, free), "Clone": x.Clone(), "Cast": x.Cast(tensor.Float64), "T": x.T(), "Slice": x.Slice(0, 0, 1),
		"Reshape": x.Reshape(4), "Reshape of T": x.T().Reshape(4), "BroadcastTo": x.BroadcastTo(3, 2, 2), "Unsqueeze": x.Unsqueeze(0),
		"EmptyLike": tensor.EmptyLike(x), "FullLike": tensor.FullLike(x, 1, 3), "ScalarLike": tensor.ScalarLike(x, 1), "Norm": tensor.Norm(list(free, x)),
		"To": x.To(device(t)), "Empty": s.Empty(tensor.CPU(), tensor.Float32, 2), "SumTo": tensor.SumTo(x, 2), "Contiguous": x.T().Contiguous(),
		"Conv2D": tensor.Conv2D(x.Reshape(1, 1, 2, 2), free.Reshape(1, 1, 2, 2), nil, tensor.ConvParams{}, tensor.Activation{}),
	} {
		require.Same(t, s, y.Scope(), name)
	}
	require.Nil(t, free.Scope())
	require.Nil(t, tensor.Exp(free).Scope())
	require.Nil(t, x.Keep().Scope())
	require.Nil(t, free.To(device(t)).Scope())
}

// TestScopeReusesMemory, and hands out nothing twice at a time.
func TestScopeReusesMemory(t *testing.T) {
	s := tensor.NewScope()
	make := func() (x, y *tensor.Tensor) {
		x = s.Empty(tensor.CPU(), tensor.Float32, 10, 10)
		return x, s.Empty(tensor.CPU(), tensor.Float32, 10, 10)
	}
	x, y := make()
	x.Fill(1)
	y.Fill(2)
	require.Equal(t, 1.0, x.At(9, 9))
	for range 3 {
		s.Close()
		x, y = make()
		v := x.At(9, 9)
		require.True(t, v == 1 || v == 2 || math.IsNaN(v), "%v is not left over from the step before", v)
		x.Fill(1)
		y.Fill(2)
		require.Equal(t, 1.0, x.At(9, 9))
	}
}

// TestScopedResultsAreTheSame: whatever memory holds before, results do not
// depend on it.
func TestScopedResultsAreTheSame(t *testing.T) {
	s := tensor.NewScope()
	r := tensor.NewStream(1, "test")
	x, w := r.Normal(tensor.Float32, 5, 7), r.Normal(tensor.Float32, 7, 7)
	step := func(x *tensor.Tensor) []float64 {
		y := tensor.Linear(x, w, nil, tensor.TanhActivation())
		z := tensor.Concat(0, tensor.MatMul(y, w.T()), tensor.Pad(y, 0, 1, 2, 12), tensor.ScatterAdd(y, 0, 2, tensor.Positions(0, 1, 1, 0, 1)))
		return tensor.Concat(0, tensor.Sum(z, 0), tensor.MaxOver(z, 0), tensor.Gather(z.T().Contiguous(), 1, tensor.Positions(3)).Reshape(7)).Float64s()
	}
	want := step(x)
	for range 3 {
		require.Equal(t, want, step(s.Adopt(x)))
		for range 20 {
			s.Empty(tensor.CPU(), tensor.Float32, 84).Fill(math.NaN())
		}
		s.Close()
	}
}

func TestKeepOutlivesTheScope(t *testing.T) {
	s := tensor.NewScope()
	kept := tensor.Scale(s.Adopt(tensor.Full(tensor.Float32, 2, 3)), 3).Keep()
	s.Close()
	s.Empty(tensor.CPU(), tensor.Float32, 3).Fill(0)
	require.Equal(t, []float64{6, 6, 6}, kept.Float64s())
}

// TestAdoptedTensorSurvives: closing a scope does not take what it borrowed.
func TestAdoptedTensorSurvives(t *testing.T) {
	s := tensor.NewScope()
	x := tensor.Full(tensor.Float32, 2, 3)
	s.Adopt(x).Fill(5)
	require.Equal(t, uint32(1), x.Version(), "an adopted tensor is a view")
	s.Close()
	require.Equal(t, []float64{5, 5, 5}, x.Float64s())
}

// TestScopeOnAnotherDevice: buffers go back to the device that they came from.
func TestScopeOnAnotherDevice(t *testing.T) {
	s, ref := tensor.NewScope(), device(t)
	for range 3 {
		x := s.Empty(ref, tensor.Float64, 8)
		y := s.Empty(tensor.CPU(), tensor.Float64, 8)
		z := s.Empty(tensor.CPU(), tensor.Float32, 8)
		require.Same(t, ref, x.Device())
		require.Same(t, tensor.CPU(), y.Device())
		require.Equal(t, tensor.Float32, z.DType())
		for _, u := range []*tensor.Tensor{x, y, z} {
			u.Fill(3)
			require.Equal(t, 24.0, tensor.Sum(u).Item())
		}
		s.Close()
	}
}
