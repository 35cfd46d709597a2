package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gander-ml/gander/datasets"
	"github.com/gander-ml/gander/datasets/digits"
	"github.com/gander-ml/gander/gan"
	"github.com/gander-ml/gander/gan/metrics"
	"github.com/gander-ml/gander/gan/metrics/mnistfeatures"
	"github.com/gander-ml/gander/gan/recipe"
	"github.com/gander-ml/gander/tensor"
)

// The splits: what is trained on.
const (
	embedded = "10,000 test digits"
	full     = "60,000 training digits"
)

// compared are the recipes that the classic one is compared with.
var compared = []string{"quick", "unconditional", "best"}

// searched is the number of digits whose nearest training digits are found.
const searched = 2000

// measurer trains recipes and adds to results.
type measurer struct {
	settings
	results *Results
	digits  *datasets.Images // to train on
	split   string           // what they are
	place   Place

	judge            *mnistfeatures.Judge
	training, unseen *tensor.Tensor // real digits [n, 784], to find copies
}

// newMeasurer reads the digits.
func newMeasurer(ctx context.Context, s settings, r *Results) (*measurer, error) {
	m := &measurer{settings: s, results: r, split: embedded, place: here(ctx, s)}
	test, err := digits.Load()
	if err != nil {
		return nil, err
	}
	// Every fifth test digit stands for one that training has not seen. If training
	// is on the test digits, distances are from the rest of them, so that generated
	// digits and these are treated alike.
	fifth := func(i int) bool { return i%5 == 0 }
	m.digits, m.unseen = test, pixels(test, fifth)
	if s.data == "" {
		m.training = pixels(test, func(i int) bool { return !fifth(i) })
	} else {
		m.split = full
		if m.digits, err = datasets.MNIST(s.data, datasets.Train); err != nil {
			return nil, err
		}
		m.training = pixels(m.digits, func(int) bool { return true })
	}
	m.judge, err = mnistfeatures.Load()
	return m, err
}

// pixels returns some of the images as [n, 784].
func pixels(set *datasets.Images, want func(i int) bool) *tensor.Tensor {
	const size = 28 * 28
	var out []float32
	for i := range set.Len() {
		if want(i) {
			out = append(out, make([]float32, size)...)
			set.Fill(i, out[len(out)-size:]) // its error is always nil
		}
	}
	return tensor.FromFloat32(out, len(out)/size, size)
}

// here describes the machine that this program runs on.
func here(ctx context.Context, s settings) Place {
	p := Place{Commit: "unknown", Date: time.Now().UTC().Format(time.DateOnly), CPU: runtime.GOARCH, Go: runtime.Version(),
		Cores: runtime.NumCPU(), Threads: runtime.GOMAXPROCS(0), Load: -1}
	if s.threads > 0 {
		p.Threads = s.threads
	}
	if commit, err := output(ctx, "git", "rev-parse", "--short", "HEAD"); err == nil {
		p.Commit = strings.TrimSpace(commit)
		changes, err := output(ctx, "git", "status", "--porcelain", "--", ":/", ":(top,exclude)bench/RESULTS.*")
		if err != nil || changes != "" {
			p.Commit += " with changes"
		}
	}
	if b, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		if name := regexp.MustCompile(`(?m)^model name\s*: (.*)$`).FindSubmatch(b); name != nil {
			p.CPU = string(name[1])
		}
	}
	if b, err := os.ReadFile("/proc/loadavg"); err == nil {
		if load, err := strconv.ParseFloat(strings.Fields(string(b))[0], 64); err == nil {
			p.Load = load
		}
	}
	return p
}

// output runs a program and returns its standard output. The error contains its
// standard error.
func output(ctx context.Context, name string, args ...string) (string, error) {
	var out, errs bytes.Buffer
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	switch {
	case ctx.Err() != nil: // whatever the program's error is
		return "", ctx.Err()
	case err != nil:
		return "", fmt.Errorf("%s: %w: %s", filepath.Base(name), err, strings.TrimSpace(errs.String()))
	}
	return out.String(), nil
}

