// Mnist trains the classic GAN on handwritten digits: an MLP draws them from
// 128 random numbers, another MLP tells its drawings from real ones.
//
//	go run ./examples/mnist
//
// Without flags it trains 100 epochs on 10,000 real digits that are part of the
// program, 95 seconds on two cores. It prints the networks, then a line
// per epoch and at the end a judgement of the digits, and writes into
// runs/mnist:
//
//	samples/epoch-0001.png …   the same ten latent vectors after every epoch
//	samples.png                the last of them, larger
//	losses.png, log.jsonl      mean losses per epoch, drawn and written
//	generator.safetensors      the networks after the last epoch; examples/sample
//	discriminator.safetensors  draws more digits from the first
//	checkpoint.safetensors     everything that -resume needs
//
// The classic recipe mostly draws ones. -preset quick draws all digits, in 42
// seconds on two cores; mlp and best are between and beyond (see -help).
//
// Ctrl-C finishes the step at hand, saves, and ends with status 0. Exit status
// 1 means that something outside went wrong, in one line; 2, wrong usage.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"

	"github.com/gander-ml/gander/datasets"
	"github.com/gander-ml/gander/datasets/digits"
	"github.com/gander-ml/gander/gan"
	"github.com/gander-ml/gander/gan/chart"
	"github.com/gander-ml/gander/gan/metrics/mnistfeatures"
	"github.com/gander-ml/gander/gan/progress"
	"github.com/gander-ml/gander/nn"
	"github.com/gander-ml/gander/tensor"
)

type settings struct {
	preset           preset
	data, out        string
	download, resume bool
	epochs, steps    int // either is 0
	batch, latent    int
	threads          int
	lr               float64
	seed             uint64
	verbose          bool
}

func main() {
	s := parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the program at once
	err := run(ctx, s)
	if err != nil && !errors.Is(err, context.Canceled) {
		// A download's error has a line per mirror.
		fmt.Fprintln(os.Stderr, "mnist:", strings.ReplaceAll(err.Error(), "\n", "; "))
		os.Exit(1)
	}
}

// parse reads the command line. Wrong usage ends the program, with one line.
func parse() (s settings) {
	var help strings.Builder
	f := flag.NewFlagSet("mnist", flag.ContinueOnError)
	f.SetOutput(&help)
	f.StringVar(&s.data, "data", "", "folder with MNIST's IDX files, plain or .gz (default: 10,000 digits that are part of the program)")
	f.BoolVar(&s.download, "download", false, "download the 60,000 training digits, once, and train on them")
	name := f.String("preset", "classic", "the recipe:\n"+aboutPresets())
	f.IntVar(&s.epochs, "epochs", 0, "passes over the digits (default: the preset's, 100 for classic)")
	f.IntVar(&s.steps, "steps", 0, "steps, instead of -epochs (default: the preset's, 2000 for quick)")
	f.IntVar(&s.batch, "batch", 64, "digits per step")
	f.Float64Var(&s.lr, "lr", 0, "learning rate of Adam, for both networks (default: the preset's, 1e-4 for classic)")
	f.IntVar(&s.latent, "latent", 0, "random numbers that the generator draws a digit from (default: the preset's, 128 for classic)")
	f.Uint64Var(&s.seed, "seed", 1, "of every random number; the same seed gives the same weights")
	f.StringVar(&s.out, "out", filepath.Join("runs", "mnist"), "folder to write to")
	f.BoolVar(&s.resume, "resume", false, "go on from the checkpoint in that folder, with the same flags")
	f.IntVar(&s.threads, "threads", 0, "most threads to compute with (default: all cores)")
	f.BoolVar(&s.verbose, "v", false, "also print gradient norms, every 50 steps")
	err := f.Parse(os.Args[1:])
	given := map[string]bool{}
	f.Visit(func(f *flag.Flag) { given[f.Name] = true })
	var known bool
	if s.preset, known = presets[*name]; known {
		s.preset.fill(&s, given)
	}
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Print(help.String())
		os.Exit(0)
	case err != nil:
	case f.NArg() > 0:
		err = fmt.Errorf("unexpected argument %q", f.Arg(0))
	case !known:
		err = fmt.Errorf("there is no preset %q", *name)
	case given["epochs"] && given["steps"]:
		err = errors.New("give -epochs or -steps, not both")
	case s.epochs < 0 || s.steps < 0 || s.epochs+s.steps < 1 || s.batch < 1:
		err = errors.New("-epochs, -steps and -batch must be at least 1")
	case s.latent < 1 || s.latent > 1<<16:
		err = errors.New("-latent must lie between 1 and 65536")
	case !(s.lr > 0) || s.lr > 1:
		err = errors.New("-lr must lie between 0 and 1")
	case s.threads < 0:
		err = errors.New("-threads must be 0 or more")
	case s.out == "":
		err = errors.New("-out must name a folder")
	case s.data != "" && s.download:
		err = errors.New("give -data or -download, not both")
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "mnist: %v; see -help\n", err)
		os.Exit(2)
	}
	return s
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
	tensor.SetThreads(s.threads)
	loader := datasets.NewLoader(images, s.batch, datasets.Seed(s.seed))
	length, steps := gan.Epochs(s.epochs), s.epochs*loader.Batches()
	if s.steps > 0 {
		length, steps = gan.Steps(s.steps), s.steps
	}
	g, d := s.preset.networks(s.latent)
	config := s.preset.config(s.lr, steps)
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
	fmt.Printf("generator\n%s\ndiscriminator\n%s\n%d digits, batches of %d, seed %d; into %s; Ctrl-C saves and stops\n\n",
		nn.Summary(g, s.latent), nn.Summary(d, 784), images.Len(), s.batch, s.seed, s.out)

	strip := gan.Grid{Height: 28, Width: 28, Columns: 5, Gap: 2}
	hooks := []gan.Hook{
		gan.SaveSamples(filepath.Join(s.out, "samples"), 10, s.seed, strip),
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
	report, err := trainer.Fit(ctx, loader, length, gan.On(hooks...))
	if err != nil && !errors.Is(err, context.Canceled) {
		return err
	}
	if report.Steps == 0 {
		return err // cancelled before there was anything to show
	}
	large := strip
	large.Scale, large.Gap = 4, 8
	if err := large.WritePNG(filepath.Join(s.out, "samples.png"), trainer.Sample(10, s.seed)); err != nil {
		return err
	}
	fmt.Printf("\n%d steps, %.1f s; digits in %s\n", report.Steps, report.Time.Seconds(), filepath.Join(s.out, "samples.png"))
	if err != nil {
		fmt.Println("stopped; the same command with -resume goes on")
		return err
	}
	return assess(trainer, s.seed)
}

// assess prints how good the digits are, by a classifier's features.
func assess(t *gan.Trainer, seed uint64) error {
	judge, err := mnistfeatures.Load()
	if err != nil {
		return err
	}
	report, err := judge.Glance(t.Sample(2000, seed))
	if err != nil {
		return err
	}
	fmt.Printf("\n%v", report)
	return nil
}

// norms prints the sizes of the gradients now and then.
func norms() gan.Hook {
	return gan.Hook{Step: func(s *gan.StepInfo) error {
		if s.Step%50 == 0 {
			g, d := s.GradNorms()
			fmt.Printf("step %d  gradient norms: generator %.3g, discriminator %.3g\n", s.Step, g, d)
		}
		return nil
	}}
}
