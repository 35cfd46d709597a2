package tensor_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/tensor"
)

func TestStreamsAreReproducible(t *testing.T) {
	for _, dt := range dtypes {
		draw := func(seed uint64, purpose string) []float64 {
			s := tensor.NewStream(seed, purpose)
			return tensor.Concat(0, s.Normal(dt, 7), s.Uniform(dt, 5), s.Normal(dt, 3)).Float64s()
		}
		require.Equal(t, draw(1, "init"), draw(1, "init"))
		for _, other := range [][]float64{draw(2, "init"), draw(1, "latent"), draw(1, ""), draw(1<<63, "init")} {
			require.NotEqual(t, draw(1, "init"), other)
		}
	}
}

// TestStreamContinues: the numbers do not depend on the place at which a stream was
// stopped and continued.
func TestStreamContinues(t *testing.T) {
	for _, dt := range dtypes {
		draws := []func(s *tensor.Stream) any{
			func(s *tensor.Stream) any { return s.Normal(dt, 5).Float64s() },
			func(s *tensor.Stream) any { return s.Perm(9) },
			func(s *tensor.Stream) any { return s.Uniform(dt, 2, 3).Float64s() },
			func(s *tensor.Stream) any { return s.Normal(dt).Float64s() },
			func(s *tensor.Stream) any { return s.Uniform(dt, 0).Float64s() },
			func(s *tensor.Stream) any { return s.Perm(0) },
			func(s *tensor.Stream) any { return s.Normal(dt, 4).Float64s() },
		}
		through, stopped := tensor.NewStream(3, "test"), tensor.NewStream(3, "test")
		for i, draw := range draws {
			want := draw(through)
			key, counter := stopped.State()
			stopped = tensor.StreamAt(key, counter)
			require.Equal(t, want, draw(stopped), "draw %d", i)
		}
		_, a := through.State()
		_, b := stopped.State()
		require.Equal(t, a, b)
		require.NotZero(t, a)
	}
}

// TestDrawsDoNotOverlap: each number of a stream is used once.
func TestDrawsDoNotOverlap(t *testing.T) {
	for _, dt := range dtypes {
		s := tensor.NewStream(5, "test")
		seen := map[float64]int{}
		for range 50 {
			for _, v := range s.Normal(dt, 3).Float64s() {
				seen[v]++
			}
		}
		require.Len(t, seen, 150)
	}
}

func TestDistributions(t *testing.T) {
	const n = 200_000
	for _, dt := range dtypes {
		s := tensor.NewStream(7, "test")
		u, z := s.Uniform(dt, n), s.Normal(dt, n)
		moments := func(x *tensor.Tensor) (mean, variance float64) {
			mean = tensor.Sum(x).Item() / n
			return mean, tensor.Sum(tensor.Square(tensor.Shift(x, -mean))).Item() / n
		}
		mean, variance := moments(u)
		require.InDelta(t, 0.5, mean, 5*math.Sqrt(1./12/n))
		require.InDelta(t, 1./12, variance, 5*math.Sqrt(1./180/n))
		require.GreaterOrEqual(t, -tensor.MaxOver(tensor.Neg(u)).Item(), 0.0)
		require.Less(t, tensor.MaxOver(u).Item(), 1.0)
		mean, variance = moments(z)
		require.InDelta(t, 0, mean, 5/math.Sqrt(n))
		require.InDelta(t, 1, variance, 5*math.Sqrt(2./n))
		beyond := tensor.Sum(tensor.Greater(tensor.Abs(z), tensor.Scalar(dt, 2))).Item() / n
		require.InDelta(t, 0.0455, beyond, 5*math.Sqrt(0.0455/n))
	}
}

