package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gander-ml/gander/gan/recipe"
	"github.com/gander-ml/gander/gan/rundir"
)

// parse reads the command line.
func parse() (s settings) {
	choice := func(v *string, name, usage string, values []string) {
		*v = values[0]
		flag.Func(name, usage+": "+strings.Join(values, ", ")+" (default "+values[0]+")", func(given string) error {
			if *v = given; !slices.Contains(values, given) {
				return fmt.Errorf("it must be one of %s", strings.Join(values, ", "))
			}
			return nil
		})
	}
	choice(&s.mixture, "mixture", "data", []string{"ring", "grid"})
	choice(&s.objective, "objective", "game", objectiveNames())
	choice(&s.penalty, "penalty", "on the discriminator's gradient, gp being WGAN-GP's", penalties)
	choice(&s.schedule, "schedule", "of learning rate and penalty", schedules)
	ring, grid := recipe.Ring(), recipe.Grid() // which differ in their length alone
	flag.Float64Var(&s.gamma, "gamma", ring.Config().Penalties[0].Weight(0), "weight of the penalty at first")
	flag.Float64Var(&s.lr, "lr", ring.LR, "learning rate of Adam, both networks")
	flag.IntVar(&s.steps, "steps", 0, fmt.Sprintf("training steps (default %d for the ring, %d for the grid)", ring.Steps, grid.Steps))
	flag.IntVar(&s.batch, "batch", ring.Batch, "points per step")
	flag.Uint64Var(&s.seed, "seed", 1, "of every random number")
	flag.IntVar(&s.seeds, "seeds", 1, "train so many times, with seeds from -seed on")
	flag.BoolVar(&s.json, "json", false, "print JSON instead of a table")
	flag.StringVar(&s.out, "out", filepath.Join("runs", "ring2d"), "folder for the images, which show the first seed")
	flag.StringVar(&s.address, "http", "", "show the first seed's run in a browser, at this `address` of the machine: localhost:8080")
	flag.StringVar(&s.samples, "samples", "", "NumPy file to write 10,000 points of the first seed to")
	flag.IntVar(&s.threads, "threads", 0, "most threads to compute with (default: all cores)")
	flag.Var(&s.resume, "resume", "what becomes of a run in that folder: `auto` continues it, or starts one; must continues it; never moves it aside (default never)")
	s.changes = rundir.NewChanges(flag.CommandLine, map[string][]string{
		"lr": {"optimizer.lr"}, "gamma": {"penalty"}, "batch": {"data.batch"}, "steps": {"schedule", "beta2_schedule"}, "schedule": {"schedule", "beta2_schedule"},
	})
	flag.Var(s.changes, "set", "change `flag=value` of a run that is resumed: lr, gamma, batch, steps or schedule")
	flag.StringVar(&s.where, "device", "auto", "where to train: cpu, or another device that the program was built for; auto is the fastest that works")
	flag.Usage = func() { fmt.Fprintln(os.Stderr, "ring2d: see -help") } // a wrong flag needs no list of all
	for _, name := range []string{"h", "help"} {
		flag.BoolFunc(name, "list the flags", func(string) error { flag.PrintDefaults(); os.Exit(0); return nil })
	}
	flag.Parse()
	return s
}
