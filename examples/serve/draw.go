package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"image/png"
	"io"
	"log"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/gander-ml/gander/gan"
	"github.com/gander-ml/gander/gan/gallery"
	"github.com/gander-ml/gander/tensor"
	"github.com/gander-ml/gander/tensor/npy"
)

// limits bound what a request may ask for and what all of them take.
type limits struct {
	samples, bytes    int // of one answer
	requests, drawing int // at a time; those that are not drawn for wait
	time              time.Duration
}

// query is what a request asks for.
type query struct {
	n     int
	seed  uint64
	label int // the class of all samples; −1: as often as the data has each
}

// kind is a form of an answer.
type kind struct {
	name, media string
	write       func(*server, io.Writer, query, *tensor.Tensor) error
}

type server struct {
	generator *gan.Generator
	limits
	model    []byte        // hash of what samples depend on besides the query
	kinds    []kind        // that the samples have
	requests chan struct{} // holds one for each that is under way
	drawing  chan struct{} // and one for each that is drawn for
	metrics
}

func newServer(g *gan.Generator, l limits) (*server, error) {
	hash := sha256.New()
	if err := g.Write(hash); err != nil {
		return nil, err
	}
	fmt.Fprint(hash, g.Device().Arithmetic())
	s := &server{generator: g, limits: l, model: hash.Sum(nil),
		requests: make(chan struct{}, l.requests), drawing: make(chan struct{}, l.drawing),
		kinds: []kind{{"png", "image/png", writePNG}, {"json", "application/json", writeJSON}, {"npy", "application/octet-stream", writeNPY}}}
	one, err := s.samples(context.Background(), query{n: 1, label: -1})
	if err != nil {
		return nil, fmt.Errorf("the generator does not draw: %w", err)
	}
	if s.limits.samples = min(l.samples, l.bytes/(4*max(one.Len(), 1))); s.limits.samples < 1 {
		return nil, fmt.Errorf("a sample of %v takes more than %d bytes; raise -bytes", one.Shape()[1:], l.bytes)
	}
	if writePNG(s, io.Discard, query{}, one) != nil {
		s.kinds = s.kinds[1:] // these are no images
	}
	return s, nil
}

// sample answers one request for samples.
func (s *server) sample(w http.ResponseWriter, r *http.Request, k kind) {
	q, err := s.parse(r.URL.RawQuery)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	tag := s.tag(q, k)
	cacheable := func() {
		w.Header().Set("ETag", tag)
		w.Header().Set("Cache-Control", "public, max-age=3600")
	}
	if strings.Contains(r.Header.Get("If-None-Match"), tag) {
		cacheable()
		w.WriteHeader(http.StatusNotModified)
		return
	}
	select {
	case s.requests <- struct{}{}:
		defer func() { <-s.requests }()
	default:
		w.Header().Set("Retry-After", "1")
		http.Error(w, "too many requests at a time; try again in a second", http.StatusTooManyRequests)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), s.time)
	defer cancel()
	var body bytes.Buffer
	switch err := s.draw(ctx, &body, q, k); {
	case r.Context().Err() != nil: // the client is gone
		w.WriteHeader(499)
	case ctx.Err() != nil:
		http.Error(w, "this took too long; ask for fewer samples", http.StatusServiceUnavailable)
	case err != nil:
		log.Print(err)
		http.Error(w, "the samples could not be drawn", http.StatusInternalServerError)
	default:
		cacheable()
		w.Header().Set("Content-Type", k.media)
		w.Header().Set("Content-Length", fmt.Sprint(body.Len()))
		w.Write(body.Bytes()) // an error means that nobody reads any more
		s.drawn.Add(int64(q.n))
	}
}

