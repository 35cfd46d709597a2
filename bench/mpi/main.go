// Mpi measures what training in a group of processes costs (gan/mpi).
//
//	go run ./bench/mpi rounding                    what rounding does, in groups of goroutines
//	go run ./bench/mpi model                       predicted efficiency of many machines
//	go build -tags mpi -o /tmp/mpi ./bench/mpi
//	mpirun -np 2 /tmp/mpi measure                  times of sums and steps
//
// Each prints Markdown. README.md keeps what was measured.
package main

import (
	"context"
	"flag"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gander-ml/gander/datasets"
	"github.com/gander-ml/gander/datasets/digits"
	"github.com/gander-ml/gander/gan"
	"github.com/gander-ml/gander/gan/group"
	"github.com/gander-ml/gander/gan/mpi"
	"github.com/gander-ml/gander/gan/recipe"
	"github.com/gander-ml/gander/nn"
	"github.com/gander-ml/gander/optim"
	"github.com/gander-ml/gander/tensor"
)

var (
	steps = flag.Int("steps", 40, "steps of each recipe that measure does")
	sums  = flag.Int("sums", 60, "sums of each length that measure does")
	times = flag.Int("times", 1, "how often measure measures, of which it tells the medians")
)

func main() {
	flag.Parse()
	var err error
	switch flag.Arg(0) {
	case "rounding":
		err = rounding()
	case "model":
		model()
	case "measure":
		err = measure()
	default:
		err = fmt.Errorf("say rounding, model or measure and not %q", flag.Arg(0))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "mpi:", err)
		os.Exit(1)
	}
}

// rounding trains 50 steps in float32, alone and in groups, and tells how far apart
// the results are.
func rounding() error {
	gp := gan.GradientPenalty{Lambda: 10}
	fmt.Print("| game | weights, 2 | samples, 2 | weights, 4 | samples, 4 |\n|---|---|---|---|---|\n")
	for _, c := range []struct {
		name   string
		config gan.Config
	}{
		{"classic", gan.Config{Objective: gan.Classic{}}},
		{"minimax", gan.Config{Objective: gan.Minimax{}}},
		{"non-saturating", gan.Config{}},
		{"least squares", gan.Config{Objective: gan.LeastSquares{}}},
		{"hinge", gan.Config{Objective: gan.Hinge{}}},
		{"Wasserstein, weights clipped", gan.Config{Objective: gan.Wasserstein{}, ClipWeights: 0.01}},
		{"Wasserstein, gradient penalty", gan.Config{Objective: gan.Wasserstein{}, Penalties: []gan.Penalty{gp}}},
		{"the same, one-sided", gan.Config{Objective: gan.Wasserstein{}, Penalties: []gan.Penalty{gan.GradientPenalty{Lambda: 10, OneSided: true}}}},
		{"relativistic", gan.Config{Objective: gan.Relativistic{}}},
		{"relativistic, R1 and R2", gan.Config{Objective: gan.Relativistic{}, Penalties: []gan.Penalty{gan.R1{Gamma: 1}, gan.R2{Gamma: 1}}}},
		{"non-saturating, R1", gan.Config{Penalties: []gan.Penalty{gan.R1{Gamma: 1}}}},
		{"non-saturating, R2", gan.Config{Penalties: []gan.Penalty{gan.R2{Gamma: 1}}}},
	} {
		one, err := outcome(c.config, 1)
		if err != nil {
			return err
		}
		fmt.Print("| ", c.name)
		for _, size := range []int{2, 4} {
			o, err := outcome(c.config, size)
			if err != nil {
				return err
			}
			for k := range one {
				fmt.Printf(" | %.0e", largest(one[k], o[k]))
			}
		}
		fmt.Println(" |")
	}
	return nil
}

