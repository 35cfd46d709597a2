package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/gander-ml/gander/gan/metrics"
	"github.com/gander-ml/gander/gan/metrics/mnistfeatures"
	"github.com/gander-ml/gander/internal/atomicfile"
)

// tried is the file of a search's table.
const tried = "bench/quality/TRIED.md"

// Trial is one training of a variant.
type Trial struct {
	Words  string // what differs from first
	Split  string // what it was trained on
	Seed   uint64
	Steps  int
	Judged int // digits
	Values map[string]float64
}

// kept are the values of a trial that are kept.
var kept = []string{mnistfeatures.Distance, mnistfeatures.DistanceTraining, mnistfeatures.Fidelity, mnistfeatures.Precision, mnistfeatures.Recall, mnistfeatures.RarestDigit, unclear}

// Trials are all that were made, in the order of their end.
type Trials []Trial

// loadTrials reads those of a table, if there are any.
func loadTrials(table string) (t Trials, err error) {
	b, err := os.ReadFile(beside(table))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(b, &t); err != nil {
		return nil, fmt.Errorf("%s: %w", beside(table), err)
	}
	return t, nil
}

// of returns the trials of a variant.
func (t Trials) of(words, split string) (same Trials) {
	for _, trial := range t {
		if trial.Words == words && trial.Split == split {
			same = append(same, trial)
		}
	}
	return same
}

// add writes the table with more trials. Others may have been added by other programs
// since it was read.
func add(table string, more ...Trial) error {
	t, err := loadTrials(table)
	if err != nil {
		return err
	}
	t = append(t, more...)
	var lines []string
	for _, trial := range t {
		line, err := json.Marshal(trial)
		if err != nil {
			return err
		}
		lines = append(lines, string(line))
	}
	write := func(path, content string) error {
		return atomicfile.Write(path, func(w io.Writer) error {
			_, err := io.WriteString(w, content)
			return err
		})
	}
	return errors.Join(write(beside(table), "[\n"+strings.Join(lines, ",\n")+"\n]\n"), write(table, t.Markdown()))
}

// mean returns the mean of a value and its standard error, which is NaN for one trial.
func (t Trials) mean(name string) metrics.Value {
	var tables []metrics.Table
	for _, trial := range t {
		x, ok := trial.Values[name]
		if !ok {
			x = math.NaN()
		}
		tables = append(tables, metrics.Table{{Name: name, Value: x, Floor: math.NaN(), Ceiling: math.NaN(), StdErr: math.NaN()}})
	}
	return metrics.Average(tables...).Get(name)
}

// Markdown is TRIED.md.
func (t Trials) Markdown() string {
	var b strings.Builder
	b.WriteString("# What was tried\n\nWritten by `go run ./bench/quality -try WORDS` from TRIED.json; do not edit.\n\n" +
		"The words say what differs from the variant that the search began with, of which the last table has all words. " +
		"Distances are Fréchet distances from the test digits and from the training digits, of 10,000 generated ones. TFLOP are those of the matrix products of the whole training. ± is the standard error over seeds. The last column is the share of digits to which the judge gives no class a probability of one half.\n")
	for _, split := range []string{embedded, full} {
		var words []string
		for _, trial := range t {
			if trial.Split == split && !slices.Contains(words, trial.Words) {
				words = append(words, trial.Words)
			}
		}
		if len(words) == 0 {
			continue
		}
		// The best come first, by the distance from digits that were not seen.
		which := mnistfeatures.DistanceTraining
		if split == full {
			which = mnistfeatures.Distance
		}
		slices.SortStableFunc(words, func(x, y string) int {
			return cmp.Compare(t.of(x, split).mean(which).Value, t.of(y, split).mean(which).Value)
		})
		fmt.Fprintf(&b, "\n## Trained on the %s\n\n", split)
		line(&b, "variant", "seeds", "TFLOP", "from test digits", "from training digits", "as asked for", "precision", "recall", "rarest", "no class fits")
		line(&b, "---", "---", "---", "---", "---", "---", "---", "---", "---", "---")
		for _, w := range words {
			same := t.of(w, split)
			var seeds []string
			for _, trial := range same {
				seeds = append(seeds, strconv.FormatUint(trial.Seed, 10))
			}
			cost := "–"
			if v, err := parse(w); err == nil { // words of long ago may be forgotten
				cost = number(v.products() * float64(same[0].Steps) / 1e12)
			}
			value := func(name string) string { return spread(same.mean(name)) }
			share := func(name string) string { return percent(same.mean(name).Value) }
			line(&b, w, strings.Join(seeds, " "), cost, value(mnistfeatures.Distance), value(mnistfeatures.DistanceTraining),
				share(mnistfeatures.Fidelity), value(mnistfeatures.Precision), value(mnistfeatures.Recall), share(mnistfeatures.RarestDigit), rare(same.mean(unclear).Value))
		}
	}
	b.WriteString("\n## Words\n\n")
	line(&b, "word", "at first", "means")
	line(&b, "---", "---", "---")
	v := first()
	v.words().VisitAll(func(f *flag.Flag) { line(&b, f.Name, f.DefValue, f.Usage) })
	return b.String()
}
