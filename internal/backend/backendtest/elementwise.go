package backendtest

import (
	"fmt"
	"math"

	"github.com/gander-ml/gander/internal/backend"
	"github.com/gander-ml/gander/internal/layout"
	"github.com/gander-ml/gander/internal/op"
)

// shapes are the corner cases of rank and dims, and rows longer than any
// vector register or scratch buffer.
var shapes = [][]int{{3, 5}, {1}, {0}, {7}, {2, 300}, {4, 1, 3}, {2, 0, 3}, {}, {2, 3, 2, 2}, {2, 1, 2, 3, 1, 2}, {40, 6}}

// shared is large enough to be shared between threads, in uneven pieces.
var shared = []int{43, 385}

// values are the sources of elements.
var values = []func(seed int) func() float64{special, normal}

// arrangements calls f with layouts for operands of one shape, the destination
// first: each kind of destination with each kind of source for every fourth shape,
// every third combination for the others, and two that depend on the round for the
// shared one. alias asks for checks with one array as several operands.
func arrangements(round, operands int, f func(i int, ls []layout.Layout, alias bool)) {
	i := 0
	arrange := func(shape []int, kinds int, alias bool) {
		ls := []layout.Layout{dense[kinds%len(dense)](shape)}
		for k := 1; k < operands; k++ {
			ls = append(ls, every[(kinds*(2*k-1)+kinds/len(every)*(k-1))%len(every)](shape))
		}
		f(i, ls, alias)
		i++
	}
	for n, shape := range shapes {
		step := 3
		if n%4 == 0 {
			step = 1
		}
		for kinds := 0; kinds < len(dense)*len(every); kinds += step {
			arrange(shape, kinds, kinds/step < len(dense))
		}
	}
	arrange(shared, 0, false)
	arrange(shared, 7*round+1, round%2 == 0)
}

// memory checks what the other checks rely on.
func (s *suite) memory() {
	if s.b.Name() == "" {
		s.errorf("the backend has no name")
	}
	for _, dt := range dtypes {
		for _, n := range []int{0, 1, 1000} {
			buffer := s.b.Alloc(dt, n)
			if buffer.DType() != dt || buffer.Len() != n {
				s.errorf("Alloc(%v, %d) gives %v of %d elements", dt, n, buffer.DType(), buffer.Len())
				return
			}
			want := backend.NewHost(dt, n)
			s.holds("Alloc", buffer, want)
			// A part, as in views and buffers of rounded-up sizes.
			for _, part := range [][2]int{{0, n / 2}, {n / 3, n / 2}, {n, 0}} {
				lo, k := part[0], part[1]
				l := layout.Contiguous(k)
				l.Offset = lo
				given := place(dt, layout.Contiguous(k), normal(n+lo)).host.Slice(0, k)
				for i := range k {
					want.Set(lo+i, given.At(i))
				}
				s.b.Upload(backend.Operand{Buffer: buffer, Layout: l}, given)
				for i := range k { // the memory is the caller's again
					given.Set(i, canary)
				}
				s.holds("Upload of a part", buffer, want)
				got := backend.NewHost(dt, k)
				s.b.Download(got, backend.Operand{Buffer: buffer, Layout: l})
				if i := differ(got, want.Slice(lo, k)); i >= 0 {
					s.errorf("Download of a part: element %d is %v, want %v", i, got.At(i), want.At(lo+i))
				}
			}
			s.b.Free(buffer)
		}
	}
	s.order()
	s.imageOrder()
}

// holds complains unless a buffer's elements are those of want.
func (s *suite) holds(what string, b backend.Buffer, want *backend.Host) {
	got := backend.NewHost(want.DType(), want.Len())
	for i := range got.Len() {
		got.Set(i, canary)
	}
	s.b.Download(got, backend.Operand{Buffer: b, Layout: layout.Contiguous(b.Len())})
	if i := differ(got, want); i >= 0 {
		s.errorf("%s: element %d is %v, want %v", what, i, got.At(i), want.At(i))
	}
}

// order issues operations on one buffer from several goroutines, one after the
// other, without waiting for the work: each must see the result of the one before,
// and a buffer that is freed while work on it is queued must still serve that work.
func (s *suite) order() {
	const n, rounds = 5000, 50
	x := backend.Operand{Buffer: s.b.Alloc(backend.Float64, n), Layout: layout.Contiguous(n)}
	for i := range rounds {
		done := make(chan struct{})
		go func() {
			defer close(done)
			one := backend.Operand{Buffer: s.b.Alloc(backend.Float64, n), Layout: x.Layout}
			s.b.Fill(one, float64(i))
			s.b.Unary(op.Scale, x, x, 0.5, 0)
			s.b.Binary(op.Add, x, x, one, 0)
			s.b.Free(one.Buffer)
		}()
		<-done
	}
	want := 0.0
	for i := range rounds {
		want = want/2 + float64(i)
	}
	host := backend.NewHost(backend.Float64, n)
	for i := range n {
		host.Set(i, want)
	}
	s.holds("operations in the order of their calls", x.Buffer, host)
	s.b.Free(x.Buffer)
	s.b.Sync()
}

// imageOrder checks that the order for images has their dims and no gaps.
func (s *suite) imageOrder() {
	for _, shape := range [][]int{{2, 3, 4, 5}, {1, 1, 1, 1}, {0, 3, 4, 5}, {2, 1, 5, 1}} {
		l := layout.Contiguous(shape...)
		got := s.b.ImageOrder(l)
		sorted := got
		layout.SortAxes(&sorted)
		if !got.SameShape(&l) || got.Offset != 0 || !sorted.IsContiguous() {
			s.errorf("ImageOrder of %v gives dims %v with strides %v at %d", l, got, got.Strides[:got.Rank], got.Offset)
		}
	}
}

