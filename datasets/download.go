package datasets

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/gander-ml/gander/internal/atomicfile"
)

// DownloadOptions are the settings of [DownloadMNIST]. The zero value is what
// most programs want.
type DownloadOptions struct {
	// Dir is the folder for the files; "" means gander/mnist in the user's
	// cache folder ([os.UserCacheDir]). It is created where it is missing.
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

// mnistMirrors are the mirrors of DownloadOptions.
var mnistMirrors = []string{
	"https://storage.googleapis.com/cvdf-datasets/mnist/",
	"https://ossci-datasets.s3.amazonaws.com/mnist/",
}

// DownloadMNIST makes sure that a folder holds the four files of MNIST, 11 MB,
// and returns that folder, for [MNIST] to read. What is there already and has
// the right content is not fetched again.
//
// A file counts by the SHA-256 of its content and appears only when that is
// right. An interrupted download goes on, at the next mirror or the next call,
// from the part that has arrived. The error of a file that no mirror delivered
// tells what went wrong at each; when ctx ends, the error is ctx's.
func DownloadMNIST(ctx context.Context, options DownloadOptions) (dir string, err error) {
	if options.Dir == "" {
		cache, err := os.UserCacheDir()
		if err != nil {
			return "", fmt.Errorf("datasets: MNIST: no folder given, and no cache folder: %w", err)
		}
		options.Dir = filepath.Join(cache, "gander", "mnist")
	}
	if options.Mirrors == nil {
		options.Mirrors = mnistMirrors
	}
	for _, split := range mnistFiles {
		for _, file := range split {
			if err := options.provide(ctx, file); err != nil {
				return "", fmt.Errorf("datasets: MNIST: %w", err)
			}
		}
	}
	return options.Dir, nil
}

// errContent says that what arrived is not the file, so that nothing of it is
// worth keeping.
var errContent = errors.New("wrong content")

// provide makes sure that the folder holds the file.
func (o DownloadOptions) provide(ctx context.Context, file contentFile) error {
	if name, err := file.find(os.DirFS(o.Dir), o.Dir); err == nil && file.verifyFile(filepath.Join(o.Dir, name)) == nil {
		return nil
	}
	if err := os.MkdirAll(o.Dir, 0o755); err != nil {
		return err
	}
	path := filepath.Join(o.Dir, file.name+".gz")
	part := path + ".part"
	var failures []error
	for _, mirror := range o.Mirrors {
		address, err := url.JoinPath(mirror, file.name+".gz")
		if err == nil {
			err = o.deliver(ctx, address, part, path, file)
		}
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		failures = append(failures, fmt.Errorf("%s: %w", address, err))
	}
	return fmt.Errorf("no mirror delivered %s.gz; where there is no network, put the four files into a folder"+
		" for MNIST to read, or use the digits that the package datasets/digits embeds:\n%w",
		file.name, errors.Join(failures...))
}

// deliver fetches the file from one mirror. Where a part was there to begin with
// and the whole turns out wrong, it starts over once.
func (o DownloadOptions) deliver(ctx context.Context, address, part, path string, file contentFile) error {
	for {
		resumed, err := o.fetch(ctx, address, part, file)
		if err == nil {
			err = file.accept(part, path)
		}
		if !errors.Is(err, errContent) {
			return err
		}
		if e := os.Remove(part); e != nil {
			return errors.Join(err, e)
		}
		if !resumed {
			return err
		}
	}
}

// fetch appends to part what is missing of the file, or writes all of it where
// the mirror sends all.
func (o DownloadOptions) fetch(ctx context.Context, address, part string, file contentFile) (resumed bool, err error) {
	out, err := os.OpenFile(part, os.O_WRONLY|os.O_CREATE, 0o644)
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
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
	client := o.Client
	if client == nil {
		client = http.DefaultClient
	}
	response, err := client.Do(request)
	if err != nil {
		return false, networkError(ctx, err)
	}
	defer response.Body.Close()

	switch status := response.StatusCode; {
	case have > 0 && status == http.StatusPartialContent:
		var first int64
		got := response.Header.Get("Content-Range")
		if _, err := fmt.Sscanf(got, "bytes %d-", &first); err != nil || first != have {
			return true, fmt.Errorf("%w: asked for the bytes from %d on, got %q", errContent, have, got)
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
	limit := file.largest() - have
	n, err := io.Copy(out, io.LimitReader(&watched{response.Body, watchdog, timeout}, limit+1))
	if err != nil {
		return have > 0, networkError(ctx, err)
	}
	if n > limit {
		return have > 0, fmt.Errorf("%w: more than %d bytes", errContent, file.largest())
	}
	return have > 0, nil
}

// networkError returns what is behind an error of a request: the reason that it
// was given up, or the error without the address, which the caller adds.
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
func (f contentFile) largest() int64 { return f.size + f.size/1000 + 1024 }

// accept moves a finished download to its place if it is the right file.
func (f contentFile) accept(part, path string) error {
	// In memory, so that what is written is what was verified, whatever another
	// process does to the part meanwhile.
	data, err := os.ReadFile(part)
	if err != nil {
		return err
	}
	if err := f.verify(bytes.NewReader(data)); err != nil {
		return fmt.Errorf("%w: %w", errContent, err)
	}
	err = atomicfile.Write(path, func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	})
	if err != nil {
		return err
	}
	return os.Remove(part)
}

func (f contentFile) verifyFile(path string) error {
	r, err := os.Open(path)
	if err != nil {
		return err
	}
	defer r.Close()
	return f.verify(r)
}
