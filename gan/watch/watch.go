package watch

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/png"
	"math"
	"net/http"
	"runtime/debug"
	"runtime/metrics"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gander-ml/gander/gan"
	"github.com/gander-ml/gander/gan/diagnose"
	"github.com/gander-ml/gander/gan/gallery"
	"github.com/gander-ml/gander/nn"
	"github.com/gander-ml/gander/tensor"
)

// Options say what a page shows. The zero value shows all that is known.
type Options struct {
	Title   string   // of the page, "mnist, recipe quick"
	Classes []string // names of the classes in [Judgement.Shares]
	// Samples is how many samples are drawn each time, always from the same latent
	// vectors: 16 unless set, of points in the plane 1024.
	Samples int
	Seed    uint64 // of these latent vectors
	// Draw makes a picture of samples [n, …]. Nil draws images in a grid, and points
	// in the plane beside real ones; other samples are not drawn.
	Draw func(samples *tensor.Tensor) (image.Image, error)
	// Every is the number of steps between two pictures and measurements, as in
	// [diagnose.Options].
	Every int
	// Hosts are the names by which browsers may call the page, besides those of
	// this machine's loopback ("localhost", "127.0.0.1"): "gpu3.example.org". Other
	// names are refused, so that no foreign page can read this one by giving its
	// own name this machine's address. "*" stands for any.
	Hosts []string
}

// Judgement is what samples were found to be worth.
type Judgement struct {
	Name   string    // of the metric: "Fréchet distance"
	Value  float64   // the lower the better
	Floor  float64   // of real samples; NaN if it is not known
	Shares []float64 // of the classes among the samples; nil if there are none
}

// Page shows a run. Any number of browsers may look at it, during the run and
// afterwards. Its methods may be called from any goroutine.
type Page struct {
	o Options

	mu         sync.Mutex
	about      *about
	status     status
	points     list[point]
	measures   list[measure]
	pictures   list[picture]
	remarks    list[remark]
	judgements list[judged]
	full       *message // all that browsers know; nil: to be made
	ids        int      // of pictures
	clients    map[*client]struct{}
	server     *http.Server
	handler    http.Handler
}

// How much is kept, however long the run is.
const (
	mostPoints     = 1024
	mostMeasures   = 256
	mostPictures   = 64
	mostBytes      = 64 << 20 // of pictures
	mostRemarks    = 128
	mostJudgements = 256
)

// New returns a page, to be served (it is an [http.Handler], and see [Page.Listen])
// and to be given to a run ([Page.Hook]). It panics with a [tensor.ArgumentError] if
// a number in o is negative.
func New(o Options) *Page {
	if o.Samples < 0 || o.Every < 0 {
		panic(&tensor.ArgumentError{Op: "watch.New", Problem: fmt.Sprintf("%d samples every %d steps", o.Samples, o.Every), Fix: "give 1 or more, or 0 for the default"})
	}
	p := &Page{o: o, clients: map[*client]struct{}{}}
	p.reset()
	p.status.State = "waiting"
	p.about = &about{Title: o.Title, Classes: o.Classes}
	p.handler = p.routes()
	return p
}

// reset forgets the run before.
func (p *Page) reset() {
	p.points = list[point]{most: mostPoints, join: join}
	p.measures = list[measure]{most: mostMeasures}
	p.pictures = list[picture]{most: mostPictures}
	p.remarks = list[remark]{most: mostRemarks}
	p.judgements = list[judged]{most: mostJudgements}
	p.status = status{}
	p.resync()
}

// join makes one point of two neighbours.
func join(a, b point) point {
	half := func(x, y number) number {
		switch {
		case x != x: // not known
			return y
		case y != y:
			return x
		}
		return (x + y) / 2
	}
	return point{b.Step, half(a.Discriminator, b.Discriminator), half(a.Real, b.Real), half(a.Fake, b.Fake), half(a.Penalty, b.Penalty),
		half(a.Generator, b.Generator), half(a.GeneratorNorm, b.GeneratorNorm), half(a.DiscriminatorNorm, b.DiscriminatorNorm)}
}

