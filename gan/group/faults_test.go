package group_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
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

// job is what one member trains; what is left out is the usual.
type job struct {
	config  gan.Config
	hidden  int
	ctx     context.Context
	source  gan.Source
	options []gan.Option
	again   []gan.Option // of a second Fit
}

// loader is a member's part of the usual points.
func loader(rank, size int) *datasets.Loader {
	return datasets.NewLoader(points(), 7, datasets.DType(tensor.Float64), datasets.Shard(rank, size))
}

// fit trains, and fails if the members did not all call the same methods of their
// group in the same order to the end, whatever happened to one of them.
func fit(t *testing.T, size int, of func(rank int, m *member) job) []*member {
	t.Helper()
	members := make([]*member, size)
	jobs := make([]job, size)
	joined := group.Local(size)
	for rank := range members {
		m := &member{}
		members[rank] = m
		j := of(rank, m)
		if j.hidden == 0 {
			j.hidden = 8
		}
		if j.ctx == nil {
			j.ctx = context.Background()
		}
		if j.source == nil {
			j.source = loader(rank, size)
		}
		c := j.config
		if c.Optimizer == nil {
			c = config(c)
		} else {
			c.Latent, c.DType, c.Seed = 3, tensor.Float64, 7
		}
		c.Group = joined[rank]
		g, d := networks(gan.Logits, j.hidden)
		var err error
		m.trainer, err = gan.New(g, d, c)
		require.NoError(t, err)
		jobs[rank] = j
	}
	var all sync.WaitGroup
	for rank, m := range members {
		j := jobs[rank]
		all.Go(func() {
			m.report, m.err = m.trainer.Fit(j.ctx, j.source, j.options...)
			if j.again != nil {
				m.report, m.err = m.trainer.Fit(j.ctx, j.source, j.again...)
			}
		})
	}
	all.Wait()
	for rank, m := range members {
		if m.err != nil {
			require.NotContains(t, m.err.Error(), "the same methods", "process %d", rank)
		}
		require.NotErrorIs(t, m.err, group.ErrLeft)
	}
	// They are still in step.
	for rank, g := range joined {
		all.Go(func() {
			x := []float64{float64(rank)}
			require.NoError(t, g.Sum64(x))
			require.Equal(t, float64(size*(size-1)/2), x[0])
		})
	}
	all.Wait()
	return members
}

// odd is a source of which one batch is special.
type odd struct {
	*datasets.Loader
	at      int // in the first epoch
	batch   func(gan.Batch) gan.Batch
	err     error
	ends    bool
	batches int // that it claims; 0: as many as there are
}

func (o odd) Batches() int {
	if o.batches != 0 {
		return max(o.batches, 0)
	}
	return o.Loader.Batches()
}

func (o odd) Epoch(ctx context.Context, epoch, from int) iter.Seq2[gan.Batch, error] {
	return func(yield func(gan.Batch, error) bool) {
		k := from
		for b, err := range o.Loader.Epoch(ctx, epoch, from) {
			if epoch == 0 && k == o.at {
				switch {
				case o.ends:
					return
				case o.err != nil:
					err = o.err
				case o.batch != nil:
					b = o.batch(b)
				}
			}
			if !yield(b, err) {
				return
			}
			k++
		}
	}
}

