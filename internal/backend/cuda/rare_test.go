package cuda_test

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/internal/backend"
	"github.com/gander-ml/gander/internal/backend/cuda"
	"github.com/gander-ml/gander/internal/backend/cuda/driver"
	"github.com/gander-ml/gander/internal/backend/cuda/driver/sim"
	"github.com/gander-ml/gander/internal/layout"
	"github.com/gander-ml/gander/internal/op"
)

// whole returns a new array of small whole numbers, and the numbers.
func whole(b *cuda.Backend, dt backend.DType, r *rand.Rand, shape ...int) (backend.Operand, []float64) {
	l := layout.Contiguous(shape...)
	h := backend.NewHost(dt, l.Len())
	values := make([]float64, l.Len())
	for i := range values {
		values[i] = float64(r.IntN(19) - 9)
		h.Set(i, values[i])
	}
	o := backend.Operand{Buffer: b.Alloc(dt, l.Len()), Layout: layout.Contiguous(l.Len())}
	b.Upload(o, h)
	o.Layout = l
	return o, values
}

// numbers returns the elements of a contiguous array.
func numbers(b *cuda.Backend, o backend.Operand) []float64 {
	h := backend.NewHost(o.Buffer.DType(), o.Layout.Len())
	o.Layout = layout.Contiguous(o.Layout.Len())
	b.Download(h, o)
	out := make([]float64, h.Len())
	for i := range out {
		out[i] = h.At(i)
	}
	return out
}

// maxElements is the most that one launch works on.
var maxElements = 1 << 30

// limited is a driver whose kernels do nothing, but object to a grid that no device has.
type limited struct{ driver.Driver }

type limitedDevice struct{ driver.Device }

func (l limited) Open(n int) (driver.Device, error) {
	d, err := l.Driver.Open(n)
	return limitedDevice{d}, err
}

func (limitedDevice) Launch(_ driver.Function, grid, _ driver.Dim, _ uint32, _ driver.Stream, _ []byte) error {
	if grid.X > math.MaxInt32 || grid.Y > 65535 || grid.Z > 65535 {
		return &driver.Error{Call: "cuLaunchKernel", Result: driver.InvalidValue, Detail: fmt.Sprintf("a grid of %v blocks", grid)}
	}
	return nil
}

// TestGrids: the largest arrays, and long ones in each direction, have grids that
// devices have.
func TestGrids(t *testing.T) {
	if math.MaxInt == math.MaxInt32 {
		t.Skip("such arrays have more elements than an int counts")
	}
	b, err := cuda.Open(limited{sim.New(sim.Config{NoGraphs: true})}, cuda.Kind, 0)
	require.NoError(t, err)
	for _, dt := range []backend.DType{backend.Float32, backend.Float64} {
		one := b.Alloc(dt, 1)
		of := func(dims ...int) backend.Operand { // of one element, for all places
			l := layout.Contiguous(dims...)
			l.Strides = [layout.MaxRank]int{}
			return backend.Operand{Buffer: one, Layout: l}
		}
		most := maxElements
		for _, s := range [][4]int{ // batch, m, n, k
			{1, 1, 1, most}, {3, 2, 2, 40 << 20}, {1 << 17, 1, 1, 3000}, {70000, 1, 1, 1}, {1, most, 1, 1}, {1, 1, 1 << 20, 1}, {5, 1000, 1 << 20, 1},
		} {
			b.MatMul(of(s[0], s[1], s[2]), of(s[0], s[1], s[3]), of(s[0], s[3], s[2]))
		}
		for _, s := range [][2]int{{1, most}, {most, 1}, {1 << 20, 1 << 10}, {1 << 10, 1 << 20}, {16, most}, {most, 16}} {
			b.Reduce(op.Sum, of(s[0], 1), of(s[0], s[1]))
			b.Reduce(op.Sum, of(1, s[1]), of(s[0], s[1]))
		}
		for _, s := range []int{most, most + 1, 3 * most} {
			b.Unary(op.Exp, of(s), of(s), 0, 0)
			b.Copy(of(2, s), of(2, s))
			b.Random(backend.Normal, of(s), 1, 0)
		}
		p := backend.ConvParams{Stride: [2]int{1, 1}, Dilation: [2]int{1, 1}, Groups: 1}
		x, w, y := of(1, 1, 1<<14, 1<<15), of(1, 1, 1, 1), of(1, 1, 1<<14, 1<<15)
		b.Conv2D(y, x, w, p, backend.Epilogue{})
		b.Conv2DInputGrad(x, y, w, p, backend.Epilogue{})
		b.Conv2DWeightGrad(w, x, y, p)
		p.Groups = 60000
		x, w, y = of(2, p.Groups, 2, 2), of(p.Groups, 1, 1, 1), of(2, p.Groups, 2, 2)
		b.Conv2D(y, x, w, p, backend.Epilogue{})
		b.Conv2DInputGrad(x, y, w, p, backend.Epilogue{})
		b.Conv2DWeightGrad(w, x, y, p)
	}
	require.NoError(t, b.Close())
}

