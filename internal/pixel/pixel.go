// Package pixel holds the values that pixels have in batches.
package pixel

// Scaled32 and Scaled64 are a pixel's value on [−1, 1]: (x/255 − 0.5)/0.5, rounded at
// each step, which gives the bits of torchvision's ToTensor and Normalize(0.5, 0.5).
var (
	Scaled32 = table[float32]()
	Scaled64 = table[float64]()
)

func table[T float32 | float64]() (table [256]T) {
	for x := range table {
		table[x] = (T(x)/255 - 0.5) / 0.5
	}
	return table
}
