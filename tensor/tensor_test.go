package tensor_test

import (
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	_ "github.com/gander-ml/gander/internal/backend/ref"
	"github.com/gander-ml/gander/tensor"
)

var dtypes = []tensor.DType{tensor.Float32, tensor.Float64}

// device opens the reference device, which stands for any that is not the CPU.
func device(t *testing.T) *tensor.Device {
	d, err := tensor.OpenDevice("ref")
	require.NoError(t, err)
	return d
}

func TestDevices(t *testing.T) {
	require.Equal(t, "cpu", tensor.CPU().Name())
	cpu, err := tensor.OpenDevice("cpu")
	require.NoError(t, err)
	require.Same(t, tensor.CPU(), cpu)
	ref := device(t)
	require.Equal(t, "ref", ref.String())
	require.Same(t, ref, device(t), "a device is opened once")
	_, err = tensor.OpenDevice("abacus")
	require.EqualError(t, err, `tensor: unknown device "abacus"; this program has: `+strings.Join(tensor.DeviceNames(), ", "))
	require.Subset(t, tensor.DeviceNames(), []string{"cpu", "ref"}) // build tags add others
	x := ref.New(tensor.Float32, 2, 3)
	require.Same(t, ref, x.Device())
	require.Equal(t, make([]float64, 6), x.Float64s())
}

func TestConstructors(t *testing.T) {
	for _, dt := range dtypes {
		for _, c := range []struct {
			x     *tensor.Tensor
			shape []int
			want  []float64
		}{
			{tensor.New(dt, 2, 2), []int{2, 2}, []float64{0, 0, 0, 0}},
			{tensor.New(dt), []int{}, []float64{0}},
			{tensor.New(dt, 2, 0, 3), []int{2, 0, 3}, []float64{}},
			{tensor.Full(dt, 2.5, 3), []int{3}, []float64{2.5, 2.5, 2.5}},
			{tensor.Scalar(dt, -1), []int{}, []float64{-1}},
			{tensor.Arange(dt, 4), []int{4}, []float64{0, 1, 2, 3}},
			{tensor.Arange(dt, 0), []int{0}, []float64{}},
			{tensor.OneHot(dt, 3, []int{2, 0}), []int{2, 3}, []float64{0, 0, 1, 1, 0, 0}},
		} {
			require.Equal(t, dt, c.x.DType())
			require.Equal(t, c.shape, c.x.Shape())
			require.Equal(t, c.want, c.x.Float64s())
			require.Same(t, tensor.CPU(), c.x.Device())
			require.Nil(t, c.x.Scope())
			require.Zero(t, c.x.Version())
		}
	}
}

func TestFromSlices(t *testing.T) {
	f32, f64 := []float32{1, 2, 3, 4}, []float64{1, 2, 3, 4}
	x, y := tensor.FromFloat32(f32, 2, 2), tensor.FromFloat64(f64, 4, 1)
	f32[0], f64[0] = 9, 9
	require.Equal(t, tensor.Float32, x.DType())
	require.Equal(t, tensor.Float64, y.DType())
	require.Equal(t, []int{2, 2}, x.Shape())
	require.Equal(t, []int{4, 1}, y.Shape())
	require.Equal(t, []float32{1, 2, 3, 4}, x.Float32s(), "the data must be copied")
	require.Equal(t, []float64{1, 2, 3, 4}, y.Float64s(), "the data must be copied")
	require.Equal(t, []int{4}, tensor.FromFloat32(f32).Shape())
	require.Equal(t, []int{0}, tensor.FromFloat64(nil).Shape())
}

