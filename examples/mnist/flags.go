package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"github.com/gander-ml/gander/gan/recipe"
	"github.com/gander-ml/gander/gan/rundir"
	"github.com/gander-ml/gander/tensor"
)

var (
	preset   = flag.String("preset", "quick", "recipe, of:\n"+recipe.Usage(recipe.Digits()))
	data     = flag.String("data", "", "`folder` with MNIST's IDX files, plain or .gz (default: 10,000 digits that are part of the program)")
	fetch    = flag.Bool("download", false, "download the 60,000 training digits, once, and train on them")
	out      = flag.String("out", filepath.Join("runs", "mnist"), "`folder` to write to")
	steps    = flag.Int("steps", 0, "training steps (default: the recipe's)")
	epochs   = flag.Int("epochs", 0, "passes over the digits, instead of -steps")
	batch    = flag.Int("batch", 64, "digits per step")
	lr       = flag.Float64("lr", 0, "learning rate of both networks (default: the recipe's)")
	latent   = flag.Int("latent", 0, "random numbers that a digit is drawn from (default: the recipe's)")
	seed     = flag.Uint64("seed", 1, "of every random number; the same seed gives the same weights")
	device   = flag.String("device", "auto", "where to train: cpu, or another device that the program was built for; auto is the fastest that works")
	threads  = flag.Int("threads", 0, "most threads to compute with (default: all cores)")
	bfloat16 = flag.Bool("bfloat16", false, "round the factors of large matrix products to bfloat16 if the processor is faster that way")
	looks    = flag.Int("looks", 4, "times to judge the digits in the course of training")
	address  = flag.String("http", "", "show the run in a browser, at this `address` of the machine: localhost:8080")
	group    = flag.String("group", "none", "who trains as one: none, for this process alone, or mpi, for those that mpirun has started")
	verbose  = flag.Bool("v", false, "also print gradient norms, every 50 steps")

	resume  rundir.Mode
	changes = rundir.NewChanges(flag.CommandLine, map[string][]string{
		"lr": {"optimizer.lr"}, "batch": {"data.batch", "data.batches"}, "seed": {"seed", "data.seed"},
		"steps": {"schedule", "beta2_schedule"}, "epochs": {"schedule", "beta2_schedule"},
	})
)

func init() {
	flag.Usage = func() { fmt.Fprintln(os.Stderr, "mnist: see -help") } // a wrong flag needs no list of all
	for _, name := range []string{"h", "help"} {
		flag.BoolFunc(name, "list the flags", func(string) error { flag.PrintDefaults(); os.Exit(0); return nil })
	}
	flag.Var(&resume, "resume", "what becomes of a run in that folder: `auto` goes on with it, or starts one; must goes on with it; never moves it aside (default never)")
	flag.Var(changes, "set", "change `flag=value` of a run that is resumed: lr, batch, seed, steps or epochs")
}

// chosen returns the recipe with the flags applied, or what is wrong with them.
func chosen() (_ recipe.Recipe, wrong string) {
	r, known := recipe.Named(*preset, recipe.Digits())
	r.Batch, r.Seed = *batch, *seed
	flag.Visit(func(f *flag.Flag) {
		switch f.Name {
		case "steps":
			r.Steps = *steps
		case "lr":
			r.LR = *lr
		case "latent":
			r.Latent = *latent
		}
	})
	switch {
	case flag.NArg() > 0:
		wrong = fmt.Sprintf("unexpected argument %q", flag.Arg(0))
	case !known:
		wrong = fmt.Sprintf("there is no preset %q", *preset)
	case *epochs != 0 && *steps != 0:
		wrong = "give -epochs or -steps, not both"
	case *epochs < 0 || *epochs > 1_000_000 || r.Steps < 1 || r.Batch < 1:
		wrong = "-epochs, -steps and -batch must be at least 1, -epochs at most 1000000"
	case r.Latent < 1 || r.Latent > 1<<16:
		wrong = "-latent must lie between 1 and 65536"
	case !(r.LR > 0 && r.LR <= 1):
		wrong = "-lr must lie between 0 and 1"
	case *threads < 0 || *looks < 0:
		wrong = "-threads and -looks must be 0 or more"
	case *out == "":
		wrong = "-out must name a folder"
	case resume == rundir.New && changes.String() != "":
		wrong = "-set changes a run that is resumed: give -resume auto as well, or the flag itself"
	case *group != "none" && *group != "mpi":
		wrong = fmt.Sprintf("there is no group %q; give none or mpi", *group)
	case *data != "" && *fetch:
		wrong = "give -data or -download, not both"
	}
	return r, wrong
}

// place returns the device that the flags ask for, and says why it is no faster one.
func place() (*tensor.Device, error) {
	where, err := tensor.OpenDevice(*device)
	if err != nil {
		return nil, err
	}
	if *device == "auto" {
		_, slower, _ := tensor.FastestDevice()
		for _, why := range slower {
			fmt.Printf("computing on device %v: %v\n", where, why)
		}
	}
	if *bfloat16 {
		err = where.SetPrecision(tensor.BFloat16)
	}
	return where, err
}