// TestRareKernels: the kernels that shapes as small as those of the conformance suite
// do not choose, with all checks.
func TestRareKernels(t *testing.T) {
	b, d := open(t, sim.Config{NoGraphs: true})
	r := rand.New(rand.NewPCG(1, 2))
	dtypes := []backend.DType{backend.Float32, backend.Float64}
	for _, dt := range dtypes {
		for _, s := range [][3]int{{1, 8, 8}, {1, 33, 31}, {3, 32, 64}, {2, 65, 9}, {5, 40, 33}, {1, 1000, 8}} {
			n, rows, cols := s[0], s[1], s[2]
			x, values := whole(b, dt, r, n, cols, rows)
			y, _ := whole(b, dt, r, n, rows, cols)
			from := x
			from.Layout = from.Layout.Permute(0, 2, 1)
			b.Copy(y, from)
			got := numbers(b, y)
			for i := range got {
				image, row, col := i/(rows*cols), i/cols%rows, i%cols
				require.Equal(t, values[(image*cols+col)*rows+row], got[i], "%v %v, %d", dt, s, i)
			}
		}
		for _, index := range dtypes {
			for _, c := range []struct{ rows, count, width int }{{3, 5, 4096}, {2, 3, 4099}, {7, 1025, 3}, {1, 1100, 1}} {
				t.Run(fmt.Sprintf("scatter/%v/%v/%v", dt, index, c), func(t *testing.T) {
					x, values := whole(b, dt, r, c.count, c.width)
					at, places := whole(b, index, r, c.count)
					y, before := whole(b, dt, r, c.rows, c.width)
					for i, p := range places { // those outside are left out
						if k := int(p); k >= 0 && k < c.rows {
							for j := range c.width {
								before[k*c.width+j] += values[i*c.width+j]
							}
						}
					}
					b.ScatterAdd(y, x, 0, at)
					require.Equal(t, before, numbers(b, y))
				})
			}
		}
	}
	for _, name := range []string{"transpose_f32", "transpose_f64", "scatter_f32_f32", "scatter_f32_f64", "scatter_f64_f32", "scatter_f64_f64"} {
		require.NotZero(t, d.Counters().Kernels[name], name)
	}
}

// from65536 is a driver that runs one block of collect_f32_f32, that of number 65536.
type from65536 struct{ driver.Driver }

type from65536Device struct{ driver.Device }

func (d from65536) Open(n int) (driver.Device, error) {
	dev, err := d.Driver.Open(n)
	return from65536Device{dev}, err
}

func (d from65536Device) ModuleLoad(ptx []byte) (driver.Module, error) {
	number := regexp.MustCompile(`mov.u32 \t(%r\d+), %ctaid.x;`)
	return d.Device.ModuleLoad(kernelOf("collect_f32_f32", func(s string) string {
		return number.ReplaceAllString(s, "$0\nadd.s32 $1, $1, 65536;")
	})(bytes.Clone(ptx)))
}

func (d from65536Device) Launch(f driver.Function, grid, block driver.Dim, shared uint32, s driver.Stream, args []byte) error {
	if grid.X > 65536 {
		grid.X = 1
	}
	return d.Device.Launch(f, grid, block, shared, s, args)
}

// TestLongAxes: an axis may be longer than the numbers that a float32 can count. An
// entry of an index names one place, and the last that there is.
func TestLongAxes(t *testing.T) {
	b, err := cuda.Open(from65536{sim.New(sim.Config{Fast: true, NoGraphs: true})}, cuda.Kind, 0)
	require.NoError(t, err)
	const long = 1<<24 + 1
	index := array(b, 1)
	b.Fill(index, 1<<24)
	x, y := array(b, 1), array(b, 1)
	b.Fill(x, 3)
	repeated := x
	repeated.Layout.Dims[0], repeated.Layout.Strides[0] = long, 0
	b.Gather(y, repeated, 0, index)
	require.Equal(t, []float32{3}, read(b, y))

	dst := array(b, long+1)
	b.ScatterAdd(dst, x, 0, index)
	last := dst
	last.Layout = last.Layout.Slice(0, long-2, long+1, 1)
	require.Equal(t, []float32{0, 3, 0}, read(b, last))
	require.NoError(t, b.Close())
}
