package download

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/gander-ml/gander/internal/atomicfile"
	"github.com/gander-ml/gander/internal/excerpt"
	"github.com/gander-ml/gander/internal/mnist"
)

// Options are the settings of [MNIST]. The zero value is what
// most programs want.
type Options struct {
	// Dir is the folder for the files; "" means gander/mnist in the user's
	// cache folder ([os.UserCacheDir]). It is created if it is missing.
	Dir string
	// Mirrors are the URLs of folders with the files, tried in this order; nil
	// means the two public ones that TensorFlow and PyTorch use.
	Mirrors []string
	// Client does the requests; nil means [http.DefaultClient].
	Client *http.Client
	// Timeout ends an attempt when nothing has arrived for so long; 0 means 15
	// seconds. A slow download that goes on may take any time: that is for ctx
	// to limit.
	Timeout time.Duration
}

// mirrors are the mirrors of Options.
var mirrors = []string{
	"https://storage.googleapis.com/cvdf-datasets/mnist/",
	"https://ossci-datasets.s3.amazonaws.com/mnist/",
}

// MNIST makes sure that a folder holds the four files of MNIST, 11 MB,
// and returns that folder, for [datasets.MNIST] to read. What is there already and has
// the right content is not fetched again.
//
// A file counts by the SHA-256 of its content and appears only when that is
// right. A file under one of MNIST's names with other content is never replaced:
// it may be your own, and is an error. An interrupted download goes on, at the
// next mirror or the next call, from the part that has arrived. Several calls,
// also of several processes, may share a folder: one fetches a file, the others
// wait for it. A redirect from https to http is refused. The error of a file that
// no mirror delivered tells what went wrong at each; when ctx ends, the error is
// ctx's.
func MNIST(ctx context.Context, options Options) (dir string, err error) {
	if options.Dir == "" {
		cache, err := os.UserCacheDir()
		if err != nil {
			return "", fmt.Errorf("download: MNIST: no folder given, and no cache folder: %w", err)
		}
		options.Dir = filepath.Join(cache, "gander", "mnist")
	}
	if options.Mirrors == nil {
		options.Mirrors = mirrors
	}
	for _, split := range mnist.Files {
		for _, f := range split {
			if err := options.provide(ctx, file{f}); err != nil {
				return "", fmt.Errorf("download: MNIST: %w", err)
			}
		}
	}
	return options.Dir, nil
}

// file is a file that may have to be fetched.
type file struct{ mnist.File }

// errContent says that what arrived is not the file, so that nothing of it is
// worth keeping.
var errContent = errors.New("wrong content")

// provide makes sure that the folder holds the file.
func (o Options) provide(ctx context.Context, f file) error {
	if there, err := f.there(o.Dir); there || err != nil {
		return err
	}
	if err := os.MkdirAll(o.Dir, 0o755); err != nil {
		return err
	}
	path := filepath.Join(o.Dir, f.Name+".gz")
	part, err := lockPart(ctx, path+".part")
	if err != nil {
		return err
	}
	defer part.close()
	if there, err := f.there(o.Dir); there || err != nil {
		return err // somebody else has fetched it meanwhile
	}
	if len(o.Mirrors) == 0 {
		return fmt.Errorf("%s.gz is not in %s, and there are no mirrors to fetch it from; leave Mirrors nil for the public ones", f.Name, o.Dir)
	}
	var failures []error
	for _, mirror := range o.Mirrors {
		address, err := url.JoinPath(mirror, f.Name+".gz")
		if err == nil {
			err = o.deliver(ctx, address, part.File, path, f)
		}
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		failures = append(failures, fmt.Errorf("%s: %w", address, excerpt.Error(err)))
	}
	return fmt.Errorf("no mirror delivered %s.gz; without a network, put the four files into a folder"+
		" for MNIST to read, or use the digits that the package datasets/digits embeds:\n%w",
		f.Name, errors.Join(failures...))
}

// there reports whether a folder has the file. It is an error if it has
// something else under one of the file's names, which [datasets.MNIST] would read.
func (f file) there(dir string) (bool, error) {
	name, err := f.Find(os.DirFS(dir), dir)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	path := filepath.Join(dir, name)
	r, err := atomicfile.Open(path)
	if err != nil {
		return false, err
	}
	defer r.Close()
	if err := f.Verify(r); err != nil {
		return false, fmt.Errorf("%s is there and is not MNIST's file, so it is kept; move it away, or choose another folder: %w", path, err)
	}
	return true, nil
}

// partFile is what has arrived of a file, locked against other callers.
type partFile struct{ *os.File }

