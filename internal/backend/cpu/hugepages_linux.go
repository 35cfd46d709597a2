//go:build amd64 || arm64

package cpu

import (
	"syscall"
	"unsafe"

	"github.com/gander-ml/gander/internal/backend"
)

const (
	hugePage = 2 << 20
	// Below it, what the system saves is less than asking for it takes.
	hugeLength = 256 << 10
)

// preferHugePages asks the system to back the memory of a large buffer with huge
// pages, which it may do or not: that of a step has more small pages than the
// processor keeps translations of. Many systems do so only if asked. Neighbours of
// the buffer that are in the same huge page are asked for as well. They are memory of
// Go's heap too, whose arenas, of 64 MB here, begin and end with a huge page; the
// system's answer changes nothing but its speed.
func preferHugePages(h *backend.Host) {
	var begin, size uintptr
	switch {
	case len(h.F32) > 0:
		begin, size = uintptr(unsafe.Pointer(unsafe.SliceData(h.F32))), 4*uintptr(len(h.F32))
	case len(h.F64) > 0:
		begin, size = uintptr(unsafe.Pointer(unsafe.SliceData(h.F64))), 8*uintptr(len(h.F64))
	}
	if size < hugeLength {
		return
	}
	end := (begin + size + hugePage - 1) &^ (hugePage - 1)
	begin &^= hugePage - 1
	// An error says that this system has no huge pages.
	_, _, _ = syscall.Syscall(syscall.SYS_MADVISE, begin, end-begin, syscall.MADV_HUGEPAGE)
}
