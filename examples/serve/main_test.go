package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"html"
	"image/png"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/autograd"
	"github.com/gander-ml/gander/gan"
	"github.com/gander-ml/gander/gan/gallery"
	"github.com/gander-ml/gander/internal/clitest"
	"github.com/gander-ml/gander/nn"
	"github.com/gander-ml/gander/tensor"
	"github.com/gander-ml/gander/tensor/npy"
)

func TestMain(m *testing.M) { os.Exit(clitest.Main(m, main)) }

var usual = limits{samples: 256, bytes: 1 << 20, requests: 64, drawing: 2, time: time.Hour}

// gate is a layer that tells of each pass and waits until it may go on.
type gate struct {
	passes  chan struct{}
	open    chan struct{}
	at, max *atomic.Int64
}

func newGate() gate {
	return gate{make(chan struct{}, 1000), make(chan struct{}), new(atomic.Int64), new(atomic.Int64)}
}

func (g gate) Forward(_ *nn.Ctx, x *autograd.Var) *autograd.Var {
	now := g.at.Add(1)
	defer g.at.Add(-1)
	for old := g.max.Load(); now > old && !g.max.CompareAndSwap(old, now); old = g.max.Load() {
	}
	g.passes <- struct{}{}
	<-g.open
	return x
}

func (gate) MixesBatch() bool                 { return false }
func (gate) Describe() (kind string, c any)   { return "serve.gate", struct{}{} }
func (gate) OutShape(in []int) ([]int, error) { return in, nil }

func init() {
	nn.Register("serve.gate", func(struct{}) (nn.Module, error) { return newGate(), nil })
}

// generator draws images of 4×4 pixels without having learnt to.
func generator(t *testing.T, seed uint64, layers ...nn.Module) *gan.Generator {
	t.Helper()
	inputs := 5
	for _, layer := range layers {
		size, err := nn.ConditionSize(layer)
		require.NoError(t, err)
		inputs += size
	}
	net := nn.Sequential(append(layers, nn.Linear(inputs, 16), nn.Tanh())...)
	nn.Init(net, seed, tensor.Float32, tensor.CPU())
	g, err := gan.NewGenerator(net, 5, 1, 4, 4)
	require.NoError(t, err)
	return g
}

func served(t *testing.T, g *gan.Generator, l limits) *server {
	t.Helper()
	s, err := newServer(g, l)
	require.NoError(t, err)
	return s
}

// ask answers one request without a network.
func ask(h http.Handler, method, url string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, url, nil)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestAnswers(t *testing.T) {
	g := generator(t, 1)
	h := served(t, g, usual).handler()
	want := g.Sample(100, 7).Reshape(100, 1, 4, 4)

	a := ask(h, "GET", "/sample.npy?n=100&seed=7")
	require.Equal(t, 200, a.Code, a.Body)
	var file bytes.Buffer
	require.NoError(t, npy.Write(&file, want))
	require.True(t, bytes.Equal(file.Bytes(), a.Body.Bytes()))
	require.Equal(t, fmt.Sprint(file.Len()), a.Header().Get("Content-Length"))
	require.Equal(t, "nosniff", a.Header().Get("X-Content-Type-Options"))

	a = ask(h, "GET", "/sample.png?n=100&seed=7")
	require.Equal(t, "image/png", a.Header().Get("Content-Type"))
	img, err := png.Decode(a.Body)
	require.NoError(t, err)
	picture, err := gallery.Grid{Gap: 2}.Image(want)
	require.NoError(t, err)
	require.Equal(t, picture, img)

	a = ask(h, "GET", "/sample.json?seed=7&n=100")
	require.Equal(t, "application/json", a.Header().Get("Content-Type"))
	var answer struct {
		Seed    uint64
		Shape   []int
		Samples [][]float32
	}
	require.NoError(t, json.Unmarshal(a.Body.Bytes(), &answer))
	require.EqualValues(t, 7, answer.Seed)
	require.Equal(t, []int{100, 1, 4, 4}, answer.Shape)
	require.Len(t, answer.Samples, 100)
	for i, row := range answer.Samples {
		require.Equal(t, want.Slice(0, i, i+1).Float32s(), row)
	}

	// One sample of seed 1, if nothing is said.
	require.Equal(t, ask(h, "GET", "/sample.json?n=1&seed=1").Body, ask(h, "GET", "/sample.json").Body)
	require.Equal(t, "ok\n", ask(h, "GET", "/healthz").Body.String())
}

