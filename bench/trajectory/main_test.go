package main

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/internal/clitest"
	"github.com/gander-ml/gander/nn/safetensors"
	"github.com/gander-ml/gander/tensor"
)

func TestMain(m *testing.M) { os.Exit(clitest.Main(m, main)) }

const reference = "seed_gan_small.f64.safetensors"

// atWork returns a folder with a recording.
func atWork(t *testing.T) (dir string, recorded []byte) {
	t.Helper()
	dir = t.TempDir()
	recorded, err := os.ReadFile(filepath.Join("testdata", reference))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, reference), recorded, 0o644))
	return dir, recorded
}

// blackDigits returns a folder that holds n black images in place of MNIST's.
func blackDigits(t *testing.T, n uint32) (dir string) {
	t.Helper()
	dir = t.TempDir()
	header := func(magic uint32, dims ...uint32) (b []byte) {
		for _, v := range append([]uint32{magic}, dims...) {
			b = binary.BigEndian.AppendUint32(b, v)
		}
		return b
	}
	images := append(header(0x803, n, 28, 28), make([]byte, n*28*28)...)
	labels := append(header(0x801, n), make([]byte, n)...)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "train-images-idx3-ubyte"), images, 0o644))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "train-labels-idx1-ubyte"), labels, 0o644))
	return dir
}

// Images other than the recorded ones must be found, and a large tolerance must let
// them pass.
func TestTolerance(t *testing.T) {
	dir, _ := atWork(t)
	black := blackDigits(t, 60000)
	r := clitest.Run(t, dir, "-data", black, reference)
	require.Equal(t, 1, r.Status)
	require.Empty(t, r.Errors)
	require.Contains(t, r.Out, reference+": 100 steps of 32 in float64\n")
	require.Contains(t, r.Out, "above 1e-09")
	require.Equal(t, 5, strings.Count(r.Out, "\n"))

	r = clitest.Run(t, dir, "-data", black, "-tol", "100", reference)
	require.Zero(t, r.Status, r.Out+r.Errors)
	require.NotContains(t, r.Out, "above")
}

func TestFailures(t *testing.T) {
	dir, recorded := atWork(t)
	write := func(name string, b []byte) {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), b, 0o644))
	}
	write("cut", recorded[:len(recorded)-1])
	write("text", []byte("no recording at all"))
	f, err := safetensors.Load(filepath.Join(dir, reference))
	require.NoError(t, err)
	latent, err := f.Tensor("latent")
	require.NoError(t, err)
	require.NoError(t, safetensors.Save(filepath.Join(dir, "other"), map[string]*tensor.Tensor{"latent": latent}, nil))
	few := blackDigits(t, 10)
	for args, want := range map[string]string{
		"":                     "give one FILE.safetensors",
		"a b":                  "give one FILE.safetensors",
		"-tol x " + reference:  `invalid value "x" for flag -tol`,
		"-tol -1 " + reference: "-tol must be 0 or more",
		"-x " + reference:      "flag provided but not defined: -x; see -help",
	} {
		clitest.Fails(t, dir, 2, want, strings.Fields(args)...)
	}
	for args, want := range map[string]string{
		"none":                           "none",
		"cut":                            "cut",
		"text":                           "text: not a valid safetensors file",
		"other":                          `other: there is no tensor "rows"`,
		"-data none " + reference:        "give another folder with -data",
		"-data other " + reference:       "other",
		"-data " + few + " " + reference: "of 10",
	} {
		clitest.Fails(t, dir, 1, want, strings.Fields(args)...)
	}
	help := clitest.Run(t, dir, "-help")
	require.Zero(t, help.Status)
	require.Contains(t, help.Out, "usage: trajectory")
}
