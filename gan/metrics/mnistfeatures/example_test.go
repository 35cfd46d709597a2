package mnistfeatures_test

import (
	"fmt"
	"log"

	"github.com/gander-ml/gander/datasets/digits"
	"github.com/gander-ml/gander/gan/metrics/mnistfeatures"
	"github.com/gander-ml/gander/tensor"
)

func ExampleJudge_Classify() {
	set, err := digits.Load()
	if err != nil {
		log.Fatal(err)
	}
	image := make([]float32, 28*28)
	if err := set.Fill(0, image); err != nil {
		log.Fatal(err)
	}
	judge, err := mnistfeatures.Load()
	if err != nil {
		log.Fatal(err)
	}
	outputs, err := judge.Classify(tensor.FromFloat32(image, 1, 28*28))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(outputs.Classes, outputs.Features.Shape())
	// Output:
	// [7] [1 96]
}
