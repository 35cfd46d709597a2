package nn

import (
	"fmt"
	"slices"

	"github.com/gander-ml/gander/autograd"
	"github.com/gander-ml/gander/tensor"
)

// Param is a tensor of a module that is trained, or a buffer that is not; see
// [NewBuffer]. It is made with a shape and an initialiser; the value comes from
// [Init] or from a file, which also decide the dtype.
type Param struct {
	name   string
	shape  []int
	init   Initializer
	fanIn  int
	fanOut int
	frozen bool
	buffer bool // not trained

	leaf, constant *autograd.Var // the value, tracked and not; nil before Init
}

// NewParam describes a parameter. The name is its own, without the module's
// path: "weight". fanIn and fanOut are the numbers of inputs and outputs that
// one unit is connected to, by which initialisers scale. It panics with a
// [tensor.ShapeError] on a negative dim or a rank above [tensor.MaxRank], and
// with a [StateError] if init is nil.
func NewParam(name string, init Initializer, fanIn, fanOut int, shape ...int) *Param {
	if len(shape) > tensor.MaxRank || slices.ContainsFunc(shape, func(d int) bool { return d < 0 }) {
		panic(&tensor.ShapeError{Op: "NewParam", Shapes: [][]int{slices.Clone(shape)},
			Problem: "no tensor has this shape", Fix: fmt.Sprintf("give at most %d dims of 0 or more", tensor.MaxRank)})
	}
	if init == nil {
		panic(&StateError{Problem: fmt.Sprintf("parameter %s%v has no initialiser", name, slices.Clone(shape)), Fix: "give one, such as Constant(0)"})
	}
	return &Param{name: name, shape: slices.Clone(shape), init: init, fanIn: fanIn, fanOut: fanOut}
}

// Value returns the tensor itself, not a copy, or nil before it has one.
// Writing to it is writing to the network.
func (p *Param) Value() *tensor.Tensor {
	if p.leaf == nil {
		return nil
	}
	return p.leaf.Value()
}

// Leaf returns the value as a tracked variable, by which gradients are taken.
// It is nil before there is a value.
func (p *Param) Leaf() *autograd.Var { return p.leaf }

// Leaves returns the values of a network's parameters that are not frozen, and no
// buffers, as tracked variables: what a training loop takes gradients by. [Init] and
// [To] replace them. Leaves panics with a [StateError] if one has no value yet.
//
//	leaves := nn.Leaves(m)
//	optimizer := optim.New(optim.Adam{LR: 1e-3}, autograd.Values(leaves))
//	for … {
//		loss := … m.Forward(&nn.Ctx{Train: true, Track: true}, x) …
//		optimizer.Step(autograd.Values(autograd.Grad(loss, leaves, autograd.Opts{})))
//	}
func Leaves(m Module) []*autograd.Var {
	var leaves []*autograd.Var
	for _, p := range Params(m) {
		if !p.Param.Frozen() {
			leaves = append(leaves, (&Ctx{Track: true}).Var(p.Param))
		}
	}
	return leaves
}

// Shape returns a copy of the dims.
func (p *Param) Shape() []int { return slices.Clone(p.shape) }

// Frozen reports whether p is never tracked: because of [Freeze], or because it is
// a buffer.
func (p *Param) Frozen() bool { return p.frozen || p.buffer }

// Buffer reports whether p is saved with the network but not trained; see
// [NewBuffer].
func (p *Param) Buffer() bool { return p.buffer }

func (p *Param) len() int { return product(p.shape) }

// Init gives every parameter of a network its first value on a device, from its
// initialiser and the seed, and settles their dtype. Earlier values are replaced.
// All values lie in one block of memory, in order. They are computed on the CPU,
// and so are the same on every device.
func Init(m Module, seed uint64, dt tensor.DType, d *tensor.Device) {
	params := Params(m)
	allocate(params, dt, tensor.CPU())
	random := tensor.NewStream(seed, "init")
	for _, p := range params {
		p.Param.init(p.Param.Value(), p.Param.fanIn, p.Param.fanOut, random)
	}
	To(m, d)
}

