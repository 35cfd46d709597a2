package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"slices"
	"strings"

	"github.com/gander-ml/gander/gan/metrics"
	"github.com/gander-ml/gander/internal/atomicfile"
)

// trial is one training.
type trial struct {
	Of      string
	Changes string // of the usual values
	Seed    uint64
	Steps   int
	Seconds float64 // on a machine that was busy with other things
	Values  metrics.Table
}

// try trains with some seeds, those that were not tried.
func (s *subject) try(ctx context.Context, table string, c choices, first uint64, seeds int) error {
	file := strings.TrimSuffix(table, ".md") + ".json"
	changes := s.changes(c)
	if seeds == 0 {
		done, err := read(file)
		if err != nil {
			return err
		}
		return write(table, file, done)
	}
	for seed := first; seed < first+uint64(seeds); seed++ {
		done, err := read(file)
		if err != nil {
			return err
		}
		if slices.ContainsFunc(done, func(t trial) bool { return t.Of == s.name && t.Changes == changes && t.Seed == seed }) {
			continue
		}
		report, values, err := s.train(ctx, c, seed)
		if err != nil {
			return err
		}
		t := trial{s.name, changes, seed, report.Steps, math.Round(report.Time.Seconds()*10) / 10, values}
		fmt.Printf("%s, seed %d, %s:", s.name, seed, orUsual(changes))
		for _, col := range s.columns {
			fmt.Printf("  %s %.4g", col.name, values.Get(col.name).Value)
		}
		fmt.Printf("  %.1f s\n", t.Seconds)
		if done, err = read(file); err != nil { // others may have written meanwhile
			return err
		}
		if err := write(table, file, append(done, t)); err != nil {
			return err
		}
	}
	return nil
}

func read(file string) (all []trial, err error) {
	b, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err == nil {
		err = json.Unmarshal(b, &all)
	}
	return all, err
}

func write(table, file string, all []trial) error {
	b, err := json.Marshal(all)
	if err != nil {
		return err
	}
	b = []byte(strings.ReplaceAll(string(b), `},{"Of"`, "},\n{\"Of\"")) // one line each
	for path, content := range map[string]string{file: string(b) + "\n", table: markdown(all)} {
		if err := atomicfile.Write(path, func(w io.Writer) error { _, err := io.WriteString(w, content); return err }); err != nil {
			return err
		}
	}
	return nil
}
