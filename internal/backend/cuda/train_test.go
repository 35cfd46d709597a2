package cuda_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/gan"
	"github.com/gander-ml/gander/gan/recipe"
	"github.com/gander-ml/gander/internal/backend/cuda"
	"github.com/gander-ml/gander/internal/backend/cuda/driver"
	"github.com/gander-ml/gander/internal/backend/cuda/driver/sim"
	"github.com/gander-ml/gander/internal/op"
	"github.com/gander-ml/gander/nn"
	"github.com/gander-ml/gander/optim"
	"github.com/gander-ml/gander/tensor"
)

// games are small networks that between them take the paths of both steps.
var games = []struct {
	name     string
	networks func() (g, d nn.Module)
	sample   []int
	config   gan.Config
}{
	{"classic", func() (g, d nn.Module) {
		g = nn.Sequential(nn.Linear(8, 24), nn.Tanh(), nn.Linear(24, 33), nn.ReLU(), nn.Linear(33, 20), nn.Tanh())
		d = nn.Sequential(nn.Linear(20, 40), nn.Tanh(), nn.Linear(40, 9), nn.Tanh(), nn.Linear(9, 1), nn.Sigmoid())
		return g, d
	}, []int{20}, gan.Config{Objective: gan.Classic{}, Optimizer: optim.Adam{LR: 1e-3}}},
	{"convolutional", func() (g, d nn.Module) {
		g = nn.Sequential(nn.Linear(8, 8*3*3), nn.LeakyReLU(0.2), nn.Reshape(8, 3, 3),
			nn.UpsampleNearest(2), nn.Conv2D(8, 4, 3, nn.Padding(1)), nn.LeakyReLU(0.2),
			nn.UpsampleNearest(2), nn.Conv2D(4, 1, 3, nn.Padding(1)), nn.Tanh())
		d = nn.Sequential(nn.Conv2D(1, 4, 4, nn.Stride(2), nn.Padding(1)), nn.LeakyReLU(0.2),
			nn.Conv2D(4, 8, 4, nn.Stride(2), nn.Padding(1)), nn.LeakyReLU(0.2), nn.Flatten(), nn.Linear(8*3*3, 1))
		return g, d
	}, []int{1, 12, 12}, gan.Config{Objective: gan.Relativistic{}, Penalties: []gan.Penalty{gan.R1{Gamma: 1}, gan.R2{Gamma: 1}},
		EMAHalfLife: 5, FreshLatent: true, Optimizer: optim.Adam{LR: 1e-3, Betas: [2]float64{0, 0.9}}}},
	{"normalised", func() (g, d nn.Module) {
		g = nn.Sequential(nn.Linear(8, 4*4*4), nn.Reshape(4, 4, 4), nn.BatchNorm2D(4), nn.ReLU(), nn.ConvTranspose2D(4, 1, 4, nn.Stride(2), nn.Padding(1)), nn.Tanh())
		d = nn.Sequential(nn.SpectralNorm(nn.Conv2D(1, 4, 3, nn.Stride(2), nn.Padding(1))), nn.LeakyReLU(0.1), nn.Flatten(), nn.Dropout(0.1), nn.SpectralNorm(nn.Linear(4*4*4, 1)))
		return g, d
	}, []int{1, 8, 8}, gan.Config{Objective: gan.Wasserstein{}, Penalties: []gan.Penalty{gan.GradientPenalty{Lambda: 10}}, Optimizer: optim.RMSprop{LR: 1e-3}}},
	{"residual", func() (g, d nn.Module) {
		g = nn.Sequential(
			nn.Residual(nn.Sequential(nn.Linear(8, 9), nn.LeakyReLU(0.2), nn.Linear(9, 33)), nn.Linear(8, 33, nn.NoBias())), nn.LeakyReLU(0.2),
			nn.Linear(33, 20), nn.Tanh())
		d = nn.Sequential(nn.Linear(20, 24), nn.LeakyReLU(0.2),
			nn.Residual(nn.Sequential(nn.Linear(24, 7), nn.Tanh(), nn.Linear(7, 24)), nil), nn.LeakyReLU(0.2), nn.Linear(24, 1))
		return g, d
	}, []int{20}, gan.Config{Objective: gan.Relativistic{}, Penalties: []gan.Penalty{gan.R1{Gamma: 1}, gan.R2{Gamma: 1}}, FreshLatent: true, Optimizer: optim.Adam{LR: 1e-3}}},
}

