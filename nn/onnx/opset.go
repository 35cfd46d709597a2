package onnx

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/gander-ml/gander/internal/excerpt"
	"github.com/gander-ml/gander/nn"
	"github.com/gander-ml/gander/tensor"
)

//go:generate sh -c "python3 ../../bench/onnx/opsets.py | gofmt > opsets.go"

// version is what an operator takes from a version of the operator set on.
type version struct {
	since                int
	minInputs, maxInputs int    // 0 and 0: the operator has been removed
	types                string // element types that the first input may have: f, d and i are float32, float64 and int64
	required, optional   string // attributes
}

// The versions of the operator set that a file may declare. From firstOpset on,
// constants need not be inputs as well; lastOpset is the last in the table.
const (
	firstOpset = 9
	lastOpset  = 21
)

// meaning has operators whose meaning has changed while what they take has not: the
// version from which on it is today's.
var meaning = map[string]int{"Softmax": 13, "LogSoftmax": 13, "Hardmax": 13}

// irVersion is the version of the file format that came with an operator set.
func irVersion(opset int) int {
	for i, last := range []int{9, 10, 11, 14, 18, 20} {
		if opset <= last {
			return 4 + i
		}
	}
	return 10
}

// smallestOpset returns the smallest version of the operator set that has all the
// operations in the form in which the nodes have them.
func smallestOpset(nodes []*nn.Node, dtype tensor.DType) (int, error) {
	for opset := firstOpset; opset <= lastOpset; opset++ {
		if !slices.ContainsFunc(nodes, func(n *nn.Node) bool { return !inOpset(n, dtype, opset) }) {
			return opset, nil
		}
	}
	for _, n := range nodes {
		if operators[n.Op] == nil {
			return 0, fmt.Errorf("%s: %s is not an operator that ONNX has from version %d on", excerpt.Name(n.Name), excerpt.Quote(n.Op), firstOpset)
		}
		fits := func(opset int) bool { return inOpset(n, dtype, opset) }
		if !slices.ContainsFunc(opsets(), fits) {
			return 0, fmt.Errorf("%s: no version of %s up to %d takes %d inputs of this type and the attributes %v",
				excerpt.Name(n.Name), n.Op, lastOpset, len(n.Inputs), slices.Sorted(maps.Keys(n.Attrs)))
		}
	}
	return 0, fmt.Errorf("no version of the operator set up to %d has all the operations in the forms that they have here", lastOpset)
}

func opsets() []int {
	var out []int
	for opset := firstOpset; opset <= lastOpset; opset++ {
		out = append(out, opset)
	}
	return out
}

// inOpset reports whether a version of the operator set has an operation in the
// form that it has in a node.
func inOpset(n *nn.Node, dtype tensor.DType, opset int) bool {
	v, ok := formAt(n.Op, opset)
	if !ok || opset < meaning[n.Op] {
		return false
	}
	n = inFormOf(n, v)
	if len(n.Inputs) < v.minInputs || len(n.Inputs) > v.maxInputs {
		return false
	}
	if len(n.Inputs) > 0 && n.Inputs[0] != nil && !strings.Contains(v.types, typeOf(n.Inputs[0], dtype)) {
		return false
	}
	known := append(strings.Fields(v.required), strings.Fields(v.optional)...)
	for name := range n.Attrs {
		if !slices.Contains(known, name) {
			return false
		}
	}
	return !slices.ContainsFunc(strings.Fields(v.required), func(name string) bool { return n.Attrs[name] == nil })
}

// typeOf is the letter of a value's element type.
func typeOf(v *nn.Value, dtype tensor.DType) string {
	if v.Const != nil {
		dtype = v.Const.DType()
	}
	switch {
	case v.Whole:
		return "i"
	case dtype == tensor.Float64:
		return "d"
	}
	return "f"
}

// formAt returns an operator's form in a version of the operator set.
func formAt(op string, opset int) (v version, ok bool) {
	for _, form := range operators[op] {
		if form.since <= opset {
			v = form
		}
	}
	return v, v.maxInputs > 0
}

// inFormOf returns the node in the form of an operator's version: in some, the axes
// or the padding that were an attribute are the second input.
func inFormOf(n *nn.Node, v version) *nn.Node {
	for _, name := range []string{"axes", "pads"} {
		numbers, has := n.Attrs[name].([]int)
		if !has || slices.Contains(strings.Fields(v.required+" "+v.optional), name) || len(n.Inputs) != 1 || v.maxInputs < 2 {
			continue
		}
		moved := *n
		moved.Attrs = maps.Clone(n.Attrs)
		delete(moved.Attrs, name)
		moved.Inputs = append(slices.Clone(n.Inputs), &nn.Value{Name: n.Name + "." + name, Shape: []int{len(numbers)}, Whole: true, Ints: numbers})
		return &moved
	}
	return n
}
