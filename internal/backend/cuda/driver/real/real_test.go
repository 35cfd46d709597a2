//go:build cuda && cgo && linux && (amd64 || arm64)

package real_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/internal/backend/cuda/driver"
	"github.com/gander-ml/gander/internal/backend/cuda/driver/real"
)

// compiled are libraries by their macros.
var compiled = map[string][]byte{}

// compile builds the fake with some macros, and returns the path of a copy: the
// loader opens a file once, and each test wants a driver in its first state.
func compile(t *testing.T, macros ...string) string {
	t.Helper()
	gcc, err := exec.LookPath("gcc")
	if err != nil {
		t.Skip("there is no gcc")
	}
	path := filepath.Join(t.TempDir(), "lib.so")
	key := strings.Join(macros, " ")
	if compiled[key] == nil {
		// Read here, so that go test knows what its result depends on.
		source, err := os.Open("testdata/fake.c")
		require.NoError(t, err)
		defer source.Close()
		args := []string{"-shared", "-fPIC", "-fvisibility=hidden", "-Wall", "-O1", "-o", path, "-x", "c", "-", "-lpthread"}
		for _, m := range macros {
			args = append(args, "-D"+m)
		}
		cmd := exec.Command(gcc, args...)
		cmd.Stdin = source
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s", out)
		require.Empty(t, string(out))
		compiled[key], err = os.ReadFile(path)
		require.NoError(t, err)
		return path
	}
	require.NoError(t, os.WriteFile(path, compiled[key], 0o700))
	return path
}

// logs sends the fake's notes to a file, and returns what reads it.
func logs(t *testing.T) func() string {
	path := filepath.Join(t.TempDir(), "log")
	t.Setenv("FAKE_CUDA_LOG", path)
	return func() string {
		b, err := os.ReadFile(path)
		require.NoError(t, err)
		return string(b)
	}
}

func open(t *testing.T, library string, blas ...string) driver.Driver {
	t.Helper()
	d, err := real.Open(real.Options{Library: []string{library}, BLAS: blas})
	require.NoError(t, err)
	return d
}

func device(t *testing.T, library string, blas ...string) driver.Device {
	t.Helper()
	dev, err := open(t, library, blas...).Open(1)
	require.NoError(t, err)
	return dev
}

const text = ".version 6.3\n.target sm_75\n.entry add(.param .u64 p) { ret; }\n"

// Each fault of a machine is one clear line.
func TestOpenErrors(t *testing.T) {
	_, err := real.Open(real.Options{Library: []string{"libcuda-of-nobody.so.1", "libother.so"}})
	assert.EqualError(t, err, "this machine has no NVIDIA driver: libcuda-of-nobody.so.1: cannot open shared object file: No such file or directory")

	_, err = real.Open(real.Options{Library: []string{compile(t, "OLD")}})
	assert.EqualError(t, err, "the NVIDIA driver, for CUDA 12.4, is too old: it lacks cuMemAlloc_v2; CUDA 10.0 is needed")

	_, err = real.Open(real.Options{Library: []string{compile(t, "BLAS")}})
	assert.EqualError(t, err, "the NVIDIA driver, for an unknown version, is too old: it lacks cuDriverGetVersion; CUDA 10.0 is needed")

	fake := compile(t)
	t.Setenv("FAKE_CUDA_FAIL", "cuDriverGetVersion:1:34")
	_, err = real.Open(real.Options{Library: []string{fake}})
	assert.EqualError(t, err, "the libcuda.so.1 that was found is a stub for linking, not the NVIDIA driver: take its folder out of LD_LIBRARY_PATH")
	t.Setenv("FAKE_CUDA_FAIL", "cuDriverGetVersion:1:2")
	_, err = real.Open(real.Options{Library: []string{fake}})
	assert.EqualError(t, err, "cuDriverGetVersion: CUDA_ERROR_OUT_OF_MEMORY: out of memory")
	t.Setenv("FAKE_CUDA_VERSION", "9020")
	_, err = real.Open(real.Options{Library: []string{fake}})
	assert.EqualError(t, err, "the NVIDIA driver, for CUDA 9.2, is too old: CUDA 10.0 is needed")
	t.Setenv("FAKE_CUDA_VERSION", "10000")

	t.Setenv("FAKE_CUDA_FAIL", "cuInit:1:803")
	_, err = real.Open(real.Options{Library: []string{fake}})
	assert.EqualError(t, err, "cuInit: CUDA error 803")

	t.Setenv("FAKE_CUDA_DEVICES", "0")
	d := open(t, fake)
	n, err := d.DeviceCount()
	require.NoError(t, err)
	assert.Zero(t, n)
	_, err = d.Open(0)
	assert.EqualError(t, err, "cuDeviceGetCount: CUDA_ERROR_NO_DEVICE: the NVIDIA driver sees no device")
	assert.ErrorIs(t, err, driver.NoDevice)

	t.Setenv("FAKE_CUDA_DEVICES", "2")
	d = open(t, fake)
	for _, i := range []int{2, -1} {
		_, err = d.Open(i)
		assert.ErrorIs(t, err, driver.InvalidDevice)
	}
	assert.EqualError(t, err, "cuDeviceGet: CUDA_ERROR_INVALID_DEVICE: device -1 of 2; they are numbered from 0")
	t.Setenv("FAKE_CUDA_FAIL", "cuDevicePrimaryCtxRetain:1:2")
	_, err = d.Open(0)
	assert.EqualError(t, err, "cuDevicePrimaryCtxRetain: CUDA_ERROR_OUT_OF_MEMORY: out of memory")
}

