package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/gander-ml/gander/gan"
	"github.com/gander-ml/gander/gan/metrics/mnistfeatures"
)

// show draws ten digits into samples.png.
func show(t *gan.Trainer, s settings) error {
	grid := gan.ImageGrid{Height: 28, Width: 28, Columns: 5, Scale: 4, Gap: 8}
	return grid.WritePNG(filepath.Join(s.out, "samples.png"), t.Sample(10, s.seed))
}

// pictures draws the same ten digits again and again in the course of training,
// to keep and to show: after each epoch where epochs are counted; otherwise every
// 100 steps, and more often in the beginning, where most happens.
func pictures(s settings, batches int) (gan.Hook, error) {
	due := gan.Every(batches)
	name := func(step int) string { return fmt.Sprintf("epoch-%04d.png", step/batches) }
	if s.steps > 0 {
		due = func(step int) bool {
			return step%100 == 0 || step == 10 || step == 20 || step == 50 || step == s.steps
		}
		name = func(step int) string { return fmt.Sprintf("step-%05d.png", step) }
	}
	grid := gan.ImageGrid{Height: 28, Width: 28, Columns: 5, Gap: 2}
	dir := filepath.Join(s.out, "samples")
	return gan.After(due, func(t *gan.Trainer) error {
		if err := grid.WritePNG(filepath.Join(dir, name(t.Steps())), t.Sample(10, s.seed)); err != nil {
			return err
		}
		return show(t, s)
	}), os.MkdirAll(dir, 0o755)
}

// looks judges 1,000 digits now and then, at most every 100 steps, while training
// goes on.
func looks(judge *mnistfeatures.Judge, s settings, steps int) gan.Hook {
	every := gan.Every(max((steps+s.looks)/(s.looks+1), 100)) // rounded up
	due := func(step int) bool { return every(step) && step < steps }
	return gan.Background(due, func(g *gan.Generator) (*mnistfeatures.Report, error) {
		return judge.Glance(g.Sample(1000, s.seed))
	}, func(step int, r *mnistfeatures.Report) error {
		d := r.Values.Get(mnistfeatures.Distance)
		_, err := fmt.Printf("step %d: Fréchet distance %.1f (real digits %.1f), rarest digit %.1f %%\n",
			step, d.Value, d.Floor, 100*r.Values.Get(mnistfeatures.RarestDigit).Value)
		return err
	})
}

// norms prints the sizes of the gradients now and then.
func norms() gan.Hook {
	return gan.Hook{Step: func(s *gan.StepInfo) error {
		if s.Step%50 == 0 {
			g, d := s.GradNorms()
			fmt.Printf("step %d  gradient norms: generator %.3g, discriminator %.3g\n", s.Step, g, d)
		}
		return nil
	}}
}