// named returns a recipe by its name.
func named(name string) recipe.Recipe {
	all := slices.Concat(recipe.Digits(), recipe.Mixtures(), recipe.Stacked(), []recipe.Recipe{recipe.Pocket()})
	return all[slices.IndexFunc(all, func(r recipe.Recipe) bool { return r.Name == name })]
}

// measure measures what a name of -only means.
func (m *measurer) measure(ctx context.Context, name string, seeds int) error {
	switch name {
	case "ring", "grid":
		return m.mixture(ctx, named(name), seeds)
	case "half", "quarter", "whole", "pocket":
		return m.small(ctx, named(name), seeds)
	case "classic":
		return m.classic(ctx, seeds)
	case "complete":
		return m.recipe(ctx, "classic", named("classic"), seeds)
	}
	return m.recipe(ctx, name, named(name), seeds)
}

// classic trains the classic recipe for as long as others took here.
func (m *measurer) classic(ctx context.Context, seeds int) error {
	others := slices.DeleteFunc(slices.Clone(compared), func(other string) bool {
		runs := m.results.of(other, m.split)
		return len(runs) == 0 || slices.ContainsFunc(runs, func(d *DigitRun) bool { return !d.sameMachine(m.place) })
	})
	if len(others) == 0 {
		return errors.New("there is nothing to compare with: measure quick or best first, on this machine and with as many threads")
	}
	r := named("classic")
	r.Steps = m.length(1000) // to time one by
	_, report, err := m.train(ctx, r)
	if err != nil {
		return err
	}
	perStep := report.Time.Seconds() / float64(report.Steps)
	for _, other := range others {
		r.Steps = max(int(math.Ceil(seconds(m.results.of(other, m.split))/perStep)), 1)
		if err := m.recipe(ctx, asLongAs(other), r, seeds); err != nil {
			return err
		}
	}
	return nil
}

// length returns the number of steps, or fewer in a trial.
func (m *measurer) length(steps int) int {
	if m.steps > 0 {
		return m.steps
	}
	return steps
}

// recipe trains a recipe with each seed and judges its samples.
func (m *measurer) recipe(ctx context.Context, row string, r recipe.Recipe, seeds int) error {
	if !m.goOn {
		m.results.drop(row, m.split)
	}
	r.Steps = m.length(r.Steps)
	for r.Seed = 1; r.Seed <= uint64(seeds); r.Seed++ {
		if slices.ContainsFunc(m.results.of(row, m.split), func(d *DigitRun) bool { return d.Seed == r.Seed && d.Commit == m.place.Commit }) {
			continue
		}
		m.results.Digits = slices.DeleteFunc(m.results.Digits, func(d *DigitRun) bool { return d.Row == row && d.Split == m.split && d.Seed == r.Seed })
		g, report, err := m.train(ctx, r)
		if err != nil {
			return err
		}
		d := &DigitRun{Row: row, Split: m.split, Seed: r.Seed, Command: m.command(r),
			Steps: report.Steps, Seconds: trainingTime(report), Judged: m.settings.digits, Place: m.place}
		if d.Values, err = m.judged(g, r.Seed); err != nil {
			return err
		}
		fmt.Printf("%s, seed %d: %d steps, %.1f s; %v\n", row, r.Seed, d.Steps, d.Seconds, d.Values.Get(mnistfeatures.Distance))
		m.results.Digits = append(m.results.Digits, d)
		if err := m.results.save(m.out); err != nil {
			return err
		}
	}
	return nil
}

// command returns the command that repeats a training on digits, without -seed,
// -data and -out.
func (m *measurer) command(r recipe.Recipe) string {
	command := "go run ./examples/mnist -preset " + r.Name + " -looks 0"
	if r.Steps != named(r.Name).Steps {
		command += fmt.Sprintf(" -steps %d", r.Steps)
	}
	if m.threads > 0 {
		command += fmt.Sprintf(" -threads %d", m.threads)
	}
	return command
}

// trainingTime returns the time of a training in seconds.
func trainingTime(r *gan.Report) float64 { return r.Time.Round(time.Millisecond).Seconds() }

