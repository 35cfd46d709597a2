package onnx_test

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"

	"github.com/gander-ml/gander/internal/optest"
)

// This file reads ONNX files and runs them, in plain Go on float64. It shares no code
// with the package: what it understands is what stands in the format's and the
// operators' specifications.

// fields are those of a message of protocol buffers, by number. A varint or four
// bytes are a number, all else is bytes.
type fields map[int][]field

type field struct {
	number uint64
	bytes  []byte
}

// parse reads a message to its end.
func parse(b []byte) fields {
	out := fields{}
	varint := func() uint64 {
		v, n := binary.Uvarint(b)
		if n <= 0 {
			panic("a varint is cut")
		}
		b = b[n:]
		return v
	}
	for len(b) > 0 {
		key := varint()
		var f field
		switch key & 7 {
		case 0:
			f.number = varint()
		case 2:
			n := varint()
			f.bytes, b = b[:n], b[n:]
		case 5:
			f.number, b = uint64(binary.LittleEndian.Uint32(b)), b[4:]
		default:
			panic(fmt.Sprintf("a field of wire type %d", key&7))
		}
		out[int(key>>3)] = append(out[int(key>>3)], f)
	}
	return out
}

func (f fields) text(n int) string {
	if len(f[n]) == 0 {
		return ""
	}
	return string(f[n][0].bytes)
}

func (f fields) number(n int) int {
	if len(f[n]) == 0 {
		return 0
	}
	return int(int64(f[n][0].number))
}

func (f fields) texts(n int) (out []string) {
	for _, v := range f[n] {
		out = append(out, string(v.bytes))
	}
	return out
}

// file is what is of interest in a model.
type file struct {
	ir, opset       int
	notes           map[string]string
	inputs, outputs []declared
	constants       map[string]optest.Array
	types           map[string]int // of constants
	nodes           []operation
}

type declared struct {
	name string
	kind int
	dims []string // a number, or the name of one
}

type operation struct {
	name, op        string
	inputs, outputs []string
	ints            map[string][]int // attributes of whole numbers, one or several
	floats          map[string]float64
	texts           map[string]string
}

func read(b []byte) file {
	model := parse(b)
	f := file{ir: model.number(1), notes: map[string]string{}, constants: map[string]optest.Array{}, types: map[string]int{}}
	for _, s := range model[8] {
		f.opset = parse(s.bytes).number(2)
	}
	for _, e := range model[14] {
		entry := parse(e.bytes)
		f.notes[entry.text(1)] = entry.text(2)
	}
	graph := parse(model[7][0].bytes)
	for _, n := range graph[1] {
		node := parse(n.bytes)
		o := operation{node.text(3), node.text(4), node.texts(1), node.texts(2), map[string][]int{}, map[string]float64{}, map[string]string{}}
		for _, a := range node[5] {
			attr := parse(a.bytes)
			switch name := attr.text(1); attr.number(20) {
			case 1:
				o.floats[name] = float64(math.Float32frombits(uint32(attr.number(2))))
			case 2:
				o.ints[name] = []int{attr.number(3)}
			case 3:
				o.texts[name] = attr.text(4)
			case 7:
				o.ints[name] = []int{}
				for _, v := range attr[8] {
					o.ints[name] = append(o.ints[name], int(int64(v.number)))
				}
			default:
				panic("an attribute of type " + fmt.Sprint(attr.number(20)))
			}
		}
		f.nodes = append(f.nodes, o)
	}
	for _, t := range graph[5] {
		c := parse(t.bytes)
		a := optest.Array{Shape: []int{}}
		for _, d := range c[1] {
			a.Shape = append(a.Shape, int(d.number))
		}
		raw := c[9][0].bytes
		kind := c.number(2)
		for size := map[int]int{1: 4, 7: 8, 11: 8}[kind]; len(raw) > 0; raw = raw[size:] {
			switch kind {
			case 1:
				a.Data = append(a.Data, float64(math.Float32frombits(binary.LittleEndian.Uint32(raw))))
			case 7:
				a.Data = append(a.Data, float64(int64(binary.LittleEndian.Uint64(raw))))
			case 11:
				a.Data = append(a.Data, math.Float64frombits(binary.LittleEndian.Uint64(raw)))
			}
		}
		f.constants[c.text(8)], f.types[c.text(8)] = a, kind
	}
	declare := func(list []field) (out []declared) {
		for _, v := range list {
			value := parse(v.bytes)
			array := parse(parse(value[2][0].bytes)[1][0].bytes)
			d := declared{name: value.text(1), kind: array.number(1)}
			for _, dim := range parse(array[2][0].bytes)[1] {
				one := parse(dim.bytes)
				if name := one.text(2); name != "" {
					d.dims = append(d.dims, name)
				} else {
					d.dims = append(d.dims, fmt.Sprint(one.number(1)))
				}
			}
			out = append(out, d)
		}
		return out
	}
	f.inputs, f.outputs = declare(graph[11]), declare(graph[12])
	return f
}

