// Package mnistfeatures judges generated handwritten digits by a small network that
// recognises real ones.
//
//	judge, err := mnistfeatures.Load()
//	report, err := judge.Evaluate(t.Sample(10_000, 1)) // [10000, 784] in [−1, 1]
//	fmt.Print(report)
//
// During training, [Judge.EvaluateQuick] of fewer digits is enough, and can run in
// the background:
//
//	gan.Background(gan.Every(500), func(g *gan.Generator) (*mnistfeatures.Report, error) {
//		return judge.EvaluateQuick(g.Sample(1000, 1))
//	}, func(step int, r *mnistfeatures.Report) error { … })
//
// The network ([Network]) is a convolutional one of the kind that LeCun et al.
// introduced in "Gradient-based learning applied to document recognition", 1998.
// The 96 numbers of its last hidden layer are the features in which sets of images
// are compared. Distances depend on the network: compare them with other values
// from this package only, not with those of another network, even one of the same
// shape. Its weights were trained by this library (bench/classifier), recognise
// 99.3 % of the test digits, and are part of the package, 0.7 MB, verified by their
// SHA-256.
//
// A [Report] contains:
//
//   - The Fréchet distance from the 10,000 test digits, and that from the 60,000
//     training digits. If the generator was trained on the test digits, which are
//     those of datasets/digits, the second is the one that matters: only the
//     distance from unseen digits shows whether it has learnt more than these.
//   - Precision and recall against the test digits. Noise has a precision of 0.42,
//     because it lies in the ball of one unusual digit: recall matters too.
//   - Density, coverage and the kernel distance, likewise, see package metrics.
//   - The share of each digit, and that of the rarest.
//   - If the digits that were asked for are known, the share that the network takes
//     for these, and the Fréchet distance of each digit from the test digits of its
//     kind. It mistakes real digits, too: the floor says how many.
//
// Beside each value is its floor, that of real digits: of training digits if
// samples are compared with the test digits, and of test digits if they are
// compared with the training digits. It depends on the number of samples, and was
// measured for several; Evaluate interpolates. The ceiling is the value of noise,
// pixels drawn uniformly from −1 to 1.
//
// The probabilities that the network gives its classes are not part of a report,
// because they do not measure quality: they are high for noise too.
package mnistfeatures
