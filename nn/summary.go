package nn

import (
	"fmt"
	"strings"
)

// Count returns how many numbers all parameters hold, without buffers.
func Count(m Module) int {
	n := 0
	for _, p := range Params(m) {
		if !p.Param.buffer {
			n += p.Param.len()
		}
	}
	return n
}

// Summary returns a table of a network's layers, with their output shapes for a
// batch of one input of the given shape (without the batch axis) and their
// numbers of parameters:
//
//	layer       output      parameters
//	0 Linear    [n 256]         33,024
//	1 Tanh      [n 256]              0
//	total                       33,024
//
// An unknown shape is "?", and so is that of a layer that does not take its input;
// [OutShape] says why.
func Summary(m Module, input ...int) string {
	type row struct{ layer, output, count string }
	rows := []row{{"layer", "output", "parameters"}}
	shape := append([]int{1}, input...)
	var visit func(name string, m Module)
	visit = func(name string, m Module) {
		if c, ok := m.(Chain); ok {
			for _, c := range c.Children() {
				visit(strings.TrimPrefix(name+"."+c.Name, "."), c.Module)
			}
			return
		}
		output := "?"
		if shape != nil {
			out, err := OutShape(m, shape)
			if shape = out; err == nil {
				output = fmt.Sprint(out)
				if len(out) > 0 && out[0] == 1 {
					output = "[n" + output[2:]
				}
			}
		}
		rows = append(rows, row{strings.TrimPrefix(name+" "+kindOf(m), " "), output, thousands(int64(Count(m)))})
	}
	visit("", m)
	rows = append(rows, row{"total", "", thousands(int64(Count(m)))})

	var a, b, c int
	for _, r := range rows {
		a, b, c = max(a, len(r.layer)), max(b, len(r.output)), max(c, len(r.count))
	}
	var out strings.Builder
	for _, r := range rows {
		fmt.Fprintf(&out, "%-*s  %-*s  %*s\n", a, r.layer, b, r.output, c, r.count)
	}
	return out.String()
}

// kindOf says what a module is.
func kindOf(m Module) string {
	kind := fmt.Sprintf("%T", m)
	if d, ok := m.(Describer); ok {
		kind, _ = d.Describe()
	}
	if w, ok := m.(Wrapper); ok {
		kind += " " + kindOf(w.Unwrap())
	}
	return kind
}

// thousands writes n with commas.
func thousands(n int64) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