// run computes the output for inputs by name.
func (f file) run(inputs map[string]optest.Array) optest.Array {
	values := map[string]optest.Array{}
	for name, a := range f.constants {
		values[name] = a
	}
	for _, in := range f.inputs {
		values[in.name] = inputs[in.name]
	}
	for _, n := range f.nodes {
		var xs []optest.Array
		for _, name := range n.inputs {
			x, ok := values[name]
			if !ok {
				panic(n.name + " uses " + name + ", which is not there yet")
			}
			xs = append(xs, x)
		}
		if _, taken := values[n.outputs[0]]; taken {
			panic("two values are called " + n.outputs[0])
		}
		values[n.outputs[0]] = n.run(f.opset, xs)
	}
	return values[f.outputs[0].name]
}

// int returns an attribute of one whole number.
func (o operation) int(name string, otherwise int) int {
	if v, ok := o.ints[name]; ok {
		return v[0]
	}
	return otherwise
}

// pair returns an attribute of numbers for two axes.
func (o operation) pair(name string, otherwise int) []int {
	if v, ok := o.ints[name]; ok {
		return v
	}
	return []int{otherwise, otherwise, otherwise, otherwise}
}

// whole returns an array's numbers.
func whole(a optest.Array) (out []int) {
	for _, v := range a.Data {
		out = append(out, int(v))
	}
	return out
}

func product(dims []int) int {
	n := 1
	for _, d := range dims {
		n *= d
	}
	return n
}

// unary and binary operations are functions of elements.
var (
	unary = map[string]func(x float64) float64{
		"Identity": func(x float64) float64 { return x }, "Tanh": math.Tanh, "Sin": math.Sin, "Cos": math.Cos, "Sqrt": math.Sqrt, "Erf": math.Erf,
		"Relu":     func(x float64) float64 { return max(x, 0) },
		"Sigmoid":  func(x float64) float64 { return 1 / (1 + math.Exp(-x)) },
		"Softplus": func(x float64) float64 { return max(x, 0) + math.Log1p(math.Exp(-math.Abs(x))) },
	}
	binary2 = map[string]func(x, y float64) float64{
		"Add": func(x, y float64) float64 { return x + y }, "Sub": func(x, y float64) float64 { return x - y },
		"Mul": func(x, y float64) float64 { return x * y }, "Div": func(x, y float64) float64 { return x / y },
		"Min": math.Min,
		"PRelu": func(x, slope float64) float64 {
			if x < 0 {
				return slope * x
			}
			return x
		},
	}
)

