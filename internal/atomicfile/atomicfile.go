// Package atomicfile replaces a file as a whole: a reader, a crash or a full
// disk finds either the old contents or the new ones, never a mixture.
package atomicfile

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"syscall"
)

// Write makes path a file of what write produces, with permissions 0644 less
// the umask. The contents go through a buffer to a new file in path's folder,
// which is flushed to the disk and then renamed to path; a symbolic link at
// path is replaced, not followed. When write or any step fails, or write
// panics, path is as it was and the new file is gone. Only the last step,
// flushing the folder so that the new name survives a power cut, comes after
// the rename.
func Write(path string, write func(io.Writer) error) error {
	if err := replace(path, write); err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	return nil
}

// Open opens a file for reading, if it is a regular one or a link to such. A
// pipe or a device is refused before it is opened, since opening a pipe waits
// for whoever writes to it, and a device may have no end.
func Open(path string) (*os.File, error) {
	for {
		info, err := os.Stat(path)
		if err != nil {
			return nil, err
		}
		if err := Regular(path, info); err != nil {
			return nil, err
		}
		f, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		opened, err := f.Stat()
		if err == nil && os.SameFile(info, opened) {
			return f, nil
		}
		f.Close() // it was replaced meanwhile
		if err != nil {
			return nil, err
		}
	}
}

// ErrNotRegular is wrapped by the errors about paths where there is something
// else than a regular file.
var ErrNotRegular = errors.New("not a regular file")

// Regular returns an error that says what there is at path, unless that is a
// regular file.
func Regular(path string, info fs.FileInfo) error {
	kind := ""
	switch mode := info.Mode(); {
	case mode.IsRegular():
		return nil
	case mode.IsDir():
		kind = "a folder"
	case mode&fs.ModeNamedPipe != 0:
		kind = "a pipe"
	case mode&fs.ModeSocket != 0:
		kind = "a socket"
	case mode&fs.ModeDevice != 0:
		kind = "a device"
	default:
		kind = mode.Type().String()
	}
	return fmt.Errorf("%s is %s, %w", path, kind, ErrNotRegular)
}

// Writable makes a folder and sees whether files can be written there, so that
// work whose results are to go there does not start in vain.
func Writable(folder string) error {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	f, err := create(folder)
	if err != nil {
		return fmt.Errorf("the folder cannot be written to: %w", err)
	}
	f.Close()
	return os.Remove(f.Name())
}

func replace(path string, write func(io.Writer) error) error {
	folder := filepath.Dir(path)
	f, err := create(folder)
	if err != nil {
		return err
	}
	renamed := false
	defer func() { // also when write panics
		if !renamed {
			f.Close()
			os.Remove(f.Name())
		}
	}()
	buffer := bufio.NewWriterSize(f, 1<<16)
	if err := write(buffer); err != nil {
		return err
	}
	if err := buffer.Flush(); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	renamed = true
	return syncFolder(folder)
}

// create opens a file of a new name. os.CreateTemp would give it permissions
// that shut other users out for ever.
func create(folder string) (*os.File, error) {
	for try := 0; ; try++ {
		name := filepath.Join(folder, fmt.Sprintf(".%016x.tmp", rand.Uint64()))
		f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
		if err == nil || !errors.Is(err, fs.ErrExist) || try == 100 {
			return f, err
		}
	}
}

// syncFolder flushes the list of names to the disk. Some systems cannot open a
// folder or flush it, and need not.
func syncFolder(folder string) error {
	f, err := os.Open(folder)
	if err != nil {
		return nil
	}
	defer f.Close()
	err = f.Sync()
	if errors.Is(err, errors.ErrUnsupported) || errors.Is(err, syscall.EINVAL) || errors.Is(err, fs.ErrPermission) {
		return nil
	}
	return err
}
