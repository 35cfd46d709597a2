// Package atomicfile writes files as a whole, and opens files that are files.
//
// # What is there after a failure
//
// [Write] goes through a new file in the same folder, which is flushed to the
// disk, renamed to the path, and the folder flushed too. So there is at path
//
//	after success                        the new contents, also after a power cut
//	when the contents cannot be made     what was there before, and an error
//	when the disk is full or fails       what was there before, and an error
//	when the process is killed           what was there before, or the new contents;
//	                                     never a mixture
//	when the power is cut                the same
//	when flushing the folder fails       the new contents, and an error, since a
//	                                     power cut may bring the old ones back
//
// A reader finds the old contents or the new ones at any time. Of several
// writers, each writes all of its contents, and the last to finish is the one
// whose are there. A new file that a killed writer left behind is removed by the
// next [Write] to the same path, by [Writable] and by [Clean].
package atomicfile

import (
	"bufio"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// Write makes path a file of what write produces. A new file has permissions
// 0644 less the umask; one that replaces another has that one's. A symbolic link
// is followed: the file that it leads to is replaced.
//
// What is not a regular file is never replaced. A pipe, a terminal or a device
// such as /dev/null gets the contents written through, which is not atomic; a
// pipe that nobody reads is an error. A folder is an error.
func Write(path string, write func(io.Writer) error) error {
	if err := writeTo(path, write); err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	return nil
}

func writeTo(path string, write func(io.Writer) error) error {
	target, through, err := resolve(path)
	if err != nil {
		return err
	}
	if through {
		return writeThrough(path, write)
	}
	return replace(target, write)
}

// maxLinks is the number of symbolic links that are followed, as on Linux.
const maxLinks = 40

// resolve follows symbolic links from path to the name that is to be replaced,
// which need not exist yet. through says that there is something else than a
// file, or the handle of an open file, such as /dev/stdout.
func resolve(path string) (target string, through bool, err error) {
	target = path
	for range maxLinks {
		info, err := os.Lstat(target)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return target, false, nil
		case err != nil:
			return "", false, err
		case info.Mode()&fs.ModeSymlink == 0:
			if info.IsDir() {
				return "", false, Regular(target, info)
			}
			return target, !info.Mode().IsRegular(), nil
		}
		next, err := os.Readlink(target)
		if err != nil {
			return "", false, err
		}
		if !filepath.IsAbs(next) {
			next = folderOf(target) + next
		}
		if folder, err := filepath.EvalSymlinks(folderOf(target)); err == nil && strings.HasPrefix(folder, "/proc/") {
			return target, true, nil
		}
		target = next
	}
	return "", false, &fs.PathError{Op: "open", Path: path, Err: errors.New("too many symbolic links")}
}

// writeThrough writes to what is not a regular file.
func writeThrough(path string, write func(io.Writer) error) (err error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|nonBlock, 0)
	if isUnread(err) {
		return fmt.Errorf("nobody reads it: %w", err)
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	buffer := bufio.NewWriterSize(f, 1<<16)
	if err := write(buffer); err != nil {
		return err
	}
	return buffer.Flush()
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

// OpenFS is [Open] of a file of fsys, which may be a folder of the system
// ([os.DirFS]).
func OpenFS(fsys fs.FS, name string) (fs.File, error) {
	info, err := fs.Stat(fsys, name)
	if err == nil {
		err = Regular(name, info)
	}
	if err != nil {
		return nil, err
	}
	return fsys.Open(name)
}

// ErrLocked says that somebody else has the lock of a file.
var ErrLocked = errors.New("locked by another process")

// OpenLocked opens a regular file for reading and writing, and takes its lock,
// which ends when the file is closed or the process ends. The file is made if
// there is none. A symbolic link is not followed: it is an error, as is whatever
// else is not a regular file. The error wraps [ErrLocked] if somebody else has the
// lock, in this process or another one. On systems without locks it always
// succeeds.
func OpenLocked(path string) (*os.File, error) {
	for {
		f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|noFollow|nonBlock, 0o644)
		if err != nil {
			if info, e := os.Lstat(path); e == nil && !info.Mode().IsRegular() {
				return nil, Regular(path, info)
			}
			return nil, err
		}
		info, err := os.Lstat(path)
		switch {
		case errors.Is(err, fs.ErrNotExist): // removed meanwhile
			f.Close()
			continue
		case err == nil:
			err = Regular(path, info)
		}
		if err == nil && lock(f) == ErrLocked {
			err = fmt.Errorf("%s is %w", path, ErrLocked)
		}
		if err != nil {
			f.Close()
			return nil, err
		}
		if sameFile(f, path) {
			return f, nil
		}
		f.Close() // it was replaced before it was locked
	}
}

// ErrNotRegular is wrapped by the errors about paths at which there is
// something else than a regular file.
var ErrNotRegular = errors.New("not a regular file")

// notRegularError says what there is in place of a regular file. It wraps
// [ErrNotRegular].
type notRegularError struct {
	Path string
	Kind string // "a pipe"
}

func (e *notRegularError) Error() string {
	return fmt.Sprintf("%s is %s, %v", e.Path, e.Kind, ErrNotRegular)
}

func (e *notRegularError) Unwrap() error { return ErrNotRegular }

