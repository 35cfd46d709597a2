package group_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/autograd"
	"github.com/gander-ml/gander/datasets"
	"github.com/gander-ml/gander/gan"
	"github.com/gander-ml/gander/gan/group"
	"github.com/gander-ml/gander/nn"
	"github.com/gander-ml/gander/optim"
	"github.com/gander-ml/gander/tensor"
)

// points are 24 samples of five numbers, of two classes.
func points() datasets.Dataset {
	labels := make([]int, 24)
	for i := range labels {
		labels[i] = i % 2
	}
	return datasets.FromTensor(tensor.NewStream(1, "points").Normal(tensor.Float64, 24, 5), labels)
}

func config(c gan.Config) gan.Config {
	c.Latent, c.DType, c.Seed, c.EMAHalfLife = 3, tensor.Float64, 7, 5
	c.Optimizer = optim.Adam{LR: 1e-2, Betas: [2]float64{0.5, 0.9}, Eps: 1e-3} // a gradient that is 0 but for rounding shall make no step
	return c
}

func networks(output gan.Output, hidden int) (g, d nn.Module) {
	g = nn.Sequential(nn.Linear(3, hidden), nn.LeakyReLU(0.2), nn.Linear(hidden, 5))
	if output == gan.Probabilities {
		return g, nn.Sequential(nn.Linear(5, hidden), nn.Tanh(), nn.Linear(hidden, 1), nn.Sigmoid())
	}
	return g, nn.Sequential(nn.Linear(5, hidden), nn.LeakyReLU(0.2), nn.Linear(hidden, 1))
}

// member is what one goroutine of a group does.
type member struct {
	trainer *gan.Trainer
	losses  []gan.Losses
	report  *gan.Report
	err     error
}

// train trains in a group of some size and returns what became of each member.
func train(t *testing.T, size, steps int, c gan.Config, each func(rank int, m *member) []gan.Option) []*member {
	t.Helper()
	return trainNetworks(t, size, steps, c, 8, func(int, *member) gan.Objective { return c.Objective }, each)
}

// trainNetworks does that with hidden layers of some size and an objective for each.
func trainNetworks(t *testing.T, size, steps int, c gan.Config, hidden int, objectives func(int, *member) gan.Objective, each func(rank int, m *member) []gan.Option) []*member {
	t.Helper()
	members := make([]*member, size)
	var all sync.WaitGroup
	for rank, joined := range group.Local(size) {
		m := &member{}
		members[rank] = m
		c := config(c)
		c.Group, c.Objective = joined, objectives(rank, m)
		output := gan.Logits
		if c.Objective != nil {
			output = c.Objective.Output()
		}
		g, d := networks(output, hidden)
		var err error
		m.trainer, err = gan.New(g, d, c)
		require.NoError(t, err)
		options := []gan.Option{gan.Steps(steps), gan.On(gan.Hook{Step: func(s *gan.StepInfo) error {
			m.losses = append(m.losses, s.Losses)
			return nil
		}})}
		if each != nil {
			options = append(options, each(rank, m)...)
		}
		loader := datasets.NewLoader(points(), 7, datasets.DType(tensor.Float64), datasets.Shard(rank, size))
		all.Go(func() {
			defer joined.Close()
			m.report, m.err = m.trainer.Fit(context.Background(), loader, options...)
		})
	}
	all.Wait()
	return members
}

// weights are those of both networks.
func weights(m *member) (out []float64) {
	g, d := m.trainer.Networks()
	for _, n := range []nn.Module{g, d} {
		for _, p := range nn.Params(n) {
			out = append(out, p.Param.Value().Float64s()...)
		}
	}
	return append(out, m.trainer.Sample(3, 1).Float64s()...)
}

