package cuda_test

import (
	"errors"
	"math"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/internal/backend"
	"github.com/gander-ml/gander/internal/backend/cuda"
	"github.com/gander-ml/gander/internal/backend/cuda/driver"
	"github.com/gander-ml/gander/internal/backend/cuda/driver/sim"
	"github.com/gander-ml/gander/internal/layout"
	"github.com/gander-ml/gander/internal/op"
)

// array returns a new array of zeros.
func array(b *cuda.Backend, n int) backend.Operand {
	return backend.Operand{Buffer: b.Alloc(backend.Float32, n), Layout: layout.Contiguous(n)}
}

func read(b *cuda.Backend, o backend.Operand) []float32 {
	h := backend.NewHost(backend.Float32, o.Layout.Len())
	b.Download(h, o)
	return h.F32
}

// failure returns the Failure that f panics with.
func failure(t *testing.T, f func()) (failed *backend.Failure) {
	t.Helper()
	defer func() {
		var ok bool
		failed, ok = recover().(*backend.Failure)
		require.True(t, ok, "no failure")
	}()
	f()
	return nil
}

func TestOpen(t *testing.T) {
	for _, c := range []struct {
		d      driver.Driver
		number int
		says   string
	}{
		{sim.New(sim.Config{Devices: -1}), 0, "the driver finds no NVIDIA GPU (is CUDA_VISIBLE_DEVICES set?)"},
		{sim.New(sim.Config{Devices: 2}), 2, "there is no device 2: the machine has 2, numbered from 0"},
		{old{sim.New(sim.Config{})}, 0, "the driver is for CUDA 9.2, and at least 10.0 is needed: update it"},
		{small{sim.New(sim.Config{})}, 0, "has compute capability 6.1, and at least 7.5 is needed"},
	} {
		_, err := cuda.Open(c.d, cuda.Kind, c.number)
		require.ErrorContains(t, err, c.says)
	}
}

type old struct{ driver.Driver }

func (old) Version() (int, error) { return 9020, nil }

type small struct{ driver.Driver }

type smallDevice struct{ driver.Device }

func (s small) Open(n int) (driver.Device, error) {
	d, err := s.Driver.Open(n)
	return smallDevice{d}, err
}

func (s smallDevice) Attribute(a driver.Attribute) (int, error) {
	switch a {
	case driver.ComputeCapabilityMajor:
		return 6, nil
	case driver.ComputeCapabilityMinor:
		return 1, nil
	}
	return s.Device.Attribute(a)
}

// TestOutOfMemory: it is a failure of Alloc, the device stays usable, and garbage is
// collected before.
func TestOutOfMemory(t *testing.T) {
	b, _ := open(t, sim.Config{Memory: 1 << 20})
	x := array(b, 1<<16) // 256 KiB
	f := failure(t, func() { array(b, 1<<20) })
	require.Equal(t, "Alloc", f.Op)
	require.ErrorIs(t, f, driver.OutOfMemory)
	require.ErrorContains(t, f, "device cuda:0: Alloc: 4194304 bytes: ")
	b.Fill(x, 2)
	require.Equal(t, float32(2), read(b, x)[0])
	for range 20 { // more than there is, each garbage when the next is made
		b.Fill(array(b, 1<<16), 1)
	}
	for i := range 20 { // of other sizes: what is free is given back
		b.Free(array(b, 1<<16+i<<12).Buffer)
	}
	require.Equal(t, float32(2), read(b, x)[1<<16-1])
	runtime.KeepAlive(x.Buffer)
}