// newTrainer returns a trainer of the i-th game on a device, or on the CPU if d is
// nil.
func newTrainer(t *testing.T, i int, d *tensor.Device) *gan.Trainer {
	t.Helper()
	game := games[i]
	c := game.config
	c.Latent, c.Seed, c.DType, c.Device, c.SampleShape = 8, 3, tensor.Float32, d, game.sample
	g, disc := game.networks()
	tr, err := gan.New(g, disc, c)
	require.NoError(t, err)
	return tr
}

// TestGraphs: from the third step on, a step is a few launches of graphs, and has
// the bits that it has without graphs.
func TestGraphs(t *testing.T) {
	n := 2
	if testing.Short() {
		n = 1
	}
	open := func(name string, c sim.Config) (*tensor.Device, *sim.Driver) {
		c.Fast = true
		d := sim.New(c)
		device, _ := register(t, name, func(kind string, n int) (*cuda.Backend, error) { return cuda.Open(d, kind, n) })
		return device, d
	}
	with, d := open("with", sim.Config{})
	without, _ := open("without", sim.Config{NoGraphs: true})
	for i := range games[:n] {
		t.Run(games[i].name, func(t *testing.T) {
			a, b := newTrainer(t, i, with), newTrainer(t, i, without)
			real := tensor.NewStream(1, "real")
			replayed := 0 // steps that were nothing but graphs
			for step := range 10 {
				x := real.Normal(tensor.Float32, append([]int{6}, games[i].sample...)...)
				before := d.Counters()
				got, err := a.Step(gan.Batch{X: x})
				require.NoError(t, err)
				after := d.Counters()
				want, err := b.Step(gan.Batch{X: x})
				require.NoError(t, err)
				require.Equal(t, want, got, "step %d", step+1)
				t.Log(after.GraphLaunches-before.GraphLaunches, "graphs,", after.Launches-before.Launches, "kernels,", after.Calls-before.Calls, "calls")
				if after.GraphLaunches > before.GraphLaunches && after.Calls-before.Calls < 30 {
					replayed++
				}
			}
			// The fifth step and all that follow, unless the garbage collector has returned
			// memory between two, so that addresses have changed.
			require.GreaterOrEqual(t, replayed, 3)
			require.Equal(t, b.Sample(3, 1).Float64s(), a.Sample(3, 1).Float64s())
		})
	}
}

// TestTrajectories: twenty steps of training give the losses that the CPU gives.
func TestTrajectories(t *testing.T) { trajectories(t, simulated()) }

func trajectories(t *testing.T, name string) {
	device, err := tensor.OpenDevice(name)
	require.NoError(t, err)
	for i, game := range games {
		t.Run(game.name, func(t *testing.T) {
			here, there := newTrainer(t, i, nil), newTrainer(t, i, device)
			real := tensor.NewStream(1, "real")
			steps := 20
			if testing.Short() {
				steps = 1
			}
			for step := range steps {
				x := real.Normal(tensor.Float32, append([]int{6}, game.sample...)...)
				want, err := here.Step(gan.Batch{X: x})
				require.NoError(t, err)
				got, err := there.Step(gan.Batch{X: x})
				require.NoError(t, err)
				for k, pair := range [][2]float64{{want.Real, got.Real}, {want.Fake, got.Fake}, {want.Penalty, got.Penalty}, {want.Generator, got.Generator}} {
					require.InDelta(t, pair[0], pair[1], 1e-4, "loss %d of step %d", k, step+1)
				}
			}
			want, got := here.Sample(5, 1), there.Sample(5, 1)
			require.InDeltaSlice(t, want.Float64s(), got.Float64s(), 1e-3)
		})
	}
}

// counting is a driver whose kernels do nothing: what it counts does not depend on
// numbers.
type counting struct{ driver.Driver }

type countingDevice struct {
	driver.Device
	launches, memsets, syncs int
	kernels                  map[driver.Function]int
}

func (c counting) Open(n int) (driver.Device, error) {
	d, err := c.Driver.Open(n)
	return &countingDevice{Device: d, kernels: map[driver.Function]int{}}, err
}

func (*countingDevice) GraphsAvailable() bool { return false }

func (c *countingDevice) Launch(f driver.Function, _, _ driver.Dim, _ uint32, _ driver.Stream, _ []byte) error {
	c.launches++
	c.kernels[f]++
	return nil
}

func (c *countingDevice) MemsetAsync(driver.Ptr, uint32, uint64, driver.Stream) error {
	c.memsets++
	return nil
}

func (c *countingDevice) Download(dst []byte, _ driver.Ptr, _ driver.Stream) error {
	c.syncs++
	clear(dst)
	return nil
}

