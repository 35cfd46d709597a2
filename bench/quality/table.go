package main

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/gander-ml/gander/gan/metrics"
	"github.com/gander-ml/gander/gan/metrics/mnistfeatures"
)

// asLongAs is the row of the classic recipe in the time of another.
func asLongAs(other string) string { return "classic, as long as " + other }

// rows of the tables of digits, with the value of the same networks in PyTorch on each
// split, if they were tried.
var rows = []struct {
	name    string
	pyTorch map[string]string
}{
	{"quick", map[string]string{embedded: "2.5 after 3,000 steps"}},
	{"unconditional", map[string]string{full: "6.3 after 5,200 steps", embedded: "10.9 after 3,000 steps"}},
	{"best", nil},
	{"mlp", map[string]string{full: "30.6 after 13,900 steps"}},
	{asLongAs("quick"), nil},
	{asLongAs("unconditional"), nil},
	{asLongAs("best"), nil},
	{"classic", map[string]string{full: "477 after 18,750 steps", embedded: "545"}},
}

// The values of [metrics.Copying].
const (
	nearest    = "distance from training set"
	nearCopies = "near copies"
)

// unclear is the name of the share of digits that no class fits.
const unclear = "no class fits"

// Markdown is RESULTS.md.
func (r *Results) Markdown() string {
	var b strings.Builder
	b.WriteString("# How good the samples are\n\nWritten by `go run ./bench/quality` from the measurements in RESULTS.json; do not edit.\n" +
		"The command beside a row repeats its training. ± is the standard error over seeds; the floor is the value of a perfect sampler with as many samples.\n")
	for _, split := range []string{full, embedded} {
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
	if split == full {
		seen, unseen = unseen, seen
		copies = "training digit, and the share of them that are nearer than 99 % of the real digits that training has not seen are (of copies, close to 100 %)"
	}
	first := average(r.of(names[0], split))
	fmt.Fprintf(b, "%s generated digits of each seed are judged by `gan/metrics/mnistfeatures`, against the 10,000 test digits and the statistics of the 60,000 training digits, of which training has seen the %s digits and not the %s digits. "+
		"No class fits a digit to which the judge gives none a probability of one half. Precision and recall are against the test digits. The last two columns show whether digits are copied, by distances between pixels: the median distance of %s generated ones from the nearest %s.\n\n",
		thousands(r.of(names[0], split)[0].Judged), seen, unseen, thousands(min(searched, r.of(names[0], split)[0].Judged)), copies)

	line(b, "recipe", "Fréchet distance from test digits", "from training digits", "rarest digit, least of the seeds", "as asked for", "no class fits", "precision", "recall", "nearest training digit", "near copies", "PyTorch")
	line(b, "---", "---", "---", "---", "---", "---", "---", "---", "---", "---", "---")
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
		line(b, row.name, withFloor(v.Get(mnistfeatures.Distance)), withFloor(v.Get(mnistfeatures.DistanceTraining)), percent(least), percent(v.Get(mnistfeatures.Fidelity).Value), rare(v.Get(unclear).Value),
			spread(v.Get(mnistfeatures.Precision)), spread(v.Get(mnistfeatures.Recall)), spread(v.Get(nearest)), percent(v.Get(nearCopies).Value), reference)
	}
	edge := func(name, pyTorch string, of func(metrics.Value) float64) {
		get := func(name string) string { return number(of(first.Get(name))) }
		share := func(name string) string { return percent(of(first.Get(name))) }
		line(b, name, get(mnistfeatures.Distance), get(mnistfeatures.DistanceTraining), share(mnistfeatures.RarestDigit), share(mnistfeatures.Fidelity), rare(of(first.Get(unclear))),
			get(mnistfeatures.Precision), get(mnistfeatures.Recall), get(nearest), share(nearCopies), pyTorch)
	}
	edge("real digits", "1.2", func(v metrics.Value) float64 { return v.Floor })
	edge("noise", "836", func(v metrics.Value) float64 { return v.Ceiling })
	b.WriteString("\nThe last column is the Fréchet distance from the test digits of the same networks in PyTorch 1.13, quick's in 2.15, one seed, after other numbers of steps where it says so, judged by a classifier of the same shape with other weights, which gives real digits and noise other values too: compare magnitudes, not decimals.\n\n")

	line(b, "recipe", "command", "seeds", "steps", "training", "threads", "commit", "date")
	line(b, "---", "---", "---", "---", "---", "---", "---", "---")
	for _, name := range names {
		runs := r.of(name, split)
		data := ""
		if split == full {
			data = " -data FOLDER"
		}
		var places []Place
		var seeds []string
		for _, d := range runs {
			places = append(places, d.Place)
			seeds = append(seeds, strconv.FormatUint(d.Seed, 10))
		}
		line(b, name, "`"+runs[0].Command+data+" -seed SEED`", strings.Join(seeds, " "), thousands(runs[0].Steps),
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
		better, number(c/d), number(d), seconds(ours), number(c), seconds(classic))
}

// mixtureReference is what the same recipes led to in PyTorch, ten seeds: means,
// and the worst.
var mixtureReference = map[string][]string{
	"ring": {"8 (8)", "0.981 (0.967)", "0.006 (0.011)", "0.008 (0.017)", "0.66", "26 s on one core"},
	"grid": {"25 (25)", "0.967 (0.959)", "0.006 (0.011)", "0.019 (0.030)", "0.58", "38 s on one core"},
}

// mixtures writes about the mixtures in the plane.
func (r *Results) mixtures(b *strings.Builder) {
	if len(r.Mixtures) == 0 {
		return
	}
	columns := []struct {
		name  string
		least bool // less is worse
	}{{"modes", true}, {"high-quality share", true}, {"reverse KL", false}, {"KL with off-mode", false}, {"spread in σ", true}}
	b.WriteString("\n## Mixtures in the plane\n\n10,000 points of each seed; in brackets, the worst seed. The package comment of `gan/metrics` defines the columns.\n\n")
	header, rule := []string{"mixture"}, []string{"---", "---"}
	for _, c := range columns {
		header, rule = append(header, c.name), append(rule, "---")
	}
	line(b, append(header, "training")...)
	line(b, rule...)
	var made []*MixtureRun
	for _, name := range []string{"ring", "grid"} {
		m := r.mixture(name)
		if m == nil {
			continue
		}
		made = append(made, m)
		cells, floors := []string{name}, []string{name + ", perfect sampler"}
		for _, c := range columns {
			worst := math.Inf(-1)
			if c.least {
				worst = math.Inf(1)
			}
			for _, s := range m.Seeds {
				if v := s.Values.Get(c.name).Value; c.least == (v < worst) {
					worst = v
				}
			}
			v := m.Values.Get(c.name)
			cells = append(cells, fmt.Sprintf("%s (%s)", spread(v), number(worst)))
			floors = append(floors, number(v.Floor))
		}
		took := 0.0
		for _, s := range m.Seeds {
			took += s.Seconds / float64(len(m.Seeds))
		}
		line(b, append(cells, fmt.Sprintf("%.1f s", took))...)
		line(b, append(floors, "–")...)
		line(b, append([]string{name + ", PyTorch 1.13"}, mixtureReference[name]...)...)
	}
	b.WriteString("\n")
	line(b, "mixture", "command", "seeds", "steps", "threads", "commit", "date")
	line(b, "---", "---", "---", "---", "---", "---", "---")
	for _, m := range made {
		line(b, m.Mixture, "`"+m.Command+"`", strconv.Itoa(len(m.Seeds)), thousands(m.Seeds[0].Steps),
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
	fmt.Fprintf(b, "- load of the machine before: %s\n", distinct(places, func(p Place) string {
		if p.Load < 0 {
			return "not known"
		}
		return strconv.FormatFloat(p.Load, 'f', -1, 64)
	}))
}

// line writes a line of a table.
func line(b *strings.Builder, cells ...string) {
	b.WriteString("| " + strings.Join(cells, " | ") + " |\n")
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

// withFloor is a value with its floor and standard error: "10.5 · floor 1.30 · ±0.21".
func withFloor(v metrics.Value) string {
	s := number(v.Value)
	if !math.IsNaN(v.Floor) {
		s += " · floor " + number(v.Floor)
	}
	if !math.IsNaN(v.StdErr) {
		s += " · ±" + rounded(v.StdErr, 2)
	}
	return s
}

// spread is a value with its standard error: "0.810 ± 0.012".
func spread(v metrics.Value) string {
	if math.IsNaN(v.StdErr) {
		return number(v.Value)
	}
	return number(v.Value) + " ± " + rounded(v.StdErr, 2)
}

func percent(x float64) string {
	if math.IsNaN(x) {
		return "–"
	}
	return strconv.FormatFloat(100*x, 'f', 1, 64) + " %"
}

// rare is a percentage of which hundredths count.
func rare(x float64) string {
	if math.IsNaN(x) {
		return "–"
	}
	return strconv.FormatFloat(100*x, 'f', 2, 64) + " %"
}

// number prints three significant digits, of large numbers all before the point,
// and whole numbers as such.
func number(x float64) string { return rounded(x, 3) }

// rounded prints so many significant digits.
func rounded(x float64, digits int) string {
	switch {
	case math.IsNaN(x):
		return "–"
	case x == math.Trunc(x):
		return strconv.FormatFloat(x, 'f', 0, 64)
	}
	places := digits - 1 - int(math.Floor(math.Log10(math.Abs(x))))
	return strconv.FormatFloat(x, 'f', max(places, 0), 64)
}

// thousands prints 10000 as 10,000.
func thousands(n int) string {
	if n < 1000 {
		return strconv.Itoa(n)
	}
	return fmt.Sprintf("%s,%03d", thousands(n/1000), n%1000)
}
