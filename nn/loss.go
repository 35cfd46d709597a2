package nn

import (
	"fmt"
	"math"

	"github.com/gander-ml/gander/autograd"
	"github.com/gander-ml/gander/tensor"
)

// Reduction says what a loss makes of its terms.
type Reduction uint8

// The reductions; losses take the mean if none is given.
const (
	ReduceMean Reduction = iota
	ReduceSum
	ReduceNone // the terms themselves
)

func reduced(terms *autograd.Var, r []Reduction) *autograd.Var {
	switch {
	case len(r) == 0 || r[0] == ReduceMean:
		return autograd.Mean(terms)
	case r[0] == ReduceSum:
		return autograd.Sum(terms)
	}
	return terms
}

// given panics if an operand is nil.
func given(op string, vars ...*autograd.Var) {
	for _, v := range vars {
		if v == nil {
			panic(&tensor.ArgumentError{Op: op, Problem: "an operand is nil", Fix: "give a Var, such as autograd.Const makes of a tensor"})
		}
	}
}

func sameShape(op string, x, target *autograd.Var) {
	given(op, x, target)
	if !x.Value().SameShape(target.Value()) {
		panic(&tensor.ShapeError{Op: op, Shapes: [][]int{x.Shape(), target.Shape()},
			Problem: "prediction and target differ in shape", Fix: "give one target per prediction; reshape [n] to [n, 1]"})
	}
}

// BCELoss is the binary cross-entropy of probabilities p in [0, 1] with targets
// t of the same shape: −(t·ln p + (1−t)·ln(1−p)), each logarithm held at −100
// or above, as in PyTorch. Its gradient by p is (p−t)/max(p·(1−p), 10⁻¹²), so it
// is finite everywhere; outside [0, 1] the loss is NaN. If the probabilities come
// out of a sigmoid, [BCEWithLogitsLoss] is the more accurate choice. It panics with
// a [tensor.ShapeError] if the shapes differ.
func BCELoss(p, t *autograd.Var, r ...Reduction) *autograd.Var {
	sameShape("BCELoss", p, t)
	return reduced(autograd.Apply(bce{}, p, t), r)
}

type bce struct{}

func (bce) Name() string { return "BCELoss" }

func (bce) Eval(in []*tensor.Tensor) *tensor.Tensor {
	p, t := in[0], in[1]
	yes, no := clampedLogs(p)
	return tensor.Neg(tensor.Add(tensor.Mul(t, yes), tensor.Mul(complement(t), no)))
}

func (bce) VJP(b *autograd.Back, gy *autograd.Var) []*autograd.Var {
	p, out := b.In(0), b.Grads()
	if b.Needs(0) {
		out[0] = autograd.Mul(gy, autograd.Apply(bceByProbability{}, p, b.In(1)))
	}
	if b.Needs(1) {
		out[1] = autograd.Mul(gy, autograd.Apply(bceByTarget{}, p))
	}
	return out
}

// bceByProbability is (p−t)/max(p·(1−p), 10⁻¹²), the derivative of the cross-entropy
// by its probability. Its own derivative by p is t/p² + (1−t)/(1−p)², and not that
// of the quotient, in which large numbers cancel; where the product is held, 10¹².
type bceByProbability struct{}

func (bceByProbability) Name() string { return "BCELossByProbability" }

func (bceByProbability) Eval(in []*tensor.Tensor) *tensor.Tensor {
	return tensor.Div(tensor.Sub(in[0], in[1]), tensor.Clamp(variance(in[0]), leastVariance, math.Inf(1)))
}

func (bceByProbability) VJP(b *autograd.Back, gy *autograd.Var) []*autograd.Var {
	p, t, out := b.In(0), b.In(1), b.Grads()
	if b.Needs(0) {
		v := p.Value()
		held := tensor.GreaterEqual(tensor.FullLike(v, leastVariance), variance(v))
		// Where it is held, ½ stands for p, so that nothing overflows.
		half := autograd.Const(tensor.FullLike(v, 0.5))
		inside := autograd.Where(held, half, p)
		square := func(x *autograd.Var) *autograd.Var { return autograd.Square(autograd.Reciprocal(x)) }
		curvature := autograd.Add(autograd.Mul(t, square(inside)), autograd.Mul(oneLess(t), square(oneLess(inside))))
		out[0] = autograd.Mul(gy, autograd.Where(held, autograd.Const(tensor.FullLike(v, 1/leastVariance)), curvature))
	}
	if b.Needs(1) {
		out[1] = autograd.Neg(autograd.Div(gy, autograd.Clamp(autograd.Mul(p, oneLess(p)), leastVariance, math.Inf(1))))
	}
	return out
}

// leastVariance is what p·(1−p) is held at.
const leastVariance = 1e-12

func variance(p *tensor.Tensor) *tensor.Tensor { return tensor.Mul(p, complement(p)) }

// oneLess is 1−x.
func oneLess(x *autograd.Var) *autograd.Var { return autograd.Shift(autograd.Neg(x), 1) }

// bceByTarget is max(ln(1−p), −100) − max(ln p, −100), the derivative of the
// cross-entropy by its target.
type bceByTarget struct{}

func (bceByTarget) Name() string { return "BCELossByTarget" }

