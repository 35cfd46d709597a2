//go:build cuda && cgo && linux && (amd64 || arm64)

package real

// #cgo LDFLAGS: -ldl
// #cgo noescape gander_launch
// #cgo nocallback gander_launch
// #cgo noescape gander_upload
// #cgo nocallback gander_upload
// #cgo noescape gander_download
// #cgo nocallback gander_download
// #cgo noescape gander_name
// #cgo noescape gander_event_elapsed
// #include <stdlib.h>
// #include "calls.h"
import "C"

import (
	"bytes"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"unsafe"

	"github.com/gander-ml/gander/internal/backend/cuda/driver"
)

// oldest is the CUDA version whose PTX the kernels are: 6.3 came with CUDA 10.0.
const oldest = 10000

var (
	libraries = []string{"libcuda.so.1", "/usr/local/nvidia/lib64/libcuda.so.1", "/usr/lib/wsl/lib/libcuda.so.1"} // where Kubernetes has it, and Windows
	blasNames = []string{"libcublas.so.13", "libcublas.so.12", "libcublas.so.11",
		"/usr/local/cuda/lib64/libcublas.so.13", "/usr/local/cuda/lib64/libcublas.so.12", "/usr/local/cuda/lib64/libcublas.so.11"}
)

// Driver is NVIDIA's driver.
type Driver struct {
	c       *C.gander_driver // never freed: calls may come until the process ends
	options Options
	none    bool // the driver found no device
}

// load opens a library.
func load(name string) (unsafe.Pointer, error) {
	path := C.CString(name)
	defer C.free(unsafe.Pointer(path))
	var text *C.char
	h := C.gander_open(path, &text)
	if h == nil {
		defer C.free(unsafe.Pointer(text))
		return nil, errors.New(C.GoString(text))
	}
	return h, nil
}

// loadBeside opens a library in the folder of another that is named by its path. The
// other opens it by name alone, which the loader may know as little, unless it is open
// already.
func loadBeside(name, beside string) {
	if filepath.IsAbs(name) {
		_, _ = load(filepath.Join(filepath.Dir(name), beside))
	}
}

// loadDriver opens the first of some drivers that can be opened. The error is of the
// first.
func loadDriver(names []string) (unsafe.Pointer, error) {
	var first error
	for _, name := range names {
		h, err := load(name)
		if err == nil {
			loadBeside(name, "libnvidia-ptxjitcompiler.so.1")
			return h, nil
		}
		if first == nil {
			first = err
		}
	}
	return nil, first
}

// Open opens the driver's library and initialises the driver. A machine without a
// driver, one with a driver that is too old, and a driver that does not start are
// errors; a machine without a device is none.
func Open(o Options) (driver.Driver, error) {
	if len(o.Library) == 0 {
		o.Library = libraries
	}
	if len(o.BLAS) == 0 {
		o.BLAS = blasNames
	}
	library, err := loadDriver(o.Library)
	if err != nil {
		return nil, fmt.Errorf("this machine has no NVIDIA driver: %w", err)
	}
	d := &Driver{c: (*C.gander_driver)(C.calloc(1, C.size_t(unsafe.Sizeof(C.gander_driver{})))), options: o}
	missing := C.gander_bind(d.c, library)
	v := C.gander_version(d.c)
	version := int(v.v)
	switch {
	case driver.Result(v.r) == driver.StubLibrary:
		return nil, errors.New("the libcuda.so.1 that was found is a stub for linking, not the NVIDIA driver: take its folder out of LD_LIBRARY_PATH")
	case v.r != 0:
		return nil, d.fail("cuDriverGetVersion", v.r)
	case missing != nil:
		return nil, fmt.Errorf("the NVIDIA driver, for %s, is too old: it lacks %s; CUDA %s is needed", cuda(version), C.GoString(missing), cudaVersion(oldest))
	case version < oldest:
		return nil, fmt.Errorf("the NVIDIA driver, for %s, is too old: CUDA %s is needed", cuda(version), cudaVersion(oldest))
	}
	switch r := driver.Result(C.gander_init(d.c)); r {
	case driver.Success:
	case driver.NoDevice:
		d.none = true
	default:
		return nil, d.fail("cuInit", C.CUresult(r))
	}
	return d, nil
}

