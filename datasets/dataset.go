package datasets

// Dataset is a finite set of samples of one shape. A [Loader] calls its methods
// from several goroutines at once, Fill with
// any i from 0 to Len−1 in any order, and expects the same answers every time.
type Dataset interface {
	// Len returns the number of samples.
	Len() int
	// Shape returns the shape of one sample, [channels, height, width] for an
	// image.
	Shape() []int
	// Fill writes sample i to dst, row-major; dst has exactly one element per
	// element of Shape.
	Fill(i int, dst []float32) error
}

// Filler64 is implemented by datasets that know their samples to more than
// float32. A Float64 loader uses it if it is there, and otherwise widens what
// Fill gives.
type Filler64 interface {
	// Fill64 is Fill in float64.
	Fill64(i int, dst []float64) error
}

// Labeler is implemented by datasets with a class label per sample, which
// [Loader.EpochLabeled] needs.
type Labeler interface {
	// Label returns the class of sample i, from 0.
	Label(i int) int
}

// Digester is implemented by datasets that know a checksum of their samples, or
// compute it faster than by Fill. Without it, a [Loader] computes one from all
// samples, once, when it is asked for its fingerprint.
type Digester interface {
	// Digest returns a text that differs between different data.
	Digest() (string, error)
}
