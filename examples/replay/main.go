// Replay shows where in a step of training the first number came from that is not
// finite: which operation, in which network and layer, forward or backward, and
// what numbers it was given. A run that fails so writes a file from which the step
// is done again:
//
//	mnist: gan: step 919: the generator's gradient is not finite …; what led to it is in runs/mnist/failure.safetensors
//
//	go run ./examples/replay -preset quick runs/mnist/failure.safetensors
//
// -preset, -lr, -latent, -steps and -seed are those of the run, since the networks and
// the settings must be the same; what differs is named. The exit status is 1 if the file
// cannot be used or the step does not fail any more, and 2 after wrong usage.
package main

import (
	"flag"
	"fmt"
	"os"
	"strings"

	"github.com/gander-ml/gander/gan"
	"github.com/gander-ml/gander/gan/recipe"
)

func main() {
	preset := flag.String("preset", "quick", "recipe of the run, of:\n"+recipe.Usage(recipe.All()))
	lr := flag.Float64("lr", 0, "learning rate of the run (default: the recipe's)")
	latent := flag.Int("latent", 0, "latent numbers of the run (default: the recipe's)")
	steps := flag.Int("steps", 0, "length of the run (default: the recipe's)")
	seed := flag.Uint64("seed", 1, "seed of the run")
	flag.Usage = func() { fmt.Fprintln(os.Stderr, "replay: see -help") } // a wrong flag needs no list of all
	for _, name := range []string{"h", "help"} {
		flag.BoolFunc(name, "list the flags", func(string) error {
			fmt.Fprintln(os.Stderr, "usage: replay [the flags of the run] FILE")
			flag.PrintDefaults()
			os.Exit(0)
			return nil
		})
	}
	flag.Parse()
	r, known := recipe.Named(*preset, recipe.All())
	r.Seed = *seed
	flag.Visit(func(f *flag.Flag) {
		switch f.Name {
		case "lr":
			r.LR = *lr
		case "latent":
			r.Latent = *latent
		case "steps":
			r.Steps = *steps
		}
	})
	wrong := ""
	switch {
	case flag.NArg() != 1:
		wrong = "give one file, after the flags of the run"
	case !known:
		wrong = fmt.Sprintf("there is no preset %q", *preset)
	case r.Latent < 1 || r.Latent > 1<<16 || r.Steps < 1:
		wrong = "-latent must lie between 1 and 65536, -steps be at least 1"
	case !(r.LR > 0 && r.LR <= 1):
		wrong = "-lr must lie between 0 and 1"
	}
	if wrong != "" {
		fmt.Fprintf(os.Stderr, "replay: %s; see -help\n", wrong)
		os.Exit(2)
	}
	origin, err := replay(flag.Arg(0), r)
	if err == nil {
		_, err = fmt.Print(origin)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "replay:", strings.ReplaceAll(err.Error(), "\n", "; "))
		os.Exit(1)
	}
}

// replay does the step of a file again, with a recipe's networks and settings.
func replay(path string, r recipe.Recipe) (*gan.Origin, error) {
	g, d := r.Networks()
	trainer, err := gan.New(g, d, r.Config())
	if err != nil {
		return nil, err
	}
	return trainer.Replay(path, gan.Notify(func(line string) { fmt.Println(line) }))
}
