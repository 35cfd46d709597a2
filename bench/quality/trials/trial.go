package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gander-ml/gander/bench/quality/table"
	"github.com/gander-ml/gander/gan"
	"github.com/gander-ml/gander/gan/metrics"
)

// trial is one training.
type trial struct {
	Of      string // a kind
	Split   string `json:",omitempty"` // the digits that it was trained on
	Words   string // that are not usual
	Note    string `json:",omitempty"` // how the program was another one, added by hand
	Seed    uint64
	Steps   int
	Judged  int           // samples
	Seconds float64       `json:",omitempty"` // on a machine that was busy with other things; 0: not known
	Values  metrics.Table // of the columns, and more
}

// try trains with some seeds, those that were not tried.
func (k *kind) try(ctx context.Context, s settings, c choices) error {
	if _, err := os.Stat(filepath.Dir(s.out)); err != nil { // now, and not after the first training
		return err
	}
	done, err := read(s.out)
	if err != nil {
		return err
	}
	words, split := k.changes(c), k.split(s.data)
	var left []uint64
	for seed := s.first; seed < s.first+uint64(s.seeds); seed++ {
		if !slices.ContainsFunc(done, trial{Of: k.name, Split: split, Words: words, Seed: seed}.same) {
			left = append(left, seed)
		}
	}
	if len(left) == 0 {
		return add(ctx, s.out)
	}
	what, err := k.load(ctx, s.data)
	if err != nil {
		return err
	}
	if s.samples == 0 {
		s.samples = what.Samples
	}
	r := k.recipe(c)
	for _, r.Seed = range left {
		var course func(step int, g *gan.Generator) error
		if s.verbose {
			course = func(step int, g *gan.Generator) error {
				values, err := what.Judge(g, s.samples, r.Seed)
				fmt.Printf("step %d:%s\n", step, k.brief(values))
				return err
			}
		}
		g, report, err := what.Train(ctx, r, course)
		if err != nil {
			return err
		}
		values, err := what.Judge(g, s.samples, r.Seed)
		if err != nil {
			return err
		}
		t := trial{Of: k.name, Split: what.Split, Words: words, Seed: r.Seed, Steps: report.Steps, Judged: s.samples, Seconds: math.Round(report.Time.Seconds()*10) / 10}
		for _, col := range k.columns {
			if v := values.Get(col.Name); v.Name != "" && !math.IsNaN(v.Value) {
				t.Values = append(t.Values, metrics.NewValue(v.Name, v.Value))
			}
		}
		fmt.Printf("%s, seed %d, %s:%s  %.1f s\n", k.name, t.Seed, quoted(words), k.brief(values), t.Seconds)
		if err := add(ctx, s.out, t); err != nil {
			return err
		}
	}
	return nil
}

// same reports whether two trials are of one training.
func (t trial) same(u trial) bool {
	return t.Of == u.Of && t.Split == u.Split && t.Words == u.Words && t.Note == u.Note && t.Seed == u.Seed
}

// add adds trials to those of a file, to which other processes may add theirs, and writes
// the tables anew.
func add(ctx context.Context, path string, trials ...trial) error {
	release, err := table.Lock(ctx, path)
	if err != nil {
		return err
	}
	defer release()
	all, err := read(path)
	if err != nil {
		return err
	}
	for _, t := range trials {
		if !slices.ContainsFunc(all, t.same) { // another process may have trained it, too
			all = append(all, t)
		}
	}
	return write(path, all)
}

// brief is a line of values.
func (k *kind) brief(values metrics.Table) string {
	var b strings.Builder
	for _, col := range k.columns {
		fmt.Fprintf(&b, "  %s %s", col.Name, col.Form(col.Mean([]metrics.Table{values}).Value))
	}
	return b.String()
}

func read(path string) (all []trial, err error) { return all, table.Load(path, &all) }

// write writes a trial a line, and the tables.
func write(path string, all []trial) error {
	var lines []string
	for _, t := range all {
		line, err := json.Marshal(t)
		if err != nil {
			return err
		}
		lines = append(lines, string(line))
	}
	return table.Save(path, "[\n"+strings.Join(lines, ",\n")+"\n]\n", markdown(all))
}
