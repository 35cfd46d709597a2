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

	"github.com/gander-ml/gander/bench/quality/subject"
	"github.com/gander-ml/gander/gan"
	"github.com/gander-ml/gander/gan/metrics"
	"github.com/gander-ml/gander/gan/metrics/mnistfeatures"
	"github.com/gander-ml/gander/gan/recipe"
)

// compared are the recipes that the classic one is compared with.
var compared = []string{"quick", "unconditional", "best"}

// measurer trains recipes and adds to results.
type measurer struct {
	settings
	results *Results
	place   Place
	data    *subject.Data
	whole   *subject.Subject // digits of 28×28 pixels
}

// newMeasurer reads the digits.
func newMeasurer(ctx context.Context, s settings, r *Results) (*measurer, error) {
	m := &measurer{settings: s, results: r, place: here(ctx, s)}
	var err error
	if m.data, err = subject.Load(s.data); err != nil {
		return nil, err
	}
	m.whole, err = m.data.Digits()
	return m, err
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
	r, known := recipe.Named(name, recipe.All())
	if !known {
		panic("quality: no recipe " + name)
	}
	return r
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
		runs := m.results.of(other, m.whole.Split)
		return len(runs) == 0 || slices.ContainsFunc(runs, func(d *DigitRun) bool { return !d.sameMachine(m.place) })
	})
	if len(others) == 0 {
		return errors.New("there is nothing to compare with: measure quick or best first, on this machine and with as many threads")
	}
	r := named("classic")
	r.Steps = m.length(1000) // to time one by
	_, report, err := m.whole.Train(ctx, r, nil)
	if err != nil {
		return err
	}
	perStep := report.Time.Seconds() / float64(report.Steps)
	for _, other := range others {
		r.Steps = max(int(math.Ceil(seconds(m.results.of(other, m.whole.Split))/perStep)), 1)
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
		m.results.drop(row, m.whole.Split)
	}
	r.Steps = m.length(r.Steps)
	for r.Seed = 1; r.Seed <= uint64(seeds); r.Seed++ {
		if slices.ContainsFunc(m.results.of(row, m.whole.Split), func(d *DigitRun) bool { return d.Seed == r.Seed && d.Commit == m.place.Commit }) {
			continue
		}
		m.results.Digits = slices.DeleteFunc(m.results.Digits, func(d *DigitRun) bool { return d.Row == row && d.Split == m.whole.Split && d.Seed == r.Seed })
		g, report, err := m.whole.Train(ctx, r, nil)
		if err != nil {
			return err
		}
		d := &DigitRun{Row: row, Split: m.whole.Split, Seed: r.Seed, Command: m.command(r),
			Steps: report.Steps, Seconds: trainingTime(report), Judged: m.digits, Place: m.place}
		if d.Values, err = m.whole.Judge(g, m.digits, r.Seed); err != nil {
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
	var err error
	if run.Seeds, run.Values, err = m.each(ctx, subject.Mixture(r.Name), r, seeds); err != nil {
		return err
	}
	m.results.Mixtures = append(slices.DeleteFunc(m.results.Mixtures, func(r *MixtureRun) bool { return r.Mixture == run.Mixture }), run)
	return m.results.save(m.out)
}

// each trains a recipe with each seed, and returns what came of it and its mean, with
// floors.
func (m *measurer) each(ctx context.Context, what *subject.Subject, r recipe.Recipe, seeds int) (each []Seed, mean metrics.Table, err error) {
	r.Steps = m.length(r.Steps)
	for r.Seed = 1; r.Seed <= uint64(seeds); r.Seed++ {
		g, report, err := what.Train(ctx, r, nil)
		if err != nil {
			return nil, nil, err
		}
		v, err := what.Judge(g, what.Samples, r.Seed)
		if err != nil {
			return nil, nil, err
		}
		fmt.Printf("%s, seed %d: %d steps, %.1f s; %v, %v\n", r.Name, r.Seed, report.Steps, trainingTime(report), v[0], v[1])
		each = append(each, Seed{r.Seed, report.Steps, trainingTime(report), v})
	}
	mean = metrics.Average(tables(each)...)
	if what.Real == nil {
		return each, mean, nil
	}
	floor, err := what.Real()
	if err != nil {
		return nil, nil, err
	}
	return each, mean.Against(floor), nil
}