func cudaVersion(v int) string { return fmt.Sprintf("%d.%d", v/1000, v%1000/10) }

func cuda(v int) string {
	if v == 0 {
		return "an unknown version"
	}
	return "CUDA " + cudaVersion(v)
}

// fail returns the error of a call, or nil.
func (d *Driver) fail(call string, r C.CUresult) error {
	if r == 0 {
		return nil
	}
	e := &driver.Error{Call: call, Result: driver.Result(r)}
	if s := C.gander_error_name(d.c, r); s != nil {
		e.Name = C.GoString(s)
	}
	if s := C.gander_error_text(d.c, r); s != nil {
		e.Detail = C.GoString(s)
	}
	return e
}

// Version returns the newest CUDA version that the driver supports.
func (d *Driver) Version() (int, error) {
	v := C.gander_version(d.c)
	return int(v.v), d.fail("cuDriverGetVersion", v.r)
}

// DeviceCount returns the number of devices.
func (d *Driver) DeviceCount() (int, error) {
	if d.none {
		return 0, nil
	}
	v := C.gander_count(d.c)
	return int(v.v), d.fail("cuDeviceGetCount", v.r)
}

// Open returns a device.
func (d *Driver) Open(ordinal int) (driver.Device, error) {
	n, err := d.DeviceCount()
	if err != nil {
		return nil, err
	}
	switch {
	case n == 0:
		return nil, &driver.Error{Call: "cuDeviceGetCount", Result: driver.NoDevice, Detail: "the NVIDIA driver sees no device"}
	case ordinal < 0 || ordinal >= n:
		return nil, &driver.Error{Call: "cuDeviceGet", Result: driver.InvalidDevice, Detail: fmt.Sprintf("device %d of %d; they are numbered from 0", ordinal, n)}
	}
	v := C.gander_device(d.c, C.int(ordinal))
	if err := d.fail("cuDeviceGet", v.r); err != nil {
		return nil, err
	}
	dev := &Device{d: d, c: d.c, device: C.CUdevice(v.v)}
	v = C.gander_retain(d.c, dev.device)
	if err := d.fail("cuDevicePrimaryCtxRetain", v.r); err != nil {
		return nil, err
	}
	dev.context = handle(v.v)
	return dev, nil
}

// handle turns a number into one of the driver's pointers. They point to nothing that
// Go knows, so that the number is moved as bits.
func handle(v C.uint64_t) C.CUhandle { return *(*C.CUhandle)(unsafe.Pointer(&v)) }

// Device is a device with its primary context.
type Device struct {
	d       *Driver
	c       *C.gander_driver
	device  C.CUdevice
	context C.CUhandle
	lock    sync.Mutex
	closed  bool
}

// Name returns the device's name.
func (dev *Device) Name() (string, error) {
	var buf [256]byte
	r := C.gander_name(dev.c, dev.device, (*C.char)(unsafe.Pointer(&buf[0])), C.int(len(buf)))
	name, _, _ := bytes.Cut(buf[:], []byte{0})
	return string(name), dev.d.fail("cuDeviceGetName", r)
}

// Attribute returns a property.
func (dev *Device) Attribute(a driver.Attribute) (int, error) {
	v := C.gander_attribute(dev.c, dev.device, C.int(a))
	return int(int64(v.v)), dev.d.fail("cuDeviceGetAttribute", v.r)
}

// Close releases the context.
func (dev *Device) Close() error {
	dev.lock.Lock()
	defer dev.lock.Unlock()
	if dev.closed {
		return &driver.Error{Call: "cuDevicePrimaryCtxRelease", Result: driver.InvalidContext, Detail: "the device was closed before"}
	}
	dev.closed = true
	dev.context = nil // so that later calls fail
	return dev.d.fail("cuDevicePrimaryCtxRelease", C.gander_release(dev.c, dev.device))
}