// parse reads a query, in which every name is known and there once.
func (s *server) parse(raw string) (query, error) {
	q := query{n: 1, seed: 1, label: -1}
	values, err := url.ParseQuery(raw)
	if err != nil {
		return q, errors.New("this is not a query such as n=10&seed=7")
	}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		v := values[name]
		if len(v) > 1 {
			return q, errors.New("a name is there twice")
		}
		switch name {
		case "n":
			if q.n, err = strconv.Atoi(v[0]); err != nil || q.n < 1 || q.n > s.limits.samples {
				return q, fmt.Errorf("n is a whole number from 1 to %d", s.limits.samples)
			}
		case "seed":
			if q.seed, err = strconv.ParseUint(v[0], 10, 64); err != nil {
				return q, errors.New("seed is a whole number from 0 to 18446744073709551615")
			}
		case "label":
			classes := s.generator.Classes()
			if q.label = slices.Index(classes, v[0]); classes == nil {
				return q, errors.New("there are no labels: the generator has no classes")
			} else if q.label < 0 {
				return q, fmt.Errorf("label is the name of a class, such as %q", classes[0])
			}
		default:
			return q, errors.New("there are n, seed and label, and nothing else")
		}
	}
	return q, nil
}

// tag tells answers with other bytes apart.
func (s *server) tag(q query, k kind) string {
	return fmt.Sprintf(`"%.16x"`, sha256.Sum256(fmt.Appendf(nil, "%x %s %+v", s.model, k.name, q)))
}

// draw writes an answer, unless the context ends first.
func (s *server) draw(ctx context.Context, w io.Writer, q query, k kind) error {
	select {
	case s.drawing <- struct{}{}:
		defer func() { <-s.drawing }()
	case <-ctx.Done():
		return ctx.Err()
	}
	samples, err := s.samples(ctx, q)
	if err != nil {
		return err
	}
	return k.write(s, w, q, samples)
}

// samples draws [n, …], in the shape of one sample if it is known.
func (s *server) samples(ctx context.Context, q query) (*tensor.Tensor, error) {
	x, err := s.generator.Draw(ctx, gan.Request{N: q.n, Seed: q.seed, Labels: s.labels(q)})
	if shape := s.generator.SampleShape(); err == nil && shape != nil {
		x = x.Reshape(append([]int{q.n}, shape...)...)
	}
	return x, err
}

// labels are the samples' classes, or nil if there are none.
func (s *server) labels(q query) []int {
	switch {
	case s.generator.Classes() == nil:
		return nil
	case q.label < 0:
		return s.generator.Labels(q.n, q.seed)
	}
	return slices.Repeat([]int{q.label}, q.n)
}

// encoder keeps its buffers, which are larger than the images. Its fastest way makes
// images a twentieth larger in half the time.
var encoder = png.Encoder{CompressionLevel: png.BestSpeed, BufferPool: &buffers{}}

type buffers struct{ sync.Pool }

func (b *buffers) Get() *png.EncoderBuffer  { e, _ := b.Pool.Get().(*png.EncoderBuffer); return e }
func (b *buffers) Put(e *png.EncoderBuffer) { b.Pool.Put(e) }

func writePNG(_ *server, w io.Writer, _ query, x *tensor.Tensor) error {
	img, err := gallery.Grid{Gap: 2}.Image(x)
	if err != nil {
		return err
	}
	return encoder.Encode(w, img)
}

func writeNPY(_ *server, w io.Writer, _ query, x *tensor.Tensor) error { return npy.Write(w, x) }

// writeJSON writes each sample as a row of its numbers.
func writeJSON(s *server, w io.Writer, q query, x *tensor.Tensor) error {
	var labels []string
	for _, label := range s.labels(q) {
		labels = append(labels, s.generator.Classes()[label])
	}
	return json.NewEncoder(w).Encode(struct {
		Seed    uint64      `json:"seed"`
		Labels  []string    `json:"labels,omitempty"`
		Shape   []int       `json:"shape"` // of all samples together
		Samples [][]float32 `json:"samples"`
	}{q.seed, labels, x.Shape(), slices.Collect(slices.Chunk(x.Float32s(), max(x.Len()/q.n, 1)))})
}
