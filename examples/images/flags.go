package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"github.com/gander-ml/gander/gan/rundir"
)

var (
	data    = flag.String("data", "", "`folder` of pictures, with a folder for each class if there are classes (default: shapes that the program draws)")
	labels  = flag.String("labels", "", "`file` in that folder with the classes, a line \"name,class\" for each picture, instead of folders")
	size    = flag.Int("size", 32, "side of the pictures that are trained on and drawn, in pixels: 32 or 64")
	colour  = flag.String("colour", "auto", "auto, grey or rgb")
	strict  = flag.Bool("strict", false, "stop if there are files that cannot be used, instead of going on without them")
	flip    = flag.Bool("flip", false, "show pictures mirrored, too, half of the time; not if left and right mean something")
	out     = flag.String("out", filepath.Join("runs", "images"), "`folder` to write to")
	steps   = flag.Int("steps", 0, "training steps (default: by the pictures)")
	batch   = flag.Int("batch", 0, "pictures per step (default: 64, or all if there are fewer)")
	lr      = flag.Float64("lr", 0, "learning rate of both networks (default: by the size)")
	width   = flag.Int("width", 0, "channels of the networks' layers at full size; twice as many take about three times as long (default: by the size)")
	seed    = flag.Uint64("seed", 1, "of every random number; the same seed gives the same weights")
	device  = flag.String("device", "auto", "where to train: cpu, or another device that the program was built for; auto is the fastest that works")
	address = flag.String("http", "", "show the run in a browser, at this `address` of the machine: localhost:8080")
	threads = flag.Int("threads", 0, "most threads to compute with (default: all cores)")

	resume  rundir.Mode
	changes = rundir.NewChanges(flag.CommandLine, map[string][]string{
		"lr": {"optimizer.lr"}, "steps": {"schedule", "beta2_schedule"}, "batch": {"data.batch", "data.batches"}, "seed": {"seed", "data.seed"},
	})
)

func init() {
	flag.Usage = func() { fmt.Fprintln(os.Stderr, "images: see -help") } // a wrong flag needs no list of all
	for _, name := range []string{"h", "help"} {
		flag.BoolFunc(name, "list the flags", func(string) error { flag.PrintDefaults(); os.Exit(0); return nil })
	}
	flag.Var(&resume, "resume", "what becomes of a run in that folder: `auto` goes on with it, or starts one; must goes on with it; never moves it aside (default never)")
	flag.Var(changes, "set", "change `flag=value` of a run that is resumed: lr, steps, batch or seed")
}

// channelsOf are the values of -colour; 0 means to find out.
var channelsOf = map[string]int{"auto": 0, "grey": 1, "rgb": 3}

// wrong returns what is wrong with the flags, or "".
func wrong() string {
	_, known := channelsOf[*colour]
	switch {
	case flag.NArg() > 0:
		return fmt.Sprintf("unexpected argument %q", flag.Arg(0))
	case *size != 32 && *size != 64:
		return "-size must be 32 or 64"
	case !known:
		return "-colour must be auto, grey or rgb"
	case *labels != "" && *data == "":
		return "-labels is a file in the folder of -data"
	case *colour == "grey" && *data == "":
		return "the shapes are coloured; -colour grey needs -data"
	case *steps < 0 || *batch < 0 || *threads < 0:
		return "-steps, -batch and -threads must not be negative"
	case *width < 0 || *width > 256:
		return "-width must lie between 1 and 256"
	case !(*lr >= 0 && *lr <= 1):
		return "-lr must lie between 0 and 1"
	case *out == "":
		return "-out must name a folder"
	case resume == rundir.New && changes.String() != "":
		return "-set changes a run that is resumed: give -resume auto as well, or the flag itself"
	}
	return ""
}

// apply puts the flags in place of what was picked.
func (p plan) apply() plan {
	if *steps > 0 {
		p.steps = *steps
	}
	if *batch > 0 {
		p.batch = min(*batch, p.pictures)
	}
	if *lr > 0 {
		p.lr = *lr
	}
	if *width > 0 {
		p.width = *width
	}
	return p
}
