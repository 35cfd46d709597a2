package pretrained_test

import (
	"fmt"
	"log"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/gan/metrics/mnistfeatures"
	"github.com/gander-ml/gander/gan/pretrained"
)

func Example() {
	g, err := pretrained.Digits()
	if err != nil {
		log.Fatal(err)
	}
	sevens := g.SampleOf([]int{7, 7, 7}, 1)
	fmt.Println(sevens.Shape(), g.SampleShape(), g.Classes())
	// Output: [3 784] [1 28 28] [0 1 2 3 4 5 6 7 8 9]
}

// What the file draws are digits, all ten of them, and those that it is asked for.
func TestDigits(t *testing.T) {
	if testing.Short() {
		t.Skip("judges a thousand digits")
	}
	g, err := pretrained.Digits()
	require.NoError(t, err)
	require.Equal(t, 100, g.Latent())
	judge, err := mnistfeatures.Load()
	require.NoError(t, err)
	report, err := judge.EvaluateQuick(g.Sample(1000, 3), g.Labels(1000, 3)...)
	require.NoError(t, err)
	require.Less(t, report.Values.Get(mnistfeatures.Distance).Value, 10.0)
	require.Greater(t, report.Values.Get(mnistfeatures.RarestDigit).Value, 0.05)
	require.Greater(t, report.Values.Get(mnistfeatures.Fidelity).Value, 0.97)
}