// Each of many that ask at a time is told of its own fault: the loader's text is its
// thread's, which may run another goroutine soon.
func TestOpenErrorsAtATime(t *testing.T) {
	var all sync.WaitGroup
	for i := range 32 {
		all.Go(func() {
			for k := range 200 {
				name := fmt.Sprintf("libcuda-of-nobody-%d-%d.so.1", i, k)
				_, err := real.Open(real.Options{Library: []string{name}})
				if !assert.EqualError(t, err, "this machine has no NVIDIA driver: "+name+": cannot open shared object file: No such file or directory") {
					return
				}
			}
		})
	}
	all.Wait()
}

// The second library is opened if the first is not there.
func TestSecondLibrary(t *testing.T) {
	d, err := real.Open(real.Options{Library: []string{"libcuda-of-nobody.so.1", compile(t)}})
	require.NoError(t, err)
	v, err := d.Version()
	require.NoError(t, err)
	assert.Equal(t, 12040, v)
}

// A driver that is not where the loader looks finds its compiler, which lies beside it.
func TestCompilerBesideDriver(t *testing.T) {
	library := compile(t)
	beside := filepath.Join(filepath.Dir(library), "libnvidia-ptxjitcompiler.so.1")
	require.NoError(t, os.Rename(compile(t, "BLAS"), beside)) // any library will do
	open(t, library)
	maps, err := os.ReadFile("/proc/self/maps")
	require.NoError(t, err)
	assert.Contains(t, string(maps), beside)
}

// Results that this package has no name for have the driver's, or a number.
func TestErrorNames(t *testing.T) {
	t.Setenv("FAKE_CUDA_FAIL", "cuMemAlloc:1:777")
	_, err := device(t, compile(t)).MemAlloc(8)
	assert.EqualError(t, err, "cuMemAlloc: CUDA_ERROR_OF_A_NEW_KIND: something new")
	t.Setenv("FAKE_CUDA_FAIL", "cuMemAlloc:1:777")
	_, err = device(t, compile(t, "NO_NAMES")).MemAlloc(8)
	assert.EqualError(t, err, "cuMemAlloc: CUDA error 777")
	var e *driver.Error
	require.ErrorAs(t, err, &e)
	assert.Equal(t, driver.Result(777), e.Result)
}

