package kernel

// Transpose sets dst[j·ldd+i] = src[i·lds+j] for i < m and j < n: it turns a
// matrix of m rows. dst must not overlap src. It panics where a slice is too
// short.
func Transpose[T Float](dst []T, ldd int, src []T, lds, m, n int) {
	transpose(dst, ldd, src, lds, m, n, false)
}