// Bare returns the reason of an error about a file without the file's name, which
// whoever tells of the error has told already.
func Bare(err error) error {
	var p *fs.PathError
	var n *notRegularError
	switch {
	case errors.As(err, &n):
		return fmt.Errorf("it is %s, %w", n.Kind, ErrNotRegular)
	case errors.As(err, &p):
		return p.Err
	}
	return err
}

// Regular returns an error that wraps [ErrNotRegular] and says what there is at path,
// unless that is a regular file.
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
	case mode&fs.ModeSymlink != 0:
		kind = "a symbolic link"
	default:
		kind = mode.Type().String()
	}
	return &notRegularError{path, kind}
}

// Writable makes a folder and sees whether files can be written there, so that
// work whose results are to go there does not start in vain. It removes what
// killed writers left there.
func Writable(folder string) error {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	f, err := create(folder, "")
	if err != nil {
		return fmt.Errorf("the folder cannot be written to: %w", err)
	}
	err = os.Remove(f.Name())
	f.Close()
	Clean(folder)
	return err
}

// Clean removes what killed writers left in a folder. Files that somebody is
// writing stay, and so does what cannot be removed.
func Clean(folder string) { clean(folder, "") }

func replace(path string, write func(io.Writer) error) (err error) {
	folder := folderOf(path)
	prefix := leftoverPrefix(path)
	clean(folder, prefix)
	f, err := create(folder, prefix)
	switch {
	case errors.Is(err, fs.ErrNotExist): // of a name that the caller has never heard of
		return &fs.PathError{Op: "there is no folder", Path: folder, Err: fs.ErrNotExist}
	case err != nil:
		return err
	}
	defer func() {
		if p := (*fs.PathError)(nil); errors.As(err, &p) && p.Path == f.Name() {
			err = p.Err // nobody has heard of that name
		}
	}()
	renamed := false
	defer func() { // also when write panics
		if !renamed {
			os.Remove(f.Name()) // while the lock is held
			f.Close()
			os.Remove(f.Name()) // for systems that do not remove open files
		}
	}()
	buffer := bufio.NewWriterSize(f, 1<<16)
	if err := write(buffer); err != nil {
		return err
	}
	if err := buffer.Flush(); err != nil {
		return err
	}
	if old, err := os.Stat(path); err == nil {
		if now, err := f.Stat(); err == nil && now.Mode() != old.Mode() {
			if err := f.Chmod(old.Mode().Perm()); err != nil {
				return err
			}
		}
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := closeBeforeRename(f); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	renamed = true
	f.Close()
	return syncFolder(folder)
}

// folderOf returns the folder of a name as the system sees it: unlike
// [filepath.Dir], it does not take "link/.." for nothing.
func folderOf(path string) string {
	if folder, _ := filepath.Split(path); folder != "" {
		return folder
	}
	return "." + string(filepath.Separator)
}

// New files are named .HASH-RANDOM.gander-tmp, in which HASH stands for the
// final name: the name itself may be too long to have something added.
const suffix = ".gander-tmp"

// leftoverPrefix is what the names of new files for path begin with.
func leftoverPrefix(path string) string {
	return fmt.Sprintf(".%08x-", crc32.ChecksumIEEE([]byte(filepath.Base(path))))
}

// within returns the path of a name in a folder, which is not cleaned.
func within(folder, name string) string {
	if filepath.VolumeName(folder) == folder || os.IsPathSeparator(folder[len(folder)-1]) {
		return folder + name
	}
	return folder + string(filepath.Separator) + name
}

// create opens a file of a new name and locks it. os.CreateTemp would give it
// permissions that shut other users out for ever.
func create(folder, prefix string) (*os.File, error) {
	if prefix == "" {
		prefix = leftoverPrefix("")
	}
	for try := 0; ; try++ {
		name := within(folder, fmt.Sprintf("%s%016x%s", prefix, rand.Uint64(), suffix))
		f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
		if err != nil {
			if errors.Is(err, fs.ErrExist) && try < 100 {
				continue
			}
			return nil, &fs.PathError{Op: "making a file in", Path: filepath.Clean(folder), Err: Bare(err)}
		}
		// Somebody may take it for a leftover before it is locked.
		if lock(f) != ErrLocked && sameFile(f, name) {
			return f, nil
		}
		f.Close()
		if try == 100 {
			return nil, fmt.Errorf("files of new names vanish from %s", folder)
		}
	}
}

// clean removes the new files of killed writers whose names begin with prefix.
// What cannot be removed stays.
func clean(folder, prefix string) {
	d, err := os.Open(folder)
	if err != nil {
		return
	}
	defer d.Close()
	for {
		names, err := d.Readdirnames(256)
		for _, name := range names {
			if strings.HasPrefix(name, prefix) && ours(name) {
				removeLeftover(within(folder, name))
			}
		}
		if err != nil {
			return
		}
	}
}

// ours reports whether a name is one that create makes up.
func ours(name string) bool {
	middle, ok := strings.CutSuffix(name, suffix)
	if !ok || len(middle) != len(".12345678-1234567812345678") || middle[0] != '.' || middle[9] != '-' {
		return false
	}
	return strings.Trim(middle[1:9]+middle[10:], "0123456789abcdef") == ""
}

// sameFile reports whether an open file is still the one at path.
func sameFile(f *os.File, path string) bool {
	a, errA := f.Stat()
	b, errB := os.Lstat(path)
	return errA == nil && errB == nil && os.SameFile(a, b)
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