// run computes an operation, in the version of the operator set.
func (o operation) run(opset int, xs []optest.Array) optest.Array {
	x := xs[0]
	if f, ok := unary[o.op]; ok {
		return optest.Map(f)(xs)
	}
	if f, ok := binary2[o.op]; ok {
		return optest.Zip(f)(xs)
	}
	switch o.op {
	case "LeakyRelu":
		return optest.Map(func(v float64) float64 { return max(v, 0) + o.floats["alpha"]*min(v, 0) })(xs)
	case "Elu":
		return optest.Map(func(v float64) float64 { return max(v, 0) + o.floats["alpha"]*math.Expm1(min(v, 0)) })(xs)
	case "Cast":
		if o.int("to", 0) == 7 {
			return optest.Map(math.Trunc)(xs)
		}
		return x
	case "Shape":
		return optest.Build([]int{len(x.Shape)}, func(i []int) float64 { return float64(x.Shape[i[0]]) })
	case "Reshape":
		shape := whole(xs[1])
		for k, d := range shape {
			if d == 0 {
				shape[k] = x.Shape[k]
			}
		}
		if k := slices.Index(shape, -1); k >= 0 {
			shape[k] = -len(x.Data) / product(shape)
		}
		return reshaped(x, shape)
	case "Flatten":
		n := product(x.Shape[:o.int("axis", 1)])
		return reshaped(x, []int{n, len(x.Data) / n})
	case "Transpose":
		perm, shape := o.ints["perm"], []int{}
		for _, p := range perm {
			shape = append(shape, x.Shape[p])
		}
		return optest.Build(shape, func(i []int) float64 {
			from := make([]int, len(i))
			for k, p := range perm {
				from[p] = i[k]
			}
			return x.At(from...)
		})
	case "Concat":
		axis, shape := o.int("axis", 0), slices.Clone(x.Shape)
		for _, y := range xs[1:] {
			shape[axis] += y.Shape[axis]
		}
		return optest.Build(shape, func(i []int) float64 {
			i = slices.Clone(i)
			for _, y := range xs {
				if i[axis] < y.Shape[axis] {
					return y.At(i...)
				}
				i[axis] -= y.Shape[axis]
			}
			panic("unreachable")
		})
	case "Gather":
		if o.int("axis", 0) != 0 {
			panic("Gather along another axis")
		}
		return optest.Build(append(slices.Clone(xs[1].Shape), x.Shape[1:]...), func(i []int) float64 {
			r := len(xs[1].Shape)
			return x.At(append([]int{int(xs[1].At(i[:r]...))}, i[r:]...)...)
		})
	case "Expand":
		shape := optest.Broadcast(x, optest.Array{Shape: whole(xs[1])})
		return optest.Build(shape, func(i []int) float64 { return x.At(i...) })
	case "OneHot":
		k := int(xs[1].Data[0])
		return optest.Build(append(slices.Clone(x.Shape), k), func(i []int) float64 {
			if int(x.At(i[:len(i)-1]...)) == i[len(i)-1] {
				return xs[2].Data[1]
			}
			return xs[2].Data[0]
		})
	case "ReduceMean", "ReduceSum":
		axes := o.ints["axes"]
		if opset >= 18 || opset >= 13 && o.op == "ReduceSum" {
			axes = whole(xs[1])
		}
		shape, n := slices.Clone(x.Shape), 1
		for _, a := range axes {
			n *= shape[a]
			shape[a] = 1
		}
		if o.op == "ReduceSum" {
			n = 1
		}
		sum := optest.Fold(x, axes, 0, func(acc, v float64) float64 { return acc + v })
		return optest.Build(shape, func(i []int) float64 { return reshaped(sum, shape).At(i...) / float64(n) })
	case "Gemm":
		if o.int("transA", 0) != 0 || o.int("transB", 0) != 1 || len(o.floats) > 0 {
			panic("another Gemm")
		}
		return optest.Build([]int{x.Shape[0], xs[1].Shape[0]}, func(i []int) float64 {
			sum := xs[2].At(i...)
			for k := range x.Shape[1] {
				sum += x.At(i[0], k) * xs[1].At(i[1], k)
			}
			return sum
		})
	case "MatMul":
		y := xs[1]
		r, s := len(x.Shape), len(y.Shape)
		lead := optest.Broadcast(optest.Array{Shape: x.Shape[:r-2]}, optest.Array{Shape: y.Shape[:s-2]})
		return optest.Build(append(lead, x.Shape[r-2], y.Shape[s-1]), func(i []int) float64 {
			n, sum := len(i)-2, 0.0
			for k := range x.Shape[r-1] {
				sum += x.At(append(slices.Clone(i[:n]), i[n], k)...) * y.At(append(slices.Clone(i[:n]), k, i[n+1])...)
			}
			return sum
		})
	case "Pad":
		pads := o.ints["pads"]
		if opset >= 11 {
			pads = whole(xs[1])
		}
		shape, r := slices.Clone(x.Shape), len(x.Shape)
		for k := range shape {
			shape[k] += pads[k] + pads[r+k]
		}
		return optest.Build(shape, func(i []int) float64 {
			from := slices.Clone(i)
			for k := range from {
				if from[k] -= pads[k]; from[k] < 0 || from[k] >= x.Shape[k] {
					return 0
				}
			}
			return x.At(from...)
		})
	case "Softmax":
		if opset < 13 {
			panic("Softmax with its old meaning")
		}
		axis := (o.int("axis", -1) + len(x.Shape)) % len(x.Shape)
		shape := slices.Clone(x.Shape)
		shape[axis] = 1
		largest := reshaped(optest.Fold(x, []int{axis}, math.Inf(-1), math.Max), shape)
		e := optest.Zip(func(v, m float64) float64 { return math.Exp(v - m) })([]optest.Array{x, largest})
		sum := reshaped(optest.Fold(e, []int{axis}, 0, func(acc, v float64) float64 { return acc + v }), shape)
		return optest.Zip(func(v, s float64) float64 { return v / s })([]optest.Array{e, sum})
	case "BatchNormalization":
		if o.floats["momentum"] != 1 {
			panic("a momentum by which ONNX's reference evaluator changes the averages")
		}
		return optest.Build(x.Shape, func(i []int) float64 {
			c := i[1]
			return (x.At(i...)-xs[3].At(c))/math.Sqrt(xs[4].At(c)+o.floats["epsilon"])*xs[1].At(c) + xs[2].At(c)
		})
	case "InstanceNormalization":
		spatial := x.Shape[2:]
		return optest.Build(x.Shape, func(i []int) float64 {
			var mean, square float64
			optest.Array{Shape: spatial, Data: make([]float64, product(spatial))}.Each(func(k []int, _ float64) {
				mean += x.At(append([]int{i[0], i[1]}, k...)...) / float64(product(spatial))
			})
			optest.Array{Shape: spatial, Data: make([]float64, product(spatial))}.Each(func(k []int, _ float64) {
				d := x.At(append([]int{i[0], i[1]}, k...)...) - mean
				square += d * d / float64(product(spatial))
			})
			return (x.At(i...)-mean)/math.Sqrt(square+o.floats["epsilon"])*xs[1].At(i[1]) + xs[2].At(i[1])
		})
	case "Conv", "AveragePool", "MaxPool":
		return o.windows(xs)
	case "ConvTranspose":
		return o.transposed(xs)
	case "Resize":
		scales := xs[2]
		shape := make([]int, len(x.Shape))
		for k, d := range x.Shape {
			shape[k] = int(math.Floor(float64(d) * scales.At(k)))
		}
		nearest := o.texts["mode"] == "nearest"
		switch {
		case nearest && o.texts["coordinate_transformation_mode"] == "asymmetric" && o.texts["nearest_mode"] == "floor":
		case o.texts["mode"] == "linear" && o.texts["coordinate_transformation_mode"] == "half_pixel":
		default:
			panic("another Resize")
		}
		return optest.Build(shape, func(i []int) float64 {
			if nearest {
				from := make([]int, len(i))
				for k := range i {
					from[k] = int(float64(i[k]) / scales.At(k))
				}
				return x.At(from...)
			}
			sum := 0.0
			for _, corner := range [][2]int{{0, 0}, {0, 1}, {1, 0}, {1, 1}} {
				from, weight := slices.Clone(i), 1.0
				for k := 2; k < 4; k++ {
					at := (float64(i[k])+0.5)/scales.At(k) - 0.5
					below := math.Floor(at)
					if corner[k-2] == 1 {
						weight *= at - below
					} else {
						weight *= 1 - at + below
					}
					from[k] = min(max(int(below)+corner[k-2], 0), x.Shape[k]-1)
				}
				sum += weight * x.At(from...)
			}
			return sum
		})
	}
	panic("the interpreter has no " + o.op)
}

