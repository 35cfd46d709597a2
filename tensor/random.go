package tensor

import (
	"fmt"
	"hash/fnv"
	"math"

	"github.com/gander-ml/gander/internal/backend"
	"github.com/gander-ml/gander/internal/philox"
)

// Stream is a sequence of random numbers, named by a seed and a purpose:
// "init", "latent", "shuffle". The numbers come from a counter-based generator
// (Philox 4×32-10; Salmon et al., "Parallel random numbers: as easy as 1, 2,
// 3", 2011), so they depend on the seed, the purpose and the position alone, not
// on threads nor, in Float32, on the device. [StreamAt] continues a stream from
// its [Stream.State]. A stream serves one goroutine at a time.
type Stream struct {
	key, counter uint64
}

// NewStream returns the stream of a seed and a purpose, at its beginning.
// Different purposes give independent numbers.
func NewStream(seed uint64, purpose string) *Stream {
	h := fnv.New64a()
	h.Write([]byte(purpose))
	return &Stream{key: mix(seed ^ mix(h.Sum64()))}
}

// mix is the finaliser of SplitMix64 (Steele, Lea, Flood, 2014): a bijection
// that spreads neighbouring seeds over the whole range.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// State returns what [StreamAt] needs to continue the stream from here.
func (s *Stream) State() (key, counter uint64) { return s.key, s.counter }

// StreamAt returns the stream whose [Stream.State] was key and counter.
func StreamAt(key, counter uint64) *Stream { return &Stream{key, counter} }

// Normal returns independent numbers of mean 0 and variance 1.
func (s *Stream) Normal(dt DType, shape ...int) *Tensor {
	t := New(dt, shape...)
	s.fill("Stream.Normal", backend.Normal, t)
	return t
}

// Uniform returns independent numbers, uniform on [0, 1).
func (s *Stream) Uniform(dt DType, shape ...int) *Tensor {
	t := New(dt, shape...)
	s.fill("Stream.Uniform", backend.Uniform, t)
	return t
}

// NormalInto overwrites dst with independent numbers of mean 0 and variance 1.
func (s *Stream) NormalInto(dst *Tensor) { s.fill("Stream.NormalInto", backend.Normal, dst) }

// UniformInto overwrites dst with independent numbers, uniform on [0, 1).
func (s *Stream) UniformInto(dst *Tensor) { s.fill("Stream.UniformInto", backend.Uniform, dst) }

func (s *Stream) fill(op string, d backend.Distribution, dst *Tensor) {
	dst.writable(op)
	n := dst.Len()
	t := dst
	if !dst.IsContiguous() {
		t = empty(dst.scope, dst.store.device, dst.DType(), dst.layout.Packed())
	}
	t.store.device.backend.Random(d, t.operand(), s.key, s.counter)
	s.counter += blocks(dst.DType(), n)
	if t != dst {
		dst.CopyFrom(t)
		return
	}
	dst.store.version.Add(1)
}

// Skip moves the stream on as drawing n numbers of a type at once does. If n is a
// multiple of 4, what is drawn next is what would have followed them in one draw. It
// panics with an [ArgumentError] if n is negative, or the type unknown.
func (s *Stream) Skip(dt DType, n int) {
	checkDType("Stream.Skip", dt)
	if n < 0 {
		panic(&ArgumentError{Op: "Stream.Skip", Problem: fmt.Sprintf("%d numbers", n), Fix: "give 0 or more"})
	}
	s.counter += blocks(dt, n)
}

// blocks returns how many blocks of random bits n numbers take.
func blocks(dt DType, n int) uint64 {
	switch dt {
	case Float32:
		return uint64(philox.Blocks32(n))
	case Float64:
		return uint64(philox.Blocks64(n))
	}
	panic(backend.UnknownDType(dt))
}

// Perm returns a random order of 0, 1, …, n−1, each equally likely (Fisher and
// Yates; Lemire's bounded numbers, so without bias). It panics with an
// [ArgumentError] if n is negative, or more than 32 bits can count or memory can hold.
func (s *Stream) Perm(n int) []int {
	if most := int64(min(math.MaxUint32, maxLen)); n < 0 || int64(n) > most {
		panic(&ArgumentError{Op: "Stream.Perm", Problem: fmt.Sprintf("an order of %d numbers is not possible", n), Fix: fmt.Sprintf("give 0 to %d", most)})
	}
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	var words [4]uint32
	left := 0
	next := func() uint32 {
		if left == 0 {
			philox.Uint32s(words[:], s.key, s.counter)
			s.counter++
			left = 4
		}
		left--
		return words[3-left]
	}
	for i := n - 1; i > 0; i-- {
		j := bounded(next, uint32(i+1))
		order[i], order[j] = order[j], order[i]
	}
	return order
}

// bounded returns a number from 0 to n−1, each equally likely (Lemire, "Fast
// random integer generation in an interval", 2019).
func bounded(next func() uint32, n uint32) uint32 {
	m := uint64(next()) * uint64(n)
	if low := uint32(m); low < n {
		for threshold := -n % n; low < threshold; low = uint32(m) {
			m = uint64(next()) * uint64(n)
		}
	}
	return uint32(m >> 32)
}
