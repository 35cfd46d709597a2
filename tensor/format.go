package tensor

import (
	"bytes"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// How arrays are printed: NumPy's defaults.
const (
	printPrecision = 8    // digits after the point, at most
	printWhole     = 1000 // elements, at most, that are shown all
	printEdge      = 3    // shown at either end of a long axis otherwise
	printWidth     = 75   // columns, wherever there is a choice
	allDigits      = 1 << 30
)

// String returns the elements in rows and columns, as NumPy prints them:
//
//	[[1.   2.5]
//	 [3.   nan]]
//
// All numbers share one format, with as few digits as distinguish them but at most
// eight after the point. It is exponential if a number is large or tiny, or if
// they differ by a factor above 1000. Of more than 1000 elements only the first
// and last three along each axis are shown. A tensor of rank 0 prints as a number
// with all its digits, an empty one as [].
func (t *Tensor) String() string { return string(t.text(printPrecision, allDigits)) }

// Format implements [fmt.Formatter]. The verbs %v and %s print what String
// returns; a precision, as in %.3v, limits the digits after the point.
func (t *Tensor) Format(f fmt.State, verb rune) {
	if verb != 'v' && verb != 's' {
		fmt.Fprintf(f, "%%!%c(%T)", verb, t)
		return
	}
	if precision, ok := f.Precision(); ok {
		f.Write(t.text(precision, precision))
		return
	}
	f.Write(t.text(printPrecision, allDigits))
}

// text prints an array or, with a precision of its own, a tensor of rank 0.
func (t *Tensor) text(precision, lone int) []byte {
	t.alive("String")
	if t.Len() == 0 {
		return []byte("[]")
	}
	p := printer{t: t.To(cpuDevice), summary: t.Len() > printWhole}
	p.collect(0)
	bits := 8 * t.DType().Size()
	if t.Rank() == 0 {
		return scalarText(p.values[0], lone, bits)
	}
	p.form = newForm(p.values, precision, bits)
	p.array(0)
	return p.out
}

// printer prints one tensor. It visits the elements twice, in the same order.
type printer struct {
	t       *Tensor
	summary bool // leave out the middle of long axes
	index   [MaxRank]int
	values  []float64 // shown and not yet printed
	form    form
	out     []byte
}

// each calls visit with index[axis] at each place that is shown, and skip at the
// gap between them.
func (p *printer) each(axis int, visit, skip func()) {
	n := p.t.layout.Dims[axis]
	for i := 0; i < n; i++ {
		if p.summary && n > 2*printEdge && i == printEdge {
			skip()
			i = n - printEdge
		}
		p.index[axis] = i
		visit()
	}
}

// collect lists the elements that are shown.
func (p *printer) collect(axis int) {
	if axis == p.t.Rank() {
		p.values = append(p.values, p.t.At(p.index[:axis]...))
		return
	}
	p.each(axis, func() { p.collect(axis + 1) }, func() {})
}

// array prints what lies at index[:axis].
func (p *printer) array(axis int) {
	p.out = append(p.out, '[')
	if axis == p.t.Rank()-1 {
		p.row(axis)
	} else {
		p.block(axis)
	}
	p.out = append(p.out, ']')
}

// block prints arrays below one another, those of rank 2 and more with empty
// lines between them.
func (p *printer) block(axis int) {
	gap := strings.Repeat("\n", p.t.Rank()-1-axis) + strings.Repeat(" ", axis+1)
	begin := func() {
		if p.out[len(p.out)-1] != '[' {
			p.out = append(p.out, gap...)
		}
	}
	p.each(axis,
		func() { begin(); p.array(axis + 1) },
		func() { begin(); p.out = append(p.out, "..."...) })
}

// row prints numbers side by side, in several lines if there are many.
func (p *printer) row(axis int) {
	start := axis + 1 // columns that the brackets take, on either side
	column := start
	word := func(w []byte) {
		switch {
		case column == start:
		case column+1+len(w) > printWidth-start:
			p.out = append(bytes.TrimRight(p.out, " "), '\n')
			p.out = append(p.out, strings.Repeat(" ", start)...)
			column = start
		default:
			p.out = append(p.out, ' ')
			column++
		}
		p.out = append(p.out, w...)
		column += len(w)
	}
	p.each(axis, func() {
		word(p.form.text(p.values[0]))
		p.values = p.values[1:]
	}, func() { word([]byte("...")) })
}

// form is how all numbers of an array are printed, so that their points lie
// below one another.
type form struct {
	scientific  bool
	left, right int // columns before and after the point
	precision   int // digits after the point: at most, or exactly if scientific
	exponent    int // digits of the exponent
	bits        int // of the dtype
}

func newForm(values []float64, precision, bits int) form {
	f := form{precision: precision, bits: bits, scientific: wantsScientific(values, bits)}
	wide := 0 // columns of the widest Inf or NaN
	digits := 0
	for _, v := range values {
		if math.IsInf(v, 0) || math.IsNaN(v) {
			wide = max(wide, len(special(v)))
			continue
		}
		whole, fraction, exponent := f.parts(v)
		f.left = max(f.left, len(whole))
		digits = max(digits, len(fraction))
		f.exponent = max(f.exponent, len(exponent)-1)
	}
	f.right = digits
	if f.scientific {
		f.precision = digits
		f.right += len("e+") + f.exponent
	}
	f.left = max(f.left, wide-len(".")-f.right)
	return f
}

// wantsScientific decides from the finite numbers other than zero. It computes
// in the dtype, as NumPy does.
func wantsScientific(values []float64, bits int) bool {
	var round func(x float64) float64
	var large float64
	switch bits {
	case 32:
		round, large = func(x float64) float64 { return float64(float32(x)) }, 1e6
	case 64:
		round, large = func(x float64) float64 { return x }, 1e8
	default:
		panic(unknownBits(bits))
	}
	lo, hi := math.Inf(1), 0.0
	for _, v := range values {
		if v = math.Abs(v); v > 0 && v <= math.MaxFloat64 {
			lo, hi = min(lo, v), max(hi, v)
		}
	}
	return hi > 0 && (hi >= large || lo < round(1e-4) || round(hi/lo) > 1000)
}

// parts returns the shortest decimal that reads back as v, rounded to the
// precision: what stands before the point, after it, and after the e.
func (f *form) parts(v float64) (whole, fraction, exponent string) {
	verb := byte('f')
	if f.scientific {
		verb = 'e'
	}
	whole, fraction, exponent = split(strconv.FormatFloat(v, verb, -1, f.bits))
	if len(fraction) > f.precision {
		whole, fraction, exponent = split(strconv.FormatFloat(v, verb, f.precision, f.bits))
		fraction = strings.TrimRight(fraction, "0")
	}
	return whole, fraction, exponent
}

func split(s string) (whole, fraction, exponent string) {
	s, exponent, _ = strings.Cut(s, "e")
	whole, fraction, _ = strings.Cut(s, ".")
	return whole, fraction, exponent
}

// text returns v in this form.
func (f *form) text(v float64) []byte {
	if math.IsInf(v, 0) || math.IsNaN(v) {
		return fmt.Appendf(nil, "%*s", f.left+len(".")+f.right, special(v))
	}
	if f.scientific { // all with the same number of digits, so not the shortest
		whole, fraction, exponent := split(strconv.FormatFloat(v, 'e', f.precision, f.bits))
		zeros := strings.Repeat("0", f.exponent+1-len(exponent))
		return fmt.Appendf(nil, "%*s.%se%c%s%s", f.left, whole, fraction, exponent[0], zeros, exponent[1:])
	}
	whole, fraction, _ := f.parts(v)
	return fmt.Appendf(nil, "%*s.%-*s", f.left, whole, f.right, fraction)
}

func unknownBits(bits int) string {
	return fmt.Sprintf("tensor: no format for numbers of %d bits", bits)
}

func special(v float64) string {
	switch {
	case v > 0:
		return "inf"
	case v < 0:
		return "-inf"
	}
	return "nan"
}

// scalarText prints one number with as many digits as it takes to read the same
// number back, but at most precision after the point.
func scalarText(v float64, precision, bits int) []byte {
	if math.IsInf(v, 0) || math.IsNaN(v) {
		return []byte(special(v))
	}
	size, large := math.Abs(v), 0.0
	switch bits {
	case 32:
		large = 1e6
	case 64:
		large = 1e16
	default:
		panic(unknownBits(bits))
	}
	f := form{precision: precision, bits: bits, scientific: size >= large || size > 0 && size < 1e-4}
	whole, fraction, exponent := f.parts(v)
	switch {
	case !f.scientific && fraction == "":
		fraction = ".0"
	case fraction != "":
		fraction = "." + fraction
	}
	if f.scientific {
		exponent = "e" + exponent
	}
	return []byte(whole + fraction + exponent)
}
