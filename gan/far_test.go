package gan_test

import (
	"context"
	"io"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/gan"
	"github.com/gander-ml/gander/internal/backend/backendtest/far"
	"github.com/gander-ml/gander/nn"
	"github.com/gander-ml/gander/optim"
	"github.com/gander-ml/gander/tensor"
)

// These tests train on a device whose memory is not host memory, whose work is
// done later, and which can be made to fail: what a GPU is to this package.

// farDevice opens a far device of its own for a test.
func farDevice(t *testing.T, number int) (*tensor.Device, *far.Backend) {
	t.Helper()
	name := "far:" + string(rune('0'+number))
	d, err := tensor.OpenDevice(name)
	require.NoError(t, err)
	return d, far.Opened(number)
}

// farPaths are configurations that between them take every path of a step.
var farPaths = []struct {
	name     string
	networks func() (g, d nn.Module)
	sample   []int // the shape of a real sample
	config   gan.Config
}{
	{"general", func() (g, d nn.Module) { return tiny(gan.Probabilities) }, []int{4},
		gan.Config{Objective: gan.Classic{}, Optimizer: optim.Adam{LR: 1e-2}}},
	{"penalty", func() (g, d nn.Module) { return tiny(gan.Logits) }, []int{4},
		gan.Config{Objective: gan.Wasserstein{}, Penalties: []gan.Penalty{gan.GradientPenalty{Lambda: 10}}, GeneratorEvery: 2,
			FreshLatent: true, GeneratorOptimizer: optim.RMSprop{LR: 1e-3}, DiscriminatorOptimizer: optim.SGD{LR: 1e-3, Momentum: 0.5}}},
	{"clipped", func() (g, d nn.Module) { return tiny(gan.Logits) }, []int{4},
		gan.Config{Objective: gan.Wasserstein{}, ClipWeights: 0.1, Optimizer: optim.AdamW{LR: 1e-2}}},
	{"exact", farImages, []int{1, 8, 8},
		gan.Config{Objective: gan.Relativistic{}, Penalties: []gan.Penalty{gan.R1{Gamma: 1}, gan.R2{Gamma: 1}},
			EMAHalfLife: 5, Optimizer: optim.Adam{LR: 1e-3}}},
	{"normalised", func() (g, d nn.Module) {
		g = nn.Sequential(nn.Linear(latentSize, 8), nn.BatchNorm1D(8), nn.ReLU(), nn.Linear(8, 4))
		d = nn.Sequential(nn.SpectralNorm(nn.Linear(4, 8)), nn.ReLU(), nn.Dropout(0.1), nn.SpectralNorm(nn.Linear(8, 1)))
		return g, d
	}, []int{4}, gan.Config{Objective: gan.Hinge{}, Optimizer: optim.Adam{LR: 1e-2}}},
	{"classes", conditional, []int{4}, gan.Config{Classes: animals, Objective: gan.Hinge{}, EMAHalfLife: 5, Optimizer: optim.Adam{LR: 1e-2}}},
	{"classes, exact", conditional, []int{4}, gan.Config{Classes: animals, Objective: gan.Relativistic{},
		Penalties: []gan.Penalty{gan.R1{Gamma: 1}, gan.R2{Gamma: 1}}, Optimizer: optim.Adam{LR: 1e-2}}},
}

// withCondition returns samples with a condition, which only some networks read.
func withCondition(x *tensor.Tensor) gan.Batch {
	return gan.Batch{X: x, Condition: tensor.NewStream(2, "condition").Normal(x.DType(), x.Dim(0), 3)}
}

// farImages are small convolutional networks of the modern kind.
func farImages() (g, d nn.Module) {
	g = nn.Sequential(nn.Linear(latentSize, 4*2*2), nn.Reshape(4, 2, 2), nn.LeakyReLU(0.2),
		nn.UpsampleNearest(2), nn.Conv2D(4, 4, 3, nn.Padding(1)), nn.LeakyReLU(0.2),
		nn.UpsampleBilinear(2), nn.Conv2D(4, 1, 3, nn.Padding(1)), nn.Tanh())
	d = nn.Sequential(nn.Conv2D(1, 4, 3, nn.Stride(2), nn.Padding(1)), nn.LeakyReLU(0.2), nn.Flatten(), nn.Linear(4*4*4, 1))
	return g, d
}

