package nn_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/autograd"
	"github.com/gander-ml/gander/internal/optest"
	"github.com/gander-ml/gander/nn"
	"github.com/gander-ml/gander/tensor"
)

// module is the row of a module, whose inputs are the module's and the values
// of its parameters. build makes it for inputs of the given shapes.
func module(name string, build func(shapes [][]int) nn.Module, ref func([]optest.Array) optest.Array, shapes ...string) optest.Row {
	return optest.Row{
		Name: name,
		F: func(xs []*autograd.Var) *autograd.Var {
			var shapes [][]int
			for _, x := range xs {
				shapes = append(shapes, x.Shape())
			}
			m := build(shapes)
			return m.Forward(&nn.Ctx{Weights: nn.With(m, xs[1:])}, xs[0])
		},
		Ref:       ref,
		Shapes:    shapes,
		Composite: true,
	}
}

// activations are the modules that act on each element, and what they compute.
var activations = []struct {
	name   string
	module nn.Module
	f      func(x float64) float64
}{
	{"Tanh", nn.Tanh(), math.Tanh},
	{"ReLU", nn.ReLU(), func(x float64) float64 { return max(x, 0) }},
	{"Sigmoid", nn.Sigmoid(), func(x float64) float64 { return 1 / (1 + math.Exp(-x)) }},
	{"Softplus", nn.Softplus(), softplus},
	{"LeakyReLU", nn.LeakyReLU(0.2), leaky(0.2)},
	{"LeakyReLU/0", nn.LeakyReLU(0), leaky(0)},
	{"LeakyReLU/negative", nn.LeakyReLU(-0.5), leaky(-0.5)},
}

func softplus(x float64) float64 { return max(x, 0) + math.Log1p(math.Exp(-math.Abs(x))) }

func leaky(slope float64) func(x float64) float64 {
	return func(x float64) float64 {
		if x > 0 {
			return x
		}
		return slope * x
	}
}

// linearRow is a linear layer, alone or with an activation after it.
func linearRow(name string, bias bool, act []nn.Module, f func(x float64) float64) optest.Row {
	r := module(name, func(shapes [][]int) nn.Module {
		var opts []nn.LinearOption
		if !bias {
			opts = append(opts, nn.NoBias())
		}
		return nn.Sequential(append([]nn.Module{nn.Linear(shapes[1][1], shapes[1][0], opts...)}, act...)...)
	}, func(xs []optest.Array) optest.Array {
		x, w := xs[0], xs[1]
		last := len(x.Shape) - 1
		return optest.Build(append(slices.Clone(x.Shape[:last]), w.Shape[0]), func(index []int) float64 {
			sum := 0.0
			for k := range x.Shape[last] {
				sum += x.At(append(slices.Clone(index[:last]), k)...) * w.At(index[last], k)
			}
			if bias {
				sum += xs[2].At(index[last])
			}
			return f(sum)
		})
	})
	for _, s := range [][3]string{{"[2 3]", "[4 3]", "[4]"}, {"[1 1]", "[1 1]", "[1]"}, {"[3]", "[4 3]", "[4]"}, {"[2 2 3]", "[4 3]", "[4]"},
		{"[5 37]", "[18 37]", "[18]"}, {"[0 3]", "[2 3]", "[2]"}, {"[2 0 3]", "[4 3]", "[4]"}} {
		shapes := s[0] + " " + s[1]
		if bias {
			shapes += " " + s[2]
		}
		r.Shapes = append(r.Shapes, shapes)
	}
	r.Domain, r.Tol32 = []optest.Domain{{Lo: -1, Hi: 1}}, 5e-6
	return r
}

