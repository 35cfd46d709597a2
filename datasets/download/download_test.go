package download

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/datasets"
	"github.com/gander-ml/gander/internal/mnist"
)

// A mirror is a server that remembers what was asked of it.
type mirror struct {
	*httptest.Server
	mu     sync.Mutex
	ranges []string // the Range header of every request, in order
}

func newMirror(t *testing.T, serve http.HandlerFunc) *mirror {
	m := new(mirror)
	m.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		m.mu.Lock()
		m.ranges = append(m.ranges, r.Header.Get("Range"))
		m.mu.Unlock()
		serve(w, r)
	}))
	t.Cleanup(m.Close)
	return m
}

func (m *mirror) requests() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.ranges
}

// good serves data, ranges included.
func good(data []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(data))
	}
}

// whole serves data and knows nothing of ranges.
func whole(data []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) { w.Write(data) }
}

// testFile returns a file of 10,000 bytes and what a mirror has of it.
func testFile(t *testing.T) (f file, packed []byte) {
	content := make([]byte, 10_000)
	for i := range content {
		content[i] = byte(i * i >> 3)
	}
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, err := w.Write(content)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	sum := sha256.Sum256(content)
	return file{mnist.File{Name: "some-idx", SHA256: hex.EncodeToString(sum[:]), Size: int64(len(content))}}, b.Bytes()
}

// listing returns the names in a folder.
func listing(t *testing.T, dir string) (names []string) {
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func TestDownload(t *testing.T) {
	f, packed := testFile(t)
	half := len(packed) / 2
	rest := fmt.Sprintf("bytes=%d-", half)
	wrong := bytes.Repeat([]byte("x"), len(packed))
	status := func(code int) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) { http.Error(w, "no", code) }
	}
	for _, c := range []struct {
		name   string
		part   []byte // there before
		serve  []http.HandlerFunc
		asked  [][]string // the ranges that each mirror is asked for
		errors []string   // empty: it works
		left   []string   // in the folder, after an error
	}{
		{name: "fresh", serve: []http.HandlerFunc{good(packed)}, asked: [][]string{{""}}},
		{name: "goes on from a part", part: packed[:half], serve: []http.HandlerFunc{good(packed)}, asked: [][]string{{rest}}},
		{name: "the part is complete", part: packed, serve: []http.HandlerFunc{good(packed)},
			asked: [][]string{{fmt.Sprintf("bytes=%d-", len(packed))}}},
		{name: "no ranges", part: packed[:half], serve: []http.HandlerFunc{whole(packed)}, asked: [][]string{{rest}}},
		{name: "a wrong part", part: wrong[:half], serve: []http.HandlerFunc{good(packed)}, asked: [][]string{{rest, ""}}},
		{name: "a part too long", part: append(wrong, 'x'), serve: []http.HandlerFunc{good(packed)},
			asked: [][]string{{fmt.Sprintf("bytes=%d-", len(packed)+1), ""}}},
		{name: "a part too long, no ranges", part: append(wrong, 'x'), serve: []http.HandlerFunc{whole(packed)},
			asked: [][]string{{fmt.Sprintf("bytes=%d-", len(packed)+1)}}},
		{name: "another range", part: packed[:half], serve: []http.HandlerFunc{func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Range") != "" {
				r.Header.Set("Range", "bytes=3-")
			}
			good(packed)(w, r)
		}}, asked: [][]string{{rest, ""}}},
		{name: "uncompressed", serve: []http.HandlerFunc{func(w http.ResponseWriter, r *http.Request) {
			z, _ := gzip.NewReader(bytes.NewReader(packed))
			io.Copy(w, z)
		}}, asked: [][]string{{""}}},
		{name: "the second mirror", serve: []http.HandlerFunc{status(404), good(packed)}, asked: [][]string{{""}, {""}}},
		{name: "the first mirror has another file", serve: []http.HandlerFunc{whole(wrong), good(packed)}, asked: [][]string{{""}, {""}}},
		{name: "the second mirror goes on where the first broke off", serve: []http.HandlerFunc{
			func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Length", fmt.Sprint(len(packed)))
				w.Write(packed[:half])
			}, good(packed)}, asked: [][]string{{""}, {rest}}},

		{name: "no mirror has it", serve: []http.HandlerFunc{status(404), status(503)}, asked: [][]string{{""}, {""}},
			errors: []string{"HTTP status 404", "HTTP status 503"}},
		{name: "wrong everywhere", serve: []http.HandlerFunc{whole(wrong), good(packed[:half])}, asked: [][]string{{""}, {""}},
			errors: []string{"the content's SHA-256 is not that of some-idx", "unexpected EOF"}},
		{name: "endless", serve: []http.HandlerFunc{func(w http.ResponseWriter, r *http.Request) {
			for err := error(nil); err == nil; {
				_, err = w.Write(wrong)
			}
		}}, asked: [][]string{{""}}, errors: []string{"more than 11034 bytes"}},
		{name: "ranges that were not asked for", part: wrong[:half], serve: []http.HandlerFunc{status(416), status(206)},
			asked: [][]string{{rest, ""}, {""}}, errors: []string{"HTTP status 416", "HTTP status 206"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "new", "folder")
			options := Options{Dir: dir}
			var mirrors []*mirror
			for _, serve := range c.serve {
				m := newMirror(t, serve)
				mirrors = append(mirrors, m)
				options.Mirrors = append(options.Mirrors, m.URL+"/mnist/")
			}
			if c.part != nil {
				require.NoError(t, os.MkdirAll(dir, 0o755))
				require.NoError(t, os.WriteFile(filepath.Join(dir, "some-idx.gz.part"), c.part, 0o600))
			}
			err := options.provide(t.Context(), f)
			for i, m := range mirrors {
				assert.Equal(t, c.asked[i], m.requests(), "mirror %d", i)
			}
			if c.errors != nil {
				for i, text := range c.errors {
					assert.ErrorContains(t, err, mirrors[i].URL+"/mnist/some-idx.gz: ")
					assert.ErrorContains(t, err, text)
				}
				assert.ErrorContains(t, err, "put the four files into a folder")
				assert.Equal(t, c.left, listing(t, dir))
				return
			}
			require.NoError(t, err)
			assert.Equal(t, []string{"some-idx.gz"}, listing(t, dir))
			there, err := f.there(dir)
			require.NoError(t, err)
			require.True(t, there)

			require.NoError(t, options.provide(t.Context(), f))
			for i, m := range mirrors {
				assert.Len(t, m.requests(), len(c.asked[i]), "what is there is not fetched again")
			}
		})
	}
}