func (s *suite) copies() {
	op := func(b backend.Backend, o []backend.Operand) { b.Copy(o[0], o[1]) }
	for i, to := range dtypes {
		for j, from := range dtypes {
			arrangements(2*i+j, 2, func(i int, ls []layout.Layout, _ bool) {
				s.check(fmt.Sprintf("Copy %v to %v", from, to), exact, op,
					place(to, ls[0], junk), place(from, ls[1], values[i%2](i)))
			})
		}
	}
}

func (s *suite) fills() {
	fills := []float64{0, math.Copysign(0, -1), 0.1, math.NaN(), math.Inf(-1), 1e300}
	for round, dt := range dtypes {
		arrangements(round, 1, func(i int, ls []layout.Layout, _ bool) {
			v := fills[i%len(fills)]
			op := func(b backend.Backend, o []backend.Operand) { b.Fill(o[0], v) }
			s.check(fmt.Sprintf("Fill %v", v), exact, op, place(dt, ls[0], junk))
		})
	}
}

func (s *suite) unaries() {
	for code, row := range unaryTable {
		if row.name == "" {
			s.errorf("unary function %d has no row in the table", code)
		}
		if row.constants == nil {
			row.constants = [][2]float64{{}}
		}
		for _, dt := range dtypes {
			for n, c := range row.constants {
				what := fmt.Sprintf("%s(a=%v, b=%v)", row.name, c[0], c[1])
				run := func(b backend.Backend, o []backend.Operand) {
					b.Unary(op.Unary(code), o[0], o[1], c[0], c[1])
				}
				arrangements(code, 2, func(i int, ls []layout.Layout, alias bool) {
					if i%len(row.constants) != n {
						return
					}
					value := values[i/3%2]
					s.check(what, row.tolerance, run, place(dt, ls[0], junk), place(dt, ls[1], value(i)))
					if alias {
						y := place(dt, ls[0], value(i))
						s.check(what+" in place", row.tolerance, run, y, y)
					}
				})
				all := layout.Contiguous(140)
				s.check(what, row.tolerance, run, place(dt, all, junk), place(dt, all, special(0)))
			}
		}
	}
}

func (s *suite) binaries() {
	for code, row := range binaryTable {
		if row.name == "" {
			s.errorf("binary function %d has no row in the table", code)
		}
		if row.constants == nil {
			row.constants = []float64{0}
		}
		for _, dt := range dtypes {
			for n, a := range row.constants {
				what := fmt.Sprintf("%s(a=%v)", row.name, a)
				run := func(b backend.Backend, o []backend.Operand) {
					b.Binary(op.Binary(code), o[0], o[1], o[2], a)
				}
				arrangements(code, 3, func(i int, ls []layout.Layout, alias bool) {
					if i%len(row.constants) != n {
						return
					}
					value := values[i/3%2]
					x, y := place(dt, ls[1], value(i)), place(dt, ls[2], value(2*i+1))
					s.check(what, row.tolerance, run, place(dt, ls[0], junk), x, y)
					if !alias {
						return
					}
					d := place(dt, ls[0], value(i+1))
					s.check(what+", dst = x", row.tolerance, run, d, d, y)
					s.check(what+", dst = y", row.tolerance, run, d, x, d)
					s.check(what+", dst = x = y", row.tolerance, run, d, d, d)
					s.check(what+", x = y", row.tolerance, run, place(dt, ls[0], junk), x, x)
				})
				// Each corner case with each other.
				square := layout.Contiguous(14, 14)
				one := place(dt, layout.Contiguous(14), special(0))
				x, _ := one.layout.Broadcast(square.Shape())
				s.check(what, row.tolerance, run, place(dt, square, junk), array{one.host, x}, array{one.host, x.Permute(1, 0)})
			}
		}
	}
}

func (s *suite) mulAdds() {
	if _, ok := s.b.(backend.MulAddBackend); !ok {
		return
	}
	run := func(b backend.Backend, o []backend.Operand) {
		if fused, ok := b.(backend.MulAddBackend); ok {
			fused.MulAdd(o[0], o[1], o[2], o[3])
			return
		}
		b.Binary(op.Mul, o[0], o[1], o[2], 0)
		b.Binary(op.Add, o[0], o[0], o[3], 0)
	}
	for round, dt := range dtypes {
		arrangements(round, 4, func(i int, ls []layout.Layout, _ bool) {
			for _, values := range [][3]func(int) func() float64{{special, normal, normal}, {normal, special, normal}, {special, normal, special}} {
				s.check("MulAdd", exact, run, place(dt, ls[0], junk),
					place(dt, ls[1], values[0](i)), place(dt, ls[2], values[1](i)), place(dt, ls[3], values[2](i)))
			}
		})
	}
}

func (s *suite) wheres() {
	op := func(b backend.Backend, o []backend.Operand) { b.Where(o[0], o[1], o[2], o[3]) }
	conditions := []float64{0, 1, math.Copysign(0, -1), math.NaN(), -3, math.Inf(1), 0, 0}
	for round, dt := range dtypes {
		arrangements(round, 4, func(i int, ls []layout.Layout, alias bool) {
			k := i
			condition := func() float64 { k++; return conditions[k%len(conditions)] }
			c, x, y := place(dt, ls[1], condition), place(dt, ls[2], special(i)), place(dt, ls[3], normal(i))
			s.check("Where", exact, op, place(dt, ls[0], junk), c, x, y)
			if !alias {
				return
			}
			d := place(dt, ls[0], condition)
			s.check("Where, dst = cond", exact, op, d, d, x, y)
			s.check("Where, dst = x", exact, op, d, c, d, y)
			s.check("Where, dst = y", exact, op, d, c, x, d)
		})
	}
}
