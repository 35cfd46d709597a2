//go:build cuda

package cuda

import (
	"github.com/gander-ml/gander/internal/backend"
	"github.com/gander-ml/gander/internal/backend/cuda/driver/real"
)

func init() {
	backend.Register(backend.Kind{Name: Kind, Rank: 10, Open: func(number int) (backend.Backend, error) {
		d, err := real.Open(real.Options{})
		if err != nil {
			return nil, err
		}
		return Open(d, Kind, number)
	}})
}