// What has MNIST's name and other content is somebody's own, and stays.
func TestDownloadKeepsOwnFiles(t *testing.T) {
	f, packed := testFile(t)
	m := newMirror(t, good(packed))
	damaged := bytes.Clone(packed)
	damaged[20] ^= 1
	for _, name := range []string{"some-idx.gz", "some-idx", "some.idx.gz", "some.idx"} {
		for kind, content := range map[string][]byte{"own": []byte("my own"), "damaged": damaged, "cut": packed[:100], "empty": nil} {
			dir := t.TempDir()
			path := filepath.Join(dir, name)
			require.NoError(t, os.WriteFile(path, content, 0o600))
			err := Options{Dir: dir, Mirrors: []string{m.URL}}.provide(t.Context(), f)
			require.ErrorContains(t, err, path+" is there and is not MNIST's file, so it is kept", kind)
			got, err := os.ReadFile(path)
			require.NoError(t, err)
			require.Equal(t, len(content), len(got))
			require.Equal(t, []string{name}, listing(t, dir))
		}
	}
	require.Empty(t, m.requests())
}

// Nothing is written through a link or a pipe that lies where a file should be.
func TestDownloadRefusesLinks(t *testing.T) {
	f, packed := testFile(t)
	m := newMirror(t, good(packed))
	for _, name := range []string{"some-idx.gz.part", "some-idx.gz"} {
		dir, victim := t.TempDir(), filepath.Join(t.TempDir(), "victim")
		if err := os.Symlink(victim, filepath.Join(dir, name)); err != nil {
			t.Skip("there are no symbolic links")
		}
		provide := Options{Dir: dir, Mirrors: []string{m.URL}}.provide
		require.ErrorContains(t, provide(t.Context(), f), "is a symbolic link, not a regular file")
		require.NoFileExists(t, victim)
		require.NoError(t, os.WriteFile(victim, []byte("precious"), 0o600))
		require.Error(t, provide(t.Context(), f))
		content, err := os.ReadFile(victim)
		require.NoError(t, err)
		require.Equal(t, "precious", string(content))
	}
	dir := t.TempDir()
	if exec.Command("mkfifo", filepath.Join(dir, "some-idx.gz.part")).Run() != nil {
		t.Skip("there is no mkfifo")
	}
	err := Options{Dir: dir, Mirrors: []string{m.URL}}.provide(t.Context(), f)
	require.ErrorContains(t, err, "is a pipe, not a regular file")
}