// To moves the values of a network's parameters to a device, in one block of
// memory there; the network's inputs must lie there, too, from then on. It does
// nothing if they are there already, and panics with a [StateError] if the
// network has no weights yet, or weights of several dtypes.
func To(m Module, d *tensor.Device) {
	params := Params(m)
	there := true
	for _, p := range params {
		there = there && (*Ctx)(nil).Var(p.Param).Value().Device() == d
	}
	if there {
		return
	}
	dtype := params[0].Param.Value().DType()
	for _, p := range params {
		if other := p.Param.Value().DType(); other != dtype {
			panic(&StateError{Problem: fmt.Sprintf("%s is %v, %s is %v", params[0].Name, dtype, p.Name, other), Fix: "call nn.Init on the whole network"})
		}
	}
	values := newValues(params, dtype, d)
	for i, p := range params {
		values[i].CopyFrom(p.Param.Value())
	}
	setValues(params, values)
}

// Ready reports whether every parameter has a value.
func Ready(m Module) bool {
	for _, p := range Params(m) {
		if p.Param.leaf == nil {
			return false
		}
	}
	return true
}

// allocate gives the parameters zeros.
func allocate(params []NamedParam, dt tensor.DType, d *tensor.Device) {
	setValues(params, newValues(params, dt, d))
}

// newValues returns zeros for the parameters, as neighbours in one block, those
// of the parameters that are trained first. Each counts its own in-place writes,
// so that writing one does not disturb pending gradients that need another.
func newValues(params []NamedParam, dt tensor.DType, d *tensor.Device) []*tensor.Tensor {
	total := 0
	for _, p := range params {
		total += p.Param.len()
	}
	block := d.New(dt, total)
	values := make([]*tensor.Tensor, len(params))
	at := 0
	for _, buffers := range []bool{false, true} {
		for i, p := range params {
			if p.Param.buffer == buffers {
				n := p.Param.len()
				values[i] = block.Slice(0, at, at+n).Reshape(p.Param.shape...).Part()
				at += n
			}
		}
	}
	return values
}

// setValues makes the tensors the parameters' values.
func setValues(params []NamedParam, values []*tensor.Tensor) {
	for i, p := range params {
		p.Param.leaf, p.Param.constant = autograd.Leaf(values[i]), autograd.Const(values[i])
	}
}

// Weights are values for a network's parameters, apart from the network's own.
type Weights struct {
	vars map[*Param]*autograd.Var
}

// Snapshot copies a network's weights. A pass with [Ctx.Weights] set to the
// copy does not see what training does to the network afterwards. It panics
// with a [StateError] if the network has no weights yet.
func Snapshot(m Module) *Weights { return SnapshotWith(m, nil) }

// SnapshotWith is [Snapshot] with other values for some parameters, such as
// their averages, which are copied too. It also panics with a
// [tensor.ShapeError] if a value does not have its parameter's shape.
func SnapshotWith(m Module, values map[*Param]*tensor.Tensor) *Weights {
	params := Params(m)
	w := &Weights{vars: make(map[*Param]*autograd.Var, len(params))}
	for _, p := range params {
		v, ok := values[p.Param]
		if !ok {
			v = (*Ctx)(nil).Var(p.Param).Value()
		}
		if !slices.Equal(v.Shape(), p.Param.shape) {
			panic(&tensor.ShapeError{Op: "SnapshotWith", Shapes: [][]int{v.Shape(), p.Param.Shape()},
				Problem: "the value does not have the shape of parameter " + p.Name, Fix: "give each parameter its own value"})
		}
		w.vars[p.Param] = autograd.Const(inputsFirst(v))
	}
	return w
}

// inputsFirst copies a weight. A matrix [out, in] comes to lie in memory as [in,
// out]: a product with few rows, such as one sample, then reads it as it lies,
// and sums in the same order as one with many.
func inputsFirst(w *tensor.Tensor) *tensor.Tensor {
	if w.Rank() == 2 {
		return w.T().Clone().T()
	}
	return w.Clone()
}

// To returns the weights on a device: w itself if they are there already, else a
// copy.
func (w *Weights) To(d *tensor.Device) *Weights {
	out := &Weights{vars: make(map[*Param]*autograd.Var, len(w.vars))}
	for p, v := range w.vars {
		if v.Value().Device() == d {
			return w
		}
		out.vars[p] = autograd.Const(inputsFirst(v.Value().To(d)))
	}
	return out
}
