package main

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/gander-ml/gander/bench/quality/subject"
	"github.com/gander-ml/gander/bench/quality/table"
	"github.com/gander-ml/gander/gan/metrics"
	"github.com/gander-ml/gander/gan/metrics/mnistfeatures"
)

// asLongAs is the row of the classic recipe in the time of another.
func asLongAs(other string) string { return "classic, as long as " + other }

// rows of the tables of digits, with the value of the same networks in PyTorch on each
// split, if they were tried; quick's discriminator had a hidden layer less there.
var rows = []struct {
	name    string
	pyTorch map[string]string
}{
	{"quick", map[string]string{subject.Embedded: "2.5 after 3,000 steps"}},
	{"unconditional", map[string]string{subject.Full: "6.3 after 5,200 steps", subject.Embedded: "10.9 after 3,000 steps"}},
	{"best", nil},
	{"mlp", map[string]string{subject.Full: "30.6 after 13,900 steps"}},
	{asLongAs("quick"), nil},
	{asLongAs("unconditional"), nil},
	{asLongAs("best"), nil},
	{"classic", map[string]string{subject.Full: "477 after 18,750 steps", subject.Embedded: "545"}},
}

// Markdown is RESULTS.md.
func (r *Results) Markdown() string {
	var b strings.Builder
	b.WriteString("# How good the samples are\n\nWritten by `go run ./bench/quality` from the measurements in RESULTS.json; do not edit.\n" +
		"The command beside a row repeats its training. ± is the standard error over seeds; the floor is the value of a perfect sampler with as many samples.\n")
	for _, split := range []string{subject.Full, subject.Embedded} {
		r.digits(&b, split)
	}
	r.mixtures(&b)
	r.smalls(&b)
	r.places(&b)
	return b.String()
}

// digits writes about the recipes for digits that were trained on a split.
func (r *Results) digits(b *strings.Builder, split string) {
	var names []string
	for _, row := range rows {
		if len(r.of(row.name, split)) > 0 {
			names = append(names, row.name)
		}
	}
	if len(names) == 0 {
		return
	}
	fmt.Fprintf(b, "\n## Digits, trained on the %s\n\n", split)
	for _, better := range compared {
		r.compare(b, better, split)
	}
	seen, unseen := "test", "training"
	copies := "of four fifths of the training digits, and the share of them that are nearer than 99 % of the other fifth are (of copies, close to 80 %)"
	if split == subject.Full {
		seen, unseen = unseen, seen
		copies = "training digit, and the share of them that are nearer than 99 % of the real digits that training has not seen are (of copies, close to 100 %)"
	}
	first := average(r.of(names[0], split))
	fmt.Fprintf(b, "%s generated digits of each seed are judged by `gan/metrics/mnistfeatures`, against the 10,000 test digits and the statistics of the 60,000 training digits, of which training has seen the %s digits and not the %s digits. "+
		"No class fits a digit to which the judge gives none a probability of one half. Precision and recall are against the test digits. The last two columns show whether digits are copied, by distances between pixels: the median distance of %s generated ones from the nearest %s.\n\n",
		table.Thousands(r.of(names[0], split)[0].Judged), seen, unseen, table.Thousands(min(subject.Searched, r.of(names[0], split)[0].Judged)), copies)

	table.Head(b, "recipe", "Fréchet distance from test digits", "from training digits", "rarest digit, least of the seeds", "as asked for", "no class fits", "precision", "recall", "nearest training digit", "near copies", "PyTorch")
	for _, row := range rows {
		runs := r.of(row.name, split)
		if len(runs) == 0 {
			continue
		}
		v := average(runs)
		least := math.Inf(1)
		for _, d := range runs {
			least = min(least, d.Values.Get(mnistfeatures.RarestDigit).Value)
		}
		reference := row.pyTorch[split]
		if reference == "" {
			reference = "–"
		}
		table.Line(b, row.name, table.WithFloor(v.Get(mnistfeatures.Distance)), table.WithFloor(v.Get(mnistfeatures.DistanceTraining)), table.Percent(least), table.Percent(v.Get(mnistfeatures.Fidelity).Value), table.Rare(v.Get(subject.Unclear).Value),
			table.Spread(v.Get(mnistfeatures.Precision)), table.Spread(v.Get(mnistfeatures.Recall)), table.Spread(v.Get(subject.Nearest)), table.Percent(v.Get(subject.NearCopies).Value), reference)
	}
	edge := func(name, pyTorch string, of func(metrics.Value) float64) {
		get := func(name string) string { return table.Number(of(first.Get(name))) }
		share := func(name string) string { return table.Percent(of(first.Get(name))) }
		table.Line(b, name, get(mnistfeatures.Distance), get(mnistfeatures.DistanceTraining), share(mnistfeatures.RarestDigit), share(mnistfeatures.Fidelity), table.Rare(of(first.Get(subject.Unclear))),
			get(mnistfeatures.Precision), get(mnistfeatures.Recall), get(subject.Nearest), share(subject.NearCopies), pyTorch)
	}
	edge("real digits", "1.2", func(v metrics.Value) float64 { return v.Floor })
	edge("noise", "836", func(v metrics.Value) float64 { return v.Ceiling })
	b.WriteString("\nThe last column is the Fréchet distance from the test digits of the same networks in PyTorch 1.13, quick's in 2.15, one seed, after other numbers of steps where it says so, judged by a classifier of the same shape with other weights, which gives real digits and noise other values too: compare magnitudes, not decimals.\n\n")

	table.Head(b, "recipe", "command", "seeds", "steps", "training", "threads", "commit", "date")
	for _, name := range names {
		runs := r.of(name, split)
		data := ""
		if split == subject.Full {
			data = " -data FOLDER"
		}
		var places []Place
		var seeds []string
		for _, d := range runs {
			places = append(places, d.Place)
			seeds = append(seeds, strconv.FormatUint(d.Seed, 10))
		}
		table.Line(b, name, "`"+runs[0].Command+data+" -seed SEED`", strings.Join(seeds, " "), table.Thousands(runs[0].Steps),
			fmt.Sprintf("%.1f s", seconds(runs)), threads(places), commits(places), dates(places))
	}
}

