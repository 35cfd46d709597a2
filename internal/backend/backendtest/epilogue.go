package backendtest

import (
	"fmt"
	"math"

	"github.com/gander-ml/gander/internal/backend"
	"github.com/gander-ml/gander/internal/layout"
	"github.com/gander-ml/gander/internal/op"
)

// function is the function of an epilogue, with its constant.
type function struct {
	f op.Unary
	a float64
}

// functions are the functions of epilogues: none, and each that has a Grad.
var functions = func() []function {
	all := []function{{}}
	for f := range op.NumUnary {
		if _, ok := f.Grad(); ok {
			c := function{f: f}
			if constants := unaryTable[f].constants; len(constants) > 0 {
				c.a = constants[0][0]
			}
			all = append(all, c)
		}
	}
	return all
}()

func (f function) String() string { return f.f.String() }

// tolerance returns the tolerance of the function alone, for sums that are exact.
func (f function) tolerance() tolerance {
	t := unaryTable[f.f].tolerance
	t.zeros = true
	return t
}

// epilogue returns an epilogue with the function and, if biased is set, the bias.
func (f function) epilogue(bias backend.Operand, biased bool) backend.Epilogue {
	if !biased {
		bias = backend.Operand{}
	}
	return backend.Epilogue{Bias: bias, F: f.f, A: f.a}
}

// linears checks linear layers with every epilogue.
func (s *suite) linears() {
	for _, f := range functions {
		for _, biased := range []bool{true, false} {
			what := fmt.Sprintf("Linear+%v, bias %v", f, biased)
			run := func(b backend.Backend, o []backend.Operand) { b.Linear(o[0], o[1], o[2], f.epilogue(o[3], biased)) }
			for _, dt := range dtypes {
				for k, size := range [][3]int{
					{0, 3, 2}, {3, 0, 2}, {3, 2, 0}, {1, 1, 1}, {3, 5, 1}, {2, 3, 4}, {7, 17, 33}, {20, 33, 70}, {64, 130, 20},
				} {
					n, out, in := size[0], size[1], size[2]
					for i := range 2 * len(matrixKinds) {
						if n*out >= big && i%8 != 0 {
							continue
						}
						arrays := func(value func(seed int) func() float64) []array {
							return []array{
								place(dt, matrixKinds[i%len(matrixKinds)]([]int{n, in}), value(i)),
								place(dt, matrixKinds[(i*5+k)%len(matrixKinds)]([]int{out, in}), value(i+1)),
								place(dt, every[i%len(every)]([]int{out}), value(i+2)),
							}
						}
						dst := place(dt, dense[(i+k)%len(dense)]([]int{n, out}), junk)
						s.check(what, f.tolerance(), run, dst, arrays(whole)...)
						s.check(what, linearTolerance, run, dst, arrays(normal)...)
					}
				}
			}
		}
	}
}

// linearAdds checks linear layers with another matrix added, on a backend that has them
// in one pass.
func (s *suite) linearAdds() {
	if _, ok := s.b.(backend.LinearAddBackend); !ok {
		return
	}
	for _, f := range functions {
		for _, biased := range []bool{true, false} {
			what := fmt.Sprintf("LinearAdd+%v, bias %v", f, biased)
			run := func(b backend.Backend, o []backend.Operand) {
				if fused, ok := b.(backend.LinearAddBackend); ok {
					fused.LinearAdd(o[0], o[1], o[2], o[4], f.epilogue(o[3], biased))
					return
				}
				b.Linear(o[0], o[1], o[2], function{}.epilogue(o[3], biased))
				b.Binary(op.Add, o[0], o[0], o[4], 0)
				f.epilogue(o[3], false).Apply(b, o[0])
			}
			for _, dt := range dtypes {
				for k, size := range [][3]int{
					{0, 3, 2}, {3, 0, 2}, {3, 2, 0}, {1, 1, 1}, {3, 5, 1}, {2, 3, 4}, {7, 17, 33}, {20, 33, 70}, {64, 130, 20}, {3, 4, 2100},
				} {
					n, out, in := size[0], size[1], size[2]
					for i := range 2 * len(every) {
						if (n*out >= big || in > 1000) && i%8 != 0 {
							continue
						}
						arrays := func(value func(seed int) func() float64) []array {
							return []array{
								place(dt, matrixKinds[i%len(matrixKinds)]([]int{n, in}), value(i)),
								place(dt, matrixKinds[(i*5+k)%len(matrixKinds)]([]int{out, in}), value(i+1)),
								place(dt, every[(i*3+1)%len(every)]([]int{out}), value(i+2)),
								place(dt, every[i%len(every)]([]int{n, out}), value(i+3)),
							}
						}
						dst := place(dt, dense[(i+k)%len(dense)]([]int{n, out}), junk)
						s.check(what, f.tolerance(), run, dst, arrays(whole)...)
						s.check(what, linearTolerance, run, dst, arrays(normal)...)
					}
				}
			}
		}
	}
}

// epilogueGrads checks the gradients before an epilogue's function, those of
// matrices and of images.
func (s *suite) epilogueGrads() {
	for _, f := range functions {
		if f.f == op.None {
			continue
		}
		what := fmt.Sprintf("EpilogueGrad+%v", f)
		run := func(b backend.Backend, o []backend.Operand) { b.EpilogueGrad(f.f, o[0], o[1], o[2], o[3], f.a) }
		for _, dt := range dtypes {
			for _, shape := range [][]int{
				{0, 3}, {3, 0}, {1, 1}, {3, 5}, {17, 33}, {1, 5000}, {3000, 2}, {64, 130},
				{2, 3, 4, 5}, {1, 1, 1, 1}, {0, 2, 3, 3}, {2, 0, 3, 3}, {3, 17, 2, 2}, {3, 16, 14, 14}, {5, 1, 28, 28}, {2, 130, 5, 5},
			} {
				to, from := dense, every
				if len(shape) == 4 {
					to, from = denseImages, everyImage
				}
				l := layout.Contiguous(shape...)
				for i := range 2 * len(from) {
					if l.Len() >= big && i%8 > 1 {
						continue
					}
					// Every other time all have one layout, which is the usual case.
					gz, gy, y := to[i/2%len(to)], from[i/2%len(from)], from[i/2%len(from)]
					if i%2 == 1 {
						gz, gy, y = to[(i+1)%len(to)], from[i%len(from)], from[(i*3+1)%len(from)]
					}
					gb := place(dt, dense[i%len(dense)](shape[1:2]), junk)
					number := normal(i + 1)
					values := func() float64 { return math.Tanh(number()) }
					s.checkAll(what, epilogueGradTolerance, run, []array{place(dt, gz(shape), junk), gb},
						place(dt, gy(shape), normal(i)), place(dt, y(shape), values))
				}
			}
		}
	}
}
