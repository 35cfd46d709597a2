package gemm

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/internal/isa"
)

func TestCopyRows(t *testing.T) {
	for _, name := range isa.Implementations() {
		undo := isa.Use(name)
		for n := range 40 {
			for m := range 4 {
				src, dst := guarded[float32](t, 3*41+n), make([]float32, 3*45+n)
				for i := range src {
					src[i] = float32(1 + i)
				}
				CopyRows(dst, 45, src, 41, m, n)
				want := make([]float32, len(dst))
				for i := range m {
					copy(want[i*45:][:n], src[i*41:])
				}
				require.Equal(t, want, dst, "%s %d×%d", name, m, n)
			}
		}
		undo()
	}
	// More than one call of assembly copies.
	src, dst := make([]float64, 5000*5), make([]float64, 5000*3)
	for i := range src {
		src[i] = float64(i)
	}
	CopyRows(dst, 3, src, 5, 5000, 2)
	for i := range 5000 {
		require.Equal(t, []float64{src[i*5], src[i*5+1], 0}, dst[i*3:i*3+3])
	}
	require.Panics(t, func() { CopyRows(make([]float32, 39), 20, make([]float32, 60), 20, 2, 20) })
	require.Panics(t, func() { CopyRows(make([]float32, 60), 20, make([]float32, 39), 20, 2, 20) })
}

func TestTranspose(t *testing.T) {
	everyImplementation(t, testTranspose[float32], testTranspose[float64])
	require.Panics(t, func() { Transpose(make([]float32, 5), 2, make([]float32, 6), 3, 2, 3) })
	require.Panics(t, func() { Transpose(make([]float64, 6), 2, make([]float64, 5), 3, 2, 3) })
}

// testTranspose covers all small sizes, and several strips along and across, with
// either matrix's rows further apart.
func testTranspose[T Float](t *testing.T) {
	check := func(m, n, ldd, lds int, add bool) {
		src, dst := guarded[T](t, max(0, (m-1)*lds+n)), guarded[T](t, max(0, (n-1)*ldd+m))
		for i := range src {
			src[i] = T(i)
		}
		want := make([]T, len(dst))
		for i := range dst {
			dst[i] = T(-i)
			want[i] = dst[i]
		}
		for i := range m {
			for j := range n {
				if !add {
					want[j*ldd+i] = 0
				}
				want[j*ldd+i] += src[i*lds+j]
			}
		}
		if add {
			transpose(dst, ldd, src, lds, m, n, true)
		} else {
			Transpose(dst, ldd, src, lds, m, n)
		}
		require.True(t, slices.Equal(want, dst), "%d×%d, ldd %d, lds %d, %v", m, n, ldd, lds, add)
	}
	most := 20
	if brief() {
		most = 10
	}
	for m := range most {
		for n := range most {
			for pad := range 3 {
				check(m, n, m+pad, n+2-pad, pad == 1)
			}
		}
	}
	for _, s := range [][2]int{{29, 31}, {600, 40}, {40, 600}, {133, 270}, {270, 133}, {32, 1024}, {14, 700}} {
		for _, pads := range [][2]int{{0, 0}, {3, 1000}, {1000, 3}} {
			check(s[0], s[1], s[0]+pads[0], s[1]+pads[1], false)
			check(s[0], s[1], s[0]+pads[0], s[1]+pads[1], true)
		}
	}
}
