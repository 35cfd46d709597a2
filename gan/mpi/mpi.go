//go:build !mpi

package mpi

import (
	"errors"

	"github.com/gander-ml/gander/gan"
)

// Join makes this process a member of the group that mpirun, srun or an MPIJob has
// started: alone it is a group of one. Leave it with Close. A program may join once.
// Without the build tag mpi, Join returns an error that says so.
func Join() (gan.Group, error) {
	return nil, errors.New("mpi: this program was built without MPI; build it with -tags mpi (and the tag mpich for MPICH), on a machine with MPI's headers")
}
