package tensor_test

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/tensor"
)

// f32 and f64 make zeros.
func f32(shape ...int) *tensor.Tensor { return tensor.New(tensor.Float32, shape...) }
func f64(shape ...int) *tensor.Tensor { return tensor.New(tensor.Float64, shape...) }

// The sizes that follow are the largest of their kind on a machine of 64 bits, and
// smaller ones that mean the same on one of 32: huge can be addressed, but four
// times as much cannot; wraps squared is 0, and twentieth times 20 is 4.
const (
	huge      = 1 << (46 - 19*(64-strconv.IntSize)/32)
	wraps     = 1 << (strconv.IntSize / 2)
	twentieth = math.MaxUint/20 + 1
	half      = math.MaxInt/2 + 1
)

// misuses have the message that each must give: the operation, the shapes, the
// problem and the repair.
var misuses = []struct {
	do   func()
	want string
}{
	// Making.
	{func() { f32(2, -1) }, "New of [2 -1]: a dim is negative; give dims of 0 or more"},
	{func() { f32(1, 1, 1, 1, 1, 1, 1) }, "New of [1 1 1 1 1 1 1]: the rank is above 6; merge some axes"},
	{func() { f32(huge, 4) }, fmt.Sprintf("New of [%d 4]: the array is too large to address; give smaller dims", huge)},
	{func() { f32(huge, 0, huge) }, fmt.Sprintf("New of [%d 0 %[1]d]: the array is too large to address; give smaller dims", huge)},
	{func() { tensor.Full(tensor.Float32, 1, -2) }, "New of [-2]: a dim is negative; give dims of 0 or more"},
	{func() { tensor.Arange(tensor.Float32, -2) }, "Arange of [-2]: a dim is negative; give dims of 0 or more"},
	{func() { tensor.NewStream(1, "").Normal(tensor.Float32, -2) }, "New of [-2]: a dim is negative; give dims of 0 or more"},
	{func() { tensor.NewScope().Empty(tensor.CPU(), tensor.Float32, -2) }, "Scope.Empty of [-2]: a dim is negative; give dims of 0 or more"},
	{func() { tensor.FromFloat32(make([]float32, 3), 2, 2) }, "FromFloat32 of [2 2]: the shape holds 4 elements, the data 3; give a shape whose dims multiply to the data's length"},
	{func() { tensor.FromFloat64(nil, -1) }, "FromFloat64 of [-1]: a dim is negative; give dims of 0 or more"},
	{func() { tensor.OneHot(tensor.Float32, 3, []int{0, 3}) }, "OneHot of [2 3]: index 3 does not lie in axis 1 of dim 3; give whole numbers from 0 to dim−1"},
	{func() { tensor.OneHot(tensor.Float32, 3, []int{-1}) }, "OneHot of [1 3]: index -1 does not lie in axis 1 of dim 3; give whole numbers from 0 to dim−1"},
	{func() { tensor.New(9, 2) }, "New: there is no element type DType(9); give Float32 or Float64"},
	{func() { tensor.Arange(9, 2) }, "Arange: there is no element type DType(9); give Float32 or Float64"},
	{func() { tensor.OneHot(9, 2, nil) }, "OneHot: there is no element type DType(9); give Float32 or Float64"},
	{func() { tensor.NewScope().Empty(tensor.CPU(), 9, 2) }, "Scope.Empty: there is no element type DType(9); give Float32 or Float64"},
	{func() { f32(2).Cast(9) }, "Cast: there is no element type DType(9); give Float32 or Float64"},
	{func() { tensor.CPU().SetThreads(-1) }, "Device.SetThreads: -1 threads are not possible; give 1 or more, or 0 for GOMAXPROCS"},

	// Elements.
	{func() { f32(2).Item() }, "Item of [2]: the tensor does not have exactly one element; index with At, or reduce first"},
	{func() { tensor.Items(f32(1), f32(2)) }, "Items of [2]: the tensor does not have exactly one element; index with At, or reduce first"},
	{func() { f32(0).Item() }, "Item of [0]: the tensor does not have exactly one element; index with At, or reduce first"},
	{func() { f32(2, 3).At(2, 0) }, "At of [2 3]: there is no element [2 0]; give one index per axis, each from 0 to dim−1"},
	{func() { f32(2, 3).At(0, -1) }, "At of [2 3]: there is no element [0 -1]; give one index per axis, each from 0 to dim−1"},
	{func() { f32(2, 3).At(0) }, "At of [2 3]: there is no element [0]; give one index per axis, each from 0 to dim−1"},
	{func() { f32(2, 3).Set(1, 0, 0, 0) }, "Set of [2 3]: there is no element [0 0 0]; give one index per axis, each from 0 to dim−1"},
	{func() { f32(2, 3).Dim(2) }, "Dim of [2 3]: there is no axis 2; give one from -2 to 1"},
	{func() { f32(2, 3).Dim(-3) }, "Dim of [2 3]: there is no axis -3; give one from -2 to 1"},
	{func() { f32(2, 3).SetFloat32(make([]float32, 5)) }, "SetFloat32 of [2 3]: the data has 5 elements, the tensor 6; give one number per element"},
	{func() { f32().SetFloat64(nil) }, "SetFloat64 of []: the data has 0 elements, the tensor 1; give one number per element"},
	{func() { f32(2, 3).CopyFrom(f32(2)) }, "CopyFrom of [2 3] and [2]: the second does not broadcast to the first; reshape it"},
	{func() { f32(3).CopyFrom(f32(1, 3)) }, "CopyFrom of [3] and [1 3]: the second does not broadcast to the first; reshape it"},

	// Views.
	{func() { f32(2, 3).Reshape(4) }, "Reshape of [2 3]: 6 elements do not fill the shape [4]; give dims that multiply to that number, at most one of them −1"},
	{func() { f32(2, 3).Reshape(-1, -1) }, "Reshape of [2 3]: 6 elements do not fill the shape [-1 -1]; give dims that multiply to that number, at most one of them −1"},
	{func() { f32(2, 3).Reshape(-2, -3) }, "Reshape of [2 3]: 6 elements do not fill the shape [-2 -3]; give dims that multiply to that number, at most one of them −1"},
	{func() { f32(2, 3).Reshape(4, -1) }, "Reshape of [2 3]: 6 elements do not fill the shape [4 -1]; give dims that multiply to that number, at most one of them −1"},
	{func() { f32(0).Reshape(0, -1) }, "Reshape of [0]: 0 elements do not fill the shape [0 -1]; give dims that multiply to that number, at most one of them −1"},
	{func() { f32(1).Reshape(1, 1, 1, 1, 1, 1, 1) }, "Reshape of [1]: the rank of [1 1 1 1 1 1 1] is above 6; merge some axes"},
	{func() { f32(0).Reshape(wraps, wraps) }, fmt.Sprintf("Reshape of [%d %[1]d]: the array is too large to address; give smaller dims", wraps)},
	{func() { f32(4).Reshape(4, 5, twentieth) }, fmt.Sprintf("Reshape of [4 5 %d]: the array is too large to address; give smaller dims", twentieth)},
	{func() { f32(2, 3).Permute(0) }, "Permute of [2 3]: the axes [0] are not a permutation; name each axis once"},
	{func() { f32(2, 3).Permute(0, 0) }, "Permute of [2 3]: the axes [0 0] are not a permutation; name each axis once"},
	{func() { f32(2, 3).Permute(0, -2) }, "Permute of [2 3]: the axes [0 -2] are not a permutation; name each axis once"},
	{func() { f32(2, 3).Permute(0, 2) }, "Permute of [2 3]: the axes [0 2] are not a permutation; name each axis once"},
	{func() { f32(3).T() }, "T of [3]: the rank is below 2; reshape to [1, n] or [n, 1] first"},
	{func() { f32(3).Slice(1, 0, 1) }, "Slice of [3]: there is no axis 1; give one from -1 to 0"},
	{func() { f32(3).Slice(0, -1, 1) }, "Slice of [3]: -1:1 does not lie in axis 0; keep 0 ≤ start ≤ stop ≤ dim"},
	{func() { f32(3).Slice(0, 2, 1) }, "Slice of [3]: 2:1 does not lie in axis 0; keep 0 ≤ start ≤ stop ≤ dim"},
	{func() { f32(3).Slice(-1, 0, 4) }, "Slice of [3]: 0:4 does not lie in axis -1; keep 0 ≤ start ≤ stop ≤ dim"},
	{func() { f32(3).SliceStep(0, 0, 3, 0) }, "SliceStep of [3]: 0:3:0 does not lie in axis 0; keep 0 ≤ start ≤ stop ≤ dim and step ≥ 1"},
	{func() { f32(3).BroadcastTo(2) }, "BroadcastTo of [3]: it does not broadcast to [2]; only axes of dim 1 and missing leading axes are repeated"},
	{func() { f32(1, 3).BroadcastTo(3) }, "BroadcastTo of [1 3]: it does not broadcast to [3]; only axes of dim 1 and missing leading axes are repeated"},
	{func() { f32(1).BroadcastTo(-1) }, "BroadcastTo of [-1]: a dim is negative; give dims of 0 or more"},
	{func() { f32(3).Unsqueeze(2) }, "Unsqueeze of [3]: there is no place 2 for a new axis; give a place from 0 to rank, and keep the rank below 6"},
	{func() { f32(3).Unsqueeze(-1) }, "Unsqueeze of [3]: there is no place -1 for a new axis; give a place from 0 to rank, and keep the rank below 6"},
	{func() { f32(1, 1, 1, 1, 1, 1).Unsqueeze(0) }, "Unsqueeze of [1 1 1 1 1 1]: there is no place 0 for a new axis; give a place from 0 to rank, and keep the rank below 6"},

	// Reductions.
	{func() { tensor.Sum(f32(2, 3), 2) }, "Sum of [2 3]: there is no axis 2; give one from -2 to 1"},
	{func() { tensor.Sum(f32(), 0) }, "Sum of []: there is no axis 0; a tensor of rank 0 has none"},
	{func() { tensor.MaxOver(f32(2, 3), 0, -2) }, "MaxOver of [2 3]: axis -2 is named twice in [0 -2]; name it once"},
	{func() { tensor.SumTo(f32(2, 3), 2) }, "SumTo of [2 3]: [2] does not broadcast to it; give a shape that does"},
	{func() { tensor.SumTo(f32(3), 1, 3) }, "SumTo of [3]: [1 3] does not broadcast to it; give a shape that does"},
	{func() { tensor.SumTo(f32(3), -3) }, "SumTo of [-3]: a dim is negative; give dims of 0 or more"},

	// Products.
	{func() { tensor.MatMul(f32(3), f32(3, 2)) }, "MatMul of [3] and [3 2]: the rank of an operand is below 2; reshape a vector to [1, n] or [n, 1]"},
	{func() { tensor.MatMul(f32(2, 3), f32(2, 3)) }, "MatMul of [2 3] and [2 3]: the inner dims 3 and 2 differ; transpose one with T, or check which axis holds the features"},
	{func() { tensor.MatMul(f32(2, 2, 3), f32(3, 3, 2)) }, "MatMul of [2 2 3] and [3 3 2]: the leading axes do not broadcast; from the right, dims must be equal or 1"},
	{func() { tensor.Linear(f32(2, 3), f32(4, 2), nil, tensor.Activation{}) }, "Linear of [2 3] and [4 2]: the input's features do not match the weight's [out, in]; give an input [n, in]; flatten images first"},
	{func() { tensor.Linear(f32(2, 3, 3), f32(4, 3), nil, tensor.Activation{}) }, "Linear of [2 3 3] and [4 3]: the input's features do not match the weight's [out, in]; give an input [n, in]; flatten images first"},
	{func() { tensor.Linear(f32(2, 3), f32(4, 3), f32(3), tensor.Activation{}) }, "Linear of [2 3] and [4 3] and [3]: the bias does not match the weight's [out, in]; give a bias [out]"},
	{func() { tensor.AdamInto(list(f32(2)), list(f32(2)), list(f32(3)), list(f32(2)), tensor.AdamParams{}) }, "AdamInto of [2] and [3]: the shapes at place 0 differ; give lists in the same order"},

	// Indexing.
	{func() { tensor.Gather(f32(2, 3), 1, tensor.Positions(0, 3)) }, "Gather of [2 3]: index 3 does not lie in axis 1 of dim 3; give whole numbers from 0 to dim−1"},
	{func() { tensor.Gather(f32(2, 3), 2, tensor.Positions()) }, "Gather of [2 3]: there is no axis 2; give one from -2 to 1"},
	{func() { tensor.ScatterAdd(f32(2, 3), 1, 4, tensor.Positions(0, 1)) }, "ScatterAdd of [2 3]: 2 indices for an axis of 3; give one index per element"},
	{func() { tensor.ScatterAdd(f32(3), 0, 2, tensor.Positions(0, 1, 2)) }, "ScatterAdd of [3]: index 2 does not lie in axis 0 of dim 2; give whole numbers from 0 to dim−1"},
	{func() { tensor.ScatterAdd(f32(0), 0, -1, tensor.Positions()) }, "ScatterAdd of [-1]: a dim is negative; give dims of 0 or more"},
	{func() { tensor.Pad(f32(3), 0, 0, 1, 2) }, "Pad of [3]: start 0, step 1 and dim 2 leave no room along axis 0; keep start ≥ 0, step ≥ 1 and start+(dim−1)·step below the new dim"},
	{func() { tensor.Pad(f32(3), 0, 1, 2, 5) }, "Pad of [3]: start 1, step 2 and dim 5 leave no room along axis 0; keep start ≥ 0, step ≥ 1 and start+(dim−1)·step below the new dim"},
	{func() { tensor.Pad(f32(3), 0, -1, 1, 5) }, "Pad of [3]: start -1, step 1 and dim 5 leave no room along axis 0; keep start ≥ 0, step ≥ 1 and start+(dim−1)·step below the new dim"},
	{func() { tensor.Pad(f32(3), -1, 0, 0, 5) }, "Pad of [3]: start 0, step 0 and dim 5 leave no room along axis -1; keep start ≥ 0, step ≥ 1 and start+(dim−1)·step below the new dim"},
	{func() { tensor.Pad(f32(3), 0, 0, half, 5) }, fmt.Sprintf("Pad of [3]: start 0, step %d and dim 5 leave no room along axis 0; keep start ≥ 0, step ≥ 1 and start+(dim−1)·step below the new dim", half)},
	{func() { tensor.Pad(f32(0), 0, 0, 1, -5) }, "Pad of [0]: start 0, step 1 and dim -5 leave no room along axis 0; keep start ≥ 0, step ≥ 1 and start+(dim−1)·step below the new dim"},
	{func() { tensor.Pad(f32(3), 0, 0, 1, huge*4) }, fmt.Sprintf("Pad of [%d]: the array is too large to address; give smaller dims", huge*4)},
	{func() { tensor.Concat(0) }, "Concat: there is nothing to join; give at least one tensor"},
	{func() { tensor.Concat(0, f32()) }, "Concat of []: there is no axis 0; a tensor of rank 0 has none"},
	{func() { tensor.Concat(0, f32(2, 3), f32(2, 2)) }, "Concat of [2 3] and [2 2]: dims other than axis 0 differ; slice or pad them to match"},
	{func() { tensor.Concat(-1, f32(2, 3), f32(2)) }, "Concat of [2 3] and [2]: dims other than axis -1 differ; slice or pad them to match"},

	// Results that nothing holds, or whose length is 0 as it overflows, of small operands.
	{func() { tensor.Add(f32(1, 1).BroadcastTo(huge, 1), f32(1, 4)) }, fmt.Sprintf("Add of [%d 1] and [1 4]: the result [%[1]d 4] is too large to address; work on parts of the operands", huge)},
	{func() { tensor.Mul(f32(1, 1).BroadcastTo(huge, 1), f32(1, 1).BroadcastTo(1, huge)) }, fmt.Sprintf("Mul of [%d 1] and [1 %[1]d]: the result [%[1]d %[1]d] is too large to address; work on parts of the operands", huge)},
	{func() { tensor.Where(f32(1), f32(1, 1).BroadcastTo(huge, 1), f32(1, 4)) }, fmt.Sprintf("Where of [1] and [%d 1] and [1 4]: the result [%[1]d 4] is too large to address; work on parts of the operands", huge)},
	{func() { tensor.MulAdd(f32(1), f32(1, 1).BroadcastTo(huge, 1), f32(1, 4)) }, fmt.Sprintf("MulAdd of [1] and [%d 1] and [1 4]: the result [%[1]d 4] is too large to address; work on parts of the operands", huge)},
	{func() { tensor.MatMul(f32(huge, 0), f32(0, 4)) }, fmt.Sprintf("MatMul of [%d 0] and [0 4]: the result [%[1]d 4] is too large to address; work on parts of the operands", huge)},
	{func() { tensor.MatMul(f32(huge, 0), f32(0, huge)) }, fmt.Sprintf("MatMul of [%d 0] and [0 %[1]d]: the result [%[1]d %[1]d] is too large to address; work on parts of the operands", huge)},
	{func() { tensor.Linear(f32(huge, 0), f32(huge, 0), nil, tensor.Activation{}) }, fmt.Sprintf("Linear of [%d 0] and [%[1]d 0]: the result [%[1]d %[1]d] is too large to address; work on parts of the operands", huge)},
	{func() {
		x := f32(1).BroadcastTo(huge)
		tensor.Concat(0, x, x, x)
	}, fmt.Sprintf("Concat of [%d] and [%[1]d] and [%[1]d]: the result [%d] is too large to address; work on parts of the operands", huge, 3*huge)},

	// Convolutions.
	{func() { tensor.Conv2D(f32(3, 4, 4), f32(2, 3, 3, 3), nil, tensor.ConvParams{}, tensor.Activation{}) }, "Conv2D of [3 4 4] and [2 3 3 3]: an operand does not have four axes; give images [n, channels, height, width]; reshape one to [1, …]"},
	{func() {
		tensor.Conv2D(f32(1, 3, 4, 4), f32(2, 3, 3, 3), nil, tensor.ConvParams{Dilation: [2]int{math.MaxInt32, 1}}, tensor.Activation{})
	}, "Conv2D of [1 3 4 4] and [2 3 3 3]: stride [1 1], padding [0 0] or dilation [2147483647 1] is too large; give less than a billion"},
	{func() { tensor.Conv2D(f32(1, 3, 4, 4), f32(2, 4, 3, 3), nil, tensor.ConvParams{}, tensor.Activation{}) }, "Conv2D of [1 3 4 4] and [2 4 3 3]: a weight [2 4 3 3] with 1 groups makes 2 channels of 4; give a weight [out, in/groups, kh, kw]"},
	{func() {
		tensor.Conv2D(f32(1, 3, 4, 4), f32(2, 1, 3, 3), nil, tensor.ConvParams{Groups: 2}, tensor.Activation{})
	}, "Conv2D of [1 3 4 4] and [2 1 3 3]: 3 and 2 channels are not divisible into 2 groups; give channels that are multiples of the groups"},
	{func() { tensor.Conv2D(f32(1, 3, 4, 4), f32(2, 3, 5, 3), nil, tensor.ConvParams{}, tensor.Activation{}) }, "Conv2D of [1 3 4 4] and [2 3 5 3]: the kernel of 5×3 with dilation [1 1] is larger than the image of 4×4 with padding [0 0]; give larger images, more padding or a smaller kernel"},
	{func() { tensor.Conv2D(f32(1, 3, 4, 4), f32(2, 3, 0, 3), nil, tensor.ConvParams{}, tensor.Activation{}) }, "Conv2D of [1 3 4 4] and [2 3 0 3]: images of 4×4 and a kernel of 0×3 are not possible; give positive dims"},
	{func() {
		tensor.Conv2DInputGrad(f32(1, 2, 2, 2), f32(2, 3, 3, 3), nil, 5, 4, tensor.ConvParams{}, tensor.Activation{})
	}, "Conv2DInputGrad of [1 2 2 2] and [2 3 3 3]: a convolution of 5×4 gives 3, not 2, along axis 2; give the gradient the shape of the convolution's result"},
	{func() {
		tensor.Conv2DInputGrad(f32(1, 2, 2, 2), f32(2, 3, 3, 3), nil, -5, 4, tensor.ConvParams{}, tensor.Activation{})
	}, "Conv2DInputGrad of [1 2 2 2] and [2 3 3 3]: images of -5×4 and a kernel of 3×3 are not possible; give positive dims"},
	{func() {
		tensor.Conv2DInputGrad(f32(1, 3, 2, 2), f32(2, 3, 3, 3), nil, 4, 4, tensor.ConvParams{}, tensor.Activation{})
	}, "Conv2DInputGrad of [1 3 2 2] and [2 3 3 3]: a weight [2 3 3 3] with 1 groups makes 2 channels of 3; give a weight [out, in/groups, kh, kw]"},
	{func() { tensor.Conv2DWeightGrad(f32(1, 3, 4, 4), f32(1, 2, 2, 2), 3, 4, tensor.ConvParams{}) }, "Conv2DWeightGrad of [1 3 4 4] and [1 2 2 2]: a convolution of 4×4 gives 1, not 2, along axis 3; give the gradient the shape of the convolution's result"},
	{func() { tensor.Conv2DWeightGrad(f32(2, 3, 4, 4), f32(1, 2, 2, 2), 3, 3, tensor.ConvParams{}) }, "Conv2DWeightGrad of [2 3 4 4] and [1 2 2 2]: the batches differ in size; give one gradient per image"},
	{func() { tensor.Conv2DWeightGrad(f32(1, 3, 4, 4), f32(1, 2, 2, 2), 3, 0, tensor.ConvParams{}) }, "Conv2DWeightGrad of [1 3 4 4] and [1 2 2 2]: images of 4×4 and a kernel of 3×0 are not possible; give positive dims"},

	// Operands that may not meet.
	{func() { tensor.LinearAdd(f32(2, 3), f32(4, 2), nil, f32(2, 4), tensor.Activation{}) }, "LinearAdd of [2 3] and [4 2] and [2 4]: the input's features do not match the weight's [out, in]; give an input [n, in]; flatten images first"},
	{func() { tensor.LinearAdd(f32(2, 3), f32(4, 3), f32(3), f32(2, 4), tensor.Activation{}) }, "LinearAdd of [2 3] and [4 3] and [3] and [2 4]: the bias does not match the weight's [out, in]; give a bias [out]"},
	{func() { tensor.LinearAdd(f32(2, 3), f32(4, 3), nil, f32(4), tensor.Activation{}) }, "LinearAdd of [2 3] and [4 3] and [4]: what is added does not have the result's shape [n, out]; give one of that shape"},
	{func() { tensor.LinearAdd(f32(2, 3), f32(4, 3), nil, f64(2, 4), tensor.Activation{}) }, "LinearAdd of float32 [2 3] and float32 [4 3] and float64 [2 4]: the dtypes do not fit; convert one with Cast"},
	{func() { tensor.MulAdd(f32(2), f32(3), f32(1)) }, "MulAdd of [2] and [3] and [1]: the shapes do not broadcast; from the right, dims must be equal or 1; reshape one"},
	{func() { tensor.Where(f32(2), f32(3), f32(1)) }, "Where of [2] and [3] and [1]: the shapes do not broadcast; from the right, dims must be equal or 1; reshape one"},
	{func() { tensor.AddScaledInto(f32(2, 3), f32(2, 3), 1, f32(3)) }, "AddScaledInto of [2 3] and [2 3] and [3]: the shapes differ; in-place operations do not broadcast"},
	{func() { tensor.LerpInto(f32(2), f32(3), f32(2), 1) }, "LerpInto of [2] and [3] and [2]: the shapes differ; in-place operations do not broadcast"},
	{func() { tensor.MatMul(f32(2, 2), f64(2, 2)) }, "MatMul of float32 [2 2] and float64 [2 2]: the dtypes do not fit; convert one with Cast"},
	{func() { tensor.Where(f32(2), f32(2), f64(2)) }, "Where of float32 [2] and float32 [2] and float64 [2]: the dtypes do not fit; convert one with Cast"},
	{func() { tensor.Concat(0, f32(2), f64(2)) }, "Concat of float32 [2] and float64 [2]: the dtypes do not fit; convert one with Cast"},
	{func() { tensor.Linear(f32(2, 3), f32(4, 3), f64(4), tensor.Activation{}) }, "Linear of float32 [2 3] and float32 [4 3] and float64 [4]: the dtypes do not fit; convert one with Cast"},
	{func() { tensor.AddScaledInto(f32(2), f32(2), 1, f64(2)) }, "AddScaledInto of float32 [2] and float32 [2] and float64 [2]: the dtypes do not fit; convert one with Cast"},
}