// TestGroupFaults: whatever befalls one process, all end in step after the same step,
// and the others know whose fault it was.
func TestGroupFaults(t *testing.T) {
	disk := errors.New("the disk is gone")
	steps := gan.Steps(12)
	hook := func(h gan.Hook) job { return job{options: []gan.Option{steps, gan.On(h)}} }
	special := func(rank, size int, o odd) job {
		o.Loader = loader(rank, size)
		return job{source: o, options: []gan.Option{steps}}
	}
	for _, c := range []struct {
		name string
		job  func(rank, size int) job // of the one with the fault
		at   int                      // the step after which all end
		says string                   // of that one
		kind error                    // the others' error wraps; nil: PeerError
	}{
		{"source fails", func(r, n int) job { return special(r, n, odd{at: 2, err: disk}) }, 2, "the disk is gone", nil},
		{"source ends early", func(r, n int) job { return special(r, n, odd{at: 2, ends: true}) }, 2, "the source yielded 2 of 4 batches", nil},
		{"source claims fewer", func(r, n int) job { return special(r, n, odd{at: -1, batches: 3}) }, 0, "data.batches is 4 there and 3 here", nil},
		{"source claims none", func(r, n int) job { return special(r, n, odd{at: -1, batches: -1}) }, 0, "the source has no batches", nil},
		{"nil batch", func(r, n int) job {
			return special(r, n, odd{at: 2, batch: func(gan.Batch) gan.Batch { return gan.Batch{} }})
		}, 2, "the batch of real samples is nil", nil},
		{"empty batch", func(r, n int) job {
			return special(r, n, odd{at: 2, batch: func(b gan.Batch) gan.Batch { return gan.Batch{X: b.X.Slice(0, 0, 0)} }})
		}, 2, "the batch of real samples is empty", nil},
		{"other samples", func(r, n int) job {
			return special(r, n, odd{at: 2, batch: func(b gan.Batch) gan.Batch { return gan.Batch{X: b.X.Slice(1, 0, 3)} }})
		}, 2, "step 3", nil},
		{"an option is nil", func(r, n int) job { return job{options: []gan.Option{nil}} }, 0, "an option is nil", nil},
		{"a failure is recorded", func(r, n int) job { return job{options: []gan.Option{steps, gan.RecordFailure("x")}} }, 0, "RecordFailure in a group", nil},
		{"Start fails", func(r, n int) job { return hook(gan.Hook{Start: func(gan.Run) error { return disk }}) }, 0, "the disk is gone", nil},
		{"Epoch fails", func(r, n int) job { return hook(gan.Hook{Epoch: func(gan.EpochInfo) error { return disk }}) }, 4, "the disk is gone", nil},
		{"End fails", func(r, n int) job { return hook(gan.Hook{End: func(*gan.Report) error { return disk }}) }, 12, "the disk is gone", errNone},
		{"fewer steps", func(r, n int) job { return job{options: []gan.Option{gan.Steps(6)}} }, 6, "", errAny},
		{"cancelled before", func(r, n int) job {
			ctx, cancel := context.WithCancel(context.Background())
			cancel()
			return job{ctx: ctx, options: []gan.Option{steps}}
		}, 0, "context canceled", context.Canceled},
		{"cancelled", func(r, n int) job {
			ctx, cancel := context.WithCancelCause(context.Background())
			j := hook(gan.Hook{Step: func(s *gan.StepInfo) error {
				if s.Step == 5 {
					cancel(&gan.Interrupted{Signal: signalTerm})
				}
				return nil
			}})
			j.ctx = ctx
			return j
		}, 5, "terminated", context.Canceled},
	} {
		for _, size := range []int{2, 3} {
			for faulty := range size {
				t.Run(fmt.Sprintf("%s, %d of %d", c.name, faulty, size), func(t *testing.T) {
					members := fit(t, size, func(rank int, m *member) job {
						if rank == faulty {
							return c.job(rank, size)
						}
						return job{options: []gan.Option{steps}}
					})
					for rank, m := range members {
						require.Equal(t, c.at, m.trainer.Steps(), "%d", rank)
						require.Equal(t, c.at, m.report.Steps, "%d", rank)
						require.Equal(t, weights(members[0]), weights(m), "%d", rank)
						var peer *gan.PeerError
						switch {
						case rank == faulty && c.says == "":
							require.NoError(t, m.err)
						case rank == faulty || c.at == 0 && faulty == 0 && c.name == "source claims fewer":
							require.Error(t, m.err)
							if rank == faulty && !(faulty == 0 && c.name == "source claims fewer") { // the others differ from it
								require.ErrorContains(t, m.err, c.says)
							}
						case c.kind == errNone:
							require.NoError(t, m.err)
						case c.kind == errAny:
							require.ErrorContains(t, m.err, fmt.Sprintf("process %d has done all its steps", faulty))
						case c.kind != nil:
							require.ErrorIs(t, m.err, c.kind)
							require.ErrorContains(t, m.err, fmt.Sprintf("process %d", faulty))
						default:
							require.ErrorAs(t, m.err, &peer)
							require.Equal(t, faulty, peer.Rank)
						}
					}
				})
			}
		}
	}
}

