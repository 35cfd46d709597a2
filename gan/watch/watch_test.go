package watch

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/png"
	"io"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/datasets"
	"github.com/gander-ml/gander/gan"
	"github.com/gander-ml/gander/nn"
	"github.com/gander-ml/gander/optim"
	"github.com/gander-ml/gander/tensor"
)

// newTrainer returns one of points in the plane.
func newTrainer(t testing.TB) (*gan.Trainer, gan.Source) {
	g := nn.Sequential(nn.Linear(2, 8), nn.ReLU(), nn.Linear(8, 2))
	d := nn.Sequential(nn.Linear(2, 8), nn.LeakyReLU(0.2), nn.Linear(8, 1))
	trainer, err := gan.New(g, d, gan.Config{Latent: 2, Seed: 3, Optimizer: optim.Adam{LR: 1e-3}})
	require.NoError(t, err)
	return trainer, datasets.Synthetic{From: datasets.Ring(), Batch: 8, PerEpoch: 100, Seed: 1}
}

// train runs a page's hook for some steps.
func train(t testing.TB, p *Page, steps int, hooks ...gan.Hook) *gan.Trainer {
	t.Helper()
	trainer, source := newTrainer(t)
	_, err := trainer.Fit(context.Background(), source, gan.Steps(steps), gan.On(append([]gan.Hook{p.Hook()}, hooks...)...))
	require.NoError(t, err)
	return trainer
}

// received is what a browser knows.
type received struct {
	News struct {
		About      *about
		Status     status
		Points     []map[string]any
		Measures   []map[string]any
		Pictures   []map[string]any
		Remarks    []remark
		Judgements []map[string]any
	}
	anew int // how often it was told everything
}

// listener reads a page's events.
type listener struct {
	t    *testing.T
	body *bufio.Reader
	received
}

// serve serves a handler until the test is over.
func serve(t *testing.T, h http.Handler) *httptest.Server {
	s := httptest.NewServer(h)
	t.Cleanup(func() {
		s.CloseClientConnections()
		s.Close()
	})
	return s
}

func listen(t *testing.T, url string) *listener {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/events", nil)
	require.NoError(t, err)
	answer, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	t.Cleanup(func() { answer.Body.Close() })
	require.Equal(t, "text/event-stream", answer.Header.Get("Content-Type"))
	return &listener{t: t, body: bufio.NewReader(answer.Body)}
}

// next takes in one event.
func (l *listener) next() {
	l.t.Helper()
	name := ""
	for {
		line, err := l.body.ReadString('\n')
		require.NoError(l.t, err)
		line = strings.TrimSpace(line)
		if v, ok := strings.CutPrefix(line, "event: "); ok {
			name = v
		}
		if v, ok := strings.CutPrefix(line, "data: "); ok {
			var more received
			require.NoError(l.t, json.Unmarshal([]byte(v), &more.News))
			if name == "everything" {
				more.anew = l.anew + 1
				l.received = more
			} else {
				require.Equal(l.t, "news", name)
				l.News.Status = more.News.Status
				l.News.Points = append(l.News.Points, more.News.Points...)
				l.News.Measures = append(l.News.Measures, more.News.Measures...)
				l.News.Pictures = append(l.News.Pictures, more.News.Pictures...)
				l.News.Remarks = append(l.News.Remarks, more.News.Remarks...)
				l.News.Judgements = append(l.News.Judgements, more.News.Judgements...)
			}
			return
		}
	}
}

// until takes in events until one makes it true.
func (l *listener) until(f func() bool) {
	l.t.Helper()
	for !f() {
		l.next()
	}
}

func stepsOf(items []map[string]any) (steps []int) {
	for _, i := range items {
		steps = append(steps, int(i["s"].(float64)))
	}
	return steps
}