// farTrainer returns a trainer on a device, or on the CPU if d is nil, and a
// source.
func farTrainer(t *testing.T, path int, d *tensor.Device) (*gan.Trainer, *tensor.Tensor) {
	t.Helper()
	p := farPaths[path]
	c := p.config
	c.Latent, c.Seed, c.DType, c.Device = latentSize, 3, tensor.Float64, d
	g, disc := p.networks()
	trainer, err := gan.New(g, disc, c)
	require.NoError(t, err)
	return trainer, tensor.NewStream(1, "real").Normal(tensor.Float64, append([]int{3}, p.sample...)...)
}

// TestFarStep: losses and samples on the far device are the CPU's, batches and
// weights move by themselves, and a step reads numbers twice at most.
func TestFarStep(t *testing.T) {
	device, b := farDevice(t, 1)
	for path, p := range farPaths {
		t.Run(p.name, func(t *testing.T) {
			here, x := farTrainer(t, path, nil)
			there, _ := farTrainer(t, path, device)
			for step := range 5 {
				want, err := here.Step(withCondition(x))
				require.NoError(t, err)
				uploads, downloads := b.Transfers()
				got, err := there.Step(withCondition(x))
				require.NoError(t, err)
				up, down := b.Transfers()
				require.LessOrEqual(t, down-downloads, int64(2), "reads in step %d", step+1)
				if step > 0 { // the first makes constants
					most := int64(1)
					if p.config.Classes != nil {
						most = 2
					}
					require.LessOrEqual(t, up-uploads, most, "numbers sent in step %d: the batch", step+1)
				}
				for k, pair := range [][2]float64{{want.Real, got.Real}, {want.Fake, got.Fake}, {want.Penalty, got.Penalty}, {want.Generator, got.Generator}} {
					require.InDelta(t, pair[0], pair[1], 1e-9, "loss %d of step %d", k, step+1)
				}
			}
			want, got := here.Sample(3, 1), there.Sample(3, 1)
			require.Same(t, device, got.Device())
			require.Equal(t, want.Shape(), got.Shape())
			require.InDeltaSlice(t, want.Float64s(), got.Float64s(), 1e-9)
			require.Equal(t, got.Float64s()[:got.Len()/3], there.Sample(1, 1).Float64s(), "asking for one changes nothing")
		})
	}
}

// TestFarFitAndResume: a run with hooks, checkpoints and files works there, and a
// resumed run has the bits of one that was not interrupted.
func TestFarFitAndResume(t *testing.T) {
	device, b := farDevice(t, 2)
	source := &noise{batches: 3, size: 4, features: 4, dtype: tensor.Float64}
	for path := range farPaths {
		if len(farPaths[path].sample) != 1 || farPaths[path].config.Classes != nil {
			continue
		}
		dir := t.TempDir()
		at := filepath.Join(dir, "checkpoint")
		whole, _ := farTrainer(t, path, device)
		_, err := whole.Fit(context.Background(), source, gan.Steps(7), gan.On(
			gan.After(gan.Every(4), func(tr *gan.Trainer) error { return tr.Checkpoint(at) })))
		require.NoError(t, err)
		resumed, _ := farTrainer(t, path, device)
		require.NoError(t, resumed.Resume(at))
		require.Equal(t, 4, resumed.Steps())
		_, err = resumed.Fit(context.Background(), source, gan.Steps(7))
		require.NoError(t, err)
		same(t, stateOf(t, whole), stateOf(t, resumed), farPaths[path].name)

		file := filepath.Join(dir, "generator")
		require.NoError(t, whole.Generator().Save(file))
		loaded, err := gan.LoadGenerator(file)
		require.NoError(t, err)
		require.InDeltaSlice(t, whole.Sample(5, 2).Float64s(), loaded.Sample(5, 2).Float64s(), 1e-9)
		there := loaded.To(device)
		require.Same(t, device, there.Device())
		require.Equal(t, whole.Sample(5, 2).Float64s(), there.Sample(5, 2).Float64s())
		loaded, err = gan.LoadGenerator(file, gan.OnDevice(device))
		require.NoError(t, err)
		require.Same(t, device, loaded.Device())
		require.Equal(t, whole.Sample(5, 2).Float64s(), loaded.Sample(5, 2).Float64s())
		for what, f := range map[string]func() error{
			"load":  func() error { _, err := gan.LoadGenerator(file, gan.OnDevice(device)); return err },
			"save":  func() error { return there.Save(file) },
			"write": func() error { return there.Write(io.Discard) },
		} {
			b.Fail(1, false)
			require.ErrorIs(t, f(), far.ErrInjected, what)
			b.Fail(0, false)
		}
		left, err := os.ReadDir(dir)
		require.NoError(t, err)
		require.Len(t, left, 2, "the checkpoint and the generator")
	}
}