// A generator with classes draws the one that is asked for, and tells which it drew.
func TestLabels(t *testing.T) {
	g, err := generator(t, 1, nn.ConcatCondition(3, 1)).WithClasses([]string{"cat", "dog", "ox"}, []int{1, 2, 3})
	require.NoError(t, err)
	h := served(t, g, usual).handler()
	var answer struct {
		Labels  []string
		Samples [][]float32
	}
	check := func(url string, want *tensor.Tensor, labels ...string) {
		t.Helper()
		answer.Labels, answer.Samples = nil, nil
		require.NoError(t, json.Unmarshal(ask(h, "GET", url).Body.Bytes(), &answer))
		require.Equal(t, labels, answer.Labels)
		require.Equal(t, want.Float32s(), slices.Concat(answer.Samples...))
	}
	check("/sample.json?n=2&seed=7&label=dog", g.SampleOf([]int{1, 1}, 7), "dog", "dog")
	var drawn []string
	for _, label := range g.Labels(20, 7) {
		drawn = append(drawn, g.Classes()[label])
	}
	require.Subset(t, drawn, g.Classes())
	check("/sample.json?n=20&seed=7", g.Sample(20, 7), drawn...)
	a := ask(h, "GET", "/sample.png?label=1")
	require.Equal(t, 400, a.Code)
	require.Equal(t, "label is the name of a class, such as \"cat\"\n", a.Body.String())
	require.NotEqual(t, ask(h, "GET", "/sample.png?label=cat").Header().Get("ETag"), ask(h, "GET", "/sample.png?label=ox").Header().Get("ETag"))
}

// Caches may keep an answer, and are told in a word that it still holds.
func TestCaching(t *testing.T) {
	h := served(t, generator(t, 1), usual).handler()
	replica := served(t, generator(t, 1), usual).handler()
	other := served(t, generator(t, 2), usual).handler()
	const url = "/sample.json?n=3&seed=7"
	a := ask(h, "GET", url)
	tag := a.Header().Get("ETag")
	require.Regexp(t, `^"[0-9a-f]{32}"$`, tag)
	require.Contains(t, a.Header().Get("Cache-Control"), "public")

	b := ask(replica, "GET", url)
	require.Equal(t, a.Body, b.Body)
	require.Equal(t, tag, b.Header().Get("ETag"))
	require.Equal(t, tag, ask(h, "GET", "/sample.json?seed=7&n=3").Header().Get("ETag"))
	for _, c := range []*httptest.ResponseRecorder{
		ask(other, "GET", url), ask(h, "GET", "/sample.npy?n=3&seed=7"), ask(h, "GET", "/sample.json?n=3&seed=8"), ask(h, "GET", "/sample.json?n=2&seed=7"),
	} {
		require.NotEqual(t, tag, c.Header().Get("ETag"))
		require.NotEqual(t, a.Body, c.Body)
	}

	again := ask(h, "GET", url, "If-None-Match", `"old", W/`+tag)
	require.Equal(t, http.StatusNotModified, again.Code)
	require.Zero(t, again.Body.Len())
	require.Equal(t, tag, again.Header().Get("ETag"))
	require.Equal(t, 200, ask(h, "GET", url, "If-None-Match", `"old"`).Code)
}