func moduleRows() []optest.Row {
	same := func(x float64) float64 { return x }
	rows := []optest.Row{linearRow("Linear", true, nil, same), linearRow("Linear/no bias", false, nil, same)}
	for _, a := range activations {
		alone := module(a.name, func([][]int) nn.Module { return a.module }, optest.Map(a.f), "[]", "[2 3]", "[2 1 3 2]", "[0 3]", "[2 150]")
		alone.Domain = []optest.Domain{{Lo: -2, Hi: 2, Kinks: []float64{0}}}
		// After a linear layer both run as one operation, unless something
		// comes between. The table of package autograd tries more shapes.
		fused := linearRow("Sequential/"+a.name, true, []nn.Module{a.module}, a.f)
		apart := linearRow("Sequential/"+a.name+"/apart", true, []nn.Module{nn.Sequential(a.module)}, a.f)
		fused.Shapes, apart.Shapes = fused.Shapes[:4], apart.Shapes[:1]
		rows = append(rows, alone, fused, apart)
	}
	// Row-major order stays.
	reshaped := func(dims func(n, features int) []int) func(xs []optest.Array) optest.Array {
		return func(xs []optest.Array) optest.Array {
			features := 1
			for _, d := range xs[0].Shape[1:] {
				features *= d
			}
			return optest.Array{Shape: dims(xs[0].Shape[0], features), Data: xs[0].Data}
		}
	}
	flatten := module("Flatten", func([][]int) nn.Module { return nn.Flatten() },
		reshaped(func(n, features int) []int { return []int{n, features} }), "[2 3]", "[2 3 2 2]", "[4]", "[0 3 2]", "[2 0]")
	flatten.Misuse = []optest.Misuse{{Shapes: "[]", Says: "there is no batch axis"}}
	reshape := module("Reshape", func([][]int) nn.Module { return nn.Reshape(2, -1) },
		reshaped(func(n, features int) []int { return []int{n, 2, features / 2} }), "[2 4]", "[2 3 2 2]", "[0 6]", "[2 0]")
	reshape.Misuse = []optest.Misuse{{Shapes: "[]", Says: "there is no batch axis"}, {Shapes: "[2 3]", Says: "3 features do not fill the shape"}}
	return append(rows, flatten, reshape, fourierRow())
}

// fourierRow has frequencies that nobody would choose, so that none is 0.
func fourierRow() optest.Row {
	frequencies := func(in int) [][]float64 {
		out := make([][]float64, 5)
		for i := range out {
			for k := range in {
				out[i] = append(out[i], 0.3-0.17*float64(i)+0.11*float64(k))
			}
		}
		return out
	}
	r := module("FourierFeatures", func(shapes [][]int) nn.Module {
		return nn.FourierFeatures(frequencies(shapes[0][1]))
	}, func(xs []optest.Array) optest.Array {
		x := xs[0]
		n, in := x.Shape[0], x.Shape[1]
		return optest.Build([]int{n, in + 10}, func(index []int) float64 {
			wave := index[1] - in
			if wave < 0 {
				return x.At(index...)
			}
			phase := 0.0
			for k, f := range frequencies(in)[wave%5] {
				phase += 2 * math.Pi * f * x.At(index[0], k)
			}
			if wave < 5 {
				return math.Sin(phase)
			}
			return math.Cos(phase)
		})
	}, "[2 2]", "[1 1]", "[3 4]", "[40 2]", "[0 2]")
	r.Misuse = []optest.Misuse{
		{Shapes: "[2 3]", Says: "does not fit the frequencies", F: func(xs []*autograd.Var) *autograd.Var {
			return nn.FourierFeatures(frequencies(2)).Forward(nil, xs[0])
		}},
		{Shapes: "[2]", Says: "does not fit the frequencies", F: func(xs []*autograd.Var) *autograd.Var {
			return nn.FourierFeatures(frequencies(2)).Forward(nil, xs[0])
		}},
		{Shapes: "[2 2]", Says: "there are no frequencies", F: func([]*autograd.Var) *autograd.Var { nn.FourierFeatures(nil); return nil }},
		{Shapes: "[2 2]", Says: "a frequency has no component", F: func([]*autograd.Var) *autograd.Var {
			nn.FourierFeatures([][]float64{{1, 2}, {1}})
			return nil
		}},
	}
	return r
}

