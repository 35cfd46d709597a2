package datasets

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gander-ml/gander/internal/philox"
	"github.com/gander-ml/gander/tensor"
)

// Varying is implemented by datasets whose samples change from epoch to epoch, as
// those of [Augment] do. A [Loader] takes the batches of an epoch from InEpoch; the
// dataset's own Fill gives those of epoch 0.
type Varying interface {
	Dataset
	// InEpoch returns the dataset as it is in an epoch, counted from 0: of the same
	// length, shape and labels.
	InEpoch(epoch int) Dataset
}

// An Augmentation is a random change of an image [c, h, w] that it may just as well
// have had. [Flip], [Shift] and [RandomCrop] are the kinds.
type Augmentation struct {
	name string
	// size returns what becomes of an image's height and width, or panics.
	size func(h, w int) (int, int)
	// change returns which rows and columns of the image the new one's are.
	change func(r *dice, rows, cols []int) (newRows, newCols []int)
}

// Flip mirrors an image, left to right, with probability ½. Do not use it if left
// and right mean something, as in letters and digits.
func Flip() Augmentation {
	return Augmentation{
		name: "flip",
		size: func(h, w int) (int, int) { return h, w },
		change: func(r *dice, rows, cols []int) ([]int, []int) {
			if r.below(2) == 1 {
				slices.Reverse(cols)
			}
			return rows, cols
		},
	}
}

// Shift moves an image by −n, …, n pixels along each axis, all equally likely. What
// comes in at an edge is what lies on the other side of it, mirrored. It panics
// with a [tensor.ArgumentError] if n is negative; [Augment] does if an image is not
// larger than n.
func Shift(n int) Augmentation {
	if n < 0 {
		misuse("Shift", fmt.Sprintf("a shift by up to %d pixels", n), "give 0 or more")
	}
	move := func(by int, table []int) []int {
		out := make([]int, len(table))
		for i := range out {
			k := i - by
			if k < 0 {
				k = -k
			}
			if last := len(table) - 1; k > last {
				k = 2*last - k
			}
			out[i] = table[k]
		}
		return out
	}
	return Augmentation{
		name: fmt.Sprintf("shift %d", n),
		size: func(h, w int) (int, int) {
			if n >= h || n >= w {
				misuse("Augment", fmt.Sprintf("images of %d×%d pixels cannot be shifted by %d", h, w, n), "shift by less than their size")
			}
			return h, w
		},
		change: func(r *dice, rows, cols []int) ([]int, []int) {
			y, x := r.below(2*n+1)-n, r.below(2*n+1)-n
			return move(y, rows), move(x, cols)
		},
	}
}

// RandomCrop cuts an image of height×width out of each, anywhere. It panics with a
// [tensor.ArgumentError] if height or width is below 1; [Augment] does if an image
// is smaller.
func RandomCrop(height, width int) Augmentation {
	if height < 1 || width < 1 {
		misuse("RandomCrop", fmt.Sprintf("images of %d×%d pixels", height, width), "give 1 or more")
	}
	return Augmentation{
		name: fmt.Sprintf("crop %d×%d", height, width),
		size: func(h, w int) (int, int) {
			if height > h || width > w {
				misuse("Augment", fmt.Sprintf("%d×%d pixels cannot be cut out of %d×%d", height, width, h, w), "cut out less")
			}
			return height, width
		},
		change: func(r *dice, rows, cols []int) ([]int, []int) {
			y, x := r.below(len(rows)-height+1), r.below(len(cols)-width+1)
			return rows[y : y+height], cols[x : x+width]
		},
	}
}

// dice are the random numbers of one sample in one epoch.
type dice struct {
	key, counter uint64
	words        [4]uint32
	left         int
}

// below returns 0, …, n−1, each equally likely but for a part in 2³².
func (d *dice) below(n int) int {
	if d.left == 0 {
		philox.Uint32s(d.words[:], d.key, d.counter)
		d.counter++
		d.left = len(d.words)
	}
	d.left--
	return int(uint64(d.words[d.left]) * uint64(n) >> 32)
}

// Augment returns the images of data [c, h, w], changed at random, one augmentation
// after another, and differently in each epoch. How sample i is changed depends on the
// seed, the epoch and i alone, never on the order or the number of workers. It has
// the labels of data. What the generator learns to draw is the changed images, so
// augmentations are for what it may draw as well; see nn.DiffAugment for others.
//
// Augment panics with a [tensor.ArgumentError] if data is nil or an augmentation
// does not suit its images, and with a [tensor.ShapeError] if its samples are not
// images.
func Augment(data Dataset, seed uint64, augmentations ...Augmentation) Dataset {
	given("Augment", data)
	shape := data.Shape()
	if len(shape) != 3 {
		panic(&tensor.ShapeError{Op: "datasets.Augment", Shapes: [][]int{shape}, Problem: "the samples are not images", Fix: "give a dataset of [channels, height, width]"})
	}
	h, w := shape[1], shape[2]
	names := []string{fmt.Sprint("augment ", seed)}
	for _, a := range augmentations {
		if a.change == nil {
			misuse("Augment", "the zero Augmentation", "use Flip, Shift or RandomCrop")
		}
		h, w = a.size(h, w)
		names = append(names, a.name)
	}
	how := digestFrom(strings.Join(names, ", "), data)
	return augment(data, seed, slices.Clone(augmentations), []int{shape[0], h, w}, 0, how)
}

func augment(data Dataset, seed uint64, augmentations []Augmentation, shape []int, epoch int, digest func() (string, error)) Dataset {
	now := inEpoch(data, epoch)
	key, _ := tensor.NewStream(seed, fmt.Sprintf("augment, epoch %d", epoch)).State()
	fill64 := filler64(now)
	source := data.Shape()
	// from returns the rows and columns of the source that sample i shows.
	from := func(i int) (rows, cols []int) {
		r := &dice{key: key, counter: uint64(i) << 16} // more blocks than any sample takes
		rows, cols = counting(source[1]), counting(source[2])
		for _, a := range augmentations {
			rows, cols = a.change(r, rows, cols)
		}
		return rows, cols
	}
	d := &derived{
		n: data.Len(), shape: shape, digest: digest,
		fill: func(i int, dst []float32) error {
			src := make([]float32, elementsOf(source))
			err := now.Fill(i, src)
			if err == nil {
				rows, cols := from(i)
				pick(dst, src, source, rows, cols)
			}
			return err
		},
		fill64: func(i int, dst []float64) error {
			src := make([]float64, elementsOf(source))
			err := fill64(i, src)
			if err == nil {
				rows, cols := from(i)
				pick(dst, src, source, rows, cols)
			}
			return err
		},
		epoch: func(epoch int) Dataset { return augment(data, seed, augmentations, shape, epoch, digest) },
	}
	d.about(data, func(i int) int { return i })
	return d.dressed()
}

func counting(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = i
	}
	return out
}

// pick makes dst of these rows and columns of each channel of src.
func pick[T float32 | float64](dst, src []T, shape []int, rows, cols []int) {
	k := 0
	for c := range shape[0] {
		for _, y := range rows {
			row := src[(c*shape[1]+y)*shape[2]:]
			for _, x := range cols {
				dst[k] = row[x]
				k++
			}
		}
	}
}