// TestOutOfMemoryInLaunch: where the driver has no memory to launch one of the kernels
// that were held back, it gets what is free, but not what the kernels after it use.
func TestOutOfMemoryInLaunch(t *testing.T) {
	for _, fails := range []string{"cuMemsetD32Async", "cuLaunchKernel", "the second cuLaunchKernel"} {
		b, d := open(t, sim.Config{Fast: true})
		x, y := array(b, 10000), array(b, 10000)
		b.Free(array(b, 30000).Buffer)
		b.Sync()
		between := array(b, 20000) // of another size, used by what is held back, and free again
		part := between
		part.Layout = x.Layout
		b.Unary(op.Exp, part, x, 0, 0)
		b.Binary(op.Add, y, part, x, 0)
		b.Free(between.Buffer)
		frees := d.Counters().Frees
		call, second := strings.CutPrefix(fails, "the second ")
		after := 0
		if second {
			after = 1
		}
		d.Fail(call, after, driver.OutOfMemory)
		require.Equal(t, float32(1), read(b, y)[9999])
		require.NotZero(t, d.Counters().Frees-frees, "what was free before is the driver's")
	}
}

// TestOutOfMemoryOfDriver: where the driver or cuBLAS has no memory for itself, it gets
// what is free.
func TestOutOfMemoryOfDriver(t *testing.T) {
	for _, call := range []string{"cuModuleLoadDataEx", "cuModuleGetFunction", "cublasCreate_v2"} {
		b, d := open(t, sim.Config{Fast: true})
		x := array(b, 100)
		b.Free(array(b, 30000).Buffer)
		b.Sync()
		frees := d.Counters().Frees
		d.Fail(call, 0, driver.OutOfMemory)
		require.Contains(t, b.Arithmetic(), "cublas")
		b.Unary(op.Exp, x, x, 0, 0)
		require.Equal(t, float32(1), read(b, x)[99])
		require.NotZero(t, d.Counters().Frees-frees, "what was free before is the driver's")
	}
}

// TestOutOfMemoryForgotten: nor does the driver get a table that was forgotten while the
// launch that needs it was held back.
func TestOutOfMemoryForgotten(t *testing.T) {
	before := cuda.TableLimit(600)
	defer cuda.TableLimit(before)
	b, d := open(t, sim.Config{Fast: true})
	large, x, w, y := array(b, 10000), matrix(b, 1, 16), matrix(b, 1, 9), matrix(b, 1, 4)
	image := func(o backend.Operand, side int) backend.Operand {
		o.Layout = layout.Contiguous(1, 1, side, side)
		return o
	}
	work := func(v float64) {
		b.Unary(op.Exp, large, large, 0, 0) // goes to the driver when a table does
		b.Fill(x, 1)
		b.Unary(op.Scale, x, x, v, 0) // the two are a table, and the convolution has one
		b.Conv2D(image(y, 2), image(x, 4), image(w, 3), backend.ConvParams{Stride: [2]int{1, 1}, Dilation: [2]int{1, 1}, Groups: 1}, backend.Epilogue{})
	}
	work(1)
	require.Equal(t, []float32{36, 36, 36, 36}, read(b, y))
	work(2)
	d.Fail("cuLaunchKernel", 0, driver.OutOfMemory)
	require.Equal(t, []float32{72, 72, 72, 72}, read(b, y))
}

// TestOutOfMemoryForgottenNow: nor does it get one that was forgotten for the table of the
// small operations that the launch waits for, where it loads the launch's kernel.
func TestOutOfMemoryForgottenNow(t *testing.T) {
	before := cuda.TableLimit(0)
	defer cuda.TableLimit(before)
	for _, c := range []sim.Config{{Fast: true}, {Fast: true, NoGraphs: true}} {
		b, d := open(t, c)
		x, w, y := matrix(b, 1, 16), matrix(b, 1, 9), matrix(b, 1, 4)
		for o, side := range map[*backend.Operand]int{&x: 4, &w: 3, &y: 2} {
			o.Layout = layout.Contiguous(1, 1, side, side)
		}
		b.Fill(x, 1)
		b.Unary(op.Scale, x, x, 2, 0)
		d.Fail("cuModuleLoadDataEx", 0, driver.OutOfMemory)
		b.Conv2D(y, x, w, backend.ConvParams{Stride: [2]int{1, 1}, Dilation: [2]int{1, 1}, Groups: 1}, backend.Epilogue{})
		require.Equal(t, []float32{72, 72, 72, 72}, read(b, y))
	}
}

