package gan_test

import (
	"context"
	"errors"
	"fmt"
	"image"
	"image/png"
	"iter"
	"log"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"

	"github.com/gander-ml/gander/autograd"
	"github.com/gander-ml/gander/datasets"
	"github.com/gander-ml/gander/gan"
	"github.com/gander-ml/gander/gan/gallery"
	"github.com/gander-ml/gander/nn"
	"github.com/gander-ml/gander/optim"
	"github.com/gander-ml/gander/tensor"
)

// heights is a source of made-up measurements: batches [32, 1] of numbers around
// 4, with a standard deviation of ½.
type heights struct{}

func (heights) Batches() int { return 50 }

func (heights) Epoch(ctx context.Context, epoch, from int) iter.Seq2[gan.Batch, error] {
	return func(yield func(gan.Batch, error) bool) {
		for k := from; k < 50 && ctx.Err() == nil; k++ {
			random := tensor.NewStream(uint64(epoch*50+k), "heights")
			x := tensor.Shift(tensor.Scale(random.Normal(tensor.Float32, 32, 1), 0.5), 4)
			if !yield(gan.Batch{X: x}, nil) {
				return
			}
		}
	}
}

// networks are enough for numbers: the generator is a line.
func networks() (g, d nn.Module) {
	g = nn.Linear(1, 1)
	d = nn.Sequential(nn.Linear(1, 32), nn.Tanh(), nn.Linear(32, 1))
	return g, d
}

// A generator learns to make numbers like the given ones, by a recipe that
// converges: a relativistic pairing, both penalties, averaged weights.
func Example() {
	g, d := networks()
	t, err := gan.New(g, d, gan.Config{
		Latent:      1,
		Objective:   gan.Relativistic{},
		Penalties:   []gan.Penalty{gan.R1{Gamma: 0.1}, gan.R2{Gamma: 0.1}},
		Optimizer:   optim.Adam{LR: 5e-3, Betas: [2]float64{0.5, 0.99}},
		EMAHalfLife: 200,
		Seed:        1,
	})
	if err != nil {
		log.Fatal(err)
	}
	report, err := t.Fit(context.Background(), heights{}, gan.Epochs(40))
	if err != nil {
		log.Fatal(err)
	}
	x := t.Sample(10_000, 1)
	mean := tensor.Sum(x).Item() / 10_000
	deviation := math.Sqrt(tensor.Sum(tensor.Square(x)).Item()/10_000 - mean*mean)
	fmt.Printf("after %d steps: mean %.1f, standard deviation %.1f\n", report.Steps, mean, deviation)
	// Output: after 2000 steps: mean 4.0, standard deviation 0.5
}

// A training loop of one's own, without a Trainer: the original game, with R1. The
// penalty is made of a gradient, and CreateGraph lets the loop take gradients of that.
func Example_byHand() {
	g, d := networks()
	nn.Init(g, 1, tensor.Float32, tensor.CPU())
	nn.Init(d, 2, tensor.Float32, tensor.CPU())
	gLeaves, dLeaves := nn.Leaves(g), nn.Leaves(d)
	adam := optim.Adam{LR: 5e-3, Betas: [2]float64{optim.Zero, 0.9}, Schedule: optim.Linear{From: 1, To: 0, Steps: 2000}}
	gAdam, dAdam := optim.New(adam, autograd.Values(gLeaves)), optim.New(adam, autograd.Values(dLeaves))
	tracked := &nn.Ctx{Train: true, Track: true}
	random := tensor.NewStream(1, "latent")
	latent := func(n int) *autograd.Var { return autograd.Const(random.Normal(tensor.Float32, n, 1)) }
	cost := func(logit *autograd.Var) *autograd.Var { return autograd.Mean(autograd.Softplus(autograd.Neg(logit))) } // mean −ln σ

	for epoch := range 40 {
		for b, err := range (heights{}).Epoch(context.Background(), epoch, 0) {
			if err != nil {
				log.Fatal(err)
			}
			x := autograd.Leaf(b.X)
			fake := g.Forward(nil, latent(32)) // nothing of G is tracked
			real := d.Forward(tracked, x)
			loss := autograd.Add(cost(real), cost(autograd.Neg(d.Forward(tracked, fake))))
			slope := autograd.Grad(autograd.Sum(real), []*autograd.Var{x}, autograd.Opts{CreateGraph: true})[0] // [32, 1]
			r1 := autograd.Scale(autograd.Mean(autograd.Sum(autograd.Square(slope), 1)), 0.5)
			dAdam.Step(autograd.Values(autograd.Grad(autograd.Add(loss, r1), dLeaves, autograd.Opts{})))

			loss = cost(d.Forward(nil, g.Forward(tracked, latent(32)))) // nothing of D is
			gAdam.Step(autograd.Values(autograd.Grad(loss, gLeaves, autograd.Opts{})))
		}
	}
	x := g.Forward(nil, latent(10_000)).Value()
	mean := tensor.Mean(x).Item()
	deviation := math.Sqrt(tensor.Mean(tensor.Square(tensor.Shift(x, -mean))).Item())
	fmt.Printf("mean %.1f, standard deviation %.1f\n", mean, deviation)
	// Output: mean 4.0, standard deviation 0.5
}