// TestLaunches counts the launches of a step at the recipes' own sizes.
func TestLaunches(t *testing.T) {
	d, b := register(t, "counting", func(kind string, n int) (*cuda.Backend, error) {
		return cuda.Open(counting{sim.New(sim.Config{})}, kind, n)
	})
	device := b.Device().(*countingDevice)
	for _, c := range []struct {
		recipe recipe.Recipe
		most   int
	}{{recipe.Classic(), 49}, {recipe.Unconditional(), 96}, {recipe.Quick(), 120}} {
		t.Run(c.recipe.Name, func(t *testing.T) {
			config := c.recipe.Config()
			config.Device = d
			g, disc := c.recipe.Networks()
			tr, err := gan.New(g, disc, config)
			require.NoError(t, err)
			batch := gan.Batch{X: tensor.New(tensor.Float32, c.recipe.Batch, 784)}
			if n := len(config.Classes); n > 0 {
				batch.Condition = tensor.New(tensor.Float32, c.recipe.Batch, n)
			}
			for range 3 {
				_, err := tr.Step(batch)
				require.NoError(t, err)
			}
			device.launches, device.memsets, device.syncs = 0, 0, 0
			clear(device.kernels)
			_, err = tr.Step(batch)
			require.NoError(t, err)
			t.Log(device.launches, "launches,", device.memsets, "memsets,", device.syncs, "reads")
			for name, n := range b.Names(device.kernels) {
				t.Log(n, name)
			}
			require.LessOrEqual(t, device.launches+device.memsets, c.most)
			require.LessOrEqual(t, device.syncs, 2)
		})
	}
}

// idle is a driver whose kernels do nothing, but are captured and launched.
type idle struct{ driver.Driver }

type idleDevice struct{ driver.Device }

func (i idle) Open(n int) (driver.Device, error) {
	d, err := i.Driver.Open(n)
	return idleDevice{d}, err
}

func (idleDevice) Launch(driver.Function, driver.Dim, driver.Dim, uint32, driver.Stream, []byte) error {
	return nil
}

func (d idleDevice) Download(dst []byte, _ driver.Ptr, s driver.Stream) error {
	clear(dst)
	return d.StreamSync(s)
}

// alive counts what is allocated of a driver: memory, events, graphs and so on.
func alive(t *testing.T, d *sim.Driver) (sum int) {
	for _, line := range d.Leaks() {
		var device, n int
		_, err := fmt.Sscanf(line, "device %d: %d", &device, &n)
		require.NoError(t, err)
		sum += n
	}
	return sum
}

// TestGrowth: a thousand steps take no more memory of the device, and no more objects
// of the driver, than half of them, and are mostly launches of graphs.
func TestGrowth(t *testing.T) {
	d := sim.New(sim.Config{})
	device, b := register(t, "idle", func(kind string, n int) (*cuda.Backend, error) { return cuda.Open(idle{d}, kind, n) })
	steps := 1000
	if testing.Short() {
		steps = 300
	}
	for i, game := range games {
		t.Run(game.name, func(t *testing.T) {
			tr := newTrainer(t, i, device)
			real := tensor.NewStream(1, "real")
			var objects, buffers, graphs int
			for step := range steps {
				_, err := tr.Step(gan.Batch{X: real.Normal(tensor.Float32, append([]int{6}, game.sample...)...)})
				require.NoError(t, err)
				if step == steps/2 {
					objects = alive(t, d)
					buffers, _ = b.Memory()
					graphs = d.Counters().GraphLaunches
				}
			}
			after, _ := b.Memory()
			t.Log(objects, "to", alive(t, d), "objects,", buffers, "to", after, "buffers")
			require.Greater(t, d.Counters().GraphLaunches-graphs, steps, "two graphs a step or more")
			require.LessOrEqual(t, alive(t, d), objects+objects/4)
			require.LessOrEqual(t, after, buffers+buffers/4)
		})
	}
	require.NoError(t, b.Close())
	require.Empty(t, d.Leaks())
}

// TestManyGraphs: what is done twice, and then other things, again and again, does not
// fill the device with graphs.
func TestManyGraphs(t *testing.T) {
	d := sim.New(sim.Config{})
	b, err := cuda.Open(idle{d}, cuda.Kind, 0)
	require.NoError(t, err)
	x := array(b, 10000)
	before := alive(t, d)
	most := 0
	for i := range 3000 {
		for range 2 {
			for range 7 {
				b.Unary(op.Scale, x, x, float64(i), 0)
			}
			b.Sync()
		}
		most = max(most, alive(t, d)-before)
	}
	require.Greater(t, most, 1000, "graphs are made")
	require.LessOrEqual(t, most, 1200)
	require.NoError(t, b.Close())
	require.Empty(t, d.Leaks())
}

