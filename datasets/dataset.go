package datasets

// Dataset is a finite set of samples of one shape. A [Loader] calls its methods
// from several goroutines at once, Fill with any i from 0 to Len−1 in any order, and
// expects the same answers every time. What is random about sample i comes from a
// stream of its own, such as tensor.NewStream(uint64(i), "my data"). Its numbers are for
// the generator to make: from −1 to 1, if that ends in nn.Tanh.
type Dataset interface {
	// Len returns the number of samples.
	Len() int
	// Shape returns the shape of one sample, [channels, height, width] for an
	// image.
	Shape() []int
	// Fill writes sample i to dst, row-major; dst has exactly one element per
	// element of Shape, and a Loader has set them to 0.
	Fill(i int, dst []float32) error
}

// Filler64 is implemented by datasets that know their samples to more than
// float32. A Float64 loader uses it if it is there, and otherwise widens what
// Fill gives.
type Filler64 interface {
	// Fill64 is Fill in float64.
	Fill64(i int, dst []float64) error
}

// Labeler is implemented by datasets with a class label per sample: [Conditions]
// makes one-hots of them.
type Labeler interface {
	// Label returns the class of sample i, from 0.
	Label(i int) int
}

// ClassNamer is implemented by a [Labeler] that knows the names of its classes, and
// so how many there are, also if some do not occur; see [Classes].
type ClassNamer interface {
	// Classes returns the names, in the order of the classes' numbers.
	Classes() []string
}

// Conditioner is implemented by datasets that know a vector of numbers about each
// sample: what a generator can be asked for, other than a class. See [Conditions].
type Conditioner interface {
	// ConditionSize returns how many numbers a vector has.
	ConditionSize() int
	// FillCondition writes the vector of sample i to dst, as Fill does the sample.
	FillCondition(i int, dst []float32) error
}

// Digester is implemented by datasets that know a checksum of their samples, or
// compute it faster than by Fill. Without it, a [Loader] computes one from all
// samples, once, when it is asked for its fingerprint.
type Digester interface {
	// Digest returns a text that differs between different data.
	Digest() (string, error)
}
