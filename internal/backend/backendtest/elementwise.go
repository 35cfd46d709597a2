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

// values are what elements are drawn from.
var values = []func(seed int) func() float64{special, normal}

// arrangements calls f with layouts for operands of one shape, the destination
// first: each kind of destination with each kind of source for shapes where
// much can go wrong, every third for the others, and two of these, by turns, for
// the shared one. alias asks for checks where operands are one.
func arrangements(turn, operands int, f func(i int, ls []layout.Layout, alias bool)) {
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
	arrange(shared, 7*turn+1, turn%2 == 0)
}

// memory checks what the other checks stand on.
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
			got, want := backend.NewHost(dt, n), backend.NewHost(dt, n)
			for i := range n {
				got.Set(i, canary)
			}
			s.b.Download(got, buffer)
			if i := differ(got, want); i >= 0 {
				s.errorf("Alloc: element %d is %v, not 0", i, got.At(i))
			}
			// Less than the buffer holds, as rounded-up sizes have it.
			half := place(dt, layout.Contiguous(n/2), normal(n)).host
			part := backend.NewHost(dt, n/2)
			for i := range part.Len() {
				part.Set(i, half.At(i))
				want.Set(i, half.At(i))
			}
			s.b.Upload(buffer, part)
			s.b.Sync()
			s.b.Download(got, buffer)
			if i := differ(got, want); i >= 0 {
				s.errorf("Upload of half a buffer: element %d is %v, want %v", i, got.At(i), want.At(i))
			}
			again := backend.NewHost(dt, n/2)
			s.b.Download(again, buffer)
			if i := differ(again, part); i >= 0 {
				s.errorf("Download of half a buffer: element %d is %v, want %v", i, again.At(i), part.At(i))
			}
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
	for turn, dt := range dtypes {
		arrangements(turn, 1, func(i int, ls []layout.Layout, _ bool) {
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

func (s *suite) wheres() {
	op := func(b backend.Backend, o []backend.Operand) { b.Where(o[0], o[1], o[2], o[3]) }
	conditions := []float64{0, 1, math.Copysign(0, -1), math.NaN(), -3, math.Inf(1), 0, 0}
	for turn, dt := range dtypes {
		arrangements(turn, 4, func(i int, ls []layout.Layout, alias bool) {
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
