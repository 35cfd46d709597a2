// Package onnx writes networks as ONNX files, which onnxruntime, browsers, phones
// and most other programs that run networks read (https://onnx.ai).
//
//	graph, err := nn.Export(net, nil, 128) // from vectors of 128 numbers
//	if err != nil {
//		return err
//	}
//	return onnx.Save("net.onnx", graph)
//
// A trained generator, with its labels if it has any, makes its graph itself:
//
//	graph, err := generator.Graph() // inputs "latent" and maybe "label"; output "samples"
//
// and Python runs it without Gander:
//
//	session = onnxruntime.InferenceSession("generator.onnx")
//	images, = session.run(["samples"], {"latent": latent})
//
// # What is written
//
// The form that evaluates, of any batch size: running averages of batch
// normalisation are folded into the weights before it, spectral norms are part of
// the weights, dropout is gone. The file declares the smallest version of the
// operator set, from 9 on, that has all operations the network needs, and the
// matching version of the format. The same network gives the same bytes.
//
// Weights keep their names, "0.weight", and a network of float64 makes a model of
// doubles. ONNX holds the constants of operations, such as the slope of a LeakyReLU
// and the ε of a normalisation, in single precision all the same; and onnxruntime
// has no convolutions of doubles, while ONNX's own reference evaluator has.
//
// # Layers of your own
//
// A layer exports if it implements [nn.Exporter]: it names the operations of ONNX
// that compute what Forward does. See the example.
package onnx
