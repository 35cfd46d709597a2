//go:build unix

package imagefolder_test

import (
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// special makes a pipe at path, which nobody ever writes to.
func special(t *testing.T, path string) {
	t.Helper()
	require.NoError(t, syscall.Mkfifo(path, 0o644))
}
