package sim_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/internal/backend/cuda/driver"
	"github.com/gander-ml/gander/internal/backend/cuda/driver/sim"
	"github.com/gander-ml/gander/internal/ptx"
)

// scale multiplies n floats in place.
const scale = `
.version 6.3
.target sm_75
.address_size 64
.visible .entry scale(.param .u64 p0, .param .f32 p1, .param .u32 p2)
.maxntid 256, 1, 1
{
	.reg .pred %p<2>;
	.reg .b32 %r<6>;
	.reg .f32 %f<4>;
	.reg .b64 %rd<5>;
	ld.param.u64 %rd1, [p0];
	ld.param.f32 %f1, [p1];
	ld.param.u32 %r1, [p2];
	mov.u32 %r2, %ctaid.x;
	mov.u32 %r3, %ntid.x;
	mov.u32 %r4, %tid.x;
	mad.lo.s32 %r5, %r2, %r3, %r4;
	setp.ge.u32 %p1, %r5, %r1;
	@%p1 bra DONE;
	cvta.to.global.u64 %rd2, %rd1;
	mul.wide.u32 %rd3, %r5, 4;
	add.s64 %rd4, %rd2, %rd3;
	ld.global.f32 %f2, [%rd4];
	mul.f32 %f3, %f2, %f1;
	st.global.f32 [%rd4], %f3;
DONE:
	ret;
}`

func floats(v ...float32) []byte {
	var b []byte
	for _, x := range v {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(x))
	}
	return b
}

// rig is an open device with a stream and the kernel.
type rig struct {
	*testing.T
	driver *sim.Driver
	dev    driver.Device
	s      driver.Stream
	m      driver.Module
	f      driver.Function
}

func newRig(t *testing.T, c sim.Config) *rig {
	r := &rig{T: t, driver: sim.New(c)}
	var err error
	r.dev, err = r.driver.Open(0)
	require.NoError(t, err)
	r.s, err = r.dev.StreamCreate()
	require.NoError(t, err)
	r.m, err = r.dev.ModuleLoad([]byte(scale))
	require.NoError(t, err)
	r.f, err = r.dev.Function(r.m, "scale")
	require.NoError(t, err)
	return r
}

func (r *rig) alloc(n uint64) driver.Ptr {
	p, err := r.dev.MemAlloc(n)
	require.NoError(r, err)
	return p
}

func (r *rig) scale(p driver.Ptr, by float32, n uint32) error {
	var a driver.Args
	return r.dev.Launch(r.f, driver.Dim{X: (n + 255) / 256}, driver.Dim{X: 256}, 0, r.s, a.Ptr(p).F32(by).U32(n).Bytes())
}

func (r *rig) close() {
	require.NoError(r, r.dev.StreamDestroy(r.s))
	require.NoError(r, r.dev.ModuleUnload(r.m))
	require.NoError(r, r.dev.Close())
}

func TestRound(t *testing.T) {
	r := newRig(t, sim.Config{})
	p := r.alloc(12)
	require.NoError(t, r.dev.Upload(p, floats(1, 2, 3), r.s))
	require.NoError(t, r.scale(p, 2, 3))
	require.NoError(t, r.scale(p, 0.5, 1))
	got := make([]byte, 12)
	require.NoError(t, r.dev.Download(got, p, r.s))
	assert.Equal(t, floats(1, 4, 6), got)
	c := r.driver.Counters()
	assert.Equal(t, 2, c.Launches)
	assert.Equal(t, map[string]int{"scale": 2}, c.Kernels)
	assert.Equal(t, uint64(12), c.UploadBytes)
	assert.Equal(t, uint64(12), c.DownloadBytes)
	assert.Positive(t, c.Instructions)
	require.NoError(t, r.dev.MemFree(p))
	r.close()
	assert.Empty(t, r.driver.Leaks())
}

