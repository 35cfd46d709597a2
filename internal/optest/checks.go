package optest

import (
	"errors"
	"fmt"
	"math"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/gander-ml/gander/autograd"
	_ "github.com/gander-ml/gander/internal/backend/backendtest/far" // registers the device
	"github.com/gander-ml/gander/tensor"
)

// both has the dtypes with the tolerance of each.
func (r Row) both() map[tensor.DType]float64 {
	return map[tensor.DType]float64{tensor.Float64: r.Tol, tensor.Float32: r.Tol32}
}

// eachSample calls check with every sample, and adds the sample's shapes to an
// error. It returns a panic as an error too.
func (r Row) eachSample(check func(xs []Array) error) error {
	for i, xs := range r.Samples() {
		if err := guarded(func() error { return check(xs) }); err != nil {
			return fmt.Errorf("inputs %s: %w", r.Shapes[i], err)
		}
	}
	return nil
}

// guarded returns a panic of f as an error, so that a row's panic does not end the
// test of all rows.
func guarded(f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	return f()
}

func (r Row) forward(xs []Array) error {
	want := r.Ref(xs)
	for dt, tol := range r.both() {
		y := r.F(apply(autograd.Const, tensors(dt, xs)))
		if y.Value().DType() != dt {
			return fmt.Errorf("%v inputs give a %v result", dt, y.Value().DType())
		}
		if err := near(arrayOf(y.Value()), want, tol); err != nil {
			return fmt.Errorf("%v: %w", dt, err)
		}
	}
	return nil
}

// checkForward compares the value with the definition.
func checkForward(r Row) error { return r.eachSample(r.forward) }

// checkSpecial puts NaN and infinities among the inputs, one at a time, and then
// NaN in all of the gradient by the result.
func checkSpecial(r Row) error {
	return r.eachSample(func(xs []Array) error {
		for i, x := range xs {
			for _, v := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
				if len(x.Data) == 0 {
					continue
				}
				marked := slices.Clone(xs)
				marked[i].Data = slices.Clone(x.Data)
				marked[i].Data[len(x.Data)/2] = v
				if err := r.forward(marked); err != nil {
					return fmt.Errorf("%v in input %d: %w", v, i, err)
				}
			}
		}
		leaves := apply(autograd.Leaf, tensors(tensor.Float64, xs))
		y := r.F(leaves)
		seed := autograd.Const(tensor.Full(tensor.Float64, math.NaN(), y.Shape()...))
		for i, g := range autograd.Grad(y, leaves, autograd.Opts{Seed: seed}) {
			if y.Value().Len() > 0 && len(xs[i].Data) > 0 && !slices.ContainsFunc(g.Value().Float64s(), math.IsNaN) {
				return fmt.Errorf("the gradient by input %d hides the NaN of the gradient by the result", i)
			}
		}
		return nil
	})
}

// checkDerivatives compares derivatives of first and second order with finite
// differences.
func checkDerivatives(r Row) error {
	return r.eachSample(func(xs []Array) error {
		ts := tensors(tensor.Float64, xs)
		_, got := evaluate(r.F, ts).all()
		for i, g := range got[1:] {
			if x := ts[i%len(ts)]; !g.SameShape(x) || g.DType() != x.DType() {
				return fmt.Errorf("a derivative by input %d is %v %v, want %v %v", i%len(ts), g.DType(), g.Shape(), x.DType(), x.Shape())
			}
		}
		if empty := !slices.ContainsFunc(xs, func(x Array) bool { return len(x.Data) > 0 }); empty {
			return nil // the value may be −Inf or NaN, which do not have differences
		}
		return autograd.Check(r.F, ts, autograd.CheckOptions{Directions: 2, Step: 2.5e-4})
	})
}

// checkFloat32 compares float32 derivatives with the float64 ones.
func checkFloat32(r Row) error {
	return r.eachSample(func(xs []Array) error {
		return evaluate(r.F, tensors(tensor.Float32, xs)).near(evaluate(r.F, tensors(tensor.Float64, xs)), r.Tol32)
	})
}

// checkKinks compares the gradient exactly at points at which it is a convention.
func checkKinks(r Row) error {
	return guarded(func() error {
		for _, k := range r.Kinks {
			for dt := range r.both() {
				var xs []*tensor.Tensor
				for _, x := range k.In {
					xs = append(xs, tensor.FromFloat64(x).Cast(dt))
				}
				leaves := apply(autograd.Leaf, xs)
				for i, g := range autograd.Grad(autograd.Sum(r.F(leaves)), leaves, autograd.Opts{}) {
					if err := near(arrayOf(g.Value()), arrayOf(tensor.FromFloat64(k.Grad[i]).Cast(dt)), 0); err != nil {
						return fmt.Errorf("%v, at %v, gradient by input %d: %w", dt, k.In, i, err)
					}
				}
			}
		}
		return nil
	})
}