// whenCollected calls f on another goroutine when garbage is collected, and closes ran
// then.
func whenCollected(f func()) (ran <-chan bool) {
	done := make(chan bool)
	runtime.AddCleanup(new([64]byte), func(int) {
		f()
		close(done)
	}, 0)
	return done
}

// exhaust takes all memory of a device, in small buffers.
func exhaust(t *testing.T, b *cuda.Backend) (all []backend.Buffer) {
	t.Helper()
	require.ErrorIs(t, failure(t, func() {
		for {
			all = append(all, array(b, 100).Buffer)
		}
	}), driver.OutOfMemory)
	return all
}

// TestOutOfMemoryBeside: memory that other goroutines use and free while one collects
// garbage is not given to the driver before it was used.
func TestOutOfMemoryBeside(t *testing.T) {
	b, _ := open(t, sim.Config{Memory: 1 << 20, Fast: true})
	x, y := array(b, 10000), array(b, 10000)
	b.Sync()
	ran := whenCollected(func() {
		b.Unary(op.Exp, y, x, 0, 0)
		b.Free(y.Buffer)
	})
	f := failure(t, func() { array(b, 1<<20) })
	require.ErrorIs(t, f, driver.OutOfMemory)
	<-ran
	require.Len(t, read(b, x), 10000)
}

// TestListsBeside: the table of lists is that of the operation, whatever lists other
// goroutines work on while memory is looked for that it fits in.
func TestListsBeside(t *testing.T) {
	b, _ := open(t, sim.Config{Memory: 1 << 20, Fast: true})
	list := func(o backend.Operand) []backend.Operand { return []backend.Operand{o} }
	x, y, u, v := array(b, 100), array(b, 100), array(b, 100), array(b, 100)
	b.Fill(y, 3)
	b.Lerp(list(u), list(v), 1) // the table of these is known
	all := exhaust(t, b)
	ran := whenCollected(func() {
		b.Lerp(list(u), list(v), 1)
		b.Free(all[0])
	})
	b.Lerp(list(x), list(y), 1)
	<-ran
	require.Equal(t, float32(3), read(b, x)[99])
}

// TestOperandsStay: the memory of an operation's operands is theirs until it is queued,
// though nobody else has them, and garbage is collected meanwhile.
func TestOperandsStay(t *testing.T) {
	b, _ := open(t, sim.Config{Memory: 1 << 21, Fast: true})
	x, sum := array(b, 1<<17), array(b, 1)
	b.Fill(x, 1)
	b.Reduce(op.Sum, sum, x) // loads its kernels
	all := exhaust(t, b)
	ran := whenCollected(func() {
		b.Sync() // an operation of another's
		b.Free(all[0])
	})
	b.Reduce(op.Sum, sum, x) // whose last use this is, and which needs memory
	<-ran
	require.Equal(t, float32(1<<17), read(b, sum)[0])
}

// TestLost: an error of a kernel comes with the next read, names the operations that
// may have caused it, and takes the device with it.
func TestLost(t *testing.T) {
	d := sim.New(sim.Config{})
	b, err := cuda.Open(d, cuda.Kind, 0)
	require.NoError(t, err)
	x := array(b, 10000)
	require.Len(t, read(b, x), 10000)
	d.Fail("cuMemcpyDtoH", 0, driver.IllegalAddress)
	b.Unary(op.Exp, x, x, 0, 0)
	f := failure(t, func() { read(b, x) })
	require.Equal(t, "cuda:0", f.Device)
	require.Equal(t, "Download", f.Op)
	require.ErrorIs(t, f, driver.IllegalAddress)
	require.ErrorContains(t, f, "Exp, Download")
	f = failure(t, func() { b.Unary(op.Exp, x, x, 0, 0) })
	require.ErrorContains(t, f, "the device was lost before")
	require.ErrorIs(t, f, driver.IllegalAddress)
	require.NoError(t, b.Close())
}

