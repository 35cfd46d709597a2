//go:build !http

package main

import (
	"runtime/debug"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/internal/clitest"
)

// A program without package net/http compiles itself with it, under the tags that it
// was built with.
func TestAgain(t *testing.T) {
	info := &debug.BuildInfo{Path: "example.org/copied/mnist"}
	require.Equal(t, []string{"build", "-tags", "http", "-o", "here", "example.org/copied/mnist"}, buildArgs(info, "here"))
	info.Settings = []debug.BuildSetting{{Key: "-compiler", Value: "gc"}, {Key: "-tags", Value: "purego,cuda"}}
	require.Equal(t, []string{"build", "-tags", "http,purego,cuda", "-o", "here", "example.org/copied/mnist"}, buildArgs(info, "here"))

	dir := t.TempDir()
	clitest.Fails(t, dir, 1, "build it with -tags http", "-http", "localhost:0", "-group", "mpi")
	t.Setenv("PATH", "")
	r := clitest.Run(t, dir, "-http", "localhost:0")
	require.Equal(t, 1, r.Status)
	require.Contains(t, r.Errors, "build it with -tags http")
	require.Empty(t, clitest.Files(t, dir))
}
