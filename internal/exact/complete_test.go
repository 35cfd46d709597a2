package exact_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/internal/op"
)

// elsewhere are functions that no row is needed for, and why.
var elsewhere = map[string]string{
	"Activate": "Tanh, Sigmoid, ReLU and LeakyReLU are short for it",
	"Where":    "it computes nothing",
	"MaxOver":  "it computes nothing",
	"None":     "it computes nothing",
	"Sign":     "it computes nothing",
	"Greater":  "it computes nothing", "GreaterEqual": "it computes nothing", "Equal": "it computes nothing",
	"PReLU":     "its product is rounded as it stands",
	"AddScaled": "its sum and product are rounded as they stand", "Lerp": "its operations are rounded as they stand",
}

// notElementwise are the files of autograd without functions of each element.
var notElementwise = []string{"check", "conv", "doc", "errors", "grad", "matmul", "op", "reduce", "shape", "trace", "var"}

// gradients are codes that the derivative of another row computes.
var gradients = map[string]string{"TanhGrad": "Tanh", "SigmoidGrad": "Sigmoid", "SoftplusGrad": "Softplus", "ReLUGrad": "ReLU",
	"LeakyReLUGrad": "LeakyReLU", "GELUGrad": "GELU", "ELUGrad": "ELU", "Gauss": "Erf", "PowScalar": "Pow 1.7"}

// exported lists what a file declares: functions for which keep is true, or types
// with a method of that name.
func exported(t *testing.T, path string, keep func(f *ast.FuncDecl) bool) (names []string) {
	file, err := parser.ParseFile(token.NewFileSet(), filepath.Join("../..", path), nil, parser.SkipObjectResolution)
	require.NoError(t, err)
	for _, d := range file.Decls {
		if f, ok := d.(*ast.FuncDecl); ok && keep(f) {
			names = append(names, f.Name.Name)
		}
	}
	require.NotEmpty(t, names, path)
	return names
}

// TestComplete: every function of each element, activation, loss and objective
// has a row.
func TestComplete(t *testing.T) {
	has := func(name string) bool {
		if elsewhere[name] != "" {
			return true
		}
		if of, ok := gradients[name]; ok {
			name = of
		}
		return slices.ContainsFunc(rows, func(r row) bool { return r.name == name || strings.HasPrefix(r.name, name+" ") })
	}
	function := func(f *ast.FuncDecl) bool { return f.Recv == nil && f.Name.IsExported() }
	var names []string
	files, err := filepath.Glob("../../autograd/*.go")
	require.NoError(t, err)
	for _, file := range files {
		if base := filepath.Base(file); !strings.HasSuffix(base, "_test.go") && !slices.Contains(notElementwise, strings.TrimSuffix(base, ".go")) {
			names = append(names, exported(t, "autograd/"+base, function)...)
		}
	}
	names = append(names, exported(t, "nn/activation.go", function)...)
	names = append(names, exported(t, "nn/loss.go", function)...)
	for f := range op.NumUnary {
		names = append(names, f.String())
	}
	for f := range op.NumBinary {
		names = append(names, f.String())
	}
	for _, name := range names {
		assert.True(t, has(name), "%s has no row in rows_test.go", name)
	}
	file, err := parser.ParseFile(token.NewFileSet(), "../../gan/objective.go", nil, parser.SkipObjectResolution)
	require.NoError(t, err)
	objectives := 0
	ast.Inspect(file, func(n ast.Node) bool {
		f, ok := n.(*ast.FuncDecl)
		if !ok || f.Recv == nil || f.Name.Name != "Name" {
			return true
		}
		objectives++
		literal := f.Body.List[0].(*ast.ReturnStmt).Results[0].(*ast.BasicLit).Value
		name := strings.Trim(literal, `"`)
		assert.True(t, has(name), "%s has no row in rows_test.go", name)
		return true
	})
	assert.NotZero(t, objectives)
	for name := range bounds {
		assert.True(t, slices.ContainsFunc(rows, func(r row) bool { return r.name == name }), "bounds of %s, which is no row", name)
	}
}
