// Ring2d trains a GAN on points in the plane that come in 8 clusters on a circle
// or 25 on a grid: the classic test of whether a generator finds all modes.
//
//	go run ./examples/ring2d -mixture grid
//
// Everything is known about such data, so the result can be judged exactly. The
// program prints how many modes were found, the share of points within 3σ of
// one, how unequal the modes are (reverse KL) and their spread in σ, beside what
// a perfect sampler scores ("floor"), and writes into runs/ring2d:
//
//	grid.gif   the training: generated points over the discriminator's field,
//	           warm where it takes points for real; circles are 3σ around modes
//	grid.png   the end of it, larger
//
// It takes some 48 s of one core, the ring 36 s, and ends like this:
//
//	10,000 points
//	metric               value     floor
//	modes                25        25
//	high-quality share   0.979     0.989
//	reverse KL           0.00542   0.0012
//	KL with off-mode     0.00903   0.00124
//	spread in σ          0.896     0.974
//
// -seeds 10 trains ten times and prints means with standard errors, -json prints
// JSON, and -samples FILE.npy saves 10,000 points, in the units of the papers
// and not scaled to a variance of 1, as a NumPy array [10000, 2]. Other flags
// take the recipe apart: -penalty none, for example, finds hardly any mode.
//
// A run that is in the folder already is moved aside, under a name with its time.
// With -resume auto it is continued instead, after whatever has ended it; the
// animation then begins at that point.
//
// Ctrl-C, SIGTERM and SIGHUP end the training early, save, and show what there is;
// a second one ends the program at once. The exit status is 0 after Ctrl-C, 143
// after SIGTERM, 129 after SIGHUP, 1 if something outside went wrong, and 2 after
// wrong usage.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/gander-ml/gander/gan"
	"github.com/gander-ml/gander/gan/progress"
	"github.com/gander-ml/gander/gan/rundir"
	"github.com/gander-ml/gander/gan/watch"
	"github.com/gander-ml/gander/tensor"
	"github.com/gander-ml/gander/tensor/npy"
)

func main() {
	s := parse()
	if wrong := s.wrong(); wrong != "" {
		fmt.Fprintf(os.Stderr, "ring2d: %s; see -help\n", wrong)
		os.Exit(2)
	}
	ctx, stop := gan.Signals(context.Background())
	defer stop()
	err := run(ctx, s)
	if err != nil && !gan.Cancelled(err) {
		complain(err)
	}
	os.Exit(gan.ExitStatus(err))
}

func complain(err error) {
	fmt.Fprintln(os.Stderr, "ring2d:", strings.ReplaceAll(err.Error(), "\n", "; "))
}

func run(ctx context.Context, s settings) (err error) {
	if s.device, err = tensor.OpenDevice(s.where); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(s.samples), 0o755); err != nil {
		return err
	}
	tensor.CPU().SetThreads(s.threads)
	lines := os.Stdout
	if s.json {
		lines = os.Stderr
	}
	var page *watch.Page
	if s.address != "" { // before anything is moved aside
		page = watch.New(watch.Options{Title: "ring2d, " + s.mixture, Seed: s.seed})
		url, err := page.Listen(s.address)
		if err != nil {
			return err
		}
		defer page.Close()
		fmt.Fprintln(lines, "look at", url)
	}
	s.folder, err = rundir.Open(s.out, rundir.Options{Resume: s.resume, SetFlag: "-set",
		Say: func(line string) { fmt.Fprintln(lines, line) }})
	if err != nil {
		return err
	}
	defer s.folder.Close()
	film := newFilm(mixtures[s.mixture], s.recipe(s.seed).Steps)
	var runs []*outcome
	var ended error // by the user
	for i := range s.seeds {
		var hooks []gan.Hook
		if i == 0 {
			hooks = append(hooks, film.hook())
			if page != nil {
				hooks = append(hooks, page.Hook())
			}
		}
		if s.seeds == 1 {
			hooks = append(hooks, progress.Bar(lines))
		}
		o, err := train(ctx, s, s.seed+uint64(i), hooks...)
		if ended = err; o == nil {
			return err
		}
		if ended != nil && (i > 0 || o.Steps == 0) {
			break // half a run would spoil the mean
		}
		runs = append(runs, o)
		fmt.Fprintf(lines, "seed %d: %d modes, %.1f %% within 3σ, reverse KL %.4f, spread %.2fσ; %d steps in %.1f s on %v\n",
			o.Seed, o.score.Modes, 100*o.score.Quality, o.score.ReverseKL, o.score.Spread, o.Steps, o.Seconds, s.device)
	}
	if len(runs) == 0 {
		return ended
	}
	first := runs[0]
	if err := film.write(filepath.Join(s.out, s.mixture), first.generator); err != nil {
		return err
	}
	if s.samples != "" {
		points := tensor.Scale(first.generator.Sample(10_000, s.seed), mixtures[s.mixture].Scale)
		if err := npy.Save(s.samples, points); err != nil {
			return err
		}
	}
	if ended == nil {
		ended = s.folder.Finish()
	} else {
		fmt.Fprintln(lines, "stopped and saved; the same command with -resume auto goes on")
	}
	return errors.Join(ended, report(s, runs))
}