// Whoever looks from the beginning and whoever comes when all is over see the same
// run.
func TestEveryBrowserSeesTheRun(t *testing.T) {
	p := New(Options{Title: "a run", Every: 20, Classes: []string{"a", "b"}})
	s := serve(t, p)
	early := listen(t, s.URL)
	early.next()
	require.Equal(t, "waiting", early.News.Status.State)
	var run gan.Run
	train(t, p, 300, gan.Hook{
		Start: func(r gan.Run) error { run = r; return nil },
		Step: func(s *gan.StepInfo) error {
			if s.Step == 150 {
				run.Note("half of it is over")
				p.Judged(150, Judgement{Name: "distance", Value: 3, Floor: math.NaN(), Shares: []float64{0.25, 0.75}})
			}
			return nil
		},
	})
	late := listen(t, s.URL)
	late.next()
	require.Equal(t, 1, late.anew)
	early.until(func() bool { return early.News.Status.State == "done" })
	require.Equal(t, late.News.Status.Step, early.News.Status.Step)
	require.Equal(t, late.News.About, early.News.About)
	require.Equal(t, late.News.Points, early.News.Points)
	require.Equal(t, late.News.Measures, early.News.Measures)
	require.Equal(t, late.News.Pictures, early.News.Pictures)
	require.Equal(t, late.News.Judgements, early.News.Judgements)

	n := late.News
	require.Equal(t, "a run", n.About.Title)
	require.Contains(t, n.About.Generator, "0 Linear")
	require.Contains(t, n.About.Discriminator, "[n 8]")
	require.Contains(t, n.About.Settings, [2]string{"objective", "nonsaturating"})
	require.Contains(t, n.About.Settings, [2]string{"seed", "3"})
	require.Equal(t, 300, n.Status.Steps)
	require.Positive(t, n.Status.Memory)
	require.Len(t, n.Points, 300)
	require.Equal(t, 300, stepsOf(n.Points)[299])
	require.NotEmpty(t, n.Measures)
	require.IsIncreasing(t, stepsOf(n.Measures))
	require.IsIncreasing(t, stepsOf(n.Pictures))
	require.Equal(t, 1, stepsOf(n.Pictures)[0])
	require.Equal(t, 300, stepsOf(n.Pictures)[len(n.Pictures)-1])
	require.Contains(t, n.Remarks, remark{150, "half of it is over"})
	require.Equal(t, []map[string]any{{"s": 150.0, "n": "distance", "v": 3.0, "fl": nil, "sh": []any{0.25, 0.75}}}, n.Judgements)

	answer, err := http.Get(fmt.Sprint(s.URL, "/pictures/", n.Pictures[0]["id"], ".png"))
	require.NoError(t, err)
	defer answer.Body.Close()
	img, err := png.Decode(answer.Body)
	require.NoError(t, err)
	require.Equal(t, image.Pt(360, 360), img.Bounds().Size())

	// Another run takes the page over.
	train(t, p, 30)
	late.until(func() bool { return late.News.Status.State == "done" && late.News.Status.Steps == 30 })
	require.Len(t, late.News.Points, 30)
	require.Empty(t, late.News.Judgements)
}

// A run that goes on until it is stopped has no number of steps to be shown, and no time
// left.
func TestRunWithoutEnd(t *testing.T) {
	p := New(Options{})
	enough := errors.New("enough")
	trainer, source := newTrainer(t)
	_, err := trainer.Fit(context.Background(), source, gan.Steps(math.MaxInt), gan.On(p.Hook(), gan.Hook{Step: func(*gan.StepInfo) error {
		require.Zero(t, p.status.Steps)
		require.True(t, math.IsNaN(float64(p.status.Left)))
		return enough
	}}))
	require.ErrorIs(t, err, enough)
	require.Equal(t, "stopped", p.status.State)
}

// The points are means of what the steps told.
func TestPoints(t *testing.T) {
	p := New(Options{})
	var d, g, norm []float64
	train(t, p, 2500, gan.Hook{Step: func(s *gan.StepInfo) error {
		d, g = append(d, s.Losses.Discriminator()), append(g, s.Losses.Generator)
		_, n := s.GradNorms()
		norm = append(norm, n)
		return nil
	}})
	points := p.points.items
	require.Equal(t, 625, len(points))
	for k, x := range points {
		require.Equal(t, 4*k+4, x.Step)
		mean := func(v []float64) float64 { return (v[4*k] + v[4*k+1] + v[4*k+2] + v[4*k+3]) / 4 }
		require.InDelta(t, mean(d), float64(x.Discriminator), 1e-12)
		require.InDelta(t, mean(g), float64(x.Generator), 1e-12)
		require.InDelta(t, mean(norm), float64(x.DiscriminatorNorm), 1e-12)
	}
}