// Many callers share a folder: one fetches, the others wait for it.
func TestDownloadAtOnce(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("there are no locks")
	}
	f, packed := testFile(t)
	m := newMirror(t, func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(10 * time.Millisecond)
		good(packed)(w, r)
	})
	for range 5 {
		dir := filepath.Join(t.TempDir(), "new")
		var group sync.WaitGroup
		for range 12 {
			group.Go(func() {
				assert.NoError(t, Options{Dir: dir, Mirrors: []string{m.URL}}.provide(t.Context(), f))
			})
		}
		group.Wait()
		assert.Equal(t, []string{"some-idx.gz"}, listing(t, dir))
	}
	assert.Len(t, m.requests(), 5)

	// Who waits hears of the end of its context.
	dir := t.TempDir()
	part, err := lockPart(t.Context(), filepath.Join(dir, "some-idx.gz.part"))
	require.NoError(t, err)
	defer part.close()
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, cancel)
	assert.ErrorIs(t, Options{Dir: dir, Mirrors: []string{m.URL}}.provide(ctx, f), context.Canceled)
}

// Whoever allows no mirror is told so, and not that none delivered.
func TestDownloadWithoutMirrors(t *testing.T) {
	dir := t.TempDir()
	_, err := MNIST(t.Context(), Options{Dir: dir, Mirrors: []string{}})
	require.ErrorContains(t, err, "train-images-idx3-ubyte.gz is not in "+dir+", and there are no mirrors to fetch it from")
	require.NotContains(t, err.Error(), "%!")
}

// A redirect may not leave https, whatever the client's own rule is.
func TestDownloadStaysWithHTTPS(t *testing.T) {
	f, packed := testFile(t)
	plain := newMirror(t, good(packed))
	secure := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasPrefix(r.URL.Path, "/down"):
			http.Redirect(w, r, plain.URL+"/x", http.StatusFound)
		case strings.HasPrefix(r.URL.Path, "/around"):
			http.Redirect(w, r, "https://"+r.Host+"/file", http.StatusFound)
		case strings.HasPrefix(r.URL.Path, "/loop"):
			http.Redirect(w, r, r.URL.Path, http.StatusFound)
		default:
			good(packed)(w, r)
		}
	}))
	defer secure.Close()
	own := 0
	for _, client := range []*http.Client{secure.Client(), {Transport: secure.Client().Transport, CheckRedirect: func(*http.Request, []*http.Request) error { own++; return nil }}} {
		provide := func(folder string) error {
			return Options{Dir: t.TempDir(), Mirrors: []string{secure.URL + folder}, Client: client}.provide(t.Context(), f)
		}
		require.ErrorContains(t, provide("/down"), "a redirect from https to http is not followed")
		require.NoError(t, provide("/around"))
	}
	require.Equal(t, 1, own)
	require.Empty(t, plain.requests())
	err := Options{Dir: t.TempDir(), Mirrors: []string{secure.URL + "/loop"}, Client: secure.Client()}.provide(t.Context(), f)
	require.ErrorContains(t, err, "more than ten redirects")
}

// What a server says is quoted, and cut.
func TestDownloadMessagesAreBounded(t *testing.T) {
	f, packed := testFile(t)
	long := "\x1b[31m" + string(bytes.Repeat([]byte("9"), 1<<16))
	for _, answer := range []*http.Response{
		{StatusCode: 500, Status: long},
		{StatusCode: http.StatusPartialContent, Header: http.Header{"Content-Range": {long}}},
		{StatusCode: http.StatusFound, Header: http.Header{"Location": {long + "://%zz"}}},
	} {
		dir := t.TempDir()
		require.NoError(t, os.WriteFile(filepath.Join(dir, "some-idx.gz.part"), packed[:10], 0o600))
		client := &http.Client{Transport: trip(func(*http.Request) (*http.Response, error) {
			copy := *answer
			copy.Body = http.NoBody
			return &copy, nil
		})}
		err := Options{Dir: dir, Mirrors: []string{"http://mirror"}, Client: client}.provide(t.Context(), f)
		require.Error(t, err)
		require.Less(t, len(err.Error()), 900)
		require.NotContains(t, err.Error(), "\x1b")
	}
}

// A trip answers a request without a network, so that time can be made up.
type trip func(r *http.Request) (*http.Response, error)

