// Stackedmnist trains a GAN on three digits in one picture, as its red, green and blue:
// 1,000 modes, of which a generator that collapses finds few.
//
//	go run ./examples/stackedmnist
//
// The networks are the tiny ones of Metz et al., "Unrolled generative adversarial
// networks", 2017, without batch normalisation. The discriminator has half or, with
// -preset quarter, a quarter of the generator's channels; -preset whole has larger
// networks. The program prints in how many of the 1,000 modes 25,600 pictures lie, as a
// network that recognises digits sees them, and how unequal the modes are (the reverse
// Kullback–Leibler divergence), beside the values of as many real pictures ("floor"); in
// the course of training, of a tenth of them.
// It writes into runs/stackedmnist:
//
//	samples.png              40 pictures, always of the same latent vectors
//	generator.safetensors    for examples/sample
//	checkpoints, run.json    everything that -resume needs
//
// The digits are 10,000 real ones that are part of the program, or with -data those of
// a folder with MNIST's files.
//
// A run that is there already is moved aside. With -resume auto it is continued, after
// whatever has ended it, by the same command. Ctrl-C finishes the current step and
// saves; a second one ends the program at once. The exit status is 0 after Ctrl-C, 143
// after SIGTERM, 129 after SIGHUP, 1 if something outside went wrong, and 2 after wrong
// usage.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/gander-ml/gander/datasets"
	"github.com/gander-ml/gander/gan"
	"github.com/gander-ml/gander/gan/gallery"
	"github.com/gander-ml/gander/gan/metrics/mnistfeatures"
	"github.com/gander-ml/gander/gan/progress"
	"github.com/gander-ml/gander/gan/recipe"
	"github.com/gander-ml/gander/gan/rundir"
	"github.com/gander-ml/gander/nn"
	"github.com/gander-ml/gander/tensor"
)

func main() {
	flag.Parse()
	r, wrong := chosen()
	if wrong != "" {
		fmt.Fprintf(os.Stderr, "stackedmnist: %s; see -help\n", wrong)
		os.Exit(2)
	}
	ctx, stop := gan.Signals(context.Background())
	defer stop()
	err := run(ctx, r)
	if err != nil && !gan.Cancelled(err) {
		complain(err)
	}
	os.Exit(gan.ExitStatus(err))
}

func complain(err error) {
	fmt.Fprintln(os.Stderr, "stackedmnist:", strings.ReplaceAll(err.Error(), "\n", "; "))
}

func run(ctx context.Context, r recipe.Recipe) error {
	tensor.CPU().SetThreads(*threads)
	digits, err := load()
	if err != nil {
		return err
	}
	judge, err := mnistfeatures.Load()
	if err != nil {
		return err
	}
	loader := datasets.NewLoader(datasets.Stack(digits, layers, 1000*r.Batch, r.Seed), r.Batch, datasets.Seed(r.Seed))
	g, d := r.Networks()
	trainer, err := gan.New(g, d, r.Config())
	if err != nil {
		return err
	}
	folder, err := rundir.Open(*out, rundir.Options{Resume: resume, Say: func(line string) { fmt.Println(line) }})
	if err != nil {
		return err
	}
	defer folder.Close()
	if err := folder.Resume(trainer, gan.WithSource(loader)); err != nil {
		return err
	}
	fmt.Printf("%s: %s\n\ngenerator\n%s\ndiscriminator\n%s\n%d digits, batches of %d, seed %d; into %s; Ctrl-C saves and stops\n\n",
		r.Name, r.About, nn.Summary(g, r.Latent), nn.Summary(d, layers*pixels), digits.Len(), r.Batch, r.Seed, *out)

	say := func(step int, generator *gan.Generator) error {
		v, err := count(context.Background(), judge, generator, min(*samples, 2560), r.Seed) // a tenth, quickly
		if err == nil {
			fmt.Printf("step %d: of %d pictures, %v, %v\n", step, min(*samples, 2560), v[0], v[1])
		}
		return err
	}
	hooks := []gan.Hook{folder.Hook(), progress.Bar(os.Stdout)}
	if *looks > 0 {
		hooks = append(hooks, looking(max(r.Steps / *looks, 1), say))
	}
	report, err := trainer.Fit(ctx, loader, gan.Steps(r.Steps), gan.On(hooks...), gan.OnWarning(complain),
		gan.RecordFailure(folder.Path("failure.safetensors")))
	if report.Steps == 0 || err != nil && !gan.Cancelled(err) {
		return err
	}
	generator := trainer.Generator()
	picture := filepath.Join(*out, "samples.png")
	if err := (gallery.Grid{Columns: 10, Scale: 2, Gap: 2}).Save(picture, generator.Sample(40, r.Seed).Reshape(40, layers, 28, 28)); err != nil {
		return err
	}
	fmt.Printf("\n%d steps, %.1f s; pictures in %s\n", report.Steps, report.Time.Seconds(), picture)
	if err != nil {
		fmt.Printf("stopped, saved in %s; the same command with -resume auto goes on\n", report.Checkpoint)
		return err
	}
	if err := generator.Save(folder.Path("generator.safetensors")); err != nil {
		return err
	}
	if err := folder.Finish(); err != nil {
		return err
	}
	v, err := count(ctx, judge, generator, *samples, r.Seed)
	if err != nil {
		return err
	}
	floor, err := real(ctx, judge, digits, *samples)
	if err == nil {
		fmt.Printf("\n%d pictures\n%v", *samples, v.Against(floor))
	}
	return err
}