const signalTerm = syscall.SIGTERM

var errNone, errAny = errors.New("none"), errors.New("any")

// clumsy is an optimizer that fails when it is told to.
type clumsy struct {
	optim.Adam
	fails func(step int) bool
}

func (c clumsy) Apply(u *optim.Update) {
	if c.fails(u.Step) {
		panic(&tensor.ArgumentError{Op: "clumsy", Problem: "cannot", Fix: "none"})
	}
	c.Adam.Apply(u)
}

// TestGroupUpdateFails: one process fails while it updates its networks, perhaps when
// the others cannot know any more. They stay in step, and what is not whole is not
// saved.
func TestGroupUpdateFails(t *testing.T) {
	adam := optim.Adam{LR: 1e-2, Betas: [2]float64{0.5, 0.9}, Eps: 1e-3}
	for _, hidden := range []int{8, 1500} { // the state is copied before each step, or steps are done again
		for _, generator := range []bool{false, true} {
			t.Run(fmt.Sprint(hidden, generator), func(t *testing.T) {
				const faulty = 1
				var last [3][]float64
				members := fit(t, 3, func(rank int, m *member) job {
					optimizer := func(ofGenerator bool) optim.Method {
						return clumsy{adam, func(step int) bool { return rank == faulty && generator == ofGenerator && step == 11 }}
					}
					return job{hidden: hidden,
						config: gan.Config{Optimizer: adam, GeneratorOptimizer: optimizer(true), DiscriminatorOptimizer: optimizer(false)},
						options: []gan.Option{gan.Steps(30), gan.On(gan.Hook{Step: func(s *gan.StepInfo) error {
							if s.Step == 11 {
								last[rank] = weights(m)
							}
							return nil
						}})}}
				})
				ahead := generator // the others have all they need
				torn := ahead && hidden > 8
				for rank, m := range members {
					what := fmt.Sprint(rank)
					err := m.trainer.Checkpoint(t.TempDir() + "/checkpoint")
					if ahead && rank != faulty {
						require.Equal(t, 12, m.trainer.Steps(), what)
						require.ErrorContains(t, m.err, "process 1 could not go on", what)
						require.NoError(t, err, what)
						continue
					}
					require.Equal(t, 11, m.trainer.Steps(), what)
					require.Error(t, m.err, what)
					if rank == faulty && torn {
						require.ErrorContains(t, m.err, "could not be undone", what)
						require.ErrorContains(t, err, "could not be undone", what)
					} else {
						require.NotContains(t, m.err.Error(), "undone", what)
						require.NoError(t, err, what)
						require.Equal(t, last[rank], weights(m), what)
					}
				}
			})
		}
	}
}

// TestGroupUndoFailsAgain: a process that cannot do steps again which went well, in
// the second half of a step that all have begun, leaves no process waiting and no
// half step in a file.
func TestGroupUndoFailsAgain(t *testing.T) {
	for _, again := range []int{0, 5, 10} {
		for _, generator := range []bool{false, true} {
			t.Run(fmt.Sprint(again, generator), func(t *testing.T) {
				members := fit(t, 3, func(rank int, m *member) job {
					failed := false
					fail := func(half bool) {
						if m.trainer == nil || rank != 1 {
							return
						}
						step := m.trainer.Steps()
						if half && step == 11 && !failed || failed && half == generator && step == again {
							failed = true
							panic(&tensor.ArgumentError{Op: "objective", Problem: "cannot", Fix: "none"})
						}
					}
					return job{hidden: 1500, options: []gan.Option{gan.Steps(30)}, config: gan.Config{Objective: twoHalves{what: fail}}}
				})
				for rank, m := range members {
					require.ErrorContains(t, m.err, "could not be undone", "%d", rank)
					require.ErrorContains(t, m.trainer.Checkpoint(t.TempDir()+"/checkpoint"), "could not be undone", "%d", rank)
				}
			})
		}
	}
}

