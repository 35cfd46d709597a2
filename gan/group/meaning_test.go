package group_test

import (
	"bytes"
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/datasets"
	"github.com/gander-ml/gander/gan"
	"github.com/gander-ml/gander/gan/group"
	"github.com/gander-ml/gander/internal/backend/backendtest/far"
	"github.com/gander-ml/gander/nn"
	"github.com/gander-ml/gander/optim"
	"github.com/gander-ml/gander/tensor"
)

// together trains networks of a kind in a group, on points with their classes if the
// configuration has some.
func together(t *testing.T, size, steps int, of func() (g, d nn.Module), change func(rank int, c *gan.Config), each func(rank int, tr *gan.Trainer) []gan.Option) []*member {
	t.Helper()
	members := make([]*member, size)
	var all sync.WaitGroup
	for rank, joined := range group.Local(size) {
		m := &member{}
		members[rank] = m
		c := config(gan.Config{Group: joined})
		change(rank, &c)
		g, d := of()
		var err error
		m.trainer, err = gan.New(g, d, c)
		require.NoError(t, err)
		options := []gan.Option{gan.Steps(steps)}
		if each != nil {
			options = append(options, each(rank, m.trainer)...)
		}
		loading := []datasets.LoaderOption{datasets.DType(tensor.Float64), datasets.Shard(rank, size)}
		if c.Classes != nil {
			loading = append(loading, datasets.Conditions())
		}
		all.Go(func() {
			defer joined.Close()
			m.report, m.err = m.trainer.Fit(context.Background(), datasets.NewLoader(named{points()}, 7, loading...), options...)
		})
	}
	all.Wait()
	for rank, m := range members {
		require.NoError(t, m.err, "%d of %d", rank, size)
		require.Equal(t, weights(members[0]), weights(m), "%d of %d", rank, size)
	}
	return members
}

// named are points whose classes have names.
type named struct{ datasets.Dataset }

func (n named) Label(i int) int { return i % 2 }
func (named) Classes() []string { return []string{"even", "odd"} }

// TestGroupConditions: the condition goes with its sample, on both ways to compute the
// discriminator's gradient.
func TestGroupConditions(t *testing.T) {
	networks := func() (g, d nn.Module) {
		g = nn.Sequential(nn.ConcatCondition(2, 1), nn.Linear(5, 8), nn.LeakyReLU(0.2), nn.Linear(8, 5))
		d = nn.Sequential(nn.ConcatCondition(2, 1), nn.Linear(7, 8), nn.LeakyReLU(0.2), nn.Projection(nn.Linear(8, 1), nn.Linear(2, 8, nn.NoBias())))
		return g, d
	}
	for _, penalty := range []gan.Penalty{gan.R1{Gamma: 1}, gan.GradientPenalty{Lambda: 1}} {
		change := func(_ int, c *gan.Config) {
			c.Classes, c.Penalties, c.FreshLatent = []string{"even", "odd"}, []gan.Penalty{penalty}, true
		}
		one := together(t, 1, 50, networks, change, nil)[0]
		for _, size := range []int{2, 3} {
			m := together(t, size, 50, networks, change, nil)[size-1]
			require.InDeltaSlice(t, weights(one), weights(m), 1e-12)
			require.InDeltaSlice(t, one.trainer.Generator().SampleOf([]int{0, 1, 1}, 3).Float64s(), m.trainer.Generator().SampleOf([]int{0, 1, 1}, 3).Float64s(), 1e-12)
		}
	}
}

// drawing returns networks with layers that draw random numbers, and buffers.
func drawing() (g, d nn.Module) {
	g = nn.Sequential(nn.Linear(3, 8), nn.LeakyReLU(0.2), nn.Dropout(0.2), nn.Linear(8, 5))
	d = nn.Sequential(nn.SpectralNorm(nn.Linear(5, 8)), nn.LeakyReLU(0.2), nn.Dropout(0.3), nn.Linear(8, 1))
	return g, d
}

// everything is a configuration that draws all the random numbers there are.
func everything(_ int, c *gan.Config) {
	c.FreshLatent, c.GeneratorEvery = true, 2
	c.Penalties = []gan.Penalty{gan.GradientPenalty{Lambda: 1}}
	c.Optimizer = optim.Adam{LR: 1e-3, Betas: [2]float64{0.5, 0.9}}
}

