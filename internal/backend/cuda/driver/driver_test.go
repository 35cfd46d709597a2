package driver_test

import (
	"encoding/hex"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/gander-ml/gander/internal/backend/cuda/driver"
)

func TestArgs(t *testing.T) {
	var a driver.Args
	a.U32(1).U64(2).I32(-3).F32(1).F64(-2).Raw([]byte{7, 8, 9}, 16).I64(-1).Ptr(0x1122)
	assert.Equal(t, "01000000"+"00000000"+ // and a gap
		"0200000000000000"+"fdffffff"+"0000803f"+"00000000000000c0"+
		"070809"+"0000000000"+"ffffffffffffffff"+"2211000000000000", hex.EncodeToString(a.Bytes()))
	assert.Empty(t, a.Reset().Bytes())
	// What an earlier launch has left does not show in gaps.
	assert.Equal(t, "ffffffff"+"00000000"+"0100000000000000", hex.EncodeToString(a.I32(-1).U64(1).Bytes()))
	assert.Zero(t, testing.AllocsPerRun(10, func() { a.Reset().Ptr(1).U32(2).F64(3) }))
}

func TestDim(t *testing.T) {
	assert.Equal(t, uint64(1), driver.Dim{}.Count())
	assert.Equal(t, uint64(24), driver.Dim{X: 4, Z: 6}.Count())
	assert.Equal(t, uint64(1)<<62, driver.Dim{X: 1 << 31, Y: 1 << 31}.Count())
}

func TestError(t *testing.T) {
	cause := errors.New("why")
	var err error = &driver.Error{Call: "cuMemAlloc", Result: driver.OutOfMemory, Detail: "8 bytes", Cause: cause}
	err = fmt.Errorf("tensor: %w", err)
	assert.EqualError(t, err, "tensor: cuMemAlloc: CUDA_ERROR_OUT_OF_MEMORY: 8 bytes")
	assert.ErrorIs(t, err, driver.OutOfMemory)
	assert.ErrorIs(t, err, cause)
	assert.NotErrorIs(t, err, driver.InvalidValue)
	assert.EqualError(t, &driver.Error{Result: driver.Result(1234)}, "CUDA error 1234")
	assert.EqualError(t, &driver.Error{Call: "f", Result: driver.Result(1234), Name: "CUDA_ERROR_NEW"}, "f: CUDA_ERROR_NEW")
	for r, sticky := range map[driver.Result]bool{
		driver.OutOfMemory: false, driver.InvalidValue: false, driver.LaunchOutOfResources: false, driver.CaptureInvalidated: false,
		driver.NotSupported: false, driver.LibraryFailed: false, driver.Deinitialized: true, driver.InvalidContext: true, driver.ECCUncorrectable: true, driver.NVLinkUncorrectable: true,
		driver.Result(226): true, driver.Result(721): true, driver.MPSClientTerminated: true, driver.IllegalAddress: true, driver.LaunchFailed: true, driver.LaunchTimeout: true, driver.Unknown: true,
	} {
		assert.Equal(t, sticky, r.Sticky(), r)
	}
}

func ExampleArgs() {
	// The arguments of a kernel (float *x, float factor, unsigned n).
	var a driver.Args
	a.Ptr(0x200).F32(0.5).U32(1000)
	fmt.Println(len(a.Bytes()))
	// Output: 16
}
