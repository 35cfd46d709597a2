package nn

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Shaper is a module that knows its output's shape without running.
type Shaper interface {
	// OutShape returns the output's shape for an input's, or an error where the
	// module does not take that input.
	OutShape(in []int) ([]int, error)
}

// ErrUnknownShape says that a module is no [Shaper].
var ErrUnknownShape = errors.New("the module does not tell its output's shape")

// OutShape returns the shape that a module makes of an input's shape. The error
// wraps [ErrUnknownShape] where a part is no [Shaper]; where a part does not
// take its input, it is what Forward would panic with.
func OutShape(m Module, in []int) ([]int, error) {
	s, ok := m.(Shaper)
	if !ok {
		return nil, fmt.Errorf("nn: %T: %w", m, ErrUnknownShape)
	}
	return s.OutShape(slices.Clone(in))
}

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
// A shape that cannot be told is "?", and so is one whose layer does not take
// its input; [OutShape] says why.
func Summary(m Module, input ...int) string {
	type row struct{ layer, output, count string }
	rows := []row{{"layer", "output", "parameters"}}
	shape := append([]int{1}, input...)
	var visit func(name string, m Module)
	visit = func(name string, m Module) {
		if s, ok := m.(sequential); ok {
			for _, c := range s.Children() {
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
		rows = append(rows, row{strings.TrimPrefix(name+" "+kindOf(m), " "), output, thousands(Count(m))})
	}
	visit("", m)
	rows = append(rows, row{"total", "", thousands(Count(m))})

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
	if n, ok := m.(*spectralNorm); ok {
		return "SpectralNorm " + kindOf(n.layer)
	}
	if d, ok := m.(Describer); ok {
		kind, _ := d.Describe()
		return kind
	}
	return fmt.Sprintf("%T", m)
}

// thousands writes n with commas.
func thousands(n int) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
