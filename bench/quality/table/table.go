// Package table writes the Markdown tables of bench/quality's programs, and the files of
// measurements beside them.
package table

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/gander-ml/gander/gan/metrics"
	"github.com/gander-ml/gander/internal/atomicfile"
)

// Beside is the file of measurements that belongs to a file in .md.
func Beside(path string) string { return strings.TrimSuffix(path, ".md") + ".json" }

// Load reads the measurements beside a file, and leaves v as it is if there are none.
func Load(path string, v any) error {
	b, err := os.ReadFile(Beside(path))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := json.Unmarshal(b, v); err != nil {
		return fmt.Errorf("%s: %w", Beside(path), err)
	}
	return nil
}

// Lock waits for the lock of the folder of a file, so that no other process writes
// measurements there until release is called.
func Lock(ctx context.Context, path string) (release func(), err error) {
	for {
		lock, err := atomicfile.LockFolder(filepath.Dir(path))
		if err == nil {
			return lock.Release, nil
		}
		if !errors.Is(err, atomicfile.ErrInUse) {
			return nil, err
		}
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// Save writes the measurements, as JSON, and the file beside which they are.
func Save(path, measured, markdown string) error {
	write := func(path, content string) error {
		return atomicfile.Write(path, func(w io.Writer) error {
			_, err := io.WriteString(w, content)
			return err
		})
	}
	return errors.Join(write(Beside(path), measured), write(path, markdown))
}

// Head writes the first two lines of a table.
func Head(b *strings.Builder, names ...string) {
	Line(b, names...)
	b.WriteString("|" + strings.Repeat(" --- |", len(names)) + "\n")
}

// Line writes a line of a table.
func Line(b *strings.Builder, cells ...string) {
	b.WriteString("| " + strings.Join(cells, " | ") + " |\n")
}

// Column is a value that a table shows.
type Column struct {
	Name    string
	Less    bool // is better
	Percent int  // places after the point of a percentage; 0: the value is a number
}

// Form prints a value.
func (c Column) Form(x float64) string {
	if c.Percent > 0 {
		return percentage(x, c.Percent)
	}
	return Number(x)
}

// Worst returns the worst of a column's values. A NaN is the worst of all.
func (c Column) Worst(seeds []metrics.Table) float64 {
	worst := math.Inf(1)
	if c.Less {
		worst = math.Inf(-1)
	}
	for _, s := range seeds {
		if c.Less {
			worst = max(worst, s.Get(c.Name).Value)
		} else {
			worst = min(worst, s.Get(c.Name).Value)
		}
	}
	return worst
}

// Mean returns the mean of a column's values and its standard error. It is NaN if one of
// them is, or lacks.
func (c Column) Mean(seeds []metrics.Table) metrics.Value {
	var all []metrics.Table
	for _, s := range seeds {
		x := math.NaN()
		if v := s.Get(c.Name); v.Name != "" {
			x = v.Value
		}
		all = append(all, metrics.Table{metrics.NewValue(c.Name, x)})
	}
	return metrics.Average(all...).Get(c.Name)
}

// Cell is the mean of a column's values, and if there are several its standard error and
// in brackets the worst: "1.59 ± 0.020 (1.63)".
func (c Column) Cell(seeds []metrics.Table) string {
	mean := c.Mean(seeds)
	if math.IsNaN(mean.StdErr) {
		return c.Form(mean.Value)
	}
	e := rounded(mean.StdErr, 2)
	if c.Percent > 0 {
		e = percentage(mean.StdErr, c.Percent)
	}
	return fmt.Sprintf("%s ± %s (%s)", c.Form(mean.Value), e, c.Form(c.Worst(seeds)))
}

// WithFloor is a value with its floor and standard error: "10.5 · floor 1.30 · ±0.21".
func WithFloor(v metrics.Value) string {
	s := Number(v.Value)
	if !math.IsNaN(v.Floor) {
		s += " · floor " + Number(v.Floor)
	}
	if !math.IsNaN(v.StdErr) {
		s += " · ±" + rounded(v.StdErr, 2)
	}
	return s
}

// Spread is a value with its standard error: "0.810 ± 0.012".
func Spread(v metrics.Value) string {
	if math.IsNaN(v.StdErr) {
		return Number(v.Value)
	}
	return Number(v.Value) + " ± " + rounded(v.StdErr, 2)
}

// Percent is a percentage.
func Percent(x float64) string { return percentage(x, 1) }

// Rare is a percentage of which hundredths count.
func Rare(x float64) string { return percentage(x, 2) }

func percentage(x float64, places int) string {
	if math.IsNaN(x) {
		return "–"
	}
	return strconv.FormatFloat(100*x, 'f', places, 64) + " %"
}

// Number prints three significant digits, of large numbers all before the point, and
// whole numbers as such.
func Number(x float64) string { return rounded(x, 3) }

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

// Thousands prints 10000 as 10,000.
func Thousands(n int) string {
	if n < 1000 {
		return strconv.Itoa(n)
	}
	return fmt.Sprintf("%s,%03d", Thousands(n/1000), n%1000)
}
