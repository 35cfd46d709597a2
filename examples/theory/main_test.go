package main

import (
	"image/png"
	"math"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/internal/clitest"
)

func TestMain(m *testing.M) { os.Exit(clitest.Main(m, main)) }

// The printed numbers are what the paper proves: the trained discriminator is
// the best one, the value is the divergence's, and it falls to −ln 4.
func TestTheory(t *testing.T) {
	dir := t.TempDir()
	r := clitest.Run(t, dir)
	require.Zero(t, r.Status, r.Errors)
	require.Empty(t, r.Errors)
	values := []float64{}
	for _, line := range strings.Split(r.Out, "\n")[1:4] {
		fields := strings.Fields(line)
		number := func(fromEnd int) float64 {
			v, err := strconv.ParseFloat(fields[len(fields)-fromEnd], 64)
			require.NoError(t, err, line)
			return v
		}
		gap, value, formula, difference := number(4), number(3), number(2), number(1)
		require.Less(t, gap, 1e-8, line)
		require.InDelta(t, formula, value, 2e-7, line)
		require.Less(t, math.Abs(difference), 1e-7, line)
		values = append(values, value)
	}
	require.Len(t, values, 3)
	require.Greater(t, values[0], values[1]+0.01)
	require.Greater(t, values[1], values[2]+0.01)
	require.InDelta(t, -math.Log(4), values[2], 1e-6)

	picture := clitest.Files(t, dir)["runs/theory.png"]
	_, err := png.Decode(strings.NewReader(picture))
	require.NoError(t, err)
}

func TestFailures(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(dir+"/file", []byte("old"), 0o644))
	clitest.Fails(t, dir, 2, "flag provided but not defined: -x", "-x")
	clitest.Fails(t, dir, 2, "there are no arguments", "x")
	for _, out := range []string{"", "x", "x.jpg", "file"} {
		clitest.Fails(t, dir, 2, "-o must name a file in .png", "-o="+out)
	}
	clitest.Fails(t, dir, 1, "file", "-o", "file/below/theory.png")
	require.Contains(t, clitest.Run(t, dir, "-help").Errors, "PNG file to write")
}

func TestFullDisk(t *testing.T) { clitest.FullDisk(t, t.TempDir()) }
