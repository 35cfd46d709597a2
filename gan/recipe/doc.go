// Package recipe holds what a GAN needs besides data: pairs of networks, the
// game they play and how they are updated. bench/RESULTS.md says over how many seeds
// each was measured.
//
//	r := recipe.Quick()
//	g, d := r.Networks()
//	trainer, err := gan.New(g, d, r.Config())
//	…
//	loader := datasets.NewLoader(images, r.Batch, datasets.Conditions())
//	_, err = trainer.Fit(ctx, loader, gan.Steps(r.Steps))
//
// For images of 28×28 pixels in grey, as rows of 784 numbers in [−1, 1], with
// MNIST's digits in mind ([Digits]):
//
//	                networks        game                          steps   Fréchet distance
//	Quick           convolutional,  relativistic pairs, R1, R2     4,000    1.6
//	                with classes
//	Unconditional   convolutional   the same                       4,500    5.8
//	Best            as Quick, D     the same                      10,000    1.4
//	                is wider
//	MLP             MLPs            the same, fading               5,000
//	Classic         MLPs            binary cross-entropy          15,700    543
//
// Distances are from MNIST's test digits, of generators trained on these; real digits
// score 1.3 and noise 643. Trained on the 60,000 training digits instead, Best is 1.7
// from the test digits, which it has not seen then. Of the digits that Quick draws, 99
// % are what was asked for, as the judge sees it, and of real ones 99.5 % what their
// label says. For points in the plane ([Mixtures]), where everything is known, [Ring]
// finds all 8 modes and [Grid] all 25 in each of ten seeds. Three digits in one picture
// have 1,000 modes ([Stacked]), and [Pocket] draws digits of 8×8 pixels with few
// weights. bench/RESULTS.md has all values, with times, floors and standard errors;
// bench/quality/TRIED.md says what else was tried.
//
// A [Recipe] is a value. Change a field, such as the number of steps, and the
// networks and schedules follow; change the gan.Config that it returns, and
// everything else stays. For a recipe of your own, fill in [Recipe.Build] and
// [Recipe.Settings].
package recipe
