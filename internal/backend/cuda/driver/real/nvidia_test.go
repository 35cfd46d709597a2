//go:build cuda && cgo && linux && (amd64 || arm64)

package real_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/internal/backend/cuda/driver"
	"github.com/gander-ml/gander/internal/backend/cuda/driver/real"
)

// The tests of this file need what is NVIDIA's, and no GPU: bench/cuda/nvidia.sh fetches
// it and runs them.

// bound are the functions that calls.c asks a library for: the field of the table, the
// name, and another name that will do.
var bound = regexp.MustCompile(`(?:REQUIRED|EITHER|OPTIONAL|OPTIONAL_EITHER)\((\w+), "(\w+)"(?:, "(\w+)")?\)`)

// constants are the numbers that this package and package driver give a meaning, by their
// names in cuda.h.
func constants() map[string]int {
	c := map[string]int{
		"CU_MEMHOSTALLOC_PORTABLE": 1, "CU_STREAM_NON_BLOCKING": 1, "CU_EVENT_DEFAULT": 0, "CU_EVENT_DISABLE_TIMING": 2,
		"CU_JIT_ERROR_LOG_BUFFER": 5, "CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES": 6, "CU_STREAM_CAPTURE_MODE_RELAXED": 2,
		"CU_LAUNCH_PARAM_BUFFER_POINTER_AS_INT": 1, "CU_LAUNCH_PARAM_BUFFER_SIZE_AS_INT": 2, "CU_LAUNCH_PARAM_END_AS_INT": 0,
	}
	for name, a := range map[string]driver.Attribute{
		"MAX_THREADS_PER_BLOCK": driver.MaxThreadsPerBlock, "MAX_BLOCK_DIM_X": driver.MaxBlockX, "MAX_BLOCK_DIM_Y": driver.MaxBlockY,
		"MAX_BLOCK_DIM_Z": driver.MaxBlockZ, "MAX_GRID_DIM_X": driver.MaxGridX, "MAX_GRID_DIM_Y": driver.MaxGridY, "MAX_GRID_DIM_Z": driver.MaxGridZ,
		"MAX_SHARED_MEMORY_PER_BLOCK": driver.MaxSharedBytes, "WARP_SIZE": driver.WarpSize, "CLOCK_RATE": driver.ClockKHz,
		"MULTIPROCESSOR_COUNT": driver.Multiprocessors, "MEMORY_CLOCK_RATE": driver.MemoryClockKHz, "GLOBAL_MEMORY_BUS_WIDTH": driver.MemoryBusBits,
		"L2_CACHE_SIZE": driver.L2Bytes, "MAX_THREADS_PER_MULTIPROCESSOR": driver.MaxThreadsPerSM,
		"COMPUTE_CAPABILITY_MAJOR": driver.ComputeCapabilityMajor, "COMPUTE_CAPABILITY_MINOR": driver.ComputeCapabilityMinor,
		"MAX_SHARED_MEMORY_PER_MULTIPROCESSOR": driver.MaxSharedBytesPerSM, "MAX_REGISTERS_PER_MULTIPROCESSOR": driver.MaxRegistersPerSM,
		"MAX_SHARED_MEMORY_PER_BLOCK_OPTIN": driver.MaxSharedBytesWithOptIn,
	} {
		c["CU_DEVICE_ATTRIBUTE_"+name] = int(a)
	}
	for name, a := range map[string]driver.FunctionAttribute{
		"MAX_THREADS_PER_BLOCK": driver.FunctionMaxThreads, "SHARED_SIZE_BYTES": driver.FunctionSharedBytes, "CONST_SIZE_BYTES": driver.FunctionConstBytes,
		"LOCAL_SIZE_BYTES": driver.FunctionLocalBytes, "NUM_REGS": driver.FunctionRegisters, "PTX_VERSION": driver.FunctionPTXVersion,
		"BINARY_VERSION": driver.FunctionBinaryVersion, "MAX_DYNAMIC_SHARED_SIZE_BYTES": driver.MaxDynamicSharedBytes,
	} {
		c["CU_FUNC_ATTRIBUTE_"+name] = int(a)
	}
	for r := range 1000 {
		if name := driver.Result(r).String(); strings.HasPrefix(name, "CUDA_") {
			c[name] = r
		}
	}
	return c
}

// blasConstants are those of cuBLAS.
var blasConstants = map[string]int{
	"CUBLAS_OP_N": 0, "CUBLAS_OP_T": 1, "CUBLAS_DEFAULT_MATH": 0, "CUBLAS_TF32_TENSOR_OP_MATH": 3, "CUBLAS_STATUS_SUCCESS": 0,
	"CUBLAS_STATUS_NOT_INITIALIZED": 1, "CUBLAS_STATUS_ALLOC_FAILED": 3, "CUBLAS_STATUS_INVALID_VALUE": 7, "CUBLAS_STATUS_ARCH_MISMATCH": 8,
	"CUBLAS_STATUS_MAPPING_ERROR": 11, "CUBLAS_STATUS_EXECUTION_FAILED": 13, "CUBLAS_STATUS_INTERNAL_ERROR": 14, "CUBLAS_STATUS_NOT_SUPPORTED": 15,
}

