//go:build !http

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"runtime/debug"

	"github.com/gander-ml/gander/gan/recipe"
)

// again runs the program once more, with the same flags, as it is with the build tag
// http, if one of the flags needs package net/http, and ends with its status. With that
// package in it, everybody would wait nearly twice as long for the first run to be
// compiled.
func again() {
	if *address == "" && !*fetch {
		return
	}
	info, ok := debug.ReadBuildInfo()
	if *group != "none" || !ok {
		complain(errNoHTTP)
		os.Exit(1)
	}
	fmt.Fprintf(os.Stderr, "%s: compiling package net/http for -http and -download, as go run -tags http does\n", name)
	cmd := exec.Command("go", withHTTP(info, os.Args[1:])...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	signal.Notify(make(chan os.Signal, 1), os.Interrupt) // which Ctrl-C sends to that program, too
	err := cmd.Run()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		complain(fmt.Errorf("%w: %w", errNoHTTP, err))
		os.Exit(1)
	}
	os.Exit(cmd.ProcessState.ExitCode())
}

var errNoHTTP = errors.New("this program was built without package net/http, which -http and -download need; build it with -tags http")

// withHTTP are the arguments of the go command that runs the program of that
// build, with its tags and http.
func withHTTP(info *debug.BuildInfo, args []string) []string {
	tags := "http"
	for _, s := range info.Settings {
		if s.Key == "-tags" {
			tags += "," + s.Value
		}
	}
	return append([]string{"run", "-tags", tags, info.Path}, args...)
}

func fetched(context.Context) (string, error) { return "", errNoHTTP }

func served(recipe.Recipe) (*page, error) { return nil, nil }