// Every call arrives with its arguments, in the context.
func TestCalls(t *testing.T) {
	log := logs(t)
	dev := device(t, compile(t))
	name, err := dev.Name()
	require.NoError(t, err)
	assert.Equal(t, "Fake 8", name)
	a, err := dev.Attribute(driver.ComputeCapabilityMajor)
	require.NoError(t, err)
	assert.Equal(t, 8075, a)
	free, total, err := dev.MemInfo()
	require.NoError(t, err)
	assert.Equal(t, []uint64{3 << 20, 5 << 30}, []uint64{free, total})

	s, err := dev.StreamCreate()
	require.NoError(t, err)
	assert.Contains(t, log(), "flags=1", "the stream does not wait for the default stream")
	p, err := dev.MemAlloc(16)
	require.NoError(t, err)
	q, err := dev.MemAlloc(16)
	require.NoError(t, err)
	require.NoError(t, dev.Upload(p, []byte("0123456789abcdef"), s))
	require.NoError(t, dev.CopyAsync(q, p+4, 8, s))
	require.NoError(t, dev.MemsetAsync(q, 0x41424344, 1, s))
	got := make([]byte, 8)
	require.NoError(t, dev.Download(got, q, s))
	assert.Equal(t, "DCBA89ab", string(got))
	assert.ErrorIs(t, dev.Upload(p+1, make([]byte, 16), s), driver.InvalidValue)
	assert.ErrorIs(t, dev.Upload(p, got, 0), driver.InvalidHandle)
	require.NoError(t, dev.Upload(p, nil, s))

	h, err := dev.HostAlloc(8)
	require.NoError(t, err)
	assert.Equal(t, make([]byte, 8), h, "page-locked memory is zero")
	assert.Equal(t, 8, cap(h))
	require.NoError(t, dev.DownloadAsync(h, q, s))
	require.NoError(t, dev.StreamSync(s))
	assert.Equal(t, "DCBA89ab", string(h))
	copy(h, "hellohel")
	require.NoError(t, dev.UploadAsync(q, h, s))
	require.NoError(t, dev.Download(got, q, s))
	assert.Equal(t, "hellohel", string(got))
	require.NoError(t, dev.HostFree(h))
	_, err = dev.HostAlloc(0)
	assert.ErrorIs(t, err, driver.InvalidValue)
	assert.ErrorIs(t, dev.HostFree(nil), driver.InvalidValue)

	e, err := dev.EventCreate(false)
	require.NoError(t, err)
	b, err := dev.EventCreate(true)
	require.NoError(t, err)
	assert.Regexp(t, `(?s)cuEventCreate thread=\d+\nflags=2 .*cuEventCreate thread=\d+\nflags=0 `, log())
	require.NoError(t, dev.EventRecord(e, s))
	done := []bool{}
	for range 3 {
		d, err := dev.EventDone(e)
		require.NoError(t, err)
		done = append(done, d)
	}
	assert.Equal(t, []bool{false, false, true}, done)
	require.NoError(t, dev.EventRecord(e, s))
	require.NoError(t, dev.EventSync(e))
	d, err := dev.EventDone(e)
	require.NoError(t, err)
	assert.True(t, d)
	ms, err := dev.EventElapsed(e, b)
	require.NoError(t, err)
	assert.Equal(t, float32(1.5), ms)
	_, err = dev.EventDone(driver.Event(s))
	assert.ErrorIs(t, err, driver.InvalidHandle)

	m, err := dev.ModuleLoad([]byte(text))
	require.NoError(t, err)
	_, err = dev.ModuleLoad([]byte("BAD"))
	assert.EqualError(t, err, "cuModuleLoadDataEx: CUDA_ERROR_INVALID_PTX: a PTX JIT compilation failed: ptxas application ptx input, line 5; error: BAD")
	f, err := dev.Function(m, "add")
	require.NoError(t, err)
	_, err = dev.Function(m, "sub")
	assert.ErrorIs(t, err, driver.NotFound)
	assert.ErrorContains(t, err, `"sub"`)
	v, err := dev.FunctionAttribute(f, driver.FunctionRegisters)
	require.NoError(t, err)
	assert.Equal(t, 104, v)
	require.NoError(t, dev.SetFunctionAttribute(f, driver.MaxDynamicSharedBytes, 65536))
	assert.Contains(t, log(), "attribute 8=65536")

	var args driver.Args
	args.Ptr(0x1122334455667788).U32(7).F64(1).F32(-2).I64(-1).Raw([]byte{1, 2, 3}, 4)
	require.NoError(t, dev.Launch(f, driver.Dim{X: 5, Y: 6}, driver.Dim{X: 32, Z: 2}, 128, s, args.Bytes()))
	assert.Contains(t, log(), "launch add grid=5,6,1 block=32,1,2 shared=128 capturing=0 args="+
		"8877665544332211"+"0700000000000000"+"000000000000f03f"+"000000c000000000"+"ffffffffffffffff"+"010203 ")
	require.NoError(t, dev.Launch(f, driver.Dim{}, driver.Dim{}, 0, s, nil))
	assert.Contains(t, log(), "launch add grid=1,1,1 block=1,1,1 shared=0 capturing=0 args= ")
	assert.ErrorIs(t, dev.Launch(driver.Function(m), driver.Dim{}, driver.Dim{}, 0, s, nil), driver.InvalidHandle)

	for range 2 {
		err = dev.EventDestroy(e)
		err = errors.Join(err, dev.StreamDestroy(s), dev.ModuleUnload(m), dev.MemFree(p))
	}
	assert.ErrorIs(t, err, driver.InvalidHandle, "destroyed twice")
	assert.ErrorIs(t, err, driver.InvalidValue, "freed twice")
	assert.Contains(t, log(), "freed twice")
	require.NoError(t, dev.Close())
	assert.Contains(t, log(), "left: 1 blocks, 1 objects", "q and an event")
	assert.ErrorIs(t, dev.Close(), driver.InvalidContext)
	_, err = dev.MemAlloc(8)
	assert.ErrorIs(t, err, driver.InvalidContext)
}