// lossRows are a loss with each reduction. terms is its definition.
func lossRows(name string, loss func(xs []*autograd.Var, r ...nn.Reduction) *autograd.Var, terms func([]optest.Array) optest.Array, r optest.Row) []optest.Row {
	r.Composite = true
	mean, sum, none := r, r, r
	mean.Name, sum.Name, none.Name = name, name+"/sum", name+"/none"
	mean.F = func(xs []*autograd.Var) *autograd.Var { return loss(xs) }
	sum.F = func(xs []*autograd.Var) *autograd.Var { return loss(xs, nn.ReduceSum) }
	none.F = func(xs []*autograd.Var) *autograd.Var { return loss(xs, nn.ReduceNone) }
	none.Ref = terms
	sum.Ref = func(xs []optest.Array) optest.Array {
		return optest.Fold(terms(xs), nil, 0, func(acc, v float64) float64 { return acc + v })
	}
	mean.Ref = func(xs []optest.Array) optest.Array {
		total := sum.Ref(xs)
		total.Data[0] /= float64(len(terms(xs).Data))
		return total
	}
	sum.Tol32 = 2e-5 // of a sum that is not near 1
	sum.Kinks, none.Kinks = nil, nil
	return []optest.Row{mean, sum, none}
}

// classes are some class for each of n rows.
func classes(n, c int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = (2*i + 1) % c
	}
	return out
}

func allLossRows() []optest.Row {
	pair := func(f func(x, t *autograd.Var, r ...nn.Reduction) *autograd.Var) func([]*autograd.Var, ...nn.Reduction) *autograd.Var {
		return func(xs []*autograd.Var, r ...nn.Reduction) *autograd.Var { return f(xs[0], xs[1], r...) }
	}
	shapes := []string{"[2 3] [2 3]", "[] []", "[4 1] [4 1]", "[2 1 3 2] [2 1 3 2]", "[2 37] [2 37]"}
	differ := []optest.Misuse{{Shapes: "[3 1] [3]", Says: "differ in shape"}, {Shapes: "[] [1]", Says: "differ in shape"}, {Shapes: "[2 3] [3]", Says: "differ in shape"}}
	anywhere, probability := optest.Domain{Lo: -2, Hi: 2}, optest.Domain{Lo: 0.1, Hi: 0.9}
	row := func(domains ...optest.Domain) optest.Row {
		return optest.Row{Shapes: shapes, Misuse: differ, Domain: domains}
	}

	l1 := row(optest.Domain{Lo: -2, Hi: -0.1}, optest.Domain{Lo: 0.1, Hi: 2})
	l1.Kinks = []optest.Kink{{In: [][]float64{{1, 2, 3, 0}, {1, 1, 4, 0}}, Grad: [][]float64{{0, 0.25, -0.25, 0}, {0, -0.25, 0.25, 0}}}}

	logSoftmax := func(x optest.Array, i, k int) float64 {
		top, sum := -math.MaxFloat64, 0.0
		for j := range x.Shape[1] {
			top = max(top, x.At(i, j))
		}
		top = min(top, math.MaxFloat64)
		for j := range x.Shape[1] {
			sum += math.Exp(x.At(i, j) - top)
		}
		return x.At(i, k) - top - math.Log(sum)
	}
	soft := row(anywhere, probability)
	soft.Shapes = []string{"[2 3] [2 3]", "[1 1] [1 1]", "[3 37] [3 37]"}
	soft.Misuse = append([]optest.Misuse{{Shapes: "[3] [3]", Says: "the rank is 1"}}, differ...)
	hard := row(anywhere)
	hard.Shapes = []string{"[2 3]", "[1 1]", "[3 37]"}
	hard.Misuse = []optest.Misuse{
		{Shapes: "[2 3]", Says: "class 3 of 3", F: func(xs []*autograd.Var) *autograd.Var { return nn.CrossEntropyLoss(xs[0], []int{0, 3}) }},
		{Shapes: "[2 3]", Says: "class -1 of 3", F: func(xs []*autograd.Var) *autograd.Var { return nn.CrossEntropyLoss(xs[0], []int{-1, 0}) }},
		{Shapes: "[2 3]", Says: "do not fit", F: func(xs []*autograd.Var) *autograd.Var { return nn.CrossEntropyLoss(xs[0], []int{0}) }},
		{Shapes: "[2]", Says: "do not fit", F: func(xs []*autograd.Var) *autograd.Var { return nn.CrossEntropyLoss(xs[0], []int{0, 0}) }},
	}
	return slices.Concat(
		lossRows("BCELoss", pair(nn.BCELoss), optest.Zip(func(p, t float64) float64 {
			return -(t*max(math.Log(p), -100) + (1-t)*max(math.Log(1-p), -100))
		}), row(probability)),
		lossRows("BCEWithLogitsLoss", pair(nn.BCEWithLogitsLoss), optest.Zip(func(x, t float64) float64 {
			return t*softplus(-x) + (1-t)*softplus(x)
		}), row(anywhere, probability)),
		lossRows("MSELoss", pair(nn.MSELoss), optest.Zip(func(x, t float64) float64 { return (x - t) * (x - t) }), row(anywhere)),
		lossRows("L1Loss", pair(nn.L1Loss), optest.Zip(func(x, t float64) float64 { return math.Abs(x - t) }), l1),
		lossRows("SoftCrossEntropyLoss", pair(nn.SoftCrossEntropyLoss), func(xs []optest.Array) optest.Array {
			return optest.Build(xs[0].Shape[:1], func(index []int) float64 {
				sum := 0.0
				for k := range xs[0].Shape[1] {
					sum -= xs[1].At(index[0], k) * logSoftmax(xs[0], index[0], k)
				}
				return sum
			})
		}, soft),
		lossRows("CrossEntropyLoss", func(xs []*autograd.Var, r ...nn.Reduction) *autograd.Var {
			return nn.CrossEntropyLoss(xs[0], classes(xs[0].Shape()[0], xs[0].Shape()[1]), r...)
		}, func(xs []optest.Array) optest.Array {
			return optest.Build(xs[0].Shape[:1], func(index []int) float64 {
				return -logSoftmax(xs[0], index[0], classes(xs[0].Shape[0], xs[0].Shape[1])[index[0]])
			})
		}, hard))
}

