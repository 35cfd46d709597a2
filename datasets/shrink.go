package datasets

import (
	"fmt"

	"github.com/gander-ml/gander/tensor"
)

// Shrink returns the images of data [c, h, w] as [c, height, width]: a pixel of the
// result is the mean of the area that it covers, in which pixels at the edge count as
// far as they lie in it. Of 28×28 pixels and 8×8, each covers 3½×3½. The labels and
// conditions are those of data.
//
// Shrink panics with a [tensor.ArgumentError] if data is nil, or unless
// 1 ≤ height ≤ h and 1 ≤ width ≤ w, and with a [tensor.ShapeError] if its samples are
// not images.
func Shrink(data Dataset, height, width int) Dataset {
	given("Shrink", data)
	shape := data.Shape()
	if len(shape) != 3 {
		panic(&tensor.ShapeError{Op: "datasets.Shrink", Shapes: [][]int{shape}, Problem: "the samples are not images", Fix: "give a dataset of [channels, height, width]"})
	}
	if height < 1 || height > shape[1] || width < 1 || width > shape[2] {
		misuse("Shrink", fmt.Sprintf("images of %d×%d pixels cannot become %d×%d", shape[1], shape[2], height, width), "give 1 or more, and no more than they have")
	}
	return shrink(data, areas(shape[1], height), areas(shape[2], width), digestFrom(fmt.Sprintf("shrink %d×%d", height, width), data))
}

// area is what a row or column covers of those before: from the first on, with their
// weights, whose sum is 1.
type area struct {
	first   int
	weights []float64
}

// areas divides n rows or columns into m.
func areas(n, m int) []area {
	out := make([]area, m)
	for k := range out {
		// In units of 1/m of an old one, a new one covers [k·n, (k+1)·n).
		lo, hi := k*n, (k+1)*n
		out[k].first = lo / m
		for i := lo / m; i*m < hi; i++ {
			covered := min(hi, (i+1)*m) - max(lo, i*m)
			out[k].weights = append(out[k].weights, float64(covered)/float64(n))
		}
	}
	return out
}

func shrink(data Dataset, rows, columns []area, digest func() (string, error)) Dataset {
	fill64 := filler64(data)
	from := data.Shape()
	fill := func(i int, dst []float64) error {
		src := make([]float64, elementsOf(from))
		if err := fill64(i, src); err != nil {
			return err
		}
		at := 0
		for c := range from[0] {
			for _, r := range rows {
				for _, k := range columns {
					sum := 0.0
					for y, v := range r.weights {
						row := src[(c*from[1]+r.first+y)*from[2]+k.first:]
						for x, w := range k.weights {
							sum += v * w * row[x]
						}
					}
					dst[at] = sum
					at++
				}
			}
		}
		return nil
	}
	size := from[0] * len(rows) * len(columns)
	d := &derived{
		n: data.Len(), shape: []int{from[0], len(rows), len(columns)}, digest: digest,
		fill: func(i int, dst []float32) error {
			wide := make([]float64, size)
			err := fill(i, wide)
			for k, v := range wide {
				dst[k] = float32(v)
			}
			return err
		},
		fill64: fill,
	}
	if _, ok := data.(Varying); ok {
		d.epoch = func(epoch int) Dataset { return shrink(inEpoch(data, epoch), rows, columns, digest) }
	}
	d.about(data, func(i int) int { return i })
	return d.dressed()
}
