package mpi

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCount(t *testing.T) {
	for list, n := range map[string]int{"0": 1, "0-3": 4, "0-3,8": 5, "0,2,4-5": 4, "": 0, "x": 0, "0-y": 0} {
		require.Equal(t, n, count(list), list)
	}
}