// What is queued is done when somebody waits, not before.
func TestQueue(t *testing.T) {
	r := newRig(t, sim.Config{})
	p := r.alloc(12)
	h, err := r.dev.HostAlloc(12)
	require.NoError(t, err)
	copy(h, floats(1, 2, 3))
	require.NoError(t, r.dev.UploadAsync(p, h, r.s))
	require.NoError(t, r.scale(p, 3, 3))
	out, err := r.dev.HostAlloc(16)
	require.NoError(t, err)
	require.NoError(t, r.dev.DownloadAsync(out[4:], p, r.s))
	e, err := r.dev.EventCreate(false)
	require.NoError(t, err)
	require.NoError(t, r.dev.EventRecord(e, r.s))
	assert.Zero(t, r.driver.Counters().Launches)
	assert.NotEqual(t, floats(3, 6, 9), out[4:])
	done, err := r.dev.EventDone(e)
	require.NoError(t, err)
	assert.False(t, done)
	require.NoError(t, r.dev.EventSync(e))
	assert.Equal(t, floats(3, 6, 9), out[4:])
	done, err = r.dev.EventDone(e)
	require.NoError(t, err)
	assert.True(t, done)

	copy(h, floats(5, 6, 7))
	require.NoError(t, r.dev.UploadAsync(p, h, r.s))
	h[0]++
	err = r.dev.StreamSync(r.s)
	assert.ErrorContains(t, err, "changed before it was copied")
	assert.ErrorIs(t, err, driver.LaunchFailed)
}

func TestPoll(t *testing.T) {
	r := newRig(t, sim.Config{})
	p := r.alloc(4)
	require.NoError(t, r.dev.MemsetAsync(p, 0, 1, r.s))
	e, err := r.dev.EventCreate(true)
	require.NoError(t, err)
	b, err := r.dev.EventCreate(true)
	require.NoError(t, err)
	require.NoError(t, r.dev.EventRecord(b, r.s))
	for range 10 {
		require.NoError(t, r.scale(p, 1, 1))
	}
	require.NoError(t, r.dev.EventRecord(e, r.s))
	_, err = r.dev.EventElapsed(b, e)
	assert.ErrorIs(t, err, driver.NotReady)
	polls := 0
	for done := false; !done; polls++ {
		done, err = r.dev.EventDone(e)
		require.NoError(t, err)
		require.Less(t, polls, 100)
	}
	ms, err := r.dev.EventElapsed(b, e)
	require.NoError(t, err)
	assert.Positive(t, ms)
}

// A kernel's fault comes with a later call, and all calls fail from then on.
func TestFault(t *testing.T) {
	r := newRig(t, sim.Config{})
	p := r.alloc(8)
	require.NoError(t, r.dev.Upload(p, floats(1, 2), r.s))
	require.NoError(t, r.scale(p, 2, 3)) // one too many
	err := r.dev.Download(make([]byte, 8), p, r.s)
	assert.ErrorIs(t, err, driver.IllegalAddress)
	var f *ptx.Fault
	require.ErrorAs(t, err, &f)
	assert.Equal(t, ptx.Dim3{X: 2}, f.Thread)
	assert.ErrorContains(t, err, "ld.global.f32 %f2, [%rd4];")
	assert.ErrorContains(t, err, "0 bytes past the end of an allocation of 8")
	_, err = r.dev.MemAlloc(8)
	assert.ErrorIs(t, err, driver.IllegalAddress)
	assert.ErrorContains(t, err, "cuMemAlloc: CUDA_ERROR_ILLEGAL_ADDRESS")
	assert.ErrorIs(t, r.scale(p, 1, 1), driver.IllegalAddress)
	require.NoError(t, r.dev.Close())

	// A new context is in order.
	dev, err := r.driver.Open(0)
	require.NoError(t, err)
	_, err = dev.MemAlloc(8)
	require.NoError(t, err)
	assert.Contains(t, fmt.Sprint(r.driver.Leaks()), "1 allocations of 8 bytes")
}

