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
	fmt.Println(g.Sample(10, 1).Shape(), g.SampleShape())
	// Output: [10 784] [1 28 28]
}

// What the file draws are digits, and all ten of them.
func TestDigits(t *testing.T) {
	if testing.Short() {
		t.Skip("judges a thousand digits")
	}
	g, err := pretrained.Digits()
	require.NoError(t, err)
	require.Equal(t, 64, g.Latent())
	judge, err := mnistfeatures.Load()
	require.NoError(t, err)
	report, err := judge.EvaluateQuick(g.Sample(1000, 3))
	require.NoError(t, err)
	require.Less(t, report.Values.Get(mnistfeatures.Distance).Value, 20.0)
	require.Greater(t, report.Values.Get(mnistfeatures.RarestDigit).Value, 0.04)
}