// lockPart opens a part, which it makes if there is none, and waits while
// somebody else has it.
func lockPart(ctx context.Context, path string) (partFile, error) {
	for {
		f, err := atomicfile.OpenLocked(path)
		if !errors.Is(err, atomicfile.ErrLocked) {
			return partFile{f}, err
		}
		select {
		case <-ctx.Done():
			return partFile{}, context.Cause(ctx)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// close lets go of a part, and removes it if nothing has arrived.
func (p partFile) close() {
	info, err := p.Stat()
	empty := err == nil && info.Size() == 0
	removed := empty && os.Remove(p.Name()) == nil // while nobody else can have it
	p.Close()
	if empty && !removed {
		os.Remove(p.Name()) // some systems do not remove open files
	}
}

// deliver fetches the file from one mirror. If a part was there to begin with
// and the whole turns out wrong, it starts over once.
func (o Options) deliver(ctx context.Context, address string, part *os.File, path string, f file) error {
	for {
		resumed, err := o.fetch(ctx, address, part, f)
		if err == nil {
			err = f.accept(part, path)
		}
		if !errors.Is(err, errContent) {
			return err
		}
		if e := part.Truncate(0); e != nil {
			return errors.Join(err, e)
		}
		if !resumed {
			return err
		}
	}
}

// fetch appends to part what is missing of the file, or writes all of it if the
// mirror sends all.
func (o Options) fetch(ctx context.Context, address string, out *os.File, f file) (resumed bool, err error) {
	have, err := out.Seek(0, io.SeekEnd)
	if err != nil {
		return false, err
	}

	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	timeout := o.Timeout
	if timeout == 0 {
		timeout = 15 * time.Second
	}
	watchdog := time.AfterFunc(timeout, func() {
		cancel(fmt.Errorf("nothing arrived for %v: %w", timeout, os.ErrDeadlineExceeded))
	})
	defer watchdog.Stop()

	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return false, err
	}
	request.Header.Set("Accept-Encoding", "identity") // ranges count the bytes of the file itself
	if have > 0 {
		request.Header.Set("Range", fmt.Sprintf("bytes=%d-", have))
	}
	response, err := o.client().Do(request)
	if err != nil {
		return false, networkError(ctx, err)
	}
	defer response.Body.Close()

	switch status := response.StatusCode; {
	case have > 0 && status == http.StatusPartialContent:
		var first int64
		got := response.Header.Get("Content-Range")
		if _, err := fmt.Sscanf(got, "bytes %d-", &first); err != nil || first != have {
			return true, fmt.Errorf("%w: asked for the bytes from %d on, got %s", errContent, have, excerpt.Quote(got))
		}
	case have > 0 && status == http.StatusRequestedRangeNotSatisfiable:
		return true, nil // nothing is missing, unless the part is wrong
	case status == http.StatusOK:
		have = 0
		if err := out.Truncate(0); err != nil {
			return false, err
		}
		if _, err := out.Seek(0, io.SeekStart); err != nil {
			return false, err
		}
	default:
		return false, fmt.Errorf("HTTP status %s", response.Status)
	}
	limit := f.largest() - have
	n, err := io.Copy(out, io.LimitReader(&watched{response.Body, watchdog, timeout}, limit+1))
	if err != nil {
		return have > 0, networkError(ctx, err)
	}
	if n > limit {
		return have > 0, fmt.Errorf("%w: more than %d bytes", errContent, f.largest())
	}
	return have > 0, nil
}

// client returns the client of the requests. It does not go from https to http,
// which would let anybody on the way choose what arrives.
func (o Options) client() *http.Client {
	client := *http.DefaultClient
	if o.Client != nil {
		client = *o.Client
	}
	own := client.CheckRedirect
	client.CheckRedirect = func(next *http.Request, via []*http.Request) error {
		switch last := via[len(via)-1]; {
		case last.URL.Scheme == "https" && next.URL.Scheme != "https":
			return fmt.Errorf("a redirect from https to %s is not followed", excerpt.Name(next.URL.Scheme))
		case own != nil:
			return own(next, via)
		case len(via) >= 10:
			return errors.New("there are more than ten redirects")
		}
		return nil
	}
	return &client
}

// networkError returns the cause of a request's error: the reason why it was given
// up, or the error without the address, which the caller adds.
func networkError(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

// watched puts the watchdog off whenever something arrives.
type watched struct {
	r        io.Reader
	watchdog *time.Timer
	timeout  time.Duration
}

func (w *watched) Read(p []byte) (int, error) {
	n, err := w.r.Read(p)
	if n > 0 {
		w.watchdog.Reset(w.timeout)
	}
	return n, err
}

// largest is the largest size that the file may have on a mirror: gzip adds a
// few bytes to what it cannot compress.
func (f file) largest() int64 { return f.Size + f.Size/1000 + 1024 }

// accept moves a finished download to its place if it is the right file. The
// part is then empty.
func (f file) accept(part *os.File, path string) error {
	// In memory, so that what is written is what was verified, whatever another
	// process does to the part meanwhile.
	data, err := io.ReadAll(io.NewSectionReader(part, 0, f.largest()))
	if err != nil {
		return err
	}
	if err := f.Verify(bytes.NewReader(data)); err != nil {
		return fmt.Errorf("%w: %w", errContent, err)
	}
	if info, err := os.Lstat(path); err == nil { // a link that leads nowhere, as there was no file
		return atomicfile.Regular(path, info)
	}
	err = atomicfile.Write(path, func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	})
	if err != nil {
		return err
	}
	return part.Truncate(0)
}
