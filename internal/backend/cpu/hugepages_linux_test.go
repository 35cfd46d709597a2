//go:build amd64 || arm64

package cpu

import (
	"bufio"
	"fmt"
	"os"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/internal/backend"
)

// TestHugePages: the system has been asked for huge pages for all of a large buffer,
// whatever its place in the heap, and the buffer is zeros as before.
func TestHugePages(t *testing.T) {
	if _, err := os.Stat("/sys/kernel/mm/transparent_hugepage/enabled"); err != nil {
		t.Skip("this system has none")
	}
	// An emulator may not pass on what is asked for.
	probe, err := syscall.Mmap(-1, 0, 2*hugePage, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	require.NoError(t, err)
	defer func() { require.NoError(t, syscall.Munmap(probe)) }()
	if err := syscall.Madvise(probe, syscall.MADV_HUGEPAGE); err != nil || !strings.Contains(flagsOf(t, uintptr(unsafe.Pointer(&probe[0]))), " hg") {
		t.Skip("this system does not take the wish down")
	}
	for _, dt := range []backend.DType{backend.Float32, backend.Float64} {
		for _, bytes := range []int{hugeLength, hugeLength + 8, 1 << 20, 3<<20 + 8, 16 << 20} {
			n := bytes / dt.Size()
			h := New().Alloc(dt, n).(*backend.Host)
			begin, last := uintptr(0), uintptr(0)
			if dt == backend.Float32 {
				begin, last = uintptr(unsafe.Pointer(&h.F32[0])), uintptr(unsafe.Pointer(&h.F32[n-1]))
			} else {
				begin, last = uintptr(unsafe.Pointer(&h.F64[0])), uintptr(unsafe.Pointer(&h.F64[n-1]))
			}
			zeros := true
			for i := range n {
				zeros = zeros && h.At(i) == 0
			}
			require.True(t, zeros)
			for _, at := range []uintptr{begin, begin + uintptr(bytes)/2, last} {
				require.Contains(t, flagsOf(t, at), " hg", "%v of %d bytes", dt, bytes)
			}
			runtime.KeepAlive(h)
		}
	}
	for _, n := range []int{0, 1} {
		require.Equal(t, n, New().Alloc(backend.Float32, n).Len())
	}
}

// flagsOf returns the flags of the mapping of an address, as the system lists them.
func flagsOf(t *testing.T, address uintptr) string {
	f, err := os.Open("/proc/self/smaps")
	if err != nil {
		t.Skip(err)
	}
	defer f.Close()
	within, found := false, false
	for s := bufio.NewScanner(f); s.Scan(); {
		var lo, hi uintptr
		if n, _ := fmt.Sscanf(s.Text(), "%x-%x ", &lo, &hi); n == 2 {
			within = lo <= address && address < hi
			found = found || within
		} else if flags, ok := strings.CutPrefix(s.Text(), "VmFlags:"); ok && within {
			return flags
		}
	}
	require.True(t, found, "no mapping has the address")
	t.Skip("this system does not list flags")
	return ""
}
