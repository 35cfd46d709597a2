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
// http, if one of the flags needs package net/http. That package takes as long to
// compile as Gander; most runs do without.
func again() (status int, done bool) {
	if *address == "" && !*fetch {
		return 0, false
	}
	info, ok := debug.ReadBuildInfo()
	if *group != "none" || !ok {
		fmt.Fprintf(os.Stderr, "%s: %v\n", name, errNoHTTP)
		return 1, true
	}
	fmt.Fprintf(os.Stderr, "%s: -http and -download need a program with package net/http: go run -tags http compiles it\n", name)
	cmd := exec.Command("go", withHTTP(info, os.Args[1:])...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	signal.Notify(make(chan os.Signal, 1), os.Interrupt) // which Ctrl-C sends to that program, too
	err := cmd.Run()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		fmt.Fprintf(os.Stderr, "%s: %v: %v\n", name, errNoHTTP, err)
		return 1, true
	}
	return cmd.ProcessState.ExitCode(), true
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
