package nn

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/gander-ml/gander/autograd"
	"github.com/gander-ml/gander/tensor"
)

// Graph is what a network computes in evaluation, as operations on named values:
// the form in which other programs run it. [Export] makes it, and nn/onnx writes it
// as a file. The operations are those of ONNX, with its names and attributes
// (https://onnx.ai/onnx/operators); where several do, modules use older ones, which
// more programs know.
type Graph struct {
	DType tensor.DType // of all values that are not whole numbers
	// Inputs and Outputs may be given other names, which must be unique.
	Inputs, Outputs []*Value
	// Nodes are the operations, each after those whose results it uses.
	Nodes []*Node
	// Notes are for the file's metadata.
	Notes map[string]string

	ctx       *Ctx
	condition *Value // nil if there is none
	names     map[*Param]string
	taken     map[string]int
	params    map[*Param]*Value // each with the last value that a pass has given it
	scalars   map[float64]*Value
	module    Module // that exports
	part      string // its path, with a dot behind it
	err       error
}

// Value is an input, a constant or the result of an operation.
type Value struct {
	Name string
	// Shape is a constant's, or else that for a batch of one sample, axis 0 being the
	// batch. Between the operations of a module it is not known, and nil.
	Shape []int
	// Whole says that the numbers are int64, not the graph's dtype.
	Whole bool
	// Const holds a constant's numbers, and Ints those of one of whole numbers. Both
	// are nil for other values.
	Const *tensor.Tensor
	Ints  []int
}

// IsConst reports whether v is a constant.
func (v *Value) IsConst() bool { return v.Const != nil || v.Ints != nil }

// Node is an operation with one result.
type Node struct {
	Name   string
	Op     string // an operator of ONNX: "Conv"
	Attrs  Attrs
	Inputs []*Value
	Output *Value
}

// Attrs are an operation's attributes by name, each an int, a []int, a float64 or a
// string.
type Attrs map[string]any

// Exporter is a module that can add what it computes in evaluation to a [Graph]. It
// must be a [Shaper], too. A [Wrapper] need not be an Exporter: the module in it is,
// and exports in the pass that the wrapper makes for an input of zeros.
type Exporter interface {
	// Export adds the operations that make the output of x, and returns the output.
	// What it cannot express it passes to [Graph.Refuse].
	Export(g *Graph, x *Value) *Value
}

// Export returns a network in the form that evaluates, with the given weights, or
// its own if w is nil: batch normalisation uses its running averages, spectral norms
// are part of the weights, dropout is gone. The graph has an input, called "input",
// of shape [n, sample…], and one output, "output"; without parameters it is one of
// float32. If the network reads a condition, that is a second input, "condition"
// [n, size]; see [Graph.TakeLabels]. The graph keeps references to the weights, which
// must not change until it is written.
//
// The error names the part that does not export, or does not take its input.
func Export(m Module, w *Weights, sample ...int) (*Graph, error) {
	g := &Graph{ctx: &Ctx{Weights: w}, names: map[*Param]string{}, taken: map[string]int{},
		params: map[*Param]*Value{}, scalars: map[float64]*Value{}}
	if w == nil && !Ready(m) {
		return nil, fmt.Errorf("nn: exporting a network: it has no weights yet")
	}
	g.module = m
	if err := tensor.Catch(func() { g.build(m, sample) }); err != nil && g.err == nil {
		g.err = fmt.Errorf("%s: %w", g.where(g.module), err)
	}
	if g.err != nil {
		return nil, fmt.Errorf("nn: exporting %w", g.err)
	}
	return g, nil
}