// However long a run is, lists stay short, cover all of it, and keep the last.
func TestLists(t *testing.T) {
	joined := list[point]{most: 8, join: join}
	plain := list[picture]{most: 8}
	thinned := 0
	for i := 1; i <= 1000; i++ {
		if joined.add(point{Step: i, Generator: number(i)}) {
			thinned++
		}
		plain.add(picture{Step: i})
		require.LessOrEqual(t, len(joined.items), 8)
		require.LessOrEqual(t, len(plain.items), 8)
		require.Equal(t, i, joined.items[len(joined.items)-1].Step)
		require.Equal(t, i, plain.items[len(plain.items)-1].Step)
		require.Equal(t, 1, plain.items[0].Step)
		require.LessOrEqual(t, float64(joined.items[0].Generator), float64(joined.items[0].Step))
	}
	require.Positive(t, thinned)
	nan := number(math.NaN())
	require.Equal(t, number(2), join(point{Generator: nan}, point{Generator: 2}).Generator)
	require.Equal(t, number(2), join(point{Generator: 2}, point{Generator: nan}).Generator)

	l := list[int]{most: 4}
	for i := range 3 {
		l.add(i)
	}
	require.Equal(t, []int{0, 1, 2}, l.fresh())
	l.add(3)
	require.Equal(t, []int{0, 1, 2}, l.known())
	require.True(t, l.add(4))
	require.Empty(t, l.known(), "browsers are told anew")
	require.Equal(t, []int{0, 2, 4}, l.fresh())
}

// A browser that takes nothing delays neither training nor others, what waits for it
// is bounded, and when it takes something again, it sees everything.
func TestSlowBrowser(t *testing.T) {
	p := New(Options{})
	c := &client{anew: true, wake: make(chan struct{}, 1)}
	p.clients[c] = struct{}{}
	require.Equal(t, "everything", p.take(c)[0].name)
	for i := range 10 * mostQueued {
		p.Judged(i, Judgement{})
		require.LessOrEqual(t, len(c.queue), mostQueued)
	}
	messages := p.take(c)
	require.Len(t, messages, 1)
	require.Equal(t, "everything", messages[0].name)
	require.Len(t, messages[0].news.Judgements, 10*mostQueued)
	p.Judged(1000, Judgement{})
	messages = p.take(c)
	require.Len(t, messages, 1)
	require.Equal(t, "news", messages[0].name)
	require.Len(t, messages[0].news.Judgements, 1)

	// A message is encoded once for all.
	require.Equal(t, &messages[0].bytes()[0], &messages[0].bytes()[0])

	// A connection that is open and never read.
	s := serve(t, p)
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.URL, "http://"))
	require.NoError(t, err)
	defer conn.Close()
	fmt.Fprintf(conn, "GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n")
	train(t, p, 2000)
	other := listen(t, s.URL)
	other.next()
	require.Equal(t, "done", other.News.Status.State)
}

// One that never ends its question, or never takes the answer, is left; one that listens
// is not.
func TestStuckBrowsers(t *testing.T) {
	p := New(Options{})
	large := bytes.Repeat([]byte("large"), 8<<20) // more than a connection holds
	p.pictures.add(picture{Step: 1, ID: 1, png: large})
	s := httptest.NewUnstartedServer(nil)
	s.Config = p.newServer(time.Second, time.Second)
	s.Start()
	t.Cleanup(s.Close)
	listens := listen(t, s.URL)
	listens.next()
	ask := func(request string) net.Conn {
		conn, err := net.Dial("tcp", strings.TrimPrefix(s.URL, "http://"))
		require.NoError(t, err)
		t.Cleanup(func() { conn.Close() })
		require.NoError(t, conn.SetDeadline(time.Now().Add(time.Minute)))
		_, err = fmt.Fprint(conn, request)
		require.NoError(t, err)
		return conn
	}
	takes := ask("GET /pictures/1.png HTTP/1.1\r\nHost: localhost\r\n\r\n")
	for _, request := range []string{"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n", "GET / HTTP/1.1\r\nHost:"} {
		_, err := io.Copy(io.Discard, ask(request))
		require.NoError(t, err, "the server ends the connection")
	}
	refused, err := io.ReadAll(ask("OPTIONS * HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"))
	require.NoError(t, err)
	require.Contains(t, string(refused), "405 Method Not Allowed", "by the page, and not answered without it")
	n, _ := io.Copy(io.Discard, takes)
	require.Less(t, n, int64(len(large)))
	p.Judged(7, Judgement{})
	listens.next()
	require.EqualValues(t, 7, listens.News.Judgements[0]["s"])
}

// The page changes no bit of training.
func TestSameBits(t *testing.T) {
	samples := func(hooks ...gan.Hook) []float32 {
		trainer, source := newTrainer(t)
		_, err := trainer.Fit(context.Background(), source, gan.Steps(100), gan.On(hooks...))
		require.NoError(t, err)
		return trainer.Sample(4, 1).Float32s()
	}
	require.Equal(t, samples(), samples(New(Options{Every: 7}).Hook()))
}

