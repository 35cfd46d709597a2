// Onnx writes what bench/onnx/fidelity.py judges by torch-fidelity: the generator of
// gan/pretrained and the features of gan/metrics/mnistfeatures as ONNX files, and the
// test digits that samples are compared with. It prints the Fréchet distances that
// Gander measures, of as many samples of each class.
//
//	go run ./bench/onnx -o FOLDER
package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/gander-ml/gander/datasets/digits"
	"github.com/gander-ml/gander/gan"
	"github.com/gander-ml/gander/gan/metrics/mnistfeatures"
	"github.com/gander-ml/gander/gan/pretrained"
	"github.com/gander-ml/gander/nn"
	"github.com/gander-ml/gander/nn/onnx"
	"github.com/gander-ml/gander/nn/safetensors"
	"github.com/gander-ml/gander/tensor"
	"github.com/gander-ml/gander/tensor/npy"
)

func main() {
	dir := flag.String("o", "", "folder for the files; it is made if it does not exist")
	features := flag.String("features", filepath.FromSlash("gan/metrics/mnistfeatures/classifier.safetensors"), "weights of the features' network")
	flag.Parse()
	if *dir == "" || flag.NArg() > 0 {
		flag.Usage()
		os.Exit(2)
	}
	if err := write(*dir, *features); err != nil {
		fmt.Fprintln(os.Stderr, "onnx:", err)
		os.Exit(1)
	}
}

func write(dir, features string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	g, err := pretrained.Digits()
	if err != nil {
		return err
	}
	graph, err := g.Graph()
	if err != nil {
		return err
	}
	if err := onnx.Save(filepath.Join(dir, "generator.onnx"), graph); err != nil {
		return err
	}
	if err := writeFeatures(filepath.Join(dir, "features.onnx"), features); err != nil {
		return err
	}
	set, err := digits.Load()
	if err != nil {
		return err
	}
	images := tensor.New(tensor.Float32, set.Len(), 784)
	values := make([]float32, images.Len())
	for i := range set.Len() {
		if err := set.Fill(i, values[i*784:(i+1)*784]); err != nil {
			return err
		}
	}
	images.SetFloat32(values)
	if err := npy.Save(filepath.Join(dir, "digits.npy"), images.Reshape(set.Len(), 1, 28, 28)); err != nil {
		return err
	}
	return measure(g)
}

// writeFeatures writes the network that makes features of images.
func writeFeatures(path, weights string) error {
	content, err := os.ReadFile(weights)
	if err != nil {
		return err
	}
	f, err := safetensors.Read(bytes.NewReader(content))
	if err != nil {
		return err
	}
	body, _ := mnistfeatures.Network()
	state := map[string]*tensor.Tensor{}
	for _, name := range f.Names() {
		if part, ok := strings.CutPrefix(name, "body."); ok {
			if state[part], err = f.Tensor(name); err != nil {
				return err
			}
		}
	}
	if err := nn.LoadState(body, state); err != nil {
		return err
	}
	graph, err := nn.Export(body, nil, 1, 28, 28)
	if err != nil {
		return err
	}
	return onnx.Save(path, graph)
}

// measure prints the distances of three sets of samples.
func measure(g *gan.Generator) error {
	judge, err := mnistfeatures.Load()
	if err != nil {
		return err
	}
	r := gan.Request{N: 10_000}
	for i := range r.N * min(len(g.Classes()), 1) {
		r.Labels = append(r.Labels, i%len(g.Classes()))
	}
	for r.Seed = range uint64(3) {
		samples, err := g.Draw(context.Background(), r)
		if err != nil {
			return err
		}
		report, err := judge.Evaluate(samples)
		if err != nil {
			return err
		}
		for _, v := range report.Values {
			if v.Name == mnistfeatures.Distance {
				fmt.Printf("Gander, seed %d: %.3f\n", r.Seed, v.Value)
			}
		}
	}
	return nil
}
