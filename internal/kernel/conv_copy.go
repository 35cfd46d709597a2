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
	if length := n * size; length >= 16 && length <= copyBytes && canCopyRows() {
		r := rows{ldd: ldd * size, lds: lds * size, length: length}
		most := copyBytes / max(length, cacheLine)
		for i := 0; i < m; i += most {
			r.dst, r.src, r.n = unsafe.Pointer(&dst[i*ldd]), unsafe.Pointer(&src[i*lds]), min(most, m-i)
			copySome(&r)
		}
		return
	}
	for i := range m {
		copy(dst[i*ldd:][:n], src[i*lds:])
	}
}

// copyBytes is how much of the cache one call of assembly reads at most.
const copyBytes = 64 << 10

// copySome is a real call, where a loop over it can be preempted.
//
//go:noinline
func copySome(r *rows) { copyRowsAsm(r) }