// TestPassing: an error that leaves the context in order is that of one operation.
func TestPassing(t *testing.T) {
	b, d := open(t, sim.Config{})
	x := array(b, 10000)
	d.Fail("cuLaunchKernel", 0, driver.LaunchOutOfResources)
	f := failure(t, func() {
		b.Unary(op.Exp, x, x, 0, 0)
		b.Sync()
	})
	require.Equal(t, "Exp", f.Op)
	b.Unary(op.Exp, x, x, 0, 0)
	require.Equal(t, float32(1), read(b, x)[9999])
}

// TestParts: the device gets work before somebody reads. If the driver refuses some of
// it, the operation that hears of it has not been done, and says which one failed.
func TestParts(t *testing.T) {
	b, d := open(t, sim.Config{Fast: true})
	x, y := array(b, 10000), array(b, 10000)
	b.Sync()
	before := d.Counters().Calls
	for range 20 {
		b.Unary(op.Shift, x, x, 1, 0)
	}
	require.GreaterOrEqual(t, d.Counters().Calls-before, 16)
	require.Equal(t, float32(20), read(b, x)[9999])

	d.Fail("cuLaunchKernel", 3, driver.LaunchOutOfResources)
	n := 0
	f := failure(t, func() {
		for ; ; n++ {
			b.Unary(op.Scale, x, x, 2, 0)
			b.Binary(op.Add, y, y, x, 0)
		}
	})
	require.Equal(t, 4, n)
	require.Equal(t, "Add", f.Op)
	require.Equal(t, float32(20*16), read(b, x)[9999])
	require.Equal(t, float32(20*(2+8+16)), read(b, y)[9999], "all but the second")
}

// TestNoGarbage: operations on the device leave the garbage collector nothing to do.
func TestNoGarbage(t *testing.T) {
	b, err := cuda.Open(paced{Driver: sim.New(sim.Config{})}, cuda.Kind, 0)
	require.NoError(t, err)
	x, y, z := array(b, 128*128), array(b, 128*128), array(b, 100)
	lists := [][]backend.Operand{{x, z}, {y, z}}
	square := x
	square.Layout = layout.Contiguous(128, 128)
	work := func() {
		b.Unary(op.Exp, y, x, 0, 0)
		b.Binary(op.Add, y, y, x, 0)
		b.Unary(op.Exp, z, z, 0, 0)
		b.Fill(z, 1)
		b.Random(backend.Uniform, x, 1, 0)
		b.MatMul(square, square, square)
		b.Lerp(lists[0], lists[1], 0.5)
	}
	for range 100 {
		work()
	}
	require.Zero(t, testing.AllocsPerRun(100, work))
	require.NoError(t, b.Close())
}

func TestClose(t *testing.T) {
	d := sim.New(sim.Config{})
	b, err := cuda.Open(d, cuda.Kind, 0)
	require.NoError(t, err)
	x, y := array(b, 100), array(b, 10000)
	b.Fill(x, 1)
	b.Fill(y, 1)
	require.NoError(t, b.Close())
	require.NoError(t, b.Close())
	require.Empty(t, d.Leaks())
	for _, f := range []func(){
		func() { b.Fill(x, 1) }, func() { read(b, x) }, func() { array(b, 1) }, b.Sync,
	} {
		require.ErrorContains(t, failure(t, f), "the device was closed")
	}
	b.Free(x.Buffer) // as do owners that live on
	buffers, bytes := b.Memory()
	require.Zero(t, buffers)
	require.Zero(t, bytes)
}

// TestMisuse: a buffer that was freed, or is another device's, is not used.
func TestMisuse(t *testing.T) {
	b, _ := open(t, sim.Config{})
	other, _ := open(t, sim.Config{})
	x := array(b, 100)
	require.Panics(t, func() { other.Fill(x, 1) })
	b.Free(x.Buffer)
	require.Panics(t, func() { b.Free(x.Buffer) })
	require.Panics(t, func() { b.Fill(x, 1) })
	b.Sync() // the lock is not held
}

