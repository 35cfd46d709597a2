package progress_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"strings"

	"github.com/gander-ml/gander/datasets"
	"github.com/gander-ml/gander/gan"
	"github.com/gander-ml/gander/gan/progress"
	"github.com/gander-ml/gander/nn"
)

// Bar into a terminal is a bar that moves with every step; into a file or a pipe, it
// is what Lines writes: a line per epoch with the mean losses.
func Example() {
	g := nn.Linear(4, 2)
	d := nn.Sequential(nn.Linear(2, 16), nn.LeakyReLU(0.2), nn.Linear(16, 1))
	t, err := gan.New(g, d, gan.Config{Latent: 4})
	if err != nil {
		log.Fatal(err)
	}
	points := datasets.Synthetic{From: datasets.Ring(), Batch: 16, PerEpoch: 5}
	var text strings.Builder
	_, err = t.Fit(context.Background(), points, gan.Epochs(2), gan.On(progress.Bar(os.Stderr), progress.Lines(&text)))
	if err != nil {
		log.Fatal(err)
	}
	for line := range strings.Lines(text.String()) {
		epoch, _, _ := strings.Cut(line, "  D ")
		fmt.Println(epoch)
	}
	// Output:
	// epoch 1/2
	// epoch 2/2
}
