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
	info, ok := debug.ReadBuildInfo()
	if !ok {
		info = new(debug.BuildInfo)
	}
	status, err := withHTTP(info)
	if err != nil {
		complain(fmt.Errorf("%w, and could not be compiled anew: %w; build it with -tags %s", errNoHTTP, err, tagsOf(info)))
		status = 1
	}
	os.Exit(status)
}

// withHTTP runs the program of that build with package net/http and returns its exit
// status.
func withHTTP(info *debug.BuildInfo) (status int, err error) {
	if info.Path == "" {
		return 0, errors.New("nothing is known of how it was built")
	}
	if *group != "none" {
		return 0, errors.New("each process of the group would do so")
	}
	fmt.Fprintf(os.Stderr, "%s: compiling the program with package net/http, which -http and -download need\n", name)
	dir, err := os.MkdirTemp("", name+"-http-")
	if err != nil {
		return 0, fmt.Errorf("there is no place for it: %w", err)
	}
	defer os.RemoveAll(dir)
	// Ctrl-C, and what is sent when the terminal closes, reach that program, too: it is
	// the one to save and stop. SIGTERM, which comes to this process alone, is handed on.
	ctx, stop := gan.Signals(context.Background())
	defer stop()
	build := exec.CommandContext(ctx, "go", buildArgs(info, dir+"/")...)
	build.Cancel = func() error { return build.Process.Signal(os.Interrupt) }
	build.Stdout, build.Stderr = os.Stderr, os.Stderr
	switch err := build.Run(); {
	case ctx.Err() != nil:
		return gan.ExitStatus(context.Cause(ctx)), nil
	case errors.As(err, new(*exec.ExitError)):
		return 0, fmt.Errorf("go build, whose words are above, ended with %w (it has to run in the folder of the module)", err)
	case err != nil:
		return 0, fmt.Errorf("the go command does not run: %w", err)
	}
	run := exec.Command(filepath.Join(dir, path.Base(info.Path)))
	run.Args = os.Args // so that what it advises is a command of this program
	run.Stdin, run.Stdout, run.Stderr = os.Stdin, os.Stdout, os.Stderr
	if err := run.Start(); err != nil {
		return 0, fmt.Errorf("it is compiled and does not run: %w", err)
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

var errNoHTTP = errors.New("-http and -download need package net/http; this program was built without it")

// buildArgs are the arguments of the go command that compiles the program of that
// build, with its tags and http, into a folder.
func buildArgs(info *debug.BuildInfo, dir string) []string {
	return []string{"build", "-tags", tagsOf(info), "-o", dir, info.Path}
}

// tagsOf are the tags of a build, and http.
func tagsOf(info *debug.BuildInfo) string {
	tags := "http"
	for _, s := range info.Settings {
		if s.Key == "-tags" {
			tags += "," + s.Value
		}
	}
	return tags
}

func fetched(context.Context) (string, error) { return "", errNoHTTP }

func served(recipe.Recipe) (*page, error) { return nil, nil }
