package kernel

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestReduceSmall(t *testing.T) {
	underEach(t, func(t *testing.T) {
		x := []float32{3, -1, 2}
		assert.Equal(t, 4.0, Reduce(Sum, x))
		assert.Equal(t, 3.0, Reduce(MaxReduce, x))
		assert.Equal(t, -1.0, Reduce(MinReduce, x))
		assert.Equal(t, 14.0, Reduce(SumSquares, x))
		for op, want := range []float64{0, math.Inf(-1), math.Inf(1), 0} {
			assert.Equal(t, want, Reduce(ReduceOp(op), []float64{}))
			assert.Equal(t, want, Reduce(ReduceOp(op), []float32{}))
		}
	})
}

// tree is the documented order of the reduction, said another way.
func tree[T Float](op ReduceOp, x []T) float64 {
	fold := func(a, b float64) float64 {
		switch {
		case op == Sum || op == SumSquares:
			return a + b
		case a != a || b != b:
			return math.NaN()
		case op == MaxReduce && a > b || op == MinReduce && a < b:
			return a
		}
		return b
	}
	total := op.Identity()
	for start := 0; start == 0 || start < len(x); start += 8192 {
		var lane [32]float64
		for j := range lane {
			lane[j] = op.Identity()
			for i := start + j; i < min(start+8192, len(x)); i += 32 {
				v := float64(x[i])
				if op == SumSquares {
					v *= v
				}
				lane[j] = fold(lane[j], v)
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
	x := random[T](r, 3*SumBlock+100)
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
	for op := range NumReduce {
		for n := range 258 {
			requireSame64(t, tree(op, x[n%16:][:n]), Reduce(op, x[n%16:][:n]), op, n)
			requireSame64(t, tree(op, zeros[:n]), Reduce(op, zeros[:n]), op, n)
		}
		for _, n := range []int{SumBlock - 1, SumBlock, SumBlock + 1, 2*SumBlock + 33, len(x)} {
			requireSame64(t, tree(op, x[:n]), Reduce(op, x[:n]), op, n)
		}
		for at := range 100 {
			y := random[T](r, 100)
			y[at] = T(math.NaN())
			require.True(t, math.IsNaN(Reduce(op, y)), "%d at %d", op, at)
			y[at] = T(math.Inf(1))
			requireSame64(t, tree(op, y), Reduce(op, y), op)
		}
	}
}

func TestReduceTree(t *testing.T) {
	underEach(t, func(t *testing.T) {
		t.Run("float32", testReduceTree[float32])
		t.Run("float64", testReduceTree[float64])
	})
}

func TestReduceInPieces(t *testing.T) {
	x := random[float32](rand.New(rand.NewPCG(1, 2)), 3*SumBlock+77)
	underEach(t, func(t *testing.T) {
		for op := range NumReduce {
			total := op.Identity()
			for i := 0; i < len(x); i += SumBlock {
				total = op.Combine(total, Reduce(op, x[i:min(i+SumBlock, len(x))]))
			}
			requireSame64(t, total, Reduce(op, x), op)
		}
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
		assert.InEpsilon(t, exact, Reduce(Sum, x), 1e-13)
	})
}

func testReduceMatrix[T Float](t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for op := range NumReduce {
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
			ReduceCols(op, down, x, rows, cols, ld)
			ReduceRows(op, across, x, rows, cols, ld)
			for j := range cols {
				want := op.Identity()
				for i := range rows {
					v := float64(x[i*ld+j])
					if op == SumSquares {
						v *= v
					}
					want = op.Combine(want, v)
				}
				requireSame64(t, float64(T(want)), float64(down[j]), "op %d %d×%d column %d", op, rows, cols, j)
			}
			for i := range rows {
				requireSame64(t, float64(T(tree(op, x[i*ld:][:cols]))), float64(across[i]), "op %d %d×%d row %d", op, rows, cols, i)
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
	ReduceCols(Sum, sums, x, rows, cols, cols)
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
