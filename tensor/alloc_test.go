package tensor_test

import (
	"testing"

	"github.com/gander-ml/gander/tensor"
)

// TestWarmScopeAllocatesNothing: after a scope's first step, operations allocate
// neither buffers nor descriptions of work. (A scope allocates headers 32 at a time,
// which rounds to 0 here.)
func TestWarmScopeAllocatesNothing(t *testing.T) {
	if race {
		t.Skip("allocations are not our own")
	}
	s, r := tensor.NewScope(), tensor.NewStream(1, "test")
	draw := func(shape ...int) *tensor.Tensor { return r.Normal(tensor.Float32, shape...) }
	x0, y0, w0, b0, row0 := draw(64, 100), draw(64, 100), draw(50, 100), draw(50), draw(100)
	p, m, v := draw(64, 100), draw(64, 100), draw(64, 100)
	index := tensor.Positions(3, 1, 4, 1, 5)
	ps, ms, vs, xs := list(p), list(m), list(v), make([]*tensor.Tensor, 1)
	var x, y, w, b, row *tensor.Tensor // x0… in the scope
	for name, f := range map[string]func(){
		"Tanh":          func() { tensor.Tanh(x) },
		"Add":           func() { tensor.Add(x, y) },
		"Add a row":     func() { tensor.Add(x, row) },
		"Mul strided":   func() { tensor.Mul(x.T(), y.T()) },
		"Where":         func() { tensor.Where(row, x, row) },
		"MulAdd":        func() { tensor.MulAdd(row, x, row) },
		"Sum":           func() { tensor.Sum(x) },
		"Sum of rows":   func() { tensor.Sum(x, 1) },
		"Sum of column": func() { tensor.Sum(x, 0) },
		"SumTo":         func() { tensor.SumTo(x, 100) },
		"MaxOver":       func() { tensor.MaxOver(x, 1) },
		"MatMul":        func() { tensor.MatMul(x, w.T()) },
		"Linear":        func() { tensor.Linear(x, w, b, tensor.TanhActivation()) },
		"LinearAdd":     func() { tensor.LinearAdd(x, w, b, x.Slice(1, 0, 50), tensor.TanhActivation()) },
		"EpilogueGrad":  func() { tensor.EpilogueGrad(x, y, tensor.TanhActivation()) },
		"AverageInto":   func() { tensor.AverageInto(ms, ps, 0.5) },
		"ClampInto":     func() { tensor.ClampInto(ms, -1, 1) },
		"Norm":          func() { xs[0] = x; tensor.Norm(xs) },
		"Gather":        func() { tensor.Gather(x, 0, index) },
		"ScatterAdd":    func() { tensor.ScatterAdd(row.Slice(0, 0, 5), 0, 6, index) },
		"Pad":           func() { tensor.Pad(x, 0, 1, 1, 66) },
		"Concat":        func() { tensor.Concat(0, x, y) },
		"Reshape":       func() { x.Reshape(32, -1) },
		"Permute":       func() { x.Permute(1, 0) },
		"Slice":         func() { x.Slice(0, 0, 3) },
		"BroadcastTo":   func() { x.BroadcastTo(2, 64, 100) },
		"Unsqueeze":     func() { x.Unsqueeze(0) },
		"Clone":         func() { x.Clone() },
		"Contiguous":    func() { x.T().Contiguous() },
		"Cast":          func() { x.Cast(tensor.Float64) },
		"Item":          func() { tensor.Sum(x).Item() },
		"At and Set":    func() { p.Set(p.At(1, 2), 2, 3) },
		"Fill":          func() { p.Fill(1) },
		"CopyFrom":      func() { p.CopyFrom(x) },
		"NormalInto":    func() { r.NormalInto(p) },
		"AddScaledInto": func() { tensor.AddScaledInto(p, p, 0.5, v) },
		"LerpInto":      func() { tensor.LerpInto(p, p, x, 0.5) },
		"AdamInto":      func() { xs[0] = x; tensor.AdamInto(ps, xs, ms, vs, tensor.AdamParams{Correction1: 1, Correction2: 1}) },
	} {
		step := func() {
			x, y, w, b, row = s.Adopt(x0), s.Adopt(y0), s.Adopt(w0), s.Adopt(b0), s.Adopt(row0)
			f()
			s.Close()
		}
		step() // which warms the scope and the pools
		if n := testing.AllocsPerRun(100, step); n > 0 {
			t.Errorf("%s allocates %v times", name, n)
		}
	}
}

// BenchmarkOp is one operation on a batch, with and without a scope.
func BenchmarkOp(b *testing.B) {
	r := tensor.NewStream(1, "test")
	x, w, bias := r.Normal(tensor.Float32, 64, 256), r.Normal(tensor.Float32, 128, 256), r.Normal(tensor.Float32, 128)
	for name, f := range map[string]func(x *tensor.Tensor){
		"op=Tanh":   func(x *tensor.Tensor) { tensor.Tanh(x) },
		"op=Add":    func(x *tensor.Tensor) { tensor.Add(x, x) },
		"op=Sum":    func(x *tensor.Tensor) { tensor.Sum(x, 0) },
		"op=Linear": func(x *tensor.Tensor) { tensor.Linear(x, w, bias, tensor.TanhActivation()) },
	} {
		b.Run(name+"/scope=no", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				f(x)
			}
		})
		b.Run(name+"/scope=yes", func(b *testing.B) {
			b.ReportAllocs()
			s := tensor.NewScope()
			for b.Loop() {
				f(s.Adopt(x))
				s.Close()
			}
		})
	}
}
