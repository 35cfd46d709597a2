package cuda_test

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/gan"
	"github.com/gander-ml/gander/internal/backend"
	"github.com/gander-ml/gander/internal/backend/cuda"
	"github.com/gander-ml/gander/internal/backend/cuda/driver"
	"github.com/gander-ml/gander/internal/backend/cuda/driver/sim"
	"github.com/gander-ml/gander/tensor"
)

// scarce is a driver that has no more memory after some calls that take some, until
// there is some again.
type scarce struct {
	driver.Driver
	left   atomic.Int64 // calls that succeed; negative: none
	failed atomic.Int64
}

const plenty = 1 << 40

func (s *scarce) Open(n int) (driver.Device, error) {
	d, err := s.Driver.Open(n)
	return scarceDevice{d, s, map[driver.Function]bool{}}, err
}

// take is a call that takes memory.
func (s *scarce) take(call string) error {
	if s.left.Add(-1) >= 0 {
		return nil
	}
	s.failed.Add(1)
	return &driver.Error{Call: call, Result: driver.OutOfMemory}
}

type scarceDevice struct {
	driver.Device
	s      *scarce
	loaded map[driver.Function]bool
}

// Launch loads a kernel when it is launched for the first time.
func (d scarceDevice) Launch(f driver.Function, grid, block driver.Dim, shared uint32, s driver.Stream, args []byte) error {
	if !d.loaded[f] {
		if err := d.s.take("cuLaunchKernel"); err != nil {
			return err
		}
		d.loaded[f] = true
	}
	return d.Device.Launch(f, grid, block, shared, s, args)
}

func (d scarceDevice) MemAlloc(n uint64) (driver.Ptr, error) {
	if err := d.s.take("cuMemAlloc"); err != nil {
		return 0, err
	}
	return d.Device.MemAlloc(n)
}

func (d scarceDevice) HostAlloc(n int) ([]byte, error) {
	if err := d.s.take("cuMemHostAlloc"); err != nil {
		return nil, err
	}
	return d.Device.HostAlloc(n)
}

func (d scarceDevice) ModuleLoad(ptx []byte) (driver.Module, error) {
	if err := d.s.take("cuModuleLoadDataEx"); err != nil {
		return 0, err
	}
	return d.Device.ModuleLoad(ptx)
}

func (d scarceDevice) EventCreate(timing bool) (driver.Event, error) {
	if err := d.s.take("cuEventCreate"); err != nil {
		return 0, err
	}
	return d.Device.EventCreate(timing)
}

func (d scarceDevice) CaptureEnd(s driver.Stream) (driver.Graph, error) {
	g, err := d.Device.CaptureEnd(s)
	if err == nil {
		if err = d.s.take("cuGraphInstantiate"); err != nil {
			_ = d.Device.GraphDestroy(g)
			g = 0
		}
	}
	return g, err
}

func (d scarceDevice) GraphLaunch(g driver.Graph, s driver.Stream) error {
	if err := d.s.take("cuGraphLaunch"); err != nil {
		return err
	}
	return d.Device.GraphLaunch(g, s)
}

var scarceDevices sync.Map

// openScarce returns a device whose memory can run out.
var openScarce = func() func(t *testing.T) (*tensor.Device, *cuda.Backend, *scarce) {
	register := sync.OnceFunc(func() {
		backend.Register(backend.Kind{Name: "scarce", Open: func(n int) (backend.Backend, error) {
			s := &scarce{Driver: sim.New(sim.Config{Devices: n + 1, Fast: true})}
			s.left.Store(plenty)
			b, err := cuda.Open(s, "scarce", n)
			scarceDevices.Store(n, [2]any{b, s})
			return b, err
		}})
	})
	var number atomic.Int64
	return func(t *testing.T) (*tensor.Device, *cuda.Backend, *scarce) {
		register()
		n := int(number.Add(1))
		d, err := tensor.OpenDevice(fmt.Sprintf("scarce:%d", n))
		require.NoError(t, err)
		both, _ := scarceDevices.LoadAndDelete(n)
		b := both.([2]any)[0].(*cuda.Backend)
		t.Cleanup(func() { _ = b.Close() })
		return d, b, both.([2]any)[1].(*scarce)
	}
}()

// TestOutOfMemoryAnywhere lets memory run out at each call of a step that takes some,
// the first step and a later one, when graphs are made. The step fails with a typed
// error or does without; whichever, the next steps have the numbers of a run in which
// there was enough.
func TestOutOfMemoryAnywhere(t *testing.T) {
	stride, n := 25, 2 // games
	switch {
	case *full:
		stride = 1
	case testing.Short():
		stride, n = 80, 1
	}
	for i, game := range games[:n] {
		if i > 0 && stride == 25 {
			stride = 75
		}
		for _, before := range []int{0, 3} { // steps without trouble
			t.Run(fmt.Sprintf("%s/%d", game.name, before), func(t *testing.T) {
				const steps = 6
				real := tensor.NewStream(1, "real")
				var batches []gan.Batch
				var want []gan.Losses
				var drawn [][]float64
				d, b, _ := openScarce(t)
				tr := newTrainer(t, i, d)
				for step := range steps {
					batches = append(batches, gan.Batch{X: real.Normal(tensor.Float32, append([]int{6}, game.sample...)...)})
					if step == before {
						b.Trim(t)
					}
					l, err := tr.Step(batches[step])
					require.NoError(t, err)
					want = append(want, l)
					drawn = append(drawn, tr.Sample(3, 1).Float64s())
				}
				failures := 0
				for k := 0; ; k += stride {
					d, b, s := openScarce(t)
					tr := newTrainer(t, i, d)
					for step := range before {
						l, err := tr.Step(batches[step])
						require.NoError(t, err)
						require.Equal(t, want[step], l)
					}
					b.Trim(t)
					s.left.Store(int64(k))
					_, err := tr.Step(batches[before])
					failed := s.failed.Load()
					s.left.Store(plenty)
					first := before
					if err != nil {
						var f *tensor.DeviceFailure
						require.ErrorAs(t, err, &f, "call %d", k)
						require.ErrorIs(t, err, driver.OutOfMemory, "call %d", k)
						require.Equal(t, before, tr.Steps(), "call %d", k)
						if before > 0 {
							require.Equal(t, drawn[before-1], tr.Sample(3, 1).Float64s(), "call %d", k)
						}
						failures++
					} else {
						first++
					}
					for step := first; step < steps; step++ {
						l, err := tr.Step(batches[step])
						require.NoError(t, err, "call %d, step %d", k, step)
						require.Equal(t, want[step], l, "call %d, step %d", k, step)
					}
					require.Equal(t, drawn[steps-1], tr.Sample(3, 1).Float64s(), "call %d", k)
					require.NoError(t, b.Close())
					if failed == 0 {
						t.Log("of", k, "calls some", failures*stride, "fail the step")
						break
					}
				}
				require.NotZero(t, failures)
			})
		}
	}
}