func TestGraphs(t *testing.T) {
	for _, k := range []struct{ macro, instantiate string }{
		{"NEW", "cuGraphInstantiateWithFlags"}, {"OLD_GRAPHS=cuGraphInstantiate_v2", "cuGraphInstantiate_v2"}, {"OLD_GRAPHS=cuGraphInstantiate", "cuGraphInstantiate"},
	} {
		log := logs(t)
		dev := device(t, compile(t, k.macro))
		assert.True(t, dev.GraphsAvailable())
		s, err := dev.StreamCreate()
		require.NoError(t, err)
		m, err := dev.ModuleLoad([]byte(text))
		require.NoError(t, err)
		f, err := dev.Function(m, "add")
		require.NoError(t, err)
		require.NoError(t, dev.CaptureBegin(s))
		assert.Contains(t, log(), "mode=2")
		require.NoError(t, dev.Launch(f, driver.Dim{}, driver.Dim{}, 0, s, nil))
		assert.Contains(t, log(), "capturing=1")
		assert.ErrorIs(t, dev.StreamSync(s), driver.CaptureUnsupported)
		g, err := dev.CaptureEnd(s)
		require.NoError(t, err)
		assert.Contains(t, log(), k.instantiate+" ")
		require.NoError(t, dev.GraphLaunch(g, s))
		require.NoError(t, dev.GraphDestroy(g))
		assert.ErrorIs(t, dev.GraphDestroy(g), driver.InvalidHandle)
		_, err = dev.CaptureEnd(s)
		assert.ErrorIs(t, err, driver.CaptureUnmatched)
		// An instantiation that fails leaves nothing.
		require.NoError(t, dev.CaptureBegin(s))
		t.Setenv("FAKE_CUDA_FAIL", k.instantiate+":1:2")
		_, err = dev.CaptureEnd(s)
		assert.ErrorIs(t, err, driver.OutOfMemory)
		require.NoError(t, dev.StreamDestroy(s))
		require.NoError(t, dev.ModuleUnload(m))
		require.NoError(t, dev.Close())
		assert.Contains(t, log(), "left: 0 blocks, 0 objects")
	}

	dev := device(t, compile(t, "NO_GRAPHS"))
	assert.False(t, dev.GraphsAvailable())
	assert.EqualError(t, dev.CaptureBegin(1), "cuStreamBeginCapture: CUDA_ERROR_NOT_SUPPORTED: the NVIDIA driver is too old for graphs")
	_, err := dev.CaptureEnd(1)
	assert.ErrorIs(t, err, driver.NotSupported)
	assert.ErrorIs(t, dev.GraphLaunch(1, 1), driver.NotSupported)
	assert.ErrorIs(t, dev.GraphDestroy(1), driver.NotSupported)
}

// Calls from other threads find the context.
func TestThreads(t *testing.T) {
	log := logs(t)
	dev := device(t, compile(t, "OLD_RELEASE"))
	s, err := dev.StreamCreate()
	require.NoError(t, err)
	done := make(chan error)
	for range 8 {
		go func() {
			runtime.LockOSThread() // and never unlock: the thread ends with the goroutine
			p, err := dev.MemAlloc(1024)
			if err == nil {
				err = dev.Upload(p, make([]byte, 1024), s)
			}
			if err == nil {
				err = dev.MemFree(p)
			}
			done <- err
		}()
	}
	for range 8 {
		require.NoError(t, <-done)
	}
	threads := map[string]bool{}
	for _, m := range regexp.MustCompile(`cuMemAlloc thread=(\d+)`).FindAllStringSubmatch(log(), -1) {
		threads[m[1]] = true
	}
	assert.Greater(t, len(threads), 1)
	t.Setenv("FAKE_CUDA_FAIL", "cuCtxSetCurrent:1:201")
	_, err = dev.MemAlloc(8)
	assert.ErrorIs(t, err, driver.InvalidContext)
	require.NoError(t, dev.StreamDestroy(s))
	require.NoError(t, dev.Close())
}

