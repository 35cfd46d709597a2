package watch

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

//go:embed page
var files embed.FS

// security are the headers of every answer. The page loads nothing from anywhere
// else, runs no script but its own, and is shown in no frame.
var security = map[string]string{
	"Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
		"base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
	"Cross-Origin-Resource-Policy": "same-origin",
	"Referrer-Policy":              "no-referrer",
	"X-Content-Type-Options":       "nosniff",
}

// routes answers for the page's parts. Addresses are relative, so that the page may
// be served below any path.
func (p *Page) routes() http.Handler {
	mux := http.NewServeMux()
	for path, file := range map[string]string{"/{$}": "index.html", "/watch.js": "watch.js", "/watch.css": "watch.css", "/icon.svg": "icon.svg"} {
		mux.HandleFunc("GET "+path, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Cache-Control", "no-cache")
			http.ServeFileFS(w, r, files, "page/"+file)
		})
	}
	mux.HandleFunc("GET /pictures/{name}", p.servePicture)
	mux.HandleFunc("GET /events", p.serveEvents)
	return mux
}

// ServeHTTP implements [http.Handler]. Anything but GET and HEAD is refused, and so
// are names of this machine that are not in [Options.Hosts].
//
// Below another path the page is served with that path taken away, and with a slash
// at its end:
//
//	mux.Handle("/training/", http.StripPrefix("/training", page))
func (p *Page) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	for name, value := range security {
		w.Header().Set(name, value)
	}
	switch {
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "only GET and HEAD", http.StatusMethodNotAllowed)
	case !p.knows(r.Host):
		http.Error(w, "this page is not served by that name; see Options.Hosts of gan/watch", http.StatusForbidden)
	default:
		p.handler.ServeHTTP(w, r)
	}
}

// knows reports whether a browser that asks for a host means this page. A foreign
// page whose name leads here as well has another one.
func (p *Page) knows(host string) bool {
	name, _, err := net.SplitHostPort(host)
	if err != nil {
		name = strings.Trim(host, "[]")
	}
	return isLoopback(name) || slices.ContainsFunc(p.o.Hosts, func(known string) bool { return known == "*" || strings.EqualFold(known, name) })
}

// isLoopback reports whether a name is of this machine, for this machine.
func isLoopback(name string) bool {
	ip := net.ParseIP(name)
	return strings.EqualFold(name, "localhost") || ip != nil && ip.IsLoopback()
}

func (p *Page) servePicture(w http.ResponseWriter, r *http.Request) {
	id, err := strconv.Atoi(strings.TrimSuffix(r.PathValue("name"), ".png"))
	p.mu.Lock()
	at := slices.IndexFunc(p.pictures.items, func(x picture) bool { return err == nil && x.ID == id })
	var png []byte
	if at >= 0 {
		png = p.pictures.items[at].png
	}
	p.mu.Unlock()
	if png == nil {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", "image/png")
	w.Header().Set("Content-Length", strconv.Itoa(len(png)))
	w.Header().Set("Cache-Control", "private, max-age=3600")
	w.Write(png)
}

// Limits of the stream of events.
const (
	mostClients = 1000
	mostQueued  = 16               // messages that wait for one browser; with more, it gets everything anew
	stuck       = 20 * time.Second // after which a browser that takes nothing is left
	heartbeat   = 15 * time.Second // between two signs of life, for proxies
)

// client is one browser that listens. It is guarded by the page's lock.
type client struct {
	queue []*message
	anew  bool          // it needs all there is
	wake  chan struct{} // holds one
}

// resync has every browser get everything anew. It is called with the lock held.
func (p *Page) resync() {
	p.full = nil
	for _, sent := range []*int{&p.points.sent, &p.measures.sent, &p.pictures.sent, &p.remarks.sent, &p.judgements.sent} {
		*sent = 0
	}
	for c := range p.clients {
		c.queue, c.anew = nil, true
	}
}

// broadcast tells every browser what is new. Those that have not taken what they
// were told before will get everything anew.
func (p *Page) broadcast() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.status.Memory = memory()
	m := &message{name: "news", news: news{
		Status: p.status, Points: p.points.fresh(), Measures: p.measures.fresh(), Pictures: p.pictures.fresh(),
		Remarks: p.remarks.fresh(), Judgements: p.judgements.fresh(),
	}}
	p.full = nil
	for c := range p.clients {
		switch {
		case c.anew:
		case len(c.queue) == mostQueued:
			c.queue, c.anew = nil, true
		default:
			c.queue = append(c.queue, m)
		}
		select {
		case c.wake <- struct{}{}:
		default:
		}
	}
}