// Hook returns the hook that tells the page about a run. It measures it, and tells
// what is found by [gan.Run.Note], as [diagnose.Hook] does: a program uses one of the
// two. Training waits for nothing but, if it must, a measurement that is not finished
// when the next is due, and computes the same bits as without.
//
// If the page has shown another run before, that one is gone from it.
func (p *Page) Hook() gan.Hook {
	var w *watching
	measuring := diagnose.Hook(diagnose.Options{Every: p.o.Every, Measured: func(m *diagnose.Measurement, g *gan.Generator) { w.measured(m, g) }})
	early := gan.Background(func(step int) bool { return w.early(step) },
		func(g *gan.Generator) ([]byte, error) { return w.drawn(g), nil },
		func(step int, png []byte) error {
			w.show(step, png)
			w.wake()
			return nil
		})
	return gan.Hook{
		Start: func(r gan.Run) error {
			w = newWatching(p, r)
			return errors.Join(early.Start(r), measuring.Start(r))
		},
		Step: func(s *gan.StepInfo) error {
			w.step(s)
			return errors.Join(early.Step(s), early.Epoch(gan.EpochInfo{}), measuring.Step(s)) // Epoch shows what is drawn
		},
		Epoch: measuring.Epoch,
		End: func(r *gan.Report) error {
			err := errors.Join(early.End(r), measuring.End(r))
			w.end(r)
			return err
		},
		Note: func(step int, sentence string) {
			p.change(func() bool { return p.remarks.add(remark{step, sentence}) })
			p.broadcast()
		},
		State: measuring.State,
	}
}

// Judged shows what samples of a step were found to be worth.
func (p *Page) Judged(step int, j Judgement) {
	p.change(func() bool {
		return p.judgements.add(judged{step, j.Name, number(j.Value), number(j.Floor), numbersOf(j.Shares)})
	})
	p.broadcast()
}

// change changes what is shown. If it reports that old parts have changed, browsers
// get everything anew.
func (p *Page) change(f func() (anew bool)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if f() {
		p.resync()
	}
}

// watching is one run.
type watching struct {
	page    *Page
	run     gan.Run
	start   time.Time
	stride  int   // steps of a point
	sums    point // over the steps since the last
	n, ofG  int
	told    time.Time // when browsers were told last
	news    chan struct{}
	ended   chan struct{}
	real    []float64 // points in the plane
	samples int
	draw    func(*tensor.Tensor) (image.Image, error) // nil: nothing is drawn
	first   bool

	hasMeasured atomic.Bool
}

// pace is how often browsers are told.
const pace = 500 * time.Millisecond

func newWatching(p *Page, r gan.Run) *watching {
	w := &watching{page: p, run: r, start: time.Now(), stride: 1, news: make(chan struct{}, 1), ended: make(chan struct{}), first: true}
	g, d := r.Trainer.Networks()
	generator := r.Trainer.Generator()
	a := &about{Title: p.o.Title, Classes: p.o.Classes, Program: program(r.Trainer)}
	settings := r.Trainer.Settings()
	for name, value := range settings {
		if !strings.Contains(name, ".network") { // the summaries show them
			a.Settings = append(a.Settings, [2]string{name, value})
		}
	}
	slices.SortFunc(a.Settings, func(a, b [2]string) int { return strings.Compare(a[0], b[0]) })
	a.Generator = nn.Summary(g, generator.Latent())
	if made, err := nn.OutShape(g, []int{1, generator.Latent()}); err == nil {
		a.Discriminator = nn.Summary(d, made[1:]...)
	} else {
		a.Discriminator = nn.Summary(d)
	}
	w.choose(generator.SampleShape())
	steps := r.Steps
	if steps == math.MaxInt {
		steps = 0 // there is no end
	}
	p.change(func() bool {
		p.reset()
		p.about = a
		p.status = status{State: "training", Step: r.Trainer.Steps(), Steps: steps, Left: number(math.NaN()), PerSecond: number(math.NaN()), Memory: memory()}
		for i, l := range r.Past { // of a run that is resumed
			nan := number(math.NaN())
			p.points.add(point{(i + 1) * r.Batches, number(l.Discriminator()), number(l.Real), number(l.Fake), number(l.Penalty), number(l.Generator), nan, nan})
		}
		return true
	})
	return w
}

