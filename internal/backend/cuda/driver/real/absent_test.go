//go:build !cuda || !cgo || !linux || !(amd64 || arm64)

package real

import (
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestAbsent(t *testing.T) {
	_, err := Open(Options{})
	if runtime.GOOS == "linux" && (runtime.GOARCH == "amd64" || runtime.GOARCH == "arm64") {
		assert.EqualError(t, err, "this program was built without CUDA devices; build it with -tags cuda and CGO_ENABLED=1")
		return
	}
	assert.ErrorContains(t, err, "on Linux on amd64 and arm64 only")
}
