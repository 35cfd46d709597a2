package gemm

import (
	"syscall"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"
)

// guarded returns n numbers that end right before memory that may not be
// touched.
func guarded[T Float](t *testing.T, n int) []T {
	page := syscall.Getpagesize()
	size := (n*sizeof[T]() + page - 1) / page * page
	mem, err := syscall.Mmap(-1, 0, size+page, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, syscall.Munmap(mem)) })
	require.NoError(t, syscall.Mprotect(mem[size:], syscall.PROT_NONE))
	return unsafe.Slice((*T)(unsafe.Pointer(&mem[size-n*sizeof[T]()])), n)
}