// TestGroup: several train what one trains, and their weights are equal bit for bit.
func TestGroup(t *testing.T) {
	gp := gan.GradientPenalty{Lambda: 1}
	for name, c := range map[string]gan.Config{
		"classic":        {Objective: gan.Classic{}},
		"minimax":        {Objective: gan.Minimax{}},
		"non-saturating": {},
		"least squares":  {Objective: gan.LeastSquares{}, GeneratorEvery: 2},
		"hinge":          {Objective: gan.Hinge{}, FreshLatent: true},
		"wasserstein":    {Objective: gan.Wasserstein{}, ClipWeights: 0.1},
		"WGAN-GP":        {Objective: gan.Wasserstein{}, Penalties: []gan.Penalty{gp}},
		"one-sided":      {Penalties: []gan.Penalty{gan.GradientPenalty{Lambda: 1, OneSided: true}}, FreshLatent: true},
		"relativistic":   {Objective: gan.Relativistic{}},
		"R1 and R2":      {Objective: gan.Relativistic{}, Penalties: []gan.Penalty{gan.R1{Gamma: 1}, gan.R2{Gamma: 1}}, FreshLatent: true},
		"R1, fading in":  {Penalties: []gan.Penalty{gan.R1{Gamma: 1, Schedule: optim.Linear{From: 0, To: 1, Steps: 20}}, gp}},
	} {
		t.Run(name, func(t *testing.T) {
			one := train(t, 1, 50, c, nil)[0]
			require.NoError(t, one.err)
			for _, size := range []int{2, 3} {
				members := train(t, size, 50, c, nil)
				for rank, m := range members {
					require.NoError(t, m.err)
					require.Equal(t, 50, m.report.Steps)
					require.InDeltaSlice(t, weights(one), weights(m), 1e-12, "%d of %d", rank, size)
					require.Equal(t, weights(members[0]), weights(m), "bits")
					for i := range one.losses {
						require.InDelta(t, one.losses[i].Discriminator(), m.losses[i].Discriminator(), 1e-12)
						require.InDelta(t, one.losses[i].Generator, m.losses[i].Generator, 1e-12)
					}
				}
			}
		})
	}
}

// Whoever ends, all end after the same step.
func TestGroupEndsTogether(t *testing.T) {
	full := errors.New("the disk is full")
	at := func(rank, step int, do func() error) func(int, *member) []gan.Option {
		return func(r int, m *member) []gan.Option {
			return []gan.Option{gan.On(gan.Hook{Step: func(s *gan.StepInfo) error {
				if r == rank && s.Step == step {
					return do()
				}
				return nil
			}})}
		}
	}
	members := train(t, 3, 20, gan.Config{}, at(1, 9, func() error { return full }))
	for rank, m := range members {
		require.Equal(t, 9, m.trainer.Steps(), "%d", rank)
		var peer *gan.PeerError
		if rank == 1 {
			require.ErrorIs(t, m.err, full)
		} else {
			require.ErrorAs(t, m.err, &peer)
			require.Equal(t, 1, peer.Rank)
		}
		require.Equal(t, 1, gan.ExitStatus(m.err))
		require.Equal(t, weights(members[0]), weights(m))
	}

	members = train(t, 3, 20, gan.Config{}, at(2, 4, func() error { return &gan.Interrupted{Signal: syscall.SIGTERM} }))
	for rank, m := range members {
		require.Equal(t, 4, m.trainer.Steps())
		require.True(t, gan.Cancelled(m.err), "%d: %v", rank, m.err)
		require.Equal(t, 143, gan.ExitStatus(m.err))
	}

	// After the last step, too, and at the start.
	for _, m := range train(t, 2, 20, gan.Config{}, at(0, 20, func() error { return full }))[1:] {
		require.NoError(t, m.err)
		require.Equal(t, 20, m.trainer.Steps())
	}
	members = train(t, 2, 20, gan.Config{}, func(rank int, m *member) []gan.Option {
		return []gan.Option{gan.On(gan.Hook{Start: func(gan.Run) error {
			if rank == 1 {
				return full
			}
			return nil
		}})}
	})
	require.ErrorContains(t, members[0].err, "process 1")
	require.ErrorIs(t, members[1].err, full)
	require.Zero(t, members[0].trainer.Steps())
}

// failing is an objective that fails in one half of a step.
type failing struct {
	gan.NonSaturating
	what      func() // happens
	generator bool   // in its half
}

func (f failing) Discriminator(real, fake *autograd.Var) gan.Terms {
	if !f.generator {
		f.what()
	}
	return f.NonSaturating.Discriminator(real, fake)
}

func (f failing) Generator(fake *autograd.Var, real func() *autograd.Var) *autograd.Var {
	if f.generator {
		f.what()
	}
	return f.NonSaturating.Generator(fake, real)
}

// TestGroupStepFails: a step that one process cannot do is undone by all, and they
// could go on.
func TestGroupStepFails(t *testing.T) {
	for _, hidden := range []int{8, 1500} { // the state is copied before each step, or the steps are done again
		for _, generator := range []bool{false, true} {
			var last [3][]float64 // weights after step 11
			members := trainNetworks(t, 3, 30, gan.Config{}, hidden, func(rank int, m *member) gan.Objective {
				return failing{generator: generator, what: func() {
					if rank == 1 && m.trainer != nil && m.trainer.Steps() == 11 {
						panic(&tensor.ArgumentError{Op: "Rank 1", Problem: "cannot do it", Fix: "none"})
					}
				}}
			}, func(rank int, m *member) []gan.Option {
				return []gan.Option{gan.On(gan.Hook{Step: func(s *gan.StepInfo) error {
					if s.Step == 11 {
						last[rank] = weights(m)
					}
					return nil
				}})}
			})
			for rank, m := range members {
				what := fmt.Sprint("hidden ", hidden, ", generator ", generator, ", process ", rank)
				require.Equal(t, 11, m.trainer.Steps(), what)
				require.Equal(t, last[rank], weights(m), what)
				if rank == 1 {
					require.ErrorContains(t, m.err, "cannot do it", what)
				} else {
					require.ErrorContains(t, m.err, "step 12: process 1 could not go on", what)
				}
			}
		}
	}
}