func TestWhoMayAsk(t *testing.T) {
	p := New(Options{Hosts: []string{"gpu3.example.org"}})
	ask := func(method, path, host string) *http.Response {
		r := httptest.NewRequest(method, "http://"+host+path, nil)
		w := httptest.NewRecorder()
		p.ServeHTTP(w, r)
		return w.Result()
	}
	for _, host := range []string{"localhost", "localhost:8080", "127.0.0.1:8080", "127.1.2.3", "[::1]:8080", "[::1]", "LocalHost:1", "gpu3.example.org:80", "GPU3.example.org"} {
		assert.Equal(t, 200, ask("GET", "/", host).StatusCode, host)
	}
	for _, host := range []string{"evil.example", "evil.example:8080", "10.0.0.7:8080", "localhost.evil.example", "127.0.0.1.evil.example", "0.0.0.0"} {
		assert.Equal(t, 403, ask("GET", "/", host).StatusCode, host)
	}
	for _, method := range []string{"POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE"} {
		answer := ask(method, "/", "localhost")
		assert.Equal(t, 405, answer.StatusCode, method)
		assert.Equal(t, "GET, HEAD", answer.Header.Get("Allow"))
	}
	for path, kind := range map[string]string{"/": "text/html", "/watch.js": "text/javascript", "/watch.css": "text/css", "/icon.svg": "image/svg+xml", "/events": "text/event-stream"} {
		answer := ask("HEAD", path, "localhost")
		assert.Equal(t, 200, answer.StatusCode, path)
		assert.Contains(t, answer.Header.Get("Content-Type"), kind)
		assert.Contains(t, answer.Header.Get("Content-Security-Policy"), "default-src 'none'")
		assert.NotContains(t, answer.Header.Get("Content-Security-Policy"), "unsafe")
		assert.Equal(t, "nosniff", answer.Header.Get("X-Content-Type-Options"))
		assert.Empty(t, answer.Header.Get("Access-Control-Allow-Origin"))
	}
	for _, path := range []string{"/page/index.html", "/watch.go", "/pictures/1.png", "/pictures/x", "/index.html", "/watch"} {
		assert.Equal(t, 404, ask("GET", path, "localhost").StatusCode, path)
	}
}

// The page loads nothing from elsewhere, and runs and styles nothing in its text,
// which its policy would forbid.
func TestPageIsItself(t *testing.T) {
	for _, name := range []string{"index.html", "watch.js", "watch.css", "icon.svg"} {
		b, err := files.ReadFile("page/" + name)
		require.NoError(t, err)
		text := strings.ReplaceAll(string(b), "http://www.w3.org/2000/svg", "")
		for _, foreign := range []string{"http:", "https:", "//www", "@import", "url(", " style=", "onclick=", "onload=", "javascript:", "eval(", "innerHTML", "<script>", "<style"} {
			assert.NotContains(t, text, foreign, name)
		}
	}
}

// Below a path of another server.
func TestBelowAPath(t *testing.T) {
	mux := http.NewServeMux()
	mux.Handle("/training/", http.StripPrefix("/training", New(Options{})))
	s := serve(t, mux)
	for _, path := range []string{"/training/", "/training/watch.js"} {
		answer, err := http.Get(s.URL + path)
		require.NoError(t, err)
		answer.Body.Close()
		require.Equal(t, 200, answer.StatusCode)
	}
}

func TestListen(t *testing.T) {
	p := New(Options{})
	for _, address := range []string{"0.0.0.0:0", "10.1.2.3:80", "[::]:0", "example.org:80", "localhost", "localhost:http:1", "nonsense"} {
		_, err := p.Listen(address)
		require.Error(t, err, address)
	}
	_, err := p.Listen("0.0.0.0:8080")
	require.ErrorContains(t, err, "ssh -L 8080:localhost:8080")

	url, err := p.Listen(":0")
	require.NoError(t, err)
	require.Regexp(t, `^http://localhost:\d+/$`, url)
	answer, err := http.Get(url)
	require.NoError(t, err)
	body, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	answer.Body.Close()
	require.True(t, bytes.HasPrefix(body, []byte("<!doctype html>")))
	_, port, _ := net.SplitHostPort(strings.Trim(strings.TrimPrefix(url, "http://"), "/"))
	_, err = New(Options{}).Listen("localhost:" + port)
	require.ErrorContains(t, err, "in use")
	require.NoError(t, p.Close())
	require.NoError(t, p.Close())
	_, err = http.Get(url)
	require.Error(t, err)
}

