// Command cuda times products, convolutions, passes over memory and training steps on
// a device. run.sh runs it on a GPU beside torch_bench.py, which times the same of
// PyTorch.
//
//	go run -tags cuda ./bench/cuda [-device cuda:0] [-seconds 0.05] [-only products,steps] [-tf32] [-as NAME]
//	go run ./bench/cuda -table FILE…
//
// It prints one line for each: the name, the median time in microseconds, and what
// was achieved, in TFLOP/s or GB/s. A time is that of many calls in a row, with one
// wait at the end; those of the part "start" are of the first calls, in which the
// driver compiles kernels. A part that fails does not keep the next from its turn.
// With -table it prints what the files of such runs, and of PyTorch's, have in common.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gander-ml/gander/gan"
	"github.com/gander-ml/gander/gan/recipe"
	"github.com/gander-ml/gander/internal/backend/cuda/driver/real"
	"github.com/gander-ml/gander/tensor"
)

var (
	name    = flag.String("device", "cuda:0", "device to time")
	seconds = flag.Float64("seconds", 0.05, "least time of one measurement; each is made five times")
	large   = flag.Int("large", 1<<28, "elements of the passes over memory")
	only    = flag.String("only", "memory,products,convolutions,steps", "`parts` to time; there is start as well, which must be alone")
	tf32    = flag.Bool("tf32", false, "let products round their factors to TF32")
	as      = flag.String("as", "", "what the names of lines begin with")
	table   = flag.Bool("table", false, "print a table of the files that are given")
)

var parts = map[string]func(d *tensor.Device){"start": start, "memory": memory, "products": products, "convolutions": convolutions, "steps": steps}

func main() {
	flag.Parse()
	var err error
	if *table {
		err = printTable(os.Stdout, flag.Args())
	} else {
		err = run()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "cuda:", err)
		os.Exit(1)
	}
}

func run() error {
	began := time.Now()
	d, err := tensor.OpenDevice(*name)
	if err != nil {
		return err
	}
	opened := time.Since(began)
	if *tf32 {
		if err := d.SetPrecision(tensor.TF32); err != nil {
			return err
		}
	}
	began = time.Now()
	arithmetic := d.Arithmetic() // opens cuBLAS
	if *only == "start" {
		line("start/open", opened.Seconds(), 0, "")
		line("start/cublas", time.Since(began).Seconds(), 0, "")
	}
	about := []string{d.Name(), arithmetic}
	if m := model(d.Name()); m != "" {
		about = append([]string{m}, about...)
	}
	fmt.Println("# device", strings.Join(about, ", "))
	if strings.HasPrefix(*as, "cublas") && !strings.Contains(arithmetic, "cublas") {
		if err = d.SetPrecision(tensor.TF32); err == nil { // which says why
			err = errors.New("it is a device without")
		}
		return fmt.Errorf("these were not products of cuBLAS: %w", err)
	}
	if *only != "start" {
		if err := tensor.Catch(func() { warm(d) }); err != nil {
			return err
		}
	}
	var failed []error
	for _, part := range strings.Split(*only, ",") {
		f := parts[part]
		if f == nil {
			return fmt.Errorf("there is no part %q", part)
		}
		if err := tensor.Catch(func() { f(d) }); err != nil {
			fmt.Println("# failed:", part, err)
			failed = append(failed, fmt.Errorf("%s: %w", part, err))
		}
	}
	return errors.Join(failed...)
}

// warm keeps a device busy for a while: one that had nothing to do takes some tenths of a
// second to raise its clocks.
func warm(d *tensor.Device) {
	x, y := d.New(tensor.Float32, 1<<20), d.New(tensor.Float32, 1<<20)
	for start := time.Now(); time.Since(start).Seconds() < 10**seconds; {
		for range 100 {
			y.CopyFrom(x)
		}
		if err := d.Sync(); err != nil {
			panic(err)
		}
	}
}

// model returns what the maker calls a device of CUDA, or "".
func model(name string) string {
	n, err := strconv.Atoi(strings.TrimPrefix(name, "cuda:"))
	if err != nil {
		return ""
	}
	d, err := real.Open(real.Options{})
	if err != nil {
		return ""
	}
	device, err := d.Open(n)
	if err != nil {
		return ""
	}
	model, _ := device.Name()
	if err := device.Close(); err != nil {
		return ""
	}
	return model
}

