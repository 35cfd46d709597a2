package onnx

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"unicode/utf8"

	"github.com/gander-ml/gander/internal/atomicfile"
	"github.com/gander-ml/gander/internal/excerpt"
	"github.com/gander-ml/gander/nn"
	"github.com/gander-ml/gander/tensor"
)

// Save makes path an ONNX file of a graph. The file is written whole or not at all.
// It fails as [Write] does.
func Save(path string, g *nn.Graph) error {
	m, err := model(g)
	if err != nil {
		return fmt.Errorf("onnx: saving %s: %w", path, err)
	}
	return atomicfile.Write(path, func(w io.Writer) error { return write(w, m) })
}

// Write is [Save] to a stream. It is an error, before anything is written, if two
// values have the same name, if no version of the operator set has all the
// operations, and if the file would have 2 GiB or more, which protocol buffers
// cannot have.
func Write(w io.Writer, g *nn.Graph) error {
	m, err := model(g)
	if err == nil {
		err = write(w, m)
	}
	if err != nil {
		return fmt.Errorf("onnx: writing a graph: %w", err)
	}
	return nil
}

// write returns the error of the stream, or of a device that holds weights.
func write(w io.Writer, m message) (err error) {
	failure := tensor.Catch(func() { err = m.writeTo(w) })
	return cmp.Or(err, failure)
}

// maxSize is the number of bytes that a message can have.
const maxSize = 1<<31 - 1

// Fields of the messages of ONNX (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto).
const (
	modelIRVersion, modelProducer, modelGraph, modelOpset, modelMetadata = 1, 2, 7, 8, 14

	opsetVersion = 2

	entryKey, entryValue = 1, 2

	graphNode, graphName, graphInitializer, graphInput, graphOutput = 1, 2, 5, 11, 12

	nodeInput, nodeOutput, nodeName, nodeOp, nodeAttribute = 1, 2, 3, 4, 5

	attributeName, attributeFloat, attributeInt, attributeString, attributeInts, attributeType = 1, 2, 3, 4, 8, 20

	tensorDims, tensorType, tensorName, tensorRaw = 1, 2, 8, 9

	valueName, valueType = 1, 2

	typeTensor, tensorTypeElement, tensorTypeShape = 1, 1, 2

	shapeDim, dimValue, dimParam = 1, 1, 2
)

// Numbers of element types and of types of attributes.
const (
	elementFloat32, elementInt64, elementFloat64 = 1, 7, 11

	isFloat, isInt, isString, isInts = 1, 2, 3, 7
)

// model returns the message of a file.
func model(g *nn.Graph) (m message, err error) {
	if caught := tensor.Catch(func() { m, err = modelOf(g) }); caught != nil {
		err = caught
	}
	if err == nil && m.size > maxSize {
		err = fmt.Errorf("the file would have %d bytes, and an ONNX file has at most %d", m.size, maxSize)
	}
	return m, err
}

func modelOf(g *nn.Graph) (m message, err error) {
	if g == nil || len(g.Inputs) == 0 || len(g.Outputs) == 0 {
		return m, errors.New("the graph has no inputs and outputs; nn.Export makes one that has")
	}
	nodes := folded(g.Nodes, g.Outputs)
	opset, err := smallestOpset(nodes, g.DType)
	if err != nil {
		return m, err
	}
	for i, n := range nodes {
		v, _ := formAt(n.Op, opset)
		nodes[i] = inFormOf(n, v)
	}
	graph, err := graphOf(g, nodes)
	if err != nil {
		return m, err
	}
	m.number(modelIRVersion, irVersion(opset))
	m.text(modelProducer, "gander")
	m.message(modelGraph, graph)
	var set message
	set.number(opsetVersion, opset)
	m.message(modelOpset, set)
	for _, key := range slices.Sorted(maps.Keys(g.Notes)) {
		if !utf8.ValidString(key) || !utf8.ValidString(g.Notes[key]) {
			return m, fmt.Errorf("the note %s is not valid UTF-8", excerpt.Quote(key))
		}
		var entry message
		entry.text(entryKey, key)
		entry.text(entryValue, g.Notes[key])
		m.message(modelMetadata, entry)
	}
	return m, nil
}

