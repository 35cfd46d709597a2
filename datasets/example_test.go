package datasets_test

import (
	"context"
	"fmt"
	"log"
	"math"

	"github.com/gander-ml/gander/datasets"
	"github.com/gander-ml/gander/datasets/digits"
	"github.com/gander-ml/gander/tensor"
)

func ExampleLoader_Epoch() {
	set, err := digits.Load()
	if err != nil {
		log.Fatal(err)
	}
	loader := datasets.NewLoader(set.Subset(0, 200), 64, datasets.Seed(1), datasets.KeepShape())
	for epoch := range 2 {
		for b, err := range loader.Epoch(context.Background(), epoch, 0) {
			if err != nil {
				log.Fatal(err)
			}
			fmt.Println("epoch", epoch, b.X.Shape())
		}
	}
	// Output:
	// epoch 0 [64 1 28 28]
	// epoch 0 [64 1 28 28]
	// epoch 0 [64 1 28 28]
	// epoch 0 [8 1 28 28]
	// epoch 1 [64 1 28 28]
	// epoch 1 [64 1 28 28]
	// epoch 1 [64 1 28 28]
	// epoch 1 [8 1 28 28]
}

func ExampleConditions() {
	set, err := digits.Load()
	if err != nil {
		log.Fatal(err)
	}
	loader := datasets.NewLoader(set, 8, datasets.InOrder(), datasets.Conditions())
	for batch, err := range loader.Epoch(context.Background(), 0, 0) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(batch.X.Shape(), batch.Condition.Shape(), tensor.ArgMax(batch.Condition, 1))
		break
	}
	// Output:
	// [8 784] [8 10] [7 2 1 0 4 1 4 9]
}

// A dataset is anything with these three methods. This one is points on the
// unit circle.
type circle int

func (c circle) Len() int     { return int(c) }
func (c circle) Shape() []int { return []int{2} }
func (c circle) Fill(i int, dst []float32) error {
	sin, cos := math.Sincos(2 * math.Pi * (float64(i) + 0.5) / float64(c))
	dst[0], dst[1] = float32(cos), float32(sin)
	return nil
}

func ExampleDataset() {
	loader := datasets.NewLoader(circle(4), 3, datasets.InOrder())
	for b, err := range loader.Epoch(context.Background(), 0, 0) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%v %.2f\n", b.X.Shape(), b.X.Float32s())
	}
	// Output:
	// [3 2] [0.71 0.71 -0.71 0.71 -0.71 -0.71]
	// [1 2] [0.71 -0.71]
}

// Samples of the ring of eight, new ones in every batch.
func ExampleSynthetic() {
	source := datasets.Synthetic{From: datasets.Ring(), Batch: 256, PerEpoch: 2, Seed: 1}
	for b, err := range source.Epoch(context.Background(), 0, 0) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(b.X.Shape())
	}
	// Output:
	// [256 2]
	// [256 2]
}

// Nine tenths of the digits are trained on, each moved by a pixel or none, and
// differently in each epoch. The others are as they are.
func ExampleAugment() {
	all, err := digits.Load()
	if err != nil {
		log.Fatal(err)
	}
	parts := datasets.RandomSplit(all, 1, .9, .1)
	train := datasets.Augment(parts[0], 1, datasets.Shift(1))
	loader := datasets.NewLoader(train, 64, datasets.KeepShape())
	fmt.Println(train.Len(), "digits in", loader.Batches(), "batches;", parts[1].Len(), "others")
	// Output:
	// 9000 digits in 141 batches; 1000 others
}

// Three grey digits become one picture in colours.
func ExampleStack() {
	set, err := digits.Load()
	if err != nil {
		log.Fatal(err)
	}
	stacked := datasets.Stack(set, 3, 64_000, 1)
	fmt.Println(stacked.Len(), "pictures of", stacked.Shape(), "from", set.Len(), "of", set.Shape())
	small := datasets.Shrink(stacked, 8, 8)
	fmt.Println("made smaller,", small.Shape())
	// Output:
	// 64000 pictures of [3 28 28] from 10000 of [1 28 28]
	// made smaller, [3 8 8]
}
