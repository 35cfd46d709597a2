// Images trains a GAN on a folder of pictures: your own.
//
//	go run ./examples/images -data FOLDER -size 32
//
// The folder holds PNG, JPEG, GIF, BMP or WebP pictures of any size, in grey or in
// colour. If they lie in folders below it, those are their classes, and the generator
// learns to draw what it is asked for. Files that cannot be used are listed and left
// out. The program says what it has picked for these pictures, and how long it will
// take.
//
// Without -data it draws its own pictures, circles, squares, triangles and stars, and
// learns those: in two minutes on two cores.
//
// The networks are made of residual blocks. They play the game of Huang et al., "The
// GAN is dead; long live the GAN!", 2024, and the discriminator sees pictures changed
// at random (nn.DiffAugment), so that it cannot learn a few hundred by heart. It writes
// into runs/images:
//
//	samples.png                a row for each class, always as drawn last
//	samples/step-000010.png …  and in the course of training
//	film.gif                   the same, moving
//	walk.png                   from one latent vector to another, at the end
//	neighbours.png             samples beside the pictures that are most like them
//	losses.png, log.jsonl      mean losses per epoch, drawn and written
//	generator.safetensors      for examples/sample and examples/serve
//	discriminator.safetensors
//	checkpoints, run.json      everything that -resume needs
//
// -http localhost:8080 shows the run in a browser.
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
	"strings"

	"github.com/gander-ml/gander/datasets"
	"github.com/gander-ml/gander/gan"
	"github.com/gander-ml/gander/gan/rundir"
	"github.com/gander-ml/gander/nn"
	"github.com/gander-ml/gander/tensor"
)

func main() {
	flag.Parse()
	if wrong := wrong(); wrong != "" {
		fmt.Fprintf(os.Stderr, "images: %s; see -help\n", wrong)
		os.Exit(2)
	}
	ctx, stop := gan.Signals(context.Background())
	defer stop()
	err := run(ctx)
	if err != nil && !gan.Cancelled(err) {
		complain(err)
	}
	os.Exit(gan.ExitStatus(err))
}

func complain(err error) {
	fmt.Fprintln(os.Stderr, "images:", strings.ReplaceAll(err.Error(), "\n", "; "))
}

func run(ctx context.Context) error {
	tensor.CPU().SetThreads(*threads)
	where, err := tensor.OpenDevice(*device)
	if err != nil {
		return err
	}
	if *device == "auto" {
		_, slower, _ := tensor.FastestDevice()
		for _, why := range slower {
			fmt.Printf("computing on device %v: %v\n", where, why)
		}
	}
	set, classes, err := load(ctx)
	if err != nil {
		return err
	}
	p := pick(set.Len(), set.Shape()[0], *size, classes).apply()
	shown := again(set)
	if *flip {
		shown = datasets.Augment(shown, p.seed, datasets.Flip())
	}
	options := []datasets.LoaderOption{datasets.Seed(p.seed), datasets.KeepShape(), datasets.DropLast()}
	if p.classes != nil {
		options = append(options, datasets.Conditions())
	}
	loader := datasets.NewLoader(shown, p.batch, options...)
	g, d := p.networks()
	config := p.config()
	config.Device = where
	trainer, err := gan.New(g, d, config)
	if err != nil {
		return err
	}
	page, err := served(p) // before anything is moved aside
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
	fmt.Printf("\n%v\n%d + %d weights in the generator and the discriminator, on %v; into %s; Ctrl-C saves and stops\n\n",
		p, nn.Count(g), nn.Count(d), where, *out)
	hooks, film := hooks(p, folder, page)
	report, err := trainer.Fit(ctx, loader, gan.Steps(p.steps), gan.On(hooks...), gan.OnWarning(complain), gan.RecordFailure(folder.Path("failure.safetensors")))
	if report.Steps == 0 || err != nil && !gan.Cancelled(err) {
		return err
	}
	if err != nil {
		fmt.Printf("\nstopped after step %d, saved in %s; the same command with -resume auto goes on\n", trainer.Steps(), report.Checkpoint)
		return err
	}
	if err := folder.Finish(); err != nil {
		return err
	}
	fmt.Printf("\ntrained to step %d in %.1f s\n", report.Steps, report.Time.Seconds())
	return show(ctx, p, trainer.Generator(), set, film)
}
