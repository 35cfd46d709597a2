package cuda

import "github.com/gander-ml/gander/internal/backend/cuda/driver"

// Device returns the driver's device.
func (b *Backend) Device() driver.Device { return b.device }

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
