package mnistfeatures_test

import (
	"context"
	"fmt"
	"log"

	"github.com/gander-ml/gander/datasets"
	"github.com/gander-ml/gander/datasets/digits"
	"github.com/gander-ml/gander/gan/metrics"
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

// A thousand real digits, judged as if a generator had drawn them. Beside each
// value stand its floor, that of real digits, and its ceiling, that of noise.
func ExampleJudge_EvaluateQuick() {
	set, err := digits.Load()
	if err != nil {
		log.Fatal(err)
	}
	judge, err := mnistfeatures.Load()
	if err != nil {
		log.Fatal(err)
	}
	for b, err := range datasets.NewLoader(set, 1000).Epoch(context.Background(), 0, 0) {
		if err != nil {
			log.Fatal(err)
		}
		report, err := judge.EvaluateQuick(b.X)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Print(report)
		break
	}
	// Output:
	// metric                              value   floor   ceiling
	// Fréchet distance                    4.13    5.04    643
	// Fréchet distance, training digits   5.11    3.87    631
	// rarest digit                        0.076   0.075   0
	//
	// digit      0      1      2      3      4      5      6      7      8      9
	// share  11.5%  13.3%  10.2%   8.8%  10.4%   9.7%   7.6%   8.1%  10.6%   9.8%
}

// Modes of pictures that show three digits each, one behind the other.
func ExampleJudge_Modes() {
	set, err := digits.Load()
	if err != nil {
		log.Fatal(err)
	}
	pictures, err := datasets.AsTensor(datasets.Stack(set, 3, 2000, 1), tensor.Float32) // [2000, 3, 28, 28]
	if err != nil {
		log.Fatal(err)
	}
	judge, err := mnistfeatures.Load()
	if err != nil {
		log.Fatal(err)
	}
	seen, err := judge.Modes(pictures)
	if err != nil {
		log.Fatal(err)
	}
	found := metrics.Modes(seen, 1000).Get("modes").Value
	fmt.Println("more than 800 of 1,000 modes among 2,000 real pictures:", found > 800)
	// Output: more than 800 of 1,000 modes among 2,000 real pictures: true
}