func TestWrongLaunch(t *testing.T) {
	r := newRig(t, sim.Config{})
	p := r.alloc(8)
	var a driver.Args
	ok := a.Ptr(p).F32(1).U32(2).Bytes()
	for name, err := range map[string]error{
		"a block of":        r.dev.Launch(r.f, driver.Dim{}, driver.Dim{X: 512}, 0, r.s, ok),
		"threads":           r.dev.Launch(r.f, driver.Dim{}, driver.Dim{X: 2048}, 0, r.s, ok),
		"of dynamic shared": r.dev.Launch(r.f, driver.Dim{}, driver.Dim{}, 50000, r.s, ok),
		"bytes of argument": r.dev.Launch(r.f, driver.Dim{}, driver.Dim{}, 0, r.s, ok[:12]),
	} {
		assert.ErrorIs(t, err, driver.InvalidValue)
		assert.ErrorContains(t, err, name)
	}
	require.NoError(t, r.dev.SetFunctionAttribute(r.f, driver.MaxDynamicSharedBytes, 50000))
	require.NoError(t, r.dev.Launch(r.f, driver.Dim{}, driver.Dim{X: 1}, 50000, r.s, a.Reset().Ptr(p).F32(1).U32(0).Bytes()))
	require.NoError(t, r.dev.StreamSync(r.s))
	assert.Error(t, r.dev.SetFunctionAttribute(r.f, driver.MaxDynamicSharedBytes, 1<<20))
	assert.ErrorIs(t, r.dev.Launch(99, driver.Dim{}, driver.Dim{}, 0, r.s, ok), driver.InvalidHandle)
	assert.ErrorIs(t, r.dev.Launch(r.f, driver.Dim{}, driver.Dim{}, 0, 99, ok), driver.InvalidHandle)
}

func TestMemory(t *testing.T) {
	r := newRig(t, sim.Config{Memory: 1000})
	p := r.alloc(600)
	_, err := r.dev.MemAlloc(600)
	assert.ErrorIs(t, err, driver.OutOfMemory)
	assert.ErrorContains(t, err, "600 bytes; 400 of 1000 are free")
	free, total, err := r.dev.MemInfo()
	require.NoError(t, err)
	assert.Equal(t, []uint64{400, 1000}, []uint64{free, total})
	_, err = r.dev.MemAlloc(0)
	assert.ErrorIs(t, err, driver.InvalidValue)

	err = r.dev.Download(make([]byte, 4), p, r.s)
	assert.ErrorContains(t, err, "nothing was written")
	err = r.dev.Upload(p+590, make([]byte, 12), r.s)
	assert.ErrorIs(t, err, driver.InvalidValue)
	assert.ErrorContains(t, err, "0 bytes past the end")
	require.NoError(t, r.dev.MemsetAsync(p, 0x3f800000, 150, r.s))
	require.NoError(t, r.dev.CopyAsync(p, p+8, 8, r.s))
	got := make([]byte, 4)
	require.NoError(t, r.dev.Download(got, p+4, r.s))
	assert.Equal(t, floats(1), got)
	assert.ErrorContains(t, r.dev.MemsetAsync(p+2, 0, 1, r.s), "multiple of 4")
	assert.ErrorContains(t, r.dev.MemsetAsync(p, 0, 151, r.s), "past the end")

	require.NoError(t, r.dev.MemFree(p))
	err = r.dev.MemFree(p)
	assert.ErrorIs(t, err, driver.InvalidValue)
	assert.ErrorContains(t, err, "freed memory, byte 0 of what were 600")
	assert.Error(t, r.dev.Upload(p, got, r.s))
	q := r.alloc(600)
	assert.NotEqual(t, p, q)
	assert.Error(t, r.dev.MemFree(q+4))
}

// An overlapping copy is an error when it is done.
func TestOverlap(t *testing.T) {
	r := newRig(t, sim.Config{})
	p := r.alloc(64)
	require.NoError(t, r.dev.MemsetAsync(p, 0, 16, r.s))
	require.NoError(t, r.dev.CopyAsync(p, p+4, 8, r.s))
	assert.ErrorContains(t, r.dev.StreamSync(r.s), "overlaps itself")
}

func TestHostMemory(t *testing.T) {
	r := newRig(t, sim.Config{})
	p := r.alloc(8)
	assert.ErrorContains(t, r.dev.UploadAsync(p, make([]byte, 8), r.s), "HostAlloc")
	assert.ErrorContains(t, r.dev.DownloadAsync(make([]byte, 8), p, r.s), "HostAlloc")
	h, err := r.dev.HostAlloc(8)
	require.NoError(t, err)
	assert.Error(t, r.dev.HostFree(make([]byte, 8)))
	require.NoError(t, r.dev.HostFree(h))
	assert.Error(t, r.dev.HostFree(h))
	assert.ErrorContains(t, r.dev.UploadAsync(p, h, r.s), "HostAlloc")
	_, err = r.dev.HostAlloc(0)
	assert.Error(t, err)
}

