package driver

import (
	"fmt"
	"strings"
)

// Result is the code that the driver's calls return. As an error it is what
// errors.Is is asked for.
type Result int32

// LibraryFailed stands for results of cuBLAS that no result of the driver's says. They
// tell nothing of the context: if it is lost, the driver's next call says so.
const LibraryFailed Result = -1

// Results that callers tell apart, and those that package sim returns.
const (
	Success              Result = 0
	InvalidValue         Result = 1
	OutOfMemory          Result = 2
	NotInitialized       Result = 3
	Deinitialized        Result = 4
	StubLibrary          Result = 34
	NoDevice             Result = 100
	InvalidDevice        Result = 101
	InvalidContext       Result = 201
	NoBinaryForGPU       Result = 209
	ECCUncorrectable     Result = 214
	InvalidPTX           Result = 218
	NVLinkUncorrectable  Result = 220
	UnsupportedPTX       Result = 222
	SharedObjectNotFound Result = 302
	InvalidHandle        Result = 400
	NotFound             Result = 500
	NotReady             Result = 600
	IllegalAddress       Result = 700
	LaunchOutOfResources Result = 701
	LaunchTimeout        Result = 702
	ContextDestroyed     Result = 709
	Assert               Result = 710
	HardwareStackError   Result = 714
	IllegalInstruction   Result = 715
	MisalignedAddress    Result = 716
	LaunchFailed         Result = 719
	NotPermitted         Result = 800
	NotSupported         Result = 801
	MPSClientTerminated  Result = 810
	CaptureUnsupported   Result = 900
	CaptureInvalidated   Result = 901
	CaptureUnmatched     Result = 903
	Unknown              Result = 999
)

var names = map[Result]string{
	Success:              "CUDA_SUCCESS",
	InvalidValue:         "CUDA_ERROR_INVALID_VALUE",
	OutOfMemory:          "CUDA_ERROR_OUT_OF_MEMORY",
	NotInitialized:       "CUDA_ERROR_NOT_INITIALIZED",
	Deinitialized:        "CUDA_ERROR_DEINITIALIZED",
	StubLibrary:          "CUDA_ERROR_STUB_LIBRARY",
	NoDevice:             "CUDA_ERROR_NO_DEVICE",
	InvalidDevice:        "CUDA_ERROR_INVALID_DEVICE",
	InvalidContext:       "CUDA_ERROR_INVALID_CONTEXT",
	NoBinaryForGPU:       "CUDA_ERROR_NO_BINARY_FOR_GPU",
	ECCUncorrectable:     "CUDA_ERROR_ECC_UNCORRECTABLE",
	InvalidPTX:           "CUDA_ERROR_INVALID_PTX",
	NVLinkUncorrectable:  "CUDA_ERROR_NVLINK_UNCORRECTABLE",
	UnsupportedPTX:       "CUDA_ERROR_UNSUPPORTED_PTX_VERSION",
	SharedObjectNotFound: "CUDA_ERROR_SHARED_OBJECT_SYMBOL_NOT_FOUND",
	InvalidHandle:        "CUDA_ERROR_INVALID_HANDLE",
	NotFound:             "CUDA_ERROR_NOT_FOUND",
	NotReady:             "CUDA_ERROR_NOT_READY",
	IllegalAddress:       "CUDA_ERROR_ILLEGAL_ADDRESS",
	LaunchOutOfResources: "CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES",
	LaunchTimeout:        "CUDA_ERROR_LAUNCH_TIMEOUT",
	ContextDestroyed:     "CUDA_ERROR_CONTEXT_IS_DESTROYED",
	Assert:               "CUDA_ERROR_ASSERT",
	HardwareStackError:   "CUDA_ERROR_HARDWARE_STACK_ERROR",
	IllegalInstruction:   "CUDA_ERROR_ILLEGAL_INSTRUCTION",
	MisalignedAddress:    "CUDA_ERROR_MISALIGNED_ADDRESS",
	LaunchFailed:         "CUDA_ERROR_LAUNCH_FAILED",
	NotPermitted:         "CUDA_ERROR_NOT_PERMITTED",
	NotSupported:         "CUDA_ERROR_NOT_SUPPORTED",
	MPSClientTerminated:  "CUDA_ERROR_MPS_CLIENT_TERMINATED",
	CaptureUnsupported:   "CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED",
	CaptureInvalidated:   "CUDA_ERROR_STREAM_CAPTURE_INVALIDATED",
	CaptureUnmatched:     "CUDA_ERROR_STREAM_CAPTURE_UNMATCHED",
	Unknown:              "CUDA_ERROR_UNKNOWN",
}

// String returns CUDA's name of r: "CUDA_ERROR_OUT_OF_MEMORY".
func (r Result) String() string {
	if n, ok := names[r]; ok {
		return n
	}
	return fmt.Sprintf("CUDA error %d", int32(r))
}

// Error makes a Result an error.
func (r Result) Error() string { return r.String() }

// Results with which a context is lost, too, and which CUDA 11 did not have.
const (
	contained        Result = 226 // an error of hardware that the GPU has contained
	tensorMemoryLeak Result = 721
)

// Sticky reports whether the context is lost after r: every later call fails.
func (r Result) Sticky() bool {
	switch r {
	case Deinitialized, InvalidContext: // somebody else has ended it
		return true
	case ECCUncorrectable, NVLinkUncorrectable, contained, tensorMemoryLeak, MPSClientTerminated, Unknown:
		return true
	}
	return r >= IllegalAddress && r <= LaunchFailed && r != LaunchOutOfResources
}

// Error is a call of the driver that failed.
type Error struct {
	Call   string // the driver's function: "cuMemAlloc"
	Result Result
	Name   string // the driver's name of the result, "" if it has none
	Detail string // what else is known: the driver's text, the compiler's log, the thread and line
	Cause  error  // an error that this one comes from, or nil
}

// Error returns "cuMemAlloc: CUDA_ERROR_OUT_OF_MEMORY: …".
func (e *Error) Error() string {
	name := e.Name
	if name == "" {
		name = e.Result.String()
	}
	parts := []string{e.Call, name}
	if e.Call == "" {
		parts = parts[1:]
	}
	if e.Detail != "" {
		parts = append(parts, e.Detail)
	}
	return strings.Join(parts, ": ")
}

// Unwrap returns the result, and the cause if there is one.
func (e *Error) Unwrap() []error {
	if e.Cause != nil {
		return []error{e.Result, e.Cause}
	}
	return []error{e.Result}
}
