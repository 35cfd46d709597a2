package mnistfeatures_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/gan/metrics/mnistfeatures"
	_ "github.com/gander-ml/gander/internal/backend/backendtest/far" // registers the device
	"github.com/gander-ml/gander/tensor"
)

// TestSamplesFromAnywhere: samples are judged alike on every device.
func TestSamplesFromAnywhere(t *testing.T) {
	device, err := tensor.OpenDevice("far:0")
	require.NoError(t, err)
	judge, err := mnistfeatures.Load()
	require.NoError(t, err)
	x := tensor.NewStream(1, "noise").Uniform(tensor.Float32, 300, 784)
	want, err := judge.EvaluateQuick(x)
	require.NoError(t, err)
	got, err := judge.EvaluateQuick(x.To(device))
	require.NoError(t, err)
	require.Equal(t, fmt.Sprint(want), fmt.Sprint(got))
}
