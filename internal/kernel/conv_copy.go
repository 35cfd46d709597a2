package kernel

import "unsafe"

// CopyRows copies m rows of n elements from src, where they are lds apart, to
// dst, where they are ldd apart. dst must not overlap src. It panics where a
// slice is too short.
func CopyRows[T Float](dst []T, ldd int, src []T, lds, m, n int) {
	if m == 0 || n == 0 {
		return
	}
	_, _ = dst[(m-1)*ldd+n-1], src[(m-1)*lds+n-1]
	size := sizeof[T]()
	if n*size >= 16 && m*n*size <= copyBytes {
		r := rows{dst: unsafe.Pointer(&dst[0]), ldd: ldd * size, src: unsafe.Pointer(&src[0]), lds: lds * size, n: m, length: n * size}
		if copyRowsAsm(&r) {
			return
		}
	}
	for i := range m {
		copy(dst[i*ldd:][:n], src[i*lds:])
	}
}

// copyBytes is how much one call of assembly copies at most.
const copyBytes = 1 << 20