// take returns what a browser is to be sent.
func (p *Page) take(c *client) []*message {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !c.anew {
		queue := c.queue
		c.queue = nil
		return queue
	}
	c.queue, c.anew = nil, false
	if p.full == nil {
		p.full = &message{name: "everything", news: news{
			About: p.about, Status: p.status, Points: p.points.known(), Measures: p.measures.known(), Pictures: p.pictures.known(),
			Remarks: p.remarks.known(), Judgements: p.judgements.known(),
		}}
	}
	return []*message{p.full}
}

// serveEvents sends a browser everything, and then what is new, until it has gone.
func (p *Page) serveEvents(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodHead {
		w.Header().Set("Content-Type", "text/event-stream")
		return
	}
	c := &client{anew: true, wake: make(chan struct{}, 1)}
	p.mu.Lock()
	full := len(p.clients) >= mostClients
	if !full {
		p.clients[c] = struct{}{}
	}
	p.mu.Unlock()
	if full {
		w.Header().Set("Retry-After", "10")
		http.Error(w, "too many browsers look at this page", http.StatusServiceUnavailable)
		return
	}
	defer func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.clients, c)
	}()
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Accel-Buffering", "no") // nginx would wait for more
	control := http.NewResponseController(w)
	send := func(text []byte) bool {
		control.SetWriteDeadline(time.Now().Add(stuck)) // not every server can
		_, err := w.Write(text)
		return err == nil && control.Flush() == nil
	}
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	c.wake <- struct{}{}
	for {
		select {
		case <-r.Context().Done():
			return
		case <-beat.C:
			if !send([]byte(": alive\n\n")) {
				return
			}
		case <-c.wake:
			for _, m := range p.take(c) {
				if !send(m.bytes()) {
					return
				}
			}
		}
	}
}

// Listen serves the page at a host and port of this machine, "localhost:8080", on a
// goroutine of its own until [Page.Close], and returns its address for a browser,
// "http://localhost:8080/". The port 0 means any that is free, and no host means
// localhost. Other hosts than loopback ones are refused unless they are in
// [Options.Hosts], since anybody in the network could look on then; from another
// machine,
//
//	ssh -L 8080:localhost:8080 machine
//
// shows it as well.
func (p *Page) Listen(address string) (url string, err error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return "", fmt.Errorf("watch: %w; give a host and a port, as in localhost:8080", err)
	}
	if host == "" {
		host = "localhost"
	}
	if !p.knows(net.JoinHostPort(host, port)) {
		return "", fmt.Errorf("watch: at %s everybody in the network could look on; listen at localhost:%s, and from another machine go through ssh -L %s:localhost:%s", address, port, port, port)
	}
	l, err := net.Listen("tcp", net.JoinHostPort(host, port))
	if err != nil {
		return "", fmt.Errorf("watch: %w", err)
	}
	s := p.newServer(10*time.Second, time.Minute)
	p.mu.Lock()
	before := p.server
	p.server = s
	p.mu.Unlock()
	if before != nil {
		before.Close()
	}
	go s.Serve(l) // until Close
	_, port, _ = net.SplitHostPort(l.Addr().String())
	return "http://" + net.JoinHostPort(host, port) + "/", nil
}

// newServer returns a server of the page that leaves a browser which takes too long to
// ask or to take an answer. [Page.serveEvents] has deadlines of its own.
func (p *Page) newServer(toAsk, toTake time.Duration) *http.Server {
	return &http.Server{Handler: p, ReadTimeout: toAsk, WriteTimeout: toTake, IdleTimeout: time.Minute, MaxHeaderBytes: 16 << 10,
		DisableGeneralOptionsHandler: true}
}

// Close ends what [Page.Listen] has begun, after what is on its way to browsers has
// had a second to arrive.
func (p *Page) Close() error {
	p.mu.Lock()
	s := p.server
	p.server = nil
	for c := range p.clients {
		select {
		case c.wake <- struct{}{}:
		default:
		}
	}
	p.mu.Unlock()
	if s == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if err := s.Shutdown(ctx); errors.Is(err, context.DeadlineExceeded) {
		return s.Close()
	} else {
		return err
	}
}
