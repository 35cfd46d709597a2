package main

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"image/png"
	"io"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/gander-ml/gander/gan"
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
	n    int
	seed uint64
}

// kind is a form of an answer.
type kind struct {
	name, media string
	write       func(io.Writer, query, *tensor.Tensor) error
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
	one, err := s.samples(context.Background(), query{n: 1})
	if err != nil {
		return nil, fmt.Errorf("the generator does not draw: %w", err)
	}
	if s.limits.samples = min(l.samples, l.bytes/(4*max(one.Len(), 1))); s.limits.samples < 1 {
		return nil, fmt.Errorf("a sample of %v takes more than %d bytes; raise -bytes", one.Shape()[1:], l.bytes)
	}
	if writePNG(io.Discard, query{}, one) != nil {
		s.kinds = s.kinds[1:] // these are no images
	}
	return s, nil
}

// parse reads a query, in which every name is known and there once.
func (s *server) parse(raw string) (query, error) {
	q := query{n: 1, seed: 1}
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
		default:
			return q, errors.New("there is n and seed, and nothing else")
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
	return k.write(w, q, samples)
}

// samples draws [n, …], in the shape of one sample if it is known.
func (s *server) samples(ctx context.Context, q query) (*tensor.Tensor, error) {
	const chunk = 64
	var parts []*tensor.Tensor
	random := tensor.NewStream(q.seed, "sample")
	for at := 0; at < q.n && ctx.Err() == nil; at += chunk {
		if err := tensor.Catch(func() {
			parts = append(parts, s.generator.Map(random.Normal(tensor.Float32, min(chunk, q.n-at), s.generator.Latent())))
		}); err != nil {
			return nil, err
		}
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	x := tensor.Concat(0, parts...)
	if shape := s.generator.SampleShape(); shape != nil {
		x = x.Reshape(append([]int{q.n}, shape...)...)
	}
	return x, nil
}

// encoder keeps its buffers, which are larger than the images.
var encoder = png.Encoder{BufferPool: &buffers{}}

type buffers struct{ sync.Pool }

func (b *buffers) Get() *png.EncoderBuffer  { e, _ := b.Pool.Get().(*png.EncoderBuffer); return e }
func (b *buffers) Put(e *png.EncoderBuffer) { b.Pool.Put(e) }

func writePNG(w io.Writer, _ query, x *tensor.Tensor) error {
	img, err := gan.ImageGrid{Gap: 2}.Image(x)
	if err != nil {
		return err
	}
	return encoder.Encode(w, img)
}

func writeNPY(w io.Writer, _ query, x *tensor.Tensor) error { return npy.Write(w, x) }

// writeJSON writes each sample as a row of its numbers.
func writeJSON(w io.Writer, q query, x *tensor.Tensor) error {
	return json.NewEncoder(w).Encode(struct {
		Seed    uint64      `json:"seed"`
		Shape   []int       `json:"shape"` // of all samples together
		Samples [][]float32 `json:"samples"`
	}{q.seed, x.Shape(), slices.Collect(slices.Chunk(x.Float32s(), max(x.Len()/q.n, 1)))})
}
