// Mnist trains a GAN on handwritten digits: one network draws them from random
// numbers, another tells its drawings from real ones.
//
//	go run ./examples/mnist
//
// Without flags it runs the quick preset on 10,000 real digits that are part of
// the program: small convolutional networks, relativistic pairs and two gradient
// penalties (R1 and R2), 2,000 steps, 30 seconds on two cores. It prints the
// networks, a bar or, into a file, a line per epoch, and now and then how far the
// digits are from real ones; at the end, a judgement with the share of each
// digit. It writes into runs/mnist:
//
//	samples.png                the same ten latent vectors, always as drawn last
//	samples/step-00010.png …   and as drawn in the course of training; where
//	                           epochs are counted, epoch-0001.png after each
//	losses.png, log.jsonl      mean losses per epoch, drawn and written
//	generator.safetensors      the networks after the last epoch; examples/sample
//	discriminator.safetensors  draws more digits from the first
//	checkpoint.safetensors     everything that -resume needs
//
// -preset classic is the recipe of the tutorials to the letter: two MLPs, binary
// cross-entropy, 100 epochs, 79 seconds on two cores. It mostly draws ones.
// -preset best trains the quick one's networks longer, and mlp does without
// convolutions. -steps and -epochs set the length of any.
//
// Ctrl-C finishes the step at hand, saves, and ends with status 0. Exit status
// 1 means that something outside went wrong, in one line; 2, wrong usage.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/gander-ml/gander/datasets"
	"github.com/gander-ml/gander/datasets/digits"
	"github.com/gander-ml/gander/gan"
	"github.com/gander-ml/gander/gan/chart"
	"github.com/gander-ml/gander/gan/metrics/mnistfeatures"
	"github.com/gander-ml/gander/gan/progress"
	"github.com/gander-ml/gander/internal/cli"
	"github.com/gander-ml/gander/nn"
	"github.com/gander-ml/gander/tensor"
)

type settings struct {
	preset           string
	data, out        string
	download, resume bool
	epochs, steps    int // either is 0
	batch, latent    int
	threads, looks   int
	lr               float64
	seed             uint64
	bfloat16         bool
	verbose          bool
}

func main() {
	var s settings
	p := cli.New("mnist")
	p.StringVar(&s.data, "data", "", "folder with MNIST's IDX files, plain or .gz (default: 10,000 digits that are part of the program)")
	p.BoolVar(&s.download, "download", false, "download the 60,000 training digits, once, and train on them")
	p.StringVar(&s.preset, "preset", "quick", "the recipe:\n"+aboutPresets()+"\n")
	p.IntVar(&s.epochs, "epochs", 0, "passes over the digits (default: the preset's, 100 for classic)")
	p.IntVar(&s.steps, "steps", 0, "steps, instead of -epochs (default: the preset's, 2000 for quick)")
	p.IntVar(&s.batch, "batch", 64, "digits per step")
	p.Float64Var(&s.lr, "lr", 0, "learning rate of Adam, for both networks (default: the preset's, 2e-3 for quick)")
	p.IntVar(&s.latent, "latent", 0, "random numbers that the generator draws a digit from (default: the preset's, 64 for quick)")
	p.Uint64Var(&s.seed, "seed", 1, "of every random number; the same seed gives the same weights")
	p.StringVar(&s.out, "out", filepath.Join("runs", "mnist"), "folder to write to")
	p.BoolVar(&s.resume, "resume", false, "go on from the checkpoint in that folder, with the same flags")
	p.IntVar(&s.threads, "threads", 0, "most threads to compute with (default: all cores)")
	p.BoolVar(&s.bfloat16, "bfloat16", false, "round the factors of large matrix products to bfloat16, where the processor does that faster")
	p.IntVar(&s.looks, "looks", 4, "times to judge the digits in the course of training")
	p.BoolVar(&s.verbose, "v", false, "also print gradient norms, every 50 steps")
	os.Exit(p.Run(func() error { return s.check(p.Given) }, func() error { return run(cli.UntilInterrupt(), s) }))
}

