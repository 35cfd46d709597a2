package main

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/autograd"
	"github.com/gander-ml/gander/datasets"
	"github.com/gander-ml/gander/datasets/digits"
	"github.com/gander-ml/gander/gan"
	"github.com/gander-ml/gander/internal/clitest"
	"github.com/gander-ml/gander/nn"
	"github.com/gander-ml/gander/tensor"
)

func TestMain(m *testing.M) { os.Exit(clitest.Main(m, main)) }

// A short training already draws more of what it is asked for than chance would,
// and the saved generator can be asked, too.
func TestConditional(t *testing.T) {
	if testing.Short() {
		t.Skip("trains for 40 steps")
	}
	dir := t.TempDir()
	r := clitest.Run(t, dir, "-steps", "40")
	require.Zero(t, r.Status, r.Errors)
	var right, n int
	_, err := fmt.Sscanf(r.Out, "%d of %d digits", &right, &n)
	require.NoError(t, err, r.Out)
	require.Equal(t, 1000, n)
	require.Greater(t, right, 180)
	require.Contains(t, clitest.Files(t, dir), "conditional.png")

	g, err := gan.LoadGenerator(filepath.Join(dir, "conditional.safetensors"))
	require.NoError(t, err)
	x := g.Map(ask(g.Latent(), 1, 7, 3))
	require.Equal(t, []int{2, pixels + classes}, x.Shape())
	label := x.Slice(1, pixels, pixels+classes).Contiguous().Float32s()
	require.Equal(t, []float32{0, 0, 0, 0, 0, 0, 0, 1, 0, 0 /**/, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0}, label)
}

func TestLabelled(t *testing.T) {
	set, err := digits.Load()
	require.NoError(t, err)
	x, err := datasets.AsTensor(labelled{set.Subset(0, 1)}, tensor.Float32)
	require.NoError(t, err)
	require.Equal(t, []int{1, pixels + classes}, x.Shape())
	require.Equal(t, []float32{0, 0, 0, 0, 0, 0, 0, 1, 0, 0}, x.Float32s()[pixels:]) // the first is a 7
}

// The discriminator's derivatives are right, and the label gets none.
func TestJudgeGradients(t *testing.T) {
	d := judge{critic()}
	nn.Init(d, 1, tensor.Float64, tensor.CPU())
	x := tensor.NewStream(1, "test").Normal(tensor.Float64, 2, pixels+classes)
	labels := x.Slice(1, pixels, pixels+classes)
	labels.CopyFrom(tensor.OneHot(tensor.Float64, classes, []int{4, 9}))
	v := autograd.Leaf(x)
	g := autograd.Grad(autograd.Sum(d.Forward(nil, v)), []*autograd.Var{v}, autograd.Opts{})[0].Value()
	require.Zero(t, tensor.Sum(tensor.Abs(g.Slice(1, pixels, pixels+classes))).Item())
	require.NotZero(t, tensor.Sum(tensor.Abs(g.Slice(1, 0, pixels))).Item())
}

func TestUsage(t *testing.T) {
	clitest.Fails(t, t.TempDir(), 2, "-steps is at least 1", "-steps", "0")
	clitest.Fails(t, t.TempDir(), 2, "no other arguments", "seven")
}
