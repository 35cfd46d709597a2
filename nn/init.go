package nn

import (
	"math"

	"github.com/gander-ml/gander/tensor"
)

// Initializer writes a parameter's first value to t. fanIn and fanOut are the
// numbers of inputs and outputs that one unit is connected to, and random is the
// stream of the network's first values. This package has the usual ones; any
// function can be one.
type Initializer func(t *tensor.Tensor, fanIn, fanOut int, random *tensor.Stream)

// Uniform draws from the interval [−bound, bound).
func Uniform(bound float64) Initializer {
	return func(t *tensor.Tensor, _, _ int, random *tensor.Stream) { uniform(t, bound, random) }
}

// Normal draws with mean 0 and the given standard deviation.
func Normal(std float64) Initializer {
	return func(t *tensor.Tensor, _, _ int, random *tensor.Stream) { normal(t, std, random) }
}

// Constant sets every element to v.
func Constant(v float64) Initializer {
	return func(t *tensor.Tensor, _, _ int, _ *tensor.Stream) { t.Fill(v) }
}

// TorchDefault is what PyTorch gives weights and biases of linear layers and
// convolutions: uniform on ±1/√fan-in.
func TorchDefault() Initializer {
	return func(t *tensor.Tensor, fanIn, _ int, random *tensor.Stream) {
		uniform(t, 1/math.Sqrt(float64(max(fanIn, 1))), random)
	}
}

// XavierUniform is uniform on ±gain·√(6/(fan-in + fan-out)) (Glorot and Bengio,
// "Understanding the difficulty of training deep feedforward neural networks",
// 2010).
func XavierUniform(gain float64) Initializer {
	return func(t *tensor.Tensor, fanIn, fanOut int, random *tensor.Stream) {
		uniform(t, gain*math.Sqrt(6/float64(max(fanIn+fanOut, 1))), random)
	}
}

// XavierNormal is normal of standard deviation gain·√(2/(fan-in + fan-out)).
func XavierNormal(gain float64) Initializer {
	return func(t *tensor.Tensor, fanIn, fanOut int, random *tensor.Stream) {
		normal(t, gain*math.Sqrt(2/float64(max(fanIn+fanOut, 1))), random)
	}
}

// HeUniform is uniform on ±gain·√(3/fan-in); a gain of √(2/(1+slope²)) suits
// LeakyReLU (He et al., "Delving deep into rectifiers", 2015).
func HeUniform(gain float64) Initializer {
	return func(t *tensor.Tensor, fanIn, _ int, random *tensor.Stream) {
		uniform(t, gain*math.Sqrt(3/float64(max(fanIn, 1))), random)
	}
}

// HeNormal is normal of standard deviation gain/√fan-in.
func HeNormal(gain float64) Initializer {
	return func(t *tensor.Tensor, fanIn, _ int, random *tensor.Stream) {
		normal(t, gain/math.Sqrt(float64(max(fanIn, 1))), random)
	}
}

// Orthogonal makes the rows of the weight, taken as a matrix [out, rest],
// orthogonal and of length gain, or the columns if there are fewer of them
// (Saxe et al., "Exact solutions to the nonlinear dynamics of learning in deep
// linear neural networks", 2014). It is uniform among such matrices. It panics
// with a [tensor.ShapeError] if the rank is below 2.
func Orthogonal(gain float64) Initializer {
	return func(t *tensor.Tensor, _, _ int, random *tensor.Stream) {
		if t.Rank() < 2 {
			panic(&tensor.ShapeError{Op: "Orthogonal", Shapes: [][]int{t.Shape()},
				Problem: "the rank is below 2", Fix: "use another initialiser for biases"})
		}
		rows, cols := t.Dim(0), t.Len()/max(t.Dim(0), 1)
		n, d := min(rows, cols), max(rows, cols) // n vectors of length d
		v := random.Normal(tensor.Float64, n, d).Float64s()
		orthonormalise(v, n, d)
		q := tensor.FromFloat64(v, n, d)
		if rows > cols {
			q = q.T()
		}
		t.CopyFrom(tensor.Scale(q.Reshape(t.Shape()...), gain))
	}
}

// orthonormalise replaces n rows of length d ≥ n by an orthonormal basis of
// their span (modified Gram–Schmidt, each row twice, which is enough for full
// accuracy: Giraud et al., 2005).
func orthonormalise(v []float64, n, d int) {
	row := func(i int) []float64 { return v[i*d : (i+1)*d] }
	for i := range n {
		for range 2 {
			for j := range i {
				dot := 0.0
				for k, x := range row(j) {
					dot += x * row(i)[k]
				}
				for k, x := range row(j) {
					row(i)[k] -= dot * x
				}
			}
		}
		norm := 0.0
		for _, x := range row(i) {
			norm = math.Hypot(norm, x)
		}
		for k := range row(i) {
			row(i)[k] /= norm
		}
	}
}

func uniform(t *tensor.Tensor, bound float64, random *tensor.Stream) {
	u := random.Uniform(t.DType(), t.Shape()...)
	t.CopyFrom(tensor.Shift(tensor.Scale(u, 2*bound), -bound))
}

func normal(t *tensor.Tensor, std float64, random *tensor.Stream) {
	t.CopyFrom(tensor.Scale(random.Normal(t.DType(), t.Shape()...), std))
}