// check fills in what the preset settles and says what makes no sense.
func (s *settings) check(given func(flag string) bool) error {
	preset, known := presets[s.preset]
	if known {
		preset.fill(s, given)
	}
	switch {
	case !known:
		return fmt.Errorf("there is no preset %q", s.preset)
	case given("epochs") && given("steps"):
		return errors.New("give -epochs or -steps, not both")
	case s.epochs < 0 || s.steps < 0 || s.epochs+s.steps < 1 || s.batch < 1:
		return errors.New("-epochs, -steps and -batch must be at least 1")
	case s.latent < 1 || s.latent > 1<<16:
		return errors.New("-latent must lie between 1 and 65536")
	case !(s.lr > 0) || s.lr > 1:
		return errors.New("-lr must lie between 0 and 1")
	case s.threads < 0:
		return errors.New("-threads must be 0 or more")
	case s.looks < 0:
		return errors.New("-looks must be 0 or more")
	case s.out == "":
		return errors.New("-out must name a folder")
	case s.data != "" && s.download:
		return errors.New("give -data or -download, not both")
	}
	return nil
}

// load returns the digits to train on.
func load(ctx context.Context, s settings) (*datasets.Images, error) {
	switch {
	case s.download:
		dir, err := datasets.DownloadMNIST(ctx, datasets.DownloadOptions{})
		if err != nil {
			return nil, err
		}
		return datasets.MNIST(dir, datasets.Train)
	case s.data != "":
		return datasets.MNIST(s.data, datasets.Train)
	}
	return digits.Load()
}

func run(ctx context.Context, s settings) error {
	images, err := load(ctx, s)
	if err != nil {
		return err
	}
	if pixels := images.Shape(); pixels[1] != 28 || pixels[2] != 28 {
		return fmt.Errorf("the pictures are %d×%d; these networks take 28×28", pixels[1], pixels[2])
	}
	tensor.CPU().SetThreads(s.threads)
	if s.bfloat16 {
		if err := tensor.CPU().SetPrecision(tensor.BFloat16); err != nil {
			return err
		}
	}
	loader := datasets.NewLoader(images, s.batch, datasets.Seed(s.seed))
	length, steps := gan.Epochs(s.epochs), s.epochs*loader.Batches()
	if s.steps > 0 {
		length, steps = gan.Steps(s.steps), s.steps
	}
	preset := presets[s.preset]
	g, d := preset.networks(s.latent)
	config := preset.config(s.lr, steps)
	config.Latent, config.Seed = s.latent, s.seed
	trainer, err := gan.New(g, d, config)
	if err != nil {
		return err
	}
	checkpoint := filepath.Join(s.out, "checkpoint.safetensors")
	if s.resume {
		if err := trainer.Resume(checkpoint); err != nil {
			return err
		}
	}
	judge, err := mnistfeatures.Load()
	if err != nil {
		return err
	}
	fmt.Printf("%s: %s\n\ngenerator\n%s\ndiscriminator\n%s\n%d digits, batches of %d, seed %d; into %s; Ctrl-C saves and stops\n\n",
		s.preset, preset.about, nn.Summary(g, s.latent), nn.Summary(d, 784), images.Len(), s.batch, s.seed, s.out)

	draw, err := pictures(s, loader.Batches())
	if err != nil {
		return err
	}
	hooks := []gan.Hook{
		draw,
		gan.SaveNetworks(s.out),
		gan.Log(filepath.Join(s.out, "log.jsonl")),
		chart.Losses(filepath.Join(s.out, "losses.png")),
		gan.SaveCheckpoint(checkpoint),
	}
	if s.verbose {
		hooks = append(hooks, norms(), progress.Lines(os.Stdout))
	} else {
		hooks = append(hooks, progress.Bar(os.Stdout))
	}
	if s.looks > 0 {
		hooks = append(hooks, looks(judge, s, steps))
	}
	report, err := trainer.Fit(ctx, loader, length, gan.On(hooks...))
	if err != nil && !cli.Cancelled(err) {
		return err
	}
	if report.Steps == 0 {
		return err // cancelled before there was anything to show
	}
	if err := show(trainer, s); err != nil {
		return err
	}
	fmt.Printf("\n%d steps, %.1f s; digits in %s\n", report.Steps, report.Time.Seconds(), filepath.Join(s.out, "samples.png"))
	if err != nil {
		fmt.Println("stopped; the same command with -resume goes on")
		return err
	}
	verdict, err := judge.Glance(trainer.Sample(2000, s.seed))
	if err != nil {
		return err
	}
	fmt.Printf("\n%v", verdict)
	return nil
}
