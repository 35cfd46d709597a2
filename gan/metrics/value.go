package metrics

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/gander-ml/gander/tensor"
)

// Value is a metric's value with the numbers to compare it with. NaN means that a
// number is not known, or not defined; it is printed as – and left out of JSON.
type Value struct {
	Name    string
	Value   float64
	Floor   float64 // a perfect sampler's value at the same sample count
	Ceiling float64 // the value of worthless samples, such as noise
	StdErr  float64 // standard error of Value over seeds
}

// NewValue returns a Value whose other numbers are not known.
func NewValue(name string, value float64) Value {
	return Value{name, value, math.NaN(), math.NaN(), math.NaN()}
}

// String returns the numbers that are known:
// "Fréchet distance 10.5 · floor 1.2 · ceiling 836 · ±0.3".
func (v Value) String() string {
	s := v.Name + " " + number(v.Value)
	for _, more := range []struct {
		label string
		value float64
	}{{" · floor ", v.Floor}, {" · ceiling ", v.Ceiling}, {" · ±", v.StdErr}} {
		if !math.IsNaN(more.value) {
			s += more.label + number(more.value)
		}
	}
	return s
}

// MarshalJSON writes the numbers that are finite:
//
//	{"name":"reverse KL","value":0.006,"floor":0.0012,"std_err":0.0008}
func (v Value) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Name    string   `json:"name"`
		Value   *float64 `json:"value,omitempty"`
		Floor   *float64 `json:"floor,omitempty"`
		Ceiling *float64 `json:"ceiling,omitempty"`
		StdErr  *float64 `json:"std_err,omitempty"`
	}{v.Name, finite(v.Value), finite(v.Floor), finite(v.Ceiling), finite(v.StdErr)})
}

// UnmarshalJSON reads what MarshalJSON has written. A number that is left out is
// NaN.
func (v *Value) UnmarshalJSON(b []byte) error {
	var in struct {
		Name                  string
		Value, Floor, Ceiling *float64
		StdErr                *float64 `json:"std_err"`
	}
	if err := json.Unmarshal(b, &in); err != nil {
		return err
	}
	*v = Value{in.Name, orNaN(in.Value), orNaN(in.Floor), orNaN(in.Ceiling), orNaN(in.StdErr)}
	return nil
}

// finite returns a pointer to x, or nil if x is not finite, because JSON has no such
// numbers.
func finite(x float64) *float64 {
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return nil
	}
	return &x
}

// orNaN is the inverse of finite.
func orNaN(x *float64) float64 {
	if x == nil {
		return math.NaN()
	}
	return *x
}

// number prints three significant digits, or all digits before the point if there
// are more.
func number(x float64) string {
	switch {
	case math.IsNaN(x):
		return "–"
	case math.Abs(x) >= 1000 && !math.IsInf(x, 0):
		return strconv.FormatFloat(x, 'f', 0, 64)
	}
	return strconv.FormatFloat(x, 'g', 3, 64)
}

// Table is a list of values with different names.
type Table []Value

// Get returns the value of that name. If there is none, all its numbers are NaN.
func (t Table) Get(name string) Value {
	if i := slices.IndexFunc(t, func(v Value) bool { return v.Name == name }); i >= 0 {
		return t[i]
	}
	return NewValue(name, math.NaN())
}

// Against returns a copy whose floors are another table's values of the same
// names. A value that the other table lacks keeps the floor it had.
func (t Table) Against(floor Table) Table {
	out := slices.Clone(t)
	for i := range out {
		if f := floor.Get(out[i].Name).Value; !math.IsNaN(f) {
			out[i].Floor = f
		}
	}
	return out
}

// Average returns the mean of each value over runs that differ in the seed, and
// the standard error of that mean, s/√n with s² = Σ(x−x̄)²/(n−1), which is not known
// for a single run. Floors and ceilings are averaged too. A number that is NaN in
// one run is NaN in the average. Average panics with a [tensor.ArgumentError]
// unless the tables have the same names in the same order.
func Average(runs ...Table) Table {
	if len(runs) == 0 {
		return nil
	}
	out := slices.Clone(runs[0])
	missing := func(name string) {
		panic(&tensor.ArgumentError{Op: "Average", Problem: fmt.Sprintf("row %q is not in all of the tables, at the same place", name),
			Fix: "average tables of one kind"})
	}
	for _, r := range runs {
		if len(r) > len(out) { // also if that has no rows at all
			missing(r[len(out)].Name)
		}
	}
	for i := range out {
		column := func(number func(Value) float64) (mean, stdErr float64) {
			var xs []float64
			for _, r := range runs {
				if len(r) != len(out) || r[i].Name != out[i].Name {
					missing(out[i].Name)
				}
				xs = append(xs, number(r[i]))
			}
			return meanStdErr(xs)
		}
		out[i].Value, out[i].StdErr = column(func(v Value) float64 { return v.Value })
		out[i].Floor, _ = column(func(v Value) float64 { return v.Floor })
		out[i].Ceiling, _ = column(func(v Value) float64 { return v.Ceiling })
	}
	return out
}

func meanStdErr(xs []float64) (mean, stdErr float64) {
	n, largest := float64(len(xs)), 0.0
	for _, x := range xs {
		largest = max(largest, math.Abs(x))
	}
	_, exp := math.Frexp(largest) // 0 if it is NaN or infinite
	for _, x := range xs {
		mean += math.Ldexp(x, -exp)
	}
	mean /= n
	squares := 0.0
	for _, x := range xs {
		from := math.Ldexp(x, -exp) - mean
		squares += from * from
	}
	return math.Ldexp(mean, exp), math.Ldexp(math.Sqrt(squares/(n-1)/n), exp) // NaN if n is 1
}

// String returns the table with a header, without columns in which no number is
// known.
func (t Table) String() string {
	columns := []struct {
		title  string
		number func(Value) float64
	}{
		{"value", func(v Value) float64 { return v.Value }},
		{"floor", func(v Value) float64 { return v.Floor }},
		{"ceiling", func(v Value) float64 { return v.Ceiling }},
		{"std. error", func(v Value) float64 { return v.StdErr }},
	}
	lines := make([]string, len(t)+1)
	lines[0] = "metric"
	for i, v := range t {
		lines[i+1] = v.Name
	}
	for k, c := range columns {
		known := slices.ContainsFunc(t, func(v Value) bool { return !math.IsNaN(c.number(v)) })
		if k > 0 && !known {
			continue
		}
		lines[0] += "\t" + c.title
		for i, v := range t {
			lines[i+1] += "\t" + number(c.number(v))
		}
	}
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 3, ' ', 0)
	for _, line := range lines {
		fmt.Fprintln(w, line)
	}
	w.Flush() // a strings.Builder never fails
	return b.String()
}
