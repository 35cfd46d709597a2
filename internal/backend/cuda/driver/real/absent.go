//go:build !cuda || !cgo || !linux || !(amd64 || arm64)

package real

import (
	"errors"
	"runtime"

	"github.com/gander-ml/gander/internal/backend/cuda/driver"
)

// Open returns an error: this program was built without CUDA.
func Open(Options) (driver.Driver, error) {
	if runtime.GOOS != "linux" || runtime.GOARCH != "amd64" && runtime.GOARCH != "arm64" {
		return nil, errors.New("CUDA devices are supported on Linux on amd64 and arm64 only")
	}
	return nil, errors.New("this program was built without CUDA devices; build it with -tags cuda and CGO_ENABLED=1")
}