func TestAccessors(t *testing.T) {
	x := tensor.Arange(tensor.Float32, 24).Reshape(2, 3, 4)
	require.Equal(t, 3, x.Rank())
	require.Equal(t, 24, x.Len())
	require.Equal(t, []int{12, 4, 1}, x.Strides())
	for axis, want := range map[int]int{0: 2, 1: 3, 2: 4, -1: 4, -2: 3, -3: 2} {
		require.Equal(t, want, x.Dim(axis))
	}
	require.True(t, x.IsContiguous())
	require.False(t, x.T().IsContiguous())
	require.True(t, x.SameShape(tensor.New(tensor.Float64, 2, 3, 4)))
	require.False(t, x.SameShape(x.T()))
	x.Shape()[0], x.Strides()[0] = 99, 99
	require.Equal(t, []int{2, 3, 4}, x.Shape(), "Shape must return a copy")
	require.Equal(t, []int{12, 4, 1}, x.Strides(), "Strides must return a copy")
	x.Float32s()[0], x.Float64s()[0] = 99, 99
	require.Zero(t, x.At(0, 0, 0), "Float32s and Float64s must return copies")
}

func TestElements(t *testing.T) {
	for _, d := range []*tensor.Device{tensor.CPU(), device(t)} {
		x := tensor.Arange(tensor.Float32, 6).Reshape(2, 3).To(d).T()
		require.Equal(t, 5.0, x.At(2, 1))
		x.Set(0.1, 2, 1)
		require.Equal(t, float64(float32(0.1)), x.At(2, 1))
		require.Equal(t, []float32{0, 3, 1, 4, 2, 0.1}, x.Float32s())
		require.Equal(t, []float64{0, 3, 1, 4, 2, float64(float32(0.1))}, x.Float64s())
		require.Equal(t, 4.0, x.Slice(0, 1, 2).Slice(1, 1, 2).Item())
		require.Equal(t, 7.0, tensor.Scalar(tensor.Float64, 7).To(d).Item())
		require.Equal(t, []float64{}, d.New(tensor.Float32, 0, 2).Float64s())
	}
}

func TestCopies(t *testing.T) {
	for _, d := range []*tensor.Device{tensor.CPU(), device(t)} {
		x := tensor.Arange(tensor.Float32, 6).Reshape(2, 3).To(d)
		require.Same(t, x, x.Contiguous())
		require.Same(t, x, x.Cast(tensor.Float32))
		require.Same(t, x, x.To(d))
		require.Same(t, x, x.Keep())

		y := x.T()
		for name, c := range map[string]*tensor.Tensor{
			"Clone": y.Clone(), "Contiguous": y.Contiguous(), "Cast": y.Cast(tensor.Float64),
		} {
			require.True(t, c.IsContiguous(), name)
			require.Equal(t, []int{3, 2}, c.Shape(), name)
			require.Equal(t, []float64{0, 3, 1, 4, 2, 5}, c.Float64s(), name)
			require.Same(t, d, c.Device(), name)
			c.Fill(9)
			require.Equal(t, []float64{0, 1, 2, 3, 4, 5}, x.Float64s(), "%s must not share memory", name)
		}
		require.Equal(t, tensor.Float64, y.Cast(tensor.Float64).DType())
	}
	x := tensor.FromFloat64([]float64{0.1, 1e300, -1e-300})
	require.Equal(t, []float64{float64(float32(0.1)), math.Inf(1), math.Copysign(0, -1)}, x.Cast(tensor.Float32).Float64s())
}

func TestToAnotherDevice(t *testing.T) {
	ref := device(t)
	x := tensor.Arange(tensor.Float64, 6).Reshape(2, 3).T()
	y := x.To(ref)
	require.Same(t, ref, y.Device())
	require.Equal(t, x.Float64s(), y.Float64s())
	y.Fill(9)
	require.Equal(t, []float64{0, 3, 1, 4, 2, 5}, x.Float64s())
	require.Same(t, tensor.CPU(), y.To(tensor.CPU()).Device())
}

func TestCopyFrom(t *testing.T) {
	for _, d := range []*tensor.Device{tensor.CPU(), device(t)} {
		x := d.New(tensor.Float32, 2, 3)
		x.CopyFrom(tensor.FromFloat64([]float64{1, 2, 3}))
		require.Equal(t, []float64{1, 2, 3, 1, 2, 3}, x.Float64s(), "broadcast, converted and moved")
		x.T().CopyFrom(tensor.Arange(tensor.Float32, 6).Reshape(3, 2))
		require.Equal(t, []float64{0, 2, 4, 1, 3, 5}, x.Float64s())
		x.CopyFrom(tensor.Scalar(tensor.Float64, 7))
		require.Equal(t, []float64{7, 7, 7, 7, 7, 7}, x.Float64s())
	}
}

