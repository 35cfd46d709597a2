//go:build mpi

package mpi

/*
#include <mpi.h>
#include <stdlib.h>

// What is a macro in MPI's header is a function here.

static MPI_Comm world;

// What gander_init returns besides MPI's codes, none of which is negative.
enum { gander_joined = -1, gander_threads = -2 };

static int gander_init(void) {
	int provided;
	// Open MPI's handlers for crashes would run on Go's small stacks.
	setenv("OMPI_MCA_opal_signal", "", 1);
	int code = MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &provided);
	if (code != MPI_SUCCESS) return code;
	if (provided < MPI_THREAD_FUNNELED) return gander_threads;
	code = MPI_Comm_dup(MPI_COMM_WORLD, &world);
	if (code != MPI_SUCCESS) return code;
	return MPI_Comm_set_errhandler(world, MPI_ERRORS_RETURN);
}
static int gander_initialized(void) { int is = 0; MPI_Initialized(&is); return is; }
static int gander_rank(int *rank) { return MPI_Comm_rank(world, rank); }
static int gander_size(int *size) { return MPI_Comm_size(world, size); }
static int gander_sum32(float *x, int n) { return MPI_Allreduce(MPI_IN_PLACE, x, n, MPI_FLOAT, MPI_SUM, world); }
static int gander_sum64(double *x, int n) { return MPI_Allreduce(MPI_IN_PLACE, x, n, MPI_DOUBLE, MPI_SUM, world); }
static int gander_broadcast(void *x, int n) { return MPI_Bcast(x, n, MPI_BYTE, 0, world); }
static int gander_finalize(void) { return MPI_Finalize(); }
static void gander_explain(int code, char *text) { int n; text[0] = 0; MPI_Error_string(code, text, &n); }
enum { gander_text = MPI_MAX_ERROR_STRING + 1 };
*/
import "C"

import (
	"errors"
	"fmt"
	"runtime"
	"sync"
	"time"
	"unsafe"

	"github.com/gander-ml/gander/gan"
)

// comm is the group of all processes.
type comm struct {
	rank, size int
	calls      chan func() // for the thread that MPI knows
	closed     chan struct{}
	close      func() error
}

// Join makes this process a member of the group that mpirun, srun or an MPIJob has
// started: alone it is a group of one. Leave it with Close, which waits ten seconds
// at most for the others. A program may join once.
func Join() (gan.Group, error) {
	c := &comm{calls: make(chan func()), closed: make(chan struct{})}
	c.close = sync.OnceValue(c.leave)
	go func() {
		runtime.LockOSThread() // MPI is called by the thread that has initialised it
		for call := range c.calls {
			call()
		}
		// The thread ends with this goroutine, and nothing of MPI with it.
	}()
	if err := c.call("joining", func() C.int {
		if C.gander_initialized() != 0 {
			return C.gander_joined
		}
		return C.gander_init()
	}); err != nil {
		close(c.calls)
		return nil, err
	}
	var rank, size C.int
	if err := c.call("joining", func() C.int {
		if code := C.gander_rank(&rank); code != 0 {
			return code
		}
		return C.gander_size(&size)
	}); err != nil {
		return nil, err
	}
	c.rank, c.size = int(rank), int(size)
	return c, nil
}

// call runs f on MPI's thread. After Close, no function of MPI may be called.
func (c *comm) call(what string, f func() C.int) error {
	left := fmt.Errorf("mpi: %s: this process has left the group", what)
	select {
	case <-c.closed:
		return left
	default:
	}
	done := make(chan error, 1)
	select {
	case c.calls <- func() {
		select {
		case <-c.closed:
			done <- left
		default:
			done <- failure(what, f())
		}
	}:
		return <-done
	case <-c.closed:
		return left
	}
}

// failure returns what a code of MPI says. It is called on MPI's thread.
func failure(what string, code C.int) error {
	switch code {
	case C.MPI_SUCCESS:
		return nil
	case C.gander_joined:
		return errors.New("mpi: this program has joined already, and may do so once")
	case C.gander_threads:
		return errors.New("mpi: this MPI was built without threads, and Go programs have many")
	}
	text := (*C.char)(C.malloc(C.gander_text))
	defer C.free(unsafe.Pointer(text))
	C.gander_explain(code, text)
	return fmt.Errorf("mpi: %s: %s", what, C.GoString(text))
}

func (c *comm) Rank() int { return c.rank }
func (c *comm) Size() int { return c.size }

// most is the number of elements of one call: MPI counts in ints.
const most = 1 << 28

func (c *comm) Sum32(x []float32) error {
	return eachPart(x, func(x []float32) error {
		return c.call("adding up", func() C.int { return C.gander_sum32((*C.float)(unsafe.Pointer(&x[0])), C.int(len(x))) })
	})
}

func (c *comm) Sum64(x []float64) error {
	return eachPart(x, func(x []float64) error {
		return c.call("adding up", func() C.int { return C.gander_sum64((*C.double)(unsafe.Pointer(&x[0])), C.int(len(x))) })
	})
}

func (c *comm) Broadcast(x []byte) error {
	return eachPart(x, func(x []byte) error {
		return c.call("broadcasting", func() C.int { return C.gander_broadcast(unsafe.Pointer(&x[0]), C.int(len(x))) })
	})
}

// eachPart calls f for parts of x that MPI can count.
func eachPart[T any](x []T, f func([]T) error) error {
	for len(x) > 0 {
		n := min(len(x), most)
		if err := f(x[:n]); err != nil {
			return err
		}
		x = x[n:]
	}
	return nil
}

func (c *comm) Close() error { return c.close() }

func (c *comm) leave() error {
	close(c.closed)
	late := time.After(10 * time.Second)
	done := make(chan error, 1)
	select {
	case c.calls <- func() { done <- failure("leaving", C.gander_finalize()) }:
		select {
		case err := <-done:
			return err
		case <-late:
		}
	case <-late: // another goroutine is in a call
	}
	return errors.New("mpi: the other processes are still at work, and end with this one")
}