// line prints a measurement. work is the operations or bytes of one call.
func line(what string, t, work float64, unit string) {
	if *as != "" {
		what = *as + "/" + what
	}
	if unit == "" {
		fmt.Printf("%-44s %12.1f us\n", what, t*1e6)
		return
	}
	scale := map[string]float64{"TFLOP/s": 1e12, "GB/s": 1e9}[unit]
	fmt.Printf("%-44s %12.1f us %10.3f %s\n", what, t*1e6, work/t/scale, unit)
}

// start times first calls, each of another file of kernels.
func start(d *tensor.Device) {
	first := func(what string, f func()) {
		began := time.Now()
		f()
		if err := d.Sync(); err != nil {
			panic(err)
		}
		line("start/"+what, time.Since(began).Seconds(), 0, "")
	}
	var x, y *tensor.Tensor
	first("memory", func() { x, y = d.New(tensor.Float32, 64, 8192), d.New(tensor.Float32, 64, 8192) })
	first("copy", func() { y.CopyFrom(x) })
	first("binary", func() { tensor.Add(x, y) })
	first("unary", func() { tensor.Tanh(x) })
	first("sum", func() { tensor.Sum(x) })
	first("draw", func() { tensor.NewStream(1, "draws").NormalInto(x) })
	first("small", func() { // held back, and done together
		small := d.New(tensor.Float32, 64)
		tensor.Add(tensor.Tanh(small), small)
	})
	first("product", func() { tensor.Linear(x, y, nil, none) })
	first("convolution", func() {
		p := tensor.ConvParams{Stride: [2]int{1, 1}, Pad: [2]int{1, 1}, Dilation: [2]int{1, 1}, Groups: 1}
		tensor.Conv2D(x.Reshape(64, 8, 32, 32), d.New(tensor.Float32, 4, 8, 3, 3), nil, p, none)
	})
	first("library", func() { tensor.MatMul(x.Reshape(512, 1024), y.Reshape(1024, 512)) })
}

// report times f and prints its line.
func report(d *tensor.Device, what string, work float64, unit string, f func(s *tensor.Scope)) {
	scope := tensor.NewScope()
	defer scope.Release()
	run := func(n int) time.Duration {
		start := time.Now()
		for range n {
			f(scope)
			scope.Close()
		}
		if err := d.Sync(); err != nil {
			panic(err)
		}
		return time.Since(start)
	}
	n := 3
	run(n) // compiles, captures
	for run(n).Seconds() < *seconds && n < 1<<20 {
		n *= 2
	}
	var times []float64
	for range 5 {
		times = append(times, run(n).Seconds()/float64(n))
	}
	slices.Sort(times)
	line(what, times[2], work, unit)
}

var none tensor.Activation // of products and convolutions

func normal(d *tensor.Device, shape ...int) *tensor.Tensor {
	return tensor.NewStream(1, "bench").Normal(tensor.Float32, shape...).To(d)
}

func memory(d *tensor.Device) {
	n := *large
	x, y := d.Full(tensor.Float32, 0.5, n), d.Full(tensor.Float32, 0.25, n)
	bytes := 4 * float64(n)
	report(d, "ceiling/copy", 2*bytes, "GB/s", func(s *tensor.Scope) { y.CopyFrom(x) })
	report(d, "memory/add", 3*bytes, "GB/s", func(s *tensor.Scope) { tensor.Add(s.Adopt(x), y) })
	report(d, "memory/tanh", 2*bytes, "GB/s", func(s *tensor.Scope) { tensor.Tanh(s.Adopt(x)) })
	report(d, "memory/sum", bytes, "GB/s", func(s *tensor.Scope) { tensor.Sum(s.Adopt(x)) })
	wide := x.Reshape(n/1024, 1024)
	report(d, "memory/column_sums", bytes, "GB/s", func(s *tensor.Scope) { tensor.Sum(s.Adopt(wide), 0) })
	report(d, "memory/transpose", 2*bytes, "GB/s", func(s *tensor.Scope) { y.Reshape(1024, n/1024).CopyFrom(wide.Permute(1, 0)) })
	m, v := d.New(tensor.Float32, n/4), d.New(tensor.Float32, n/4)
	p, g := d.New(tensor.Float32, n/4), d.Full(tensor.Float32, 0.1, n/4)
	list := func(t *tensor.Tensor) []*tensor.Tensor { return []*tensor.Tensor{t} }
	report(d, "memory/adam", 7*bytes/4, "GB/s", func(*tensor.Scope) {
		tensor.AdamInto(list(p), list(g), list(m), list(v), tensor.AdamParams{LR: 1e-3, Beta1: 0.9, Beta2: 0.999, Eps: 1e-8, Correction1: 0.1, Correction2: 0.001})
	})
	stream := tensor.NewStream(1, "draws")
	report(d, "memory/normal", bytes, "GB/s", func(*tensor.Scope) { stream.NormalInto(x) })
}

