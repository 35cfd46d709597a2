package progress_test

import (
	"fmt"
	"os"
	"time"

	"github.com/gander-ml/gander/gan"
	"github.com/gander-ml/gander/gan/progress"
)

// What a log shows of a run of two epochs, which Trainer.Fit would report to the hook.
func ExampleLines() {
	hook := progress.Lines(os.Stdout)
	if err := hook.Start(gan.Run{Epochs: 2, Steps: 300, Batches: 150}); err != nil {
		fmt.Println(err)
	}
	for epoch := 1; epoch <= 2; epoch++ {
		err := hook.Epoch(gan.EpochInfo{
			Epoch: epoch, Steps: 150 * epoch, Time: 2 * time.Second,
			Losses: gan.Losses{Real: 0.5, Fake: 0.25, Generator: 1.5 / float64(epoch)},
		})
		if err != nil {
			fmt.Println(err)
		}
	}
	// Output:
	// epoch 1/2  D 0.7500  G 1.5000  2.00 s
	// epoch 2/2  D 0.7500  G 0.7500  2.00 s
}
