package cuda

import (
	"regexp"
	"testing"

	"github.com/gander-ml/gander/internal/backend/cuda/driver"
)

// Device returns the driver's device.
func (b *Backend) Device() driver.Device { return b.device }

// Sequences makes each small operation a sequence.
func (b *Backend) Sequences() { b.queue.always = true }

// NoGraphs gives the driver each launch at once.
func (b *Backend) NoGraphs() { b.graphs.off = true }

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

// TableLimit sets the memory from which all tables are forgotten, and returns what it
// was.
func TableLimit(n uint64) (before uint64) {
	before, tableLimit = tableLimit, n
	return before
}

// KernelNames counts the kernels of each name.
func KernelNames() map[string]int {
	entry := regexp.MustCompile(`(?m)^\.visible \.entry (\w+)\(`)
	names := map[string]int{}
	for _, ptx := range modulePTX {
		for _, name := range entry.FindAllSubmatch(ptx, -1) {
			names[string(name[1])]++
		}
	}
	return names
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

// Trim waits, and gives the driver all memory that nobody uses.
func (b *Backend) Trim(t *testing.T) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.flushAll()
	if err := b.trim(); err != nil {
		t.Fatal(err)
	}
}