func TestMisuse(t *testing.T) {
	for _, c := range misuses {
		err := tensor.Catch(c.do)
		require.EqualError(t, err, c.want)
		var misuse tensor.Misuse
		require.ErrorAs(t, err, &misuse)
		require.NotEmpty(t, misuse.Misuse())
		require.Contains(t, c.want, misuse.Misuse())
		switch err.(type) {
		case *tensor.ShapeError, *tensor.DTypeError, *tensor.ArgumentError:
		default:
			t.Errorf("%T: %v", err, err)
		}
	}
}

func TestMisuseOfBinaryFunctions(t *testing.T) {
	ref := device(t)
	for name, c := range binaries {
		for _, m := range []struct {
			x, y *tensor.Tensor
			want string
		}{
			{f32(2, 3), f32(2), " of [2 3] and [2]: the shapes do not broadcast; from the right, dims must be equal or 1; reshape one"},
			{f32(2, 0), f32(2, 3), " of [2 0] and [2 3]: the shapes do not broadcast; from the right, dims must be equal or 1; reshape one"},
			{f32(2), f64(2), " of float32 [2] and float64 [2]: the dtypes do not fit; convert one with Cast"},
			{f32(2), ref.New(tensor.Float32, 2), " of cpu [2] and ref [2]: the operands lie on different devices; move one with Tensor.To"},
		} {
			require.EqualError(t, tensor.Catch(func() { c.f(m.x, m.y) }), name+m.want)
		}
	}
}

