package tensor

import (
	"sync"

	"github.com/gander-ml/gander/internal/backend"
	"github.com/gander-ml/gander/internal/backend/cpu"
)

// Device is where tensors live and are computed on.
type Device struct {
	backend backend.Backend
}

var (
	cpuBackend = cpu.New()
	cpuDevice  = &Device{cpuBackend}

	deviceMu sync.Mutex
	devices  = map[string]*Device{"cpu": cpuDevice}
)

// CPU returns the device that every constructor of this package uses.
func CPU() *Device { return cpuDevice }

// OpenDevice returns a device by name: "cpu", or whatever else the program was
// built with. An unknown name is an error that lists the known ones.
func OpenDevice(name string) (*Device, error) {
	deviceMu.Lock()
	defer deviceMu.Unlock()
	if d, ok := devices[name]; ok {
		return d, nil
	}
	b, err := backend.Open(name)
	if err != nil {
		return nil, err
	}
	d := &Device{b}
	devices[name] = d
	return d, nil
}

// Name returns the device's name, "cpu".
func (d *Device) Name() string { return d.backend.Name() }

// String returns the device's name.
func (d *Device) String() string { return d.Name() }

// New returns zeros on the device. It panics with a [ShapeError] on a negative
// dim or a rank above [MaxRank].
func (d *Device) New(dt DType, shape ...int) *Tensor {
	l := checkShape("New", shape)
	return d.wrap(d.backend.Alloc(dt, l.Len()), l)
}
