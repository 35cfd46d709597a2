// Package backendtest has the tests that every backend must pass: each operation,
// in each dtype, on operands of every layout, gives what the reference backend
// gives, and changes nothing else.
//
// A new operation needs a row in tables.go; an operation without one fails.
package backendtest

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/gander-ml/gander/internal/backend"
	"github.com/gander-ml/gander/internal/backend/ref"
	"github.com/gander-ml/gander/internal/layout"
	"github.com/gander-ml/gander/internal/parallel"
)

// Run compares b with the reference backend.
func Run(t *testing.T, b backend.Backend) { RunSome(t, b, 1) }

// RunSome is Run for a backend that is slow: of the checks of each operation it
// makes the first and every so many-th that follows. If families are named, such as
// "matmul", it checks those alone.
func RunSome(t *testing.T, b backend.Backend, every int, names ...string) {
	for _, f := range families {
		if len(names) > 0 && !slices.Contains(names, f.name) {
			continue
		}
		t.Run(f.name, func(t *testing.T) { f.check(&suite{b: b, errorf: t.Errorf, every: every}) })
	}
}

// RunProducts is RunSome for products that are another library's, which may be −0 where
// the reference's are 0.
func RunProducts(t *testing.T, b backend.Backend) {
	for _, f := range families {
		switch f.name {
		case "matmul", "linear", "linear and add":
			t.Run(f.name, func(t *testing.T) { f.check(&suite{b: b, errorf: t.Errorf, zeros: true}) })
		}
	}
}

// families are the parts of the suite.
var families = []struct {
	name  string
	check func(*suite)
}{
	{"memory", (*suite).memory},
	{"copy", (*suite).copies},
	{"fill", (*suite).fills},
	{"unary", (*suite).unaries},
	{"binary", (*suite).binaries},
	{"where", (*suite).wheres},
	{"reduce", (*suite).reductions},
	{"matmul", (*suite).products},
	{"conv", (*suite).convs},
	{"conv input gradient", (*suite).convInputGrads},
	{"conv weight gradient", (*suite).convWeightGrads},
	{"gather", (*suite).gathers},
	{"scatter", (*suite).scatters},
	{"random", (*suite).randoms},
	{"linear", (*suite).linears},
	{"epilogue gradient", (*suite).epilogueGrads},
	{"adam", (*suite).adams},
	{"averages", (*suite).averages},
	{"clamp", (*suite).clamps},
	{"norm", (*suite).norms},
	{"inverse deviation", (*suite).inverseDeviations},
	{"multiply and add", (*suite).mulAdds},
	{"linear and add", (*suite).linearAdds},
	{"standardise", (*suite).standards},
	{"standardise gradient", (*suite).standardGrads},
}

// suite checks one backend.
type suite struct {
	b      backend.Backend
	errorf func(format string, args ...any)
	failed map[string]bool // operations that are not checked any more
	rounds int             // checks with several threads
	every  int             // how many checks of an operation stand for one that is made; 0 is 1
	asked  map[string]int  // checks of each operation, made or not
	zeros  bool            // −0 may stand for 0 and the reverse, everywhere
}

// complain reports the first failure of an operation.
func (s *suite) complain(what string, operands []array, format string, args ...any) {
	if s.failed == nil {
		s.failed = map[string]bool{}
	}
	s.failed[what] = true
	s.errorf("%s of %v: %s", what, operands, fmt.Sprintf(format, args...))
}

// dtypes are the element types that everything is checked in.
var dtypes = []backend.DType{backend.Float32, backend.Float64}

// big is the number of elements from which a backend may share work between
// threads, so that a run with several is compared.
const big = 4096

// array is an operand in host memory, which the suite copies to the devices.
// Arrays may share a host.
type array struct {
	host   *backend.Host
	layout layout.Layout
}

func (a array) String() string {
	l := a.layout
	return fmt.Sprintf("%v%v strides %v offset %d", a.host.DType(), l, l.Strides[:l.Rank], l.Offset)
}

// operation is a call of a backend; it sets the first of the operands.
type operation func(b backend.Backend, o []backend.Operand)

