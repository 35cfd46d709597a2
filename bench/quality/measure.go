package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gander-ml/gander/datasets"
	"github.com/gander-ml/gander/datasets/digits"
	"github.com/gander-ml/gander/gan"
	"github.com/gander-ml/gander/gan/metrics"
	"github.com/gander-ml/gander/gan/metrics/mnistfeatures"
	"github.com/gander-ml/gander/tensor"
)

// The splits: what is trained on.
const (
	embedded = "10,000 test digits"
	full     = "60,000 training digits"
)

// compared is the number of digits whose nearest training digits are looked for.
const compared = 2000

// measurer runs programs and adds to results.
type measurer struct {
	settings
	results *Results
	temp    string // folder with the programs and what they write
	split   string
	place   Place

	judge            *mnistfeatures.Judge
	training, unseen *tensor.Tensor // real digits [n, 784], to tell copies
}

// newMeasurer builds the programs and reads the digits.
func newMeasurer(ctx context.Context, s settings, r *Results) (*measurer, error) {
	m := &measurer{settings: s, results: r, split: embedded, place: here(ctx, s)}
	test, err := digits.Load()
	if err != nil {
		return nil, err
	}
	// Every fifth test digit serves as one that training has not seen. Where the
	// test digits are trained on, distances are from the rest of them, so that
	// generated digits are treated as these are.
	train, fifth := test, func(i int) bool { return i%5 == 0 }
	m.unseen = pixels(test, fifth)
	if s.data == "" {
		m.training = pixels(train, func(i int) bool { return !fifth(i) })
	} else {
		m.split = full
		if train, err = datasets.MNIST(s.data, datasets.Train); err != nil {
			return nil, err
		}
		m.training = pixels(train, func(int) bool { return true })
	}
	if m.judge, err = mnistfeatures.Load(); err != nil {
		return nil, err
	}
	if m.temp, err = os.MkdirTemp("", "quality-"); err != nil {
		return nil, err
	}
	const examples = "github.com/gander-ml/gander/examples/"
	if _, err := output(ctx, "go", "build", "-o", m.temp+string(filepath.Separator), examples+"mnist", examples+"ring2d"); err != nil {
		os.RemoveAll(m.temp)
		return nil, err
	}
	return m, nil
}

// pixels returns some of the images as [n, 784].
func pixels(set *datasets.Images, want func(i int) bool) *tensor.Tensor {
	const size = 28 * 28
	var out []float32
	for i := range set.Len() {
		if want(i) {
			out = append(out, make([]float32, size)...)
			set.Fill(i, out[len(out)-size:]) // its error is always nil
		}
	}
	return tensor.FromFloat32(out, len(out)/size, size)
}

// here describes where this program runs.
func here(ctx context.Context, s settings) Place {
	p := Place{Commit: "unknown", Date: time.Now().UTC().Format(time.DateOnly), CPU: runtime.GOARCH, Go: runtime.Version(),
		Cores: runtime.NumCPU(), Threads: runtime.GOMAXPROCS(0), Load: -1}
	if s.threads > 0 {
		p.Threads = s.threads
	}
	if commit, err := output(ctx, "git", "rev-parse", "--short", "HEAD"); err == nil {
		p.Commit = strings.TrimSpace(commit)
		changes, err := output(ctx, "git", "status", "--porcelain", "--", ":/", ":(top,exclude)bench/RESULTS.*")
		if err != nil || changes != "" {
			p.Commit += " with changes"
		}
	}
	if b, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		if name := regexp.MustCompile(`(?m)^model name\s*: (.*)$`).FindSubmatch(b); name != nil {
			p.CPU = string(name[1])
		}
	}
	if b, err := os.ReadFile("/proc/loadavg"); err == nil {
		if load, err := strconv.ParseFloat(strings.Fields(string(b))[0], 64); err == nil {
			p.Load = load
		}
	}
	return p
}

// output runs a program and returns what it prints. The error holds what it says
// on standard error.
func output(ctx context.Context, name string, args ...string) (string, error) {
	var out, errs bytes.Buffer
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	switch {
	case ctx.Err() != nil: // whatever the program made of it
		return "", ctx.Err()
	case err != nil:
		return "", fmt.Errorf("%s: %w: %s", filepath.Base(name), err, strings.TrimSpace(errs.String()))
	}
	return out.String(), nil
}

// measure measures what a name of -only stands for.
func (m *measurer) measure(ctx context.Context, name string, seeds int) error {
	switch name {
	case "ring", "grid":
		return m.mixture(ctx, name, seeds)
	case "classic":
		return m.classic(ctx, seeds)
	case "complete":
		return m.recipe(ctx, "classic", "classic", 0, seeds)
	}
	return m.recipe(ctx, name, name, 0, seeds)
}

// classic gives the classic recipe as much time as others took here.
func (m *measurer) classic(ctx context.Context, seeds int) error {
	others := slices.DeleteFunc([]string{"quick", "best"}, func(other string) bool {
		runs := m.results.of(other, m.split)
		return len(runs) == 0 || slices.ContainsFunc(runs, func(d *DigitRun) bool { return !d.sameMachine(m.place) })
	})
	if len(others) == 0 {
		return errors.New("there is nothing to compare with: measure quick or best first, on this machine and with as many threads")
	}
	const warm = 1000 // steps to time one by
	_, took, err := m.train(ctx, "classic", m.length(warm), 1)
	if err != nil {
		return err
	}
	perStep := took / float64(m.length(warm))
	for _, other := range others {
		steps := int(math.Ceil(seconds(m.results.of(other, m.split)) / perStep))
		if err := m.recipe(ctx, asLongAs(other), "classic", max(steps, 1), seeds); err != nil {
			return err
		}
	}
	return nil
}

