package imagefolder_test

import (
	"encoding/hex"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/datasets/imagefolder"
)

// TestGolden compares a picture of each kind with what Pillow makes of it.
func TestGolden(t *testing.T) {
	text, err := os.ReadFile("testdata/golden.json")
	require.NoError(t, err)
	var golden map[string]string
	require.NoError(t, json.Unmarshal(text, &golden))
	set, err := imagefolder.Load(t.Context(), "testdata/pictures", imagefolder.Options{Size: 16, Channels: 3})
	require.NoError(t, err)
	require.Equal(t, len(golden), set.Len())
	require.Empty(t, set.Classes())
	for i := range set.Len() {
		name := set.Name(i)
		want, err := hex.DecodeString(golden[name])
		require.NoError(t, err)
		got, err := set.Pixels(i)
		require.NoError(t, err)
		require.Len(t, want, len(got), name)
		worst, sum := 0, 0
		for k := range got {
			d := max(int(got[k])-int(want[k]), int(want[k])-int(got[k]))
			worst, sum = max(worst, d), sum+d
		}
		// Pillow rounds between the two passes of a resize. Its libraries smooth the
		// colours of JPEG and WebP between pixels, and round otherwise.
		limit, mean := 2, .5
		switch {
		case name == "subsampled.jpg", strings.HasPrefix(name, "lossy"):
			limit, mean = 40, 3
		case name == "bits.png", strings.Contains(name, "transparent"):
			limit = 5 // sharp edges, over which the filter shoots; Pillow clips twice
		case strings.HasSuffix(strings.ToLower(name), ".jpg"), strings.HasSuffix(name, ".JPEG"), name == "jpeg.png":
			limit = 3
		}
		t.Logf("%-24s worst %d, mean %.3f", name, worst, float64(sum)/float64(len(got)))
		if worst > limit || float64(sum) > mean*float64(len(got)) {
			t.Errorf("%s differs by up to %d, by %.3f on average", name, worst, float64(sum)/float64(len(got)))
		}
	}
}