// layouts return views with the elements of x in another memory order.
var layouts = map[string]func(x *tensor.Tensor) *tensor.Tensor{
	"permuted": func(x *tensor.Tensor) *tensor.Tensor {
		var reverse []int
		for k := range x.Rank() {
			reverse = append([]int{k}, reverse...)
		}
		return x.Permute(reverse...).Clone().Permute(reverse...)
	},
	"strided": func(x *tensor.Tensor) *tensor.Tensor { // every other element of a larger array
		if x.Rank() == 0 {
			y := tensor.Full(x.DType(), math.NaN(), 3).Slice(0, 1, 2).Reshape()
			y.CopyFrom(x)
			return y
		}
		shape := x.Shape()
		d := shape[len(shape)-1]
		shape[len(shape)-1] = 2*d + 1
		y := tensor.Full(x.DType(), math.NaN(), shape...).SliceStep(-1, 1, 2*d+1, 2)
		y.CopyFrom(x)
		return y
	},
}

// checkLayouts passes the inputs, one at a time and all together, as views.
func checkLayouts(r Row) error {
	return r.eachSample(func(xs []Array) error {
		plain := tensors(tensor.Float64, xs)
		want := evaluate(r.F, plain)
		for name, arrange := range layouts {
			all := slices.Clone(plain)
			for i, x := range plain {
				alone := slices.Clone(plain)
				alone[i] = arrange(x)
				all[i] = alone[i]
				if err := evaluate(r.F, alone).near(want, r.Tol); err != nil {
					return fmt.Errorf("input %d %s: %w", i, name, err)
				}
			}
			if err := evaluate(r.F, all).near(want, r.Tol); err != nil {
				return fmt.Errorf("all inputs %s: %w", name, err)
			}
		}
		for i, x := range plain {
			if x.Rank() == 0 || x.Len() == 0 {
				continue
			}
			repeated, copied := slices.Clone(plain), slices.Clone(plain)
			repeated[i] = x.Slice(0, 0, 1).BroadcastTo(x.Shape()...)
			copied[i] = repeated[i].Clone()
			if err := evaluate(r.F, repeated).near(evaluate(r.F, copied), r.Tol); err != nil {
				return fmt.Errorf("input %d repeated along axis 0: %w", i, err)
			}
		}
		return r.seeds(plain)
	})
}

// seeds passes the gradient by the result as a view.
func (r Row) seeds(xs []*tensor.Tensor) error {
	leaves := apply(autograd.Leaf, xs)
	y := r.F(leaves)
	var s sequence
	seed := s.like(y)
	want := autograd.Grad(y, leaves, autograd.Opts{Seed: seed})
	for name, arrange := range layouts {
		view := autograd.Const(arrange(seed.Value()))
		for i, g := range autograd.Grad(y, leaves, autograd.Opts{Seed: view}) {
			if err := near(arrayOf(g.Value()), arrayOf(want[i].Value()), r.Tol); err != nil {
				return fmt.Errorf("gradient by the result %s: gradient by input %d: %w", name, i, err)
			}
		}
	}
	return nil
}

// checkScope computes in a scope whose memory holds NaN from an earlier step.
func checkScope(r Row) error {
	return r.eachSample(func(xs []Array) error {
		scope := tensor.NewScope()
		inScope := func(ts []*tensor.Tensor) result {
			adopted := make([]*tensor.Tensor, len(ts))
			for i, t := range ts {
				adopted[i] = scope.Adopt(t)
			}
			return evaluate(r.F, adopted)
		}
		for dt := range r.both() {
			plain := tensors(dt, xs)
			var dirty []*tensor.Tensor
			for _, x := range plain {
				dirty = append(dirty, tensor.Full(dt, math.NaN(), x.Shape()...))
			}
			inScope(dirty)
			scope.Close()
			got := inScope(plain)
			names, ts := got.all()
			for i, t := range ts {
				if t.Scope() != scope {
					return fmt.Errorf("%s does not live in the inputs' scope", names[i])
				}
			}
			kept := got.keep()
			scope.Close()
			if err := kept.identical(evaluate(r.F, plain)); err != nil {
				return fmt.Errorf("%v: %w", dt, err)
			}
		}
		return nil
	})
}

