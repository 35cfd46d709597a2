package rundir_test

import (
	"context"
	"fmt"
	"log"
	"os"

	"github.com/gander-ml/gander/datasets"
	"github.com/gander-ml/gander/gan"
	"github.com/gander-ml/gander/gan/rundir"
	"github.com/gander-ml/gander/nn"
)

// The same lines begin a run and go on with it.
func ExampleOpen() {
	parent, err := os.MkdirTemp("", "rundir")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(parent)
	train := func(steps int) error {
		folder, err := rundir.Open(parent+"/ring", rundir.Options{Resume: rundir.Auto})
		if err != nil {
			return err
		}
		defer folder.Close()
		g := nn.Sequential(nn.Linear(4, 16), nn.LeakyReLU(0.2), nn.Linear(16, 2))
		d := nn.Sequential(nn.Linear(2, 16), nn.LeakyReLU(0.2), nn.Linear(16, 1))
		t, err := gan.New(g, d, gan.Config{Latent: 4, Seed: 1})
		if err != nil {
			return err
		}
		ring := datasets.Synthetic{From: datasets.Ring(), Batch: 32, PerEpoch: 10, Seed: 1}
		if err := folder.Resume(t, gan.WithSource(ring)); err != nil {
			return err
		}
		from := t.Steps()
		if _, err := t.Fit(context.Background(), ring, gan.Steps(steps), gan.On(folder.Hook())); err != nil {
			return err
		}
		fmt.Printf("from step %d to %d\n", from, t.Steps())
		return folder.Finish()
	}
	for _, steps := range []int{10, 25} {
		if err := train(steps); err != nil {
			log.Fatal(err)
		}
	}
	// Output:
	// from step 0 to 10
	// from step 10 to 25
}