// outcome trains in a group and returns the weights of both networks, and samples.
func outcome(c gan.Config, size int) ([2][]float64, error) {
	c.Latent, c.Seed = 16, 1
	c.Optimizer = optim.Adam{LR: 2e-4, Betas: [2]float64{0.5, 0.999}}
	data := datasets.FromTensor(tensor.NewStream(1, "rounding").Normal(tensor.Float32, 960, 32), nil)
	trainers, errs := make([]*gan.Trainer, size), make([]error, size)
	var all sync.WaitGroup
	for rank, joined := range group.Local(size) {
		all.Go(func() {
			defer joined.Close()
			c := c
			c.Group = joined
			g := nn.Sequential(nn.Linear(16, 64), nn.LeakyReLU(0.2), nn.Linear(64, 64), nn.LeakyReLU(0.2), nn.Linear(64, 32))
			d := nn.Sequential(nn.Linear(32, 64), nn.LeakyReLU(0.2), nn.Linear(64, 64), nn.LeakyReLU(0.2), nn.Linear(64, 1))
			if c.Objective != nil && c.Objective.Output() == gan.Probabilities {
				d = nn.Sequential(d, nn.Sigmoid())
			}
			if trainers[rank], errs[rank] = gan.New(g, d, c); errs[rank] == nil {
				loader := datasets.NewLoader(data, 64, datasets.Shard(rank, size))
				_, errs[rank] = trainers[rank].Fit(context.Background(), loader, gan.Steps(50))
			}
		})
	}
	all.Wait()
	for _, err := range errs {
		if err != nil {
			return [2][]float64{}, err
		}
	}
	var weights []float64
	g, d := trainers[0].Networks()
	for _, m := range []nn.Module{g, d} {
		for _, p := range nn.Params(m) {
			weights = append(weights, p.Param.Value().Float64s()...)
		}
	}
	return [2][]float64{weights, trainers[0].Sample(256, 1).Float64s()}, nil
}

// largest returns the largest difference.
func largest(a, b []float64) (most float64) {
	for i := range a {
		most = max(most, math.Abs(a[i]-b[i]))
	}
	return most
}

// measured are the recipes that measure runs.
var measured = []recipe.Recipe{recipe.Classic(), recipe.Quick()}

// measure tells how long sums and steps take in the group that mpirun has started.
func measure() error {
	tensor.CPU().SetThreads(1)
	all, err := mpi.Join()
	if err != nil {
		return err
	}
	defer all.Close()
	images, err := digits.Load()
	if err != nil {
		return err
	}
	var rows [][]float64
	for range *times {
		row := []float64{}
		meeting, err := timed(*sums*4, 2*all.Size()+1, all.Sum64)
		if err != nil {
			return err
		}
		row = append(row, 1e6*meeting)
		for _, r := range measured {
			g, d := r.Networks()
			each := r.Batch / all.Size()
			config := r.Config()
			config.Group = all
			trainer, err := gan.New(g, d, config)
			if err != nil {
				return err
			}
			both := 0.0
			for _, m := range []nn.Module{g, d} {
				t, err := timed(*sums, nn.Count(m), all.Sum32)
				if err != nil {
					return err
				}
				both += t
			}
			alone, err := step(r, images, nil, 0, 1, each)
			if err != nil {
				return err
			}
			together, err := stepOf(trainer, r, images, all.Rank(), all.Size(), r.Batch)
			if err != nil {
				return err
			}
			row = append(row, 1e3*both, 1e3*alone, 1e3*together)
		}
		rows = append(rows, row)
	}
	if all.Rank() > 0 {
		return nil
	}
	load, _ := os.ReadFile("/proc/loadavg")
	fmt.Printf("processes %d, load %s", all.Size(), strings.Join(strings.Fields(string(load))[:1], " "))
	fmt.Print("\n\n| processes | meeting, µs |")
	for _, r := range measured {
		fmt.Printf(" %s: two sums, ms | a step of %d/%d alone, ms | a step together, ms |", r.Name, r.Batch, all.Size())
	}
	fmt.Printf("\n|---%s\n| %d |", strings.Repeat("|---", 1+3*len(measured))+"|", all.Size())
	for k := range rows[0] {
		var column []float64
		for _, row := range rows {
			column = append(column, row[k])
		}
		fmt.Printf(" %.3g |", median(column))
	}
	fmt.Println()
	return nil
}

// timed returns the median time in seconds of sums of some length.
func timed[T float32 | float64](n, length int, sum func([]T) error) (float64, error) {
	x := make([]T, length)
	var seconds []float64
	for range n {
		start := time.Now()
		if err := sum(x); err != nil {
			return 0, err
		}
		seconds = append(seconds, time.Since(start).Seconds())
	}
	return median(seconds), nil
}

