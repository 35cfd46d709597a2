//go:build !purego

package isa

import (
	"runtime"

	"github.com/klauspost/cpuid/v2"
)

const pure = false

// detect asks cpuid, which also checks that the operating system saves the
// wide registers. NEON is part of the arm64 baseline. Other architectures have no
// assembly here.
func detect() {
	switch runtime.GOARCH {
	case "amd64":
		AVX2 = cpuid.CPU.Supports(cpuid.AVX2, cpuid.FMA3)
		AVX512 = AVX2 && cpuid.CPU.Supports(cpuid.AVX512F, cpuid.AVX512BW, cpuid.AVX512DQ, cpuid.AVX512VL)
		BF16 = AVX512 && cpuid.CPU.Supports(cpuid.AVX512BF16)
	case "arm64":
		NEON = true
	}
}
