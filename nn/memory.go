package nn

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/gander-ml/gander/internal/excerpt"
	"github.com/gander-ml/gander/tensor"
)

// Scratcher is a module whose pass needs memory besides its output that may be
// larger than it by far, such as the padded image of a pool. [PassMemory] asks
// for it.
type Scratcher interface {
	// Scratch returns the shapes of what a pass makes besides its output, in training
	// or in evaluation, where it is more, for an input's shape that OutShape accepts.
	Scratch(in []int) [][]int
}

// copies returns the shapes of n arrays like an input.
func copies(n int, in []int) [][]int { return [][]int{append([]int{n}, in...)} }

// MemoryError says that a pass would take more memory than is allowed. It is
// what [PassMemory] returns.
type MemoryError struct {
	Layer string // the layer that exceeds the limit: its place and kind, "3.0 Conv2D"
	Shape []int  // what it makes
	Bytes int64  // of all layers up to it; math.MaxInt64 if it is more than that
	Limit int64
}

func (e *MemoryError) Error() string {
	return fmt.Sprintf("nn: layer %s makes %s, with which a pass would take %s bytes; the limit is %s",
		excerpt.Quote(e.Layer), shapeText(e.Shape), bytesText(e.Bytes), bytesText(e.Limit))
}

func bytesText(n int64) string {
	if n == math.MaxInt64 {
		return "2⁶³ or more"
	}
	return thousands(n)
}

// shapeText is a shape for messages: files may ask for many dims.
func shapeText(shape []int) string {
	if len(shape) > tensor.MaxRank {
		return fmt.Sprintf("%v… (%d dims)", shape[:tensor.MaxRank], len(shape))
	}
	return fmt.Sprint(shape)
}

// PassMemory returns about how many bytes a forward pass takes for an input of that
// shape, in training or in evaluation, where it is more: the outputs of all layers in
// dt, and what layers need besides ([Scratcher]), but neither the parameters nor a
// graph's gradients. Nothing is allocated. Use it before running a network from a file
// that may ask for too much.
//
// The error is a [MemoryError] as soon as the sum exceeds limit, and what
// [OutShape] returns if a layer does not take its input. It wraps
// [ErrUnknownShape] if a layer does not tell its output's shape: the bytes are then
// those of the layers before it.
//
// Parts of a [Parent] that is not a [Chain] are taken to get the parent's input
// or, if they do not take that, the output of the part before. Those that take
// neither do not count.
func PassMemory(m Module, in []int, dt tensor.DType, limit int64) (bytes int64, err error) {
	w := memoryWalk{size: int64(dt.Size()), limit: limit}
	_, err = w.pass("", m, slices.Clone(in))
	return w.bytes, err
}

// memoryWalk adds up the memory of a pass.
type memoryWalk struct {
	size         int64 // of a number
	bytes, limit int64
}

// pass adds what a module takes and returns its output's shape.
func (w *memoryWalk) pass(path string, m Module, in []int) ([]int, error) {
	join := func(name string) string { return strings.TrimPrefix(path+"."+name, ".") }
	if c, ok := m.(Chain); ok {
		for _, part := range c.Children() {
			out, err := w.pass(join(part.Name), part.Module, in)
			if err != nil {
				return nil, err
			}
			in = out
		}
		return in, nil
	}
	layer := strings.TrimSpace(path + " " + kindOf(m))
	// The parts first: what they make may be so large that the sizes of the
	// whole overflow.
	if p, ok := m.(Parent); ok {
		last := in
		for _, part := range p.Children() {
			from := in
			if _, err := OutShape(part.Module, in); err != nil {
				from = last
			}
			out, err := w.pass(join(part.Name), part.Module, from)
			var large *MemoryError
			if errors.As(err, &large) {
				return nil, err
			}
			if err == nil {
				last = out
			}
		}
	}
	out, err := OutShape(m, in)
	if err != nil {
		return nil, fmt.Errorf("layer %s: %w", excerpt.Quote(layer), err)
	}
	made := [][]int{out}
	for inner := m; ; {
		if s, ok := inner.(Scratcher); ok {
			made = append(made, s.Scratch(in)...)
		}
		wrapper, ok := inner.(Wrapper)
		if !ok {
			break
		}
		inner = wrapper.Unwrap()
	}
	for _, shape := range made {
		bytes, ok := w.bytesOf(shape)
		if w.bytes += bytes; !ok || w.bytes < 0 {
			w.bytes = math.MaxInt64
		}
		if w.bytes > w.limit {
			return nil, &MemoryError{layer, shape, w.bytes, w.limit}
		}
	}
	return out, nil
}

// bytesOf returns the bytes of an array; ok is false if they are too many to
// count, or a dim is negative.
func (w *memoryWalk) bytesOf(shape []int) (n int64, ok bool) {
	if slices.Contains(shape, 0) {
		return 0, true
	}
	n = w.size
	for _, d := range shape {
		if d < 0 || int64(d) > math.MaxInt64/n {
			return 0, false
		}
		n *= int64(d)
	}
	return n, true
}
