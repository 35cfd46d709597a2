//go:build cuda && cgo && linux && (amd64 || arm64) && !race

// The race detector does not see that the fake's pipes put the runner's work in order.

package cuda_test

import (
	"bufio"
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/internal/backend"
	"github.com/gander-ml/gander/internal/backend/backendtest"
	"github.com/gander-ml/gander/internal/backend/cuda"
	"github.com/gander-ml/gander/internal/backend/cuda/driver/real"
	"github.com/gander-ml/gander/internal/op"
	"github.com/gander-ml/gander/internal/optest"
	"github.com/gander-ml/gander/internal/ptx"
	"github.com/gander-ml/gander/tensor"
)

// runner runs the launches of the fake libcuda.so of package real on the interpreter.
// Its memory is that of malloc, at the addresses that malloc gave.
type runner struct {
	mem     *ptx.Memory
	modules map[uintptr]*ptx.Program // by the address of their text
	ran     int
}

// at turns an address of the fake's into a pointer. It is none of Go's.
func at(p uintptr) unsafe.Pointer { return *(*unsafe.Pointer)(unsafe.Pointer(&p)) }

// do answers a line of the fake's.
func (r *runner) do(line string) error {
	var p, args, n uintptr
	var name string
	var grid, block ptx.Dim3
	var shared uint32
	if k, _ := fmt.Sscanf(line, "alloc 0x%x %d", &p, &n); k == 2 {
		return r.mem.Adopt(uint64(p), unsafe.Slice((*byte)(at(p)), n))
	}
	if k, _ := fmt.Sscanf(line, "free 0x%x", &p); k == 1 {
		return r.mem.Free(uint64(p))
	}
	if k, err := fmt.Sscanf(line, "launch 0x%x %s %d %d %d %d %d %d %d 0x%x %d", &p, &name, &grid.X, &grid.Y, &grid.Z,
		&block.X, &block.Y, &block.Z, &shared, &args, &n); k != 11 {
		return fmt.Errorf("%q: %w", line, err)
	}
	if r.modules[p] == nil {
		length := 0
		for *(*byte)(at(p + uintptr(length))) != 0 {
			length++
		}
		m, err := ptx.Parse(unsafe.Slice((*byte)(at(p)), length))
		if err != nil {
			return err
		}
		if r.modules[p], err = r.mem.Load(m); err != nil {
			return err
		}
	}
	r.ran++
	_, err := r.modules[p].Kernel(name).Launch(grid, block, shared, unsafe.Slice((*byte)(at(args)), n), ptx.Options{Fast: true})
	return err
}

// compileFake compiles the fake driver, or with -DBLAS the fake cuBLAS.
func compileFake(t *testing.T, gcc, library string, flags ...string) {
	source, err := os.Open("driver/real/testdata/fake.c")
	require.NoError(t, err)
	defer source.Close()
	cmd := exec.Command(gcc, append(flags, "-shared", "-fPIC", "-O1", "-o", library, "-x", "c", "-", "-lpthread")...)
	cmd.Stdin = source
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
}

// fakeDriver compiles the fake, and has its launches run. It returns what counts them.
func fakeDriver(t *testing.T) (library string, r *runner) {
	gcc, err := exec.LookPath("gcc")
	if err != nil {
		t.Skip("there is no gcc")
	}
	library = filepath.Join(t.TempDir(), "libcuda.so.1")
	compileFake(t, gcc, library)
	r, stop := newRunner(t)
	t.Cleanup(stop)
	return library, r
}