// train trains on digits.
func (m *measurer) train(ctx context.Context, r recipe.Recipe) (*gan.Generator, *gan.Report, error) {
	options := []datasets.LoaderOption{datasets.Seed(r.Seed)}
	if r.Config().Classes != nil {
		options = append(options, datasets.Conditions())
	}
	return fit(ctx, r, datasets.NewLoader(m.digits, r.Batch, options...))
}

func fit(ctx context.Context, r recipe.Recipe, source gan.Source) (*gan.Generator, *gan.Report, error) {
	g, d := r.Networks()
	trainer, err := gan.New(g, d, r.Config())
	if err != nil {
		return nil, nil, err
	}
	report, err := trainer.Fit(ctx, source, gan.Steps(r.Steps))
	return trainer.Generator(), report, err
}

// judged judges a generator's digits.
func (m *measurer) judged(g *gan.Generator, seed uint64) (metrics.Table, error) {
	drawn := g.Sample(m.settings.digits, seed)
	var asked []int
	if g.Classes() != nil {
		asked = g.Labels(m.settings.digits, seed)
	}
	report, err := m.judge.Evaluate(drawn, asked...)
	if err != nil {
		return nil, err
	}
	few := min(searched, m.settings.digits)
	copying, err := metrics.Copying(drawn.Slice(0, 0, few), m.training, m.unseen.Slice(0, 0, few))
	if err != nil {
		return nil, err
	}
	seen, err := m.judge.Classify(drawn)
	if err != nil {
		return nil, err
	}
	real, err := m.judge.Test()
	if err != nil {
		return nil, err
	}
	share := func(c *mnistfeatures.Classified) float64 { return float64(c.Unclear()) / float64(len(c.Classes)) }
	values := append(report.Values, copying...)
	return append(values, metrics.Value{Name: unclear, Value: share(seen), Floor: share(real), Ceiling: math.NaN(), StdErr: math.NaN()}), nil
}

// mixture trains on a mixture in the plane with each seed.
func (m *measurer) mixture(ctx context.Context, r recipe.Recipe, seeds int) error {
	old := m.results.mixture(r.Name)
	if m.goOn && old != nil && old.Commit == m.place.Commit && len(old.Seeds) >= seeds {
		return nil
	}
	run := &MixtureRun{Mixture: r.Name, Place: m.place,
		Command: fmt.Sprintf("go run ./examples/ring2d -mixture %s -seeds %d -json", r.Name, seeds)}
	if m.steps > 0 {
		run.Command += fmt.Sprintf(" -steps %d", m.steps)
	}
	if m.threads > 0 {
		run.Command += fmt.Sprintf(" -threads %d", m.threads)
	}
	target := map[string]datasets.Mixture{"ring": datasets.Ring(), "grid": datasets.GaussianGrid()}[r.Name]
	r.Steps = m.length(r.Steps)
	const points = 10_000
	var tables []metrics.Table
	for r.Seed = 1; r.Seed <= uint64(seeds); r.Seed++ {
		g, report, err := fit(ctx, r, datasets.Synthetic{From: target, Batch: r.Batch, PerEpoch: 500, Seed: r.Seed})
		if err != nil {
			return err
		}
		score, err := metrics.MeasureMixture(target, g.Sample(points, r.Seed))
		if err != nil {
			return err
		}
		tables = append(tables, score.Table())
		run.Seeds = append(run.Seeds, MixtureSeed{Seed: r.Seed, Steps: report.Steps, Seconds: trainingTime(report), Values: score.Table()})
	}
	run.Values = metrics.Average(tables...).Against(metrics.MixtureFloor(target, points, 20))
	fmt.Printf("%s, %d seeds: %v\n", r.Name, len(run.Seeds), run.Values.Get("high-quality share"))
	m.results.Mixtures = append(slices.DeleteFunc(m.results.Mixtures, func(r *MixtureRun) bool { return r.Mixture == run.Mixture }), run)
	return m.results.save(m.out)
}
