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
		for f, want := range map[op.Reduce]float64{op.Sum: 0, op.MaxReduce: math.Inf(-1)} {
			assert.Equal(t, want, Reduce(f, []float64{}))
			assert.Equal(t, want, Reduce(f, []float32{}))
		}
	})
}

// tree is the documented order of the reduction, said another way.
func tree[T Float](f op.Reduce, x []T) float64 {
	fold := func(a, b float64) float64 {
		switch {
		case f == op.Sum:
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
				lane[j] = fold(lane[j], float64(x[i]))
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
					want = combine(f, want, float64(x[i*ld+j]))
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

// Every implementation adds the squares of every length in the same order.
func TestSumSquares(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	x := make([]float32, 3000)
	for i := range x {
		x[i] = float32(random.NormFloat64())
	}
	x[40], x[41], x[42] = math.MaxFloat32, math.SmallestNonzeroFloat32, float32(math.Copysign(0, -1))
	plain := func(x []float32) float64 {
		var lane [32]float64
		for i, v := range x {
			lane[i%32] += float64(v) * float64(v)
		}
		for _, half := range []int{16, 8, 4, 2, 1} {
			for j := range half {
				lane[j] += lane[j+half]
			}
		}
		return lane[0]
	}
	underEach(t, func(t *testing.T) {
		for n := range 258 {
			for offset := range 33 {
				requireSame64(t, plain(x[offset:offset+n]), SumSquares(x[offset:offset+n], 0), "%d from %d", n, offset)
			}
		}
		requireSame64(t, plain(x), SumSquares(x, 0))
		for _, bad := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
			for i := range 100 {
				y := append([]float32(nil), x[:100]...)
				y[i] = float32(bad)
				requireSame64(t, bad*bad, SumSquares(y, 0), "%v at %d", bad, i)
			}
		}
	})
}