// TestFarMemory: training and sampling for longer takes no more memory there, and
// nothing is left when nobody uses it any more.
func TestFarMemory(t *testing.T) {
	device, b := farDevice(t, 3)
	steps := 1000
	if testing.Short() || raceEnabled {
		steps = 50
	}
	settled := func() (buffers int, bytes int64) {
		for range 3 { // cleanups run on a goroutine of their own
			runtime.GC()
			time.Sleep(5 * time.Millisecond)
		}
		return b.Memory()
	}
	for path, p := range farPaths {
		if p.name == "exact" && steps > 200 { // convolutions by definition take long
			steps = 200
		}
		func() {
			trainer, x := farTrainer(t, path, device)
			run := func(n int) {
				for i := range n {
					_, err := trainer.Step(withCondition(x))
					require.NoError(t, err)
					if i%10 == 0 {
						trainer.Sample(3, 1).Float64s()
					}
				}
			}
			run(20)
			before, bytesBefore := settled()
			run(steps)
			after, bytesAfter := settled()
			// A collection may have emptied the pool of a generator's memory meanwhile.
			for try := 0; try < 1000 && (after > before+60 || bytesAfter > bytesBefore+64<<10); try++ {
				after, bytesAfter = settled() // on a busy machine cleanups take their time
			}
			require.LessOrEqual(t, after, before+60, "%s: buffers", p.name)
			require.LessOrEqual(t, bytesAfter, bytesBefore+64<<10, "%s: bytes", p.name)
			runtime.KeepAlive(trainer)
		}()
	}
	buffers := 0
	for range 1000 {
		if buffers, _ = settled(); buffers == 0 {
			break
		}
	}
	require.Zero(t, buffers, "everything was let go")
}

// TestFarFailure: whichever call of a step fails, the step returns an error that
// says so, and never panics; a device that is not lost can be gone on with from a
// checkpoint.
func TestFarFailure(t *testing.T) {
	device, b := farDevice(t, 4)
	for path, p := range farPaths {
		trainer, x := farTrainer(t, path, device)
		step := func() error {
			_, err := trainer.Step(withCondition(x))
			return err
		}
		require.NoError(t, step())
		b.Fail(0, false)
		require.NoError(t, step())
		checkpoint := filepath.Join(t.TempDir(), "checkpoint")
		require.NoError(t, trainer.Checkpoint(checkpoint))
		calls := b.Calls()
		require.Greater(t, calls, 20)
		stride := max(1, calls/25)
		for n := 1; n <= calls; n += stride {
			b.Fail(n, false)
			err := step()
			if b.Calls() < n {
				b.Fail(0, false)
				continue // it was not the generator's turn
			}
			if err == nil { // the call came after the last read
				err = device.Sync()
			}
			var failure *tensor.DeviceFailure
			require.ErrorAs(t, err, &failure, "%s: call %d of %d", p.name, n, calls)
			require.ErrorIs(t, err, far.ErrInjected)
			b.Fail(0, false)
		}
		// Work may have been lost half-way, so the run goes on from its checkpoint.
		require.NoError(t, trainer.Resume(checkpoint), p.name)
		require.NoError(t, step(), p.name)

		b.Fail(5, true)
		require.ErrorIs(t, step(), far.ErrInjected)
		require.ErrorIs(t, trainer.Checkpoint(checkpoint), far.ErrInjected)
		require.ErrorIs(t, step(), far.ErrInjected, "a lost device stays lost")
		require.ErrorIs(t, tensor.Catch(func() { trainer.Sample(2, 1).Float64s() }), far.ErrInjected)
		b.Fail(0, false)
	}
}