func (bceByTarget) Eval(in []*tensor.Tensor) *tensor.Tensor {
	yes, no := clampedLogs(in[0])
	return tensor.Sub(no, yes)
}

func (bceByTarget) VJP(b *autograd.Back, gy *autograd.Var) []*autograd.Var {
	p := b.In(0)
	return []*autograd.Var{autograd.Neg(autograd.Div(gy, autograd.Clamp(autograd.Mul(p, oneLess(p)), leastVariance, math.Inf(1))))}
}

func clampedLogs(p *tensor.Tensor) (yes, no *tensor.Tensor) {
	yes = tensor.Clamp(tensor.Log(p), -100, math.Inf(1))
	no = tensor.Clamp(logComplement(p), -100, math.Inf(1))
	return yes, no
}

// logComplement returns ln(1−p), accurate for p near 0, where q = 1−p is rounded:
// the quotient p/(1−q), in which 1−q is exact, makes up for it (after Kahan).
func logComplement(p *tensor.Tensor) *tensor.Tensor {
	q := complement(p)
	rounded := complement(q)
	tiny := tensor.Equal(rounded, tensor.Scale(rounded, 0)) // q is 1, and ln(1−p) is −p
	return tensor.Where(tiny, tensor.Neg(p), tensor.Mul(tensor.Log(q), tensor.Div(p, rounded)))
}

func complement(t *tensor.Tensor) *tensor.Tensor { return tensor.Shift(tensor.Neg(t), 1) }

// BCEWithLogitsLoss is the binary cross-entropy of sigmoid x with targets t of
// the same shape, accurate for logits of any size:
// t·softplus(−x) + (1−t)·softplus(x), which is max(x, 0) − x·t + ln(1 + e^−|x|)
// without the cancellation. Its gradient by x is sigmoid(x) − t. It panics with
// a [tensor.ShapeError] if the shapes differ.
func BCEWithLogitsLoss(x, t *autograd.Var, r ...Reduction) *autograd.Var {
	sameShape("BCEWithLogitsLoss", x, t)
	yes := autograd.Mul(t, autograd.Softplus(autograd.Neg(x)))
	no := autograd.Mul(oneLess(t), autograd.Softplus(x))
	return reduced(autograd.Add(yes, no), r)
}

// MSELoss is (x−t)². It panics with a [tensor.ShapeError] if the shapes differ.
func MSELoss(x, t *autograd.Var, r ...Reduction) *autograd.Var {
	sameShape("MSELoss", x, t)
	return reduced(autograd.Square(autograd.Sub(x, t)), r)
}

// L1Loss is |x−t|; its gradient is 0 where they are equal. It panics with a
// [tensor.ShapeError] if the shapes differ.
func L1Loss(x, t *autograd.Var, r ...Reduction) *autograd.Var {
	sameShape("L1Loss", x, t)
	return reduced(autograd.Abs(autograd.Sub(x, t)), r)
}

// CrossEntropyLoss is −ln softmax(x) at the true class, for logits x [n, c] and
// one class from 0 to c−1 per row; its terms have shape [n]. It panics with a
// [tensor.ShapeError] if they do not fit.
func CrossEntropyLoss(x *autograd.Var, classes []int, r ...Reduction) *autograd.Var {
	given("CrossEntropyLoss", x)
	v := x.Value()
	if v.Rank() != 2 || v.Dim(0) != len(classes) {
		panic(&tensor.ShapeError{Op: "CrossEntropyLoss", Shapes: [][]int{v.Shape(), {len(classes)}},
			Problem: "logits and classes do not fit", Fix: "give logits [n, c] and n classes"})
	}
	n, c := v.Dim(0), v.Dim(1)
	at := make([]int, n)
	for i, k := range classes {
		if k < 0 || k >= c {
			panic(&tensor.ShapeError{Op: "CrossEntropyLoss", Shapes: [][]int{v.Shape()},
				Problem: fmt.Sprintf("row %d has class %d of %d", i, k, c), Fix: "give classes from 0 to c−1"})
		}
		at[i] = i*c + k
	}
	// Picking the true class, and not multiplying by a one-hot target, allows
	// others to have a logit of −Inf.
	logs := autograd.Reshape(autograd.LogSoftmax(x, 1), n*c)
	return reduced(autograd.Neg(autograd.Gather(logs, 0, tensor.Positions(at...))), r)
}

// SoftCrossEntropyLoss is −Σ pᵢ·ln softmax(x)ᵢ, for logits x [n, c] and
// probabilities p [n, c]; its terms have shape [n]. A logit of −Inf makes it NaN,
// even with a probability of 0. It panics with a [tensor.ShapeError] if the shapes
// differ.
func SoftCrossEntropyLoss(x, p *autograd.Var, r ...Reduction) *autograd.Var {
	sameShape("SoftCrossEntropyLoss", x, p)
	if x.Value().Rank() != 2 {
		panic(&tensor.ShapeError{Op: "SoftCrossEntropyLoss", Shapes: [][]int{x.Shape()},
			Problem: fmt.Sprintf("the rank is %d", x.Value().Rank()), Fix: "give logits [n, c]"})
	}
	return reduced(autograd.Neg(autograd.Sum(autograd.Mul(p, autograd.LogSoftmax(x, 1)), 1)), r)
}
