// Mnist trains the classic GAN on handwritten digits: an MLP draws them from
// 128 random numbers, another MLP tells its drawings from real ones.
//
//	go run ./examples/mnist
//
// Without flags it trains 100 epochs on 10,000 real digits that are part of the
// program, about two minutes on two cores. It prints the networks, then a line
// per epoch, and writes into runs/mnist:
//
//	samples/epoch-0001.png …   the same ten latent vectors after every epoch
//	samples.png                the last of them, larger
//	losses.png, log.jsonl      mean losses per epoch, drawn and written
//	generator.safetensors      the networks after the last epoch; examples/sample
//	discriminator.safetensors  draws more digits from the first
//	checkpoint.safetensors     everything that -resume needs
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
	"github.com/gander-ml/gander/gan/progress"
	"github.com/gander-ml/gander/nn"
	"github.com/gander-ml/gander/optim"
	"github.com/gander-ml/gander/tensor"
)

type settings struct {
	data, out             string
	download, resume      bool
	epochs, batch, latent int
	threads               int
	lr                    float64
	seed                  uint64
	verbose               bool
}

func main() {
	s := parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the program at once
	err := run(ctx, s)
	if err != nil && !errors.Is(err, context.Canceled) {
		fmt.Fprintln(os.Stderr, "mnist:", err)
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
	f.IntVar(&s.epochs, "epochs", 100, "passes over the digits")
	f.IntVar(&s.batch, "batch", 64, "digits per step")
	f.Float64Var(&s.lr, "lr", 1e-4, "learning rate of Adam, for both networks")
	f.IntVar(&s.latent, "latent", 128, "random numbers that the generator draws a digit from")
	f.Uint64Var(&s.seed, "seed", 1, "of every random number; the same seed gives the same weights")
	f.StringVar(&s.out, "out", filepath.Join("runs", "mnist"), "folder to write to")
	f.BoolVar(&s.resume, "resume", false, "go on from the checkpoint in that folder, with the same -data, -batch, -latent and -seed")
	f.IntVar(&s.threads, "threads", 0, "most threads to compute with (default: all cores)")
	f.BoolVar(&s.verbose, "v", false, "also print gradient norms, every 50 steps")
	err := f.Parse(os.Args[1:])
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Print(help.String())
		os.Exit(0)
	case err != nil:
	case f.NArg() > 0:
		err = fmt.Errorf("unexpected argument %q", f.Arg(0))
	case s.epochs < 1 || s.batch < 1:
		err = errors.New("-epochs and -batch must be at least 1")
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

// networks are the classic generator and discriminator.
func networks(latent int) (g, d nn.Module) {
	g = nn.Sequential(
		nn.Linear(latent, 256), nn.Tanh(),
		nn.Linear(256, 512), nn.ReLU(),
		nn.Linear(512, 784), nn.Tanh())
	d = nn.Sequential(
		nn.Linear(784, 512), nn.Tanh(),
		nn.Linear(512, 256), nn.Tanh(),
		nn.Linear(256, 128), nn.Tanh(),
		nn.Linear(128, 1), nn.Sigmoid())
	return g, d
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
	g, d := networks(s.latent)
	trainer, err := gan.New(g, d, gan.Config{
		Latent:    s.latent,
		Objective: gan.Classic{},
		Optimizer: optim.Adam{LR: s.lr},
		Seed:      s.seed,
	})
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
	loader := datasets.NewLoader(images, s.batch, datasets.Seed(s.seed))
	report, err := trainer.Fit(ctx, loader, gan.Epochs(s.epochs), gan.On(hooks...))
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
	}
	return err
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
