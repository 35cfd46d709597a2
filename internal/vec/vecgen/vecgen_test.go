package vecgen

import (
	"flag"
	"go/format"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write the generated files")

// The generated files are what the generator writes today.
func TestGenerated(t *testing.T) {
	pretty := func(src string) string {
		out, err := format.Source([]byte(src))
		require.NoError(t, err)
		return string(out)
	}
	for name, want := range map[string]string{
		"../vec_amd64.s":              Elementwise(),
		"../vec_amd64.go":             pretty(ElementwiseGo()),
		"../noasm.go":                 pretty(ElementwiseStubs()),
		"../../philox/philox_amd64.s": Philox(),
	} {
		if *update {
			require.NoError(t, os.WriteFile(name, []byte(want), 0o644))
		}
		got, err := os.ReadFile(name)
		require.NoError(t, err)
		require.Equal(t, want, string(got), "%s: go generate ./internal/vec/vecgen", name)
	}
}