// TestFarStepIsUndone: a step that a device fails in leaves everything as it was,
// whichever call it was that the step's reads tell about.
func TestFarStepIsUndone(t *testing.T) {
	device, b := farDevice(t, 5)
	for path, p := range farPaths {
		trainer, x := farTrainer(t, path, device)
		undone := 0
		b.Fail(0, false)
		_, err := trainer.Step(withCondition(x))
		require.NoError(t, err)
		calls, checkpoint := b.Calls(), filepath.Join(t.TempDir(), "checkpoint")
		require.NoError(t, trainer.Checkpoint(checkpoint))
		for n := 1; n <= calls; n += max(1, calls/40) {
			before := stateOf(t, trainer)
			b.Fail(n, false)
			_, err := trainer.Step(withCondition(x))
			if err == nil { // the call came after the last read
				device.Sync()
				b.Fail(0, false)
				require.NoError(t, trainer.Resume(checkpoint)) // the update may be lost
				continue
			}
			b.Fail(0, false)
			undone++
			require.ErrorIs(t, err, far.ErrInjected)
			require.NotContains(t, err.Error(), "could not be undone")
			same(t, before, stateOf(t, trainer), "%s: call %d of %d", p.name, n, calls)
		}
		require.Greater(t, undone, 10, p.name)
	}
}

// TestFarUpdateIsLost: if a device tells only after a step that its update failed, the
// step that hears of it leaves everything as that update would have, unless the state is
// so small that it was copied in the meantime.
func TestFarUpdateIsLost(t *testing.T) {
	device, b := farDevice(t, 5)
	trainer := func() *gan.Trainer {
		g, d := wide()
		c := tinyConfig(gan.Hinge{})
		c.DType, c.Device, c.EMAHalfLife = tensor.Float64, device, 3
		tr, err := gan.New(g, d, c)
		require.NoError(t, err)
		return tr
	}
	failing, calm, late := trainer(), trainer(), 0
	random := tensor.NewStream(1, "real")
	var calls int
	train := func() {
		x := gan.Batch{X: random.Normal(tensor.Float64, 3, 4)}
		for _, tr := range []*gan.Trainer{calm, failing} {
			b.Fail(0, false)
			_, err := tr.Step(x)
			require.NoError(t, err)
			calls = b.Calls()
		}
	}
	for try := range 6 {
		train()
		train() // by calls that are all of a step, and none of a copy
		x := gan.Batch{X: random.Normal(tensor.Float64, 3, 4)}
		_, err := calm.Step(x)
		require.NoError(t, err)
		b.Fail(calls-try%3, false) // one of the last: the update
		if _, err = failing.Step(x); err == nil {
			late++
			_, err = failing.Step(x)
			b.Fail(0, false)
		} else { // memory that is lacking is told at once
			b.Fail(0, false)
			_, again := failing.Step(x)
			require.NoError(t, again)
		}
		require.ErrorIs(t, err, far.ErrInjected)
		require.NotContains(t, err.Error(), "undone")
		same(t, stateOf(t, calm), stateOf(t, failing), "the last call but %d", try%3)
	}
	require.Positive(t, late)
}

