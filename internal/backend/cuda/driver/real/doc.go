// Package real calls NVIDIA's driver.
//
// It needs the build tag cuda, cgo with a C compiler, and Linux on amd64 or arm64.
// Nothing of CUDA has to be installed where a program is built: the prototypes stand
// in calls.h, and libcuda.so.1, which comes with the driver, is opened when [Open] is
// called. Without the tag, Open returns an error that says so.
//
// # Which functions are bound
//
// NVIDIA changes a function by exporting it a second time, with a suffix, and a macro
// of cuda.h that names the new one; the old one stays. This package asks for those
// that have been there since CUDA 10.0 under the names that they had then, so that one
// binary runs with that driver and all later ones. There is no cuCtxCreate among them,
// whose macro changed with CUDA 13: devices are used by their primary context, as
// NVIDIA's runtime and cuBLAS use them. What a driver may lack (graphs, which need CUDA
// 10.1, and names of errors) is bound if it is there. bench/cuda/nvidia.sh compares the
// prototypes with NVIDIA's headers and tries NVIDIA's own libraries.
//
// # Threads
//
// A context is current in a thread of the operating system, and a goroutine moves
// between threads. Each call here makes the context current and calls the driver from
// one C function, in which a goroutine cannot move.
//
// # Signals
//
// Go needs handlers of signals to run on a stack of their own. After each call that
// starts a library, this package makes those do that which it has put before Go's.
//
// # Copies
//
// Upload and Download wait for the copy, because the driver may else read or write Go
// memory after the call; UploadAsync and DownloadAsync take page-locked memory only.
//
// # cuBLAS
//
// Device.BLAS opens libcublas.so.13, .12 or .11, where the loader finds it or in
// /usr/local/cuda/lib64; LD_LIBRARY_PATH adds other places. It takes the first that
// starts and does a small product: with a driver that is too old for it cuBLAS does not
// start, and on a device that is too new its products fail.
package real

// Options name libraries for [Open]. The zero value is right where they are in their
// usual places.
type Options struct {
	Library []string // the driver; the first that can be opened
	BLAS    []string // cuBLAS, likewise
	NoBLAS  string   // if not empty, why there shall be no cuBLAS
}