// check runs op, on the reference and on b, with operands that begin as the
// given arrays; the first, dst, is the one that op may change. Its elements
// must agree within tol, everything else must stay as it is, and the result must
// not depend on the number of threads.
func (s *suite) check(what string, tol tolerance, op operation, dst array, sources ...array) {
	s.checkAll(what, tol, op, []array{dst}, sources...)
}

// checkAll is check for an op that changes several operands.
func (s *suite) checkAll(what string, tol tolerance, op operation, dsts []array, sources ...array) {
	if s.failed[what] || s.leftOut(what) {
		return
	}
	tol.zeros = tol.zeros || s.zeros
	operands := append(dsts[:len(dsts):len(dsts)], sources...)
	before := hosts(operands)
	want := execute(ref.Backend{}, operands, before, op)
	defer parallel.SetThreads(0)
	parallel.SetThreads(1)
	got := execute(s.b, operands, before, op)
	for k, h := range before {
		untouched := make([]bool, h.Len())
		for i := range untouched {
			untouched[i] = true
		}
		for _, d := range dsts {
			if d.host != h {
				continue
			}
			for i, at := range offsets(d.layout) {
				untouched[at] = false
				if g, w := got[k].At(at), want[k].At(at); !tol.accepts(h.DType(), g, w) {
					s.complain(what, operands, "element %d is %v, want %v", i, g, w)
					return
				}
			}
		}
		for i := range untouched {
			if untouched[i] && bitsAt(got[k], i) != bitsAt(h, i) {
				s.complain(what, operands, "offset %d outside the destination was %v and is %v", i, h.At(i), got[k].At(i))
				return
			}
		}
	}
	if !slices.ContainsFunc(operands, func(a array) bool { return a.layout.Len() >= big }) {
		return
	}
	s.rounds++
	threads := 2 + s.rounds%2
	parallel.SetThreads(threads)
	for k, again := range execute(s.b, operands, before, op) {
		if i := differ(again, got[k]); i >= 0 {
			s.complain(what, operands, "%d threads give %v at offset %d, one thread %v", threads, again.At(i), i, got[k].At(i))
			return
		}
	}
}

// leftOut reports whether this check of an operation is one of those not made.
func (s *suite) leftOut(what string) bool {
	if s.every <= 1 {
		return false
	}
	if s.asked == nil {
		s.asked = map[string]int{}
	}
	n := s.asked[what]
	s.asked[what]++
	return n%s.every != 0
}

// hosts lists the different hosts of some arrays.
func hosts(arrays []array) []*backend.Host {
	var out []*backend.Host
	for _, a := range arrays {
		if !slices.Contains(out, a.host) {
			out = append(out, a.host)
		}
	}
	return out
}

// execute runs op on copies of the hosts and returns what became of each.
func execute(b backend.Backend, arrays []array, hosts []*backend.Host, op operation) []*backend.Host {
	buffers := make([]backend.Buffer, len(hosts))
	for k, h := range hosts {
		buffers[k] = b.Alloc(h.DType(), h.Len())
		b.Upload(backend.Operand{Buffer: buffers[k], Layout: layout.Contiguous(h.Len())}, h)
	}
	operands := make([]backend.Operand, len(arrays))
	for i, a := range arrays {
		operands[i] = backend.Operand{Buffer: buffers[slices.Index(hosts, a.host)], Layout: a.layout}
	}
	op(b, operands)
	b.Sync()
	after := make([]*backend.Host, len(hosts))
	for k, h := range hosts {
		after[k] = backend.NewHost(h.DType(), h.Len())
		b.Download(after[k], backend.Operand{Buffer: buffers[k], Layout: layout.Contiguous(h.Len())})
		b.Free(buffers[k])
	}
	return after
}

func bitsAt(h *backend.Host, i int) uint64 {
	switch dt := h.DType(); dt {
	case backend.Float32:
		return uint64(math.Float32bits(h.F32[i]))
	case backend.Float64:
		return math.Float64bits(h.F64[i])
	default:
		panic(backend.UnknownDType(dt))
	}
}

// differ returns the first place at which two hosts differ in any bit, or −1.
func differ(a, b *backend.Host) int {
	for i := range a.Len() {
		if bitsAt(a, i) != bitsAt(b, i) {
			return i
		}
	}
	return -1
}