func TestRefusals(t *testing.T) {
	h := served(t, generator(t, 1), usual).handler()
	for query, want := range map[string]string{
		"n=0":                       "n is a whole number from 1 to 256",
		"n=257":                     "n is a whole number from 1 to 256",
		"n=-1":                      "n is a whole number from 1 to 256",
		"n=":                        "n is a whole number from 1 to 256",
		"n=1e1":                     "n is a whole number from 1 to 256",
		"n=99999999999999999999":    "n is a whole number from 1 to 256",
		"seed=-1":                   "seed is a whole number from 0 to 18446744073709551615",
		"seed=18446744073709551616": "seed is a whole number from 0 to 18446744073709551615",
		"seed=1&seed=1":             "a name is there twice",
		"N=1":                       "there are n, seed and label, and nothing else",
		"n=1&%3Cscript%3E":          "there are n, seed and label, and nothing else",
		"label=3":                   "there are no labels: the generator has no classes",
		"n=%zz":                     "this is not a query such as n=10&seed=7",
		"n=1;seed=2":                "this is not a query such as n=10&seed=7",
	} {
		a := ask(h, "GET", "/sample.png?"+query)
		assert.Equal(t, http.StatusBadRequest, a.Code, query)
		assert.Equal(t, want+"\n", a.Body.String(), query)
		assert.Empty(t, a.Header().Get("ETag"), query)
	}
	for _, method := range []string{"POST", "PUT", "DELETE", "OPTIONS"} {
		a := ask(h, method, "/sample.png")
		assert.Equal(t, http.StatusMethodNotAllowed, a.Code)
		assert.Equal(t, "GET, HEAD", a.Header().Get("Allow"))
	}
	assert.Equal(t, http.StatusNotFound, ask(h, "GET", "/sample.gif").Code)
	assert.Equal(t, http.StatusNotFound, ask(h, "GET", "/more").Code)

	// Two samples of 16 numbers are all that 128 bytes allow.
	small := usual
	small.bytes = 128
	h = served(t, generator(t, 1), small).handler()
	assert.Equal(t, 200, ask(h, "GET", "/sample.npy?n=2").Code)
	assert.Equal(t, "n is a whole number from 1 to 2\n", ask(h, "GET", "/sample.npy?n=3").Body.String())
	small.bytes = 63
	_, err := newServer(generator(t, 1), small)
	require.ErrorContains(t, err, "raise -bytes")

	// What is no image has no PNG.
	net := nn.Linear(5, 16)
	nn.Init(net, 1, tensor.Float32, tensor.CPU())
	rows, err := gan.NewGenerator(net, 5)
	require.NoError(t, err)
	h = served(t, rows, usual).handler()
	assert.Equal(t, http.StatusNotFound, ask(h, "GET", "/sample.png").Code)
	assert.Equal(t, 200, ask(h, "GET", "/sample.json").Code)
	page := ask(h, "GET", "/")
	assert.Equal(t, 200, page.Code)
	assert.NotContains(t, page.Body.String(), "png")
}

// The address itself explains the server and shows what it draws; names of classes are
// not trusted.
func TestHome(t *testing.T) {
	net := nn.Sequential(nn.ConcatCondition(2, 1), nn.Linear(7, 9), nn.Tanh())
	nn.Init(net, 1, tensor.Float32, tensor.CPU())
	g, err := gan.NewGenerator(net, 5, 1, 3, 3)
	require.NoError(t, err)
	g, err = g.WithClasses([]string{"cat & dog", "<script>"}, nil)
	require.NoError(t, err)
	h := served(t, g, usual).handler()
	page := ask(h, "GET", "/")
	require.Equal(t, 200, page.Code)
	require.Equal(t, "text/html; charset=utf-8", page.Header().Get("Content-Type"))
	text := page.Body.String()
	require.NotContains(t, text, "<script>")
	links := regexp.MustCompile(`(?:href|src)="([^"]*)"`).FindAllStringSubmatch(text, -1)
	require.Len(t, links, 8) // a picture, three kinds, two classes, two more
	for _, link := range links {
		require.Equal(t, 200, ask(h, "GET", "/"+html.UnescapeString(link[1])).Code, link[1])
	}
}

