package tensor

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestPoison(t *testing.T) {
	defer func(old bool) { poison = old }(poison)
	for _, dt := range []DType{Float32, Float64} {
		for _, on := range []bool{true, false} {
			poison = on
			s := NewScope()
			x := s.Empty(cpuDevice, dt, 20)
			x.Fill(3)
			s.Close()
			y := s.Empty(cpuDevice, dt, 19) // of the same size class
			require.Same(t, x.store.buffer, y.store.buffer)
			for _, v := range y.Float64s() {
				require.Equal(t, on, math.IsNaN(v))
			}
		}
	}
}

func TestRoundUp(t *testing.T) {
	classes := map[int]bool{}
	for n := range 1 << 14 {
		r := roundUp(n)
		if r < n || r > max(16, n+n/8) || roundUp(r) != r {
			t.Fatalf("%d is rounded up to %d, and that to %d", n, r, roundUp(r))
		}
		classes[r] = true
	}
	require.Less(t, len(classes), 9*14)
}
