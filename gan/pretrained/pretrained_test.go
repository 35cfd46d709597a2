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
	fmt.Println(g.SampleOf([]int{4, 4, 4, 4}, 1).Shape(), g.Classes())
	// Output:
	// [10 784] [1 28 28]
	// [4 784] [0 1 2 3 4 5 6 7 8 9]
}

// What the file draws are digits, and those that it is asked for.
func TestDigits(t *testing.T) {
	if testing.Short() {
		t.Skip("judges a thousand digits")
	}
	g, err := pretrained.Digits()
	require.NoError(t, err)
	asked := make([]int, 1000)
	for i := range asked {
		asked[i] = i % 10
	}
	judge, err := mnistfeatures.Load()
	require.NoError(t, err)
	report, err := judge.EvaluateQuick(g.SampleOf(asked, 3), asked...)
	require.NoError(t, err)
	require.Less(t, report.Values.Get(mnistfeatures.Distance).Value, 12.0)
	require.Greater(t, report.Values.Get(mnistfeatures.Fidelity).Value, 0.97)
}