// choose settles how samples of a shape are drawn.
func (w *watching) choose(shape []int) {
	w.samples, w.draw = 16, w.page.o.Draw
	if len(shape) == 2 {
		shape = []int{1, shape[0], shape[1]}
	}
	if w.draw == nil {
		switch {
		case len(shape) == 1 && shape[0] == 2:
			w.samples, w.draw = 1024, w.scatter
		case len(shape) == 3 && (shape[0] == 1 || shape[0] == 3):
			w.draw = func(x *tensor.Tensor) (image.Image, error) {
				grid := gallery.Grid{Gap: 2, Scale: max(1, 56/max(shape[1], shape[2]))}
				return grid.Image(x.Reshape(append([]int{x.Dim(0)}, shape...)...))
			}
		}
	}
	if w.page.o.Samples > 0 {
		w.samples = w.page.o.Samples
	}
}

// step adds a step to the current point. Nothing here waits: the lock is held for
// copies of a few kilobytes only.
func (w *watching) step(s *gan.StepInfo) {
	if w.first {
		w.first = false
		go w.tell() // not before: only now is it certain that end is called
		if real, _ := s.Samples(); real.Rank() == 2 && real.Dim(1) == 2 {
			w.real = real.Slice(0, 0, min(real.Dim(0), 256)).Float64s()
		}
	}
	l := s.Losses
	g, d := s.GradNorms()
	w.sums.Discriminator += number(l.Discriminator())
	w.sums.Real += number(l.Real)
	w.sums.Fake += number(l.Fake)
	w.sums.Penalty += number(l.Penalty)
	w.sums.DiscriminatorNorm += number(d)
	w.n++
	if s.GeneratorTerms() != nil {
		w.sums.Generator += number(l.Generator)
		w.sums.GeneratorNorm += number(g)
		w.ofG++
	}
	if s.Step%w.stride == 0 {
		w.point(s.Step)
	}
	if now := time.Now(); now.Sub(w.told) >= pace {
		w.told = now
		p := w.page
		p.mu.Lock()
		p.status.Step, p.status.Epoch, p.status.PerSecond = s.Step, s.Epoch, number(s.PerSecond)
		if p.status.Steps > 0 {
			p.status.Left = number(float64(w.run.Steps-s.Step) / s.PerSecond)
		}
		p.status.Elapsed = number(now.Sub(w.start).Seconds())
		p.mu.Unlock()
		w.wake()
	}
}

// early reports whether a step is drawn although it is not measured: in the beginning,
// when most happens.
func (w *watching) early(step int) bool {
	return w.draw != nil && !w.hasMeasured.Load() && slices.Contains([]int{1, 5, 20, 50, 100, 200, 500}, step)
}

// point ends a point with a step.
func (w *watching) point(step int) {
	n, ofG := number(w.n), number(w.ofG) // without a step of the generator's, 0/0
	m := w.sums
	w.sums, w.n, w.ofG = point{}, 0, 0
	w.page.change(func() bool {
		thinned := w.page.points.add(point{step, m.Discriminator / n, m.Real / n, m.Fake / n, m.Penalty / n, m.Generator / ofG, m.GeneratorNorm / ofG, m.DiscriminatorNorm / n})
		if thinned {
			w.stride *= 2
		}
		return thinned
	})
}

// wake has browsers told what is new.
func (w *watching) wake() {
	select {
	case w.news <- struct{}{}:
	default:
	}
}

// tell tells browsers what is new, at most once in pace.
func (w *watching) tell() {
	for {
		select {
		case <-w.ended:
			return
		case <-w.news:
			w.page.broadcast()
		}
		select {
		case <-w.ended:
			return
		case <-time.After(pace / 2):
		}
	}
}

// measured takes down a measurement and a picture. It is called on a goroutine of its
// own.
func (w *watching) measured(m *diagnose.Measurement, g *gan.Generator) {
	w.hasMeasured.Store(true)
	low, high, bins := histograms(m.RealScores, m.FakeScores)
	p := w.page
	p.change(func() bool {
		return p.measures.add(measure{
			Step: m.Step, Accuracy: number(m.Accuracy),
			RealSlope: number(m.RealSlope), FakeSlope: number(m.FakeSlope),
			RealDistance: number(m.RealDistance), FakeDistance: number(m.FakeDistance),
			GeneratorUpdate: number(m.Generator.Update), DiscriminatorUpdate: number(m.Discriminator.Update),
			GeneratorRate: number(m.Generator.Rate), DiscriminatorRate: number(m.Discriminator.Rate),
			GeneratorDead: number(m.Generator.Dead), DiscriminatorDead: number(m.Discriminator.Dead),
			Low: number(low), High: number(high), Real: bins[0], Fake: bins[1],
		})
	})
	w.picture(m.Step, g)
	w.wake()
}

