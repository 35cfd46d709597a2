package far

import (
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/internal/backend"
	"github.com/gander-ml/gander/internal/backend/backendtest"
	"github.com/gander-ml/gander/internal/layout"
)

func TestContract(t *testing.T) {
	if testing.Short() {
		t.Skip("the reference passes; the queue around it is what the other tests exercise")
	}
	b := New(7)
	backendtest.Run(t, b)
	buffers, _ := b.Memory()
	require.Zero(t, buffers, "the suite frees what it allocates")
}

func operand(b backend.Buffer) backend.Operand {
	return backend.Operand{Buffer: b, Layout: layout.Contiguous(b.Len())}
}

// TestMemory: freed memory is counted, and garbage is freed, but not before the
// work that uses it.
func TestMemory(t *testing.T) {
	b := New(0)
	x := b.Alloc(backend.Float32, 100)
	y := b.Alloc(backend.Float64, 10)
	buffers, bytes := b.Memory()
	require.Equal(t, 2, buffers)
	require.EqualValues(t, 480, bytes)
	b.Free(y)
	buffers, bytes = b.Memory()
	require.Equal(t, 1, buffers)
	require.EqualValues(t, 400, bytes)

	const n = 50
	for i := range n {
		garbage := b.Alloc(backend.Float32, 100)
		b.Fill(operand(garbage), float64(i))
		b.Copy(operand(x), operand(garbage))
		runtime.GC()
	}
	got := backend.NewHost(backend.Float32, 100)
	b.Download(got, operand(x))
	require.Equal(t, float64(n-1), got.At(99))
	for buffers, _ = b.Memory(); buffers > 1; buffers, _ = b.Memory() {
		runtime.GC() // cleanups run on a goroutine of their own
		time.Sleep(time.Millisecond)
	}
	require.Equal(t, 1, buffers)
	runtime.KeepAlive(x)
}

// TestFailures: Alloc fails at once, other failures are reported by the next read,
// and a device that is not lost still works.
func TestFailures(t *testing.T) {
	b := New(0)
	x := operand(b.Alloc(backend.Float32, 3))
	failure := func(f func()) (got *backend.Failure) {
		defer func() { got, _ = recover().(*backend.Failure) }()
		f()
		return nil
	}
	b.Fail(1, false)
	got := failure(func() { b.Alloc(backend.Float32, 3) })
	require.ErrorIs(t, got, ErrInjected)
	require.EqualError(t, got, "device far:0: Alloc: injected failure")
	require.Nil(t, failure(func() { b.Alloc(backend.Float32, 3) }))

	b.Fail(2, false)
	b.Fill(x, 1)
	b.Fill(x, 2)
	host := backend.NewHost(backend.Float32, 3)
	got = failure(func() { b.Download(host, x) })
	require.Equal(t, "Fill", got.Op)
	require.Nil(t, failure(func() { b.Download(host, x) }), "a failure is told once")
	require.Equal(t, 1.0, host.At(0))

	b.Fail(1, true)
	b.Fill(x, 3)
	require.NotNil(t, failure(b.Sync))
	require.NotNil(t, failure(func() { b.Download(host, x) }), "a lost device stays lost")
	require.NotNil(t, failure(func() { b.Alloc(backend.Float32, 3) }))
	b.Fail(0, false)
	require.Nil(t, failure(b.Sync))
}
