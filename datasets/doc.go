// Package datasets turns files of images, and formulas, into the batches that
// training reads.
//
// A [Dataset] is three methods: how many samples, their shape, and Fill, which
// writes sample i to a slice. [Images] is the dataset of the MNIST family, read
// from IDX files. A [Loader] makes batches of any dataset:
//
//	set, err := digits.Load()               // 10,000 embedded digits
//	loader := datasets.NewLoader(set, 64)   // [64, 784] in Float32, shuffled
//	for b, err := range loader.Epoch(ctx, 0, 0) {
//		… // b.X
//	}
//
// The full MNIST comes from a folder, into which package download fetches it once:
//
//	dir, err := download.MNIST(ctx, download.Options{})
//	train, err := datasets.MNIST(dir, datasets.Train)
//
// Package imagefolder reads a folder of PNG, JPEG, GIF, BMP and WebP pictures. A
// tensor of samples becomes a dataset by [FromTensor], and any dataset a tensor
// by [AsTensor].
//
// # Data of your own
//
// A dataset of your own is a type with these three methods. With Label, and Classes if
// the labels have names, it has labels, too:
//
//	type Bars struct{ n int } // white bars on black, 12×12: lying and standing
//
//	func (b Bars) Len() int          { return b.n }
//	func (b Bars) Shape() []int      { return []int{1, 12, 12} }
//	func (b Bars) Label(i int) int   { return i % 2 }
//	func (b Bars) Classes() []string { return []string{"lying", "standing"} }
//
//	func (b Bars) Fill(i int, dst []float32) error {
//		bar := i / 2 % 12
//		for at := range dst {
//			dst[at] = -1
//			if place := [2]int{at / 12, at % 12}; place[i%2] == bar {
//				dst[at] = 1
//			}
//		}
//		return nil
//	}
//
// Other methods are optional: [Conditioner], [Digester], [Filler64], [Varying].
//
// Other labels for the samples of a dataset are two methods on top of it:
//
//	type parity struct{ *datasets.Images } // digits that know whether they are odd
//
//	func (p parity) Label(i int) int   { return p.Images.Label(i) % 2 }
//	func (p parity) Classes() []string { return []string{"even", "odd"} }
//
// A type that changes the samples, by a Fill of its own, must change Fill64 and Digest
// too, or embed the interface [Dataset], which has neither, nor labels.
//
// # Datasets of datasets
//
// [Subset] and [RandomSplit] take a part of a dataset, [Concat] joins several,
// [Normalize] gives each channel mean 0 and standard deviation 1, and [Augment]
// changes images at random, differently in each epoch. All keep what the dataset knows
// about its samples: labels, the names of classes, conditions, and a digest. [Stack]
// joins the channels of samples: three digits are one picture in colour. [Shrink]
// makes images smaller.
//
// # Formulas
//
// What has a formula needs no files: [Ring] and [GaussianGrid] are the mixtures of
// Gaussians on which generators are tried out, and [Synthetic] yields batches of
// samples that never repeat.
//
// Every file has a form for a path, a stream and an [fs.FS]: [LoadIDX], [ReadIDX]
// and [LoadIDXFS], [MNIST] and [MNISTFS]. A file never takes more memory than twice
// what really arrives, nor more than a limit ([MaxBytes]).
//
// # Labels
//
// With the option [Conditions] batches also hold what is known about each sample, as
// rows of numbers: the one-hot of its class, of a dataset that is a [Labeler], or the
// vector that a [Conditioner] tells. [Classes] are the names.
//
//	loader := datasets.NewLoader(set, 64, datasets.Conditions())
//	for b, err := range loader.Epoch(ctx, 0, 0) {
//		… // b.X [64, 784], b.Condition [64, 10]
//	}
//
// # Values
//
// A pixel of 0 to 255 becomes a number from −1 to 1, which is what a generator
// that ends in a hyperbolic tangent can make: (x/255 − 0.5)/0.5, rounded at each
// step, so that a Float32 batch has the very bits that torchvision's ToTensor
// and Normalize(0.5, 0.5) give.
//
// # Order
//
// An epoch's order is drawn from the seed and the epoch's number, never from the
// orders before it, the time or the workers. So epoch 7 can be had without the
// first six, and a training that stopped at batch 130 of it goes on exactly
// there: loader.Epoch(ctx, 7, 130). Other random choices never shift the order,
// as "shuffle" is a stream of its own ([tensor.NewStream]).
//
// # Speed
//
// A worker goroutine fills the next batch while the current one is being used,
// into one of two tensors that take turns: an epoch allocates nothing that grows
// with the batch. For data in memory that costs about a hundredth of a training
// step, on another core. A yielded tensor is therefore valid only until the
// loop's body returns; Clone it to keep it.
package datasets
