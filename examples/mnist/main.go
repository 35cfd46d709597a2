// Mnist trains a GAN on handwritten digits: one network draws the digit that it is
// asked for from random numbers, another tells its drawings from real ones.
//
//	go run ./examples/mnist
//
// Without flags it runs the recipe "quick" on 10,000 real digits that are part
// of the program: small convolutional networks that know the ten classes,
// relativistic pairs and two gradient penalties (R1 and R2), 4,000 steps, half a
// minute. It prints the networks, a bar or, into a file, a line per epoch, and how far
// the digits are from real ones: now and then 1,000 of them, at the end 2,000 (fewer
// are farther, also real ones), with the share of each digit, how many are what was
// asked for, and how many of 100 no class fits. It writes into runs/mnist:
//
//	samples.png                0 to 9, twice, of the same latent vectors, always as drawn last
//	samples/step-00010.png …   and as drawn in the course of training
//	losses.png, log.jsonl      mean losses per epoch, drawn and written
//	generator.safetensors      the networks after the last epoch; examples/sample
//	discriminator.safetensors  draws more digits from the first
//	checkpoints, run.json      everything that -resume needs
//
// -preset unconditional does without classes: what is drawn is up to the
// generator. -preset best trains longer, mlp does without convolutions,
// and classic is the recipe of the tutorials to the letter, which mostly draws ones.
//
// -http localhost:8080 shows the run in a browser. For that, and for -download, the
// program has the go command compile it with -tags http: most runs need no package
// net/http, which would make the first compilation half as long again.
//
// A run that is there already is moved aside, under a name with its time. With
// -resume auto it is continued, after whatever has ended it, by the same command;
// other flags are refused, unless -set changes them on purpose.
//
// With -group mpi, in a program that was built with -tags mpi, several processes train
// as one (package gan/mpi): mpirun -np 2 ./mnist -group mpi.
//
// Ctrl-C, SIGTERM, SIGUSR1 and SIGHUP finish the current step and save, a second one ends
// the program at once. The exit status is 0 after Ctrl-C, 143 after SIGTERM
// and SIGUSR1, 129 after SIGHUP, 1 if something outside went wrong, and 2 after wrong usage.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"github.com/gander-ml/gander/gan"
	"github.com/gander-ml/gander/gan/metrics/mnistfeatures"
	"github.com/gander-ml/gander/gan/recipe"
	"github.com/gander-ml/gander/gan/rundir"
	"github.com/gander-ml/gander/nn"
	"github.com/gander-ml/gander/tensor"
)

func main() {
	flag.Parse()
	r, wrong := chosen()
	if wrong != "" {
		fmt.Fprintf(os.Stderr, "mnist: %s; see -help\n", wrong)
		os.Exit(2)
	}
	again()
	ctx, stop := gan.Signals(context.Background())
	defer stop()
	err := run(ctx, r)
	if err != nil && !gan.Cancelled(err) {
		complain(err)
	}
	os.Exit(gan.ExitStatus(err))
}

// name is what messages begin with.
var name = "mnist"

func run(ctx context.Context, r recipe.Recipe) error {
	tensor.CPU().SetThreads(*threads)
	where, err := place()
	if err != nil {
		return err
	}
	images, err := load(ctx)
	if err != nil {
		return err
	}
	group, err := join()
	if err != nil {
		return err
	}
	loader, err := batches(images, r, shard(group))
	if err != nil {
		return err
	}
	if *epochs > 0 {
		r.Steps = *epochs * loader.Batches()
	}
	g, d := r.Networks()
	config := r.Config()
	config.Device, config.Group = where, group
	trainer, err := gan.New(g, d, config)
	if err != nil {
		return err
	}
	if group != nil && group.Rank() > 0 {
		return follow(ctx, trainer, loader, r, group)
	}
	judge, err := mnistfeatures.Load()
	if err != nil {
		return err
	}
	page, err := served(r) // before anything is moved aside
	if err != nil {
		return err
	}
	folder, err := rundir.Open(*out, rundir.Options{Resume: resume, Say: func(line string) { fmt.Println(line) }, SetFlag: "-set"})
	if err != nil {
		return err
	}
	defer folder.Close()
	if err := folder.Resume(trainer, gan.WithSource(loader), changes.Allow()); err != nil {
		return err
	}
	fmt.Printf("%s: %s\n\ngenerator\n%s\ndiscriminator\n%s\n%d digits, batches of %d, seed %d, on %v; into %s; Ctrl-C saves and stops\n\n",
		r.Name, r.About, nn.Summary(g, r.Latent), nn.Summary(d, 784), images.Len(), min(r.Batch, images.Len()), r.Seed, where, *out)
	options := []gan.Option{gan.Steps(r.Steps), gan.On(hooks(r, judge, folder, page)...), gan.OnWarning(complain)}
	if group == nil {
		options = append(options, gan.RecordFailure(folder.Path("failure.safetensors")))
	}
	report, err := trainer.Fit(ctx, loader, options...)
	if left := leave(group); err == nil {
		err = left
	}
	if report.Steps == 0 || err != nil && !gan.Cancelled(err) {
		return err
	}
	fmt.Printf("\ntrained to step %d in %.1f s; digits in %s\n", report.Steps, report.Time.Seconds(), filepath.Join(*out, "samples.png"))
	if err != nil {
		fmt.Printf("stopped, saved in %s; the same command with -resume auto goes on\n", report.Checkpoint)
		return err
	}
	if err := folder.Finish(); err != nil {
		return err
	}
	judgement, unclear, err := verdict(ctx, judge, trainer.Generator(), r.Seed)
	if err == nil {
		fmt.Printf("\n%vfloors are real digits', ceilings those of noise; no class fits %d of %d digits drawn with seed %d\n", judgement, unclear, drawn, r.Seed)
	}
	return err
}
