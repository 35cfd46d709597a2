// Serve draws samples for whoever asks, over HTTP.
//
//	go run ./examples/serve
//	curl -o digits.png 'localhost:8080/sample.png?n=10&seed=7'
//
// It draws digits by a generator that is part of the program, or what the generator
// in the file -model draws. sample.png is an image, sample.json text, sample.npy a
// NumPy array [n, …]; n is the number of samples and seed that of their latent
// vectors, 1 if they are not given; label is their class, if the generator has
// classes. An answer depends on the model, the URL and the instruction set alone, so
// that all servers behind one address send the same bytes and caches may keep them:
// all three are in the ETag. The address itself shows a browser a page with samples and
// such URLs.
//
// Nonsense is answered with status 400 and a line that says what is wrong, a request
// too many with 429 and the seconds after which to try again, one that takes too
// long with 503. For a client that goes away no more is drawn. /healthz answers 200,
// /metrics in the text format of Prometheus.
//
// SIGTERM or Ctrl-C ends it: what was begun is answered, what comes is refused. The
// exit status is 0 then, 1 if something outside failed, and 2 after wrong usage.
package main

import (
	"context"
	"errors"
	"flag"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"runtime"
	"syscall"
	"time"

	"github.com/gander-ml/gander/gan"
	"github.com/gander-ml/gander/gan/pretrained"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("serve: ")
	var l limits
	address := flag.String("addr", "localhost:8080", "`address` to listen on; :8080 is that port of every network")
	model := flag.String("model", "", "generator's `file` (default: digits, which are part of the program)")
	flag.IntVar(&l.samples, "samples", 256, "most samples of an answer")
	flag.IntVar(&l.bytes, "bytes", 16<<20, "most bytes of an answer's samples, 4 a pixel")
	flag.IntVar(&l.requests, "requests", 64, "most requests at a time")
	flag.IntVar(&l.drawing, "parallel", runtime.GOMAXPROCS(0), "most requests that are drawn for at a time; others wait")
	flag.DurationVar(&l.time, "time", 10*time.Second, "most time for an answer")
	flag.Usage = func() { log.Print("see -help") } // a wrong flag needs no list of all
	for _, name := range []string{"h", "help"} {
		flag.BoolFunc(name, "list the flags", func(string) error { flag.PrintDefaults(); os.Exit(0); return nil })
	}
	flag.Parse()
	if flag.NArg() > 0 || *address == "" || min(l.samples, l.bytes, l.requests, l.drawing) < 1 || l.time <= 0 {
		log.Print("-addr names an address, limits are positive, and there are no arguments besides the flags; see -help")
		os.Exit(2)
	}
	if err := run(*address, *model, l); err != nil {
		log.Fatal(err)
	}
}

// run loads, listens, and serves until a signal comes.
func run(address, model string, l limits) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	g, err := pretrained.Digits()
	if model != "" {
		g, err = gan.LoadGenerator(model)
	}
	if err != nil {
		return err
	}
	s, err := newServer(g, l)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", address)
	if err == nil {
		log.Printf("samples of %v at http://%v/sample.%s?n=10&seed=7", g.SampleShape(), listener.Addr(), s.kinds[0].name)
		err = s.serve(ctx, listener)
	}
	return err
}

// serve answers until the context ends, and then until the last answer is out.
func (s *server) serve(ctx context.Context, listener net.Listener) error {
	server := &http.Server{Handler: s.handler(), MaxHeaderBytes: 16 << 10, ReadTimeout: 10 * time.Second,
		WriteTimeout: s.time + 30*time.Second, IdleTimeout: 2 * time.Minute}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	patience, cancel := context.WithTimeout(context.Background(), s.time+5*time.Second)
	defer cancel()
	if server.Shutdown(patience) != nil {
		return errors.New("stopped before every answer was sent: whoever asked reads too slowly")
	}
	return nil
}
