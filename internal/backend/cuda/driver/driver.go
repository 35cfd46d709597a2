package driver

import (
	"slices"
	"unsafe"
)

// Ptr is an address in a device's memory. 0 is no address.
type Ptr uint64

// Stream is a queue of work. 0 is no stream.
type Stream uintptr

// Event is a mark in a stream's queue. 0 is no event.
type Event uintptr

// Module is compiled PTX.
type Module uintptr

// Function is a kernel of a module.
type Function uintptr

// Graph is work that was recorded and can be launched again and again.
type Graph uintptr

// Dim counts blocks or threads along x, y and z. 0 counts as 1.
type Dim struct{ X, Y, Z uint32 }

// Count returns the product of the three.
func (d Dim) Count() uint64 {
	return uint64(max(d.X, 1)) * uint64(max(d.Y, 1)) * uint64(max(d.Z, 1))
}

// Driver is the CUDA driver of a machine.
type Driver interface {
	// Version returns the newest CUDA version that the driver supports: 12040 for
	// 12.4.
	Version() (int, error)
	// DeviceCount returns the number of devices. It may be 0.
	DeviceCount() (int, error)
	// Open returns a device and retains its primary context, which the programs
	// and libraries of the process share.
	Open(ordinal int) (Device, error)
}

// Device is an open device.
type Device interface {
	// Name returns what the maker calls it: "NVIDIA H100 PCIe".
	Name() (string, error)
	// Attribute returns one of the device's properties.
	Attribute(Attribute) (int, error)
	// Close releases the context. What was not freed is lost with it when no other
	// user of the process retains it. No other call may follow.
	Close() error

	Memory
	Streams
	Modules
	Graphs

	// BLAS returns cuBLAS for this device. Its error says why there is none.
	BLAS() (BLAS, error)
}

// Memory is a device's memory, and copies to and from it.
type Memory interface {
	// MemInfo returns how much memory is free, by the device's count, and how much
	// there is.
	MemInfo() (free, total uint64, err error)
	// MemAlloc returns the address of memory that nothing is known of, aligned to
	// 256 bytes. Bytes must not be 0.
	MemAlloc(bytes uint64) (Ptr, error)
	// MemFree frees what MemAlloc returned. It may wait for work that is queued, and
	// need not: what such work uses must not be freed.
	MemFree(Ptr) error

	// HostAlloc returns page-locked memory of the host, all zero, which copies use
	// without staging. It is not the garbage collector's.
	HostAlloc(bytes int) ([]byte, error)
	// HostFree frees what HostAlloc returned, likewise.
	HostFree([]byte) error

	// Upload queues a copy from the host and waits until it is done: src is the
	// caller's again.
	Upload(dst Ptr, src []byte, s Stream) error
	// Download queues a copy to the host and waits until it is done.
	Download(dst []byte, src Ptr, s Stream) error
	// UploadAsync queues a copy from the host and returns. src must be, or be part
	// of, what HostAlloc returned, and stay as it is until s has passed the copy.
	UploadAsync(dst Ptr, src []byte, s Stream) error
	// DownloadAsync queues a copy to the host and returns. dst must be, or be part
	// of, what HostAlloc returned, and holds the bytes once s has passed the copy.
	DownloadAsync(dst []byte, src Ptr, s Stream) error
	// CopyAsync queues a copy within the device's memory. The two must not overlap.
	CopyAsync(dst, src Ptr, bytes uint64, s Stream) error
	// MemsetAsync queues setting words of 32 bits to a value. dst must be aligned
	// to four bytes.
	MemsetAsync(dst Ptr, value uint32, words uint64, s Stream) error
}

// Annotator is implemented by devices that check how memory is used, for allocators
// that lend parts of what MemAlloc returned.
type Annotator interface {
	// AnnotateAsync queues the note that of size bytes the first used are lent anew:
	// nothing that lies there may be read, and the rest belongs to nobody.
	AnnotateAsync(p Ptr, used, size uint64, s Stream) error
}

