package nn

import (
	"sync"

	"github.com/gander-ml/gander/tensor"
)

// constants are tensors that a layer needs in every pass and that depend on its
// configuration only. They are made once for each device, so that a pass moves no
// numbers. Any number of goroutines may use them.
type constants struct{ made sync.Map }

type constantKey struct {
	device *tensor.Device
	what   any
}

// get returns the constant of that name on a device, which make makes the first
// time. It must live in no scope.
func (c *constants) get(d *tensor.Device, what any, make func() *tensor.Tensor) *tensor.Tensor {
	key := constantKey{d, what}
	if t, ok := c.made.Load(key); ok {
		return t.(*tensor.Tensor)
	}
	made := make()
	if err := d.Sync(); err != nil {
		panic(err) // what is kept for all later passes has to be there
	}
	t, _ := c.made.LoadOrStore(key, made)
	return t.(*tensor.Tensor)
}