// TestGroupNaN: a number that is not finite ends training for all before an update,
// and the process whose it is knows the sample.
func TestGroupNaN(t *testing.T) {
	x := tensor.NewStream(1, "points").Normal(tensor.Float64, 24, 5)
	x.Set(math.NaN(), 17, 3)
	data := datasets.FromTensor(x, nil)
	members := make([]*member, 2)
	var all sync.WaitGroup
	for rank, joined := range group.Local(2) {
		m := &member{}
		members[rank] = m
		g, d := networks(gan.Logits, 8)
		var err error
		m.trainer, err = gan.New(g, d, config(gan.Config{Group: joined}))
		require.NoError(t, err)
		loader := datasets.NewLoader(data, 8, datasets.InOrder(), datasets.DType(tensor.Float64), datasets.Shard(rank, 2))
		all.Go(func() { m.report, m.err = m.trainer.Fit(context.Background(), loader, gan.Steps(5)) })
	}
	all.Wait()
	for rank, m := range members {
		require.Equal(t, 2, m.trainer.Steps())
		var e *gan.NonFiniteError
		require.ErrorAs(t, m.err, &e)
		if rank == 1 {
			require.Nil(t, e.Data)
			require.ErrorContains(t, m.err, "try a smaller learning rate, unless another process finds its real samples not to be finite")
			continue
		}
		require.NotNil(t, e.Data)
		require.Equal(t, 17, e.Data.Index)
	}
}

// TestGroupOtherSettings: who was made otherwise is refused, by name.
func TestGroupOtherSettings(t *testing.T) {
	members := make([]*member, 2)
	var all sync.WaitGroup
	for rank, joined := range group.Local(2) {
		m := &member{}
		members[rank] = m
		c := config(gan.Config{Group: joined})
		c.Optimizer = optim.Adam{LR: 1e-3 * float64(1+rank)}
		g, d := networks(gan.Logits, 8)
		var err error
		m.trainer, err = gan.New(g, d, c)
		require.NoError(t, err)
		all.Go(func() {
			loader := datasets.NewLoader(points(), 7, datasets.DType(tensor.Float64), datasets.Shard(rank, 2))
			_, m.err = m.trainer.Fit(context.Background(), loader, gan.Steps(3))
		})
	}
	all.Wait()
	var settings *gan.SettingsError
	require.ErrorAs(t, members[1].err, &settings)
	require.ErrorContains(t, members[1].err, "gan: process 0 of the group was started with other settings: ")
	require.ErrorContains(t, members[1].err, "lr is 0.001 there and 0.002 here")
	require.NotContains(t, members[1].err.Error(), "Allow")
	require.ErrorContains(t, members[0].err, "process 1 could not go on")
}

// TestGroupNeedsParts: a process that reads whole batches, or another's part, does not
// begin, and the others say which.
func TestGroupNeedsParts(t *testing.T) {
	for want, parts := range map[string][2]datasets.LoaderOption{
		"process 1 yields whole batches, and there are 2 processes; give a datasets.Loader the option datasets.Shard(1, 2)": {datasets.Shard(0, 2), datasets.Shard(0, 1)},
		"part 0 of 2 of each batch, and this is process 1 of 2":                                                             {datasets.Shard(0, 2), datasets.Shard(0, 2)},
		"part 1 of 3 of each batch, and this is process 1 of 2":                                                             {datasets.Shard(0, 2), datasets.Shard(1, 3)},
	} {
		var errs [2]error
		var all sync.WaitGroup
		for rank, joined := range group.Local(2) {
			g, d := networks(gan.Logits, 8)
			trainer, err := gan.New(g, d, config(gan.Config{Group: joined}))
			require.NoError(t, err)
			all.Go(func() {
				defer joined.Close()
				loader := datasets.NewLoader(points(), 7, datasets.DType(tensor.Float64), parts[rank])
				_, errs[rank] = trainer.Fit(context.Background(), loader, gan.Steps(3))
			})
		}
		all.Wait()
		require.ErrorIs(t, errs[1], gan.ErrConfig)
		require.ErrorContains(t, errs[1], want)
		require.ErrorContains(t, errs[0], "process 1 could not go on")
	}
	g, d := networks(gan.Logits, 8)
	alone, err := gan.New(g, d, config(gan.Config{}))
	require.NoError(t, err)
	_, err = alone.Fit(context.Background(), datasets.NewLoader(points(), 7, datasets.DType(tensor.Float64), datasets.Shard(1, 2)), gan.Steps(3))
	require.ErrorIs(t, err, gan.ErrConfig)
	require.ErrorContains(t, err, "part 1 of 2 of each batch, and this is the only process")
}