// TestFarHookHears: if a hook is the first to read that a step's update was lost, the
// run ends, whatever the hook makes of it, and no checkpoint is of such a step.
func TestFarHookHears(t *testing.T) {
	device, b := farDevice(t, 4)
	defer b.Fail(0, false)
	read := func(tr *gan.Trainer) error {
		return tensor.Catch(func() { nn.Params(tr.Discriminator())[0].Param.Value().Float64s() })
	}
	for name, hears := range map[string]func(*gan.Trainer) error{
		"error":   read,
		"warning": func(tr *gan.Trainer) error { return gan.Warning(read(tr)) },
		"panic":   func(tr *gan.Trainer) error { tr.Sample(1, 1).Float64s(); return nil },
		"save":    func(tr *gan.Trainer) error { return tr.Checkpoint(filepath.Join(t.TempDir(), "checkpoint")) },
	} {
		t.Run(name, func(t *testing.T) {
			trainer, _ := farTrainer(t, 0, device)
			path, calls, ended := filepath.Join(t.TempDir(), "checkpoint"), 0, false
			require.NoError(t, trainer.Checkpoint(path))
			last := gan.Hook{End: func(*gan.Report) error { ended = true; return nil }}
			_, err := trainer.Fit(context.Background(), &noise{batches: 9, size: 4, features: 4, dtype: tensor.Float64}, gan.Steps(9),
				gan.OnWarning(func(error) {}), gan.On(gan.SaveCheckpoint(path), gan.Hook{Step: func(s *gan.StepInfo) error {
					switch s.Step {
					case 4:
						b.Fail(0, false)
					case 5:
						calls = b.Calls()
					case 6:
						b.Fail(calls, false) // the last call of the next step
					case 7:
						return hears(trainer)
					}
					return nil
				}}, last))
			b.Fail(0, false)
			require.ErrorIs(t, err, far.ErrInjected)
			require.ErrorContains(t, err, "writing a checkpoint: the device has failed, perhaps at the last update: ")
			require.True(t, ended)
			require.Equal(t, 7, trainer.Steps())
			again, _ := farTrainer(t, 0, device)
			require.NoError(t, again.Resume(path))
			require.Equal(t, 0, again.Steps())
		})
	}
}

// TestFarFirstSteps: a device that fails in one of the first steps, while copies
// are made and constants sent for the first time, does no harm to those that
// follow.
func TestFarFirstSteps(t *testing.T) {
	device, b := farDevice(t, 6)
	for path, p := range farPaths {
		here, x := farTrainer(t, path, nil)
		var want []gan.Losses
		for range 2 {
			l, err := here.Step(withCondition(x))
			require.NoError(t, err)
			want = append(want, l)
		}
		failed := 0
		for n := 1; n < 100; n += 3 {
			there, _ := farTrainer(t, path, device)
			b.Fail(n, false)
			_, err := there.Step(withCondition(x))
			b.Fail(0, false)
			if err == nil {
				continue
			}
			failed++
			for k := range 2 {
				got, err := there.Step(withCondition(x))
				require.NoError(t, err, "%s: call %d", p.name, n)
				require.InDeltaSlice(t, []float64{want[k].Real, want[k].Fake, want[k].Penalty, want[k].Generator},
					[]float64{got.Real, got.Fake, got.Penalty, got.Generator}, 1e-9, "%s: call %d, step %d", p.name, n, k+1)
			}
		}
		require.Greater(t, failed, 20, p.name)
	}
}

// TestFarResumeFails: whichever call of Resume fails, it returns an error, and the
// trainer is as it was.
func TestFarResumeFails(t *testing.T) {
	device, b := farDevice(t, 7)
	for path, p := range farPaths {
		trainer, x := farTrainer(t, path, device)
		checkpoint := filepath.Join(t.TempDir(), "checkpoint")
		require.NoError(t, trainer.Checkpoint(checkpoint))
		_, err := trainer.Step(withCondition(x))
		require.NoError(t, err)
		before := stateOf(t, trainer)
		for n, calls := 1, 2; n < calls; n += max(1, calls/20) {
			for _, lost := range []bool{false, true} {
				b.Fail(n, lost)
				err := trainer.Resume(checkpoint)
				require.ErrorIs(t, err, far.ErrInjected, "%s: call %d of %d", p.name, n, calls)
				require.NotErrorIs(t, err, gan.ErrCheckpoint, "it is not the file's fault")
				calls = max(calls, b.Calls())
				b.Fail(0, false)
				if !lost {
					same(t, before, stateOf(t, trainer), "%s: call %d of %d", p.name, n, calls)
				}
			}
			require.NoError(t, trainer.Resume(checkpoint))
			_, err := trainer.Step(withCondition(x))
			require.NoError(t, err)
		}
	}
}