// cautious is an objective of one's own: the non-saturating game with real
// samples labelled 0.9, so that the discriminator is never too sure.
type cautious struct{ gan.NonSaturating }

func (cautious) Name() string { return "cautious" }

func (cautious) Discriminator(real, fake *autograd.Var) gan.Terms {
	t := gan.NonSaturating{}.Discriminator(real, fake)
	t.Real = autograd.Add(t.Real, autograd.Scale(real, 0.1))
	return t
}

func ExampleObjective() {
	// What a discriminator's answer on a real sample costs, by its logit.
	for _, logit := range []float64{-2, 2.2, 9} {
		d := autograd.Const(tensor.Full(tensor.Float64, logit, 1, 1))
		usual := gan.NonSaturating{}.Discriminator(d, d)
		own := cautious{}.Discriminator(d, d)
		fmt.Printf("%4.1f: %.2f %.2f\n", logit, usual.Real.Item(), own.Real.Item())
	}
	g, d := networks()
	t, err := gan.New(g, d, gan.Config{Latent: 1, Objective: cautious{}})
	if err != nil {
		log.Fatal(err)
	}
	_, err = t.Fit(context.Background(), heights{})
	fmt.Println(t.Steps(), "steps,", err)
	// Output:
	// -2.0: 2.13 1.93
	//  2.2: 0.11 0.33
	//  9.0: 0.00 0.90
	// 50 steps, <nil>
}

// zeroCentred is a penalty of one's own: the squared norm of the discriminator's
// gradient on the line between a real sample and a generated one (Thanh-Tung, Tran and
// Venkatesh, "Improving generalization and stability of generative adversarial
// networks", 2019). Samples are rows here.
type zeroCentred struct{ weight float64 }

func (zeroCentred) Name() string         { return "zero-centred" }
func (z zeroCentred) Weight(int) float64 { return z.weight }
func (zeroCentred) Terms(p *gan.Pass) *autograd.Var {
	real, fake := p.Real.X.Value(), p.Fake.X.Value()
	at := tensor.Add(fake, tensor.Mul(tensor.Sub(real, fake), p.Uniform(real.Dim(0), 1)))
	x := autograd.Leaf(at)
	// With CreateGraph the gradient can be differentiated by D's weights.
	g := autograd.Grad(autograd.Sum(p.Critic(x)), []*autograd.Var{x}, autograd.Opts{CreateGraph: true})[0]
	return autograd.Sum(autograd.Square(g), 1)
}

// penalised is a module whose output is a penalty, so that nn.CheckGrad finds out
// whether its gradient by the discriminator's weights is right.
type penalised struct {
	d       nn.Module
	penalty gan.Penalty
	fake    *tensor.Tensor
}

func (m penalised) Children() []nn.Child { return []nn.Child{{Name: "d", Module: m.d}} }
func (m penalised) Forward(ctx *nn.Ctx, real *autograd.Var) *autograd.Var {
	critic := func(x *autograd.Var) *autograd.Var { return m.d.Forward(ctx, x) }
	samples := func(x *tensor.Tensor) gan.Samples {
		leaf := autograd.Leaf(x) // as in training, where samples are not trained
		return gan.Samples{X: leaf, D: critic(leaf)}
	}
	return m.penalty.Terms(&gan.Pass{Real: samples(real.Value()), Fake: samples(m.fake), Critic: critic,
		Rand: tensor.NewStream(1, "penalty")}) // the same numbers in each pass
}

