//go:build unix

package gan

import (
	"slices"
	"syscall"
	"testing"

	"github.com/gander-ml/gander/nn"
	"github.com/gander-ml/gander/optim"
	"github.com/gander-ml/gander/tensor"
)

// BenchmarkLooking tells what it costs to look at all losses and gradients before they
// are used, and to be able to undo a step: the medians of steps with both, with the
// first alone, and with neither, in turns, of the classic networks on one thread. The
// times are the processor's, which other programs disturb less.
func BenchmarkLooking(b *testing.B) {
	tensor.CPU().SetThreads(1)
	defer tensor.CPU().SetThreads(0)
	g := nn.Sequential(nn.Linear(128, 256), nn.Tanh(), nn.Linear(256, 512), nn.ReLU(), nn.Linear(512, 784), nn.Tanh())
	d := nn.Sequential(nn.Linear(784, 512), nn.Tanh(), nn.Linear(512, 256), nn.Tanh(), nn.Linear(256, 128), nn.Tanh(),
		nn.Linear(128, 1), nn.Sigmoid())
	t, err := New(g, d, Config{Latent: 128, Objective: Classic{}, Optimizer: optim.Adam{LR: 1e-4}, Seed: 1})
	if err != nil {
		b.Fatal(err)
	}
	game, x := t.game, tensor.NewStream(1, "x").Normal(tensor.Float32, 64, 784)
	ways := []func(){
		func() {
			if r, err := game.attempt(Batch{X: x}, nil); err != nil || r.failed != "" {
				b.Fatal(err, r.failed)
			}
		},
		func() { game.stepOn(Batch{X: x}, nil); game.steps++; game.journal.note(game) },
		func() { game.blindly(x); game.steps++; game.journal.note(game) },
	}
	times := make([][]float64, len(ways))
	for round := 0; b.Loop(); round++ {
		for k := range ways {
			way := (k + round) % len(ways)
			start := cpuTime(b)
			ways[way]()
			game.scope.Close()
			times[way] = append(times[way], cpuTime(b)-start)
		}
	}
	// Of each round, what a step takes longer than the next way's.
	for way, name := range []string{"%undo", "%look"} {
		var more []float64
		for round, took := range times[way] {
			more = append(more, took-times[way+1][round])
		}
		slices.Sort(more)
		slices.Sort(times[way+1])
		b.ReportMetric(100*more[len(more)/2]/times[way+1][len(more)/2], name)
	}
	b.ReportMetric(times[2][len(times[2])/2]*1e3, "ms/step")
	b.ReportMetric(0, "ns/op")
}

// blindly does a step without looking at its numbers.
func (g *game) blindly(x *tensor.Tensor) {
	fake := g.generate(g.drawLatent(x.Dim(0)), nil)
	g.updateDiscriminator(g.strategy.gradients(g, g.scope.Adopt(x), fake.Value(), nil).grads)
	g.updateGenerator(g.generatorGradients(x, fake, nil).grads, nil)
}

// cpuTime returns the seconds that the program has computed.
func cpuTime(b *testing.B) float64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return float64(u.Utime.Nano()+u.Stime.Nano()) / 1e9 // their sum is exact
}