// newRunner runs the launches of a fake driver in this process until it is stopped.
func newRunner(t reporter) (r *runner, stop func()) {
	var lines, answers [2]int
	for _, p := range []*[2]int{&lines, &answers} {
		if err := syscall.Pipe(p[:]); err != nil {
			t.Error(err)
		}
	}
	_ = os.Setenv("FAKE_CUDA_RUN", fmt.Sprintf("%d:%d", lines[1], answers[0]))
	in, to := os.NewFile(uintptr(lines[0]), "lines"), os.NewFile(uintptr(answers[1]), "answers")
	r = &runner{mem: ptx.NewMemory(1 << 40), modules: map[uintptr]*ptx.Program{}}
	done := make(chan bool)
	go func() {
		defer close(done)
		for s := bufio.NewScanner(in); s.Scan(); {
			answer := byte(0)
			if err := r.do(s.Text()); err != nil {
				t.Error(err)
				answer = 1
			}
			if _, err := to.Write([]byte{answer}); err != nil {
				t.Error(err)
				return
			}
		}
	}()
	return r, func() {
		_ = os.Unsetenv("FAKE_CUDA_RUN")
		_ = syscall.Close(lines[1])
		<-done
		_ = syscall.Close(answers[0])
		_, _ = in.Close(), to.Close()
	}
}

// reporter is a test, or who has none.
type reporter interface{ Error(...any) }

type toLog struct{}

func (toLog) Error(v ...any) { log.Print(v...) }

// TestMain runs the tests of a GPU on the fake driver if GANDER_FAKE_CUDA is set and
// the loader finds it (bench/cuda/run.sh dry).
func TestMain(m *testing.M) {
	if os.Getenv("GANDER_FAKE_CUDA") != "" {
		newRunner(toLog{})
	}
	os.Exit(m.Run())
}

// TestFakeDriver: through cgo and a library that is opened at run time, every
// operation gives what it gives on the simulated driver, and nothing is left.
func TestFakeDriver(t *testing.T) {
	library, r := fakeDriver(t)
	notesAt := filepath.Join(t.TempDir(), "log")
	d, err := real.Open(real.Options{Library: []string{library}})
	require.NoError(t, err)
	b, err := cuda.Open(d, cuda.Kind, 1)
	require.NoError(t, err)
	every := 40
	if *full {
		every = 5
	}
	backendtest.RunSome(t, b, every)
	assert.Greater(t, r.ran, 100)
	t.Log(r.ran, "launches")
	t.Setenv("FAKE_CUDA_LOG", notesAt)
	require.NoError(t, b.Close())
	notes, err := os.ReadFile(notesAt)
	require.NoError(t, err)
	assert.Contains(t, string(notes), "left: 0 blocks, 0 objects")
	assert.NotContains(t, string(notes), "freed twice")
	assert.NotContains(t, string(notes), "bad handle")
}

// TestFakeDriverLibrary: products through the fake cuBLAS, which finds its operands
// by addresses, leading dims and strides alone, give what the reference gives; the
// same when they are replayed from a graph, and in TF32.
func TestFakeDriverLibrary(t *testing.T) {
	library, r := fakeDriver(t)
	cublas := filepath.Join(filepath.Dir(library), "libcublas.so.12")
	compileFake(t, "gcc", cublas, "-DBLAS")
	notesAt := filepath.Join(t.TempDir(), "log")
	t.Setenv("FAKE_CUDA_LOG", notesAt)
	byLibrary(t)
	d, err := real.Open(real.Options{Library: []string{library}, BLAS: []string{"libcublas-of-nobody.so.13", cublas}})
	require.NoError(t, err)
	b, err := cuda.Open(d, cuda.Kind, 0)
	require.NoError(t, err)
	assert.Regexp(t, `^cuda cublas 120304 sm_\d+ \d+ float32$`, b.Arithmetic())
	backendtest.RunSome(t, b, 10, "matmul", "linear")
	x, y, bias := matrix(b, 5, 3), matrix(b, 4, 3), array(b, 4)
	z := matrix(b, 5, 4)
	for step := range 4 {
		b.Upload(x, backend.Host32([]float32{0, float32(step), 1, 0, 1, 0, 0, 0, 1, -1, -1, -1, 1, 1, 1 + 1.0/4096}))
		b.Linear(z, x, y, backend.Epilogue{F: op.ReLU, Bias: bias})
		got := read(b, z)
		assert.Equal(t, []float32{float32(step) + 2, float32(4*step) + 5, float32(7*step) + 8, float32(10*step) + 11, 1, 4, 7, 10}, got[:8])
		assert.Equal(t, []float32{0, 0, 0, 0, 3 + 2.0/4096, 12 + 5.0/4096, 21 + 8.0/4096, 30 + 11.0/4096}, got[12:])
	}
	require.NoError(t, b.SetPrecision(backend.TF32))
	b.Linear(z, x, y, backend.Epilogue{})
	assert.Equal(t, []float32{3, 12, 21, 30}, read(b, z)[16:])
	t.Log(r.ran, "launches of kernels")
	require.NoError(t, b.Close())
	notes, err := os.ReadFile(notesAt)
	require.NoError(t, err)
	assert.Greater(t, strings.Count(string(notes), "\nproduct "), 20)
	assert.Contains(t, string(notes), "cuGraphLaunch")
	assert.Contains(t, string(notes), "cublasDestroy")
	assert.Contains(t, string(notes), "left: 0 blocks, 0 objects")
}

