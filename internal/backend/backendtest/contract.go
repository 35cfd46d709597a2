package backendtest

import (
	"fmt"
	"math"

	"github.com/gander-ml/gander/internal/backend"
	"github.com/gander-ml/gander/internal/layout"
	"github.com/gander-ml/gander/internal/op"
)

// reductions folds every subset of the axes; of six axes, a sample of them.
func (s *suite) reductions() {
	for code, row := range reduceTable {
		if row.name == "" {
			s.errorf("reduction %d has no row in the table", code)
		}
		run := func(b backend.Backend, o []backend.Operand) { b.Reduce(op.Reduce(code), o[0], o[1]) }
		for _, dt := range dtypes {
			for _, shape := range append(shapes, []int{2, 9000}, []int{9000, 3}, []int{30, 20, 40}, []int{40000}) {
				l := layout.Contiguous(shape...)
				shared := l.Len() >= big
				for subset := 0; subset < 1<<len(shape); subset += max(1, 2*len(shape)-9) {
					folded := append([]int(nil), shape...)
					for k := range shape {
						if subset>>k&1 == 1 {
							folded[k] = 1
						}
					}
					for i, from := range every {
						if shared && i > 1 {
							break
						}
						to := dense[(i+subset)%len(dense)]
						dst := place(dt, to(folded), junk)
						// Sums of whole numbers are exact: each element counts once.
						s.check(row.name, exact, run, dst, place(dt, from(shape), whole(i)))
						if i%2 == 0 {
							s.check(row.name, row.tolerance, run, dst, place(dt, from(shape), values[(i/2+subset)%2](i)))
						}
					}
				}
			}
		}
	}
}

// matrixKinds lay out a batch of matrices: those of every, and matrices that
// are each transposed.
var matrixKinds = append(every[:len(every):len(every)], transposed)

func transposed(shape []int) layout.Layout {
	r := len(shape)
	stored := append([]int(nil), shape...)
	stored[r-1], stored[r-2] = stored[r-2], stored[r-1]
	axes := make([]int, r)
	for k := range axes {
		axes[k] = k
	}
	axes[r-1], axes[r-2] = r-2, r-1
	return layout.Contiguous(stored...).Permute(axes...)
}

func (s *suite) products() {
	op := func(b backend.Backend, o []backend.Operand) { b.MatMul(o[0], o[1], o[2]) }
	join := func(batch []int, rows, cols int) []int { return append(append([]int(nil), batch...), rows, cols) }
	for _, dt := range dtypes {
		for _, size := range [][3]int{
			{0, 3, 2}, {3, 0, 2}, {3, 2, 0}, {1, 1, 1}, {1, 5, 3}, {5, 1, 3}, {3, 5, 1}, {2, 3, 4}, {7, 17, 33}, {20, 9, 70},
		} {
			m, n, k := size[0], size[1], size[2]
			for round, batch := range [][]int{nil, {1}, {3}, {2, 3}, {0}, {1, 2, 1, 2}} {
				for i := round; i < len(dense)*len(matrixKinds); i += 7 {
					to := append(dense[:len(dense):len(dense)], transposed)[i%(len(dense)+1)]
					lx := matrixKinds[i%len(matrixKinds)](join(batch, m, k))
					ly := matrixKinds[(i*5+i/len(matrixKinds))%len(matrixKinds)](join(batch, k, n))
					s.check("MatMul", exact, op, place(dt, to(join(batch, m, n)), junk),
						place(dt, lx, whole(i)), place(dt, ly, whole(i+1)))
				}
			}
		}
		// Enough for blocking and threads; ordinary numbers too.
		for i, size := range [][3]int{{65, 130, 300}, {1, 600, 400}, {500, 1, 300}, {130, 70, 9}} {
			m, n, k := size[0], size[1], size[2]
			for j := range 4 {
				lx, ly := matrixKinds[0]([]int{m, k}), matrixKinds[0]([]int{k, n})
				if j&1 == 1 {
					lx = transposed([]int{m, k})
				}
				if j&2 == 2 {
					ly = transposed([]int{k, n})
				}
				value, tol := whole, exact
				if i%2 == 0 {
					value, tol = normal, productTolerance
				}
				s.check("MatMul", tol, op, place(dt, layout.Contiguous(m, n), junk), place(dt, lx, value(i)), place(dt, ly, value(j)))
			}
		}
		s.productCorners(dt, op)
		s.productLooks(dt)
	}
}

