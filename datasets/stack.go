package datasets

import (
	"fmt"
	"slices"

	"github.com/gander-ml/gander/internal/philox"
	"github.com/gander-ml/gander/tensor"
)

// Stack returns n samples that are layers samples of data each, one behind the other
// along the first axis, and other ones in each epoch: of grey digits [1, 28, 28], with
// layers = 3, coloured images [3, 28, 28] that show three digits, the stacked MNIST
// with its 1,000 modes (Metz et al., "Unrolled generative adversarial networks", 2017).
// Every layer is drawn from all of data, each sample equally likely, and depends on the
// seed, the epoch and i alone, never on the order or the number of workers. As samples
// change from epoch to epoch, so would labels, and there are none.
//
// Stack panics with a [tensor.ArgumentError] if data is nil or has no samples, or more
// than 2³², if layers is not 1 to 65,536, or if n is below 1, and with a
// [tensor.ShapeError] if its samples are single numbers without a shape.
func Stack(data Dataset, layers, n int, seed uint64) Dataset {
	given("Stack", data)
	shape := data.Shape()
	switch {
	case len(shape) == 0:
		panic(&tensor.ShapeError{Op: "datasets.Stack", Shapes: [][]int{shape}, Problem: "the samples have no axis to be stacked along", Fix: "give a dataset of [channels, …]"})
	case data.Len() < 1 || int64(data.Len()) > 1<<32:
		misuse("Stack", fmt.Sprintf("a dataset of %d samples", data.Len()), "give 1 to 2³²")
	case layers < 1 || layers > 1<<16 || n < 1:
		misuse("Stack", fmt.Sprintf("%d samples of %d layers", n, layers), "give 1 or more of both, and at most 65,536 layers")
	}
	return stack(data, layers, n, seed, 0, digestFrom(fmt.Sprintf("stack of %d, seed %d", layers, seed), data))
}

func stack(data Dataset, layers, n int, seed uint64, epoch int, digest func() (string, error)) Dataset {
	now := inEpoch(data, epoch)
	fill64 := filler64(now)
	shape := slices.Clone(data.Shape()) // which may be data's own
	size := elementsOf(shape)
	shape[0] *= layers
	key, _ := tensor.NewStream(seed, fmt.Sprintf("stack, epoch %d", epoch)).State()
	// which returns the sample that is a layer of sample i.
	which := func(i, layer int) int {
		var words [4]uint32
		philox.Uint32s(words[:], key, uint64(i)<<16|uint64(layer))
		return int(uint64(words[0]) * uint64(data.Len()) >> 32)
	}
	return &derived{
		n: n, shape: shape, digest: digest,
		fill: func(i int, dst []float32) error {
			for layer := range layers {
				if err := now.Fill(which(i, layer), dst[layer*size:(layer+1)*size]); err != nil {
					return err
				}
			}
			return nil
		},
		fill64: func(i int, dst []float64) error {
			for layer := range layers {
				if err := fill64(which(i, layer), dst[layer*size:(layer+1)*size]); err != nil {
					return err
				}
			}
			return nil
		},
		epoch: func(epoch int) Dataset { return stack(data, layers, n, seed, epoch, digest) },
	}
}
