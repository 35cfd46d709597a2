package main

import (
	"context"
	"errors"
	"fmt"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/gander-ml/gander/datasets"
	"github.com/gander-ml/gander/gan"
	"github.com/gander-ml/gander/gan/chart"
	"github.com/gander-ml/gander/gan/gallery"
	"github.com/gander-ml/gander/gan/progress"
	"github.com/gander-ml/gander/gan/rundir"
	"github.com/gander-ml/gander/gan/watch"
	"github.com/gander-ml/gander/tensor"
)

const (
	columns = 8
	maxRows = 16 // of a picture of many classes
)

// String says what was picked.
func (p plan) String() string {
	kind, classes := "grey", "no classes"
	if p.channels == 3 {
		kind = "coloured"
	}
	if p.classes != nil {
		classes = fmt.Sprintf("%d classes", len(p.classes))
	}
	var changes []string
	if p.augment.Colour {
		changes = append(changes, "colours")
	}
	if p.augment.Shift > 0 {
		changes = append(changes, "shifts")
	}
	if p.augment.Cutout > 0 {
		changes = append(changes, "holes")
	}
	return fmt.Sprintf("picked: %s pictures of %d×%[2]d, %s; batches of %d, %s, rate %g, seed %d; the discriminator sees random %s",
		kind, p.size, classes, p.batch, count(p.steps, "step"), p.lr, p.seed, strings.Join(changes, ", "))
}

// draw draws rows of 8 samples, a row for each class; always the same latent vectors.
func (p plan) draw(g *gan.Generator) *tensor.Tensor {
	if p.classes == nil {
		return g.Sample(5*columns, p.seed)
	}
	var labels []int
	for class := range min(len(p.classes), maxRows) {
		for range columns {
			labels = append(labels, class)
		}
	}
	return g.SampleOf(labels, p.seed)
}

func (p plan) grid(scale int) gallery.Grid {
	return gallery.Grid{Columns: columns, Scale: scale, Gap: 2 * scale, Labels: p.classes[:min(len(p.classes), maxRows)]}
}

// hooks are everything that happens beside the training itself.
func hooks(p plan, folder *rundir.Folder, page *watch.Page) ([]gan.Hook, *gallery.Film) {
	film := &gallery.Film{}
	hooks := []gan.Hook{
		pictures(p, film),
		folder.Hook(),
		gan.SaveNetworks(*out),
		gan.Log(filepath.Join(*out, "log.jsonl")),
		chart.Losses(filepath.Join(*out, "losses.png")),
		duration(p),
		progress.Bar(os.Stdout),
	}
	if page != nil {
		hooks = append(hooks, page.Hook())
	}
	return hooks, film
}

// served returns the page that browsers may look at from now on, nil if nobody wants
// one.
func served(p plan) (*watch.Page, error) {
	if *address == "" {
		return nil, nil
	}
	page := watch.New(watch.Options{Title: "images", Seed: p.seed, Classes: p.classes})
	url, err := page.Listen(*address)
	if err != nil {
		return nil, err
	}
	fmt.Println("look at", url)
	return page, nil
}

// pictures draws the same samples again and again, every 100 steps and more often in
// the beginning, when most happens: into samples.png and, to keep, into the folder
// samples, of which the film is made at the end. So it begins where the run did, after
// whatever has ended it in between.
func pictures(p plan, film *gallery.Film) gan.Hook {
	var t *gan.Trainer
	save := func(x *tensor.Tensor) error {
		return p.grid(96/p.size).Save(filepath.Join(*out, "samples.png"), x)
	}
	return gan.Hook{
		Start: func(run gan.Run) error {
			t = run.Trainer
			return os.MkdirAll(filepath.Join(*out, "samples"), 0o755)
		},
		Step: func(s *gan.StepInfo) error {
			if s.Step%100 != 0 && s.Step != 10 && s.Step != 20 && s.Step != 50 && s.Step != p.steps {
				return nil
			}
			x := p.draw(t.Generator())
			return gan.Warning(errors.Join(p.grid(1).Save(picture(s.Step), x), save(x)))
		},
		End: func(report *gan.Report) error {
			if report.Steps == 0 {
				return nil // nothing to show
			}
			err := errors.Join(save(p.draw(t.Generator())), collect(film, report.Steps))
			if film.Len() > 0 { // a run that is stopped early has none
				err = errors.Join(err, film.Save(filepath.Join(*out, "film.gif")))
			}
			return gan.Warning(err)
		},
	}
}