// Prototypes and numbers are those of cuda.h and cublas_v2.h, in the folders that
// CUDA_INCLUDE lists, and the comparison finds a wrong one.
func TestHeaders(t *testing.T) {
	folders := filepath.SplitList(os.Getenv("CUDA_INCLUDE"))
	if len(folders) == 0 {
		t.Skip("CUDA_INCLUDE names no folder with NVIDIA's headers")
	}
	source, err := os.ReadFile("calls.c")
	require.NoError(t, err)
	// With this macro cuda.h also declares what it has replaced.
	program := []string{`#include "testdata/alike.h"`, "#define __CUDA_API_VERSION_INTERNAL", "#include <cuda.h>", "#if __has_include(<cublas_v2.h>)", "#include <cublas_v2.h>", "#define BLAS", "#endif"}
	add := func(blas bool, format string, args ...any) {
		line := fmt.Sprintf(format, args...)
		if blas {
			line = "#ifdef BLAS\n" + line + "\n#endif"
		}
		program = append(program, line)
	}
	functions := bound.FindAllStringSubmatch(string(source), -1)
	require.Greater(t, len(functions), 45)
	for _, f := range functions {
		for _, name := range f[2:] {
			switch {
			case strings.HasPrefix(name, "cublas"):
				add(true, "PROTOTYPE(gander_blas, %s, %s);", f[1], name)
			case name != "":
				add(false, "PROTOTYPE(gander_driver, %s, %s);", f[1], name)
			}
		}
	}
	for name, value := range constants() {
		add(false, "CONSTANT(%s, %d);", name, value)
	}
	for name, value := range blasConstants {
		add(true, "CONSTANT(%s, %d);", name, value)
	}

	check := func(more ...string) string {
		args := []string{"-fsyntax-only", "-std=c++17", "-I.", "-x", "c++", "-"}
		for _, f := range folders {
			args = append(args, "-isystem", f)
		}
		cmd := exec.Command("g++", args...)
		cmd.Stdin = strings.NewReader(strings.Join(append(program, more...), "\n") + "\n")
		out, _ := cmd.CombinedOutput()
		return string(out)
	}
	require.Empty(t, check("PROTOTYPE(gander_driver, DeviceGetName, cuDeviceGetPCIBusId);")) // which are alike
	for _, wrong := range []string{
		"PROTOTYPE(gander_driver, MemAlloc, cuMemAlloc)",             // which takes 32 bits
		"PROTOTYPE(gander_driver, StreamCreate, cuStreamDestroy_v2)", // one parameter less
		"PROTOTYPE(gander_driver, EventElapsedTime, cuEventRecord)",  // a pointer to a float, and a handle
		"PROTOTYPE(gander_driver, MemsetD32Async, cuMemsetD16Async)", // 16 bits
		"PROTOTYPE(gander_driver, MemFree, cuMemFreeHost)",           // a number, and a pointer
		"PROTOTYPE(gander_driver, CtxSetCurrent, cuMemFree_v2)",      // the other way round
		"CONSTANT(CU_FUNC_ATTRIBUTE_NUM_REGS, 5)",
	} {
		require.Contains(t, check(wrong+";"), "static assertion failed", wrong)
	}
}

// A driver of NVIDIA's, the library that CUDA_DRIVER names, is opened and bound, and
// says what is there, most likely no GPU; or it is too old and says that.
func TestNVIDIADriver(t *testing.T) {
	path := os.Getenv("CUDA_DRIVER")
	if path == "" {
		t.Skip("CUDA_DRIVER names no library")
	}
	d, err := real.Open(real.Options{Library: []string{path}})
	if err != nil {
		require.Regexp(t, `^the NVIDIA driver, for CUDA [1-9]\.\d, is too old: CUDA 10\.0 is needed$`, err.Error())
		t.Log(err)
		return
	}
	v, err := d.Version()
	require.NoError(t, err)
	n, err := d.DeviceCount()
	require.NoError(t, err)
	if n == 0 {
		_, err = d.Open(0)
		assert.ErrorIs(t, err, driver.NoDevice)
	}
	t.Logf("a driver for CUDA %d.%d, devices: %d", v/1000, v%1000/10, n)
}

// A cuBLAS of NVIDIA's, the library that CUDA_CUBLAS names, is opened and bound. On a
// driver that is none it does not start, and says so.
func TestNVIDIACuBLAS(t *testing.T) {
	path := os.Getenv("CUDA_CUBLAS")
	if path == "" {
		t.Skip("CUDA_CUBLAS names no library")
	}
	_, err := device(t, compile(t), path).BLAS()
	require.EqualError(t, err, "cublasCreate: CUBLAS_STATUS_NOT_INITIALIZED")
}
