// Package download fetches the files of MNIST, once, into a folder.
//
//	dir, err := download.MNIST(ctx, download.Options{})
//	train, err := datasets.MNIST(dir, datasets.Train)
//
// It is separate from package datasets, so that programs with data of their own link
// no HTTP and no cryptography.
package download