func (g *Graph) build(m Module, sample []int) {
	for _, p := range Params(m) {
		g.names[p.Param] = p.Name
		g.DType = g.ctx.Var(p.Param).Value().DType()
	}
	x := &Value{Name: g.unique("input"), Shape: append([]int{1}, sample...)}
	g.Inputs = []*Value{x}
	size, err := ConditionSize(m)
	if err != nil {
		g.err = fmt.Errorf("%s: %w", g.where(m), err)
		return
	}
	if size > 0 {
		g.condition = &Value{Name: g.unique("condition"), Shape: []int{1, size}}
		g.Inputs = append(g.Inputs, g.condition)
	}
	output := g.unique("output")
	y := g.Part("", m, x)
	if g.err != nil {
		return
	}
	// Of two samples it must make two, or axis 0 is no batch.
	two, err := OutShape(m, append([]int{2}, sample...))
	if err != nil || len(two) == 0 || len(two) != len(y.Shape) || two[0] != 2 || y.Shape[0] != 1 || !slices.Equal(two[1:], y.Shape[1:]) {
		g.err = fmt.Errorf("%s: the network makes %v of one sample and %v of two; a graph needs the batch on axis 0", g.where(m), y.Shape, two)
		return
	}
	if slices.Contains(g.Inputs, y) || y.IsConst() {
		shape := y.Shape
		y = g.Op("Identity", nil, y)
		y.Shape = shape
	}
	y.Name = output
	g.Outputs = []*Value{y}
}

// where names a module that exports.
func (g *Graph) where(m Module) string {
	return strings.TrimSpace(strings.TrimSuffix(g.part, ".") + " " + kindOf(m))
}

// Part exports a module that is a part of the one that calls it, under the part's
// name in [Parent], and returns its output.
func (g *Graph) Part(name string, m Module, x *Value) *Value {
	if g.err != nil {
		return x
	}
	outer, outerModule := g.part, g.module
	g.module = m
	if name != "" {
		g.part += name + "."
	}
	fail := func(err error) *Value {
		if g.err == nil {
			g.err = fmt.Errorf("%s: %w", g.where(m), err)
		}
		return x
	}
	if _, composed := m.(Parent); !composed { // else its parts say so themselves, each by its name
		if _, err := OutShape(m, x.Shape); err != nil {
			return fail(err)
		}
	}
	var y *Value
	if w, ok := m.(Wrapper); ok {
		outerPass := g.ctx
		g.ctx = w.Pass(g.ctx, autograd.Const(tensor.New(g.DType, x.Shape...).To(g.device(w))))
		y = g.Part("", w.Unwrap(), x)
		g.ctx = outerPass
	} else if e, ok := m.(Exporter); ok {
		if y = e.Export(g, x); y == nil && g.err == nil {
			return fail(fmt.Errorf("it exports nothing"))
		}
	} else {
		return fail(fmt.Errorf("the module does not export; it needs a method Export, see nn.Exporter"))
	}
	if g.err != nil {
		if _, located := g.err.(*refusal); located {
			g.err = fmt.Errorf("%s: %w", g.where(m), g.err)
		}
		return x
	}
	shape, err := OutShape(m, x.Shape)
	switch {
	case err != nil:
		return fail(err)
	case y == x && !slices.Equal(shape, x.Shape):
		return fail(fmt.Errorf("it returns its input, and says that the shape changes from %v to %v", x.Shape, shape))
	}
	y.Shape, g.part, g.module = shape, outer, outerModule
	return y
}

// device returns where a module's weights are in this pass.
func (g *Graph) device(m Module) *tensor.Device {
	for _, p := range Params(m) {
		return g.ctx.Var(p.Param).Value().Device()
	}
	return tensor.CPU()
}

// refusal is what a module says that it cannot express.
type refusal struct{ problem string }

func (e *refusal) Error() string { return e.problem }

// Refuse makes [Export] fail with what the module cannot express. It returns nil.
func (g *Graph) Refuse(format string, args ...any) *Value {
	if g.err == nil {
		g.err = &refusal{fmt.Sprintf(format, args...)}
	}
	return nil
}

// Op adds an operation and returns its result. The last inputs that an operation
// can do without are left out; a nil among the others is one that is not given.
func (g *Graph) Op(op string, attrs Attrs, inputs ...*Value) *Value {
	name := g.unique(g.part + strings.ToLower(op))
	y := &Value{Name: name}
	switch {
	case op == "Shape" || op == "Size":
		y.Whole = true
	case op == "Cast":
		y.Whole = attrs["to"] == onnxInt64
	case op == "OneHot":
		y.Whole = inputs[2].Whole
	case len(inputs) > 0 && inputs[0] != nil:
		y.Whole = inputs[0].Whole
	}
	g.Nodes = append(g.Nodes, &Node{Name: name, Op: op, Attrs: maps.Clone(attrs), Inputs: slices.Clone(inputs), Output: y})
	return y
}