// Streams are a device's queues, and marks in them.
type Streams interface {
	// StreamCreate returns a stream that neither waits for the default stream nor
	// lets it wait.
	StreamCreate() (Stream, error)
	// StreamDestroy destroys a stream. What is queued is still done.
	StreamDestroy(Stream) error
	// StreamSync waits until all queued work is done.
	StreamSync(Stream) error

	// EventCreate returns an event. With timing, EventElapsed can be asked.
	EventCreate(timing bool) (Event, error)
	// EventDestroy destroys an event.
	EventDestroy(Event) error
	// EventRecord puts the event behind what is queued.
	EventRecord(Event, Stream) error
	// EventSync waits until the work before the event's last record is done. It
	// returns at once if there was none.
	EventSync(Event) error
	// EventDone reports whether that work is done.
	EventDone(Event) (bool, error)
	// EventElapsed returns the milliseconds between two events that are done.
	EventElapsed(start, end Event) (float32, error)
}

// Modules are compiled kernels.
type Modules interface {
	// ModuleLoad compiles PTX. The compiler's messages are in the error.
	ModuleLoad(ptx []byte) (Module, error)
	// ModuleUnload unloads a module with its functions.
	ModuleUnload(Module) error
	// Function returns a kernel by its name.
	Function(m Module, name string) (Function, error)
	// FunctionAttribute returns one of a kernel's properties.
	FunctionAttribute(Function, FunctionAttribute) (int, error)
	// SetFunctionAttribute sets one; MaxDynamicSharedBytes is what can be set.
	SetFunctionAttribute(f Function, a FunctionAttribute, v int) error
	// Launch queues one run of a kernel. Shared is the number of bytes of dynamic
	// shared memory of each block. The arguments lie in the order of the kernel's
	// parameters, each aligned to its size (see [Args]); they are copied.
	Launch(f Function, grid, block Dim, shared uint32, s Stream, args []byte) error
}

// Graphs record the work of a stream. They are optional: GraphsAvailable reports
// whether the driver has the calls, without which all others return NotSupported.
type Graphs interface {
	GraphsAvailable() bool
	// CaptureBegin makes a stream record instead of doing. Until CaptureEnd, calls
	// that wait for the stream fail.
	CaptureBegin(Stream) error
	// CaptureEnd returns what was recorded, ready to be launched. If a call has
	// spoilt the capture, it returns an error and the stream is in order again.
	CaptureEnd(Stream) (Graph, error)
	// GraphLaunch queues one run of all that was recorded, with the same arguments
	// and addresses.
	GraphLaunch(Graph, Stream) error
	// GraphDestroy destroys a graph, which must not be running or queued.
	GraphDestroy(Graph) error
}

// BLAS is cuBLAS on one device.
type BLAS interface {
	// Version returns cuBLAS's version: 120304 for 12.3.4.
	Version() (int, error)
	// SetWorkspace gives cuBLAS memory of the caller's to work in, instead of what
	// it allocates. Captures need it.
	SetWorkspace(p Ptr, bytes uint64) error
	// Gemm queues a product.
	Gemm(g *Gemm, s Stream) error
	// Close frees the handle.
	Close() error
}

// Gemm describes C = alpha·op(A)·op(B) + beta·C of matrices in column order, as
// BLAS has it: op(A) is m×k, op(B) is k×n, C is m×n, and element (i, j) of a matrix
// lies at i + j·ld. Batch products lie Stride… elements apart; Batch 0 counts as 1.
// With Beta 0, C is not read.
type Gemm struct {
	Float64                   bool // elements are float64, else float32
	TF32                      bool // float32 factors may be rounded to TF32
	TransA, TransB            bool
	M, N, K                   int
	Alpha, Beta               float64
	A, B, C                   Ptr
	LDA, LDB, LDC             int
	Batch                     int
	StrideA, StrideB, StrideC int64
}