// What an allocator lends is checked by the part that is lent.
func TestAnnotate(t *testing.T) {
	r := newRig(t, sim.Config{})
	p := r.alloc(256)
	require.NoError(t, r.dev.MemsetAsync(p, 0, 64, r.s))
	require.NoError(t, r.scale(p, 1, 64))
	require.NoError(t, r.dev.StreamSync(r.s))
	a := r.dev.(driver.Annotator)
	require.NoError(t, a.AnnotateAsync(p, 12, 256, r.s))
	require.NoError(t, r.dev.Upload(p, floats(1, 2, 3), r.s))
	require.NoError(t, r.scale(p, 2, 3))
	require.NoError(t, r.dev.StreamSync(r.s))
	require.NoError(t, r.scale(p, 2, 4))
	assert.ErrorIs(t, r.dev.StreamSync(r.s), driver.IllegalAddress)

	r = newRig(t, sim.Config{})
	p = r.alloc(256)
	require.NoError(t, r.dev.MemsetAsync(p, 0, 64, r.s))
	require.NoError(t, r.dev.(driver.Annotator).AnnotateAsync(p, 12, 256, r.s))
	require.NoError(t, r.scale(p, 2, 3))
	assert.ErrorContains(t, r.dev.StreamSync(r.s), "nothing was written")
}

func TestGraph(t *testing.T) {
	r := newRig(t, sim.Config{})
	require.True(t, r.dev.GraphsAvailable())
	p := r.alloc(8)
	require.NoError(t, r.dev.Upload(p, floats(1, 2), r.s))
	require.NoError(t, r.dev.CaptureBegin(r.s))
	assert.ErrorIs(t, r.scale(p, 2, 2), driver.CaptureUnsupported)
	assert.ErrorIs(t, r.scale(p, 2, 2), driver.CaptureInvalidated)
	_, err := r.dev.CaptureEnd(r.s)
	assert.ErrorContains(t, err, "for the first time")
	require.NoError(t, r.scale(p, 1, 2))
	require.NoError(t, r.dev.StreamSync(r.s))
	r.driver.ResetCounters()

	require.NoError(t, r.dev.CaptureBegin(r.s))
	require.NoError(t, r.scale(p, 2, 2))
	require.NoError(t, r.scale(p, 3, 1))
	g, err := r.dev.CaptureEnd(r.s)
	require.NoError(t, err)
	require.NoError(t, r.dev.StreamSync(r.s))
	assert.Zero(t, r.driver.Counters().Launches, "a capture records and does not run")
	for range 2 {
		require.NoError(t, r.dev.GraphLaunch(g, r.s))
	}
	assert.ErrorContains(t, r.dev.GraphDestroy(g), "the graph is queued")
	got := make([]byte, 8)
	require.NoError(t, r.dev.Download(got, p, r.s))
	assert.Equal(t, floats(36, 8), got)
	assert.Equal(t, 4, r.driver.Counters().Launches)
	assert.Equal(t, 2, r.driver.Counters().GraphLaunches)

	// Waiting spoils a capture.
	require.NoError(t, r.dev.CaptureBegin(r.s))
	assert.ErrorIs(t, r.dev.CaptureBegin(r.s), driver.InvalidValue)
	assert.ErrorIs(t, r.dev.Download(got, p, r.s), driver.CaptureUnsupported)
	_, err = r.dev.CaptureEnd(r.s)
	assert.ErrorIs(t, err, driver.CaptureInvalidated)
	assert.ErrorContains(t, err, "waits for a stream")
	_, err = r.dev.CaptureEnd(r.s)
	assert.ErrorIs(t, err, driver.CaptureUnmatched)
	require.NoError(t, r.dev.Download(got, p, r.s), "the stream is in order again")

	// A graph that uses freed memory is caught.
	require.NoError(t, r.dev.GraphLaunch(g, r.s))
	require.NoError(t, r.dev.MemFree(p), "which does not wait")
	err = r.dev.StreamSync(r.s)
	assert.ErrorIs(t, err, driver.IllegalAddress)
	assert.ErrorContains(t, err, "freed memory")
}

