package cuda_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/internal/backend"
	"github.com/gander-ml/gander/internal/backend/cuda"
	"github.com/gander-ml/gander/internal/backend/cuda/driver"
	"github.com/gander-ml/gander/internal/backend/cuda/driver/sim"
	"github.com/gander-ml/gander/internal/layout"
	"github.com/gander-ml/gander/internal/op"
)

// faulty edits the PTX of modules, and the blocks of launches.
type faulty struct {
	driver.Driver
	edit  func(ptx []byte) []byte
	block uint32 // threads; 0: as many as there should be
}

type faultyDevice struct {
	driver.Device
	f *faulty
}

func (f *faulty) Open(n int) (driver.Device, error) {
	d, err := f.Driver.Open(n)
	return faultyDevice{d, f}, err
}

func (d faultyDevice) ModuleLoad(ptx []byte) (driver.Module, error) {
	return d.Device.ModuleLoad(d.f.edit(bytes.Clone(ptx)))
}

func (d faultyDevice) Launch(f driver.Function, grid, block driver.Dim, shared uint32, s driver.Stream, args []byte) error {
	if d.f.block > 0 {
		block.X = d.f.block
	}
	return d.Device.Launch(f, grid, block, shared, s, args)
}

// kernelOf calls edit with the text of a kernel, and puts the result in its place.
func kernelOf(name string, edit func(text string) string) func([]byte) []byte {
	return func(ptx []byte) []byte {
		start := bytes.Index(ptx, []byte(".visible .entry "+name+"("))
		if start < 0 {
			return ptx
		}
		end := start + bytes.Index(ptx[start:], []byte("\n}"))
		return append(append(append([]byte(nil), ptx[:start]...), edit(string(ptx[start:end]))...), ptx[end:]...)
	}
}

// replaced replaces the n-th of a text, counted from 0, or from the end if n < 0.
func replaced(old, new string, n int) func(string) string {
	return func(text string) string {
		parts := bytes.Split([]byte(text), []byte(old))
		if n < 0 {
			n += len(parts) - 1
		}
		head, tail := bytes.Join(parts[:n+1], []byte(old)), bytes.Join(parts[n+1:], []byte(old))
		return string(head) + new + string(tail)
	}
}

// TestPlantedFaults: a fault in a kernel is objected to, or gives wrong numbers.
func TestPlantedFaults(t *testing.T) {
	intact := func(ptx []byte) []byte { return ptx }
	faults := map[string]*faulty{
		"none":                      {edit: intact},
		"half the threads":          {edit: intact, block: 128},
		"twice the threads":         {edit: intact, block: 512},
		"a sum's barrier dropped":   {edit: kernelOf("Sum_f32", replaced("bar.sync \t0;", "", 0))},
		"a step's barrier dropped":  {edit: kernelOf("product_f32_32", replaced("bar.sync \t0;", "", 1))},
		"the last barrier dropped":  {edit: kernelOf("product_f32_32", replaced("bar.sync \t0;", "", -1))},
		"a product's store shifted": {edit: kernelOf("product_f32_32", func(s string) string { return replacedLast(s, "st.global.f32 \t[%", "+4], %f") })},
		"a sum without its square":  {edit: kernelOf("SumSquares_f32", func(s string) string { return strings.ReplaceAll(s, "mul.rn.f64", "add.rn.f64") })},
		"add that subtracts":        {edit: kernelOf("Add_f32", replaced("add.rn.f32", "sub.rn.f32", 0))},
	}
	for name, f := range faults {
		t.Run(name, func(t *testing.T) {
			f.Driver = sim.New(sim.Config{NoGraphs: true})
			b, err := cuda.Open(f, cuda.Kind, 0)
			require.NoError(t, err)
			defer b.Close()
			err = work(b)
			if name == "none" {
				require.NoError(t, err)
			} else {
				require.Error(t, err)
				t.Log(err)
			}
		})
	}
}

// replacedLast shifts the address of the last store by four bytes.
func replacedLast(text, store, shifted string) string {
	at := bytes.LastIndex([]byte(text), []byte(store))
	end := at + bytes.IndexByte([]byte(text[at:]), ']')
	return text[:end] + shifted[:2] + text[end:]
}

// work computes on whole numbers and returns what is wrong.
func work(b *cuda.Backend) (err error) {
	defer func() {
		if f, ok := recover().(*backend.Failure); ok {
			err = f
		}
	}()
	const n = 70
	fill := func(rows, cols int) backend.Operand {
		h := backend.NewHost(backend.Float32, rows*cols)
		for i := range h.F32 {
			h.F32[i] = float32(i%7) - 3
		}
		x := backend.Operand{Buffer: b.Alloc(backend.Float32, rows*cols), Layout: layout.Contiguous(rows, cols)}
		b.Upload(x, h)
		return x
	}
	x, y, z := fill(n, n), fill(n, n), fill(n, n)
	b.MatMul(z, x, y)
	got := read(b, z)
	for i := range n {
		for j := range n {
			want := float32(0)
			for k := range n {
				want += (float32((i*n+k)%7) - 3) * (float32((k*n+j)%7) - 3)
			}
			if got[i*n+j] != want {
				return fmt.Errorf("product [%d,%d] is %v, want %v", i, j, got[i*n+j], want)
			}
		}
	}
	for f, want := range map[op.Reduce]float32{op.Sum: 0, op.SumSquares: 4 * n * n} {
		sum := fill(1, 1)
		b.Reduce(f, sum, x)
		if got := read(b, sum)[0]; got != want {
			return fmt.Errorf("%v is %v, want %v", f, got, want)
		}
	}
	b.Binary(op.Add, z, x, y, 0)
	for i, v := range read(b, z) {
		if v != 2*(float32(i%7)-3) {
			return fmt.Errorf("sum %d is %v", i, v)
		}
	}
	return nil
}