// length is the number of steps, or less in a trial.
func (m *measurer) length(steps int) int {
	if m.steps > 0 {
		return m.steps
	}
	return steps
}

// recipe trains a preset with each seed and judges what it draws. Of 0 steps, the
// preset decides.
func (m *measurer) recipe(ctx context.Context, row, preset string, steps, seeds int) error {
	if !m.goOn {
		m.results.drop(row, m.split)
	}
	for seed := uint64(1); seed <= uint64(seeds); seed++ {
		if slices.ContainsFunc(m.results.of(row, m.split), func(d *DigitRun) bool { return d.Seed == seed && d.Commit == m.place.Commit }) {
			continue
		}
		m.results.Digits = slices.DeleteFunc(m.results.Digits, func(d *DigitRun) bool { return d.Row == row && d.Split == m.split && d.Seed == seed })
		d := &DigitRun{Row: row, Split: m.split, Seed: seed, Judged: m.digits, Place: m.place}
		d.Command = "go run ./examples/mnist " + strings.Join(m.flags(preset, m.length(steps)), " ")
		var err error
		if d.Steps, d.Seconds, err = m.train(ctx, preset, m.length(steps), seed); err != nil {
			return err
		}
		g, err := gan.LoadGenerator(filepath.Join(m.folder(), "generator.safetensors"))
		if err != nil {
			return err
		}
		if d.Values, err = m.judged(g, seed); err != nil {
			return err
		}
		fmt.Printf("%s, seed %d: %d steps, %.1f s; %v\n", row, seed, d.Steps, d.Seconds, d.Values.Get(mnistfeatures.Distance))
		m.results.Digits = append(m.results.Digits, d)
		if err := m.results.save(m.out); err != nil {
			return err
		}
	}
	return nil
}

// folder is where a program writes to.
func (m *measurer) folder() string { return filepath.Join(m.temp, "run") }

// flags are those of examples/mnist that a reader may want to repeat.
func (m *measurer) flags(preset string, steps int) []string {
	args := []string{"-preset", preset, "-looks", "0"}
	if steps > 0 {
		args = append(args, "-steps", strconv.Itoa(steps))
	}
	if m.threads > 0 {
		args = append(args, "-threads", strconv.Itoa(m.threads))
	}
	return args
}

// train runs examples/mnist.
func (m *measurer) train(ctx context.Context, preset string, steps int, seed uint64) (done int, took float64, err error) {
	args := append(m.flags(preset, steps), "-seed", strconv.FormatUint(seed, 10), "-out", m.folder())
	if m.data != "" {
		args = append(args, "-data", m.data)
	}
	out, err := output(ctx, filepath.Join(m.temp, "mnist"), args...)
	if err != nil {
		return 0, 0, err
	}
	return trained(out)
}

var trainedLine = regexp.MustCompile(`(?m)^(\d+) steps, ([\d.]+) s; digits in `)

// trained reads how long training was from what examples/mnist prints.
func trained(out string) (steps int, seconds float64, err error) {
	found := trainedLine.FindStringSubmatch(out)
	if found == nil {
		return 0, 0, fmt.Errorf("mnist does not tell how long it has trained: %q", out)
	}
	if steps, err = strconv.Atoi(found[1]); err != nil {
		return 0, 0, err
	}
	seconds, err = strconv.ParseFloat(found[2], 64)
	return steps, seconds, err
}

// judged judges a generator's digits.
func (m *measurer) judged(g *gan.Generator, seed uint64) (metrics.Table, error) {
	drawn := g.Sample(m.digits, seed)
	report, err := m.judge.Evaluate(drawn)
	if err != nil {
		return nil, err
	}
	few := min(compared, m.digits)
	copying, err := metrics.Copying(drawn.Slice(0, 0, few, 1), m.training, m.unseen.Slice(0, 0, few, 1))
	return append(report.Values, copying...), err
}

// mixture runs examples/ring2d, all seeds at once.
func (m *measurer) mixture(ctx context.Context, name string, seeds int) error {
	old := m.results.mixture(name)
	if m.goOn && old != nil && old.Commit == m.place.Commit && len(old.Seeds) >= seeds {
		return nil
	}
	args := []string{"-mixture", name, "-seeds", strconv.Itoa(seeds), "-json"}
	if m.steps > 0 {
		args = append(args, "-steps", strconv.Itoa(m.steps))
	}
	if m.threads > 0 {
		args = append(args, "-threads", strconv.Itoa(m.threads))
	}
	out, err := output(ctx, filepath.Join(m.temp, "ring2d"), append(args, "-o", m.folder())...)
	if err != nil {
		return err
	}
	run, err := trainedMixture(out)
	if err != nil {
		return err
	}
	run.Mixture, run.Command, run.Place = name, "go run ./examples/ring2d "+strings.Join(args, " "), m.place
	fmt.Printf("%s, %d seeds: %v\n", name, len(run.Seeds), run.Values.Get("high-quality share"))
	m.results.Mixtures = append(slices.DeleteFunc(m.results.Mixtures, func(r *MixtureRun) bool { return r.Mixture == name }), run)
	return m.results.save(m.out)
}

// trainedMixture reads the JSON that examples/ring2d prints.
func trainedMixture(out string) (*MixtureRun, error) {
	var in struct {
		Values metrics.Table `json:"10000"`
		Seeds  []MixtureSeed `json:"seeds"`
	}
	if err := json.Unmarshal([]byte(out), &in); err != nil {
		return nil, fmt.Errorf("what ring2d prints is not what was expected: %w", err)
	}
	if len(in.Values) == 0 || len(in.Seeds) == 0 {
		return nil, fmt.Errorf("ring2d prints no values: %q", out)
	}
	return &MixtureRun{Values: in.Values, Seeds: in.Seeds}, nil
}