func TestNoGraphs(t *testing.T) {
	r := newRig(t, sim.Config{NoGraphs: true})
	assert.False(t, r.dev.GraphsAvailable())
	assert.ErrorIs(t, r.dev.CaptureBegin(r.s), driver.NotSupported)
	require.NoError(t, r.dev.StreamSync(r.s))
}

func TestGemm(t *testing.T) {
	r := newRig(t, sim.Config{})
	b, err := r.dev.BLAS()
	require.NoError(t, err)
	// By columns: A = [1 3; 2 4] as (1 2, 3 4), B = [5 7; 6 8].
	p, q, c := r.alloc(16), r.alloc(16), r.alloc(16)
	require.NoError(t, r.dev.Upload(p, floats(1, 2, 3, 4), r.s))
	require.NoError(t, r.dev.Upload(q, floats(5, 6, 7, 8), r.s))
	for _, k := range []struct {
		ta, tb bool
		want   []byte
	}{
		{false, false, floats(23, 34, 31, 46)},
		{true, false, floats(17, 39, 23, 53)},
		{false, true, floats(26, 38, 30, 44)},
		{true, true, floats(19, 43, 22, 50)},
	} {
		require.NoError(t, b.Gemm(&driver.Gemm{TransA: k.ta, TransB: k.tb, M: 2, N: 2, K: 2, Alpha: 1, A: p, B: q, C: c, LDA: 2, LDB: 2, LDC: 2}, r.s))
		got := make([]byte, 16)
		require.NoError(t, r.dev.Download(got, c, r.s))
		assert.Equal(t, k.want, got, "%v %v", k.ta, k.tb)
	}
	require.NoError(t, b.Gemm(&driver.Gemm{M: 2, N: 2, K: 2, Alpha: 2, Beta: 1, A: p, B: q, C: c, LDA: 2, LDB: 2, LDC: 2}, r.s))
	got := make([]byte, 16)
	require.NoError(t, r.dev.Download(got, c, r.s))
	assert.Equal(t, floats(46+19, 68+43, 62+22, 92+50), got)
	assert.Error(t, b.Gemm(&driver.Gemm{M: 2, N: 2, K: 2, LDA: 1, LDB: 2, LDC: 2}, r.s))

	require.NoError(t, r.dev.CaptureBegin(r.s))
	g := &driver.Gemm{M: 1, N: 1, K: 1, Alpha: 1, A: p, B: q, C: c, LDA: 1, LDB: 1, LDC: 1}
	assert.ErrorIs(t, b.Gemm(g, r.s), driver.CaptureUnsupported, "without a workspace")
	_, err = r.dev.CaptureEnd(r.s)
	assert.Error(t, err)
	require.NoError(t, b.SetWorkspace(r.alloc(1024), 1024))
	require.NoError(t, r.dev.CaptureBegin(r.s))
	assert.ErrorIs(t, b.Gemm(g, r.s), driver.CaptureUnsupported, "the first of its kind")
	_, err = r.dev.CaptureEnd(r.s)
	assert.Error(t, err)
	require.NoError(t, b.Gemm(g, r.s))
	require.NoError(t, r.dev.CaptureBegin(r.s))
	require.NoError(t, b.Gemm(g, r.s))
	_, err = r.dev.CaptureEnd(r.s)
	require.NoError(t, err)
	require.NoError(t, b.Close())
	assert.Error(t, b.Gemm(g, r.s))

	_, err = newRig(t, sim.Config{NoBLAS: true}).dev.BLAS()
	assert.ErrorIs(t, err, driver.NotFound)
}