// TestFarDataFails: a device that fails while a step looks for what is wrong with
// its samples is an error too.
func TestFarDataFails(t *testing.T) {
	device, b := farDevice(t, 8)
	trainer, _ := farTrainer(t, 0, device)
	x := device.Full(tensor.Float64, math.NaN(), 3, 4)
	b.Fail(0, false)
	_, err := trainer.Step(withCondition(x))
	var data *gan.DataError
	require.ErrorAs(t, err, &data)
	for n, calls := 1, b.Calls(); n <= calls; n++ {
		b.Fail(n, false)
		_, err := trainer.Step(withCondition(x))
		require.Error(t, err)
		b.Fail(0, false)
	}
}

// TestFarOutOfMemory: a step for which the device has too little memory is an error
// and leaves everything as it was, and with more memory, or garbage to collect, the
// run goes on as if nothing had happened.
func TestFarOutOfMemory(t *testing.T) {
	device, b := farDevice(t, 9)
	for path, p := range farPaths {
		failing, x := farTrainer(t, path, device)
		calm, _ := farTrainer(t, path, device)
		step := func(tr *gan.Trainer) {
			_, err := tr.Step(withCondition(x))
			require.NoError(t, err, p.name)
		}
		for range 3 {
			step(failing)
			step(calm)
		}
		failures := 0
		for room := int64(0); room < 256<<10; room += 6 << 10 {
			for range 3 { // cleanups run on a goroutine of their own
				runtime.GC()
				time.Sleep(5 * time.Millisecond)
			}
			large := tensor.Concat(0, x, x, x, x)
			_, used := b.Memory()
			if room == 0 {
				used = 1 // too little, whatever is freed meanwhile
			}
			b.Limit(used + room)
			_, err := failing.Step(withCondition(large))
			b.Limit(0)
			if err == nil {
				_, err := calm.Step(withCondition(large))
				require.NoError(t, err)
				break
			}
			failures++
			require.ErrorIs(t, err, far.ErrMemory)
			require.NotContains(t, err.Error(), "undone", p.name)
		}
		require.Greater(t, failures, 0, p.name)
		step(failing)
		step(calm)
		same(t, stateOf(t, calm), stateOf(t, failing), p.name)
	}
}

// TestFarIsOpenedOnce: a device with two names is one device.
func TestFarIsOpenedOnce(t *testing.T) {
	device, b := farDevice(t, 0)
	again, err := tensor.OpenDevice("far")
	require.NoError(t, err)
	require.Same(t, device, again)
	require.Same(t, b, far.Opened(0))
}

// TestFarLog: a log that asks a device for norms while it fails ends the run with an
// error, and does not panic.
func TestFarLog(t *testing.T) {
	device, b := farDevice(t, 4)
	defer b.Fail(0, false)
	trainer, _ := farTrainer(t, 0, device)
	last := 0 // a hook with a state hears of a step before the next one in the list
	failing := (&sum{}).hook("failing")
	failing.Step = func(s *gan.StepInfo) error {
		if last = s.Step; last == 3 {
			b.Fail(1, false)
		}
		return nil
	}
	_, err := trainer.Fit(context.Background(), &noise{batches: 3, size: 4, features: 4, dtype: tensor.Float64},
		gan.Steps(6), gan.On(failing, gan.Log(filepath.Join(t.TempDir(), "log"), gan.LogSteps(1))))
	var failure *tensor.DeviceFailure
	require.ErrorAs(t, err, &failure)
	require.ErrorContains(t, err, "norms after step 3")
	require.Equal(t, 3, last)
}
