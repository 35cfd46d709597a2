package cuda

import "github.com/gander-ml/gander/internal/backend/cuda/driver"

// Device returns the driver's device.
func (b *Backend) Device() driver.Device { return b.device }

// Sequences makes each small operation a sequence.
func (b *Backend) Sequences() { b.queue.always = true }

// EnoughTiles sets how many tiles of a size there must be, and returns how many
// there had to be.
func EnoughTiles(n int) (before int) {
	before, enoughTiles = enoughTiles, n
	return before
}

// LibraryFrom sets from how many multiplications a product is cuBLAS's, and returns
// what it was.
func LibraryFrom(n int) (before int) {
	before, libraryFrom = libraryFrom, n
	return before
}

// Names returns counts of kernels by their names.
func (b *Backend) Names(counts map[driver.Function]int) map[string]int {
	named := map[string]int{}
	for k, f := range b.functions {
		if n := counts[f]; n > 0 {
			named[k.name+k.suffix] = n
		}
	}
	return named
}
