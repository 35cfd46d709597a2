package autograd_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/autograd"
	"github.com/gander-ml/gander/internal/optest"
	"github.com/gander-ml/gander/tensor"
)

// Every operation, against its definition and finite differences.
func TestTable(t *testing.T) { optest.Run(t, optest.Autograd()) }

// A function without a row in the table is a failure, and so is a row without a
// function.
func TestEveryFunctionHasARow(t *testing.T) {
	functions, err := optest.Functions(".")
	require.NoError(t, err)
	rows := map[string]bool{}
	for _, r := range optest.Autograd() {
		name, _, _ := strings.Cut(r.Name, "/")
		rows[name] = true
		assert.Contains(t, functions, name, "internal/optest has a row for it, and this package no such function")
	}
	for _, name := range functions {
		assert.True(t, rows[name], "%s has no row in internal/optest", name)
	}
}

// The rows' graphs, to the second order, pass through every type that has a
// derivative rule, unexported derivatives included.
func TestEveryRuleIsReached(t *testing.T) {
	types, err := optest.OpTypes(".")
	require.NoError(t, err)
	require.Greater(t, len(types), 30)
	reached := map[string]bool{}
	for _, r := range optest.Autograd() {
		for _, sample := range r.Samples() {
			var leaves []*autograd.Var
			for _, x := range sample {
				leaves = append(leaves, autograd.Leaf(x.Tensor(tensor.Float64)))
			}
			y := r.F(leaves)
			autograd.OpTypes(y, reached)
			for _, g := range autograd.Grad(autograd.Sum(autograd.Square(y)), leaves, autograd.Opts{CreateGraph: true}) {
				autograd.OpTypes(g, reached)
			}
		}
	}
	for _, name := range types {
		assert.True(t, reached[name], "no row of internal/optest gets to the rule of %s", name)
	}
}
