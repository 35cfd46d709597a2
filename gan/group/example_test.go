package group_test

import (
	"context"
	"fmt"
	"sync"

	"github.com/gander-ml/gander/datasets"
	"github.com/gander-ml/gander/gan"
	"github.com/gander-ml/gander/gan/group"
	"github.com/gander-ml/gander/gan/recipe"
	"github.com/gander-ml/gander/tensor"
)

// Two goroutines train on halves of the same batches. Process by process, gan/mpi does
// the same on many machines.
func Example() {
	ring := datasets.FromTensor(datasets.Ring().Sample(tensor.Float32, 2000, tensor.NewStream(1, "ring")), nil)
	r := recipe.Ring()
	trainers := make([]*gan.Trainer, 2)
	errs := make([]error, 2)
	var wait sync.WaitGroup
	for rank, joined := range group.Local(2) {
		wait.Go(func() {
			defer joined.Close()
			g, d := r.Networks()
			config := r.Config()
			config.Group = joined
			if trainers[rank], errs[rank] = gan.New(g, d, config); errs[rank] != nil {
				return
			}
			loader := datasets.NewLoader(ring, r.Batch, datasets.Shard(rank, 2))
			_, errs[rank] = trainers[rank].Fit(context.Background(), loader, gan.Steps(10))
		})
	}
	wait.Wait()
	a, b := trainers[0].Sample(1, 1), trainers[1].Sample(1, 1)
	fmt.Println(errs, trainers[0].Steps(), "steps; the same samples:", a.At(0, 0) == b.At(0, 0))
	// Output: [<nil> <nil>] 10 steps; the same samples: true
}