// TestRepeatedElementsAreNotWritten: several threads would write one number in
// no particular order.
func TestRepeatedElementsAreNotWritten(t *testing.T) {
	ok := f32(2, 2)
	p := tensor.AdamParams{}
	for name, write := range map[string]func(x *tensor.Tensor){
		"Set":                func(x *tensor.Tensor) { x.Set(1, 0, 0) },
		"Fill":               func(x *tensor.Tensor) { x.Fill(1) },
		"CopyFrom":           func(x *tensor.Tensor) { x.CopyFrom(ok) },
		"SetFloat32":         func(x *tensor.Tensor) { x.SetFloat32(make([]float32, 4)) },
		"SetFloat64":         func(x *tensor.Tensor) { x.SetFloat64(make([]float64, 4)) },
		"AddScaledInto":      func(x *tensor.Tensor) { tensor.AddScaledInto(x, ok, 1, ok) },
		"LerpInto":           func(x *tensor.Tensor) { tensor.LerpInto(x, ok, ok, 1) },
		"Stream.NormalInto":  func(x *tensor.Tensor) { tensor.NewStream(1, "").NormalInto(x) },
		"Stream.UniformInto": func(x *tensor.Tensor) { tensor.NewStream(1, "").UniformInto(x) },
		"AdamInto": func(x *tensor.Tensor) {
			for _, three := range [][3]*tensor.Tensor{{x, ok, ok}, {ok, x, ok}, {ok, ok, x}} {
				err := tensor.Catch(func() { tensor.AdamInto(list(three[0]), list(ok), list(three[1]), list(three[2]), p) })
				require.ErrorContains(t, err, "AdamInto of [2 2]: the tensor to be changed repeats its elements")
			}
			tensor.AdamInto(list(x), list(ok), list(ok), list(ok), p)
		},
	} {
		err := tensor.Catch(func() { write(f32(2).BroadcastTo(2, 2)) })
		require.EqualError(t, err, name+" of [2 2]: the tensor to be changed repeats its elements; change a Clone, or what it was broadcast from")
	}
	require.Zero(t, ok.Version())
	f32(1, 1).BroadcastTo(1, 1, 1).Fill(1) // nothing is repeated
	f32(2, 0, 1).BroadcastTo(2, 0, 4).Fill(1)
}