// TestFakeDriverUncapturable: if cuBLAS cannot be captured, there are no graphs, and
// nothing else is lost.
func TestFakeDriverUncapturable(t *testing.T) {
	library, _ := fakeDriver(t)
	cublas := filepath.Join(filepath.Dir(library), "libcublas.so.12")
	compileFake(t, "gcc", cublas, "-DBLAS")
	byLibrary(t)
	d, err := real.Open(real.Options{Library: []string{library}, BLAS: []string{cublas}})
	require.NoError(t, err)
	b, err := cuda.Open(d, cuda.Kind, 0)
	require.NoError(t, err)
	assert.Contains(t, b.Arithmetic(), "cublas") // which is there, and works
	notesAt := filepath.Join(t.TempDir(), "log")
	t.Setenv("FAKE_CUDA_LOG", notesAt)
	t.Setenv("FAKE_CUDA_FAIL", "cublasSgemmStridedBatched:3:14") // of the second step, whose products are captured
	x, y, z, last := matrix(b, 5, 3), matrix(b, 3, 4), matrix(b, 5, 4), matrix(b, 5, 4)
	for step := range 4 {
		b.MatMul(z, x, y)
		b.Binary(op.Add, last, z, z, 0)
		b.MatMul(z, x, y)
		want := read(b, z)
		for i, got := range read(b, last) {
			require.Equal(t, 2*want[i], got, "step %d", step)
		}
	}
	require.NoError(t, b.Close())
	notes, err := os.ReadFile(notesAt)
	require.NoError(t, err)
	assert.Contains(t, string(notes), "cuStreamBeginCapture")
	assert.NotContains(t, string(notes), "cuGraphLaunch")
	assert.Contains(t, string(notes), "left: 0 blocks, 0 objects")
}

// onFake registers and opens a kind of device on a fake driver.
func onFake(t *testing.T, name string) (device *tensor.Device, b *cuda.Backend, r *runner) {
	library, r := fakeDriver(t)
	device, b = register(t, name, func(kind string, n int) (*cuda.Backend, error) {
		d, err := real.Open(real.Options{Library: []string{library}, NoBLAS: "it is not asked for"})
		if err != nil {
			return nil, err
		}
		return cuda.Open(d, kind, n)
	})
	return device, b, r
}

// TestFakeDriverTrajectories: training through cgo, with graphs, follows the CPU.
func TestFakeDriverTrajectories(t *testing.T) {
	d, b, r := onFake(t, "fake-trajectories")
	trajectories(t, d.Name())
	t.Log(r.ran, "launches")
	require.NoError(t, b.Close())
}

// TestFakeDriverOperations: so do all operations and their derivatives.
func TestFakeDriverOperations(t *testing.T) {
	if !*full {
		t.Skip("takes a minute; TestOperations does the same without cgo")
	}
	d, b, _ := onFake(t, "fake-operations")
	optest.RunOn(t, optest.Autograd(), d.Name())
	require.NoError(t, b.Close())
}