// twoHalves is an objective that fails in either half.
type twoHalves struct {
	gan.NonSaturating
	what func(generator bool)
}

func (f twoHalves) Discriminator(real, fake *autograd.Var) gan.Terms {
	f.what(false)
	return f.NonSaturating.Discriminator(real, fake)
}

func (f twoHalves) Generator(fake *autograd.Var, real func() *autograd.Var) *autograd.Var {
	f.what(true)
	return f.NonSaturating.Generator(fake, real)
}

// TestGroupJournals: if one process has to copy its state, all do, so that they do
// the same steps again when one fails.
func TestGroupJournals(t *testing.T) {
	for _, touching := range []int{0, 1, 2} {
		var last [3][]float64
		members := fit(t, 3, func(rank int, m *member) job {
			objective := failing{generator: true, what: func() {
				if rank == 1 && m.trainer != nil && m.trainer.Steps() == 11 {
					panic(&tensor.ArgumentError{Op: "objective", Problem: "cannot", Fix: "none"})
				}
			}}
			return job{hidden: 1500, config: gan.Config{Objective: objective}, options: []gan.Option{gan.Steps(7), gan.On(gan.Hook{Step: func(s *gan.StepInfo) error {
				if s.Step == 4 && rank == touching { // as one does that looks at averages and goes back
					g, _ := m.trainer.Networks()
					v := nn.Params(g)[0].Param.Value()
					v.CopyFrom(v.Clone())
				}
				return nil
			}})}, again: []gan.Option{gan.Steps(30), gan.On(gan.Hook{Step: func(s *gan.StepInfo) error {
				last[rank] = weights(m)
				return nil
			}})}}
		})
		for rank, m := range members {
			require.ErrorContains(t, m.err, []string{"process 1 could not go on", "cannot", "process 1 could not go on"}[rank])
			require.NotContains(t, m.err.Error(), "undone")
			require.Equal(t, 11, m.trainer.Steps())
			require.Equal(t, last[rank], weights(m))
		}
	}
}

// TestGroupStep: steps outside of Fit are those of a single process, and a batch that
// one cannot take leaves all as they were.
func TestGroupStep(t *testing.T) {
	latents := tensor.NewStream(4, "latents").Normal(tensor.Float64, 6, 3)
	x := tensor.NewStream(5, "samples").Normal(tensor.Float64, 6, 5)
	c := config(gan.Config{FreshLatent: true, Penalties: []gan.Penalty{gan.GradientPenalty{Lambda: 1}}})
	g, d := networks(gan.Logits, 8)
	one, err := gan.New(g, d, c)
	require.NoError(t, err)
	for range 3 {
		_, err = one.Step(gan.Batch{X: x})
		require.NoError(t, err)
		_, err = one.StepWith(gan.Batch{X: x}, latents)
		require.NoError(t, err)
	}
	members := make([]*member, 2)
	var all sync.WaitGroup
	for rank, joined := range group.Local(2) {
		m := &member{}
		members[rank] = m
		c.Group = joined
		g, d := networks(gan.Logits, 8)
		m.trainer, err = gan.New(g, d, c)
		require.NoError(t, err)
		from, to := []int{0, 2}[rank], []int{2, 6}[rank]
		mine := x.Slice(0, from, to)
		all.Go(func() {
			bad := mine
			if rank == 1 {
				bad = tensor.New(tensor.Float64, 4, 9)
			}
			for range 3 {
				_, err := m.trainer.Step(gan.Batch{X: mine})
				require.NoError(t, err)
				_, err = m.trainer.Step(gan.Batch{X: bad})
				require.Error(t, err)
				_, err = m.trainer.Step([]gan.Batch{{X: mine}, {}}[rank])
				require.Error(t, err)
				_, err = m.trainer.StepWith(gan.Batch{X: mine}, latents.Slice(0, from, to))
				require.NoError(t, err)
			}
			_, err := m.trainer.Replay("x")
			require.ErrorIs(t, err, gan.ErrConfig)
		})
	}
	all.Wait()
	for _, m := range members {
		require.InDeltaSlice(t, weights(&member{trainer: one}), weights(m), 1e-12)
	}
}
