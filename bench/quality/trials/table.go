package main

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/gander-ml/gander/bench/quality/subject"
	"github.com/gander-ml/gander/bench/quality/table"
	"github.com/gander-ml/gander/gan/metrics"
)

// variant is the trials that differ in the seed.
type variant struct {
	words, note string
	trials      []trial
	tables      []metrics.Table
}

// variants returns those of a kind and a split.
func variants(all []trial, of, split string) (out []*variant) {
	for _, t := range all {
		if t.Of != of || t.Split != split {
			continue
		}
		at := slices.IndexFunc(out, func(v *variant) bool { return v.words == t.Words && v.note == t.Note })
		if at < 0 {
			at, out = len(out), append(out, &variant{words: t.Words, note: t.Note})
		}
		out[at].trials, out[at].tables = append(out[at].trials, t), append(out[at].tables, t.Values)
	}
	return out
}

// markdown is TRIED.md.
func markdown(all []trial) string {
	var b strings.Builder
	b.WriteString("# What was tried\n\nWritten by `go run ./bench/quality/trials` from TRIED.json; do not edit.\n\n" +
		"Words are of those that `go run ./bench/quality/trials -of KIND -help` lists with their usual numbers; what they do not name is as usual. " +
		"Values are means over seeds; ± is the standard error, and in brackets stands the worst seed. The best come first. " +
		"Seconds are those of one core of a machine that was busy with other things. " +
		"A row repeats to the last digit at a commit of its time, and need not later, as sums get another order: " +
		"`ddeep=1 fall=0.5 steps=2000` gave 2.54 and 3.71 at 02b7aa0, and gives 2.85 and 4.04 since b06fed0.\n")
	for _, k := range kinds {
		says := k.says // once
		for _, split := range []string{"", subject.Embedded, subject.Full} {
			if made := variants(all, k.name, split); len(made) > 0 {
				k.table(&b, made, split, says)
				says = ""
			}
		}
	}
	return b.String()
}

// table writes about trials on one split.
func (k *kind) table(b *strings.Builder, made []*variant, split, says string) {
	title := k.name
	if split != "" {
		title += ", trained on the " + split
	}
	fmt.Fprintf(b, "\n## %s\n\n%s.%s\n\n", title, k.about, says)
	header := []string{"words", "seeds", "steps"}
	if k.tera != nil {
		header = append(header, "TFLOP")
	}
	for _, c := range k.columns {
		header = append(header, c.Name)
	}
	table.Head(b, append(header, "s")...)

	by := k.columns[slices.IndexFunc(k.columns, func(c table.Column) bool { return c.Name == k.best(split) })]
	slices.SortStableFunc(made, func(x, y *variant) int {
		p, q := by.Mean(x.tables).Value, by.Mean(y.tables).Value
		switch {
		case p != p || q != q: // a NaN comes last
			return cmp.Compare(q, p)
		case by.Less:
			return cmp.Compare(p, q)
		}
		return cmp.Compare(q, p)
	})
	for _, v := range made {
		name := quoted(v.words)
		if v.note != "" {
			name += " (" + v.note + ")"
		}
		var seeds []string
		seconds := 0.0
		slices.SortFunc(v.trials, func(x, y trial) int { return cmp.Compare(x.Seed, y.Seed) })
		for _, t := range v.trials {
			seeds = append(seeds, strconv.FormatUint(t.Seed, 10))
			seconds += t.Seconds / float64(len(v.trials))
		}
		cells := []string{name, strings.Join(seeds, " "), table.Thousands(v.trials[0].Steps)}
		if k.tera != nil {
			cost := "–"
			if c, err := k.parse(v.words); err == nil { // words of long ago may be forgotten
				cost = table.Number(k.tera(c))
			}
			cells = append(cells, cost)
		}
		for _, c := range k.columns {
			cells = append(cells, c.Cell(v.tables))
		}
		took := "–"
		if !slices.ContainsFunc(v.trials, func(t trial) bool { return t.Seconds == 0 }) {
			took = strconv.FormatFloat(seconds, 'f', 0, 64)
		}
		table.Line(b, append(cells, took)...)
	}
}

func quoted(words string) string {
	if words == "" {
		return "–"
	}
	return "`" + words + "`"
}
