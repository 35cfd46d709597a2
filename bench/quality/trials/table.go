package main

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
)

// markdown is the table of all trials of each subject.
func markdown(all []trial) string {
	var b strings.Builder
	b.WriteString("# What was tried for small things\n\nWritten by `go run ./bench/quality/trials` from TRIED-mixtures.json; do not edit. " +
		"Means over seeds; in brackets, the worst seed; best first. Changes are of the values that `-help` lists; seconds are those of one core of a machine that was busy with other things.\n")
	for _, s := range subjects {
		groups := map[string][]trial{}
		for _, t := range all {
			if t.Of == s.name {
				groups[t.Changes] = append(groups[t.Changes], t)
			}
		}
		if len(groups) == 0 {
			continue
		}
		fmt.Fprintf(&b, "\n## %s\n\n%s.%s\n\n| changes | seeds | steps |", s.name, s.about, s.says)
		for _, c := range s.columns {
			fmt.Fprintf(&b, " %s |", c.name)
		}
		b.WriteString(" s |\n|" + strings.Repeat(" --- |", len(s.columns)+4) + "\n")
		type row struct {
			key  float64
			text string
		}
		var rows []row
		for changes, runs := range groups {
			r := row{text: fmt.Sprintf("| %s | %d | %d |", orUsual(changes), len(runs), runs[0].Steps)}
			for _, c := range s.columns {
				mean, worst := 0.0, math.Inf(1)
				for _, t := range runs {
					v := t.Values.Get(c.name).Value
					mean += v / float64(len(runs))
					if c.less {
						v = -v
					}
					worst = min(worst, v)
				}
				r.text += fmt.Sprintf(" %.4g (%.4g) |", mean, math.Abs(worst))
				if r.key = mean; c.less { // the last column's
					r.key = -mean
				}
			}
			seconds := 0.0
			for _, t := range runs {
				seconds += t.Seconds / float64(len(runs))
			}
			r.text += fmt.Sprintf(" %.0f |\n", seconds)
			rows = append(rows, r)
		}
		slices.SortFunc(rows, func(x, y row) int {
			return cmp.Or(-cmp.Compare(x.key, y.key), strings.Compare(x.text, y.text)) // NaN comes last
		})
		for _, r := range rows {
			b.WriteString(r.text)
		}
	}
	return b.String()
}

func orUsual(changes string) string {
	if changes == "" {
		return "–"
	}
	return "`" + changes + "`"
}