func median(x []float64) float64 {
	x = slices.Sorted(slices.Values(x))
	return x[len(x)/2]
}

// step returns the median time of a step in a group.
func step(r recipe.Recipe, images datasets.Dataset, all gan.Group, rank, size, batch int) (float64, error) {
	g, d := r.Networks()
	config := r.Config()
	config.Group = all
	trainer, err := gan.New(g, d, config)
	if err != nil {
		return 0, err
	}
	return stepOf(trainer, r, images, rank, size, batch)
}

func stepOf(t *gan.Trainer, r recipe.Recipe, images datasets.Dataset, rank, size, batch int) (float64, error) {
	options := []datasets.LoaderOption{datasets.Shard(rank, size), datasets.DropLast()}
	if r.Config().Classes != nil {
		options = append(options, datasets.Conditions())
	}
	var seconds []float64
	last := time.Now()
	_, err := t.Fit(context.Background(), datasets.NewLoader(images, batch, options...), gan.Steps(*steps), gan.On(gan.Hook{
		Step: func(*gan.StepInfo) error {
			now := time.Now()
			seconds = append(seconds, now.Sub(last).Seconds())
			last = now
			return nil
		},
	}))
	return median(seconds[min(5, len(seconds)-1):]), err
}

// network is what the model knows of a step.
type network struct {
	name    string
	params  float64 // of both networks
	compute float64 // seconds of a step on a process's own samples
}

// efficiency returns the part of its time that a process of n computes, on a network of
// some latency (seconds) and bandwidth (bytes per second): every process keeps its
// batch.
func efficiency(w network, n, latency, bandwidth float64) float64 {
	return w.compute / (w.compute + communication(w, n, latency, bandwidth))
}

// communication returns the seconds that a step's two sums and its meeting take: the
// meeting by recursive doubling, the sums by halving and doubling (Rabenseifner), which
// sends every number twice, all but 1/n of them.
func communication(w network, n, latency, bandwidth float64) float64 {
	rounds := math.Ceil(math.Log2(n))
	meeting := rounds * (latency + 8*(2*n+1)/bandwidth)
	sums := 2*2*rounds*latency + 2*(n-1)/n*4*w.params/bandwidth
	return meeting + sums
}

var (
	compute  = flag.String("compute", "", "seconds of a step of the classic recipe, of the quick one and of 25 M parameters, with commas, for model")
	latency  = flag.Float64("latency", 20e-6, "seconds of a message, for model")
	fraction = flag.Float64("fraction", 1, "part of the bandwidth that sums reach, for model")
)

// model prints efficiencies.
func model() {
	var c [3]float64
	if n, _ := fmt.Sscanf(*compute, "%g,%g,%g", &c[0], &c[1], &c[2]); n != 3 {
		fmt.Fprintln(os.Stderr, "mpi: give -compute, three numbers")
		os.Exit(2)
	}
	var nets []network
	for i, r := range measured {
		g, d := r.Networks()
		if _, err := gan.New(g, d, r.Config()); err != nil {
			panic(err)
		}
		nets = append(nets, network{fmt.Sprintf("%s, %.2f M", r.Name, float64(nn.Count(g)+nn.Count(d))/1e6), float64(nn.Count(g) + nn.Count(d)), c[i]})
	}
	nets = append(nets, network{"25 M", 25e6, c[2]})
	fmt.Print("| networks | Gbit/s")
	for n := 8; n <= 1024; n *= 2 {
		fmt.Print(" | ", n)
	}
	fmt.Printf(" |\n|---|---%s|\n", strings.Repeat("|---", 8))
	for _, w := range nets {
		for _, gbit := range []float64{10, 25, 100} {
			fmt.Printf("| %s | %g", w.name, gbit)
			for n := 8; n <= 1024; n *= 2 {
				fmt.Printf(" | %.0f %%", 100*efficiency(w, float64(n), *latency, *fraction*gbit*1e9/8))
			}
			fmt.Println(" |")
		}
	}
}
