package gan_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/gan"
	"github.com/gander-ml/gander/nn"
	"github.com/gander-ml/gander/tensor"
)

// The graph of a generator has the names that other programs know it by, and its
// own weights, not those that the network has got since.
func TestGraph(t *testing.T) {
	net := nn.Sequential(nn.Linear(3, 8), nn.Tanh())
	nn.Init(net, 1, tensor.Float32, tensor.CPU())
	want := net.(nn.Parent).Children()[0].Module.(nn.Owner).Params()[0].Value().Clone()
	g, err := gan.NewGenerator(net, 3, 2, 2, 2)
	require.NoError(t, err)
	nn.Init(net, 2, tensor.Float32, tensor.CPU())
	graph, err := g.Graph()
	require.NoError(t, err)
	require.Equal(t, "latent", graph.Inputs[0].Name)
	require.Equal(t, []int{1, 3}, graph.Inputs[0].Shape)
	require.Equal(t, "samples", graph.Outputs[0].Name)
	require.Equal(t, []int{1, 2, 2, 2}, graph.Outputs[0].Shape)
	require.Equal(t, map[string]string{"gander.latent": "3", "gander.sample_shape": "[2,2,2]"}, graph.Notes)
	require.Len(t, graph.Nodes, 3)
	require.Equal(t, want.Float32s(), graph.Nodes[0].Inputs[1].Const.Float32s())

	rows, err := gan.NewGenerator(net, 3)
	require.NoError(t, err)
	graph, err = rows.Graph()
	require.NoError(t, err)
	require.Equal(t, []int{1, 8}, graph.Outputs[0].Shape)
	require.Len(t, graph.Nodes, 2)

	foreign, err := gan.NewGenerator(nn.Sequential(net, odd{nn.Tanh()}), 3)
	require.NoError(t, err)
	_, err = foreign.Graph()
	require.ErrorContains(t, err, "gan: nn: exporting 1 gan_test.odd: ")
}

// odd is a layer that tells nothing of itself.
type odd struct{ nn.Module }

// A generator with classes takes their numbers, one with other conditions vectors.
func TestGraphOfConditions(t *testing.T) {
	net := nn.Sequential(nn.ConcatCondition(3, 1), nn.Linear(5, 4))
	nn.Init(net, 1, tensor.Float32, tensor.CPU())
	g, err := gan.NewGenerator(net, 2)
	require.NoError(t, err)
	graph, err := g.Graph()
	require.NoError(t, err)
	require.Equal(t, "condition", graph.Inputs[1].Name)
	require.Equal(t, []int{1, 3}, graph.Inputs[1].Shape)

	g, err = g.WithClasses([]string{"a", "b", "c"}, nil)
	require.NoError(t, err)
	graph, err = g.Graph()
	require.NoError(t, err)
	require.Len(t, graph.Inputs, 2)
	require.Equal(t, "label", graph.Inputs[1].Name)
	require.True(t, graph.Inputs[1].Whole)
	require.Equal(t, "OneHot", graph.Nodes[0].Op)
}
