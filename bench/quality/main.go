// Quality measures the samples of generators that the recipes of package gan/recipe
// train, and writes bench/RESULTS.md.
//
//	go run ./bench/quality                    # digits that are part of the program
//	go run ./bench/quality -data FOLDER       # all of MNIST
//	go run ./bench/quality -only ring,grid    # leaves the other rows as they are
//
// It trains as examples/mnist, ring2d and stackedmnist do, and judges 10,000 digits or
// points of each generator, or 25,600 pictures of three digits; the classic recipe is
// trained for as long as the others took. The machine should be idle, and without -only
// that takes long: three digits in one picture, and digits of 8×8 pixels, are 12 runs of
// 4,000 to 20,000 steps. Each run is added to bench/RESULTS.json as soon as it is
// measured, with its commit, and RESULTS.md is written from that. -continue leaves out
// the runs of this commit that are already there. Recipes are searched for with
// bench/quality/trials.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gander-ml/gander/gan"
	"github.com/gander-ml/gander/internal/atomicfile"
	"github.com/gander-ml/gander/tensor"
)

type settings struct {
	data    string
	only    []string
	seeds   int
	steps   int
	digits  int
	threads int
	goOn    bool
	out     string
}

// names of what can be measured, in this order, with the usual number of seeds.
var names = []struct {
	name  string
	seeds int
}{{"quick", 5}, {"unconditional", 5}, {"best", 5}, {"mlp", 3}, {"classic", 2}, {"complete", 1}, {"ring", 10}, {"grid", 10}, {"half", 3}, {"quarter", 3}, {"whole", 3}, {"pocket", 3}}

const (
	usual       = "quick,unconditional,best,classic,complete,ring,grid,half,quarter,whole,pocket"
	usualOnFull = "quick,unconditional,best,classic,ring,grid,half,quarter,whole,pocket" // 100 epochs of 60,000 digits take ten minutes
	results     = "bench/RESULTS.md"
)

func main() {
	var s settings
	flag.StringVar(&s.data, "data", "", "`folder` with MNIST's training digits (default: the 10,000 test digits, which are part of the program)")
	only := flag.String("only", "", "what to measure (default: "+usual+"; with -data without complete), of:\n"+
		"quick, unconditional,\n"+
		"best, mlp   recipes for digits\n"+
		"classic     the classic recipe for as long as the others but mlp took\n"+
		"complete    the classic recipe to its end\n"+
		"ring, grid  recipes for mixtures in the plane\n"+
		"half, quarter, whole\n"+
		"            recipes for three digits in one picture\n"+
		"pocket      the recipe for digits of 8×8 pixels")
	flag.IntVar(&s.seeds, "seeds", 0, "seeds of each, from 1 on (default: 5 of quick, unconditional and best, 3 of mlp, 2 of classic, 1 of complete, 10 of a mixture, 3 of the others)")
	flag.IntVar(&s.threads, "threads", 0, "most threads to compute with (default: all cores)")
	flag.BoolVar(&s.goOn, "continue", false, "leave out what was measured at this commit already")
	flag.StringVar(&s.out, "o", results, "`file` to write; what is measured goes beside it, with the ending .json")
	flag.IntVar(&s.steps, "steps", 0, "for a rehearsal: so many steps of each training")
	flag.IntVar(&s.digits, "digits", 10_000, "digits to judge, fewer for a rehearsal")
	flag.Usage = func() { fmt.Fprintln(os.Stderr, "quality: see -help") } // a wrong flag needs no list of all
	for _, name := range []string{"h", "help"} {
		flag.BoolFunc(name, "list the flags", func(string) error { flag.PrintDefaults(); os.Exit(0); return nil })
	}
	flag.Parse()
	if err := s.check(*only); err != nil {
		fmt.Fprintf(os.Stderr, "quality: %v; see -help\n", err)
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the program at once
	if err := run(ctx, s); err != nil && !gan.Cancelled(err) {
		fmt.Fprintln(os.Stderr, "quality:", err)
		os.Exit(1)
	}
}

// check splits the list and returns an error if a flag is wrong.
func (s *settings) check(only string) error {
	if only == "" {
		if only = usual; s.data != "" {
			only = usualOnFull
		}
	}
	if flag.NArg() > 0 {
		return fmt.Errorf("unexpected argument %q", flag.Arg(0))
	}
	s.only = strings.Split(only, ",")
	for _, name := range s.only {
		if seedsOf(name) == 0 {
			return fmt.Errorf("-only does not know %q", name)
		}
	}
	switch {
	case s.seeds < 0 || s.steps < 0 || s.threads < 0:
		return errors.New("-seeds, -steps and -threads must be 0 or more")
	case s.digits < 200 || s.digits > 10_000:
		return errors.New("-digits must lie between 200 and 10000")
	case !strings.HasSuffix(s.out, ".md"):
		return errors.New("-o must name a file in .md")
	case filepath.ToSlash(filepath.Clean(s.out)) == results && (s.steps > 0 || s.digits < 10_000):
		return errors.New("a rehearsal must not replace the results: give -o with -steps or -digits")
	}
	return nil
}

// seedsOf returns the usual number of seeds, or 0 if the name is not known.
func seedsOf(name string) int {
	for _, n := range names {
		if n.name == name {
			return n.seeds
		}
	}
	return 0
}

func run(ctx context.Context, s settings) error {
	if _, err := os.Stat(filepath.Dir(s.out)); err != nil { // now, and not after the first training
		return err
	}
	lock, err := atomicfile.LockFolder(filepath.Dir(s.out)) // two would spoil each other's times, and rows
	if err != nil {
		return err
	}
	defer lock.Release()
	r, err := load(s.out)
	if err != nil {
		return err
	}
	tensor.CPU().SetThreads(s.threads)
	m, err := newMeasurer(ctx, s, r)
	if err != nil {
		return err
	}
	for _, n := range names {
		if !slices.Contains(s.only, n.name) {
			continue
		}
		seeds := n.seeds
		if s.seeds > 0 {
			seeds = s.seeds
		}
		if err := m.measure(ctx, n.name, seeds); err != nil {
			return fmt.Errorf("%s: %w", n.name, err)
		}
	}
	return nil
}