func reshaped(x optest.Array, shape []int) optest.Array {
	return optest.Array{Shape: shape, Data: x.Data}
}

// windows computes a convolution or a pool.
func (o operation) windows(xs []optest.Array) optest.Array {
	x, kernel := xs[0], o.ints["kernel_shape"]
	stride, pad, dilation := o.pair("strides", 1), o.pair("pads", 0), o.pair("dilations", 1)
	shape := slices.Clone(x.Shape)
	if o.op == "Conv" {
		shape[1] = xs[1].Shape[0]
	}
	for k := range 2 {
		shape[2+k] = (x.Shape[2+k]+pad[k]+pad[2+k]-dilation[k]*(kernel[k]-1)-1)/stride[k] + 1
	}
	group := o.int("group", 1)
	return optest.Build(shape, func(i []int) float64 {
		sum, largest := 0.0, math.Inf(-1)
		within := 0
		for a := range kernel[0] {
			for b := range kernel[1] {
				r, c := i[2]*stride[0]+a*dilation[0]-pad[0], i[3]*stride[1]+b*dilation[1]-pad[1]
				if r < 0 || c < 0 || r >= x.Shape[2] || c >= x.Shape[3] {
					continue
				}
				within++
				if o.op != "Conv" {
					sum += x.At(i[0], i[1], r, c)
					largest = max(largest, x.At(i[0], i[1], r, c))
					continue
				}
				per := xs[1].Shape[1]
				for j := range per {
					sum += xs[1].At(i[1], j, a, b) * x.At(i[0], i[1]/(shape[1]/group)*per+j, r, c)
				}
			}
		}
		switch {
		case o.op == "MaxPool":
			return largest
		case o.op == "AveragePool" && o.int("count_include_pad", 0) == 1:
			return sum / float64(kernel[0]*kernel[1])
		case o.op == "AveragePool":
			return sum / float64(within)
		case len(xs) > 2:
			return sum + xs[2].At(i[1])
		}
		return sum
	})
}

