//go:build !http

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"runtime/debug"
	"syscall"

	"github.com/gander-ml/gander/gan"
	"github.com/gander-ml/gander/gan/recipe"
)

// again compiles the program with the build tag http, if one of the flags needs package
// net/http, lets that one do the work, and ends with its status. With that package in
// it, everybody would wait half as long again for the first run to be compiled.
func again() {
	if *address == "" && !*fetch {
		return
	}
	status, err := withHTTP()
	if err != nil {
		complain(fmt.Errorf("%w: %w", errNoHTTP, err))
		status = 1
	}
	os.Exit(status)
}

// withHTTP runs the program with package net/http and returns its exit status.
func withHTTP() (status int, err error) {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return 0, errors.New("nothing is known of how it was built")
	}
	if *group != "none" {
		return 0, errors.New("each process of a group would compile it")
	}
	fmt.Fprintf(os.Stderr, "%s: compiling package net/http for -http and -download, as the tag http does\n", name)
	dir, err := os.MkdirTemp("", name+"-http-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	// Ctrl-C, and what is sent when the terminal closes, reach that program, too: it is
	// the one to save and stop. SIGTERM, which comes to this process alone, is handed on.
	ctx, stop := gan.Signals(context.Background())
	defer stop()
	build := exec.Command("go", buildArgs(info, dir+"/")...)
	build.Stdout, build.Stderr = os.Stderr, os.Stderr
	if err := build.Run(); err != nil {
		return 0, err
	}
	run := exec.Command(filepath.Join(dir, path.Base(info.Path)))
	run.Args = os.Args // so that what it advises is a command of this program
	run.Stdin, run.Stdout, run.Stderr = os.Stdin, os.Stdout, os.Stderr
	if err := run.Start(); err != nil {
		return 0, err
	}
	context.AfterFunc(ctx, func() {
		if gan.ExitStatus(context.Cause(ctx)) == 143 {
			run.Process.Signal(syscall.SIGTERM)
		}
	})
	err = run.Wait()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		return 0, err
	}
	if status = run.ProcessState.ExitCode(); status < 0 { // a signal, that nobody has told this process of, has ended it
		complain(fmt.Errorf("the program with package net/http: %w", err))
		status = 1
	}
	return status, nil
}

var errNoHTTP = errors.New("this program was built without package net/http, which -http and -download need; build it with -tags http")

// buildArgs are the arguments of the go command that compiles the program of that
// build, with its tags and http, into a folder.
func buildArgs(info *debug.BuildInfo, dir string) []string {
	tags := "http"
	for _, s := range info.Settings {
		if s.Key == "-tags" {
			tags += "," + s.Value
		}
	}
	return []string{"build", "-tags", tags, "-o", dir, info.Path}
}

func fetched(context.Context) (string, error) { return "", errNoHTTP }

func served(recipe.Recipe) (*page, error) { return nil, nil }
