package gan

import (
	"fmt"
	"slices"

	"github.com/gander-ml/gander/nn"
)

// Graph returns the generator as a graph of operations, which nn/onnx writes for other
// programs. Its input is "latent" [n, latent]; if the generator has classes, there is
// another, "label" [n], of whole numbers, and if it reads a condition that is no class,
// "condition" [n, size]. The output is "samples" [n, sample shape…]. The notes hold
// what [Generator.Save] keeps as metadata. The error names a layer that does not
// export; see [nn.Export].
func (g *Generator) Graph() (*nn.Graph, error) {
	graph, err := nn.Export(g.net, g.weights(), g.latent)
	if err != nil {
		return nil, fmt.Errorf("gan: %w", err)
	}
	y := graph.Outputs[0]
	if g.sample != nil && !slices.Equal(y.Shape[1:], g.sample) {
		y.Name = "made"
		y = graph.Reshape(y, g.sample...)
		y.Shape = append([]int{1}, g.sample...)
		graph.Outputs[0] = y
	}
	if g.classes != nil {
		graph.TakeLabels()
	}
	graph.Inputs[0].Name, y.Name, graph.Notes = "latent", "samples", g.metadata()
	return graph, nil
}