type custom struct{ error }

func (custom) Misuse() string { return "do not" }

func TestCatch(t *testing.T) {
	require.NoError(t, tensor.Catch(func() {}))
	mine := custom{errors.New("mine")}
	require.Equal(t, mine, tensor.Catch(func() { panic(mine) }), "any Misuse is caught")
	for _, other := range []any{"text", errors.New("error"), fmt.Errorf("wrapped: %w", mine), 7} {
		require.PanicsWithValue(t, other, func() { _ = tensor.Catch(func() { panic(other) }) })
	}
	require.Panics(t, func() {
		_ = tensor.Catch(func() { var x []int; _ = x[len(x)] })
	}, "a bug of ours must not look like the user's")
}

func TestErrorFields(t *testing.T) {
	err := tensor.Catch(func() { tensor.Add(f32(2, 3), f32(2)) })
	var shape *tensor.ShapeError
	require.ErrorAs(t, err, &shape)
	require.Equal(t, "Add", shape.Op)
	require.Equal(t, [][]int{{2, 3}, {2}}, shape.Shapes)

	err = tensor.Catch(func() { tensor.Add(f32(2, 3), f64(2)) })
	var dtype *tensor.DTypeError
	require.ErrorAs(t, err, &dtype)
	require.Equal(t, []tensor.DType{tensor.Float32, tensor.Float64}, dtype.DTypes)
	require.Equal(t, [][]int{{2, 3}, {2}}, dtype.Shapes)

	err = tensor.Catch(func() { tensor.Add(f32(2), device(t).New(tensor.Float32, 2)) })
	var dev *tensor.DeviceError
	require.ErrorAs(t, err, &dev)
	require.Equal(t, []string{"cpu", "ref"}, dev.Devices)
}
