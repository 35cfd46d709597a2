package backendtest

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/internal/backend"
	"github.com/gander-ml/gander/internal/backend/ref"
	"github.com/gander-ml/gander/internal/op"
	"github.com/gander-ml/gander/internal/parallel"
)

// broken is the reference with a fault after one of its methods.
type broken struct {
	ref.Backend
	method string
	fault  func(dst backend.Operand, sources ...backend.Operand)
}

func (b broken) spoil(method string, dst backend.Operand, sources ...backend.Operand) {
	if method == b.method {
		b.fault(dst, sources...)
	}
}

func (b broken) Copy(dst, x backend.Operand) {
	b.Backend.Copy(dst, x)
	b.spoil("copy", dst, x)
}

func (b broken) Fill(dst backend.Operand, v float64) {
	b.Backend.Fill(dst, v)
	b.spoil("fill", dst)
}

func (b broken) Unary(f op.Unary, dst, x backend.Operand, a, c float64) {
	b.Backend.Unary(f, dst, x, a, c)
	b.spoil("unary", dst, x)
}

func (b broken) Binary(f op.Binary, dst, x, y backend.Operand, a float64) {
	b.Backend.Binary(f, dst, x, y, a)
	b.spoil("binary", dst, x, y)
}

func (b broken) MulAdd(dst, x, y, z backend.Operand) {
	b.Backend.Binary(op.Mul, dst, x, y, 0)
	b.Backend.Binary(op.Add, dst, dst, z, 0)
	b.spoil("multiply and add", dst, x, y, z)
}

func (b broken) Where(dst, cond, x, y backend.Operand) {
	b.Backend.Where(dst, cond, x, y)
	b.spoil("where", dst, cond, x, y)
}

func (b broken) Reduce(f op.Reduce, dst, x backend.Operand) {
	b.Backend.Reduce(f, dst, x)
	b.spoil("reduce", dst, x)
}

func (b broken) MatMul(dst, x, y backend.Operand) {
	b.Backend.MatMul(dst, x, y)
	b.spoil("matmul", dst, x, y)
}

func (b broken) Conv2D(dst, x, w backend.Operand, p backend.ConvParams, e backend.Epilogue) {
	b.Backend.Conv2D(dst, x, w, p, e)
	b.spoil("conv", dst, x, w)
}

func (b broken) Conv2DInputGrad(dst, gy, w backend.Operand, p backend.ConvParams, e backend.Epilogue) {
	b.Backend.Conv2DInputGrad(dst, gy, w, p, e)
	b.spoil("conv input gradient", dst, gy, w)
}

func (b broken) Conv2DWeightGrad(dst, x, gy backend.Operand, p backend.ConvParams) {
	b.Backend.Conv2DWeightGrad(dst, x, gy, p)
	b.spoil("conv weight gradient", dst, x, gy)
}

func (b broken) Gather(dst, x backend.Operand, axis int, index backend.Operand) {
	b.Backend.Gather(dst, x, axis, index)
	b.spoil("gather", dst, x)
}

func (b broken) ScatterAdd(dst, x backend.Operand, axis int, index backend.Operand) {
	b.Backend.ScatterAdd(dst, x, axis, index)
	b.spoil("scatter", dst, x)
}

func (b broken) Random(d backend.Distribution, dst backend.Operand, key, counter uint64) {
	b.Backend.Random(d, dst, key, counter)
	b.spoil("random", dst)
}

func (b broken) Linear(dst, x, w backend.Operand, e backend.Epilogue) {
	b.Backend.Linear(dst, x, w, e)
	b.spoil("linear", dst, x, w)
}

func (b broken) LinearAdd(dst, x, w, add backend.Operand, e backend.Epilogue) {
	b.Backend.Linear(dst, x, w, backend.Epilogue{Bias: e.Bias})
	b.Backend.Binary(op.Add, dst, dst, add, 0)
	backend.Epilogue{F: e.F, A: e.A}.Apply(b.Backend, dst)
	b.spoil("linear and add", dst, x, w, add)
}

func (b broken) EpilogueGrad(f op.Unary, gz, gb, gy, y backend.Operand, a float64) {
	b.Backend.EpilogueGrad(f, gz, gb, gy, y, a)
	b.spoil("epilogue gradient", gz, gy, y)
}

