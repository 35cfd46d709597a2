//go:build unix

package gan

import (
	"slices"
	"syscall"
	"testing"

	"github.com/gander-ml/gander/autograd"
)

// Looking measures, for BenchmarkLooking, what it costs to look at all losses and
// gradients before they are used, and to be able to undo a step, in percent of a step
// without both: with a clock around what does it, and by steps with both, with the
// first alone, and with neither, in turns. The times are the processor's, which other
// programs disturb less, and the mean of their middle half.
func (t *Trainer) Looking(b *testing.B, batch Batch) {
	game, fresh := t.game, batch.X.Clone()
	parts := map[string][]float64{} // seconds
	clock := func(part string, do func()) {
		cpuTime(b) // so that what is measured is not how the clock itself comes into the cache
		start := cpuTime(b)
		do()
		took := cpuTime(b) - start
		if part == "begin" && game.journal.n == 0 {
			part = "save"
		}
		parts[part] = append(parts[part], took)
	}
	whole := func() {
		if r, err := game.attempt(batch, nil); err != nil || r.failed != "" {
			b.Fatal(err, r.failed)
		}
	}
	other := func(step func()) func() {
		return func() {
			step()
			game.steps++
			game.journal.note(game) // or the next step would copy the whole state
		}
	}
	ways := []func(){
		whole,
		other(func() { game.stepOn(batch, nil) }),
		other(func() { game.blindly(batch, func(string, func()) {}) }),
		func() {
			clock("nothing", func() {})
			clock("begin", func() { game.journal.begin(game, batch, nil) })
			game.blindly(batch, clock)
			clock("done", func() { game.journal.done(game, batch.X) })
			game.steps++
		},
	}
	for range 2 * maxReplay { // takes the memory
		whole()
		game.scope.Close()
	}
	times := make([][]float64, len(ways))
	for round := 0; b.Loop(); round++ {
		for k := range ways {
			way := (k + round) % len(ways)
			batch.X.CopyFrom(fresh) // as a loader does just before
			start := cpuTime(b)
			ways[way]()
			game.scope.Close()
			times[way] = append(times[way], cpuTime(b)-start)
		}
	}
	more := func(way int) float64 { // of each round, what a step takes longer than the next way's
		var out []float64
		for round, took := range times[way] {
			out = append(out, took-times[way+1][round])
		}
		return middle(out)
	}
	step, nothing := middle(slices.Clone(times[2])), middle(parts["nothing"])
	look := middle(parts["discriminator"]) + middle(parts["generator"]) - 2*nothing
	undo := middle(parts["begin"]) + middle(parts["done"]) - 2*nothing
	if len(parts["save"]) > 0 {
		undo += (middle(parts["save"]) - middle(parts["begin"])) / maxReplay
	}
	b.ReportMetric(100*look/step, "%look")
	b.ReportMetric(100*undo/step, "%undo")
	b.ReportMetric(100*more(1)/step, "%look-turns")
	b.ReportMetric(100*more(0)/step, "%undo-turns")
	b.ReportMetric(step*1e3, "ms/step")
	b.ReportMetric(0, "ns/op")
}

// middle returns the mean of the middle half of v, which it sorts.
func middle(v []float64) float64 {
	slices.Sort(v)
	v = v[len(v)/4 : len(v)-len(v)/4]
	sum := 0.0
	for _, x := range v {
		sum += x
	}
	return sum / float64(len(v))
}

// blindly does a step without looking at its numbers, except for what clock does with
// the look at each half's.
func (g *game) blindly(b Batch, clock func(half string, look func())) {
	var l Losses
	var c *autograd.Var
	if g.condition != 0 {
		c = autograd.Const(g.scope.Adopt(b.Condition))
	}
	x := g.scope.Adopt(b.X)
	fake := g.generate(g.drawLatent(x.Dim(0)), c)
	d := g.strategy.gradients(g, x, fake.Value(), c)
	clock("discriminator", func() { d.read(&l) })
	g.updateDiscriminator(d.grads)
	if g.freshLatent {
		fake = g.generate(g.drawLatent(x.Dim(0)), c)
	}
	of := g.generatorGradients(x, fake, c)
	clock("generator", func() { of.read(&l) })
	g.updateGenerator(of.grads, c)
}

// cpuTime returns the seconds that the program has computed.
func cpuTime(b *testing.B) float64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return float64(u.Utime.Nano()+u.Stime.Nano()) / 1e9 // their sum is exact
}
