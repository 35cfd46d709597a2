// Torchload saves a network for PyTorch to load: the classic generator, with an
// input and its output.
//
//	go run ./bench/torchload -o DIR
//	python3 bench/golden/check_torch_load.py DIR/generator.safetensors DIR/io.safetensors
//
// The first writes the two files. The second, which needs torch and numpy, loads
// the weights into the network that the file describes and prints the difference
// between the outputs. It takes seconds.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"github.com/gander-ml/gander/autograd"
	"github.com/gander-ml/gander/nn"
	"github.com/gander-ml/gander/nn/safetensors"
	"github.com/gander-ml/gander/tensor"
)

func main() {
	dir := flag.String("o", "", "folder for generator.safetensors and io.safetensors; it is made if it does not exist")
	flag.Parse()
	if *dir == "" || flag.NArg() > 0 {
		flag.Usage()
		os.Exit(2)
	}
	if err := write(*dir); err != nil {
		fmt.Fprintln(os.Stderr, "torchload:", err)
		os.Exit(1)
	}
}

func write(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	g := nn.Sequential(nn.Linear(128, 256), nn.Tanh(), nn.Linear(256, 512), nn.ReLU(), nn.Linear(512, 784), nn.Tanh())
	nn.Init(g, 1, tensor.Float32, tensor.CPU())
	if err := nn.Save(filepath.Join(dir, "generator.safetensors"), g, nil); err != nil {
		return err
	}
	z := tensor.NewStream(1, "latent").Normal(tensor.Float32, 10, 128)
	y := g.Forward(nil, autograd.Const(z)).Value()
	return safetensors.Save(filepath.Join(dir, "io.safetensors"), map[string]*tensor.Tensor{"input": z, "output": y}, nil)
}
