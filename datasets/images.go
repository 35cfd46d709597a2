package datasets

import (
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/gander-ml/gander/internal/pixel"
	"github.com/gander-ml/gander/tensor"
)

// Images is a set of grey images of one size, each with a label. It is a [Dataset]
// whose samples are [1, height, width], scaled to [−1, 1]. It never changes, so
// any number of goroutines may read it.
type Images struct {
	height, width int
	pixels        []uint8 // [n, height, width]
	labels        []uint8 // [n]
	classes       int     // 1 more than the largest label, also of a subset
}

// NewImages joins an IDX array of images, [n, height, width], with one of
// labels, [n], both of uint8. It keeps their data, which must not change
// afterwards. It returns an error if the types, ranks or counts do not fit, or
// if there are no images.
func NewImages(images, labels *IDX) (*Images, error) {
	m, err := newImages(images, labels)
	if err != nil {
		return nil, fmt.Errorf("datasets: %w", err)
	}
	return m, nil
}

func newImages(images, labels *IDX) (*Images, error) {
	switch {
	case images == nil:
		return nil, errors.New("the array of images is nil")
	case labels == nil:
		return nil, errors.New("the array of labels is nil")
	case images.Type != IDXUint8:
		return nil, fmt.Errorf("images of %v, want uint8", images.Type)
	case labels.Type != IDXUint8:
		return nil, fmt.Errorf("labels of %v, want uint8", labels.Type)
	case len(images.Dims) != 3:
		return nil, fmt.Errorf("images of shape %s, want [n, height, width]", shapeText(images.Dims))
	case len(labels.Dims) != 1:
		return nil, fmt.Errorf("labels of shape %s, want [n]", shapeText(labels.Dims))
	}
	n, h, w := images.Dims[0], images.Dims[1], images.Dims[2]
	if n != labels.Dims[0] {
		return nil, fmt.Errorf("%d images, but %d labels", n, labels.Dims[0])
	}
	if n < 1 || h < 1 || w < 1 {
		return nil, fmt.Errorf("there are no images: their shape is %v", images.Dims)
	}
	if len(images.Data) != n*h*w || len(labels.Data) != n {
		return nil, errors.New("the data is not as long as the dims say")
	}
	return &Images{h, w, images.Data, labels.Data, int(slices.Max(labels.Data)) + 1}, nil
}

// Len returns the number of images.
func (m *Images) Len() int { return len(m.labels) }

// Shape returns the shape of one image, [1, height, width].
func (m *Images) Shape() []int { return []int{1, m.height, m.width} }

// Label returns image i's label, for MNIST the digit it shows. It panics with an
// [tensor.ArgumentError] unless 0 ≤ i < Len.
func (m *Images) Label(i int) int {
	m.check("Images.Label", i)
	return int(m.labels[i])
}

// Classes returns the names of the classes, "0" to "9" for MNIST: those up to the
// largest label. A [Images.Subset] has those of the whole set.
func (m *Images) Classes() []string {
	names := make([]string, m.classes)
	for i := range names {
		names[i] = strconv.Itoa(i)
	}
	return names
}

// Pixels returns a copy of image i as it was stored, from 0 to 255 and row by
// row. It panics with a [tensor.ArgumentError] unless 0 ≤ i < Len.
func (m *Images) Pixels(i int) []uint8 {
	m.check("Images.Pixels", i)
	return append([]uint8(nil), m.image(i)...)
}

// Subset returns the images lo, lo+1, …, hi−1, without a copy. It panics with an
// [tensor.ArgumentError] unless 0 ≤ lo ≤ hi ≤ Len.
func (m *Images) Subset(lo, hi int) *Images {
	if lo < 0 || hi < lo || hi > m.Len() {
		misuse("Images.Subset", fmt.Sprintf("there is no range [%d, %d) of %d images", lo, hi, m.Len()),
			"give 0 ≤ lo ≤ hi ≤ Len")
	}
	size := m.height * m.width
	return &Images{m.height, m.width, m.pixels[lo*size : hi*size], m.labels[lo:hi], m.classes}
}

// Fill writes image i to dst, each pixel x as (x/255 − 0.5)/0.5, rounded at each
// step to float32: the same bits as torchvision's ToTensor and Normalize(0.5,
// 0.5). It panics with a [tensor.ArgumentError] unless 0 ≤ i < Len and dst has one
// element per pixel. The error is always nil.
func (m *Images) Fill(i int, dst []float32) error {
	m.check("Images.Fill", i)
	fill(dst, m.image(i), &pixel.Scaled32)
	return nil
}

// Fill64 is [Images.Fill] with each step rounded to float64.
func (m *Images) Fill64(i int, dst []float64) error {
	m.check("Images.Fill64", i)
	fill(dst, m.image(i), &pixel.Scaled64)
	return nil
}

func (m *Images) image(i int) []uint8 {
	size := m.height * m.width
	return m.pixels[i*size : (i+1)*size]
}

func (m *Images) check(op string, i int) {
	if i < 0 || i >= m.Len() {
		misuse(op, fmt.Sprintf("there is no image %d of %d", i, m.Len()), "give 0 ≤ i < Len")
	}
}

func fill[T float32 | float64](dst []T, pixels []uint8, table *[256]T) {
	if len(dst) != len(pixels) {
		misuse("Images.Fill", fmt.Sprintf("dst has %d elements, the image %d", len(dst), len(pixels)),
			"give one element per pixel")
	}
	for k, x := range pixels {
		dst[k] = table[x]
	}
}

// misuse panics with the typed error of the programmer's mistakes.
func misuse(op, problem, fix string) {
	panic(&tensor.ArgumentError{Op: op, Problem: problem, Fix: fix})
}