// Every module and loss, against its definition and finite differences.
func TestTable(t *testing.T) { optest.Run(t, slices.Concat(moduleRows(), layerRows(), allLossRows())) }

// TestEveryoneHasARow: a module or a loss without a row is a failure, and so is a
// registered kind.
func TestEveryoneHasARow(t *testing.T) {
	rows := map[string]bool{}
	for _, r := range slices.Concat(moduleRows(), layerRows(), allLossRows()) {
		name, _, _ := strings.Cut(r.Name, "/")
		rows[name] = true
	}
	names, err := optest.Functions(".")
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(names), 6) // losses
	files, err := os.ReadDir(".")
	require.NoError(t, err)
	for _, entry := range files {
		if !strings.HasSuffix(entry.Name(), ".go") || strings.HasSuffix(entry.Name(), "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), entry.Name(), nil, 0)
		require.NoError(t, err)
		for _, d := range file.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok || f.Recv != nil || !f.Name.IsExported() || f.Type.Results == nil || len(f.Type.Results.List) != 1 {
				continue
			}
			if result, ok := f.Type.Results.List[0].Type.(*ast.Ident); ok && result.Name == "Module" {
				names = append(names, f.Name.Name)
			}
		}
	}
	require.GreaterOrEqual(t, len(names), 46)
	names = append(names, slices.DeleteFunc(nn.Kinds(), func(kind string) bool { return ownKinds[kind] })...)
	for _, name := range names {
		assert.True(t, rows[name], "%s has no row", name)
	}
}

// TestNetworkDerivatives: modules together, among them one that comes twice and
// collects both gradients.
func TestNetworkDerivatives(t *testing.T) {
	twice := nn.Linear(3, 3)
	for _, c := range []struct {
		m     nn.Module
		input []int
	}{
		{nn.Sequential(twice, nn.Tanh(), twice), []int{2, 3}},
		{nn.Sequential(nn.Linear(4, 6), nn.Tanh(), nn.Reshape(2, 3), nn.Linear(3, 3), nn.Sigmoid(), nn.Flatten(),
			nn.Sequential(nn.Linear(6, 2), nn.Softplus())), []int{3, 4}},
	} {
		nn.Init(c.m, 1, tensor.Float64, tensor.CPU())
		xs := []*tensor.Tensor{tensor.NewStream(1, "input").Normal(tensor.Float64, c.input...)}
		for _, p := range nn.Params(c.m) {
			xs = append(xs, p.Param.Value())
		}
		require.NoError(t, autograd.Check(func(vs []*autograd.Var) *autograd.Var {
			return c.m.Forward(&nn.Ctx{Weights: nn.With(c.m, vs[1:])}, vs[0])
		}, xs, autograd.CheckOptions{}))
	}
}
