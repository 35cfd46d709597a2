package exact_test

import (
	"flag"
	"fmt"
	"math"
	"math/big"
	"runtime"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/autograd"
	"github.com/gander-ml/gander/internal/exact"
	"github.com/gander-ml/gander/internal/isa"
	"github.com/gander-ml/gander/tensor"
)

// number is one of the types that the library computes with.
type number struct {
	dt             tensor.DType
	bits           int // of the significand
	lowest, beyond int // 2^lowest is the smallest number, 2^beyond the first too large
}

var numbers = []number{{tensor.Float32, 24, -149, 128}, {tensor.Float64, 53, -1074, 1024}}

func (n number) round(x float64) float64 {
	if n.dt == tensor.Float32 {
		return float64(float32(x))
	}
	return x
}

// ulps returns how far got is from want, in the distance of neighbouring numbers
// around want, or in floor·ε if that is more. Too large counts as 2^beyond.
func (n number) ulps(got float64, want exact.Real, floor float64) float64 {
	if math.IsNaN(got) {
		return math.Inf(1)
	}
	top := new(big.Float).SetMantExp(big.NewFloat(1), n.beyond)
	clip := func(x exact.Real) exact.Real {
		switch {
		case x.Cmp(top) > 0:
			return top
		case x.Cmp(new(big.Float).Neg(top)) < 0:
			return new(big.Float).Neg(top)
		}
		return x
	}
	want = clip(want)
	spacing := n.lowest
	if want.Sign() != 0 {
		spacing = max(spacing, want.MantExp(nil)-n.bits)
	}
	diff := new(big.Float).SetPrec(200).Sub(clip(big.NewFloat(got)), want)
	d, _ := diff.SetMantExp(diff, -spacing).Float64()
	if unit := floor * math.Ldexp(1, 1-n.bits-spacing); unit > 1 {
		d /= unit
	}
	return math.Abs(d)
}

// sweep is a number of each size, and many between 2⁻³⁰ and 2⁸, of both signs.
var sweep = sync.OnceValue(func() []float64 {
	var out []float64
	add := func(x float64) { out = append(out, x, -x) }
	for e := -1074; e <= 1023; e++ {
		switch inner, single := e >= -30 && e <= 8, e >= -149 && e <= 127; {
		case inner:
			add(math.Ldexp(1, e))
			add(float64(float32(math.Ldexp(1.37, e))))
			add(math.Ldexp(2-0x1p-23, e))
			add(math.Ldexp(1.7182818284590452, e))
		case single && e%5 == 0, e == -149, e == -126, e == -127, e == 127:
			add(math.Ldexp(1.25, e))
			add(math.Ldexp(2-0x1p-23, e))
		case e%67 == 0, e == -1074, e == -1022, e == -1023, e == 1023:
			add(math.Ldexp(1.125, e))
		}
	}
	for x := 0.0; x < 12; x += 0.17 {
		add(x + 0.013)
	}
	for x := 12.0; x < 120; x += 2.3 {
		add(x)
	}
	for _, x := range []float64{88.7, 88.72, 103.2, 103.9, 103.97, 709.7, 709.78, 300.5, 500.25, 744.5, 745.1} {
		add(x)
	}
	slices.Sort(out)
	return slices.Compact(out)
})

// few are the numbers that functions of several arguments are tried with, each
// with each.
var few = []float64{1e-40, 3e-30, 1e-15, 1.1e-8, 1e-4, 0.3, 0.999, 1, 1.0000001, 2.5, 17, 60, 95, 1234.5, 3e7, 2e15, 1e30, 3e38,
	-1e-35, -1e-8, -0.7, -1, -3, -16.5, -50, -90, -1e5, -1e20, -2e38}

// row is a function with what its error may be.
type row struct {
	name string
	// f is the library's function of arguments [n], exact what it stands for.
	f     func(x []*autograd.Var) *autograd.Var
	exact func(p exact.Bits, x []exact.Real) exact.Real
	// at are the points; nil: the sweep. in says which of them belong to the
	// domain; nil: all. Kinks are left out by it, too.
	at [][]float64
	in func(x []float64) bool
	// orders are the derivatives that are compared: 1 or 2, and 0 for none.
	orders int
	// floors of the value, the first and the second derivative, in ε: an error below
	// them is in units of the floor. why says where they come from.
	floors [3]float64
	why    string
}

// points returns the points of a row that a type holds.
func (r row) points(n number) [][]float64 {
	at := r.at
	if at == nil {
		for _, x := range sweep() {
			at = append(at, []float64{x})
		}
	}
	var out [][]float64
	for i, x := range at {
		if i%stride() != 0 {
			continue
		}
		rounded, ok := make([]float64, len(x)), true
		for k, v := range x {
			rounded[k] = n.round(v)
			ok = ok && !math.IsInf(rounded[k], 0) && (rounded[k] != 0 || v == 0)
		}
		if ok && (r.in == nil || r.in(rounded)) {
			out = append(out, rounded)
		}
	}
	return out
}

