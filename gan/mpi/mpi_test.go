//go:build mpi

package mpi_test

import (
	"context"
	"flag"
	"fmt"
	"math"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/datasets"
	"github.com/gander-ml/gander/gan"
	"github.com/gander-ml/gander/gan/mpi"
	"github.com/gander-ml/gander/nn"
	"github.com/gander-ml/gander/optim"
	"github.com/gander-ml/gander/tensor"
)

// Run with go test -tags mpi ./gan/mpi for a group of one, and with
//
//	go test -tags mpi -c -o mpi.test ./gan/mpi && mpirun -np 3 --oversubscribe ./mpi.test
//
// for more: all processes run the same tests in the same order.

var (
	all     gan.Group
	atLeast = flag.Int("processes", 1, "fail unless there are so many `processes`")
)

func TestMain(m *testing.M) {
	flag.Parse()
	var err error
	if all, err = mpi.Join(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := 1
	if all.Size() >= *atLeast {
		code = m.Run()
	} else {
		fmt.Fprintln(os.Stderr, all.Size(), "processes instead of", *atLeast)
	}
	if err := all.Close(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func TestJoinTwice(t *testing.T) {
	_, err := mpi.Join()
	require.ErrorContains(t, err, "joined already")
}

func TestSum(t *testing.T) {
	n := float64(all.Size())
	for _, length := range []int{0, 1, 7, 1 << 20} {
		x, y := make([]float32, length), make([]float64, length)
		for i := range x {
			x[i] = float32(all.Rank()) + float32(i%5)
			y[i] = 0.1 * float64(all.Rank()+i%3)
		}
		require.NoError(t, all.Sum32(x))
		require.NoError(t, all.Sum64(y))
		ranks := n * (n - 1) / 2
		for i := range x {
			require.Equal(t, float32(ranks+n*float64(i%5)), x[i])
			require.InDelta(t, 0.1*(ranks+n*float64(i%3)), y[i], 1e-12)
		}
	}
	nan := []float32{1, 2}
	if all.Rank() == all.Size()-1 {
		nan[1] = float32(math.NaN())
	}
	require.NoError(t, all.Sum32(nan))
	require.Equal(t, float32(n), nan[0])
	require.NotEqual(t, nan[1], nan[1])
}

func TestBroadcast(t *testing.T) {
	x := make([]byte, 1<<21)
	for i := range x {
		x[i] = byte(i * (all.Rank() + 1))
	}
	require.NoError(t, all.Broadcast(x))
	for i := range x {
		require.Equal(t, byte(i), x[i])
	}
}

// TestTraining: together they train what one of them trains.
func TestTraining(t *testing.T) {
	data := datasets.FromTensor(tensor.NewStream(1, "points").Normal(tensor.Float64, 48, 5), nil)
	train := func(group gan.Group, rank, size int) *gan.Trainer {
		g := nn.Sequential(nn.Linear(3, 16), nn.LeakyReLU(0.2), nn.Linear(16, 5))
		d := nn.Sequential(nn.Linear(5, 16), nn.LeakyReLU(0.2), nn.Linear(16, 1))
		tr, err := gan.New(g, d, gan.Config{
			Latent: 3, DType: tensor.Float64, Seed: 7, EMAHalfLife: 5, FreshLatent: true, Group: group,
			Objective: gan.Relativistic{}, Penalties: []gan.Penalty{gan.R1{Gamma: 1}, gan.R2{Gamma: 1}},
			Optimizer: optim.Adam{LR: 1e-2, Betas: [2]float64{0, 0.9}, Eps: 1e-3},
		})
		require.NoError(t, err)
		loader := datasets.NewLoader(data, 9, datasets.DropLast(), datasets.DType(tensor.Float64), datasets.Shard(rank, size))
		_, err = tr.Fit(context.Background(), loader, gan.Steps(120))
		require.NoError(t, err)
		return tr
	}
	together := train(all, all.Rank(), all.Size())
	alone := train(nil, 0, 1)
	require.InDeltaSlice(t, alone.Sample(9, 1).Float64s(), together.Sample(9, 1).Float64s(), 1e-11)
}

// TestPanicsStay: MPI has not taken the signals by which Go notices a nil pointer.
func TestPanicsStay(t *testing.T) {
	var nobody *struct{ x [1 << 8]int }
	require.Panics(t, func() { nobody.x[7] = 1 })
}