// picture draws the samples of a step. What cannot be drawn is left out.
func (w *watching) picture(step int, g *gan.Generator) {
	if w.draw == nil {
		return
	}
	w.show(step, w.drawn(g))
}

// drawn returns a picture of a generator's samples, of all classes in turn if it knows
// classes, or nil.
func (w *watching) drawn(g *gan.Generator) []byte {
	samples, err := g.Draw(context.Background(), gan.Request{N: w.samples, Labels: g.InTurn(w.samples), Seed: w.page.o.Seed})
	if err != nil {
		return nil
	}
	img, err := w.draw(samples)
	if err != nil || img == nil {
		return nil
	}
	var b bytes.Buffer
	if png.Encode(&b, img) != nil {
		return nil
	}
	return b.Bytes()
}

// show adds a picture, unless there is a later one.
func (w *watching) show(step int, png []byte) {
	if png == nil {
		return
	}
	p := w.page
	p.change(func() bool {
		all := p.pictures.items
		at, there := slices.BinarySearchFunc(all, step, func(x picture, step int) int { return x.Step - step })
		if there {
			return false
		}
		p.ids++
		if at < len(all) { // it was drawn beside training, and later ones were faster
			p.pictures.items = slices.Insert(all, at, picture{step, p.ids, png})
			return true
		}
		thinned := p.pictures.add(picture{step, p.ids, png})
		for len(p.pictures.items) > 2 && bytesOf(p.pictures.items) > mostBytes {
			p.pictures.thin()
			thinned = true
		}
		return thinned
	})
}

func bytesOf(pictures []picture) (n int) {
	for _, x := range pictures {
		n += len(x.png)
	}
	return n
}

// end shows the last state.
func (w *watching) end(r *gan.Report) {
	close(w.ended)
	if w.n > 0 {
		w.point(r.Steps)
	}
	p := w.page
	p.mu.Lock()
	last := -1
	if n := len(p.pictures.items); n > 0 {
		last = p.pictures.items[n-1].Step
	}
	p.mu.Unlock()
	if last != r.Steps && r.Steps > 0 {
		w.picture(r.Steps, w.run.Trainer.Generator())
	}
	p.change(func() bool {
		p.status.State, p.status.Step, p.status.Left = "done", r.Steps, 0
		p.status.Elapsed = number(time.Since(w.start).Seconds())
		if r.Steps < w.run.Steps {
			p.status.State, p.status.Left = "stopped", number(math.NaN())
		}
		return false
	})
	p.broadcast()
}

// bins is how many bars a histogram has.
const bins = 24

// histograms counts scores in bins between the lowest and the highest.
func histograms(real, fake []float64) (low, high float64, counts [2][]int) {
	low, high = math.Inf(1), math.Inf(-1)
	for _, v := range append(slices.Clone(real), fake...) {
		low, high = min(low, v), max(high, v)
	}
	for k, scores := range [][]float64{real, fake} {
		counts[k] = make([]int, bins)
		for _, v := range scores {
			at := 0
			switch place := bins * (v - low) / (high - low); { // NaN of numbers that are infinite, or equal
			case v == high && high > low:
				at = bins - 1
			case place > 0:
				at = int(min(place, bins-1))
			}
			counts[k][at]++
		}
	}
	return low, high, counts
}

// memory returns how many bytes Go has from the system.
func memory() int64 {
	s := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	metrics.Read(s)
	return int64(s[0].Value.Uint64() - s[1].Value.Uint64())
}

// program says what runs, and where.
func program(t *gan.Trainer) [][2]string {
	out := [][2]string{{"device", t.Device().String()}}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return out
	}
	settings := map[string]string{}
	for _, s := range info.Settings {
		settings[s.Key] = s.Value
	}
	commit := settings["vcs.revision"]
	switch {
	case commit == "":
		commit = "not known; go build writes it down, go run does not"
	case settings["vcs.modified"] == "true":
		commit += ", with changes"
	}
	return append(out, [2]string{"program", info.Path}, [2]string{"commit", commit},
		[2]string{"Go", info.GoVersion + " " + settings["GOOS"] + "/" + settings["GOARCH"]})
}
