// Package digits embeds 10,000 handwritten digits, so that a program can train
// on real images with no download and no files at hand: the test set of MNIST.
//
//	set, err := digits.Load()
//	loader := datasets.NewLoader(set, 64)
//
// It adds 1.6 MB to the programs that import it, and to no others. The full
// training set of 60,000 digits is what package datasets/download fetches. As
// these digits are MNIST's test set, do not judge a model on them that was
// trained on them: datasets.RandomSplit holds a part back. A range of them is another
// matter, since the first 5,000 are from special database 3, and neater than the rest.
//
// MNIST was compiled by Yann LeCun, Corinna Cortes and Christopher J. C. Burges
// from the special databases 1 and 3 of NIST. The images are 28 by 28 pixels of
// 256 greys, white on black, each centred by its mass; see Y. LeCun, L. Bottou,
// Y. Bengio and P. Haffner, "Gradient-based learning applied to document
// recognition", Proceedings of the IEEE 86(11), 1998. The embedded files are the
// original ones, compressed anew.
package digits