// TestGroupTakesOverState: what process 0 has resumed from, all go on from.
func TestGroupTakesOverState(t *testing.T) {
	c := gan.Config{Objective: gan.Relativistic{}, Penalties: []gan.Penalty{gan.R1{Gamma: 1}, gan.R2{Gamma: 1}}}
	one := train(t, 1, 31, c, nil)[0]
	half := train(t, 2, 13, c, nil)
	path := t.TempDir() + "/checkpoint"
	require.NoError(t, half[1].trainer.Checkpoint(path))
	for _, size := range []int{1, 2, 3} {
		for rank, m := range train(t, size, 31, c, func(rank int, m *member) []gan.Option {
			if rank == 0 {
				require.NoError(t, m.trainer.Resume(path))
			}
			return nil
		}) {
			require.NoError(t, m.err, "%d of %d", rank, size)
			require.Equal(t, 31, m.trainer.Steps())
			require.InDeltaSlice(t, weights(one), weights(m), 1e-12, "%d of %d", rank, size)
		}
	}
}

// TestGroupSeesDifference: weights that differ are found, and named.
func TestGroupSeesDifference(t *testing.T) {
	members := train(t, 3, 120, gan.Config{}, func(rank int, m *member) []gan.Option {
		return []gan.Option{gan.On(gan.Hook{Step: func(s *gan.StepInfo) error {
			if rank == 2 && s.Step == 60 {
				g, _ := m.trainer.Networks()
				v := nn.Params(g)[2].Param.Value()
				v.Set(v.At(0, 0)+1e-12, 0, 0)
			}
			return nil
		}})}
	})
	for _, m := range members {
		require.ErrorContains(t, m.err, "generator.2.weight of process 2 is not that of process 0")
		require.Equal(t, 100, m.trainer.Steps())
	}
}

// TestGroupRefuses: what needs the whole batch in one place.
func TestGroupRefuses(t *testing.T) {
	joined := group.Local(2)[0]
	g, d := networks(gan.Logits, 8)
	c := config(gan.Config{Group: joined, Objective: gan.RelativisticAverage{}})
	_, err := gan.New(g, d, c)
	require.ErrorIs(t, err, gan.ErrConfig)
	require.ErrorContains(t, err, "depends on several samples")
	c.Objective = nil
	_, err = gan.New(nn.Sequential(nn.Linear(3, 8), nn.BatchNorm1D(8), nn.Linear(8, 5)), d, c)
	require.ErrorContains(t, err, "the generator mixes the samples of a batch")
	c.Group = group.Local(1)[0]
	c.Objective = gan.RelativisticAverage{}
	_, err = gan.New(g, d, c)
	require.NoError(t, err, "one process sees all")
	require.ErrorContains(t, tensor.Catch(func() { group.Local(0) }), "a group of 0")
}

// TestLocal: sums and broadcasts, and those who leave.
func TestLocal(t *testing.T) {
	members := group.Local(3)
	var all sync.WaitGroup
	for rank, m := range members {
		all.Go(func() {
			for round := range 100 {
				x := []float32{float32(rank + 1), float32(round)}
				require.NoError(t, m.Sum32(x))
				require.Equal(t, []float32{6, float32(3 * round)}, x)
				y := []byte{byte(rank), byte(round + rank)}
				require.NoError(t, m.Broadcast(y))
				require.Equal(t, []byte{0, byte(round)}, y)
			}
			if rank == 1 {
				require.NoError(t, m.Close())
			} else {
				require.ErrorIs(t, m.Sum64([]float64{1}), group.ErrLeft)
			}
		})
	}
	all.Wait()
	members = group.Local(2)
	errs := make([]error, 2)
	for rank, m := range members {
		all.Go(func() { errs[rank] = m.Sum64(make([]float64, rank+1)) })
	}
	all.Wait()
	for _, err := range errs {
		require.ErrorContains(t, err, "other lengths", fmt.Sprint(errs))
	}
}