// productLooks checks the products of a backend that looks at them, and that it never
// takes one for finite that is not.
func (s *suite) productLooks(dt backend.DType) {
	if _, ok := s.b.(backend.LookingBackend); !ok {
		return
	}
	const what = "MatMulLooking"
	claims := false
	op := func(b backend.Backend, o []backend.Operand) {
		if looking, ok := b.(backend.LookingBackend); ok {
			claims = looking.MatMulLooking(o[0], o[1], o[2])
		} else {
			b.MatMul(o[0], o[1], o[2])
		}
	}
	large := 1e30
	switch dt {
	case backend.Float32:
	case backend.Float64:
		large = 1e200
	default:
		panic(backend.UnknownDType(dt))
	}
	for i, size := range [][3]int{{0, 3, 2}, {3, 2, 0}, {1, 9, 5}, {9, 1, 5}, {20, 9, 70}, {65, 130, 64}, {20, 10, 1100}} {
		m, n, k := size[0], size[1], size[2]
		dst := place(dt, layout.Contiguous(m, n), junk)
		x, y := place(dt, transposed([]int{m, k}), whole(i)), place(dt, layout.Contiguous(k, n), whole(i+1))
		s.check(what, exact, op, dst, x, y)
		batch := func(a array, rows, cols int) array { return relaid(a, layout.Contiguous(1, rows, cols)) }
		s.check(what, exact, op, batch(dst, m, n), batch(x, m, k), batch(y, k, n))
		if m*n*k == 0 {
			continue
		}
		// The product overflows in one element, in a corner or elsewhere.
		for _, at := range [][2]int{{0, 0}, {m - 1, n - 1}, {0, n - 1}, {m / 2, n / 3}} {
			x, y := place(dt, transposed([]int{m, k}), whole(i)), place(dt, layout.Contiguous(k, n), whole(i+1))
			row, column := offsets(x.layout)[at[0]*k:][:k], offsets(y.layout)[at[1]:]
			for p := range k {
				x.host.Set(row[p], 0)
				y.host.Set(column[p*n], 0)
			}
			x.host.Set(row[k/2], large)
			y.host.Set(column[k/2*n], large)
			s.check(what, exact, op, dst, x, y)
			if claims {
				s.complain(what, []array{dst, x, y}, "element %d, %d is infinite, and it says that none is", at[0], at[1])
				return
			}
		}
	}
}

// productCorners checks that no product with zero is skipped.
func (s *suite) productCorners(dt backend.DType, op operation) {
	for _, v := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		for j := range 8 {
			x, y := place(dt, layout.Contiguous(9, 20), junk), place(dt, layout.Contiguous(20, 11), junk)
			zero, poisoned := x, y
			if j&4 == 4 {
				zero, poisoned = y, x
			}
			for i := range zero.layout.Len() {
				zero.host.Set(i, 0)
			}
			poisoned.host.Set(poisoned.layout.Len()/2, v)
			if j&1 == 1 {
				x = relaid(x, transposed([]int{9, 20}))
			}
			if j&2 == 2 {
				y = relaid(y, transposed([]int{20, 11}))
			}
			s.check(fmt.Sprintf("MatMul with 0·%v", v), exact, op, place(dt, layout.Contiguous(9, 11), junk), x, y)
		}
	}
}