func ExamplePenalty() {
	random := tensor.NewStream(1, "samples")
	real, fake := random.Normal(tensor.Float64, 8, 3), random.Normal(tensor.Float64, 8, 3)
	d := nn.Sequential(nn.Linear(3, 16), nn.Tanh(), nn.Linear(16, 1))
	nn.Init(d, 1, tensor.Float64, tensor.CPU())
	for _, p := range []gan.Penalty{zeroCentred{1}, gan.R1{Gamma: 1}, gan.R2{Gamma: 1}} {
		m := penalised{d, p, fake}
		fmt.Println(p.Name(), nn.CheckGrad(nil, m, autograd.Const(real), autograd.CheckOptions{}))
	}
	g, d := networks()
	t, err := gan.New(g, d, gan.Config{Latent: 1, Penalties: []gan.Penalty{zeroCentred{1}}})
	if err != nil {
		log.Fatal(err)
	}
	_, err = t.Fit(context.Background(), heights{})
	fmt.Println(t.Steps(), "steps,", err)
	// Output:
	// zero-centred <nil>
	// R1 <nil>
	// R2 <nil>
	// 50 steps, <nil>
}

// A hook looks on, and may end the training.
func ExampleHook() {
	enough := errors.New("that will do")
	hook := gan.Hook{
		Start: func(r gan.Run) error {
			fmt.Println(r.Epochs, "epochs of", r.Batches, "batches")
			return nil
		},
		Step: func(s *gan.StepInfo) error {
			if s.Epoch == 2 && s.Batch == 10 {
				return enough
			}
			return nil
		},
		Epoch: func(e gan.EpochInfo) error {
			fmt.Printf("epoch %d ends at step %d, early: %v\n", e.Epoch, e.Steps, e.Partial)
			return nil
		},
	}
	g, d := networks()
	t, err := gan.New(g, d, gan.Config{Latent: 1})
	if err != nil {
		log.Fatal(err)
	}
	_, err = t.Fit(context.Background(), heights{}, gan.Epochs(3), gan.On(hook))
	fmt.Println(err)
	// Output:
	// 3 epochs of 50 batches
	// epoch 1 ends at step 50, early: false
	// epoch 2 ends at step 60, early: true
	// that will do
}

// Training that was stopped goes on with the same bits.
func ExampleTrainer_Resume() {
	dir, err := os.MkdirTemp("", "resume")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "checkpoint.safetensors")
	trainer := func() *gan.Trainer {
		g, d := networks()
		t, err := gan.New(g, d, gan.Config{Latent: 1, Seed: 1})
		if err != nil {
			log.Fatal(err)
		}
		return t
	}
	fit := func(t *gan.Trainer, o gan.Option) {
		if _, err := t.Fit(context.Background(), heights{}, o, gan.On(gan.SaveCheckpoint(path))); err != nil {
			log.Fatal(err)
		}
	}

	whole := trainer()
	fit(whole, gan.Epochs(2))

	stopped := trainer()
	fit(stopped, gan.Steps(73)) // in the second epoch
	another := trainer()
	if err := another.Resume(path); err != nil {
		log.Fatal(err)
	}
	fmt.Println("at step", another.Steps())
	fit(another, gan.Epochs(2))
	fmt.Println("the same:", slices.Equal(whole.Sample(100, 1).Float32s(), another.Sample(100, 1).Float32s()))
	// Output:
	// at step 73
	// the same: true
}

// A generator never changes, so many goroutines may draw from it at once.
func ExampleGenerator_Sample() {
	g, d := networks()
	t, err := gan.New(g, d, gan.Config{Latent: 1})
	if err != nil {
		log.Fatal(err)
	}
	generator := t.Generator()
	var samples [3][]float32
	var wait sync.WaitGroup
	for i := range samples {
		wait.Go(func() { samples[i] = generator.Sample(1000, 7).Float32s() })
	}
	_, err = t.Fit(context.Background(), heights{}) // meanwhile
	wait.Wait()
	fmt.Println(err, slices.Equal(samples[0], samples[1]), slices.Equal(samples[1], samples[2]))
	fmt.Println("fewer are the first of more:", slices.Equal(samples[0][:10], generator.Sample(10, 7).Float32s()))
	// Output:
	// <nil> true true
	// fewer are the first of more: true
}

