package safetensors_test

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/gander-ml/gander/nn/safetensors"
	"github.com/gander-ml/gander/tensor"
)

func Example() {
	folder, err := os.MkdirTemp("", "")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(folder)
	path := filepath.Join(folder, "model.safetensors")

	weights := map[string]*tensor.Tensor{
		"0.weight": tensor.FromFloat32([]float32{1, 2, 3, 4}, 2, 2),
		"0.bias":   tensor.FromFloat32([]float32{5, 6}),
	}
	if err := safetensors.Save(path, weights, map[string]string{"step": "100"}); err != nil {
		fmt.Println(err)
		return
	}

	f, err := safetensors.Load(path)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(f.Names(), f.Metadata())
	w, err := f.Tensor("0.weight")
	fmt.Println(w, err)
	// Output:
	// [0.bias 0.weight] map[step:100]
	// [[1. 2.]
	//  [3. 4.]] <nil>
}
