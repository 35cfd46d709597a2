package cpu

import (
	"github.com/gander-ml/gander/internal/backend"
	"github.com/gander-ml/gander/internal/gemm"
	"github.com/gander-ml/gander/internal/layout"
)

// imageBatch is an operand [n, c, h, w]. Distances are in elements.
type imageBatch[T gemm.Float] struct {
	data                       []T
	image, channel, row, pixel int
	channels, height, width    int
}

func imagesOf[T gemm.Float](o backend.Operand) imageBatch[T] {
	l := &o.Layout
	p := imageBatch[T]{elements[T](o), l.Strides[0], l.Strides[1], l.Strides[2], l.Strides[3], l.Dims[1], l.Dims[2], l.Dims[3]}
	// The stride of an axis of dim 1 may be anything.
	if p.channels == 1 {
		p.channel = 1
	}
	if p.width == 1 {
		p.pixel = max(p.channels, 1)
	}
	return p
}

// window is a part of some images in channels-last memory without gaps between
// pixels, zero beyond the images' edges.
type window[T gemm.Float] struct {
	*memory[T]
	images, h0, h1, v0, v1 int // what the memory holds
}

// of returns the pixels [h0,h1)×[v0,v1) of some images, from number image on, and
// the distances between rows and between images. They are those of the operand
// itself if it has no gaps between pixels, else a copy. The operand is the same in
// all calls.
func (w *window[T]) of(p *imageBatch[T], image, images, h0, h1, v0, v1 int) (data []T, row, stride int) {
	if h0 == h1 || v0 == v1 {
		return nil, 0, 0
	}
	if p.channel == 1 && p.pixel == p.channels && h0 >= 0 && v0 >= 0 && h1 <= p.height && v1 <= p.width {
		return p.data[image*p.image+h0*p.row+v0*p.pixel:], p.row, p.image
	}
	row = (v1 - v0) * p.channels
	stride = (h1 - h0) * row
	if w.images < images || w.h0 != h0 || w.h1 != h1 || w.v0 != v0 || w.v1 != v1 { // else the edges are zero already
		w.resize(images * stride)
		clear(w.data)
		w.images, w.h0, w.h1, w.v0, w.v1 = images, h0, h1, v0, v1
	}
	top, left := max(h0, 0), max(v0, 0)
	rows, cols := min(h1, p.height)-top, min(v1, p.width)-left
	if rows > 0 && cols > 0 {
		for i := range images {
			to, from := i*stride+(top-h0)*row+(left-v0)*p.channels, (image+i)*p.image+top*p.row+left*p.pixel
			p.copyPixels(w.data[to:], row, p.data[from:], rows, cols)
		}
	}
	return w.data, row, stride
}

// copyPixels copies rows of pixels, closing the gaps between pixels.
func (p *imageBatch[T]) copyPixels(dst []T, row int, src []T, rows, cols int) {
	if p.channel == 1 && p.pixel == p.channels {
		gemm.CopyRows(dst, row, src, p.row, rows, cols*p.channels)
		return
	}
	if p.row == cols*p.pixel && row == cols*p.channels { // whole rows
		rows, cols = 1, rows*cols
	}
	for h := range rows {
		d, s := dst[h*row:][:cols*p.channels], src[h*p.row:]
		switch {
		case p.channel == 1:
			gemm.CopyRows(d, p.channels, s, p.pixel, cols, p.channels)
		case p.pixel == 1:
			gemm.Transpose(d, p.channels, s, p.channel, p.channels, cols)
		default:
			for i := range d {
				d[i] = s[i/p.channels*p.pixel+i%p.channels*p.channel]
			}
		}
	}
}

// results returns the operand to write the results for dst [n, c, h, w] to: dst
// itself if its channels are neighbours, else one in borrowed memory.
func results[T gemm.Float](dst backend.Operand) (backend.Operand, *memory[T]) {
	l := &dst.Layout
	if (l.Dims[1] == 1 || l.Strides[1] == 1) && (l.Dims[3] == 1 || l.Strides[3] >= l.Dims[1]) {
		return dst, nil
	}
	m := borrow[T](l.Len())
	return operandOf(m.data, layout.Contiguous(l.Dims[0], l.Dims[2], l.Dims[3], l.Dims[1]).Permute(0, 3, 1, 2)), m
}

// operandOf wraps elements in a layout.
func operandOf[T gemm.Float](data []T, l layout.Layout) backend.Operand {
	switch d := any(data).(type) {
	case []float32:
		return backend.Operand{Buffer: backend.Host32(d), Layout: l}
	case []float64:
		return backend.Operand{Buffer: backend.Host64(d), Layout: l}
	default:
		panic("cpu: unknown element type")
	}
}

// memory is borrowed for one operation. Its elements are arbitrary.
type memory[T gemm.Float] struct{ data []T }

func borrow[T gemm.Float](n int) *memory[T] {
	m := take[memory[T]](&poolOf[T]().memory)
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
		poolOf[T]().memory.Put(m)
	}
}