// HEAD tells what GET would.
func TestHead(t *testing.T) {
	server := httptest.NewServer(served(t, generator(t, 1), usual).handler())
	defer server.Close()
	r, err := http.Head(server.URL + "/sample.npy?n=3")
	require.NoError(t, err)
	defer r.Body.Close()
	require.Equal(t, 200, r.StatusCode)
	require.EqualValues(t, 128+3*16*4, r.ContentLength)
	require.NotEmpty(t, r.Header.Get("ETag"))
}

func TestTimeLimit(t *testing.T) {
	short := usual
	short.time = 1
	a := ask(served(t, generator(t, 1), short).handler(), "GET", "/sample.png")
	require.Equal(t, http.StatusServiceUnavailable, a.Code)
	require.Equal(t, "this took too long; ask for fewer samples\n", a.Body.String())
	require.Empty(t, a.Header().Get("Cache-Control"))
}

// gated is a server whose generator waits; the first sample, of newServer, is
// drawn.
func gated(t *testing.T, l limits) (*server, gate) {
	g := newGate()
	made := make(chan *server)
	go func() {
		s, err := newServer(generator(t, 1, g), l)
		assert.NoError(t, err)
		made <- s
	}()
	<-g.passes
	g.open <- struct{}{}
	s := <-made
	g.max.Store(0)
	return s, g
}

// A client that goes away ends the work for it, between two passes or while it
// waits for its turn.
func TestCancelled(t *testing.T) {
	one := usual
	one.drawing, one.samples = 1, 1024
	s, g := gated(t, one)
	h := s.handler()
	ctx, cancel := context.WithCancel(context.Background())
	var wait sync.WaitGroup
	for range 3 { // one is drawn for and two wait
		wait.Go(func() {
			h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/sample.npy?n=1024", nil).WithContext(ctx))
		})
	}
	<-g.passes
	cancel()
	g.open <- struct{}{} // to the end of this pass
	wait.Wait()
	require.Empty(t, g.passes, "more was drawn for a client that is gone")
	require.Empty(t, s.requests)
	require.Empty(t, s.drawing)
	require.Contains(t, ask(h, "GET", "/metrics").Body.String(), `gander_requests_total{code="499"} 3`)
}

// Of a thousand requests at a time as many are answered as the limit says, and as
// many drawn for; the others are told to try again, and then are answered, too.
func TestThousandRequests(t *testing.T) {
	s, g := gated(t, usual)
	server := httptest.NewServer(s.handler())
	defer server.Close()
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 1000}}
	defer client.CloseIdleConnections()
	get := func(seed int) (int, string, []byte) {
		r, err := client.Get(fmt.Sprint(server.URL, "/sample.npy?n=2&seed=", seed))
		if !assert.NoError(t, err) {
			return 0, "", nil
		}
		defer r.Body.Close()
		body, err := io.ReadAll(r.Body)
		assert.NoError(t, err)
		return r.StatusCode, r.Header.Get("Retry-After"), body
	}
	var full sync.WaitGroup // done when all requests but those within the limit are answered
	full.Add(1000 - usual.requests)
	var refused, answered atomic.Int64
	want := generator(t, 1) // without the gate
	var all sync.WaitGroup
	for seed := range 1000 {
		all.Go(func() {
			code, retry, body := get(seed)
			switch code {
			case http.StatusTooManyRequests:
				assert.Equal(t, "1", retry)
				refused.Add(1)
				full.Done()
			case http.StatusOK:
				var file bytes.Buffer
				assert.NoError(t, npy.Write(&file, want.Sample(2, uint64(seed)).Reshape(2, 1, 4, 4)))
				assert.True(t, bytes.Equal(file.Bytes(), body), "the samples of another seed")
				answered.Add(1)
			default:
				assert.Fail(t, "neither answered nor refused", "%d %s", code, body)
			}
		})
	}
	full.Wait()
	require.EqualValues(t, 1000-usual.requests, refused.Load())
	require.Len(t, s.requests, usual.requests)
	close(g.open)
	all.Wait()
	require.EqualValues(t, usual.requests, answered.Load())
	require.LessOrEqual(t, g.max.Load(), int64(usual.drawing))
	code, _, _ := get(1)
	require.Equal(t, 200, code)

	text := string(ask(s.handler(), "GET", "/metrics").Body.String())
	for _, line := range []string{
		fmt.Sprintf(`gander_requests_total{code="200"} %d`, usual.requests+1), fmt.Sprintf(`gander_requests_total{code="429"} %d`, 1000-usual.requests),
		`gander_request_seconds_bucket{le="+Inf"} 1001`, "gander_request_seconds_count 1001", "gander_requests 0",
		fmt.Sprintf("gander_samples_total %d", 2*(usual.requests+1)),
	} {
		require.Contains(t, strings.Split(text, "\n"), line)
	}
	for line := range strings.Lines(text) {
		require.Regexp(t, `^(# (HELP|TYPE) \w+ .+|\w+(\{\w+="[^"]+"\})? [-+.e0-9]+)\n$`, line)
	}
}