// Attribute names a property of a device. The values are the driver's.
type Attribute int32

// Properties of a device.
const (
	MaxThreadsPerBlock      Attribute = 1
	MaxBlockX               Attribute = 2
	MaxBlockY               Attribute = 3
	MaxBlockZ               Attribute = 4
	MaxGridX                Attribute = 5
	MaxGridY                Attribute = 6
	MaxGridZ                Attribute = 7
	MaxSharedBytes          Attribute = 8 // of a block, without opting in to more
	WarpSize                Attribute = 10
	ClockKHz                Attribute = 13
	Multiprocessors         Attribute = 16
	MemoryClockKHz          Attribute = 36
	MemoryBusBits           Attribute = 37
	L2Bytes                 Attribute = 38
	MaxThreadsPerSM         Attribute = 39
	ComputeCapabilityMajor  Attribute = 75
	ComputeCapabilityMinor  Attribute = 76
	MaxSharedBytesPerSM     Attribute = 81
	MaxRegistersPerSM       Attribute = 82
	MaxSharedBytesWithOptIn Attribute = 97
)

// FunctionAttribute names a property of a kernel. The values are the driver's.
type FunctionAttribute int32

// Properties of a kernel.
const (
	FunctionMaxThreads    FunctionAttribute = 0 // of a block
	FunctionSharedBytes   FunctionAttribute = 1 // static
	FunctionConstBytes    FunctionAttribute = 2
	FunctionLocalBytes    FunctionAttribute = 3 // of a thread: spills and arrays
	FunctionRegisters     FunctionAttribute = 4 // of a thread
	FunctionPTXVersion    FunctionAttribute = 5
	FunctionBinaryVersion FunctionAttribute = 6
	MaxDynamicSharedBytes FunctionAttribute = 8
)

// Args packs the arguments of a launch. The zero value is empty; Reset keeps the
// memory, so that a caller packs without allocating.
type Args struct{ buf []byte }

// Reset empties a and returns it.
func (a *Args) Reset() *Args { a.buf = a.buf[:0]; return a }

// Bytes returns the arguments packed so far, until the next call changes them.
func (a *Args) Bytes() []byte { return a.buf }

// room appends zeros up to a multiple of align, and size bytes that the caller sets.
func (a *Args) room(size, align int) []byte {
	n := len(a.buf)
	at := (n + align - 1) &^ (align - 1)
	a.buf = slices.Grow(a.buf, at+size-n)[:at+size]
	clear(a.buf[n:at])
	return a.buf[at:]
}

// Ptr appends an address.
func (a *Args) Ptr(p Ptr) *Args { return a.U64(uint64(p)) }

// U64 appends a 64-bit integer.
func (a *Args) U64(v uint64) *Args {
	*(*[8]byte)(a.room(8, 8)) = *(*[8]byte)(unsafe.Pointer(&v))
	return a
}

// I64 appends a 64-bit integer.
func (a *Args) I64(v int64) *Args { return a.U64(uint64(v)) }

// U32 appends a 32-bit integer.
func (a *Args) U32(v uint32) *Args {
	*(*[4]byte)(a.room(4, 4)) = *(*[4]byte)(unsafe.Pointer(&v))
	return a
}

// I32 appends a 32-bit integer.
func (a *Args) I32(v int32) *Args { return a.U32(uint32(v)) }

// F32 appends a float.
func (a *Args) F32(v float32) *Args {
	*(*[4]byte)(a.room(4, 4)) = *(*[4]byte)(unsafe.Pointer(&v))
	return a
}

// F64 appends a double.
func (a *Args) F64(v float64) *Args {
	*(*[8]byte)(a.room(8, 8)) = *(*[8]byte)(unsafe.Pointer(&v))
	return a
}

// Raw appends a struct by its bytes, with its alignment, a power of two.
func (a *Args) Raw(b []byte, align int) *Args {
	copy(a.room(len(b), align), b)
	return a
}
