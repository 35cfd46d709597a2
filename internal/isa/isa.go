// Package isa decides once, at start-up, which instruction sets the assembly may
// use. It is the only importer of cpuid, so every dispatch in the module reads
// the same few booleans:
//
//	if isa.AVX512 { … } else if isa.AVX2 { … } else { generic }
//
// The environment variable GANDER_CPU caps the choice: "generic" switches all
// assembly off, "avx2" forbids AVX-512, "avx512" forbids AVX512_BF16, and "bf16"
// and "neon" forbid nothing. A cap only ever takes away: one that the machine
// does not reach changes nothing. Any other value is a mistake, and the program
// panics when it starts.
//
// The environment variable GANDER_REQUIRE lists, separated by commas, what a test
// machine must have, such as "avx512,bf16": this package's test fails if
// detection does not find it.
package isa

import (
	"fmt"
	"os"
	"slices"
	"strings"
)

// What the assembly may use. Read them freely; only [Use] writes them.
var (
	AVX2   bool // AVX2 and FMA3, with operating-system support
	AVX512 bool // AVX-512 F, BW, DQ, VL, with operating-system support
	BF16   bool // AVX512_BF16 (VDPBF16PS)
	NEON   bool // arm64 Advanced SIMD
)

// caps are the values of GANDER_CPU.
var caps = []string{"generic", "avx2", "avx512", "bf16", "neon"}

// found is what the machine has, whatever GANDER_CPU says.
var found []string

func init() {
	detect()
	found = present()
	if name := os.Getenv("GANDER_CPU"); name != "" {
		limit(name)
	}
}

// present lists the instruction sets that may be used.
func present() (names []string) {
	for i, on := range []bool{AVX2, AVX512, BF16, NEON} {
		if on {
			names = append(names, caps[i+1])
		}
	}
	return names
}

// limit switches off everything above the named cap.
func limit(name string) {
	switch name {
	case "generic":
		AVX2, AVX512, BF16, NEON = false, false, false, false
	case "avx2":
		AVX512, BF16 = false, false
	case "avx512":
		BF16 = false
	case "bf16", "neon":
	default:
		panic(fmt.Sprintf("GANDER_CPU is %q; give one of %s", name, strings.Join(caps, ", ")))
	}
}

// Implementations lists the implementations that this binary can run on this
// machine, slowest first; "generic" is always there. Kernel tests run once under
// each. AVX512_BF16 has a kernel of one product only and is not listed: [Use]
// with "avx512" switches it off.
func Implementations() []string {
	sets := slices.DeleteFunc(present(), func(name string) bool { return name == "bf16" })
	return append([]string{"generic"}, sets...)
}

// Best names the fastest implementation that may be used.
func Best() string {
	all := Implementations()
	return all[len(all)-1]
}

// Use caps the assembly as GANDER_CPU does and returns the undo. It is for tests,
// which must not run kernels on other goroutines meanwhile. It panics if name is
// not a cap.
func Use(name string) (undo func()) {
	a, b, c, d := AVX2, AVX512, BF16, NEON
	limit(name)
	return func() { AVX2, AVX512, BF16, NEON = a, b, c, d }
}