// relaid puts the elements of an array into another layout.
func relaid(a array, l layout.Layout) array {
	from, i := offsets(a.layout), -1
	return place(a.host.DType(), l, func() float64 { i++; return a.host.At(from[i]) })
}

// indexed are the shapes that Gather and ScatterAdd run on.
var indexed = [][]int{{5}, {1}, {3, 4}, {4, 1, 3}, {2, 3, 4}, {2, 0, 3}, {3, 3000}, {3000, 3}}

// indices lists indices for an axis of dim n, with repeats, and some that do not
// lie in it.
func indices(n int) [][]float64 {
	d := float64(n)
	out := [][]float64{{}, {d, -1, 0.5, math.NaN(), math.Inf(1)}}
	if n > 0 {
		middle := float64(n / 2)
		out = append(out, []float64{d - 1}, []float64{0, middle, d - 1, middle, 0, 0}, []float64{d - 1, d, 0})
	}
	return out
}

// listed returns the elements of a list, one after another.
func listed(list []float64) func() float64 {
	i := -1
	return func() float64 { i++; return list[i] }
}

func (s *suite) gathers() {
	for _, dt := range dtypes {
		for _, shape := range indexed {
			for axis := range shape {
				for k, index := range indices(shape[axis]) {
					picked := append([]int(nil), shape...)
					picked[axis] = len(index)
					op := func(b backend.Backend, o []backend.Operand) { b.Gather(o[0], o[1], axis, o[2]) }
					for i, from := range every {
						s.check(fmt.Sprintf("Gather %v along axis %d", index, axis), exact, op,
							place(dt, dense[i%len(dense)](picked), junk), place(dt, from(shape), special(i)),
							place(dtypes[(i+k)%2], dense[i%len(dense)]([]int{len(index)}), listed(index)))
					}
				}
			}
		}
	}
}

func (s *suite) scatters() {
	op := func(axis int) operation {
		return func(b backend.Backend, o []backend.Operand) { b.ScatterAdd(o[0], o[1], axis, o[2]) }
	}
	for _, dt := range dtypes {
		for _, shape := range indexed {
			for axis := range shape {
				for k, index := range indices(shape[axis]) {
					added := append([]int(nil), shape...)
					added[axis] = len(index)
					for i, from := range every {
						for _, value := range values {
							s.check(fmt.Sprintf("ScatterAdd %v along axis %d", index, axis), exact, op(axis),
								place(dt, dense[i%len(dense)](shape), whole(i)), place(dt, from(added), value(i)),
								place(dtypes[(i+k)%2], dense[i%len(dense)]([]int{len(index)}), listed(index)))
						}
					}
				}
			}
		}
		// In order: (0 + 1e20) − 1e20 + 1 is 1, and any other order gives 0.
		three := layout.Contiguous(3)
		s.check("ScatterAdd in order", exact, op(0), place(dt, layout.Contiguous(2), func() float64 { return 0 }),
			place(dt, three, listed([]float64{1e20, -1e20, 1})), place(dt, three, listed([]float64{1, 1, 1})))
	}
}

func (s *suite) randoms() {
	for code, row := range randomTable {
		if row.name == "" {
			s.errorf("distribution %d has no row in the table", code)
		}
		for _, dt := range dtypes {
			var tol tolerance
			switch dt {
			case backend.Float32:
				tol = exact
			case backend.Float64:
				tol = row.f64
			default:
				panic(backend.UnknownDType(dt))
			}
			for _, n := range []int{0, 1, 2, 3, 4, 5, 63, 1001, 10007} {
				for _, offset := range []int{0, 3} {
					for _, counter := range []uint64{0, 1, 1<<32 - 2, 1<<40 + 5} {
						l := layout.Contiguous(n)
						l.Offset = offset
						s.check(row.name, tol, func(b backend.Backend, o []backend.Operand) {
							b.Random(backend.Distribution(code), o[0], 0x123456789abcdef, counter)
						}, place(dt, l, junk))
					}
				}
			}
		}
	}
}
