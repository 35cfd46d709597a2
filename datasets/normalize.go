package datasets

import (
	"fmt"
	"math"
	"slices"

	"github.com/gander-ml/gander/tensor"
)

// Normalize returns the dataset of (x − mean)/std, with a mean and a standard
// deviation for each channel, which is the first axis of a sample. [MeanStd] finds
// those of a dataset: of which the result then has mean 0 and standard deviation 1.
// Such samples leave [−1, 1], so a generator of them must not end in a tanh.
//
// Normalize panics with a [tensor.ArgumentError] if data is nil, or if a mean or a
// standard deviation is not finite, or the latter not above 0, and with a
// [tensor.ShapeError] if there is not one for each channel.
func Normalize(data Dataset, mean, std []float64) Dataset {
	given("Normalize", data)
	shape := data.Shape()
	if len(shape) == 0 || len(mean) != shape[0] || len(std) != shape[0] {
		panic(&tensor.ShapeError{Op: "datasets.Normalize", Shapes: [][]int{shape, {len(mean)}, {len(std)}},
			Problem: "there is not one mean and one standard deviation for each channel", Fix: "give as many as the first axis of a sample is long"})
	}
	for c := range mean {
		if !(std[c] > 0) || math.IsInf(std[c], 0) || math.IsNaN(mean[c]) || math.IsInf(mean[c], 0) {
			misuse("Normalize", fmt.Sprintf("channel %d has the mean %g and the standard deviation %g", c, mean[c], std[c]), "leave out channels that are constant, or give 1")
		}
	}
	return normalize(data, slices.Clone(mean), slices.Clone(std))
}

func normalize(data Dataset, mean, std []float64) Dataset {
	plane := elementsOf(data.Shape()[1:])
	fill64 := filler64(data)
	d := &derived{
		n: data.Len(), shape: data.Shape(),
		fill: func(i int, dst []float32) error {
			err := data.Fill(i, dst)
			for k, v := range dst {
				dst[k] = float32((float64(v) - mean[k/plane]) / std[k/plane])
			}
			return err
		},
		fill64: func(i int, dst []float64) error {
			err := fill64(i, dst)
			for k, v := range dst {
				dst[k] = (v - mean[k/plane]) / std[k/plane]
			}
			return err
		},
		digest: digestFrom(fmt.Sprint("normalize ", mean, std), data),
	}
	if _, ok := data.(Varying); ok {
		d.epoch = func(epoch int) Dataset { return normalize(inEpoch(data, epoch), mean, std) }
	}
	d.about(data, func(i int) int { return i })
	return d.dressed()
}

// MeanStd returns the mean and the standard deviation of each channel, which is the
// first axis of a sample, over all samples and pixels: √(Σ(x − mean)²/n). The error
// is the dataset's. MeanStd panics with a [tensor.ArgumentError] if data is nil or
// empty, and with a [tensor.ShapeError] if samples are single numbers.
func MeanStd(data Dataset) (mean, std []float64, err error) {
	given("MeanStd", data)
	shape := data.Shape()
	switch {
	case len(shape) == 0:
		panic(&tensor.ShapeError{Op: "datasets.MeanStd", Shapes: [][]int{shape}, Problem: "there is no axis of channels", Fix: "give samples [channels, …]"})
	case data.Len() == 0 || elementsOf(shape) == 0:
		misuse("MeanStd", "there are no numbers", "give a sample or more")
	}
	plane := elementsOf(shape[1:])
	mean, std = make([]float64, shape[0]), make([]float64, shape[0])
	squares := make([]float64, shape[0]) // sums of squared deviations
	sample := make([]float64, elementsOf(shape))
	fill := filler64(data)
	for i := range data.Len() {
		if err := fresh(fill, i, sample); err != nil {
			return nil, nil, fmt.Errorf("datasets: sample %d: %w", i, err)
		}
		// Chan, Golub and LeVeque, "Updating formulae and a pairwise algorithm for
		// computing sample variances", 1979: a plane is joined with those before it.
		for c := range mean {
			m, s := 0., 0.
			values := sample[c*plane : (c+1)*plane]
			for _, v := range values {
				m += v
			}
			m /= float64(plane)
			for _, v := range values {
				s += (v - m) * (v - m)
			}
			before, all := float64(i*plane), float64((i+1)*plane)
			delta := m - mean[c]
			mean[c] += delta * float64(plane) / all
			squares[c] += s + delta*delta*before*float64(plane)/all
		}
	}
	for c, s := range squares {
		std[c] = math.Sqrt(s / float64(data.Len()*plane))
	}
	return mean, std, nil
}