var (
	full    = flag.Bool("full", false, "sweep every point, in minutes")
	write   = flag.Bool("write", false, "write the table")
	measure = flag.Bool("measure", false, "print bounds for the table")
)

// stride leaves points out unless there is time for all.
func stride() int {
	switch {
	case *full:
		return 1
	case testing.Short():
		return 41
	}
	return 11
}

// truth is what is right at a point, for each argument; nil if it is infinite.
type truth [][3]exact.Real

func (r row) truth(x []float64) (out truth) {
	defer func() {
		if e := recover(); e != nil {
			if _, ok := e.(big.ErrNaN); !ok {
				panic(e)
			}
			out = nil // infinities
		}
	}()
	for i := range x {
		out = append(out, exact.Derivatives(r.exact, i, x...))
	}
	return out
}

// truths computes in parallel.
func (r row) truths(points [][]float64) []truth {
	out := make([]truth, len(points))
	var group sync.WaitGroup
	for w := range runtime.GOMAXPROCS(0) {
		group.Go(func() {
			for i := w; i < len(points); i += runtime.GOMAXPROCS(0) {
				out[i] = r.truth(points[i])
			}
		})
	}
	group.Wait()
	return out
}

// computed returns f and its derivatives by each argument, at each point.
func (r row) computed(n number, points [][]float64) (d [][3][]float64) {
	args := len(points[0])
	xs := make([]*autograd.Var, args)
	for k := range xs {
		column := make([]float64, len(points))
		for i, p := range points {
			column[i] = p[k]
		}
		xs[k] = autograd.Leaf(tensor.FromFloat64(column).Cast(n.dt))
	}
	y := r.f(xs)
	d = make([][3][]float64, args)
	for k := range d {
		d[k][0] = y.Value().Float64s()
	}
	if r.orders == 0 {
		return d
	}
	first := autograd.Grad(autograd.Sum(y), xs, autograd.Opts{CreateGraph: r.orders > 1, AllowConstant: true})
	for k := range d {
		d[k][1] = first[k].Value().Float64s()
		if r.orders > 1 {
			second := autograd.Grad(autograd.Sum(first[k]), xs[k:k+1], autograd.Opts{AllowConstant: true})
			d[k][2] = second[0].Value().Float64s()
		}
	}
	return d
}

// worst is the largest error, and where it is.
type worst struct {
	ulps float64
	what string
}

func TestSweep(t *testing.T) {
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			stated, ok := bounds[r.name]
			if !ok && !*measure {
				t.Fatal("it has no bounds")
			}
			known := map[string]truth{} // float64 has the points of float32, too
			for k, n := range numbers {
				points := r.points(n)
				var fresh [][]float64
				for _, x := range points {
					if _, ok := known[fmt.Sprint(x)]; !ok {
						fresh = append(fresh, x)
					}
				}
				for i, right := range r.truths(fresh) {
					known[fmt.Sprint(fresh[i])] = right
				}
				var w [3]worst
				for _, name := range isa.Implementations() {
					undo := isa.Use(name)
					d := r.computed(n, points)
					undo()
					for i, x := range points {
						for arg, right := range known[fmt.Sprint(x)] {
							for order := range r.orders + 1 {
								if order == 0 && arg > 0 {
									continue
								}
								got, want := d[arg][order][i], right[order]
								if e := n.ulps(got, want, r.floors[order]); e > w[order].ulps {
									w[order] = worst{e, fmt.Sprintf("at %v: %g, want %.9g (by argument %d, %s)", x, got, want, arg, name)}
								}
							}
						}
					}
				}
				for order := range r.orders + 1 {
					switch found := w[order]; {
					case *measure:
						fmt.Printf("%q %d %d %.4g %s\n", r.name, k, order, found.ulps, found.what)
					case !(found.ulps <= stated[k][order]):
						t.Errorf("%v: derivative %d is off by %.3g ulps, stated are %g: %s", n.dt, order, found.ulps, stated[k][order], found.what)
					}
				}
			}
		})
	}
}

// TestEnough: twice the bits give the same.
func TestEnough(t *testing.T) {
	for _, r := range rows {
		points := r.points(numbers[1])
		for i := 3; i < len(points); i += len(points)/4 + 1 {
			x := points[i]
			doubled := row{exact: func(p exact.Bits, x []exact.Real) exact.Real { return r.exact(2*p, x) }}
			a, b := r.truth(x), doubled.truth(x)
			for arg := range a {
				for order := range r.orders + 1 {
					v, _ := a[arg][order].Float64()
					w, _ := b[arg][order].Float64()
					require.InDelta(t, w, v, 1e-15*math.Abs(w), "%s at %v, derivative %d", r.name, x, order)
				}
			}
		}
	}
}