// A browser that has gone is forgotten, and so is the server's own goroutine.
func TestClientsLeave(t *testing.T) {
	p := New(Options{})
	s := serve(t, p)
	ctx, cancel := context.WithCancel(context.Background())
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, s.URL+"/events", nil)
	require.NoError(t, err)
	answer, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	clients := func() int {
		p.mu.Lock()
		defer p.mu.Unlock()
		return len(p.clients)
	}
	require.Equal(t, 1, clients())
	cancel()
	answer.Body.Close()
	require.Eventually(t, func() bool { return clients() == 0 }, time.Minute, time.Millisecond)

	// There are only so many.
	p.mu.Lock()
	for range mostClients {
		p.clients[&client{}] = struct{}{}
	}
	p.mu.Unlock()
	refused, err := http.Get(s.URL + "/events")
	require.NoError(t, err)
	refused.Body.Close()
	require.Equal(t, 503, refused.StatusCode)
}

// Samples of every kind: images in rows or as they are, and what nobody can draw.
func TestPictures(t *testing.T) {
	shown := func(o Options, latent int, g nn.Module, shape ...int) (size image.Point) {
		d := nn.Sequential(nn.Flatten(), nn.Linear(product(shape), 1))
		if len(shape) == 1 {
			d = nn.Linear(shape[0], 1)
		}
		trainer, err := gan.New(g, d, gan.Config{Latent: latent})
		require.NoError(t, err)
		p := New(o)
		w := newWatching(p, gan.Run{Trainer: trainer, Steps: 1})
		if w.draw == nil {
			return image.Point{}
		}
		w.picture(1, trainer.Generator())
		if len(p.pictures.items) == 0 {
			return image.Pt(-1, -1)
		}
		img, err := png.Decode(bytes.NewReader(p.pictures.items[0].png))
		require.NoError(t, err)
		return img.Bounds().Size()
	}
	require.Equal(t, image.Pt(4*58+2, 4*58+2), shown(Options{}, 2, nn.Sequential(nn.Linear(2, 784), nn.Reshape(1, 28, 28)), 1, 28, 28))
	require.Equal(t, image.Pt(2*66+2, 66+2), shown(Options{Samples: 2}, 2, nn.Sequential(nn.Linear(2, 3*64*64), nn.Reshape(3, 64, 64)), 3, 64, 64))
	require.Equal(t, image.Pt(4*(3*18+2)+2, 4*(2*18+2)+2), shown(Options{}, 2, nn.Sequential(nn.Linear(2, 6), nn.Reshape(2, 3)), 2, 3))
	require.Equal(t, image.Point{}, shown(Options{}, 2, nn.Linear(2, 5), 5))
	own := func(x *tensor.Tensor) (image.Image, error) {
		return image.NewGray(image.Rect(0, 0, x.Dim(0), x.Dim(1))), nil
	}
	require.Equal(t, image.Pt(16, 5), shown(Options{Draw: own}, 2, nn.Linear(2, 5), 5))
	failing := func(*tensor.Tensor) (image.Image, error) { return nil, errors.New("no") }
	require.Equal(t, image.Pt(-1, -1), shown(Options{Draw: failing}, 2, nn.Linear(2, 5), 5))
	nothing := func(*tensor.Tensor) (image.Image, error) { return nil, nil }
	require.Equal(t, image.Pt(-1, -1), shown(Options{Draw: nothing}, 2, nn.Linear(2, 5), 5))
}

func product(shape []int) int {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return n
}

func TestMisuse(t *testing.T) {
	var misuse *tensor.ArgumentError
	require.ErrorAs(t, tensor.Catch(func() { New(Options{Every: -1}) }), &misuse)
}

func TestNumbers(t *testing.T) {
	b, err := json.Marshal([]number{number(math.NaN()), number(math.Inf(1)), 0, -1.23456789, 1e-30, 12345678})
	require.NoError(t, err)
	require.Equal(t, `[null,null,0,-1.2346,1e-30,1.2346e+07]`, string(b))
	low, high, counts := histograms([]float64{0, 1, 1}, []float64{0.5})
	require.Equal(t, [2]float64{0, 1}, [2]float64{low, high})
	require.Equal(t, 1, counts[0][0])
	require.Equal(t, 2, counts[0][bins-1])
	require.Equal(t, 1, counts[1][bins/2])
	_, _, counts = histograms([]float64{2, 2}, []float64{2})
	require.Equal(t, 2, counts[0][0])
	// A network's output may overflow where the loss does not.
	_, _, counts = histograms([]float64{math.Inf(1), 1}, []float64{math.Inf(-1), math.NaN()})
	require.Equal(t, 4, counts[0][0]+counts[0][bins-1]+counts[1][0]+counts[1][bins-1])
	_, _, counts = histograms([]float64{math.Inf(1), 0}, []float64{-1})
	require.Equal(t, [3]int{1, 1, 1}, [3]int{counts[0][bins-1], counts[0][0], counts[1][0]})
	histograms([]float64{math.MaxFloat64, 0}, []float64{-math.MaxFloat64})
}
