// Package metrics measures how good the samples of a generator are.
//
// A number alone says little: a Fréchet distance of 10 is excellent in the features
// of one network and poor in those of another, and even a perfect sampler does not
// score 0 with a finite number of samples. So a [Value] has numbers to compare it
// with: its floor, the value of a perfect sampler with as many samples; a ceiling
// if there is a natural one, such as that of noise; and its standard error over
// seeds. A [Table] prints them side by side:
//
//	metric              value    floor    std. error
//	modes               25       25       0
//	high-quality share  0.967    0.989    0.002
//	reverse KL          0.006    0.0012   0.0008
//
// Do not compare values of different sample counts, and doubt a difference of less
// than two standard errors. A value that is better than its floor is a warning: the
// samples may be copies ([Copying]), or fitted to the metric.
//
// # Mixtures in the plane
//
// The distribution of a mixture of well separated Gaussians is known, so its
// samples need no reference set ([MeasureMixture]; datasets.Ring and
// datasets.GaussianGrid are the usual mixtures). A sample is of high quality if it
// lies within 3σ of the nearest centre, as a share of 1 − e^(−9/2) = 0.9889 of a
// perfect sampler's do. With nₖ high-quality samples nearest to centre k of K, of
// which there are h in all out of n:
//
//	modes               number of k with nₖ ≥ 1
//	high-quality share  h/n
//	reverse KL          Σ pₖ·ln(pₖ·K)                          pₖ = nₖ/h
//	KL with off-mode    Σ rₖ·ln(rₖ/qₖ) + r₀·ln(r₀/q₀)          rₖ = nₖ/n, r₀ = 1 − h/n,
//	                                                          q₀ = e^(−9/2), qₖ = (1−q₀)/K
//	spread              √(Σₖ Σᵢ ‖xᵢ−mₖ‖² / (2·Σₖ (nₖ−1))) / σ   mₖ the mean of mode k's samples
//
// The first two are those of Srivastava et al., "VEEGAN", 2017, and Lin et al.,
// "PacGAN", 2018; the reverse Kullback–Leibler divergence also measures whether the
// modes are equally frequent, and its second form whether mass lies between them.
// Its expectation for a perfect sampler is about (bins−1)/2n. The spread shows what
// the others do not: a generator that has shrunk each mode to a point is of perfect
// quality, and of spread 0. A perfect one has 0.974, not 1, because samples beyond
// 3σ are left out.
//
// # Sets of features
//
// Images are compared in the features of a network that recognises them; package
// mnistfeatures, below this one, has one for handwritten digits. With features
// [n, d] of samples and of a reference:
//
//   - [Frechet] is the distance between the Gaussians of the same means and
//     covariances, ‖μ₁−μ₂‖² + tr(Σ₁ + Σ₂ − 2(Σ₁^½·Σ₂·Σ₁^½)^½) (Dowson and Landau,
//     "The Fréchet distance between multivariate normal distributions", 1982;
//     Heusel et al., "GANs trained by a two time-scale update rule", 2017). It is
//     one number for quality and variety together.
//   - [PrecisionRecall] measures them separately (Kynkäänniemi et al., "Improved
//     precision and recall metric for assessing generative models", 2019): the
//     share of samples that resemble a real one, and the share of real ones that a
//     sample resembles.
//   - [KernelDistance] is one number, too, and has no bias: its floor is 0 for any
//     number of samples.
//   - [DensityCoverage] measures the same as precision and recall, and is less moved
//     by a single unusual point.
//   - [Fidelity] is the share of samples that are of the class that was asked for, and
//     [ByClass] the Fréchet distance of each class.
//   - [Histogram] and [Rarest] count classes: a missing one is the clearest sign of
//     collapse. [Modes] does so for many of them.
//   - [NearestNeighbors] and [Copying] find the training sample nearest to each
//     generated one. A generator whose samples lie nearer to the training set than
//     unseen real ones do has memorised it.
//
// A set that has no network of its own is compared in the features of one that was
// trained on it: a classifier's last hidden layer. The floor is what real samples score
// that are not in the reference, as many as the generated ones:
//
//	parts := datasets.RandomSplit(real, 1, .8, .2) // the reference, and others for the floor
//	…
//	fmt.Print(score(reference, generated).Against(score(reference, others)))
//
// as in the example of [Table.Against]. What papers call the FID is [Frechet] in the
// features of the Inception network, which is not part of this module: the tools that
// measure it read a folder of images.
//
// # Numbers and errors
//
// Everything is computed in float64, whatever the dtype of the samples, and does
// not depend on the number of threads. If a sample is NaN or infinite, the error
// names its place. Shapes that do not fit panic with a [tensor.ShapeError], other
// wrong arguments with a [tensor.ArgumentError].
package metrics
