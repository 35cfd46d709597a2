// Package isa decides once, at start-up, which instruction sets the kernels
// may use. It is the only importer of cpuid, so every dispatch in the module
// reads the same few booleans:
//
//	if isa.AVX512 { … } else if isa.AVX2 { … } else { generic }
//
// The environment variable GANDER_CPU caps the choice: "generic" switches all
// assembly off, "avx2" forbids AVX-512, "avx512" (or unset) allows everything
// the machine has. An unknown value, or one that the machine cannot run, is
// ignored: the variable only ever takes away.
package isa

import "os"

// What the kernels may use. Read them freely; only [Use] writes them.
var (
	AVX2   bool // AVX2 and FMA3, with operating-system support
	AVX512 bool // AVX-512 F, BW, DQ, VL, with operating-system support
	BF16   bool // AVX512_BF16 (VDPBF16PS)
	NEON   bool // arm64 Advanced SIMD
)

// names lists the implementations from slowest to fastest.
var names = []string{"generic", "avx2", "avx512", "neon"}

func init() {
	detect()
	if want := os.Getenv("GANDER_CPU"); want != "" {
		limit(want)
	}
}

// limit switches off everything above the named implementation.
func limit(name string) {
	switch name {
	case "generic":
		AVX2, AVX512, BF16, NEON = false, false, false, false
	case "avx2":
		AVX512, BF16 = false, false
	}
}

// Implementations lists what this binary can run on this machine, slowest
// first; "generic" is always there. Kernel tests run once under each.
func Implementations() []string {
	have := map[string]bool{"generic": true, "avx2": AVX2, "avx512": AVX512, "neon": NEON}
	var out []string
	for _, n := range names {
		if have[n] {
			out = append(out, n)
		}
	}
	return out
}

// Best names the implementation in force.
func Best() string {
	all := Implementations()
	return all[len(all)-1]
}

// Use caps the kernels at the named implementation and returns the undo. It is
// for tests, which must not run kernels on other goroutines meanwhile.
func Use(name string) (undo func()) {
	a, b, c, d := AVX2, AVX512, BF16, NEON
	limit(name)
	return func() { AVX2, AVX512, BF16, NEON = a, b, c, d }
}
