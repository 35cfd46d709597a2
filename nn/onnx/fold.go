package onnx

import (
	"math"
	"slices"

	"github.com/gander-ml/gander/nn"
	"github.com/gander-ml/gander/tensor"
)

// folded returns the nodes with each batch normalisation made part of the layer
// before it, if that is one with weights and nobody else sees its result:
//
//	w·x + b  becomes  (s·w)·x + s·(b − mean) + bias, s = weight/√(variance + ε)
//
// It is computed in float64.
func folded(nodes []*nn.Node, outputs []*nn.Value) []*nn.Node {
	uses := map[*nn.Value]int{}
	for _, v := range outputs {
		uses[v]++
	}
	maker := map[*nn.Value]int{} // numbers in out
	for _, n := range nodes {
		for _, v := range n.Inputs {
			uses[v]++
		}
	}
	var out []*nn.Node
	for _, n := range nodes {
		if n.Op == "BatchNormalization" && uses[n.Inputs[0]] == 1 {
			if i, ok := maker[n.Inputs[0]]; ok {
				if layer := fold(out[i], n); layer != nil {
					out[i] = layer
					maker[n.Output] = i
					continue
				}
			}
		}
		maker[n.Output] = len(out)
		out = append(out, n)
	}
	return out
}

// fold returns a layer with the normalisation after it, or nil if it is not one that
// can have it.
func fold(layer, norm *nn.Node) *nn.Node {
	epsilon, ok := norm.Attrs["epsilon"].(float64)
	if !ok || slices.ContainsFunc(norm.Inputs[1:], notConst) || len(layer.Inputs) < 2 || slices.ContainsFunc(layer.Inputs[1:], notConst) {
		return nil
	}
	axis, groups := 0, 1 // of the weight's outputs
	switch {
	case layer.Op == "Conv", layer.Op == "Gemm" && layer.Attrs["transB"] == 1 && len(layer.Attrs) == 1:
	case layer.Op == "ConvTranspose":
		axis = 1
		if g, ok := layer.Attrs["group"].(int); ok {
			groups = g
		}
	default:
		return nil
	}
	w := layer.Inputs[1]
	shape := w.Const.Shape()
	outputs := shape[axis] * groups
	if w.Const.Rank() < 2 || norm.Inputs[1].Const.Len() != outputs {
		return nil
	}
	bias := make([]float64, outputs)
	if len(layer.Inputs) > 2 {
		if layer.Inputs[2].Const.Len() != outputs {
			return nil
		}
		bias = layer.Inputs[2].Const.Float64s()
	}
	weight, shift, mean, variance := norm.Inputs[1].Const.Float64s(), norm.Inputs[2].Const.Float64s(), norm.Inputs[3].Const.Float64s(), norm.Inputs[4].Const.Float64s()
	scale := make([]float64, outputs)
	for i := range scale {
		scale[i] = weight[i] / math.Sqrt(variance[i]+epsilon)
		bias[i] = scale[i]*(bias[i]-mean[i]) + shift[i]
	}
	// The weight's outputs are axis 0 or, in each group of rows, axis 1.
	values := w.Const.Float64s()
	taps := len(values) / max(shape[0]*shape[1], 1)
	for i := range values {
		first, second := i/taps/shape[1], i/taps%shape[1]
		if axis == 0 {
			values[i] *= scale[first]
		} else {
			values[i] *= scale[first/(shape[0]/groups)*shape[1]+second]
		}
	}
	dtype := w.Const.DType()
	constant := func(name string, v []float64, shape ...int) *nn.Value {
		return &nn.Value{Name: name, Shape: shape, Const: tensor.FromFloat64(v, shape...).Cast(dtype)}
	}
	both := *layer
	both.Output = norm.Output
	both.Inputs = []*nn.Value{layer.Inputs[0], constant(norm.Name+".weight", values, shape...), constant(norm.Name+".bias", bias, outputs)}
	return &both
}

func notConst(v *nn.Value) bool { return v == nil || v.Const == nil }