func TestRandomInto(t *testing.T) {
	for _, d := range []*tensor.Device{tensor.CPU(), device(t)} {
		for _, dt := range dtypes {
			want := tensor.NewStream(9, "test").Normal(dt, 6).Float64s()
			x, strided, part := d.New(dt, 2, 3), d.New(dt, 3, 2).T(), d.New(dt, 3, 4).Slice(1, 1, 3)
			for _, dst := range []*tensor.Tensor{x, strided, part} {
				tensor.NewStream(9, "test").NormalInto(dst)
				require.Equal(t, want, dst.Float64s())
			}
			want = tensor.NewStream(9, "test").Uniform(dt, 6).Float64s()
			for _, dst := range []*tensor.Tensor{x, strided, part} {
				tensor.NewStream(9, "test").UniformInto(dst)
				require.Equal(t, want, dst.Float64s())
			}
		}
	}
}

// TestPermIsFair: each of the 24 orders of four things is equally likely (χ²
// with 23 degrees of freedom; above 49.7 once in a thousand seeds).
func TestPermIsFair(t *testing.T) {
	const n = 24_000
	s := tensor.NewStream(1, "test")
	count := map[string]float64{}
	for range n {
		count[fmt.Sprint(s.Perm(4))]++
	}
	require.Len(t, count, 24)
	chi2 := 0.0
	for _, c := range count {
		chi2 += (c - n/24) * (c - n/24) / (n / 24)
	}
	require.Less(t, chi2, 49.7)
}

func TestPermIsAPermutation(t *testing.T) {
	s := tensor.NewStream(1, "test")
	for _, n := range []int{0, 1, 2, 1000} {
		seen := map[int]bool{}
		p := s.Perm(n)
		for _, i := range p {
			require.False(t, seen[i] || i < 0 || i >= n)
			seen[i] = true
		}
		require.Len(t, p, n)
	}
	require.NotEqual(t, s.Perm(50), s.Perm(50))
}

func TestPermMisuse(t *testing.T) {
	var misuse *tensor.ArgumentError
	s := tensor.NewStream(1, "test")
	require.ErrorAs(t, tensor.Catch(func() { s.Perm(-1) }), &misuse)
	require.ErrorAs(t, tensor.Catch(func() { s.Perm(math.MaxInt) }), &misuse)
	require.ErrorAs(t, tensor.Catch(func() { s.Perm(math.MinInt) }), &misuse)
	require.Empty(t, s.Perm(0))
}

// Skip leads to where drawing leads, and to the middle of what is drawn at once.
func TestStreamSkip(t *testing.T) {
	for _, dt := range []tensor.DType{tensor.Float32, tensor.Float64} {
		for _, n := range []int{0, 1, 2, 3, 4, 5, 8, 100, 1001} {
			drawn, skipped := tensor.NewStream(1, "skip"), tensor.NewStream(1, "skip")
			drawn.Normal(dt, n)
			skipped.Skip(dt, n)
			require.Equal(t, drawn.Uniform(dt, 9).Float64s(), skipped.Uniform(dt, 9).Float64s())
		}
		for name, draw := range map[string]func(*tensor.Stream, int) *tensor.Tensor{
			"normal":  func(s *tensor.Stream, n int) *tensor.Tensor { return s.Normal(dt, n) },
			"uniform": func(s *tensor.Stream, n int) *tensor.Tensor { return s.Uniform(dt, n) },
		} {
			all := draw(tensor.NewStream(1, "skip"), 20_011).Float64s()
			for _, from := range []int{0, 4, 8, 400, 16_384} {
				s := tensor.NewStream(1, "skip")
				s.Skip(dt, from)
				require.Equal(t, all[from:], draw(s, len(all)-from).Float64s(), "%s from %d", name, from)
			}
		}
	}
	require.ErrorContains(t, tensor.Catch(func() { tensor.NewStream(1, "skip").Skip(tensor.Float32, -1) }), "Stream.Skip")
	require.ErrorContains(t, tensor.Catch(func() { tensor.NewStream(1, "skip").Skip(9, 4) }), "Stream.Skip: there is no element type")
}
