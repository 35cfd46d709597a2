// Package mnistfeatures judges generated handwritten digits by the features of a
// small network that recognises real ones.
//
//	judge, err := mnistfeatures.Load()
//	report, err := judge.Evaluate(t.Sample(10_000, 1)) // [10000, 784] in [−1, 1]
//	fmt.Print(report)
//
// In the course of training, [Judge.EvaluateQuick] of fewer digits will do, in the
// background:
//
//	gan.Background(gan.Every(500), func(g *gan.Generator) (*mnistfeatures.Report, error) {
//		return judge.EvaluateQuick(g.Sample(1000, 1))
//	}, func(step int, r *mnistfeatures.Report) error { … })
//
// The network ([Network]) is a convolutional one of the kind that LeCun et al.
// introduced in "Gradient-based learning applied to document recognition", 1998.
// Its last hidden layer, 96 numbers, are the features in which sets of images are
// compared. Distances depend on it: they compare with other values from this
// package, never with those of another network, not even one of the same shape.
// Its weights were trained by this library (bench/classifier), recognise 99.3 % of
// the test digits, and are part of the package, 0.7 MB, verified by their SHA-256.
//
// What a [Report] says:
//
//   - The Fréchet distance from the 10,000 test digits, and that from the 60,000
//     training digits. The second is the one to look at if the generator was
//     trained on the test digits, which are those of datasets/digits: distances
//     from unseen digits only tell whether it has learnt more than these.
//   - Precision and recall against the test digits. Noise has a precision of 0.42,
//     because it lies in the ball of one odd digit: look at recall, too.
//   - How often each digit comes, and the share of the rarest.
//
// Beside each value is its floor, that of real digits: training digits if
// samples are compared with the test digits, test digits if they are compared
// with the training digits. It depends on the number of samples, and was measured
// at several; Evaluate interpolates. The ceiling is that of noise, pixels
// uniformly from −1 to 1.
//
// The probabilities that the network gives its classes are not part of a report,
// because they say nothing about quality: it is sure of noise, too.
package mnistfeatures