func (b broken) Adam(p, g, m, v []backend.Operand, c op.AdamParams) {
	for k := range p {
		adam(p[k], g[k], m[k], v[k], c)
	}
	b.spoil("adam", p[0], g[0])
}

func (b broken) Lerp(dst, x []backend.Operand, a float64) {
	for k := range dst {
		b.Backend.Binary(op.Lerp, dst[k], dst[k], x[k], a)
	}
	b.spoil("averages", dst[1], x[1])
}

func (b broken) Clamp(x []backend.Operand, lo, hi float64) {
	for _, o := range x {
		b.Backend.Unary(op.Clamp, o, o, lo, hi)
	}
	b.spoil("clamp", x[1])
}

func (b broken) Norm(dst backend.Operand, xs []backend.Operand) {
	norm(dst, xs)
	b.spoil("norm", dst, xs[0])
}

func (b broken) InverseDeviation(s, x backend.Operand, eps float64) {
	inverseDeviation(s, x, eps)
	b.spoil("inverse deviation", s, x)
}

func (b broken) Standardise(dst, x, s backend.Operand) {
	standardise(dst, x, s)
	b.spoil("standardise", dst, x, s)
}

func (b broken) StandardiseGrad(dst, gy, y, s backend.Operand) {
	standardiseGrad(dst, gy, y, s)
	b.spoil("standardise gradient", dst, gy, y, s)
}

// change sets the elements of o that f asks for.
func change(o backend.Operand, f func(i int, v float64) float64) {
	h := o.Buffer.(*backend.Host)
	for i, at := range offsets(o.Layout) {
		h.Set(at, f(i, h.At(at)))
	}
}

// faults are what the suite must find, except in the methods named, which
// cannot have them.
var faults = []struct {
	name   string
	not    []string
	inject func(dst backend.Operand, sources ...backend.Operand)
}{
	{"the last element is off", nil, func(dst backend.Operand, _ ...backend.Operand) {
		change(dst, func(i int, v float64) float64 {
			if i == dst.Layout.Len()-1 {
				v += 1e-3 + math.Abs(v)*1e-3
			}
			return v
		})
	}},
	{"float64 is computed in float32", []string{"gather", "copy", "where"}, func(dst backend.Operand, _ ...backend.Operand) {
		change(dst, func(_ int, v float64) float64 { return float64(float32(v)) })
	}},
	{"it writes beyond the end", nil, func(dst backend.Operand, _ ...backend.Operand) {
		h := dst.Buffer.(*backend.Host)
		h.Set(h.Len()-1, 0)
	}},
	{"it writes between the elements", []string{"random", "adam", "averages", "clamp", "norm", "inverse deviation", "standardise", "standardise gradient"}, func(dst backend.Operand, _ ...backend.Operand) {
		if l := dst.Layout; l.Rank > 0 && l.Len() > 0 && l.Strides[l.Rank-1] > 1 {
			dst.Buffer.(*backend.Host).Set(l.Offset+1, 0)
		}
	}},
	{"it changes a source", []string{"fill", "random", "clamp"}, func(_ backend.Operand, sources ...backend.Operand) {
		last := sources[len(sources)-1]
		change(last, func(int, float64) float64 { return 0 })
	}},
	{"NaN becomes 0", []string{"random", "linear", "linear and add", "epilogue gradient", "adam"}, func(dst backend.Operand, _ ...backend.Operand) {
		change(dst, func(_ int, v float64) float64 {
			if math.IsNaN(v) {
				v = 0
			}
			return v
		})
	}},
	{"−0 becomes 0", []string{"reduce", "matmul", "conv", "conv input gradient", "conv weight gradient", "scatter", "random", "linear", "linear and add", "epilogue gradient", "adam", "averages", "clamp", "norm", "inverse deviation", "standardise", "standardise gradient"}, func(dst backend.Operand, _ ...backend.Operand) {
		change(dst, func(_ int, v float64) float64 { return v + 0 })
	}},
	{"pieces after the first are lost", []string{"reduce", "norm", "inverse deviation"}, func(dst backend.Operand, _ ...backend.Operand) {
		change(dst, func(i int, v float64) float64 {
			if i >= big {
				v = canary
			}
			return v
		})
	}},
	{"two threads differ", nil, func(dst backend.Operand, sources ...backend.Operand) {
		shared := dst.Layout.Len() >= big
		for _, s := range sources {
			shared = shared || s.Layout.Len() >= big
		}
		if shared && parallel.Threads() > 1 {
			change(dst, func(_ int, v float64) float64 { return math.Nextafter(v, 1000) * (1 + 1e-7) })
		}
	}},
}

