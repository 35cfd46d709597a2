package nn_test

import (
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/autograd"
	"github.com/gander-ml/gander/nn"
	"github.com/gander-ml/gander/tensor"
)

func TestSummary(t *testing.T) {
	require.Equal(t, `layer              output   parameters
0 Flatten          [n 12]            0
1 Linear           [n 8]           104
2 Tanh             [n 8]             0
3.0 Linear         [n 6]            48
3.1 LeakyReLU      [n 6]             0
3.3 Linear         [n 6]            42
3.4 ReLU           [n 6]             0
4 Reshape          [n 2 3]           0
5 Linear           [n 2 5]          20
6 Softplus         [n 2 5]           0
7 Reshape          [n 10]            0
8 LeakyReLU        [n 10]            0
9 FourierFeatures  [n 12]            0
10 Linear          [n 1]            13
11 Sigmoid         [n 1]             0
total                              227
`, nn.Summary(everything(), 3, 4))

	// A module on its own, counts above 999, and a layer that does not fit.
	require.Equal(t, `layer   output    parameters
Linear  [n 2000]   2,002,000
total              2,002,000
`, nn.Summary(nn.Linear(1000, 2000), 1000))
	require.Equal(t, `layer             output  parameters
0 Tanh            [n 4]            0
1 Linear          ?               12
2 nn_test.silent  ?                0
total                             12
`, nn.Summary(nn.Sequential(nn.Tanh(), nn.Linear(3, 3), silent{nn.Tanh()}), 4))
	require.Equal(t, "layer  output  parameters\nTanh   [n]              0\ntotal                   0\n", nn.Summary(nn.Tanh()))
	require.Equal(t, "layer  output  parameters\ntotal                   0\n", nn.Summary(nn.Sequential(), 3))
	require.Equal(t, "layer           output  parameters\n0 nn_test.rows  [6 2]            0\n1 Tanh          [6 2]            0\ntotal                            0\n",
		nn.Summary(nn.Sequential(rows{}, nn.Tanh()), 6, 2))
}

// rows turns [1, n, …] into [n, …], and so changes the batch axis.
type rows struct{}

func (rows) Forward(_ *nn.Ctx, x *autograd.Var) *autograd.Var {
	return autograd.Reshape(x, x.Shape()[1:]...)
}
func (rows) OutShape(in []int) ([]int, error) { return in[1:], nil }

// TestOutShape: it says what Forward does, or what Forward panics with.
func TestOutShape(t *testing.T) {
	for _, c := range []struct {
		m       nn.Module
		in, out []int
		err     string
	}{
		{everything(), []int{5, 3, 4}, []int{5, 1}, ""},
		{everything(), []int{0, 3, 4}, []int{0, 1}, ""},
		{nn.Sequential(), []int{2}, []int{2}, ""},
		{nn.Tanh(), []int{}, []int{}, ""},
		{nn.Flatten(), []int{2}, []int{2, 1}, ""},
		{nn.Flatten(), []int{0, 2, 3}, []int{0, 6}, ""},
		{nn.Flatten(), []int{2, 0, 3}, []int{2, 0}, ""},
		{nn.Flatten(), []int{}, nil, "Flatten of []: there is no batch axis; give [n, …]; reshape one sample to [1, …]"},
		{nn.Reshape(), []int{2, 1}, []int{2}, ""},
		{nn.Reshape(), []int{2, 2}, nil, "Reshape[] of [2 2]: 2 features do not fill the shape; give dims that multiply to that number"},
		{nn.Reshape(3, -1), []int{2, 6}, []int{2, 3, 2}, ""},
		{nn.Reshape(3, -1), []int{0, 6}, []int{0, 3, 2}, ""},
		{nn.Reshape(-1), []int{2, 3, 2}, []int{2, 6}, ""},
		{nn.Reshape(-1), []int{2}, []int{2, 1}, ""},
		{nn.Reshape(-1), []int{2, 0}, []int{2, 0}, ""},
		{nn.Reshape(0, 3), []int{2, 0}, []int{2, 0, 3}, ""},
		{nn.Reshape(4, -1), []int{2, 6}, nil, "Reshape[4 -1] of [2 6]: 6 features do not fill the shape; give dims that multiply to that number"},
		{nn.Reshape(0, -1), []int{2, 6}, nil, "Reshape[0 -1] of [2 6]: 6 features do not fill the shape; give dims that multiply to that number"},
		{nn.Reshape(4), []int{2, 6}, nil, "Reshape[4] of [2 6]: 6 features do not fill the shape; give dims that multiply to that number"},
		{nn.Reshape(4), []int{}, nil, "Reshape of []: there is no batch axis; give [n, …]; reshape one sample to [1, …]"},
		{nn.Linear(3, 2), []int{3}, []int{2}, ""},
		{nn.Linear(3, 2), []int{4, 5, 3}, []int{4, 5, 2}, ""},
		{nn.Linear(3, 2), []int{0, 3}, []int{0, 2}, ""},
		{nn.Linear(3, 2), []int{}, nil, "Linear(3, 2) of []: the last axis does not hold 3 features; flatten images first, or change the layer's in"},
		{nn.Sequential(nn.Flatten(), nn.Linear(3, 2)), []int{2, 2, 3}, nil,
			"Linear(3, 2) of [2 6]: the last axis does not hold 3 features; flatten images first, or change the layer's in"},
	} {
		nn.Init(c.m, 1, tensor.Float32, tensor.CPU())
		in := append([]int{}, c.in...)
		out, err := nn.OutShape(c.m, c.in)
		require.Equal(t, in, c.in)
		x := autograd.Const(tensor.New(tensor.Float32, c.in...))
		if c.err != "" {
			require.EqualError(t, err, c.err)
			requireMisuse[*tensor.ShapeError](t, c.err, func() { c.m.Forward(nil, x) })
			continue
		}
		require.NoError(t, err)
		require.Equal(t, c.out, out)
		require.Equal(t, c.out, append([]int{}, c.m.Forward(nil, x).Shape()...))
	}
	_, err := nn.OutShape(nn.Sequential(nn.Tanh(), silent{nn.Tanh()}), []int{1})
	require.ErrorIs(t, err, nn.ErrUnknownShape)
	require.EqualError(t, err, "nn: nn_test.silent: the module does not tell its output's shape; give it a method OutShape")
}

// TestOutShapeTakesNoMemory, whatever a description asks for.
func TestOutShapeTakesNoMemory(t *testing.T) {
	const side = 1 << (20 - 6*(64-strconv.IntSize)/32) // squared, it is more than any machine with such an int has
	out, err := nn.OutShape(nn.Sequential(nn.Reshape(side, side), nn.Flatten(), nn.Tanh()), []int{1, side * side})
	require.NoError(t, err)
	require.Equal(t, []int{1, side * side}, out)
}