// A server that draws: /sample.png?seed=7. One generator serves all requests, each in
// a goroutine of its own. A program that has its model built in gets the generator
// from LoadGeneratorFS and an embed.FS.
func ExampleGenerator_server() {
	net := nn.Sequential(nn.Linear(4, 8*8), nn.Tanh())
	nn.Init(net, 1, tensor.Float32, tensor.CPU())
	generator, err := gan.NewGenerator(net, 4, 1, 8, 8) // as LoadGenerator returns one
	if err != nil {
		log.Fatal(err)
	}
	shape := generator.SampleShape() // [1 8 8]
	grid := gallery.Grid{Height: shape[1], Width: shape[2], Columns: 4}
	handler := func(w http.ResponseWriter, r *http.Request) {
		seed, err := strconv.ParseUint(r.FormValue("seed"), 10, 64)
		if err != nil {
			http.Error(w, "seed: a whole number", http.StatusBadRequest)
			return
		}
		img, err := grid.Image(generator.Sample(16, seed))
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "image/png")
		png.Encode(w, img) // an error means that nobody reads any more
	}
	server := httptest.NewServer(http.HandlerFunc(handler))
	defer server.Close()

	var sizes [50]image.Point
	var wait sync.WaitGroup
	for i := range sizes {
		wait.Go(func() {
			r, err := http.Get(fmt.Sprint(server.URL, "/sample.png?seed=", i))
			if err != nil {
				log.Fatal(err)
			}
			defer r.Body.Close()
			img, err := png.Decode(r.Body)
			if err != nil {
				log.Fatal(err)
			}
			sizes[i] = img.Bounds().Size()
		})
	}
	wait.Wait()
	fmt.Println(sizes[0], sizes[49])
	// Output: (32,32) (32,32)
}

// What the generator draws is examined beside training, which does not wait.
func ExampleBackground() {
	g, d := networks()
	t, err := gan.New(g, d, gan.Config{Latent: 1, Seed: 1})
	if err != nil {
		log.Fatal(err)
	}
	spread := func(g *gan.Generator) (float64, error) { // of 1,000 samples
		x := g.Sample(1000, 1).Float64s()
		return slices.Max(x) - slices.Min(x), nil
	}
	_, err = t.Fit(context.Background(), heights{}, gan.Epochs(3), gan.On(
		gan.Background(gan.Every(60), spread, func(step int, spread float64) error {
			fmt.Println("step", step, "has variety:", spread > 0.1)
			return nil
		})))
	if err != nil {
		log.Fatal(err)
	}
	// Output:
	// step 60 has variety: true
	// step 120 has variety: true
}

// points is a dataset of two classes of points in the plane: some around (−2, 0),
// three times as many around (2, 0).
type points struct{}

func (points) Len() int          { return 400 }
func (points) Shape() []int      { return []int{2} }
func (points) Label(i int) int   { return min(i%4, 1) }
func (points) Classes() []string { return []string{"west", "east"} }

func (p points) Fill(i int, dst []float32) error {
	copy(dst, tensor.NewStream(uint64(i), "points").Normal(tensor.Float32, 2).Float32s())
	dst[0] = 0.2*dst[0] + float32(4*p.Label(i)-2)
	dst[1] *= 0.2
	return nil
}

// A generator of two classes, which is asked for each.
func ExampleGenerator_SampleOf() {
	g := nn.Sequential(nn.ConcatCondition(2, 1), nn.Linear(2+2, 16), nn.LeakyReLU(0.2), nn.Linear(16, 2))
	d := nn.Sequential(nn.Linear(2, 16), nn.LeakyReLU(0.2), nn.ConcatCondition(2, 2), nn.Linear(16+2, 16), nn.LeakyReLU(0.2), nn.Linear(16, 1))
	t, err := gan.New(g, d, gan.Config{
		Latent:    2,
		Classes:   datasets.Classes(points{}),
		Objective: gan.Relativistic{},
		Penalties: []gan.Penalty{gan.R1{Gamma: 0.3}, gan.R2{Gamma: 0.3}},
		Optimizer: optim.Adam{LR: 5e-3, Betas: [2]float64{0, 0.95}},
	})
	if err != nil {
		log.Fatal(err)
	}
	loader := datasets.NewLoader(points{}, 40, datasets.Conditions())
	if _, err := t.Fit(context.Background(), loader, gan.Steps(300)); err != nil {
		log.Fatal(err)
	}
	trained := t.Generator()
	for class, name := range trained.Classes() {
		x := trained.SampleOf([]int{class}, 1)
		fmt.Println(name, x.At(0, 0) < 0)
	}
	share := 0.0
	for _, class := range trained.Labels(1000, 1) { // of what Sample(1000, 1) draws
		share += float64(class) / 1000
	}
	fmt.Printf("%.1f\n", share)
	// Output:
	// west true
	// east false
	// 0.7
}
