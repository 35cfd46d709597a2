package main

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/gander-ml/gander/bench/quality/pocket"
	"github.com/gander-ml/gander/datasets"
	"github.com/gander-ml/gander/gan"
	"github.com/gander-ml/gander/gan/metrics"
	"github.com/gander-ml/gander/gan/recipe"
	"github.com/gander-ml/gander/nn"
	"github.com/gander-ml/gander/tensor"
)

// SmallRun is a number of trainings of a recipe for three digits in one picture, or of
// 8×8 pixels.
type SmallRun struct {
	Recipe  string
	Split   string // what it was trained on, a name of splits
	Weights [2]int // of the generator and the discriminator
	Command string // without -data
	Judged  int
	Values  metrics.Table // means over the seeds
	Seeds   []SmallSeed
	Place
}

// SmallSeed is one of them.
type SmallSeed struct {
	Seed    uint64
	Steps   int
	Seconds float64
	Values  metrics.Table
}

const (
	stackedJudged = 25_600
	pocketJudged  = 10_000
)

// small measures a recipe of [recipe.Stacked] or [recipe.Pocket] with each seed.
func (m *measurer) small(ctx context.Context, r recipe.Recipe, seeds int) error {
	if old := m.results.small(r.Name, m.split); m.goOn && old != nil && old.Commit == m.place.Commit && len(old.Seeds) >= seeds {
		return nil
	}
	r.Steps = m.length(r.Steps)
	g, d := r.Networks()
	run := &SmallRun{Recipe: r.Name, Split: m.split, Weights: [2]int{nn.Count(g), nn.Count(d)}, Place: m.place, Judged: stackedJudged,
		Command: fmt.Sprintf("go run ./examples/stackedmnist -preset %s", r.Name)}
	if m.steps > 0 {
		run.Command += fmt.Sprintf(" -steps %d", m.steps)
	}
	source, judge := m.stacked, m.countModes
	if r.Name == recipe.Pocket().Name {
		seen, unseen, err := m.tiny()
		if err != nil {
			return err
		}
		of, err := pocket.New(ctx, seen, unseen)
		if err != nil {
			return err
		}
		run.Command, run.Judged = fmt.Sprintf("go run ./bench/quality -only %s -seeds %d", r.Name, seeds), pocketJudged
		source = func(r recipe.Recipe) gan.Source {
			return datasets.NewLoader(pocket.Digits(seen), r.Batch, datasets.Seed(r.Seed), datasets.Conditions())
		}
		judge = func(g *gan.Generator, seed uint64) (metrics.Table, error) {
			return of.Judge(g.Sample(pocketJudged, seed), g.Labels(pocketJudged, seed))
		}
	}
	var tables []metrics.Table
	for r.Seed = 1; r.Seed <= uint64(seeds); r.Seed++ {
		g, report, err := fit(ctx, r, source(r))
		if err != nil {
			return err
		}
		v, err := judge(g, r.Seed)
		if err != nil {
			return err
		}
		tables = append(tables, v)
		fmt.Printf("%s, seed %d: %d steps, %.1f s; %v, %v\n", r.Name, r.Seed, report.Steps, trainingTime(report), v[0], v[1])
		run.Seeds = append(run.Seeds, SmallSeed{r.Seed, report.Steps, trainingTime(report), v})
	}
	run.Values = metrics.Average(tables...)
	if r.Name != recipe.Pocket().Name {
		floor, err := m.realModes()
		if err != nil {
			return err
		}
		run.Values = run.Values.Against(floor)
	}
	m.results.Small = append(slices.DeleteFunc(m.results.Small, func(o *SmallRun) bool { return o.Recipe == run.Recipe && o.Split == run.Split }), run)
	return m.results.save(m.out)
}

// stacked are three digits in one picture, to train on.
func (m *measurer) stacked(r recipe.Recipe) gan.Source {
	return datasets.NewLoader(datasets.Stack(m.digits, 3, 1000*r.Batch, r.Seed), r.Batch, datasets.Seed(r.Seed))
}

func (m *measurer) countModes(g *gan.Generator, seed uint64) (metrics.Table, error) {
	seen, err := m.judge.Modes(g.Sample(stackedJudged, seed))
	return metrics.Modes(seen, 1000), err
}

// realModes counts the modes of real digits.
func (m *measurer) realModes() (metrics.Table, error) {
	x, err := datasets.AsTensor(datasets.Stack(m.digits, 3, stackedJudged, 1<<32), tensor.Float32)
	if err != nil {
		return nil, err
	}
	seen, err := m.judge.Modes(x)
	return metrics.Modes(seen, 1000), err
}

