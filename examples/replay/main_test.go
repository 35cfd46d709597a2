package main

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/datasets"
	"github.com/gander-ml/gander/gan"
	"github.com/gander-ml/gander/gan/recipe"
	"github.com/gander-ml/gander/internal/clitest"
	"github.com/gander-ml/gander/nn"
)

func TestMain(m *testing.M) { os.Exit(clitest.Main(m, main)) }

func TestReplay(t *testing.T) {
	r := recipe.Ring()
	g, d := r.Networks()
	trainer, err := gan.New(g, d, r.Config())
	require.NoError(t, err)
	for _, p := range nn.Params(d) {
		if p.Name == "3.bias" || p.Name == "3.weight" {
			p.Param.Value().Fill(1e38)
		}
	}
	dir := t.TempDir()
	_, err = trainer.Fit(context.Background(), datasets.Synthetic{From: datasets.Ring(), Batch: 8, PerEpoch: 5, Seed: 1},
		gan.RecordFailure(filepath.Join(dir, "failure.safetensors")))
	require.ErrorContains(t, err, "what led to it is in ")

	run := clitest.Run(t, dir, "-preset", "ring", "failure.safetensors")
	require.Zero(t, run.Status, run.Errors)
	require.Regexp(t, `(?s)^discriminator, layer \d+ Linear, (forward|backward): .*\n  input 0  \[.*\n  result   \[.* not finite\n$`, run.Out)

	clitest.FullDisk(t, dir, "-preset", "ring", "failure.safetensors")
	clitest.Fails(t, dir, 1, "optimizer.lr was 0.002 and is 0.1", "-preset", "ring", "-lr", "0.1", "failure.safetensors")
	clitest.Fails(t, dir, 1, "does not fit", "failure.safetensors")
	clitest.Fails(t, dir, 1, "nothing.safetensors", "nothing.safetensors")
	clitest.Fails(t, dir, 1, "does not fit", "-preset", "pocket", "failure.safetensors")
	clitest.Fails(t, dir, 2, `there is no preset "pong"`, "-preset", "pong", "failure.safetensors")
	clitest.Fails(t, dir, 2, "give one file, after the flags of the run")
	clitest.Fails(t, dir, 2, "give one file, after the flags of the run", "failure.safetensors", "-lr", "0.1")
	for _, latent := range []string{"0", "-1", "9223372036854775807"} {
		clitest.Fails(t, dir, 2, "-latent must lie between", "-latent", latent, "failure.safetensors")
	}
	clitest.Fails(t, dir, 2, "-steps be at least 1", "-steps", "0", "failure.safetensors")
	for _, lr := range []string{"0", "NaN", "2"} {
		clitest.Fails(t, dir, 2, "-lr must lie between 0 and 1", "-lr", lr, "failure.safetensors")
	}
}