func TestReferencePasses(t *testing.T) {
	for _, f := range families {
		switch f.name {
		case "copy", "where", "gather", "scatter", "linear", "linear and add", "epilogue gradient", "adam", "averages", "clamp", "norm", "multiply and add", "inverse deviation", "standardise", "standardise gradient": // the quick ones
			f.check(&suite{b: broken{}, errorf: t.Errorf})
		}
	}
}

// TestFaultsAreFound: the suite fails for a backend with any of the faults.
func TestFaultsAreFound(t *testing.T) {
	if testing.Short() {
		t.Skip("tests the suite, not a backend")
	}
	type found struct{}
	for _, f := range families[1:] {
		for _, fault := range faults {
			if slices.Contains(fault.not, f.name) {
				continue
			}
			t.Run(f.name+"/"+fault.name, func(t *testing.T) {
				s := &suite{b: broken{method: f.name, fault: fault.inject}, errorf: func(string, ...any) { panic(found{}) }}
				require.PanicsWithValue(t, found{}, func() { f.check(s) })
			})
		}
	}
}

// TestZeros: the sign of a product that is 0 counts, unless it is another library's.
func TestZeros(t *testing.T) {
	for _, zeros := range []bool{false, true} {
		complaints := 0
		b := broken{method: "matmul", fault: func(dst backend.Operand, _ ...backend.Operand) {
			change(dst, func(_ int, v float64) float64 {
				if v == 0 {
					v = math.Copysign(0, -1)
				}
				return v
			})
		}}
		(&suite{b: b, errorf: func(string, ...any) { complaints++ }, zeros: zeros, every: 20}).products()
		require.Equal(t, zeros, complaints == 0)
	}
}

// boaster says that every product is finite.
type boaster struct{ ref.Backend }

func (b boaster) MatMulLooking(dst, x, y backend.Operand) bool {
	b.MatMul(dst, x, y)
	return true
}

func TestBoastersAreFound(t *testing.T) {
	for _, dt := range dtypes {
		complaint := ""
		s := &suite{b: boaster{}, errorf: func(format string, args ...any) { complaint += fmt.Sprintf(format, args...) }}
		s.productLooks(dt)
		require.Contains(t, complaint, "is infinite, and it says that none is")
	}
}

func TestToleranceAccepts(t *testing.T) {
	inf, nan, negZero := math.Inf(1), math.NaN(), math.Copysign(0, -1)
	loose := tolerance{ulps: 2}
	for _, c := range []struct {
		tol       tolerance
		got, want float64
		accepts   bool
	}{
		{exact, 1, 1, true}, {exact, 1 + 0x1p-52, 1, false}, {exact, nan, nan, true}, {exact, nan, 1, false},
		{exact, 1, nan, false}, {exact, inf, inf, true}, {exact, -inf, inf, false}, {exact, 0, negZero, false},
		{exact, negZero, negZero, true}, {equal, 0, negZero, true}, {equal, 1e-300, 0, false},
		{loose, 1 + 0x1p-51, 1, true}, {loose, 1 + 0x1.8p-51, 1, false}, {loose, inf, math.MaxFloat64, false},
		{loose, math.MaxFloat64, inf, false}, {loose, nan, 1, false}, {loose, 0, 1e-310, true}, {loose, 0, 1e-300, false},
		{tolerance{ulps: 1, abs: 4}, 0x1p-50, 0, true}, {tolerance{ulps: 1, abs: 4}, 0x1p-49, 0, false},
	} {
		require.Equal(t, c.accepts, c.tol.accepts(backend.Float64, c.got, c.want), "%+v %v %v", c.tol, c.got, c.want)
	}
	require.True(t, loose.accepts(backend.Float32, 1+0x1p-22, 1))
	require.False(t, loose.accepts(backend.Float32, 1+0x1.8p-22, 1))
}
