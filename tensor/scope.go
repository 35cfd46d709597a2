package tensor

import (
	"math"
	"math/bits"
	"os"
	"slices"

	"github.com/gander-ml/gander/internal/backend"
	"github.com/gander-ml/gander/internal/layout"
)

// Scope provides memory for one step of work and reuses it for the next. Whatever
// is computed from a tensor of a scope lives in the same scope, and [Scope.Close]
// gives all of it back at once; the next step then finds its buffers already
// allocated.
//
//	s := tensor.NewScope()
//	for step := range steps {
//		x := s.Adopt(batch)            // from here on, results live in s
//		y := tensor.Tanh(x)
//		best := y.Keep()               // a copy that outlives the step
//		s.Close()                      // using x or y now panics
//	}
//
// A scope saves zeroing fresh memory, and its memory stays in the cache. It is
// never needed for correctness: without one, memory is the garbage collector's.
// What outlives a step (parameters, optimizer state, averages) must not live in a
// scope.
//
// A scope serves one goroutine at a time. Setting the environment variable
// GANDER_POISON=1 fills memory that is given back with NaN, to show a use after
// Close that the checks missed.
type Scope struct {
	epoch uint64
	free  map[sizeClass][]backend.Buffer
	used  []lease
	slab  []owned // headers not handed out yet
}

type sizeClass struct {
	device *Device
	dtype  DType
	size   int
}

type lease struct {
	class  sizeClass
	buffer backend.Buffer
}

var poison = os.Getenv("GANDER_POISON") == "1"

// NewScope returns an open, empty scope.
func NewScope() *Scope {
	return &Scope{free: map[sizeClass][]backend.Buffer{}}
}

// Close ends the step: every tensor of the scope becomes unusable, and its
// memory is used again. The scope itself stays open for the next step.
func (s *Scope) Close() {
	s.epoch++
	// The last buffer lent is the last to be lent again, so that every step of
	// the same work finds the same buffers in the same places.
	for _, l := range slices.Backward(s.used) {
		if poison {
			l.class.device.backend.Fill(backend.Operand{Buffer: l.buffer, Layout: layout.Contiguous(l.buffer.Len())}, math.NaN())
		}
		s.free[l.class] = append(s.free[l.class], l.buffer)
	}
	clear(s.used)
	s.used = s.used[:0]
}

// Release returns the memory of closed steps to its devices. The scope can be used
// again, and allocates anew. Tensors that live in the scope keep their memory
// until it is closed.
func (s *Scope) Release() {
	for class, list := range s.free {
		for _, b := range list {
			class.device.backend.Free(b)
		}
	}
	clear(s.free)
}

// Adopt returns a view of t that lives in the scope, as what is computed from it
// then does. t may live in another scope; the view becomes unusable when either is
// closed.
func (s *Scope) Adopt(t *Tensor) *Tensor {
	t.alive("Scope.Adopt")
	o := s.header()
	o.tensor = Tensor{layout: t.layout, store: t.store, scope: s, epoch: s.epoch}
	return &o.tensor
}

// Empty returns a tensor of the scope whose elements are arbitrary until they are
// written. It panics as [New] does.
func (s *Scope) Empty(d *Device, dt DType, shape ...int) *Tensor {
	d.given("Scope.Empty")
	checkDType("Scope.Empty", dt)
	return empty(s, d, dt, checkShape("Scope.Empty", shape))
}

// Keep returns a copy of t that lives in no scope. A tensor that lives in none
// is returned as it is.
func (t *Tensor) Keep() *Tensor {
	t.alive("Keep")
	if t.scope == nil {
		return t
	}
	out := empty(nil, t.store.device, t.DType(), t.layout.Packed())
	t.store.device.backend.Copy(out.operand(), t.operand())
	return out
}

// Scope returns the scope that t lives in, or nil.
func (t *Tensor) Scope() *Scope { return t.scope }

// empty returns a tensor with arbitrary elements.
func empty(s *Scope, d *Device, dt DType, l layout.Layout) *Tensor {
	if s == nil {
		return d.wrap(d.backend.Alloc(dt, l.Len()), l)
	}
	c := sizeClass{d, dt, roundUp(l.Len())}
	var b backend.Buffer
	if list := s.free[c]; len(list) > 0 {
		b = list[len(list)-1]
		s.free[c] = list[:len(list)-1]
	} else {
		b = d.backend.Alloc(dt, c.size)
	}
	s.used = append(s.used, lease{c, b})
	o := s.header()
	o.init(d, b, l)
	o.tensor.scope, o.tensor.epoch = s, s.epoch
	o.storage.lender, o.storage.epoch = s, s.epoch
	return &o.tensor
}

// header returns a fresh header. Headers are allocated many at a time and never
// reused, so that a stale tensor is always recognised as such.
func (s *Scope) header() *owned {
	if len(s.slab) == 0 {
		s.slab = make([]owned, 32)
	}
	o := &s.slab[0]
	s.slab = s.slab[1:]
	return o
}

// roundUp returns n rounded up to one of eight sizes per power of two, so that
// batches of slightly different size share buffers.
func roundUp(n int) int {
	if n <= 16 {
		return 16
	}
	step := 1 << max(bits.Len(uint(n-1))-4, 0)
	return (n + step - 1) &^ (step - 1)
}

// alive panics if t is nil or holds nothing, or if t's scope was closed since t was
// made, or the scope that t was adopted from.
func (t *Tensor) alive(op string) {
	if t == nil || t.store == nil {
		panic(&ArgumentError{Op: op, Problem: "a tensor is nil", Fix: "give one, such as New makes"})
	}
	s := t.store
	if t.scope != nil && t.epoch != t.scope.epoch || s.lender != nil && s.epoch != s.lender.epoch {
		panic(&LifetimeError{Op: op, Shapes: shapesOf(t),
			Problem: "the tensor's scope was closed",
			Fix:     "call Keep before Close, or use it earlier"})
	}
}