// Numbers of element types in ONNX, for the attribute "to" of the operation Cast.
const (
	onnxFloat32 = 1
	onnxInt64   = 7
	onnxFloat64 = 11
)

// Cast adds an operation that makes whole numbers of x, or the graph's dtype.
func (g *Graph) Cast(x *Value, whole bool) *Value {
	to := onnxInt64
	if !whole {
		switch g.DType {
		case tensor.Float32:
			to = onnxFloat32
		case tensor.Float64:
			to = onnxFloat64
		default:
			panic(fmt.Errorf("nn: unknown element type %v", g.DType))
		}
	}
	return g.Op("Cast", Attrs{"to": to}, x)
}

// Condition returns the condition [n, size] that the network's [Conditioned] parts
// read; nil if there are none.
func (g *Graph) Condition() *Value { return g.condition }

// TakeLabels replaces the input "condition" by one of whole numbers, "label" [n], of
// which the condition is the one-hot. It panics with a [StateError] if there is no
// such input.
func (g *Graph) TakeLabels() {
	at := slices.Index(g.Inputs, g.condition)
	if g.condition == nil || at < 0 {
		panic(&StateError{Problem: "the graph has no condition to be made of labels", Fix: "export a network that reads one"})
	}
	label := &Value{Name: g.unique("label"), Shape: []int{1}, Whole: true}
	size := &Value{Name: g.unique("classes"), Shape: []int{}, Whole: true, Ints: []int{g.condition.Shape[1]}}
	zeroOne := g.Const("zero.one", tensor.FromFloat64([]float64{0, 1}, 2))
	g.Nodes = slices.Insert(g.Nodes, 0, &Node{Name: g.unique("onehot"), Op: "OneHot", Inputs: []*Value{label, size, zeroOne}, Output: g.condition})
	g.Inputs[at] = label
}

// Param returns the value of a parameter of the module, as the pass sees it.
func (g *Graph) Param(p *Param) *Value {
	v := g.ctx.Var(p).Value()
	if known := g.params[p]; known != nil && known.Const == v {
		return known
	}
	name := g.names[p]
	if name == "" {
		name = g.part + p.name
	}
	out := &Value{Name: g.unique(name), Shape: v.Shape(), Const: v}
	g.params[p] = out
	return out
}

// Const returns a constant, which is cast to the graph's dtype. Its name follows
// that of the module.
func (g *Graph) Const(name string, t *tensor.Tensor) *Value {
	if t.DType() != g.DType {
		t = t.Cast(g.DType)
	}
	return &Value{Name: g.unique(g.part + name), Shape: t.Shape(), Const: t}
}

// Scalar returns a constant of rank 0.
func (g *Graph) Scalar(v float64) *Value {
	if known := g.scalars[v]; known != nil {
		return known
	}
	out := &Value{Name: g.unique("scalar." + strconv.FormatFloat(v, 'g', -1, 64)), Shape: []int{}, Const: tensor.Full(g.DType, v)}
	g.scalars[v] = out
	return out
}

// Float32s returns a constant of rank 1 of float32, whatever the graph's dtype is:
// some operations have inputs that are.
func (g *Graph) Float32s(name string, numbers ...float32) *Value {
	return &Value{Name: g.unique(g.part + name), Shape: []int{len(numbers)}, Const: tensor.FromFloat32(numbers, len(numbers))}
}

// Ints returns a constant of rank 1 of whole numbers, such as a shape.
func (g *Graph) Ints(name string, numbers ...int) *Value {
	return &Value{Name: g.unique(g.part + name), Shape: []int{len(numbers)}, Whole: true, Ints: append([]int{}, numbers...)}
}

// Reshape adds an operation that keeps the batch and gives the other axes new dims.
func (g *Graph) Reshape(x *Value, dims ...int) *Value {
	return g.Op("Reshape", nil, x, g.Ints("shape", append([]int{0}, dims...)...)) // 0: as it is
}

// unique returns a name that no other value has.
func (g *Graph) unique(name string) string {
	for {
		n := g.taken[name]
		g.taken[name]++
		if n == 0 {
			return name
		}
		name += "." + strconv.Itoa(n)
	}
}
