package vecgen

import (
	"flag"
	"go/format"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write the generated files")

// TestGenerated checks that the files are what the generator writes.
func TestGenerated(t *testing.T) {
	pretty := func(src string) string {
		out, err := format.Source([]byte(src))
		require.NoError(t, err)
		return string(out)
	}
	for name, want := range map[string]string{
		"vec/vec_amd64.s":       Elementwise(),
		"vec/vec_amd64.go":      pretty(ElementwiseGo()),
		"vec/noasm.go":          pretty(ElementwiseStubs()),
		"philox/philox_amd64.s": Philox(),
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join("../..", name)
			if *update {
				require.NoError(t, os.WriteFile(file, []byte(want), 0o644))
			}
			got, err := os.ReadFile(file)
			require.NoError(t, err)
			require.True(t, want == string(got), "it is out of date: go generate ./internal/%s", filepath.Dir(name))
		})
	}
}