func (f trip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// trickle is a body that sleeps before each of ten pieces.
type trickle struct {
	ctx   context.Context
	data  []byte
	piece int
	sleep time.Duration
}

func (b *trickle) Close() error { return nil }

func (b *trickle) Read(p []byte) (int, error) {
	select {
	case <-time.After(b.sleep):
	case <-b.ctx.Done():
		return 0, b.ctx.Err()
	}
	if len(b.data) == 0 {
		return 0, io.EOF
	}
	n := copy(p, b.data[:min(b.piece, len(b.data))])
	b.data = b.data[n:]
	return n, nil
}

// The timeout is for silence, before the answer or within it; a download that
// goes on may take longer.
func TestDownloadTimeout(t *testing.T) {
	f, packed := testFile(t)
	answer := func(data []byte, then time.Duration) trip {
		return func(r *http.Request) (*http.Response, error) {
			body := &trickle{ctx: r.Context(), data: data, piece: (len(data) + 9) / 10, sleep: then}
			return &http.Response{StatusCode: http.StatusOK, Body: body}, nil
		}
	}
	silence := trip(func(r *http.Request) (*http.Response, error) {
		<-r.Context().Done()
		return nil, r.Context().Err()
	})
	for _, c := range []struct {
		name    string
		serve   trip
		timeout time.Duration // 0: 15 s
		after   time.Duration
		fails   string
	}{
		{"slow", answer(packed, 14*time.Second), 0, 11 * 14 * time.Second, ""},
		{"silent", silence, 0, 15 * time.Second, "nothing arrived for 15s"},
		{"silent for an hour", silence, time.Hour, time.Hour, "nothing arrived for 1h0m0s"},
		{"too slow", answer(packed, 16*time.Second), 0, 15 * time.Second, "nothing arrived for 15s"},
	} {
		t.Run(c.name, func(t *testing.T) {
			options := Options{Dir: t.TempDir(), Mirrors: []string{"http://mirror"}, Client: &http.Client{Transport: c.serve}, Timeout: c.timeout}
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				err := options.provide(t.Context(), f)
				assert.Equal(t, c.after, time.Since(start))
				if c.fails == "" {
					require.NoError(t, err)
					return
				}
				assert.ErrorIs(t, err, os.ErrDeadlineExceeded)
				assert.ErrorContains(t, err, c.fails)
			})
		})
	}
}

// A mirror that falls silent half way leaves its half for the next call.
func TestDownloadKeepsWhatArrived(t *testing.T) {
	f, packed := testFile(t)
	half := len(packed) / 2
	options := Options{Dir: t.TempDir(), Mirrors: []string{"http://mirror"}}
	options.Client = &http.Client{Transport: trip(func(r *http.Request) (*http.Response, error) {
		body := &trickle{ctx: r.Context(), data: packed[:half], piece: half}
		silent := &trickle{ctx: r.Context(), sleep: time.Hour}
		return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(io.MultiReader(body, silent))}, nil
	})}
	synctest.Test(t, func(t *testing.T) {
		assert.ErrorIs(t, options.provide(t.Context(), f), os.ErrDeadlineExceeded)
	})
	part, err := os.ReadFile(filepath.Join(options.Dir, "some-idx.gz.part"))
	require.NoError(t, err)
	assert.Equal(t, packed[:half], part)
}

func TestMNIST(t *testing.T) {
	m := newMirror(t, http.NotFound)
	second := newMirror(t, http.NotFound)
	second.Close() // nobody listens there any more
	dir := t.TempDir()
	options := Options{Dir: dir, Mirrors: []string{m.URL, second.URL}, Client: m.Client()}
	_, err := MNIST(t.Context(), options)
	assert.ErrorContains(t, err, "download: MNIST: no mirror delivered train-images-idx3-ubyte.gz")
	assert.ErrorContains(t, err, m.URL+"/train-images-idx3-ubyte.gz: HTTP status 404")
	assert.ErrorContains(t, err, second.URL+"/train-images-idx3-ubyte.gz: dial tcp")

	enough := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(enough)
	asked := len(m.requests())
	_, err = MNIST(ctx, options)
	assert.ErrorIs(t, err, enough)
	assert.NotContains(t, err.Error(), "no mirror")
	assert.Len(t, m.requests(), asked)

	file := filepath.Join(dir, "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	_, err = MNIST(t.Context(), Options{Dir: filepath.Join(file, "folder"), Mirrors: options.Mirrors})
	var path *fs.PathError
	assert.ErrorAs(t, err, &path)

	for _, variable := range []string{"XDG_CACHE_HOME", "HOME", "LocalAppData", "home"} {
		t.Setenv(variable, "")
	}
	_, err = MNIST(t.Context(), Options{Mirrors: options.Mirrors})
	assert.ErrorContains(t, err, "no cache folder")
}

// The embedded digits are half of MNIST: enough to see that the table of files
// is right about it.
func TestDownloadOfRealFiles(t *testing.T) {
	m := newMirror(t, http.FileServer(http.Dir("../digits")).ServeHTTP)
	options := Options{Dir: t.TempDir(), Mirrors: []string{m.URL}}
	for _, f := range mnist.Files[datasets.Test] {
		require.NoError(t, options.provide(t.Context(), file{f}))
	}
	assert.Len(t, m.requests(), 2)
	set, err := datasets.MNIST(options.Dir, datasets.Test)
	require.NoError(t, err)
	assert.Equal(t, 10_000, set.Len())
}
