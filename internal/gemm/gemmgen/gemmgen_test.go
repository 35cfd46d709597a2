package gemmgen

import (
	"flag"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write the generated files")

// TestGenerated checks that the files are what the generator writes.
func TestGenerated(t *testing.T) {
	for name, want := range map[string]string{
		"../tile_avx512_amd64.s":   AVX512(),
		"../tile_avx2_amd64.s":     AVX2(),
		"../bf16_amd64.s":          BF16(),
		"../tile_neon_arm64.s":     NEON(),
		"../narrow_avx512_amd64.s": NarrowAVX512(),
		"../narrow_avx2_amd64.s":   NarrowAVX2(),
	} {
		if *update {
			require.NoError(t, os.WriteFile(name, []byte(want), 0o644))
		}
		got, err := os.ReadFile(name)
		require.NoError(t, err)
		require.True(t, want == string(got), "%s is out of date: go generate ./internal/gemm", name)
	}
}