// paced is a driver that does none of what it is given, but takes time for it, in which
// the host goes on until it reads.
type paced struct {
	driver.Driver
	pace pace
}

// pace is how long the device takes.
type pace struct {
	kernel         time.Duration // for each launch
	graph, read    time.Duration // for a graph besides, and a read
	submit, upload time.Duration // of the host, for a graph or an upload
}

type pacedDevice struct {
	driver.Device
	pace     pace
	idle     time.Time // when all is done
	captured int
	graphs   []int // launches of each
}

func (p paced) Open(n int) (driver.Device, error) {
	d, err := p.Driver.Open(n)
	return &pacedDevice{Device: d, pace: p.pace, captured: -1}, err
}

func until(t time.Time) {
	for time.Now().Before(t) {
	}
}

// work queues work of the device, which costs the host some time as well.
func (d *pacedDevice) work(host, device time.Duration) error {
	if d.captured >= 0 {
		d.captured++
		return nil
	}
	now := time.Now().Add(host)
	if host > 0 {
		until(now)
	}
	if d.idle.Before(now) {
		d.idle = now
	}
	d.idle = d.idle.Add(device)
	return nil
}

func (d *pacedDevice) Launch(driver.Function, driver.Dim, driver.Dim, uint32, driver.Stream, []byte) error {
	return d.work(d.pace.submit, d.pace.kernel)
}

func (d *pacedDevice) MemsetAsync(driver.Ptr, uint32, uint64, driver.Stream) error {
	return d.work(d.pace.submit, d.pace.kernel)
}

func (d *pacedDevice) CaptureBegin(driver.Stream) error {
	d.captured = 0
	return nil
}

func (d *pacedDevice) CaptureEnd(driver.Stream) (driver.Graph, error) {
	d.graphs = append(d.graphs, d.captured)
	d.captured = -1
	return driver.Graph(len(d.graphs)), nil
}

func (d *pacedDevice) GraphLaunch(g driver.Graph, _ driver.Stream) error {
	return d.work(d.pace.submit, d.pace.graph+time.Duration(d.graphs[g-1])*d.pace.kernel)
}

func (*pacedDevice) GraphDestroy(driver.Graph) error { return nil }

func (d *pacedDevice) Upload(driver.Ptr, []byte, driver.Stream) error {
	return d.work(d.pace.upload, d.pace.upload)
}

func (d *pacedDevice) UploadAsync(driver.Ptr, []byte, driver.Stream) error {
	return d.work(d.pace.upload, d.pace.upload)
}

func (d *pacedDevice) Download(dst []byte, _ driver.Ptr, _ driver.Stream) error {
	clear(dst)
	if d.pace.read > 0 {
		until(d.idle)
		until(time.Now().Add(d.pace.read))
	}
	return nil
}

// BenchmarkHost times a step that is replayed as graphs: what the host does, where the
// device takes no time, and the whole step, where it takes what bench/cuda/README.md
// expects.
func BenchmarkHost(b *testing.B) {
	for _, c := range []struct {
		recipe recipe.Recipe
		kernel time.Duration
	}{{recipe.Classic(), 3600}, {recipe.Quick(), 3500}} {
		for name, p := range map[string]pace{
			"none":     {},
			"expected": {c.kernel, 2 * time.Microsecond, 10 * time.Microsecond, 6 * time.Microsecond, 2 * time.Microsecond},
		} {
			b.Run("recipe="+c.recipe.Name+"/device="+name, func(b *testing.B) {
				d, back := register(b, "paced", func(kind string, n int) (*cuda.Backend, error) {
					return cuda.Open(paced{sim.New(sim.Config{}), p}, kind, n)
				})
				config := c.recipe.Config()
				config.Device = d
				g, disc := c.recipe.Networks()
				tr, err := gan.New(g, disc, config)
				require.NoError(b, err)
				batch := gan.Batch{X: tensor.New(tensor.Float32, c.recipe.Batch, 784)}
				if n := len(config.Classes); n > 0 {
					batch.Condition = tensor.New(tensor.Float32, c.recipe.Batch, n)
				}
				step := func() {
					_, err := tr.Step(batch)
					require.NoError(b, err)
				}
				for range 10 {
					step()
				}
				for b.Loop() {
					step()
				}
				require.NoError(b, back.Close())
			})
		}
	}
}
