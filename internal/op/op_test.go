package op

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// constants returns the names of the constants of each type, in order.
func constants(t *testing.T) map[string][]string {
	file, err := parser.ParseFile(token.NewFileSet(), "op.go", nil, 0)
	require.NoError(t, err)
	names := map[string][]string{}
	for _, d := range file.Decls {
		block, ok := d.(*ast.GenDecl)
		if !ok || block.Tok != token.CONST {
			continue
		}
		family := block.Specs[0].(*ast.ValueSpec).Type.(*ast.Ident).Name
		for _, s := range block.Specs {
			names[family] = append(names[family], s.(*ast.ValueSpec).Names[0].Name)
		}
	}
	return names
}

// Each code prints as the constant is called.
func TestNames(t *testing.T) {
	want := constants(t)
	got := map[string][]string{}
	for f := range NumUnary {
		got["Unary"] = append(got["Unary"], f.String())
	}
	for f := range NumBinary {
		got["Binary"] = append(got["Binary"], f.String())
	}
	for f := range NumReduce {
		got["Reduce"] = append(got["Reduce"], f.String())
	}
	for family, names := range got {
		assert.Equal(t, append(names, "Num"+family), want[family])
	}
	assert.Equal(t, "Unary(200)", fmt.Sprint(Unary(200)))
	assert.Equal(t, "Reduce(200)", fmt.Sprint(Reduce(200)))
}

// The gradient that belongs to a function is called after it; of the Grad
// family, Softplus's, GELU's and ELU's take the function's argument instead of its
// value.
func TestGrad(t *testing.T) {
	var got []string
	for f := range NumUnary {
		if g, ok := f.Grad(); ok {
			assert.Equal(t, f.String()+"Grad", g.String())
			got = append(got, g.String())
		}
	}
	var want []string
	for _, name := range constants(t)["Binary"] {
		if strings.HasSuffix(name, "Grad") && name != "SoftplusGrad" && name != "GELUGrad" && name != "ELUGrad" {
			want = append(want, name)
		}
	}
	assert.Equal(t, want, got)
	_, ok := Unary(200).Grad()
	assert.False(t, ok)
}
