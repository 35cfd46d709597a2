package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/gander-ml/gander/datasets"
	"github.com/gander-ml/gander/gan"
	"github.com/gander-ml/gander/gan/metrics"
	"github.com/gander-ml/gander/gan/recipe"
	"github.com/gander-ml/gander/gan/rundir"
	"github.com/gander-ml/gander/optim"
	"github.com/gander-ml/gander/tensor"
)

var (
	mixtures  = map[string]datasets.Mixture{"ring": datasets.Ring(), "grid": datasets.GaussianGrid()}
	penalties = []string{"r1r2", "r1", "gp", "none"}
	schedules = []string{"decay", "constant"}
	// objectives, the default first.
	objectives = []gan.Objective{gan.Relativistic{}, gan.RelativisticAverage{}, gan.NonSaturating{}, gan.Minimax{},
		gan.LeastSquares{}, gan.Hinge{}, gan.Wasserstein{}}
)

func objectiveNames() (names []string) {
	for _, o := range objectives {
		names = append(names, o.Name())
	}
	return names
}

type settings struct {
	mixture, objective, penalty, schedule string
	gamma, lr                             float64
	steps, batch, seeds, threads          int // no steps: the recipe's
	seed                                  uint64
	json                                  bool
	where                                 string         // the device by its name
	device                                *tensor.Device // nil: the CPU
	folder                                *rundir.Folder // nil: nothing is kept
	resume                                rundir.Mode
	changes                               *rundir.Changes
	out, samples, address                 string
}

// wrong says what makes no sense, if anything does not.
func (s *settings) wrong() string {
	switch {
	case flag.NArg() > 0:
		return fmt.Sprintf("unexpected argument %q", flag.Arg(0))
	case s.steps < 0 || s.batch < 1 || s.batch > 1<<20 || s.seeds < 1 || s.threads < 0:
		return "-steps, -batch and -seeds must be at least 1, -batch at most 1048576, -threads 0 or more"
	case !(s.lr > 0 && s.lr <= 1 && s.gamma > 0 && s.gamma <= 1e6):
		return "-lr must lie between 0 and 1, -gamma between 0 and 1e6 and not be 0: -penalty none is without"
	case s.out == "":
		return "-out must name a folder"
	case s.samples != "" && filepath.Ext(s.samples) != ".npy":
		return "-samples must name a file in .npy"
	case s.resume == rundir.New && s.changes.String() != "":
		return "-set changes a run that is resumed: give -resume auto as well, or the flag itself"
	}
	return ""
}

// recipe is the mixture's, with what the flags change of its numbers.
func (s settings) recipe(seed uint64) recipe.Recipe {
	r := recipe.Ring()
	if s.mixture == "grid" {
		r = recipe.Grid()
	}
	if s.steps > 0 {
		r.Steps = s.steps
	}
	r.Batch, r.LR, r.Seed = s.batch, s.lr, seed
	return r
}

// config takes the recipe apart as the flags say.
func (s settings) config(r recipe.Recipe) gan.Config {
	c := r.Config()
	c.Objective = objectives[slices.Index(objectiveNames(), s.objective)]
	weight := c.Penalties[0].(gan.R1).Schedule
	if s.schedule == "constant" { // at the rate and weight that the recipe begins with
		adam := c.GeneratorOptimizer.(optim.Adam)
		adam.Schedule, adam.Beta2Schedule, weight = nil, nil, nil
		c.GeneratorOptimizer, c.DiscriminatorOptimizer = adam, adam
	}
	switch r1 := (gan.R1{Gamma: s.gamma, Schedule: weight}); s.penalty {
	case "r1r2":
		c.Penalties = []gan.Penalty{r1, gan.R2{Gamma: s.gamma, Schedule: weight}}
	case "r1":
		c.Penalties = []gan.Penalty{r1}
	case "gp":
		c.Penalties = []gan.Penalty{gan.GradientPenalty{Lambda: s.gamma, Schedule: weight}}
	case "none":
		c.Penalties = nil
	}
	return c
}

// outcome is what one seed leads to.
type outcome struct {
	Seed    uint64  `json:"seed"`
	Steps   int     `json:"steps"`
	Seconds float64 `json:"seconds"`
	// Scores of 2,500 and of 10,000 samples.
	Few  metrics.Table `json:"2500"`
	Many metrics.Table `json:"10000"`

	score     metrics.MixtureScore // of the 10,000
	generator *gan.Generator
}

// train trains one seed. If the user has ended it, the error is the context's,
// and the outcome is what there is so far.
func train(ctx context.Context, s settings, seed uint64, hooks ...gan.Hook) (*outcome, error) {
	r := s.recipe(seed)
	g, d := r.Networks()
	config := s.config(r)
	config.Device = s.device
	trainer, err := gan.New(g, d, config)
	if err != nil {
		return nil, err
	}
	data := datasets.Synthetic{From: mixtures[s.mixture], Batch: r.Batch, PerEpoch: 500, Seed: seed}
	failure := "" // not written
	if s.folder != nil {
		part := s.folder.Part(fmt.Sprintf("seed-%d", seed))
		if err := part.Resume(trainer, gan.WithSource(data), s.changes.Allow()); err != nil {
			return nil, err
		}
		hooks = append([]gan.Hook{part.Hook()}, hooks...)
		failure = part.Path("failure.safetensors")
	}
	report, err := trainer.Fit(ctx, data, gan.Steps(r.Steps), gan.On(hooks...), gan.OnWarning(complain), gan.RecordFailure(failure))
	if err != nil && !gan.Cancelled(err) {
		return nil, err
	}
	o := &outcome{Seed: seed, Steps: report.Steps, Seconds: report.Time.Round(time.Millisecond).Seconds(), generator: trainer.Generator()}
	for _, n := range []int{2500, 10_000} {
		var scoreErr error
		if o.score, scoreErr = metrics.MeasureMixture(mixtures[s.mixture], o.generator.Sample(n, seed)); scoreErr != nil {
			return nil, scoreErr
		}
		o.Few, o.Many = o.Many, o.score.Table()
	}
	return o, err
}

// report prints means over the seeds, beside a perfect sampler's.
func report(s settings, runs []*outcome) error {
	mean := func(n int, table func(*outcome) metrics.Table) metrics.Table {
		var tables []metrics.Table
		for _, o := range runs {
			tables = append(tables, table(o))
		}
		return metrics.Average(tables...).Against(metrics.MixtureFloor(mixtures[s.mixture], n, 20))
	}
	few := mean(2500, func(o *outcome) metrics.Table { return o.Few })
	many := mean(10_000, func(o *outcome) metrics.Table { return o.Many })
	if !s.json {
		_, err := fmt.Printf("\n2,500 points\n%v\n10,000 points\n%v", few, many)
		return err
	}
	e := json.NewEncoder(os.Stdout)
	e.SetIndent("", "  ")
	return e.Encode(struct {
		Mixture   string        `json:"mixture"`
		Objective string        `json:"objective"`
		Penalty   string        `json:"penalty"`
		Schedule  string        `json:"schedule"`
		Batch     int           `json:"batch"`
		Few       metrics.Table `json:"2500"` // means over the seeds
		Many      metrics.Table `json:"10000"`
		Seeds     []*outcome    `json:"seeds"`
	}{s.mixture, s.objective, s.penalty, s.schedule, s.batch, few, many, runs})
}
