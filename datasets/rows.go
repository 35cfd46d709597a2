package datasets

import (
	"fmt"
	"slices"

	"github.com/gander-ml/gander/tensor"
)

// FromTensor returns a dataset of a copy of x's numbers [n, …]: sample i is what
// lies at i along the first axis. It is a [Filler64], and a [Labeler] unless labels
// is nil. FromTensor panics with a [tensor.ShapeError] if x has no axes, and with
// a [tensor.ArgumentError] if there is not one label for each sample.
func FromTensor(x *tensor.Tensor, labels []int) Dataset {
	if x == nil || x.Rank() == 0 {
		panic(&tensor.ShapeError{Op: "FromTensor", Problem: "there is no axis of samples", Fix: "give [n, …]"})
	}
	shape := x.Shape()
	if labels != nil && len(labels) != shape[0] {
		misuse("FromTensor", fmt.Sprintf("%d labels of %d samples", len(labels), shape[0]), "give one for each, or nil")
	}
	r := &rows{shape: shape[1:], n: shape[0]}
	switch x.DType() {
	case tensor.Float32:
		r.single = x.Float32s()
	case tensor.Float64:
		r.double = x.Float64s()
	default:
		panic(&tensor.DTypeError{Op: "FromTensor", DTypes: []tensor.DType{x.DType()}, Shapes: [][]int{shape}, Fix: "give Float32 or Float64"})
	}
	if labels == nil {
		return r
	}
	return &labeledRows{r, slices.Clone(labels)}
}

// rows is the dataset of a tensor.
type rows struct {
	shape  []int // of one sample
	n      int
	single []float32 // of a Float32 tensor
	double []float64 // of a Float64 tensor
}

func (r *rows) Len() int { return r.n }

func (r *rows) Shape() []int { return slices.Clone(r.shape) }

func (r *rows) Fill(i int, dst []float32) error {
	r.check("Fill", i, len(dst))
	if r.single != nil {
		copy(dst, r.single[i*len(dst):])
		return nil
	}
	for k := range dst {
		dst[k] = float32(r.double[i*len(dst)+k])
	}
	return nil
}

func (r *rows) Fill64(i int, dst []float64) error {
	r.check("Fill64", i, len(dst))
	if r.double != nil {
		copy(dst, r.double[i*len(dst):])
		return nil
	}
	for k := range dst {
		dst[k] = float64(r.single[i*len(dst)+k])
	}
	return nil
}

func (r *rows) check(op string, i, elements int) {
	checkIndex(op, i, r.n)
	checkRoom(op, elements, r.shape)
}

type labeledRows struct {
	*rows
	labels []int
}

func (r *labeledRows) Label(i int) int {
	checkIndex("Label", i, r.n)
	return r.labels[i]
}

// AsTensor returns all samples of a dataset as one tensor [n, …]. The error is the
// dataset's. AsTensor panics with a [tensor.ArgumentError] if data is nil.
func AsTensor(data Dataset, dt tensor.DType) (*tensor.Tensor, error) {
	given("AsTensor", data)
	out := tensor.New(dt, append([]int{data.Len()}, data.Shape()...)...)
	switch dt {
	case tensor.Float32:
		all, err := gathered(data, data.Fill)
		if err != nil {
			return nil, err
		}
		out.SetFloat32(all)
	case tensor.Float64:
		all, err := gathered(data, filler64(data))
		if err != nil {
			return nil, err
		}
		out.SetFloat64(all)
	default:
		misuse("AsTensor", fmt.Sprintf("no dataset fills a tensor of %v", dt), "give tensor.Float32 or tensor.Float64")
	}
	return out, nil
}

// gathered returns the numbers of all samples of a dataset, by one of its methods.
func gathered[T float32 | float64](data Dataset, fill func(i int, dst []T) error) ([]T, error) {
	n, size := data.Len(), elementsOf(data.Shape())
	all := make([]T, n*size)
	for i := range n {
		if err := fill(i, all[i*size:(i+1)*size]); err != nil {
			return nil, fmt.Errorf("datasets: sample %d: %w", i, err)
		}
	}
	return all, nil
}
