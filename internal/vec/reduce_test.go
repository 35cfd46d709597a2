package vec

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/internal/op"
)

func TestReduceSmall(t *testing.T) {
	underEach(t, func(t *testing.T) {
		x := []float32{3, -1, 2}
		assert.Equal(t, 4.0, Reduce(op.Sum, x))
		assert.Equal(t, 3.0, Reduce(op.MaxReduce, x))
		assert.Equal(t, 14.0, Reduce(op.SumSquares, x))
		large := float64(float32(1e30)) // its square fits float64
		assert.Equal(t, large*large, Reduce(op.SumSquares, []float32{1e30}))
		for f, want := range map[op.Reduce]float64{op.Sum: 0, op.SumSquares: 0, op.MaxReduce: math.Inf(-1)} {
			assert.Equal(t, want, Reduce(f, []float64{}))
			assert.Equal(t, want, Reduce(f, []float32{}))
		}
	})
}

// term is what an element adds to a reduction.
func term[T Float](f op.Reduce, x T) float64 {
	if f == op.SumSquares {
		return float64(float64(x) * float64(x))
	}
	return float64(x)
}

// tree is the documented order of the reduction, said another way.
func tree[T Float](f op.Reduce, x []T) float64 {
	fold := func(a, b float64) float64 {
		switch {
		case f == op.Sum || f == op.SumSquares:
			return a + b
		case a != a || b != b:
			return math.NaN()
		case a > b:
			return a
		}
		return b
	}
	total := identity(f)
	for start := 0; start == 0 || start < len(x); start += 8192 {
		var lane [32]float64
		for j := range lane {
			lane[j] = identity(f)
			for i := start + j; i < min(start+8192, len(x)); i += 32 {
				lane[j] = fold(lane[j], term(f, x[i]))
			}
		}
		for _, half := range []int{16, 8, 4, 2, 1} {
			for j := range half {
				lane[j] = fold(lane[j], lane[j+half])
			}
		}
		total = fold(total, lane[0])
	}
	return total
}

func requireSame64(t *testing.T, want, got float64, args ...any) {
	t.Helper()
	if math.Float64bits(want) != math.Float64bits(got) && (want == want || got == got) {
		require.Equal(t, want, got, args...)
	}
}

func testReduceTree[T Float](t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	x := random[T](r, 3*sumBlock+100)
	for i := range x {
		switch r.IntN(20) {
		case 0:
			x[i] = 0
		case 1:
			x[i] = T(math.Copysign(0, -1))
		}
	}
	zeros := make([]T, 300)
	for i := range zeros {
		zeros[i] = T(math.Copysign(0, float64(r.IntN(2))-0.5))
	}
	for f := range op.NumReduce {
		for n := range 258 {
			requireSame64(t, tree(f, x[n%16:][:n]), Reduce(f, x[n%16:][:n]), "%v of %d", f, n)
			requireSame64(t, tree(f, zeros[:n]), Reduce(f, zeros[:n]), "%v of %d", f, n)
		}
		for _, n := range []int{sumBlock - 1, sumBlock, sumBlock + 1, 2*sumBlock + 33, len(x)} {
			requireSame64(t, tree(f, x[:n]), Reduce(f, x[:n]), "%v of %d", f, n)
		}
		for at := range 100 {
			y := random[T](r, 100)
			y[at] = T(math.NaN())
			require.True(t, math.IsNaN(Reduce(f, y)), "%v at %d", f, at)
			y[at] = T(math.Inf(1))
			requireSame64(t, tree(f, y), Reduce(f, y), "%v with Inf at %d", f, at)
		}
	}
}

func TestReduceTree(t *testing.T) {
	underEach(t, func(t *testing.T) {
		t.Run("float32", testReduceTree[float32])
		t.Run("float64", testReduceTree[float64])
	})
}

func TestSumIsAccurate(t *testing.T) {
	const n = 1_000_000
	x := make([]float32, n)
	for i := range x {
		x[i] = 0.1
	}
	exact := n * float64(float32(0.1))
	underEach(t, func(t *testing.T) {
		assert.InEpsilon(t, exact, Reduce(op.Sum, x), 1e-13)
	})
}

func testReduceMatrix[T Float](t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for f := range op.NumReduce {
		for cols := range 140 {
			rows, ld := cols*7%19, cols+cols%3
			x := random[T](r, rows*ld)
			if rows*cols > 4 {
				x[rows*cols/2] = T(math.Inf(-1))
				x[rows*cols/3] = T(math.NaN())
			}
			// One element more than asked for, to see that it stays.
			down, across := make([]T, cols+1), make([]T, rows+1)
			down[cols], across[rows] = 42, 42
			ReduceCols(f, down, x, rows, cols, ld)
			ReduceRows(f, across, x, rows, cols, ld)
			for j := range cols {
				want := identity(f)
				for i := range rows {
					want = combine(f, want, term(f, x[i*ld+j]))
				}
				requireSame64(t, float64(T(want)), float64(down[j]), "%v %d×%d column %d", f, rows, cols, j)
			}
			for i := range rows {
				requireSame64(t, float64(T(tree(f, x[i*ld:][:cols]))), float64(across[i]), "%v %d×%d row %d", f, rows, cols, i)
			}
			require.EqualValues(t, 42, down[cols])
			require.EqualValues(t, 42, across[rows])
		}
	}
	// More rows than one call of assembly takes.
	const rows, cols = 1500, 40
	x := make([]T, rows*cols)
	for i := range x {
		x[i] = T(i / cols)
	}
	sums := make([]T, cols)
	ReduceCols(op.Sum, sums, x, rows, cols, cols)
	for _, v := range sums {
		require.EqualValues(t, rows*(rows-1)/2, v)
	}
}

func TestReduceMatrix(t *testing.T) {
	underEach(t, func(t *testing.T) {
		t.Run("float32", testReduceMatrix[float32])
		t.Run("float64", testReduceMatrix[float64])
	})
}

func TestNormParts(t *testing.T) {
	x := []float64{math.Ldexp(3, 900), math.Ldexp(-4, 900)}
	require.Equal(t, 25.0, ScaledSumSquares(x, -900))
	require.Equal(t, math.Ldexp(4, 900), MaxAbs(x))
	require.Zero(t, MaxAbs([]float32{}))
	require.True(t, math.IsNaN(MaxAbs([]float32{1, float32(math.NaN()), 3})))
	require.True(t, math.IsInf(MaxAbs([]float32{1, float32(math.Inf(-1)), 3}), 1))
}