// A library that puts a handler before Go's, as some do, does not end the process with
// the first signal that comes to a thread while it runs Go.
func TestSignals(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	came := make(chan os.Signal, 1)
	signal.Notify(came, syscall.SIGUSR2)
	defer signal.Stop(came)
	raise := func() {
		_, _, failed := syscall.RawSyscall(syscall.SYS_TGKILL, uintptr(os.Getpid()), uintptr(syscall.Gettid()), uintptr(syscall.SIGUSR2))
		require.Zero(t, failed)
		<-came
	}
	for _, call := range []string{"cuInit", "cuDevicePrimaryCtxRetain", "cublasCreate"} {
		t.Setenv("FAKE_CUDA_SIGNAL", fmt.Sprintf("%s:%d", call, syscall.SIGUSR2))
		d := open(t, compile(t), compile(t, "BLAS"))
		raise()
		dev, err := d.Open(0)
		require.NoError(t, err)
		raise()
		b, err := dev.BLAS()
		require.NoError(t, err)
		raise()
		require.NoError(t, b.Close())
		require.NoError(t, dev.Close())
	}
}

// Two devices at a time have contexts of their own.
func TestTwoDevices(t *testing.T) {
	d := open(t, compile(t))
	a, err := d.Open(0)
	require.NoError(t, err)
	b, err := d.Open(1)
	require.NoError(t, err)
	p, err := a.MemAlloc(8)
	require.NoError(t, err)
	require.NoError(t, b.Close())
	require.NoError(t, a.MemFree(p))
	require.NoError(t, a.Close())
}

