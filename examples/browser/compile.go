//go:build !js

package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

// compile makes WebAssembly of this package, and takes what starts it from Go's
// installation. It returns the size of the compressed program.
func compile(ctx context.Context, out string) (size int, err error) {
	_, source, _, ok := runtime.Caller(0)
	if _, err := os.Stat(source); !ok || err != nil {
		return 0, errors.New("the source of this program is not where it was; use go run")
	}
	dir, err := os.MkdirTemp("", "browser")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	program := filepath.Join(dir, "gander.wasm")
	inGo := func(args ...string) (string, error) {
		cmd := exec.CommandContext(ctx, "go", args...)
		cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) } // it cleans up
		cmd.Dir = filepath.Dir(source)
		cmd.Env = append(os.Environ(), "GOOS=js", "GOARCH=wasm")
		output, err := cmd.Output()
		if exit := (*exec.ExitError)(nil); ctx.Err() != nil {
			err = context.Cause(ctx)
		} else if errors.As(err, &exit) {
			err = fmt.Errorf("go %s: %w: %s", args[0], err, strings.TrimSpace(string(exit.Stderr)))
		}
		return strings.TrimSpace(string(output)), err
	}
	root, err := inGo("env", "GOROOT")
	if err != nil {
		return 0, err
	}
	if _, err := inGo("build", "-trimpath", "-buildvcs=false", "-ldflags", "-s -w", "-o", program, "."); err != nil {
		return 0, err
	}
	starter, err := os.ReadFile(filepath.Join(root, "lib", "wasm", "wasm_exec.js"))
	if err != nil {
		return 0, err
	}
	content, err := os.ReadFile(program)
	if err != nil {
		return 0, err
	}
	if !isWhole(content) {
		return 0, errors.New("go build has written a part of the program only; is the disk of the folder for temporary files full?")
	}
	var packed bytes.Buffer
	z, _ := gzip.NewWriterLevel(&packed, gzip.BestCompression) // a level that there is
	z.Write(content)                                           // to memory: no error
	z.Close()
	return packed.Len(), errors.Join(
		os.WriteFile(filepath.Join(out, "wasm_exec.js"), starter, 0o644),
		os.WriteFile(filepath.Join(out, "gander.wasm.gz"), packed.Bytes(), 0o644))
}

// isWhole reports whether a WebAssembly program is as long as its sections say, and has
// the one that comes last, of data. Go's linker (1.26) does not notice a full disk.
func isWhole(program []byte) bool {
	const data = 11
	last := byte(0)
	rest, ok := bytes.CutPrefix(program, []byte("\x00asm\x01\x00\x00\x00"))
	for ok && len(rest) > 0 {
		kind := rest[0]
		size, n := binary.Uvarint(rest[1:])
		if n <= 0 || size > uint64(len(rest)-1-n) {
			return false
		}
		if kind != 0 { // which are notes, for debuggers
			last = kind
		}
		rest = rest[1+n+int(size):]
	}
	return ok && last == data
}