// TestGroupResumes: as many processes as before go on byte for byte, layers that draw
// included, from the middle of an epoch, also if process 0 alone has the checkpoint.
func TestGroupResumes(t *testing.T) {
	for _, size := range []int{2, 3} {
		path := t.TempDir() + "/checkpoint"
		whole := together(t, size, 30, drawing, everything, func(rank int, tr *gan.Trainer) []gan.Option {
			return []gan.Option{gan.On(gan.Hook{Step: func(s *gan.StepInfo) error {
				if rank == 0 && s.Step == 13 {
					return tr.Checkpoint(path)
				}
				return nil
			}})}
		})
		resumed := together(t, size, 30, drawing, everything, func(rank int, tr *gan.Trainer) []gan.Option {
			if rank == 0 {
				require.NoError(t, tr.Resume(path))
			}
			return nil
		})
		for rank := range size {
			require.Equal(t, checkpoint(t, whole[0]), checkpoint(t, resumed[rank]), "%d of %d", rank, size)
		}
	}
}

// TestGroupOfAnotherSize: another number of processes goes on with the same run, but
// for rounding, unless layers draw random numbers.
func TestGroupOfAnotherSize(t *testing.T) {
	plain := func() (g, d nn.Module) {
		return nn.Sequential(nn.Linear(3, 8), nn.LeakyReLU(0.2), nn.Linear(8, 5)), nn.Sequential(nn.Linear(5, 8), nn.LeakyReLU(0.2), nn.Linear(8, 1))
	}
	for _, from := range []int{1, 2} {
		path := t.TempDir() + "/checkpoint"
		whole := together(t, from, 30, plain, everything, func(rank int, tr *gan.Trainer) []gan.Option {
			return []gan.Option{gan.On(gan.Hook{Step: func(s *gan.StepInfo) error {
				if rank == 0 && s.Step == 13 {
					return tr.Checkpoint(path)
				}
				return nil
			}})}
		})
		for _, to := range []int{1, 2, 3} {
			resumed := together(t, to, 30, plain, everything, func(_ int, tr *gan.Trainer) []gan.Option {
				require.NoError(t, tr.Resume(path))
				return nil
			})
			require.InDeltaSlice(t, weights(whole[0]), weights(resumed[to-1]), 1e-11, "%d and then %d", from, to)
		}
	}
}

// checkpoint returns that of a member.
func checkpoint(t *testing.T, m *member) []byte {
	var b bytes.Buffer
	require.NoError(t, m.trainer.WriteCheckpoint(&b))
	return b.Bytes()
}

// TestGroupDraws: layers draw other numbers in each process, so that samples are not
// dropped out alike.
func TestGroupDraws(t *testing.T) {
	drawn := make([][]float64, 2)
	for _, m := range []string{"first", "again"} {
		before := drawn
		drawn = make([][]float64, 2)
		together(t, 2, 1, func() (g, d nn.Module) {
			g = nn.Sequential(nn.Linear(3, 8), nn.LeakyReLU(0.2), nn.Linear(8, 64), nn.Dropout(0.5), nn.Linear(64, 5))
			return g, nn.Sequential(nn.Linear(5, 64), nn.LeakyReLU(0.2), nn.Dropout(0.5), nn.Linear(64, 1))
		}, func(int, *gan.Config) {}, func(rank int, tr *gan.Trainer) []gan.Option {
			return []gan.Option{gan.On(gan.Hook{Step: func(s *gan.StepInfo) error {
				_, fake := s.Samples()
				drawn[rank] = append(drawn[rank], fake.Clone().Float64s()...)
				return nil
			}})}
		})
		if m == "again" {
			require.Equal(t, before, drawn)
		}
	}
	require.NotEqual(t, drawn[0], drawn[1])
}

// TestGroupFar: on a device whose memory is not the host's, a group trains what it
// trains on the CPU.
func TestGroupFar(t *testing.T) {
	cpu := together(t, 2, 20, drawing, everything, nil)
	devices := []*tensor.Device{}
	for k := range 2 {
		d, err := tensor.OpenDevice(fmt.Sprintf("far:%d", k+6))
		require.NoError(t, err)
		require.NotNil(t, far.Opened(k+6))
		devices = append(devices, d)
	}
	there := together(t, 2, 20, drawing, func(rank int, c *gan.Config) {
		everything(rank, c)
		c.Device = devices[rank]
	}, nil)
	require.InDeltaSlice(t, weights(cpu[0]), weights(there[1]), 1e-9)
}

// TestGroupSampledMeanwhile: others take samples and checkpoints while a group trains.
func TestGroupSampledMeanwhile(t *testing.T) {
	trained := make(chan struct{})
	var others sync.WaitGroup
	quiet := together(t, 2, 60, drawing, everything, nil)
	noisy := together(t, 2, 60, drawing, everything, func(rank int, tr *gan.Trainer) []gan.Option {
		others.Go(func() {
			for seed := uint64(0); ; seed++ {
				tr.Generator().Sample(2, seed)
				require.NoError(t, tr.WriteCheckpoint(new(bytes.Buffer)))
				select {
				case <-trained:
					return
				default:
				}
			}
		})
		return nil
	})
	close(trained)
	others.Wait()
	require.Equal(t, weights(quiet[0]), weights(noisy[0]))
}