// The memory for a thousand large requests is that of those within the limits.
func TestMemory(t *testing.T) {
	l := usual
	l.requests = 8
	s := served(t, generator(t, 1), l)
	h := s.handler()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	var wait sync.WaitGroup
	for range 1000 {
		wait.Go(func() {
			a := ask(h, "GET", "/sample.png?n=256")
			assert.Contains(t, []int{200, 429}, a.Code)
		})
	}
	wait.Wait()
	runtime.ReadMemStats(&after)
	require.Less(t, int64(after.HeapSys)-int64(before.HeapSys), int64(64<<20))
}

// A request that is under way when the server is told to end is answered.
func TestShutdown(t *testing.T) {
	s, g := gated(t, usual)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- s.serve(ctx, listener) }()
	answered := make(chan int)
	go func() {
		r, err := http.Get(fmt.Sprintf("http://%v/sample.png", listener.Addr()))
		if assert.NoError(t, err) {
			r.Body.Close()
			answered <- r.StatusCode
		}
	}()
	<-g.passes
	cancel()
	close(g.open)
	require.Equal(t, 200, <-answered)
	require.NoError(t, <-ended)
	_, err = net.Dial("tcp", listener.Addr().String())
	require.Error(t, err)
}

// The program serves what is built in, and ends with status 0 on SIGTERM.
func TestProgram(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("no SIGTERM")
	}
	cmd := clitest.Command(t, t.TempDir(), "-addr", "127.0.0.1:0")
	errs, err := cmd.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	defer cmd.Process.Kill()
	line := make([]byte, 200)
	n, err := errs.Read(line)
	require.NoError(t, err)
	require.Regexp(t, `^serve: samples of \[1 28 28\] at http://127.0.0.1:\d+/sample.png\?n=10&seed=7\n$`, string(line[:n]))
	url := string(line[strings.Index(string(line), "http") : n-1])
	r, err := http.Get(url)
	require.NoError(t, err)
	defer r.Body.Close()
	img, err := png.Decode(r.Body)
	require.NoError(t, err)
	require.Equal(t, 4*(28+2)+2, img.Bounds().Dx())
	require.NoError(t, cmd.Process.Signal(syscall.SIGTERM))
	rest, err := io.ReadAll(errs)
	require.NoError(t, err)
	require.Empty(t, rest)
	require.NoError(t, cmd.Wait())
}

func TestFailures(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "text"), []byte("no generator at all"), 0o644))
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	for args, want := range map[string]string{
		"-wrong":      "flag provided but not defined: -wrong",
		"-addr=":      "-addr names an address", // and not a port of every network
		"-samples 0":  "limits are positive",
		"-requests 0": "limits are positive",
		"-time -1s":   "limits are positive",
		"extra":       "no arguments besides the flags",
	} {
		clitest.Fails(t, dir, 2, want, strings.Fields(args)...)
	}
	for args, want := range map[string]string{
		"-model none":                       "none",
		"-model text":                       "text: not a valid safetensors file",
		"-bytes 100":                        "raise -bytes",
		"-addr nowhere":                     "nowhere",
		"-addr " + listener.Addr().String(): "in use",
	} {
		clitest.Fails(t, dir, 1, want, strings.Fields(args)...)
	}
}