// checkTracking tracks each input alone: its gradient must be the same as if all
// are tracked, and nothing must be recorded for constants.
func checkTracking(r Row) error {
	return r.eachSample(func(xs []Array) error {
		ts := tensors(tensor.Float64, xs)
		if r.F(apply(autograd.Const, ts)).Tracked() {
			return errors.New("constants give a tracked result")
		}
		want := evaluate(r.F, ts)
		for i, x := range ts {
			mixed := apply(autograd.Const, ts)
			mixed[i] = autograd.Leaf(x)
			y := r.F(mixed)
			if !y.Tracked() {
				return fmt.Errorf("input %d is tracked and the result is not", i)
			}
			var s sequence
			g := autograd.Grad(s.loss(y), mixed[i:i+1], autograd.Opts{})
			if err := identical(g[0].Value(), want.first[i]); err != nil {
				return fmt.Errorf("only input %d tracked: gradient: %w", i, err)
			}
		}
		return nil
	})
}

// checkDevice compares the results on a device with those of the CPU.
func checkDevice(r Row, name string) error {
	device, err := tensor.OpenDevice(name)
	if err != nil {
		return err
	}
	return r.eachSample(func(xs []Array) error {
		for dt, tol := range r.both() {
			here := tensors(dt, xs)
			there := make([]*tensor.Tensor, len(here))
			for i, x := range here {
				there[i] = x.To(device)
			}
			if err := evaluate(r.F, there).near(evaluate(r.F, here), tol); err != nil {
				return fmt.Errorf("%v: %w", dt, err)
			}
		}
		return nil
	})
}

// checkMisuse makes calls that must panic.
func checkMisuse(r Row) error {
	for _, m := range r.Misuse {
		f := r.F
		if m.F != nil {
			f = m.F
		}
		var xs []*tensor.Tensor
		for _, shape := range parse(m.Shapes) {
			xs = append(xs, tensor.New(tensor.Float64, shape...))
		}
		err := refused[*tensor.ShapeError](r, f, xs, m.Says)
		if err != nil && refused[*tensor.ArgumentError](r, f, xs, m.Says) != nil {
			return fmt.Errorf("inputs %s: %w", m.Shapes, err)
		}
	}
	ref, err := tensor.OpenDevice("ref")
	if err != nil {
		return err
	}
	scope := tensor.NewScope()
	xs := tensors(tensor.Float64, r.Samples()[0])
	for i, x := range xs {
		with := func(y *tensor.Tensor) []*tensor.Tensor {
			out := slices.Clone(xs)
			out[i] = y
			return out
		}
		closed := scope.Adopt(x)
		scope.Close()
		if err := refused[*tensor.LifetimeError](r, r.F, with(closed), "scope was closed"); err != nil {
			return fmt.Errorf("input %d of a closed scope: %w", i, err)
		}
		if len(xs) < 2 {
			continue
		}
		if err := refused[*tensor.DTypeError](r, r.F, with(x.Cast(tensor.Float32)), "dtypes"); err != nil {
			return fmt.Errorf("input %d of another dtype: %w", i, err)
		}
		if err := refused[*tensor.DeviceError](r, r.F, with(x.To(ref)), "devices"); err != nil {
			return fmt.Errorf("input %d on another device: %w", i, err)
		}
		mixed := with(tensor.NewScope().Adopt(x))
		mixed[(i+1)%len(xs)] = tensor.NewScope().Adopt(mixed[(i+1)%len(xs)])
		if err := refused[*tensor.LifetimeError](r, r.F, mixed, "different scopes"); err != nil {
			return fmt.Errorf("input %d of another scope: %w", i, err)
		}
	}
	return nil
}

// refused returns an error unless f panics with an E that names the operation, the
// operands, the problem and a repair.
func refused[E tensor.Misuse](r Row, f func([]*autograd.Var) *autograd.Var, xs []*tensor.Tensor, says string) error {
	err := tensor.Catch(func() { f(apply(autograd.Leaf, xs)) })
	var misuse E
	if !errors.As(err, &misuse) {
		return fmt.Errorf("%v, want a %T", err, misuse)
	}
	parts := []string{says, misuse.Misuse()}
	if !r.Composite {
		parts = append(parts, r.Op)
		// An operand of a lifetime error is the one at fault.
		if _, lifetime := any(misuse).(*tensor.LifetimeError); !lifetime {
			for _, x := range xs {
				parts = append(parts, fmt.Sprint(x.Shape()))
			}
		}
	}
	for _, part := range parts {
		if part == "" || !strings.Contains(err.Error(), part) {
			return fmt.Errorf("the message %q lacks %q", err, part)
		}
	}
	return nil
}
