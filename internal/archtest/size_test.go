package archtest

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Nothing that everybody downloads with the module is larger than 2 MB, as a program
// that somebody has built and added by mistake would be.
func TestNoLargeFiles(t *testing.T) {
	const most = 2 << 20
	if _, err := os.Lstat(filepath.Join(root, ".git")); err != nil {
		t.Skip("this is no clone")
	}
	list, err := exec.Command("git", "-C", root, "ls-files", "-z").Output()
	if err != nil {
		t.Skip("git does not tell which files there are:", err)
	}
	names := strings.Split(strings.TrimSuffix(string(list), "\x00"), "\x00")
	require.Contains(t, names, "go.mod")
	for _, name := range names {
		if info, err := os.Lstat(filepath.Join(root, filepath.FromSlash(name))); err == nil {
			require.LessOrEqual(t, info.Size(), int64(most), name)
		}
	}
}
