package onnx_test

import (
	"bytes"
	"fmt"

	"github.com/gander-ml/gander/autograd"
	"github.com/gander-ml/gander/nn"
	"github.com/gander-ml/gander/nn/onnx"
	"github.com/gander-ml/gander/tensor"
)

// A network as a file that onnxruntime runs.
func Example() {
	net := nn.Sequential(nn.Linear(16, 8*4*4), nn.Reshape(8, 4, 4),
		nn.ConvTranspose2D(8, 1, 4, nn.Stride(2), nn.Padding(1)), nn.BatchNorm2D(1), nn.Tanh())
	nn.Init(net, 1, tensor.Float32, tensor.CPU())

	graph, err := nn.Export(net, nil, 16)
	if err != nil {
		fmt.Println(err)
		return
	}
	var file bytes.Buffer // or onnx.Save to a path
	if err := onnx.Write(&file, graph); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(graph.Inputs[0].Name, graph.Inputs[0].Shape[1:], "to", graph.Outputs[0].Name, graph.Outputs[0].Shape[1:])
	// Output:
	// input [16] to output [1 8 8]
}

// Swish is a layer of one's own: x·sigmoid(βx), with a β that is learned.
type Swish struct{ beta *nn.Param }

func NewSwish() Swish { return Swish{nn.NewParam("beta", nn.Constant(1), 1, 1)} }

func (s Swish) Params() []*nn.Param { return []*nn.Param{s.beta} }

func (s Swish) Forward(ctx *nn.Ctx, x *autograd.Var) *autograd.Var {
	return autograd.Mul(x, autograd.Sigmoid(autograd.Mul(x, ctx.Var(s.beta))))
}

func (Swish) OutShape(in []int) ([]int, error) { return in, nil }

// Export says the same in the operations of ONNX.
func (s Swish) Export(g *nn.Graph, x *nn.Value) *nn.Value {
	sigmoid := g.Op("Sigmoid", nil, g.Op("Mul", nil, x, g.Param(s.beta)))
	return g.Op("Mul", nil, x, sigmoid)
}

// A layer of one's own exports if it has a method Export.
func Example_layer() {
	net := nn.Sequential(nn.Linear(2, 3), NewSwish())
	nn.Init(net, 1, tensor.Float32, tensor.CPU())
	graph, err := nn.Export(net, nil, 2)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, node := range graph.Nodes {
		fmt.Print(node.Op)
		for _, v := range node.Inputs {
			fmt.Print(" ", v.Name)
		}
		fmt.Println(" ->", node.Output.Name)
	}
	// Output:
	// Gemm input 0.weight 0.bias -> 0.gemm
	// Mul 0.gemm 1.beta -> 1.mul
	// Sigmoid 1.mul -> 1.sigmoid
	// Mul 0.gemm 1.sigmoid -> output
}