// picture is the file of what is drawn after a step.
func picture(step int) string { return filepath.Join(*out, "samples", fmt.Sprintf(pictureName, step)) }

const pictureName = "step-%06d.png"

// collect adds the pictures of the folder samples to a film, but those that a run drew
// which got further than this one and was lost.
func collect(film *gallery.Film, steps int) error {
	files, err := os.ReadDir(filepath.Join(*out, "samples")) // in the order of their names
	for _, file := range files {
		var step int
		fmt.Sscanf(file.Name(), pictureName, &step)
		if file.Type().IsRegular() && step > 0 && step <= steps && file.Name() == fmt.Sprintf(pictureName, step) {
			err = errors.Join(err, add(film, picture(step)))
		}
	}
	return err
}

func add(film *gallery.Film, path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	img, err := png.Decode(f)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return film.AddImage(img)
}

// duration says, after a few steps, how long all will take.
func duration(p plan) gan.Hook {
	const from, to = 5, 25 // the first ones find memory
	first, began := 0, time.Time{}
	var note func(sentence string)
	return gan.Hook{
		Start: func(run gan.Run) error {
			first, note = run.Trainer.Steps(), run.Note
			return nil
		},
		Step: func(s *gan.StepInfo) error {
			switch left := p.steps - s.Step; {
			case s.Step-first == from:
				began = time.Now()
			case s.Step-first == to && left > 0:
				step := time.Since(began) / (to - from)
				note(fmt.Sprintf("a step takes %d ms: the other %d will take about %s", step.Milliseconds(), left, about(step*time.Duration(left))))
			}
			return nil
		},
	}
}

// about rounds a duration to what one would say.
func about(d time.Duration) string {
	switch {
	case d < 100*time.Second:
		return count(max(int(d.Seconds()+0.5), 1), "second")
	case d < 100*time.Minute:
		return fmt.Sprintf("%d minutes", int(d.Minutes()+0.5))
	}
	return fmt.Sprintf("%.1f hours", d.Hours())
}

// show draws, at the end, the way from some latent vectors to others and, of a set that
// is not too large, the pictures that samples are most like.
func show(ctx context.Context, p plan, g *gan.Generator, set datasets.Dataset, film *gallery.Film) error {
	rows := 6
	if p.classes != nil {
		rows = min(len(p.classes), maxRows)
	}
	way := gallery.Walk(g.Latents(rows, p.seed+1), g.Latents(rows, p.seed+2), columns)
	x := way
	if p.classes == nil {
		x = g.Map(way)
	} else {
		labels := make([]int, rows*columns)
		for i := range labels {
			labels[i] = i / columns
		}
		x = g.MapOf(way, tensor.OneHot(way.DType(), len(p.classes), labels))
	}
	if err := p.grid(96/p.size).Save(filepath.Join(*out, "walk.png"), x); err != nil {
		return err
	}
	said := "samples.png, walk.png"
	if film.Len() > 0 {
		said = fmt.Sprintf("samples.png, film.gif (%s), walk.png", count(film.Len(), "picture"))
	}
	if set.Len() <= 20_000 {
		all, err := datasets.AsTensor(set, tensor.Float32)
		if err != nil {
			return err
		}
		samples := p.draw(g).To(tensor.CPU())
		one := make([]int, rows) // of each row
		for i := range one {
			one[i] = i * columns % samples.Dim(0)
		}
		k := min(columns-1, set.Len())
		beside, _, _ := gallery.Neighbours(tensor.Gather(samples, 0, tensor.Positions(one...)), all, k)
		grid := p.grid(96 / p.size)
		grid.Columns = k + 1
		if err := grid.Save(filepath.Join(*out, "neighbours.png"), beside); err != nil {
			return err
		}
		said += ", neighbours.png (each row a sample and the pictures that are nearest to it)"
	}
	fmt.Printf("look at %s in %s\n", said, *out)
	model := filepath.Join(*out, "generator.safetensors")
	fmt.Println("draw more: ", rundir.CommandLine("go", "run", "./examples/sample", "-model", model))
	fmt.Println("serve them:", rundir.CommandLine("go", "run", "./examples/serve", "-model", model))
	return ctx.Err()
}