func TestBLAS(t *testing.T) {
	fake := compile(t)
	_, err := device(t, fake, "libcublas-of-nobody.so.12").BLAS()
	assert.EqualError(t, err, "there is no cuBLAS: libcublas-of-nobody.so.12: cannot open shared object file: No such file or directory")
	_, err = device(t, fake, fake).BLAS()
	assert.EqualError(t, err, "cuBLAS is too old: it lacks cublasCreate_v2")

	log := logs(t)
	dev := device(t, fake, "libcublas-of-nobody.so.13", compile(t, "BLAS"))
	b, err := dev.BLAS()
	require.NoError(t, err)
	v, err := b.Version()
	require.NoError(t, err)
	assert.Equal(t, 120304, v)
	require.NoError(t, b.SetWorkspace(0x1000, 64))
	s, err := dev.StreamCreate()
	require.NoError(t, err)
	p, err := dev.MemAlloc(1 << 12)
	require.NoError(t, err)
	g := driver.Gemm{TransB: true, M: 2, N: 3, K: 4, Alpha: 0.5, Beta: 2, A: p, B: p + 0x400, C: p + 0x800, LDA: 5, LDB: 6, LDC: 7, StrideA: 8, StrideB: 9, StrideC: 1 << 40, Batch: 1}
	require.NoError(t, b.Gemm(&g, s))
	assert.Contains(t, log(), fmt.Sprintf("product 01 2×3×4 0.5 2 a=%#x/5/8 b=%#x/6/9 c=%#x/7/1099511627776 batch=1 stream=1 workspace=1 ", uint64(g.A), uint64(g.B), uint64(g.C)))
	g.Float64, g.Batch = true, 0
	require.NoError(t, b.Gemm(&g, s))
	assert.Regexp(t, `cublasDgemmStridedBatched thread=\d+\nproduct 01 .* batch=1 `, log())
	assert.NotContains(t, log(), "mode=", "full precision is the default")
	g.Float64, g.TF32 = false, true
	require.NoError(t, b.Gemm(&g, s))
	require.NoError(t, b.Gemm(&g, s))
	g.TF32 = false
	require.NoError(t, b.Gemm(&g, s))
	assert.Equal(t, []string{"mode=3", "mode=0"}, regexp.MustCompile(`mode=\d`).FindAllString(log(), -1))
	assert.Equal(t, 2+1, strings.Count(log(), "cublasSetStream"), "for the product that was tried, and for all others")

	t.Setenv("FAKE_CUDA_FAIL", "cublasSgemmStridedBatched:1:3")
	err = b.Gemm(&g, s)
	assert.EqualError(t, err, "cublasSgemmStridedBatched: CUBLAS_STATUS_ALLOC_FAILED")
	assert.ErrorIs(t, err, driver.OutOfMemory)
	t.Setenv("FAKE_CUDA_FAIL", "cublasSgemmStridedBatched:1:99")
	assert.EqualError(t, b.Gemm(&g, s), "cublasSgemmStridedBatched: cuBLAS status 99")
	for _, status := range []int{11, 13, 14} {
		t.Setenv("FAKE_CUDA_FAIL", fmt.Sprint("cublasSgemmStridedBatched:1:", status))
		err = b.Gemm(&g, s)
		assert.ErrorIs(t, err, driver.LibraryFailed)
		var e *driver.Error
		require.ErrorAs(t, err, &e)
		assert.False(t, e.Result.Sticky(), "the context may be in order")
	}
	t.Setenv("FAKE_CUDA_FAIL", "cuCtxSetCurrent:1:201")
	assert.ErrorIs(t, b.Gemm(&g, s), driver.InvalidContext)
	require.NoError(t, b.Close())
	assert.ErrorIs(t, b.Close(), driver.NotInitialized)
	assert.ErrorIs(t, b.Gemm(&g, s), driver.NotInitialized)

	_, err = device(t, fake, compile(t, "BLAS", "OLD")).BLAS()
	assert.EqualError(t, err, "cuBLAS is too old: it lacks cublasSetWorkspace_v2")
	t.Setenv("FAKE_CUDA_FAIL", "cublasCreate:1:1")
	_, err = device(t, fake, compile(t, "BLAS")).BLAS()
	assert.EqualError(t, err, "cublasCreate: CUBLAS_STATUS_NOT_INITIALIZED")
	// One that has no kernels for the device starts, and fails at the first product.
	t.Setenv("FAKE_CUDA_FAIL", "cublasSgemmStridedBatched:1:8")
	dev = device(t, fake, compile(t, "BLAS"))
	_, err = dev.BLAS()
	assert.EqualError(t, err, "cublasSgemmStridedBatched: CUBLAS_STATUS_ARCH_MISMATCH")
	for _, call := range []string{"cuStreamCreate", "cuMemAlloc", "cuMemsetD32", "cuStreamSynchronize", "cuMemFree", "cuStreamDestroy", "cublasSetStream"} {
		t.Setenv("FAKE_CUDA_FAIL", call+":1:2")
		_, err = dev.BLAS()
		assert.Error(t, err, call)
	}
	// One that does not start, as with a driver that is too old for it, leaves its turn.
	t.Setenv("FAKE_CUDA_FAIL", "cublasCreate:1:1")
	b, err = device(t, fake, compile(t, "BLAS", "OLD"), "libcublas-of-nobody.so.13", compile(t, "BLAS"), compile(t, "BLAS")).BLAS()
	require.NoError(t, err)
	require.NoError(t, b.Close())
	t.Setenv("FAKE_CUDA_FAIL", "cublasSgemmStridedBatched:1:8")
	b, err = device(t, fake, compile(t, "BLAS"), compile(t, "BLAS")).BLAS()
	require.NoError(t, err)
	require.NoError(t, b.Close())
}

// A cuBLAS that is not where the loader looks finds the library that it stands on, which
// lies beside it.
func TestBLASBeside(t *testing.T) {
	fake, folder := compile(t), t.TempDir()
	out, err := exec.Command("gcc", "-shared", "-Wl,-soname,libcublasLt.so.99", "-o", filepath.Join(folder, "libcublasLt.so.99"), "-x", "c", "/dev/null").CombinedOutput()
	require.NoError(t, err, "%s", out)
	cublas := filepath.Join(folder, "libcublas.so.99")
	out, err = exec.Command("gcc", "-shared", "-fPIC", "-DBLAS", "-Wl,--no-as-needed", "-o", cublas, "testdata/fake.c", filepath.Join(folder, "libcublasLt.so.99"), "-lpthread").CombinedOutput()
	require.NoError(t, err, "%s", out)
	b, err := device(t, fake, cublas).BLAS()
	require.NoError(t, err)
	require.NoError(t, b.Close())
}