// compare writes a sentence about a recipe and the classic one.
func (r *Results) compare(b *strings.Builder, better, split string) {
	ours, classic := r.of(better, split), r.of(asLongAs(better), split)
	if len(ours) == 0 || len(classic) == 0 {
		return
	}
	d, c := average(ours).Get(mnistfeatures.Distance).Value, average(classic).Get(mnistfeatures.Distance).Value
	fmt.Fprintf(b, "**%s is %s× better than classic at equal wall time:** a Fréchet distance of %s after %.1f s of training, beside %s after %.1f s.\n\n",
		better, table.Number(c/d), table.Number(d), seconds(ours), table.Number(c), seconds(classic))
}

// mixtureReference is what the recipes of before, with smaller networks and batches and
// fewer steps, led to in PyTorch, ten seeds: means, and the worst.
var mixtureReference = map[string][]string{
	"ring": {"8 (8)", "0.981 (0.967)", "0.006 (0.011)", "0.008 (0.017)", "0.66", "26 s on one core"},
	"grid": {"25 (25)", "0.967 (0.959)", "0.006 (0.011)", "0.019 (0.030)", "0.58", "38 s on one core"},
}

// mixtures writes about the mixtures in the plane.
func (r *Results) mixtures(b *strings.Builder) {
	if len(r.Mixtures) == 0 {
		return
	}
	columns := []table.Column{{Name: "modes"}, {Name: "high-quality share"}, {Name: "reverse KL", Less: true}, {Name: "KL with off-mode", Less: true}, {Name: "spread in σ"}}
	b.WriteString("\n## Mixtures in the plane\n\n10,000 points of each seed; in brackets, the worst seed. The package comment of `gan/metrics` defines the columns.\n\n")
	header := []string{"mixture"}
	for _, c := range columns {
		header = append(header, c.Name)
	}
	table.Head(b, append(header, "training")...)
	var made []*MixtureRun
	for _, name := range []string{"ring", "grid"} {
		m := r.mixture(name)
		if m == nil {
			continue
		}
		made = append(made, m)
		cells, floors := []string{name}, []string{name + ", perfect sampler"}
		for _, c := range columns {
			v := m.Values.Get(c.Name)
			cells = append(cells, fmt.Sprintf("%s (%s)", table.Spread(v), table.Number(c.Worst(tables(m.Seeds)))))
			floors = append(floors, table.Number(v.Floor))
		}
		table.Line(b, append(cells, fmt.Sprintf("%.1f s", meanSeconds(m.Seeds)))...)
		table.Line(b, append(floors, "–")...)
		table.Line(b, append([]string{name + ", PyTorch 1.13"}, mixtureReference[name]...)...)
	}
	b.WriteString("\n")
	table.Head(b, "mixture", "command", "seeds", "steps", "threads", "commit", "date")
	for _, m := range made {
		table.Line(b, m.Mixture, "`"+m.Command+"`", strconv.Itoa(len(m.Seeds)), table.Thousands(m.Seeds[0].Steps),
			threads([]Place{m.Place}), m.Commit, m.Date)
	}
}

// places writes the machines on which all of it was measured.
func (r *Results) places(b *strings.Builder) {
	var places []Place
	for _, d := range r.Digits {
		places = append(places, d.Place)
	}
	for _, m := range r.Mixtures {
		places = append(places, m.Place)
	}
	for _, s := range r.Small {
		places = append(places, s.Place)
	}
	if len(places) == 0 {
		return
	}
	b.WriteString("\n## Where\n\n")
	fmt.Fprintf(b, "- cpu: %s\n", distinct(places, func(p Place) string { return fmt.Sprintf("%s, %d cores", p.CPU, p.Cores) }))
	fmt.Fprintf(b, "- go: %s\n", distinct(places, func(p Place) string { return p.Go }))
	fmt.Fprintf(b, "- load of the machine before: %s\n", loads(places))
}

// loads are those of the machine before; times of a busy one say little.
func loads(places []Place) string {
	return distinct(places, func(p Place) string {
		if p.Load < 0 {
			return "not known"
		}
		return strconv.FormatFloat(p.Load, 'f', -1, 64)
	})
}

func threads(places []Place) string {
	return distinct(places, func(p Place) string { return strconv.Itoa(p.Threads) })
}
func commits(places []Place) string {
	return distinct(places, func(p Place) string { return p.Commit })
}
func dates(places []Place) string { return distinct(places, func(p Place) string { return p.Date }) }

// distinct lists the different values of something.
func distinct(places []Place, of func(Place) string) string {
	var all []string
	for _, p := range places {
		all = append(all, of(p))
	}
	slices.Sort(all)
	return strings.Join(slices.Compact(all), "; ")
}