// TestCopyFromItself: overlapping views are read before they are written.
func TestCopyFromItself(t *testing.T) {
	x := tensor.Arange(tensor.Float32, 9).Reshape(3, 3)
	x.CopyFrom(x)
	require.Equal(t, scaled(9, 1), x.Float64s())
	x.CopyFrom(x.T())
	require.Equal(t, []float64{0, 3, 6, 1, 4, 7, 2, 5, 8}, x.Float64s())
	row := tensor.Arange(tensor.Float32, 5)
	row.Slice(0, 1, 5).CopyFrom(row.Slice(0, 0, 4))
	require.Equal(t, []float64{0, 0, 1, 2, 3}, row.Float64s())
	row.CopyFrom(row.Slice(0, 4, 5))
	require.Equal(t, []float64{3, 3, 3, 3, 3}, row.Float64s())
}

func TestSetSlices(t *testing.T) {
	for _, d := range []*tensor.Device{tensor.CPU(), device(t)} {
		for _, dt := range dtypes {
			x := d.New(dt, 2, 3)
			x.T().SetFloat64([]float64{1, 2, 3, 4, 5, 6})
			require.Equal(t, []float64{1, 3, 5, 2, 4, 6}, x.Float64s())
			x.SetFloat32([]float32{6, 5, 4, 3, 2, 1})
			require.Equal(t, []float64{6, 5, 4, 3, 2, 1}, x.Float64s())
			x.Slice(1, 1, 2).Fill(-1)
			require.Equal(t, []float64{6, -1, 4, 3, -1, 1}, x.Float64s())
		}
	}
}

// TestVersions: each write counts once, through whichever view, and nothing
// else counts.
func TestVersions(t *testing.T) {
	x, other := tensor.New(tensor.Float32, 2, 2), tensor.Full(tensor.Float32, 1, 2, 2)
	view := x.T()
	stream := tensor.NewStream(1, "test")
	writes := map[string]func(){
		"Set":           func() { view.Set(1, 0, 0) },
		"Fill":          func() { x.Slice(0, 0, 1).Fill(1) },
		"CopyFrom":      func() { x.CopyFrom(other) },
		"SetFloat32":    func() { view.SetFloat32(make([]float32, 4)) },
		"SetFloat64":    func() { x.SetFloat64(make([]float64, 4)) },
		"AddScaledInto": func() { tensor.AddScaledInto(x, x, 1, other) },
		"LerpInto":      func() { tensor.LerpInto(view, other, other, 0.5) },
		"NormalInto":    func() { stream.NormalInto(x) },
		"UniformInto":   func() { stream.UniformInto(view) },
	}
	for name, write := range writes {
		before := x.Version()
		write()
		require.Equal(t, before+1, x.Version(), name)
		require.Equal(t, x.Version(), view.Version(), name)
	}
	before := x.Version()
	p, m, v := x.Clone(), x.Clone(), x.Clone()
	tensor.AdamInto(list(p), list(x), list(m), list(v), tensor.AdamParams{LR: 1, Eps: 1, Correction1: 1, Correction2: 1})
	for _, u := range []*tensor.Tensor{p, m, v} {
		require.Equal(t, uint32(1), u.Version())
	}
	_ = tensor.Add(x, view)
	_ = tensor.Sum(tensor.MatMul(x, view)).Item()
	_ = x.Clone().Float32s()
	require.Equal(t, before, x.Version())
	require.Zero(t, other.Version())
}

func TestCheck(t *testing.T) {
	x, y := tensor.New(tensor.Float32, 2), tensor.New(tensor.Float32, 3)
	tensor.Check("op")
	tensor.Check("op", x, y)
	require.EqualError(t, tensor.Catch(func() { tensor.Check("op", x, y, tensor.New(tensor.Float64)) }),
		"op of float32 [2] and float32 [3] and float64 []: the dtypes do not fit; convert one with Cast")
}