func products(d *tensor.Device) {
	for _, size := range [][3]int{{64, 512, 784}, {64, 256, 512}, {64, 784, 512}, {512, 784, 64}, {128, 512, 784}, {1024, 512, 784}, {1024, 1024, 1024}, {2048, 2048, 2048}, {4096, 4096, 4096}} {
		m, n, k := size[0], size[1], size[2]
		x, w := normal(d, m, k), normal(d, n, k)
		report(d, fmt.Sprintf("product/%dx%dx%d", m, n, k), 2*float64(m)*float64(n)*float64(k), "TFLOP/s", func(s *tensor.Scope) {
			tensor.Linear(s.Adopt(x), w, nil, none)
		})
	}
}

// convolutions are those of the quick recipe, and two of larger networks.
func convolutions(d *tensor.Device) {
	for _, c := range []struct{ n, in, out, side, kernel, stride int }{
		{64, 1, 16, 28, 4, 2}, {64, 16, 32, 14, 4, 2}, {64, 16, 1, 28, 3, 1}, {64, 64, 64, 14, 3, 1}, {64, 64, 128, 14, 4, 2}, {128, 256, 256, 16, 3, 1},
	} {
		x := normal(d, c.n, c.side, c.side, c.in).Permute(0, 3, 1, 2) // channels last, as results are
		w := normal(d, c.out, c.in, c.kernel, c.kernel)
		p := tensor.ConvParams{Stride: [2]int{c.stride, c.stride}, Pad: [2]int{1, 1}, Dilation: [2]int{1, 1}, Groups: 1}
		y := tensor.Conv2D(x, w, nil, p, none)
		shape := y.Shape()
		work := 2 * float64(shape[0]*shape[1]*shape[2]*shape[3]) * float64(c.in*c.kernel*c.kernel)
		what := fmt.Sprintf("%d_%d_%d_%d_k%d_s%d", c.n, c.in, c.out, c.side, c.kernel, c.stride)
		report(d, "conv/forward/"+what, work, "TFLOP/s", func(s *tensor.Scope) { tensor.Conv2D(s.Adopt(x), w, nil, p, none) })
		report(d, "conv/input/"+what, work, "TFLOP/s", func(s *tensor.Scope) { tensor.Conv2DInputGrad(s.Adopt(y), w, nil, c.side, c.side, p, none) })
		report(d, "conv/weight/"+what, work, "TFLOP/s", func(s *tensor.Scope) { tensor.Conv2DWeightGrad(s.Adopt(x), y, c.kernel, c.kernel, p) })
	}
}

// steps are those of the recipes, on one batch, which is sent in each step.
func steps(d *tensor.Device) {
	for _, r := range []recipe.Recipe{recipe.Classic(), recipe.Quick()} {
		config := r.Config()
		config.Device = d
		g, disc := r.Networks()
		trainer, err := gan.New(g, disc, config)
		if err != nil {
			panic(err)
		}
		batch := gan.Batch{X: tensor.NewStream(1, "digits").Uniform(tensor.Float32, r.Batch, 784)}
		if n := len(config.Classes); n > 0 {
			labels := make([]int, r.Batch)
			for i := range labels {
				labels[i] = i % n
			}
			batch.Condition = tensor.CPU().OneHot(tensor.Float32, n, labels)
		}
		report(d, "step/"+r.Name, 0, "", func(*tensor.Scope) {
			if _, err := trainer.Step(batch); err != nil {
				panic(err)
			}
		})
	}
}