// MemInfo returns how much memory is free, and how much there is.
func (dev *Device) MemInfo() (free, total uint64, err error) {
	v := C.gander_mem_info(dev.c, dev.context)
	return uint64(v.v), uint64(v.w), dev.d.fail("cuMemGetInfo", v.r)
}

// MemAlloc allocates memory.
func (dev *Device) MemAlloc(bytes uint64) (driver.Ptr, error) {
	v := C.gander_mem_alloc(dev.c, dev.context, C.size_t(bytes))
	return driver.Ptr(v.v), dev.d.fail("cuMemAlloc", v.r)
}

// MemFree frees memory.
func (dev *Device) MemFree(p driver.Ptr) error {
	return dev.d.fail("cuMemFree", C.gander_mem_free(dev.c, dev.context, C.CUdeviceptr(p)))
}

// HostAlloc returns page-locked memory, all zero.
func (dev *Device) HostAlloc(bytes int) ([]byte, error) {
	if bytes <= 0 {
		return nil, &driver.Error{Call: "cuMemHostAlloc", Result: driver.InvalidValue, Detail: fmt.Sprintf("%d bytes", bytes)}
	}
	v := C.gander_host_alloc(dev.c, dev.context, C.size_t(bytes))
	if err := dev.d.fail("cuMemHostAlloc", v.r); err != nil {
		return nil, err
	}
	return unsafe.Slice((*byte)(handle(v.v)), bytes), nil
}

// HostFree frees page-locked memory.
func (dev *Device) HostFree(b []byte) error {
	if len(b) == 0 {
		return &driver.Error{Call: "cuMemFreeHost", Result: driver.InvalidValue, Detail: "no bytes"}
	}
	return dev.d.fail("cuMemFreeHost", C.gander_host_free(dev.c, dev.context, unsafe.Pointer(&b[0])))
}

func (dev *Device) upload(dst driver.Ptr, src []byte, s driver.Stream, wait C.int) error {
	r := C.gander_upload(dev.c, dev.context, C.CUdeviceptr(dst), unsafe.Pointer(unsafe.SliceData(src)), C.size_t(len(src)), C.uintptr_t(s), wait)
	return dev.d.fail("cuMemcpyHtoDAsync", r)
}

func (dev *Device) download(dst []byte, src driver.Ptr, s driver.Stream, wait C.int) error {
	r := C.gander_download(dev.c, dev.context, unsafe.Pointer(unsafe.SliceData(dst)), C.CUdeviceptr(src), C.size_t(len(dst)), C.uintptr_t(s), wait)
	return dev.d.fail("cuMemcpyDtoHAsync", r)
}

// Upload copies from the host and waits.
func (dev *Device) Upload(dst driver.Ptr, src []byte, s driver.Stream) error {
	return dev.upload(dst, src, s, 1)
}

// Download copies to the host and waits.
func (dev *Device) Download(dst []byte, src driver.Ptr, s driver.Stream) error {
	return dev.download(dst, src, s, 1)
}

// UploadAsync queues a copy from page-locked memory.
func (dev *Device) UploadAsync(dst driver.Ptr, src []byte, s driver.Stream) error {
	return dev.upload(dst, src, s, 0)
}

// DownloadAsync queues a copy to page-locked memory.
func (dev *Device) DownloadAsync(dst []byte, src driver.Ptr, s driver.Stream) error {
	return dev.download(dst, src, s, 0)
}

// CopyAsync queues a copy on the device.
func (dev *Device) CopyAsync(dst, src driver.Ptr, bytes uint64, s driver.Stream) error {
	r := C.gander_copy(dev.c, dev.context, C.CUdeviceptr(dst), C.CUdeviceptr(src), C.size_t(bytes), C.uintptr_t(s))
	return dev.d.fail("cuMemcpyDtoDAsync", r)
}

