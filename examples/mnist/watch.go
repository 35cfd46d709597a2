package main

import (
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"

	"github.com/gander-ml/gander/gan"
	"github.com/gander-ml/gander/gan/chart"
	"github.com/gander-ml/gander/gan/diagnose"
	"github.com/gander-ml/gander/gan/gallery"
	"github.com/gander-ml/gander/gan/metrics/mnistfeatures"
	"github.com/gander-ml/gander/gan/progress"
	"github.com/gander-ml/gander/gan/recipe"
	"github.com/gander-ml/gander/gan/rundir"
	"github.com/gander-ml/gander/tensor"
)

// hooks are everything that happens beside the training itself.
func hooks(r recipe.Recipe, judge *mnistfeatures.Judge, folder *rundir.Folder, p *page) []gan.Hook {
	hooks := []gan.Hook{
		images(r),     // before the checkpoint of the same step: a run that resumes there draws none again
		folder.Hook(), // and this before anybody waits for a judgement
		gan.SaveNetworks(*out),
		gan.Log(filepath.Join(*out, "log.jsonl")),
		chart.Losses(filepath.Join(*out, "losses.png")),
	}
	if *verbose {
		hooks = append(hooks, norms(), progress.Lines(os.Stdout))
	} else {
		hooks = append(hooks, progress.Bar(os.Stdout))
	}
	if p == nil {
		hooks = append(hooks, diagnose.Hook(diagnose.Options{})) // says what goes wrong
	} else {
		hooks = append(hooks, p.hook) // and shows everything
	}
	if *looks > 0 {
		hooks = append(hooks, judged(r, judge, p))
	}
	return hooks
}

// page is what shows a run in a browser. A program that is built without the tag http
// has none.
type page struct {
	hook   gan.Hook
	judged func(step int, report *mnistfeatures.Report)
}

// images draws the same digits again and again, every 100 steps and more often in
// the beginning, when most happens: into samples.png, and smaller into the folder
// samples, to keep. They are 0 to 9, twice, if the generator can be asked, and else
// ten of its own choice.
func images(r recipe.Recipe) gan.Hook {
	columns := 5
	draw := func(g *gan.Generator) *tensor.Tensor { return g.Sample(10, r.Seed) }
	if classes := r.Config().Classes; classes != nil {
		columns = len(classes)
		labels := make([]int, 2*columns)
		for i := range labels {
			labels[i] = i % columns
		}
		draw = func(g *gan.Generator) *tensor.Tensor { return g.SampleOf(labels, r.Seed) }
	}
	large := gallery.Grid{Height: 28, Width: 28, Columns: columns, Scale: 4, Gap: 8}
	small := gallery.Grid{Height: 28, Width: 28, Columns: columns, Gap: 2}
	var t *gan.Trainer
	show := func() error {
		return large.Save(filepath.Join(*out, "samples.png"), draw(t.Generator()))
	}
	return gan.Hook{
		Start: func(run gan.Run) error {
			t = run.Trainer
			return os.MkdirAll(filepath.Join(*out, "samples"), 0o755)
		},
		Step: func(s *gan.StepInfo) error {
			switch {
			case s.Step%100 == 0, s.Step == 10, s.Step == 20, s.Step == 50, s.Step == r.Steps:
				path := filepath.Join(*out, "samples", fmt.Sprintf("step-%05d.png", s.Step))
				if err := small.Save(path, draw(t.Generator())); err != nil {
					return gan.Warning(err)
				}
				return gan.Warning(show())
			}
			return nil
		},
		End: func(report *gan.Report) error {
			if report.Steps == 0 {
				return nil // nothing to show
			}
			return gan.Warning(show())
		},
	}
}

// judged judges 1,000 digits now and then, at most every 100 steps, while
// training continues, and shows it on a page, if there is one.
func judged(r recipe.Recipe, judge *mnistfeatures.Judge, p *page) gan.Hook {
	every := gan.Every(max((r.Steps+*looks)/(*looks+1), 100)) // rounded up
	due := func(step int) bool { return every(step) && step < r.Steps }
	return gan.Background(due, func(g *gan.Generator) (*mnistfeatures.Report, error) {
		return look(judge, g, 1000, r.Seed)
	}, func(step int, report *mnistfeatures.Report) error {
		if p != nil {
			p.judged(step, report)
		}
		d := report.Values.Get(mnistfeatures.Distance)
		last := fmt.Sprintf("the rarest digit is %.1f %%", 100*report.Values.Get(mnistfeatures.RarestDigit).Value)
		if f := report.Values.Get(mnistfeatures.Fidelity).Value; !math.IsNaN(f) {
			last = fmt.Sprintf("%.1f %% are what was asked for", 100*f)
		}
		fmt.Printf("step %d: Fréchet distance %.1f (real digits %.1f), %s\n", step, d.Value, d.Floor, last)
		return nil // also if nobody reads it any more
	})
}

// look judges n digits of a generator, and whether they are what was asked for if
// it has classes.
func look(judge *mnistfeatures.Judge, g *gan.Generator, n int, seed uint64) (*mnistfeatures.Report, error) {
	if g.Classes() == nil {
		return judge.EvaluateQuick(g.Sample(n, seed))
	}
	return judge.EvaluateQuick(g.Sample(n, seed), g.Labels(n, seed)...)
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

// drawn is the number of digits of which those that no class fits are counted.
const drawn = 100

// verdict judges digits, and how many of the first ones no class fits, unless the user
// has had enough.
func verdict(ctx context.Context, judge *mnistfeatures.Judge, g *gan.Generator, seed uint64) (report *mnistfeatures.Report, unclear int, err error) {
	done := make(chan func(), 1)
	go func() {
		r, e := look(judge, g, 2000, seed)
		var c *mnistfeatures.Classified
		if e == nil {
			c, e = judge.Classify(g.Sample(drawn, seed))
		}
		done <- func() {
			if report, err = r, e; e == nil {
				unclear = c.Unclear()
			}
		}
	}()
	select {
	case set := <-done:
		set()
	case <-ctx.Done():
		err = context.Cause(ctx)
	}
	return report, unclear, err
}

// complain tells of an error in one line.
func complain(err error) {
	fmt.Fprintln(os.Stderr, name+":", strings.NewReplacer(":\n", ": ", "\n", "; ").Replace(err.Error()))
}
