//go:build cuda

package cuda

import (
	"os"

	"github.com/gander-ml/gander/internal/backend"
	"github.com/gander-ml/gander/internal/backend/cuda/driver/real"
)

func init() {
	backend.Register(backend.Kind{Name: Kind, Rank: 10, Open: func(number int) (backend.Backend, error) {
		d, err := real.Open(options(os.Getenv("GANDER_CUBLAS")))
		if err != nil {
			return nil, err
		}
		return Open(d, Kind, number)
	}})
}

// options says where cuBLAS is: a path, "none", or "" for where it usually is.
func options(cublas string) real.Options {
	switch cublas {
	case "":
		return real.Options{}
	case "none":
		return real.Options{NoBLAS: "GANDER_CUBLAS is none"}
	}
	return real.Options{BLAS: []string{cublas}}
}
