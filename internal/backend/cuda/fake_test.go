//go:build cuda && cgo && linux && (amd64 || arm64)

package cuda_test

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/internal/backend/backendtest"
	"github.com/gander-ml/gander/internal/backend/cuda"
	"github.com/gander-ml/gander/internal/backend/cuda/driver/real"
	"github.com/gander-ml/gander/internal/ptx"
)

// runner runs the launches of the fake libcuda.so of package real on the interpreter.
// Its memory is that of malloc, at the addresses that malloc gave.
type runner struct {
	t       *testing.T
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

// fakeDriver compiles the fake, and has its launches run. It returns what counts them.
func fakeDriver(t *testing.T) (library string, r *runner) {
	gcc, err := exec.LookPath("gcc")
	if err != nil {
		t.Skip("there is no gcc")
	}
	library = filepath.Join(t.TempDir(), "libcuda.so.1")
	source, err := os.Open("driver/real/testdata/fake.c")
	require.NoError(t, err)
	defer source.Close()
	cmd := exec.Command(gcc, "-shared", "-fPIC", "-O1", "-o", library, "-x", "c", "-", "-lpthread")
	cmd.Stdin = source
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	var lines, answers [2]int
	require.NoError(t, syscall.Pipe(lines[:]))
	require.NoError(t, syscall.Pipe(answers[:]))
	t.Setenv("FAKE_CUDA_RUN", fmt.Sprintf("%d:%d", lines[1], answers[0]))
	in, to := os.NewFile(uintptr(lines[0]), "lines"), os.NewFile(uintptr(answers[1]), "answers")
	r = &runner{t: t, mem: ptx.NewMemory(1 << 40), modules: map[uintptr]*ptx.Program{}}
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
	t.Cleanup(func() {
		_ = syscall.Close(lines[1])
		<-done
		_ = syscall.Close(answers[0])
		_, _ = in.Close(), to.Close()
	})
	return library, r
}

// TestFakeDriver: through cgo and a library that is opened at run time, every
// operation gives what it gives on the simulated driver, and nothing is left.
func TestFakeDriver(t *testing.T) {
	library, r := fakeDriver(t)
	log := filepath.Join(t.TempDir(), "log")
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
	t.Setenv("FAKE_CUDA_LOG", log)
	require.NoError(t, b.Close())
	notes, err := os.ReadFile(log)
	require.NoError(t, err)
	assert.Contains(t, string(notes), "left: 0 blocks, 0 objects")
	assert.NotContains(t, string(notes), "freed twice")
	assert.NotContains(t, string(notes), "bad handle")
}