// transposed computes a transposed convolution.
func (o operation) transposed(xs []optest.Array) optest.Array {
	x, w, kernel := xs[0], xs[1], o.ints["kernel_shape"]
	stride, pad, dilation, extra := o.pair("strides", 1), o.pair("pads", 0), o.pair("dilations", 1), o.pair("output_padding", 0)
	group := o.int("group", 1)
	per := w.Shape[1]
	shape := []int{x.Shape[0], per * group, 0, 0}
	for k := range 2 {
		shape[2+k] = stride[k]*(x.Shape[2+k]-1) + extra[k] + (kernel[k]-1)*dilation[k] + 1 - pad[k] - pad[2+k]
	}
	out := optest.Build(shape, func(i []int) float64 {
		if len(xs) > 2 {
			return xs[2].At(i[1])
		}
		return 0
	})
	x.Each(func(i []int, v float64) {
		for j := range per {
			for a := range kernel[0] {
				for b := range kernel[1] {
					c := i[1]/(x.Shape[1]/group)*per + j
					r, s := i[2]*stride[0]+a*dilation[0]-pad[0], i[3]*stride[1]+b*dilation[1]-pad[1]
					if r >= 0 && s >= 0 && r < shape[2] && s < shape[3] {
						out.Data[((i[0]*shape[1]+c)*shape[2]+r)*shape[3]+s] += v * w.At(i[1], j, a, b)
					}
				}
			}
		}
	})
	return out
}
