package cpu

import (
	"sync"

	"github.com/gander-ml/gander/internal/backend"
	"github.com/gander-ml/gander/internal/kernel"
	"github.com/gander-ml/gander/internal/layout"
)

// pictures are an operand [n, c, h, w]. Distances are in elements.
type pictures[T kernel.Float] struct {
	data                       []T
	image, channel, row, pixel int
	channels, height, width    int
}

func picturesOf[T kernel.Float](o backend.Operand) pictures[T] {
	l := &o.Layout
	p := pictures[T]{elements[T](o), l.Strides[0], l.Strides[1], l.Strides[2], l.Strides[3], l.Dims[1], l.Dims[2], l.Dims[3]}
	// The stride of an axis of dim 1 may be anything.
	if p.channels == 1 {
		p.channel = 1
	}
	if p.width == 1 {
		p.pixel = max(p.channels, 1)
	}
	return p
}

// window returns the pixels [h0,h1)×[v0,v1) of a picture, zero beyond its edges,
// in channels-last memory without gaps between pixels, and the distance of
// rows: the picture itself where it is that already, else a copy in m.
func (p *pictures[T]) window(image, h0, h1, v0, v1 int, m *memory[T]) (data []T, row int) {
	if p.channel == 1 && p.pixel == p.channels && h0 >= 0 && v0 >= 0 && h1 <= p.height && v1 <= p.width {
		return p.data[image*p.image+h0*p.row+v0*p.pixel:], p.row
	}
	row = (v1 - v0) * p.channels
	m.resize((h1 - h0) * row)
	if p.height == 0 || p.width == 0 {
		clear(m.data)
		return m.data, row
	}
	src := p.data[image*p.image:]
	left := min(max(-v0, 0), v1-v0) // columns before the picture's first
	right := max(min(p.width-v0, v1-v0), left)
	for h := h0; h < h1; h++ {
		dst := m.data[(h-h0)*row:][:row]
		if h < 0 || h >= p.height || left == right {
			clear(dst)
			continue
		}
		clear(dst[:left*p.channels])
		clear(dst[right*p.channels:])
		p.copyPixels(dst[left*p.channels:right*p.channels], src[h*p.row+(v0+left)*p.pixel:])
	}
	return m.data, row
}

// copyPixels copies pixels of one row to where they have no gaps.
func (p *pictures[T]) copyPixels(dst, src []T) {
	n := len(dst) / p.channels
	switch {
	case p.channel == 1 && p.pixel == p.channels:
		copy(dst, src)
	case p.channel == 1:
		for i := range n {
			copy(dst[i*p.channels:][:p.channels], src[i*p.pixel:])
		}
	case p.pixel == 1:
		kernel.Transpose(dst, p.channels, src, p.channel, p.channels, n)
	default:
		for i := range dst {
			dst[i] = src[i/p.channels*p.pixel+i%p.channels*p.channel]
		}
	}
}

// results returns where to put the results for dst [n, c, h, w]: dst itself
// where its channels are neighbours, else borrowed memory.
func results[T kernel.Float](b *Backend, dst backend.Operand) (backend.Operand, *memory[T]) {
	l := &dst.Layout
	if (l.Dims[1] == 1 || l.Strides[1] == 1) && (l.Dims[3] == 1 || l.Strides[3] >= l.Dims[1]) {
		return dst, nil
	}
	m := borrow[T](l.Len())
	return operandOf(m.data, layout.Contiguous(l.Dims[0], l.Dims[2], l.Dims[3], l.Dims[1]).Permute(0, 3, 1, 2)), m
}

// operandOf wraps elements in a layout.
func operandOf[T kernel.Float](data []T, l layout.Layout) backend.Operand {
	if d, ok := any(data).([]float64); ok {
		return backend.Operand{Buffer: backend.Host64(d), Layout: l}
	}
	return backend.Operand{Buffer: backend.Host32(any(data).([]float32)), Layout: l}
}

// memory is lent for the time of one operation. Its elements are leftovers.
type memory[T kernel.Float] struct{ data []T }

// memories are kept for later calls, by element type.
var memories32, memories64 sync.Pool

func memories[T kernel.Float]() *sync.Pool {
	if poolOf[T]() == pools64 {
		return &memories64
	}
	return &memories32
}

func borrow[T kernel.Float](n int) *memory[T] {
	m, ok := memories[T]().Get().(*memory[T])
	if !ok {
		m = new(memory[T])
	}
	m.resize(n)
	return m
}

func (m *memory[T]) resize(n int) {
	if cap(m.data) < n {
		m.data = make([]T, n)
	}
	m.data = m.data[:n]
}

func (m *memory[T]) giveBack() {
	if m != nil {
		memories[T]().Put(m)
	}
}
