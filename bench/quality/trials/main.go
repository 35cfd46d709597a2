// Trials tries recipes, to find better ones for package gan/recipe.
//
//	go run ./bench/quality/trials steps=4500 gamma=1              # digits
//	go run ./bench/quality/trials -of grid -seeds 3 gamma1=0.001  # points in the plane
//	go run ./bench/quality/trials -of half -help                  # lists the words
//
// A trial is what the words' usual values say, but for what the arguments change. Each
// training is added to bench/quality/TRIED.json, and TRIED.md is written from that. What
// was trained with a seed already is not repeated. The usual values are where trials
// began, and not what the recipes have now.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gander-ml/gander/gan"
	"github.com/gander-ml/gander/tensor"
)

// tried is the file of trials.
const tried = "bench/quality/TRIED.md"

type settings struct {
	of, data, out           string
	seeds, threads, samples int
	first                   uint64
	verbose                 bool
}

func main() {
	var s settings
	flag.StringVar(&s.of, "of", "digits", "`what` to learn: "+names())
	flag.StringVar(&s.data, "data", "", "`folder` with MNIST's training digits (default: the 10,000 test digits, which are part of the program)")
	flag.IntVar(&s.seeds, "seeds", 1, "train so many times, with seeds from -seed on; 0: only write the table anew")
	flag.Uint64Var(&s.first, "seed", 1, "the first one")
	flag.IntVar(&s.threads, "threads", 0, "most threads to compute with (default: all cores)")
	flag.IntVar(&s.samples, "samples", 0, "for a rehearsal: judge so many samples")
	flag.BoolVar(&s.verbose, "v", false, "also judge in the course of training, ten times")
	flag.StringVar(&s.out, "o", tried, "`file` to write; what is measured goes beside it, with the ending .json")
	flag.Usage = func() { fmt.Fprintln(os.Stderr, "trials: see -help") } // a wrong flag needs no list of all
	for _, name := range []string{"h", "help"} {
		flag.BoolFunc(name, "list the flags, and the words of -of", func(string) error { usage(os.Stderr, s.of); os.Exit(0); return nil })
	}
	flag.Parse()
	k, c, err := s.check(flag.Args())
	if err != nil {
		fmt.Fprintf(os.Stderr, "trials: %v; see -help\n", err)
		os.Exit(2)
	}
	tensor.CPU().SetThreads(s.threads)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the program at once
	if err := k.try(ctx, s, c); err != nil && !gan.Cancelled(err) {
		fmt.Fprintln(os.Stderr, "trials:", err)
		os.Exit(1)
	}
}

// check returns what to learn and how, or an error if a flag or a word is wrong.
func (s settings) check(words []string) (*kind, choices, error) {
	at := slices.IndexFunc(kinds, func(k *kind) bool { return k.name == s.of })
	switch {
	case at < 0:
		return nil, nil, fmt.Errorf("-of does not know %q", s.of)
	case s.seeds < 0 || s.threads < 0:
		return nil, nil, errors.New("-seeds and -threads must be 0 or more")
	case s.samples != 0 && s.samples < 200:
		return nil, nil, errors.New("-samples must be at least 200")
	case !strings.HasSuffix(s.out, ".md"):
		return nil, nil, errors.New("-o must name a file in .md")
	case s.samples != 0 && filepath.ToSlash(filepath.Clean(s.out)) == tried:
		return nil, nil, errors.New("a rehearsal must not stand beside trials: give -o with -samples")
	}
	k := kinds[at]
	c, err := k.parse(words...)
	if err == nil {
		err = k.check(c)
	}
	return k, c, err
}

func names() string {
	var all []string
	for _, k := range kinds {
		all = append(all, k.name)
	}
	return strings.Join(all, ", ")
}

func usage(w io.Writer, of string) {
	fmt.Fprintln(w, "usage: trials [flags] [word=number]...")
	flag.CommandLine.SetOutput(w)
	flag.PrintDefaults()
	for _, k := range kinds {
		if k.name != of {
			continue
		}
		fmt.Fprintf(w, "words of %s (%s), with the usual numbers:\n", k.name, k.about)
		for _, word := range k.words {
			fmt.Fprintf(w, "  %-11s %s (%v)\n", word.name, word.means, word.usual)
		}
	}
}
