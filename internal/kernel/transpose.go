package kernel

// Transpose sets dst[j·ldd+i] = src[i·lds+j] for i < m and j < n: it turns a
// matrix of m rows. dst must not overlap src. It panics where a slice is too
// short.
func Transpose[T Float](dst []T, ldd int, src []T, lds, m, n int) {
	if m <= 0 || n <= 0 {
		return
	}
	_, _ = dst[(n-1)*ldd+m-1], src[(m-1)*lds+n-1]
	side := transposeSide(sizeof[T]())
	if m < side || n < side {
		transpose(dst, ldd, src, lds, m, n, false)
		return
	}
	// Blocks overlap rather than leave an edge to be turned one by one.
	i, j := m/side*side, n/side*side
	transpose(dst, ldd, src, lds, i, j, false)
	if j < n {
		transpose(dst[(n-side)*ldd:], ldd, src[n-side:], lds, i, side, false)
	}
	if i < m {
		dst, src = dst[m-side:], src[(m-side)*lds:]
		transpose(dst, ldd, src, lds, side, j, false)
		if j < n {
			transpose(dst[(n-side)*ldd:], ldd, src[n-side:], lds, side, side, false)
		}
	}
}