// MemsetAsync queues setting words.
func (dev *Device) MemsetAsync(dst driver.Ptr, value uint32, words uint64, s driver.Stream) error {
	r := C.gander_memset(dev.c, dev.context, C.CUdeviceptr(dst), C.uint(value), C.size_t(words), C.uintptr_t(s))
	return dev.d.fail("cuMemsetD32Async", r)
}

// StreamCreate returns a stream.
func (dev *Device) StreamCreate() (driver.Stream, error) {
	v := C.gander_stream_create(dev.c, dev.context)
	return driver.Stream(v.v), dev.d.fail("cuStreamCreate", v.r)
}

// StreamDestroy destroys a stream.
func (dev *Device) StreamDestroy(s driver.Stream) error {
	return dev.d.fail("cuStreamDestroy", C.gander_stream_destroy(dev.c, dev.context, C.uintptr_t(s)))
}

// StreamSync waits for a stream.
func (dev *Device) StreamSync(s driver.Stream) error {
	return dev.d.fail("cuStreamSynchronize", C.gander_stream_sync(dev.c, dev.context, C.uintptr_t(s)))
}

// EventCreate returns an event.
func (dev *Device) EventCreate(timing bool) (driver.Event, error) {
	var t C.int
	if timing {
		t = 1
	}
	v := C.gander_event_create(dev.c, dev.context, t)
	return driver.Event(v.v), dev.d.fail("cuEventCreate", v.r)
}

// EventDestroy destroys an event.
func (dev *Device) EventDestroy(e driver.Event) error {
	return dev.d.fail("cuEventDestroy", C.gander_event_destroy(dev.c, dev.context, C.uintptr_t(e)))
}

// EventRecord queues a mark.
func (dev *Device) EventRecord(e driver.Event, s driver.Stream) error {
	return dev.d.fail("cuEventRecord", C.gander_event_record(dev.c, dev.context, C.uintptr_t(e), C.uintptr_t(s)))
}

// EventSync waits for a mark.
func (dev *Device) EventSync(e driver.Event) error {
	return dev.d.fail("cuEventSynchronize", C.gander_event_sync(dev.c, dev.context, C.uintptr_t(e)))
}

// EventDone reports whether a mark was passed.
func (dev *Device) EventDone(e driver.Event) (bool, error) {
	r := C.gander_event_query(dev.c, dev.context, C.uintptr_t(e))
	if driver.Result(r) == driver.NotReady {
		return false, nil
	}
	return r == 0, dev.d.fail("cuEventQuery", r)
}

// EventElapsed returns the milliseconds between two marks.
func (dev *Device) EventElapsed(start, end driver.Event) (float32, error) {
	var ms C.float
	r := C.gander_event_elapsed(dev.c, dev.context, C.uintptr_t(start), C.uintptr_t(end), &ms)
	return float32(ms), dev.d.fail("cuEventElapsedTime", r)
}

// ModuleLoad compiles PTX. The error has what the compiler says.
func (dev *Device) ModuleLoad(ptx []byte) (driver.Module, error) {
	text := C.CString(string(ptx))
	defer C.free(unsafe.Pointer(text))
	const length = 8 << 10
	log := (*C.char)(C.calloc(1, length))
	defer C.free(unsafe.Pointer(log))
	v := C.gander_module_load(dev.c, dev.context, text, log, length)
	err := dev.d.fail("cuModuleLoadDataEx", v.r)
	if e, ok := err.(*driver.Error); ok {
		if said := strings.Join(strings.Fields(C.GoString(log)), " "); said != "" {
			e.Detail = strings.TrimPrefix(e.Detail+": "+said, ": ")
		}
	}
	return driver.Module(v.v), err
}

// ModuleUnload unloads a module.
func (dev *Device) ModuleUnload(m driver.Module) error {
	return dev.d.fail("cuModuleUnload", C.gander_module_unload(dev.c, dev.context, C.uintptr_t(m)))
}