func graphOf(g *nn.Graph, nodes []*nn.Node) (m message, err error) {
	known := map[string]*nn.Value{} // by name: inputs, constants and results so far
	define := func(v *nn.Value) error {
		if v.Name == "" || !utf8.ValidString(v.Name) {
			return fmt.Errorf("%s cannot be the name of a value", excerpt.Quote(v.Name))
		}
		if known[v.Name] != nil {
			return fmt.Errorf("two values are called %s", excerpt.Quote(v.Name))
		}
		known[v.Name] = v
		return nil
	}
	for _, v := range g.Inputs {
		if err := define(v); err != nil {
			return m, err
		}
	}
	var constants []*nn.Value
	for _, n := range nodes {
		for _, v := range n.Inputs {
			switch {
			case v == nil || known[v.Name] == v:
			case !v.IsConst():
				return m, fmt.Errorf("operation %s uses %s, which no earlier operation makes", excerpt.Quote(n.Name), excerpt.Quote(v.Name))
			default:
				if err := define(v); err != nil {
					return m, err
				}
				constants = append(constants, v)
			}
		}
		node, err := nodeOf(n)
		if err != nil {
			return m, err
		}
		m.message(graphNode, node)
		if err := define(n.Output); err != nil {
			return m, err
		}
	}
	m.text(graphName, "gander")
	for _, v := range constants {
		m.message(graphInitializer, constantOf(v))
	}
	for _, v := range g.Inputs {
		m.message(graphInput, valueOf(v, g.DType))
	}
	for _, v := range g.Outputs {
		if known[v.Name] != v {
			return m, fmt.Errorf("no operation makes the output %s", excerpt.Quote(v.Name))
		}
		m.message(graphOutput, valueOf(v, g.DType))
	}
	return m, nil
}

func nodeOf(n *nn.Node) (m message, err error) {
	inputs := n.Inputs
	for len(inputs) > 0 && inputs[len(inputs)-1] == nil {
		inputs = inputs[:len(inputs)-1]
	}
	for _, v := range inputs {
		name := "" // not given
		if v != nil {
			name = v.Name
		}
		m.text(nodeInput, name)
	}
	m.text(nodeOutput, n.Output.Name)
	m.text(nodeName, n.Name)
	m.text(nodeOp, n.Op)
	for _, name := range slices.Sorted(maps.Keys(n.Attrs)) {
		var a message
		a.text(attributeName, name)
		switch v := n.Attrs[name].(type) {
		case float64:
			a.float(attributeFloat, v)
			a.number(attributeType, isFloat)
		case int:
			a.number(attributeInt, v)
			a.number(attributeType, isInt)
		case string:
			a.text(attributeString, v)
			a.number(attributeType, isString)
		case []int:
			for _, i := range v {
				a.number(attributeInts, i)
			}
			a.number(attributeType, isInts)
		default:
			return m, fmt.Errorf("attribute %s of %s is a %T; it must be an int, a []int, a float64 or a string", excerpt.Name(name), excerpt.Name(n.Name), v)
		}
		m.message(nodeAttribute, a)
	}
	return m, nil
}

// constantOf is a constant as a tensor.
func constantOf(v *nn.Value) (m message) {
	shape := v.Shape
	if v.Const != nil {
		shape = v.Const.Shape()
	}
	for _, d := range shape {
		m.number(tensorDims, d)
	}
	m.text(tensorName, v.Name)
	if v.Const != nil {
		m.number(tensorType, element(v.Const.DType()))
		m.elements(tensorRaw, v.Const)
		return m
	}
	m.number(tensorType, elementInt64)
	var raw []byte
	for _, n := range v.Ints {
		raw = binary.LittleEndian.AppendUint64(raw, uint64(int64(n)))
	}
	m.text(tensorRaw, string(raw))
	return m
}

func element(dtype tensor.DType) int {
	switch dtype {
	case tensor.Float32:
		return elementFloat32
	case tensor.Float64:
		return elementFloat64
	}
	panic(fmt.Errorf("onnx: unknown element type %v", dtype))
}

// valueOf declares an input or an output, of any batch size.
func valueOf(v *nn.Value, dtype tensor.DType) (m message) {
	var shape message
	for axis, d := range v.Shape {
		var dim message
		if axis == 0 {
			dim.text(dimParam, "n")
		} else {
			dim.number(dimValue, d)
		}
		shape.message(shapeDim, dim)
	}
	var array, kind message
	if v.Whole {
		array.number(tensorTypeElement, elementInt64)
	} else {
		array.number(tensorTypeElement, element(dtype))
	}
	array.message(tensorTypeShape, shape)
	kind.message(typeTensor, array)
	m.text(valueName, v.Name)
	m.message(valueType, kind)
	return m
}
