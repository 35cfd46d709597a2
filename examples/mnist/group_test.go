//go:build !mpi

package main

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/internal/clitest"
)

// A program without MPI says so in one line, before anything is written.
func TestGroupNeedsMPI(t *testing.T) {
	dir := t.TempDir()
	clitest.Fails(t, dir, 1, "mpi: this program was built without MPI; build it with -tags mpi", "-group", "mpi")
	require.NoDirExists(t, dir+"/runs")
}