// Function returns a kernel.
func (dev *Device) Function(m driver.Module, name string) (driver.Function, error) {
	s := C.CString(name)
	defer C.free(unsafe.Pointer(s))
	v := C.gander_function(dev.c, dev.context, C.uintptr_t(m), s)
	err := dev.d.fail("cuModuleGetFunction", v.r)
	if e, ok := err.(*driver.Error); ok {
		e.Detail = fmt.Sprintf("%q: %s", name, e.Detail)
	}
	return driver.Function(v.v), err
}

// FunctionAttribute returns a kernel's property.
func (dev *Device) FunctionAttribute(f driver.Function, a driver.FunctionAttribute) (int, error) {
	v := C.gander_function_attribute(dev.c, dev.context, C.uintptr_t(f), C.int(a))
	return int(int64(v.v)), dev.d.fail("cuFuncGetAttribute", v.r)
}

// SetFunctionAttribute sets a kernel's property.
func (dev *Device) SetFunctionAttribute(f driver.Function, a driver.FunctionAttribute, v int) error {
	return dev.d.fail("cuFuncSetAttribute", C.gander_set_function_attribute(dev.c, dev.context, C.uintptr_t(f), C.int(a), C.int(v)))
}

// Launch queues a kernel.
func (dev *Device) Launch(f driver.Function, grid, block driver.Dim, shared uint32, s driver.Stream, args []byte) error {
	n := func(v uint32) C.uint { return C.uint(max(v, 1)) }
	r := C.gander_launch(dev.c, dev.context, C.uintptr_t(f), n(grid.X), n(grid.Y), n(grid.Z), n(block.X), n(block.Y), n(block.Z),
		C.uint(shared), C.uintptr_t(s), unsafe.Pointer(unsafe.SliceData(args)), C.size_t(len(args)))
	return dev.d.fail("cuLaunchKernel", r)
}

// GraphsAvailable reports whether the driver has the calls.
func (dev *Device) GraphsAvailable() bool { return C.gander_graphs(dev.c) != 0 }

// noGraphs is the error of a call that the driver does not have.
func (dev *Device) noGraphs(call string) error {
	if dev.GraphsAvailable() {
		return nil
	}
	return &driver.Error{Call: call, Result: driver.NotSupported, Detail: "the NVIDIA driver is too old for graphs"}
}

// CaptureBegin begins to record.
func (dev *Device) CaptureBegin(s driver.Stream) error {
	if err := dev.noGraphs("cuStreamBeginCapture"); err != nil {
		return err
	}
	return dev.d.fail("cuStreamBeginCapture", C.gander_capture_begin(dev.c, dev.context, C.uintptr_t(s)))
}

// CaptureEnd ends to record.
func (dev *Device) CaptureEnd(s driver.Stream) (driver.Graph, error) {
	if err := dev.noGraphs("cuStreamEndCapture"); err != nil {
		return 0, err
	}
	v := C.gander_capture_end(dev.c, dev.context, C.uintptr_t(s))
	return driver.Graph(v.v), dev.d.fail("cuStreamEndCapture", v.r)
}

// GraphLaunch queues what was recorded.
func (dev *Device) GraphLaunch(g driver.Graph, s driver.Stream) error {
	if err := dev.noGraphs("cuGraphLaunch"); err != nil {
		return err
	}
	return dev.d.fail("cuGraphLaunch", C.gander_graph_launch(dev.c, dev.context, C.uintptr_t(g), C.uintptr_t(s)))
}

// GraphDestroy destroys what was recorded.
func (dev *Device) GraphDestroy(g driver.Graph) error {
	if err := dev.noGraphs("cuGraphExecDestroy"); err != nil {
		return err
	}
	return dev.d.fail("cuGraphExecDestroy", C.gander_graph_destroy(dev.c, dev.context, C.uintptr_t(g)))
}
