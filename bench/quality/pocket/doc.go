// Package pocket judges generated digits of 8×8 pixels, with classes, as the model card
// of Pocket WGAN-GP does (huggingface.co/ARotting/pocket-wgan, 2026): by a classifier of
// real ones, by the variance within classes, and by whether they are copies.
//
// The protocol: digits are MNIST's, brought to 8×8 pixels by the means of areas: of the
// middle 24×24 pixels, each 3×3 are one, so that digits fill their frame as they do on
// that card. The classifier is a convolutional one that has learnt the digits
// that the generator has seen, moved by up to two of the 28 pixels, and the share of
// held-out real ones that it recognises is the floor of class fidelity. The variance
// within classes is the mean over classes and pixels of a pixel's variance among the
// samples that were asked for as that class, divided by the same of the digits that the
// generator has seen. Samples and digits are copies of each other if they are equal in
// 17 shades, as the digits of that card have them.
package pocket
