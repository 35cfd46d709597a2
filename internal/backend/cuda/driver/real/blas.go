//go:build cuda && cgo && linux && (amd64 || arm64)

package real

// #include <stdlib.h>
// #include "calls.h"
import "C"

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"unsafe"

	"github.com/gander-ml/gander/internal/backend/cuda/driver"
)

// blas is cuBLAS with one handle, which one call at a time may use.
type blas struct {
	dev *Device

	lock sync.Mutex
	c    *C.gander_blas // nil when closed
}

// statuses are cuBLAS's results, and the driver's that stand for them. A product that
// fails need not have lost the context: cuBLAS says INTERNAL_ERROR of a capture that it
// could not do, and EXECUTION_FAILED of any launch that failed.
var statuses = map[C.int]struct {
	name   string
	result driver.Result
}{
	1:  {"CUBLAS_STATUS_NOT_INITIALIZED", driver.NotInitialized},
	3:  {"CUBLAS_STATUS_ALLOC_FAILED", driver.OutOfMemory},
	7:  {"CUBLAS_STATUS_INVALID_VALUE", driver.InvalidValue},
	8:  {"CUBLAS_STATUS_ARCH_MISMATCH", driver.NotSupported},
	11: {"CUBLAS_STATUS_MAPPING_ERROR", driver.LibraryFailed},
	13: {"CUBLAS_STATUS_EXECUTION_FAILED", driver.LibraryFailed},
	14: {"CUBLAS_STATUS_INTERNAL_ERROR", driver.LibraryFailed},
	15: {"CUBLAS_STATUS_NOT_SUPPORTED", driver.NotSupported},
}

// blasError returns the error of a call, or nil. Negative statuses are the driver's.
func (dev *Device) blasError(call string, s C.int) error {
	if s <= 0 {
		return dev.d.fail(call, -s)
	}
	if e, ok := statuses[s]; ok {
		return &driver.Error{Call: call, Result: e.result, Name: e.name}
	}
	return &driver.Error{Call: call, Result: driver.LibraryFailed, Name: fmt.Sprintf("cuBLAS status %d", s)}
}

// BLAS opens cuBLAS and makes a handle: of the first library that can be opened, starts,
// and does a product, because a machine may have one that is too new for its driver, or
// too old for its device, beside one that is not. The error is of the first that could
// be opened, if one could.
func (dev *Device) BLAS() (driver.BLAS, error) {
	if why := dev.d.options.NoBLAS; why != "" {
		return nil, errors.New("there is no cuBLAS: " + why)
	}
	var absent, broken error
	for _, name := range dev.d.options.BLAS {
		loadBeside(name, strings.Replace(filepath.Base(name), "libcublas", "libcublasLt", 1))
		library, err := load(name)
		if err != nil {
			if absent == nil {
				absent = fmt.Errorf("there is no cuBLAS: %w", err)
			}
			continue
		}
		b, err := dev.newBLAS(library)
		if err == nil {
			return b, nil
		}
		if broken == nil {
			broken = err
		}
	}
	if broken != nil {
		return nil, broken
	}
	return nil, absent
}

// newBLAS makes a handle of a library.
func (dev *Device) newBLAS(library unsafe.Pointer) (*blas, error) {
	b := &blas{dev: dev, c: (*C.gander_blas)(C.calloc(1, C.size_t(unsafe.Sizeof(C.gander_blas{}))))}
	if missing := C.gander_blas_bind(b.c, library); missing != nil {
		C.free(unsafe.Pointer(b.c))
		return nil, fmt.Errorf("cuBLAS is too old: it lacks %s", C.GoString(missing))
	}
	if err := dev.blasError("cublasCreate", C.gander_blas_create(dev.c, dev.context, b.c)); err != nil {
		C.free(unsafe.Pointer(b.c))
		return nil, err
	}
	if err := dev.blasError("cublasSgemmStridedBatched", C.gander_blas_try(dev.c, dev.context, b.c)); err != nil {
		return nil, errors.Join(err, b.Close())
	}
	return b, nil
}

// use calls f with the handle, and fails after Close.
func (b *blas) use(call string, f func() C.int) error {
	b.lock.Lock()
	defer b.lock.Unlock()
	if b.c == nil {
		return &driver.Error{Call: call, Result: driver.NotInitialized, Detail: "the handle was closed"}
	}
	return b.dev.blasError(call, f())
}

func (b *blas) Version() (int, error) {
	var v C.int
	err := b.use("cublasGetVersion", func() C.int { return C.gander_blas_version(b.dev.c, b.dev.context, b.c, &v) })
	return int(v), err
}

func (b *blas) SetWorkspace(p driver.Ptr, bytes uint64) error {
	return b.use("cublasSetWorkspace", func() C.int {
		return C.gander_blas_workspace(b.dev.c, b.dev.context, b.c, C.CUdeviceptr(p), C.size_t(bytes))
	})
}

func (b *blas) Gemm(g *driver.Gemm, s driver.Stream) error {
	flag := func(v bool) C.int {
		if v {
			return 1
		}
		return 0
	}
	call := "cublasSgemmStridedBatched"
	if g.Float64 {
		call = "cublasDgemmStridedBatched"
	}
	c := C.gander_gemm{
		float64: flag(g.Float64), tf32: flag(g.TF32), ta: flag(g.TransA), tb: flag(g.TransB), m: C.int(g.M), n: C.int(g.N), k: C.int(g.K),
		lda: C.int(g.LDA), ldb: C.int(g.LDB), ldc: C.int(g.LDC), batch: C.int(max(g.Batch, 1)), alpha: C.double(g.Alpha), beta: C.double(g.Beta),
		a: C.CUdeviceptr(g.A), b: C.CUdeviceptr(g.B), c: C.CUdeviceptr(g.C),
		stride_a: C.longlong(g.StrideA), stride_b: C.longlong(g.StrideB), stride_c: C.longlong(g.StrideC),
	}
	return b.use(call, func() C.int { return C.gander_blas_gemm(b.dev.c, b.dev.context, b.c, c, C.uintptr_t(s)) })
}

func (b *blas) Close() error {
	return b.use("cublasDestroy", func() C.int {
		s := C.gander_blas_destroy(b.dev.c, b.dev.context, b.c)
		C.free(unsafe.Pointer(b.c))
		b.c = nil
		return s
	})
}