// tiny returns digits whose 8×8 pixels to train on, and others.
func (m *measurer) tiny() (seen, unseen datasets.Dataset, err error) {
	if m.data != "" {
		test, err := datasets.MNIST(m.data, datasets.Test)
		return m.digits, test, err
	}
	// Every fifth is held out.
	var some, others []int
	for i := range m.digits.Len() {
		if i%5 == 0 {
			others = append(others, i)
		} else {
			some = append(some, i)
		}
	}
	return datasets.Subset(m.digits, some), datasets.Subset(m.digits, others), nil
}

// small returns what was measured of a recipe, or nil.
func (r *Results) small(name, split string) *SmallRun {
	if i := slices.IndexFunc(r.Small, func(s *SmallRun) bool { return s.Recipe == name && s.Split == split }); i >= 0 {
		return r.Small[i]
	}
	return nil
}

// smallParts are the tables of small recipes, with what others have published.
var smallParts = []struct {
	title, about string
	recipes      func() []recipe.Recipe
	columns      []smallColumn
	others       [][]string // rows: name, weights, and a cell for each column
}{
	{
		"Three digits in one picture",
		"25,600 pictures of each seed; the judge of `gan/metrics/mnistfeatures` reads the three digits of each, and modes are the 1,000 numbers. The divergence is from equal shares. " +
			"The networks are those of Metz et al., without batch normalisation: it would mix the samples of a batch, which the penalties need apart.",
		recipe.Stacked,
		[]smallColumn{{"modes", false, number}, {"reverse KL", true, number}},
		[][]string{
			{"half, unrolled 10 times, Metz et al., 2017", "–", "817 ± 38", "1.43"},
			{"quarter, unrolled 10 times, Metz et al., 2017", "–", "327 ± 75", "2.95"},
			{"half, best of later papers", "–", "867", "0.90"},
			{"quarter, best of later papers", "–", "667", "1.81"},
			{"R3GAN, 20 million weights on 8 GPUs, 2024", "–", "1000", "0.029"},
		},
	}, {
		"Digits of 8×8 pixels",
		"10,000 digits of each seed, equal numbers of each class; the package comment of `bench/quality/pocket` has the protocol. The floor is that of held-out real digits.",
		func() []recipe.Recipe { return []recipe.Recipe{recipe.Pocket()} },
		[]smallColumn{{pocket.Fidelity, false, percent}, {pocket.Variance, false, percent}, {pocket.Distinct, false, percent}, {pocket.Copies, true, percent}, {nearCopies, true, percent}},
		[][]string{{"Pocket WGAN-GP, 2026, 1,000 of other digits, by another classifier", "31,712 + 17,931", "97.0 %", "98.2 %", "100 %", "0 %", "–"}},
	},
}

// smallColumn is a value of such a table.
type smallColumn struct {
	name string
	less bool // is better
	form func(float64) string
}

// smalls writes about small recipes.
func (r *Results) smalls(b *strings.Builder) {
	for _, part := range smallParts {
		var runs []*SmallRun
		for _, recipe := range part.recipes() {
			for _, split := range []string{full, embedded} {
				if run := r.small(recipe.Name, split); run != nil {
					runs = append(runs, run)
				}
			}
		}
		if len(runs) == 0 {
			continue
		}
		fmt.Fprintf(b, "\n## %s\n\n%s In brackets, the worst seed.\n\n", part.title, part.about)
		header, rule := []string{"recipe, digits", "weights"}, []string{"---", "---", "---"}
		for _, c := range part.columns {
			header, rule = append(header, c.name), append(rule, "---")
		}
		line(b, append(header, "training")...)
		line(b, rule...)
		for _, run := range runs {
			cells := []string{run.Recipe + ", " + run.Split, thousands(run.Weights[0]) + " + " + thousands(run.Weights[1])}
			floors := []string{"real digits", "–"}
			for _, c := range part.columns {
				v := run.Values.Get(c.name)
				worst := run.Seeds[0].Values.Get(c.name).Value
				for _, s := range run.Seeds {
					if x := s.Values.Get(c.name).Value; c.less == (x > worst) {
						worst = x
					}
				}
				cells = append(cells, fmt.Sprintf("%s (%s)", c.form(v.Value), c.form(worst)))
				floors = append(floors, c.form(v.Floor))
			}
			took := 0.0
			for _, s := range run.Seeds {
				took += s.Seconds / float64(len(run.Seeds))
			}
			line(b, append(cells, fmt.Sprintf("%.0f s", took))...)
			line(b, append(floors, "–")...)
		}
		for _, cells := range part.others {
			line(b, append(cells, "–")...)
		}
		b.WriteString("\n")
		line(b, "recipe", "command", "seeds", "steps", "threads", "commit", "date")
		line(b, "---", "---", "---", "---", "---", "---", "---")
		for _, run := range runs {
			data := ""
			if run.Split == full {
				data = " -data FOLDER"
			}
			line(b, run.Recipe, "`"+run.Command+data+"`", strconv.Itoa(len(run.Seeds)), thousands(run.Seeds[0].Steps), threads([]Place{run.Place}), run.Commit, run.Date)
		}
	}
}