// TestHeldBack: what is held back is done before anything that could tell, on freed
// memory, too.
func TestHeldBack(t *testing.T) {
	b, d := open(t, sim.Config{})
	large := array(b, 20000)
	b.Sync()
	before := d.Counters().Launches
	x, y := array(b, 100), array(b, 100)
	b.Fill(x, 1)
	b.Unary(op.Exp, y, x, 0, 0)
	b.Unary(op.Exp, large, large, 0, 0) // overtakes them
	b.Binary(op.Add, y, y, x, 0)
	b.Free(x.Buffer)
	z := array(b, 100) // not x's memory, which is still read
	b.Fill(z, 7)
	require.InDelta(t, math.E+1, read(b, y)[99], 1e-6)
	require.Equal(t, float32(7), read(b, z)[0])
	require.Equal(t, 2, d.Counters().Launches-before)

	// A Fill of much memory waits for a ScatterAdd.
	before = d.Counters().Launches
	index := array(b, 2)
	b.Fill(large, 3)
	wide := backend.Operand{Buffer: large.Buffer, Layout: large.Layout}
	b.ScatterAdd(wide, backend.Operand{Buffer: y.Buffer, Layout: layout.Contiguous(2)}, 0, index)
	got := read(b, large)
	require.InDelta(t, 3+2*(math.E+1), got[0], 1e-5)
	require.Equal(t, float32(3), got[19999])
	require.Equal(t, 1, d.Counters().Launches-before)
	b.Fill(large, 4)
	b.Unary(op.Scale, large, large, 2, 0)
	b.Fill(large, 5)
	b.Fill(large, 6)
	b.Binary(op.Add, array(b, 20000), large, large, 0)
	require.Equal(t, float32(6), read(b, large)[7])
	b.Fill(large, 5)
	b.Free(large.Buffer)
	b.Sync()
}

// TestDraws: numbers drawn into memory that a sequence touches, which is queued then,
// are not those of the next draw.
func TestDraws(t *testing.T) {
	b, _ := open(t, sim.Config{})
	draw := func(b *cuda.Backend) (x, y []float32) {
		p, q := array(b, 100), array(b, 100)
		b.Fill(p, 1)
		b.Unary(op.Exp, p, p, 0, 0)
		b.Random(backend.Uniform, p, 1, 0)
		b.Random(backend.Uniform, q, 2, 0)
		return read(b, p), read(b, q)
	}
	without, _ := open(t, sim.Config{NoGraphs: true})
	x, y := draw(b)
	wantX, wantY := draw(without)
	require.Equal(t, wantX, x)
	require.Equal(t, wantY, y)
}

// TestDrawsWithoutGraphs: nor are they others if the driver refuses to make a graph while
// they are queued.
func TestDrawsWithoutGraphs(t *testing.T) {
	draw := func(b *cuda.Backend, x, large backend.Operand, step uint64) []float32 {
		b.Unary(op.Exp, large, large, 0, 0) // the two go to the driver when a table does
		b.Unary(op.Neg, large, large, 0, 0)
		b.Fill(x, 1)
		b.Unary(op.Scale, x, x, float64(step), 0)
		b.Random(backend.Uniform, x, 1, 1000*step)
		return read(b, x)
	}
	b, d := open(t, sim.Config{Fast: true})
	without, _ := open(t, sim.Config{Fast: true, NoGraphs: true})
	x, large, wantX, wantLarge := array(b, 100), array(b, 10000), array(without, 100), array(without, 10000)
	b.Sync()
	for step := range uint64(4) {
		if step == 1 {
			d.Fail("cuStreamBeginCapture", 0, driver.NotSupported)
		}
		require.Equal(t, draw(without, wantX, wantLarge, step), draw(b, x, large, step), "step %d", step)
	}
}