func TestFail(t *testing.T) {
	r := newRig(t, sim.Config{})
	r.driver.Fail("cuMemAlloc", 1, driver.OutOfMemory)
	r.alloc(8)
	_, err := r.dev.MemAlloc(8)
	assert.ErrorIs(t, err, driver.OutOfMemory)
	p := r.alloc(8)
	require.NoError(t, r.dev.Upload(p, floats(1, 2), r.s))
	r.driver.Fail("", 0, driver.Unknown)
	assert.ErrorIs(t, r.dev.StreamSync(r.s), driver.Unknown)
	require.NoError(t, r.dev.StreamSync(r.s))
}

func TestDevices(t *testing.T) {
	d := sim.New(sim.Config{Devices: -1})
	n, err := d.DeviceCount()
	require.NoError(t, err)
	assert.Zero(t, n)
	_, err = d.Open(0)
	assert.ErrorIs(t, err, driver.NoDevice)

	d = sim.New(sim.Config{Devices: 2})
	_, err = d.Open(2)
	assert.ErrorIs(t, err, driver.InvalidDevice)
	assert.ErrorContains(t, err, "device 2 of 2")
	a, err := d.Open(1)
	require.NoError(t, err)
	b, err := d.Open(1)
	require.NoError(t, err)
	name, err := a.Name()
	require.NoError(t, err)
	assert.Equal(t, "simulated device 1", name)
	major, err := a.Attribute(driver.ComputeCapabilityMajor)
	require.NoError(t, err)
	assert.Equal(t, 7, major)
	p, err := a.MemAlloc(8)
	require.NoError(t, err)
	require.NoError(t, a.Close())
	assert.Error(t, a.Close())
	_, err = a.MemAlloc(8)
	assert.ErrorIs(t, err, driver.ContextDestroyed)
	require.NoError(t, b.MemFree(p), "the context lives as long as one uses it")
	require.NoError(t, b.Close())
	assert.Empty(t, d.Leaks())
}

func TestModule(t *testing.T) {
	r := newRig(t, sim.Config{})
	_, err := r.dev.ModuleLoad([]byte("what is this"))
	assert.ErrorIs(t, err, driver.InvalidPTX)
	_, err = r.dev.ModuleLoad([]byte(".version 7.0\n.target sm_80\n"))
	assert.ErrorIs(t, err, driver.NoBinaryForGPU)
	_, err = r.dev.Function(r.m, "absent")
	assert.ErrorIs(t, err, driver.NotFound)
	n, err := r.dev.FunctionAttribute(r.f, driver.FunctionMaxThreads)
	require.NoError(t, err)
	assert.Equal(t, 256, n)
	require.NoError(t, r.dev.ModuleUnload(r.m))
	assert.ErrorIs(t, r.scale(0, 1, 1), driver.InvalidHandle)
	assert.ErrorIs(t, r.dev.ModuleUnload(r.m), driver.InvalidHandle)
}

// Calls may come from any goroutine.
func TestGoroutines(t *testing.T) {
	r := newRig(t, sim.Config{})
	p := r.alloc(400)
	require.NoError(t, r.dev.MemsetAsync(p, 0x3f800000, 100, r.s))
	done := make(chan error)
	for range 8 {
		go func() { done <- r.scale(p, 2, 100) }()
	}
	for range 8 {
		require.NoError(t, <-done)
	}
	got := make([]byte, 4)
	require.NoError(t, r.dev.Download(got, p+396, r.s))
	assert.Equal(t, floats(256), got)
}

func ExampleNew() {
	d := sim.New(sim.Config{})
	dev, _ := d.Open(0)
	s, _ := dev.StreamCreate()
	m, _ := dev.ModuleLoad([]byte(scale))
	f, _ := dev.Function(m, "scale")
	p, _ := dev.MemAlloc(8)
	_ = dev.Upload(p, floats(1, 2), s)

	// The kernel is told of three elements; there is memory for two.
	var args driver.Args
	_ = dev.Launch(f, driver.Dim{X: 1}, driver.Dim{X: 256}, 0, s, args.Ptr(p).F32(10).U32(3).Bytes())
	err := dev.StreamSync(s)
	fmt.Println(errors.Is(err, driver.IllegalAddress))
	var fault *ptx.Fault
	errors.As(err, &fault)
	fmt.Println(fault.Thread, fault.Text)
	// Output:
	// true
	// (2, 0, 0) ld.global.f32 %f2, [%rd4];
}