// offsets lists the places of a layout's elements, in row-major order.
func offsets(l layout.Layout) []int {
	out := make([]int, 0, l.Len())
	var walk func(k, at int)
	walk = func(k, at int) {
		if k == l.Rank {
			out = append(out, at)
			return
		}
		for i := range l.Dims[k] {
			walk(k+1, at+i*l.Strides[k])
		}
	}
	walk(0, l.Offset)
	return out
}

// kind is a way to lay an array out.
type kind func(shape []int) layout.Layout

// dense are the kinds whose elements are distinct, so that they can be written to.
var dense = []kind{
	func(shape []int) layout.Layout { return layout.Contiguous(shape...) },
	permuted,
	padded,
	func(shape []int) layout.Layout { // contiguous further on
		l := layout.Contiguous(shape...)
		l.Offset = 5
		return l
	},
	func(shape []int) layout.Layout { // every second element along each axis
		return cut(shape, func(d int) int { return 2*d + 1 }, 1, 2)
	},
}

// every adds the kinds that repeat elements, which are only read.
var every = append(dense[:len(dense):len(dense)],
	func(shape []int) layout.Layout { return repeated(shape, func(k int) bool { return k == 0 }) },
	func(shape []int) layout.Layout { return repeated(shape, func(k int) bool { return k == len(shape)-1 }) },
	func(shape []int) layout.Layout { return repeated(shape, func(k int) bool { return true }) },
)

// permuted stores the axes in the reverse order.
func permuted(shape []int) layout.Layout {
	r := len(shape)
	reversed, axes := make([]int, r), make([]int, r)
	for k := range shape {
		reversed[r-1-k], axes[k] = shape[k], r-1-k
	}
	return layout.Contiguous(reversed...).Permute(axes...)
}

// padded leaves gaps between the rows.
func padded(shape []int) layout.Layout {
	return cut(shape, func(d int) int { return d + 3 }, 1, 1)
}

// cut slices each axis out of a longer one.
func cut(shape []int, longer func(int) int, start, step int) layout.Layout {
	outer := make([]int, len(shape))
	for k, d := range shape {
		outer[k] = longer(d)
	}
	l := layout.Contiguous(outer...)
	for k, d := range shape {
		l = l.Slice(k, start, start+d*step, step)
	}
	return l
}

// repeated gives the chosen axes stride 0.
func repeated(shape []int, axis func(k int) bool) layout.Layout {
	one := make([]int, len(shape))
	for k, d := range shape {
		if one[k] = d; axis(k) && d > 1 {
			one[k] = 1
		}
	}
	l, _ := layout.Contiguous(one...).Broadcast(shape)
	return l
}

// rng returns a generator of the suite's numbers, which are the same every time.
func rng(seed int) *rand.Rand { return rand.New(rand.NewPCG(uint64(seed), 1)) }

// canary fills the memory around and between the elements.
const canary = -12345.5

// place returns an array with elements from value, over a host that is larger than
// necessary and otherwise full of canaries.
func place(dt backend.DType, l layout.Layout, value func() float64) array {
	at := offsets(l)
	n := l.Offset
	for _, o := range at {
		n = max(n, o+1)
	}
	a := array{backend.NewHost(dt, n+7), l}
	for i := range a.host.Len() {
		a.host.Set(i, canary)
	}
	for _, o := range at {
		a.host.Set(o, value())
	}
	return a
}

// The values that elements take.

// special cycles through the corner cases, mixed with ordinary numbers, beginning
// at a place that depends on the seed.
func special(seed int) func() float64 {
	inf := math.Inf(1)
	corners := []float64{0, 1, math.NaN(), -1, 0.5, inf, -2.5, math.Copysign(0, -1), 3, -inf, -0.25, 7.5, 200, -80}
	i := seed * 5
	return func() float64 { i++; return corners[i%len(corners)] }
}

// normal draws ordinary numbers.
func normal(seed int) func() float64 {
	r := rng(seed)
	return func() float64 { return 2 * r.NormFloat64() }
}

// whole draws small whole numbers, whose sums are exact in any order.
func whole(seed int) func() float64 {
	r := rng(seed)
	return func() float64 { return float64(r.IntN(9) - 4) }
}

// junk is what a destination holds before it is written.
func junk() float64 { return 99.25 }
