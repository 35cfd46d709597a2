package main

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/gander-ml/gander/bench/quality/pocket"
	"github.com/gander-ml/gander/bench/quality/subject"
	"github.com/gander-ml/gander/bench/quality/table"
	"github.com/gander-ml/gander/gan/metrics"
	"github.com/gander-ml/gander/gan/recipe"
	"github.com/gander-ml/gander/nn"
)

// SmallRun is a number of trainings of a recipe for three digits in one picture, or of
// 8×8 pixels.
type SmallRun struct {
	Recipe  string
	Split   string // what it was trained on, a split of package subject
	Weights [2]int // of the generator and the discriminator
	Command string // without -data
	Judged  int
	Values  metrics.Table // means over the seeds
	Seeds   []Seed
	Place
}

// small measures a recipe of [recipe.Stacked] or [recipe.Pocket] with each seed.
func (m *measurer) small(ctx context.Context, r recipe.Recipe, seeds int) error {
	if old := m.results.small(r.Name, m.data.Split); m.goOn && old != nil && old.Commit == m.place.Commit && len(old.Seeds) >= seeds {
		return nil
	}
	what, command := m.data.Stacked(), "go run ./examples/stackedmnist -preset "+r.Name
	if r.Name == recipe.Pocket().Name {
		command = fmt.Sprintf("go run ./bench/quality -only %s -seeds %d", r.Name, seeds)
		var err error
		if what, err = m.data.Pocket(ctx); err != nil {
			return err
		}
	}
	if m.steps > 0 {
		command += fmt.Sprintf(" -steps %d", m.steps)
	}
	g, d := r.Networks()
	run := &SmallRun{Recipe: r.Name, Split: what.Split, Weights: [2]int{nn.Count(g), nn.Count(d)}, Command: command, Judged: what.Samples, Place: m.place}
	var err error
	if run.Seeds, run.Values, err = m.each(ctx, what, r, seeds); err != nil {
		return err
	}
	m.results.Small = append(slices.DeleteFunc(m.results.Small, func(o *SmallRun) bool { return o.Recipe == run.Recipe && o.Split == run.Split }), run)
	return m.results.save(m.out)
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
	columns      []table.Column
	others       [][]string // rows: name, weights, and a cell for each column
}{
	{
		"Three digits in one picture",
		"25,600 pictures of each seed; the judge of `gan/metrics/mnistfeatures` reads the three digits of each, and modes are the 1,000 numbers. The divergence is from equal shares. " +
			"The networks are those of Metz et al., without batch normalisation: it would mix the samples of a batch, which the penalties need apart.",
		recipe.Stacked,
		[]table.Column{{Name: "modes"}, {Name: "reverse KL", Less: true}},
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
		[]table.Column{{Name: pocket.Fidelity, Percent: 1}, {Name: pocket.Variance, Percent: 1}, {Name: pocket.Distinct, Percent: 1},
			{Name: pocket.Copies, Less: true, Percent: 1}, {Name: subject.NearCopies, Less: true, Percent: 1}},
		[][]string{{"Pocket WGAN-GP, 2026, 1,000 of other digits, by another classifier", "31,712 + 17,931", "97.0 %", "98.2 %", "100 %", "0 %", "–"}},
	},
}

// smalls writes about small recipes.
func (r *Results) smalls(b *strings.Builder) {
	for _, part := range smallParts {
		var runs []*SmallRun
		for _, recipe := range part.recipes() {
			for _, split := range []string{subject.Full, subject.Embedded} {
				if run := r.small(recipe.Name, split); run != nil {
					runs = append(runs, run)
				}
			}
		}
		if len(runs) == 0 {
			continue
		}
		fmt.Fprintf(b, "\n## %s\n\n%s In brackets, the worst seed.\n\n", part.title, part.about)
		header := []string{"recipe, digits", "weights"}
		for _, c := range part.columns {
			header = append(header, c.Name)
		}
		table.Head(b, append(header, "training")...)
		for _, run := range runs {
			cells := []string{run.Recipe + ", " + run.Split, table.Thousands(run.Weights[0]) + " + " + table.Thousands(run.Weights[1])}
			floors := []string{"real digits", "–"}
			for _, c := range part.columns {
				v := run.Values.Get(c.Name)
				cells = append(cells, fmt.Sprintf("%s (%s)", c.Form(v.Value), c.Form(c.Worst(tables(run.Seeds)))))
				floors = append(floors, c.Form(v.Floor))
			}
			table.Line(b, append(cells, fmt.Sprintf("%.0f s", meanSeconds(run.Seeds)))...)
			table.Line(b, append(floors, "–")...)
		}
		for _, cells := range part.others {
			table.Line(b, append(cells, "–")...)
		}
		b.WriteString("\n")
		table.Head(b, "recipe", "command", "seeds", "steps", "threads", "load before", "commit", "date")
		for _, run := range runs {
			data := ""
			if run.Split == subject.Full {
				data = " -data FOLDER"
			}
			table.Line(b, run.Recipe, "`"+run.Command+data+"`", strconv.Itoa(len(run.Seeds)), table.Thousands(run.Seeds[0].Steps), threads([]Place{run.Place}), loads([]Place{run.Place}), run.Commit, run.Date)
		}
	}
}