// TestAdamOfSmall: small operations that are held back are done before an optimiser's
// step on what they wrote, which gets its own arguments.
func TestAdamOfSmall(t *testing.T) {
	for _, c := range []sim.Config{{}, {NoGraphs: true}} {
		b, _ := open(t, c)
		p, g, m, v := array(b, 100), array(b, 100), array(b, 100), array(b, 100)
		for step := range 4 {
			b.Fill(g, 1)
			b.Unary(op.Scale, g, g, 2, 0)
			list := func(o backend.Operand) []backend.Operand { return []backend.Operand{o} }
			b.Adam(list(p), list(g), list(m), list(v), op.AdamParams{LR: 0.5, Beta1: 0, Beta2: 0, Correction1: 1, Correction2: 1})
			require.InDelta(t, -0.5*float64(step+1), read(b, p)[99], 1e-6)
		}
	}
}

// TestUploads: many uploads in a row, longer ones than the staging memory among
// them, arrive, and a batch of images does not wait for what is queued.
func TestUploads(t *testing.T) {
	b, d := open(t, sim.Config{NoGraphs: true})
	images := array(b, 64*3*64*64)
	b.Upload(images, backend.NewHost(backend.Float32, images.Layout.Len())) // makes the staging memory
	b.Sync()
	before := d.Counters().Launches
	x := array(b, 10000)
	b.Unary(op.Exp, x, x, 0, 0)
	b.Upload(images, backend.NewHost(backend.Float32, images.Layout.Len()))
	require.Equal(t, before, d.Counters().Launches, "nobody has waited")
	b.Sync()
	require.Equal(t, before+1, d.Counters().Launches)
	for _, n := range []int{1, 7, 1000, 1 << 18, 1<<18 + 1, 1<<20 + 3} {
		h := backend.NewHost(backend.Float32, n)
		var all []backend.Operand
		for i := range 10 {
			h.F32[n-1] = float32(i)
			x := array(b, n)
			b.Upload(x, h)
			all = append(all, x)
		}
		for i, x := range all {
			require.Equal(t, float32(i), read(b, x)[n-1])
		}
	}
}

// TestOtherErrors: whatever the driver returns is a failure, and no lock is left.
func TestOtherErrors(t *testing.T) {
	for _, call := range []string{"cuMemAlloc", "cuMemsetD32Async", "cuLaunchKernel", "cuModuleLoadDataEx", "cuModuleGetFunction", "cuMemHostAlloc",
		"cuMemcpyHtoDAsync", "cuMemcpyDtoH", "cuEventRecord", "cuStreamSynchronize"} {
		b, d := open(t, sim.Config{})
		d.Fail(call, 0, driver.InvalidValue)
		work := func() {
			x := array(b, 100)
			b.Upload(x, backend.NewHost(backend.Float32, 100))
			b.Unary(op.Exp, x, x, 0, 0)
			b.Sync()
			read(b, x)
		}
		f := failure(t, work)
		require.ErrorIs(t, f, driver.InvalidValue, call)
		var e *driver.Error
		require.True(t, errors.As(f, &e))
		work()
	}
}

// TestTwoDevices: two devices of a machine work side by side, from several goroutines;
// what belongs to one is refused by the other, which outlives it.
func TestTwoDevices(t *testing.T) {
	d := sim.New(sim.Config{Devices: 2, Fast: true})
	var both [2]*cuda.Backend
	for i := range both {
		b, err := cuda.Open(d, cuda.Kind, i)
		require.NoError(t, err)
		both[i] = b
	}
	require.Equal(t, "cuda:1", both[1].Name())
	var done sync.WaitGroup
	for i := range 4 {
		b := both[i%2]
		done.Go(func() {
			for n := 1; n < 3000; n += 701 {
				x := array(b, n)
				b.Fill(x, float64(i))
				b.Unary(op.Shift, x, x, 1, 0)
				got := read(b, x)
				assert.Equal(t, float32(i+1), got[n-1])
			}
		})
	}
	done.Wait()
	x, y := array(both[0], 3), array(both[1], 3)
	require.PanicsWithValue(t, "cuda: a buffer of cuda:0 is used on cuda:1", func() { both[1].Copy(y, x) })
	require.NoError(t, both[0].Close())
	both[1].Fill(y, 5)
	require.Equal(t, []float32{5, 5, 5}, read(both[1], y))
	require.NoError(t, both[1].Close())
	require.Empty(t, d.Leaks())
}
