package bench

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/gan/recipe"
	"github.com/gander-ml/gander/internal/backend"
	"github.com/gander-ml/gander/internal/backend/cpu"
	"github.com/gander-ml/gander/tensor"
)

// BenchmarkProducts compares a step with the products that it consists of. The
// matrix products and convolutions of one step are noted and done again by
// themselves, one after another, on the same operands, by turns with whole steps:
// ×products is the ratio of the medians, and GFLOP/s the speed of the products, those
// with an image's padding included.
func BenchmarkProducts(b *testing.B) {
	for _, r := range []recipe.Recipe{recipe.Classic(), recipe.Quick()} {
		for _, threads := range []int{1, 2} {
			b.Run(fmt.Sprintf("step=%s/threads=%d", r.Name, threads), func(b *testing.B) { products(b, r, threads) })
		}
	}
}

func products(b *testing.B, r recipe.Recipe, threads int) {
	tensor.CPU().SetThreads(threads)
	defer tensor.CPU().SetThreads(0)
	device, notes := notingDevice(b)
	defer func() { notes.products = nil }() // the device is for ever
	config := r.Config()
	config.Device = device
	step := stepOf(b, r, config)
	for i := range 20 {
		step(i)
	}
	notes.on = true
	step(20)
	notes.on = false
	notes.multiply()

	var whole, parts []time.Duration
	for i := 0; b.Loop(); i++ {
		start := time.Now()
		step(i)
		between := time.Now()
		notes.multiply()
		whole, parts = append(whole, between.Sub(start)), append(parts, time.Since(between))
	}
	slices.Sort(whole)
	slices.Sort(parts)
	perStep, perProducts := whole[len(whole)/2].Seconds(), parts[len(parts)/2].Seconds()
	b.ReportMetric(perStep*1e3, "ms/step")
	b.ReportMetric(perProducts*1e3, "ms/products")
	b.ReportMetric(perStep/perProducts, "×products")
	b.ReportMetric(notes.flops/perProducts/1e9, "GFLOP/s")
}

// noting is the backend of the CPU that notes its products while it is on.
type noting struct {
	*cpu.Backend
	name     string
	on       bool
	products []func()
	flops    float64
}

// notingDevice returns a device with such a backend, and the backend.
func notingDevice(b *testing.B) (*tensor.Device, *noting) {
	notingDevices++
	n := &noting{Backend: cpu.New(), name: fmt.Sprintf("noting%d", notingDevices)}
	backend.Register(backend.Kind{Name: n.name, Open: func(int) (backend.Backend, error) { return n, nil }})
	device, err := tensor.OpenDevice(n.name)
	require.NoError(b, err)
	return device, n
}

var notingDevices int // names are not used again

func (n *noting) Name() string { return n.name }

// note does a product of that many multiplications, and notes it.
func (n *noting) note(multiplications int, product func(e backend.Epilogue), e backend.Epilogue) {
	product(e)
	if n.on {
		n.products = append(n.products, func() { product(backend.Epilogue{}) })
		n.flops += 2 * float64(multiplications)
	}
}

// multiply does the noted products.
func (n *noting) multiply() {
	for _, product := range n.products {
		product()
	}
}

func (n *noting) MatMul(dst, x, y backend.Operand) {
	n.note(dst.Layout.Len()*x.Layout.Dims[x.Layout.Rank-1], func(backend.Epilogue) { n.Backend.MatMul(dst, x, y) }, backend.Epilogue{})
}

// MatMulLooking is noted as a product that does not look.
func (n *noting) MatMulLooking(dst, x, y backend.Operand) (finite bool) {
	if n.on {
		n.MatMul(dst, x, y)
	}
	return n.Backend.MatMulLooking(dst, x, y)
}

func (n *noting) Linear(dst, x, w backend.Operand, e backend.Epilogue) {
	n.note(dst.Layout.Len()*x.Layout.Dims[1], func(e backend.Epilogue) { n.Backend.Linear(dst, x, w, e) }, e)
}

func (n *noting) Conv2D(dst, x, w backend.Operand, p backend.ConvParams, e backend.Epilogue) {
	n.note(convMultiplications(dst, w), func(e backend.Epilogue) { n.Backend.Conv2D(dst, x, w, p, e) }, e)
}

func (n *noting) Conv2DInputGrad(dst, gy, w backend.Operand, p backend.ConvParams, e backend.Epilogue) {
	n.note(convMultiplications(gy, w), func(e backend.Epilogue) { n.Backend.Conv2DInputGrad(dst, gy, w, p, e) }, e)
}

func (n *noting) Conv2DWeightGrad(dst, x, gy backend.Operand, p backend.ConvParams) {
	n.note(convMultiplications(gy, dst), func(backend.Epilogue) { n.Backend.Conv2DWeightGrad(dst, x, gy, p) }, backend.Epilogue{})
}

// convMultiplications are those of a convolution with the result y and the weight w:
// each channel of y meets a part of the weight, in each pixel.
func convMultiplications(y, w backend.Operand) int {
	pixels := y.Layout.Dims[0] * y.Layout.Dims[2] * y.Layout.Dims[3]
	return pixels * w.Layout.Len()
}
