// Trials tries recipes for small things, to find better ones for package gan/recipe:
// points in the plane, three digits in one picture, and digits of 8×8 pixels.
//
//	go run ./bench/quality/trials -of grid -seeds 3 latent=4 gamma1=0.001
//
// A trial is what the program's usual values say, but for what the arguments change;
// -help lists them. Each training is added to bench/quality/TRIED-mixtures.json, and
// TRIED-mixtures.md is written from that. What was trained with a seed already is not
// repeated. The usual values are where trials began, and not what the recipes have now.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"strings"

	"github.com/gander-ml/gander/gan"
	"github.com/gander-ml/gander/gan/metrics"
)

// subject is something to learn.
type subject struct {
	name, about string
	knobs       []knob
	columns     []column
	// train trains with a seed and measures what is drawn.
	train func(ctx context.Context, c choices, seed uint64) (*gan.Report, metrics.Table, error)
}

// knob is a number that a trial can change.
type knob struct {
	name, about string
	usual       float64
}

// column is a value of the table; the last one is what trials are sorted by.
type column struct {
	name string
	less bool // is better
}

var subjects = []*subject{ring, grid, half, quarter, whole, small}

var verbose = flag.Bool("v", false, "also measure in the course of training, of ring and grid")

var data = flag.String("data", "", "`folder` with MNIST's files, for pocket")

// choices are the values of knobs.
type choices map[string]float64

func main() {
	of := flag.String("of", "grid", "what to learn: "+names())
	seeds := flag.Int("seeds", 1, "train so many times, with seeds from -seed on; 0: only write the table anew")
	first := flag.Uint64("seed", 1, "the first one")
	table := flag.String("o", "bench/quality/TRIED-mixtures.md", "`file` to write; what is measured goes beside it, with the ending .json")
	flag.Usage = func() { usage(flag.CommandLine.Output()) }
	flag.Parse()
	at := slices.IndexFunc(subjects, func(s *subject) bool { return s.name == *of })
	var c choices
	var err error
	switch {
	case at < 0:
		err = fmt.Errorf("-of does not know %q", *of)
	case *seeds < 0 || !strings.HasSuffix(*table, ".md"):
		err = fmt.Errorf("-seeds must be 0 or more, and -o a file in .md")
	default:
		c, err = subjects[at].parse(flag.Args())
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "trials: %v; see -help\n", err)
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := subjects[at].try(ctx, *table, c, *first, *seeds); err != nil && !gan.Cancelled(err) {
		fmt.Fprintln(os.Stderr, "trials:", err)
		os.Exit(1)
	}
}

func names() string {
	var all []string
	for _, s := range subjects {
		all = append(all, s.name)
	}
	return strings.Join(all, ", ")
}

func usage(w io.Writer) {
	fmt.Fprintln(w, "usage: trials [flags] [name=value]...")
	flag.CommandLine.SetOutput(w)
	flag.PrintDefaults()
	for _, s := range subjects {
		fmt.Fprintf(w, "%s, %s, and what can be changed, with the usual values:\n", s.name, s.about)
		for _, k := range s.knobs {
			fmt.Fprintf(w, "  %-8s %s (%v)\n", k.name, k.about, k.usual)
		}
	}
}

// parse reads arguments of the form name=value.
func (s *subject) parse(args []string) (choices, error) {
	c := choices{}
	for _, k := range s.knobs {
		c[k.name] = k.usual
	}
	for _, a := range args {
		name, value, _ := strings.Cut(a, "=")
		v, err := strconv.ParseFloat(value, 64)
		if _, ok := c[name]; !ok || err != nil {
			return nil, fmt.Errorf("%q is not name=value of a number that can be changed", a)
		}
		c[name] = v
	}
	return c, nil
}

// changes lists what is not usual.
func (s *subject) changes(c choices) string {
	var parts []string
	for _, k := range s.knobs {
		if c[k.name] != k.usual {
			parts = append(parts, fmt.Sprintf("%s=%v", k.name, c[k.name]))
		}
	}
	slices.Sort(parts)
	return strings.Join(parts, " ")
}
