package main

import (
	"encoding/json"
	"slices"

	"github.com/gander-ml/gander/bench/quality/table"
	"github.com/gander-ml/gander/gan/metrics"
)

// Results are the measurements that are still valid.
type Results struct {
	Digits   []*DigitRun
	Mixtures []*MixtureRun
	Small    []*SmallRun `json:",omitempty"`
}

// Place is when and where something was measured.
type Place struct {
	Commit, Date, CPU, Go string
	Cores, Threads        int
	Load                  float64 // of the machine before; −1: not known
}

// sameMachine reports whether times measured at both places can be compared.
func (p Place) sameMachine(q Place) bool {
	return p.CPU == q.CPU && p.Cores == q.Cores && p.Threads == q.Threads
}

// DigitRun is one training on digits, with its results.
type DigitRun struct {
	Row     string // of the table, a name of rows
	Split   string // what it was trained on, a split of package subject
	Seed    uint64
	Command string // without -seed, -data and -out
	Steps   int
	Seconds float64 // of training
	Judged  int     // digits
	Values  metrics.Table
	Place
}

// MixtureRun is a number of trainings on a mixture.
type MixtureRun struct {
	Mixture string
	Command string
	Values  metrics.Table // means over the seeds, of 10,000 points each
	Seeds   []Seed
	Place
}

// Seed is one training of several, with its results.
type Seed struct {
	Seed    uint64
	Steps   int
	Seconds float64 // of training
	Values  metrics.Table
}

// tables returns the values of trainings.
func tables(seeds []Seed) (all []metrics.Table) {
	for _, s := range seeds {
		all = append(all, s.Values)
	}
	return all
}

// meanSeconds is the mean time of training.
func meanSeconds(seeds []Seed) (mean float64) {
	for _, s := range seeds {
		mean += s.Seconds / float64(len(seeds))
	}
	return mean
}

// load reads what was measured for a table, if anything was.
func load(path string) (*Results, error) {
	r := new(Results)
	return r, table.Load(path, r)
}

// save writes the measurements and the table.
func (r *Results) save(path string) error {
	b, err := json.MarshalIndent(r, "", " ")
	if err != nil {
		return err
	}
	return table.Save(path, string(b)+"\n", r.Markdown())
}

// of returns the runs of a row, by their seeds.
func (r *Results) of(row, split string) (runs []*DigitRun) {
	for _, d := range r.Digits {
		if d.Row == row && d.Split == split {
			runs = append(runs, d)
		}
	}
	slices.SortFunc(runs, func(a, b *DigitRun) int { return int(a.Seed) - int(b.Seed) })
	return runs
}

// drop removes the runs of a row.
func (r *Results) drop(row, split string) {
	r.Digits = slices.DeleteFunc(r.Digits, func(d *DigitRun) bool { return d.Row == row && d.Split == split })
}

// mixture returns what was measured of a mixture, or nil.
func (r *Results) mixture(name string) *MixtureRun {
	if i := slices.IndexFunc(r.Mixtures, func(m *MixtureRun) bool { return m.Mixture == name }); i >= 0 {
		return r.Mixtures[i]
	}
	return nil
}

// seconds is the mean time of training of some runs.
func seconds(runs []*DigitRun) (mean float64) {
	for _, d := range runs {
		mean += d.Seconds / float64(len(runs))
	}
	return mean
}

// average returns the mean of the values of some runs, of those that all have: an
// older one may lack some.
func average(runs []*DigitRun) metrics.Table {
	var tables []metrics.Table
	for _, d := range runs {
		tables = append(tables, slices.DeleteFunc(slices.Clone(d.Values), func(v metrics.Value) bool {
			return slices.ContainsFunc(runs, func(other *DigitRun) bool { return other.Values.Get(v.Name).Name == "" })
		}))
	}
	return metrics.Average(tables...)
}
