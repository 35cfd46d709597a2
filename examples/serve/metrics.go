package main

import (
	"bytes"
	"fmt"
	"maps"
	"net/http"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// metrics count what the server does.
type metrics struct {
	drawn atomic.Int64 // samples

	mu      sync.Mutex
	answers map[int]int // by status
	seconds float64     // that they took, together
	within  [len(bounds)]int
}

// bounds are the longest times of a histogram's classes, in seconds.
var bounds = [...]float64{0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10}

// handler is what the server answers by.
func (s *server) handler() http.Handler {
	mux := http.NewServeMux()
	for _, k := range s.kinds {
		mux.HandleFunc("GET /sample."+k.name, s.counted(func(w http.ResponseWriter, r *http.Request) { s.sample(w, r, k) }))
	}
	mux.HandleFunc("GET /{$}", s.home)
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, r *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("GET /metrics", s.report)
	return mux
}

// status remembers the status of an answer.
type status struct {
	http.ResponseWriter
	code int
}

func (s *status) WriteHeader(code int) {
	s.code = code
	s.ResponseWriter.WriteHeader(code)
}

// counted counts what h answers, and how long it takes.
func (m *metrics) counted(h http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		start, answer := time.Now(), &status{w, http.StatusOK}
		defer func() {
			took := time.Since(start).Seconds()
			m.mu.Lock()
			defer m.mu.Unlock()
			if m.answers == nil {
				m.answers = map[int]int{}
			}
			m.answers[answer.code]++
			m.seconds += took
			for i, bound := range bounds {
				if took <= bound {
					m.within[i]++
				}
			}
		}()
		w.Header().Set("X-Content-Type-Options", "nosniff")
		h(answer, r)
	}
}

// report writes the counts in the text format of Prometheus.
func (s *server) report(w http.ResponseWriter, r *http.Request) {
	var text bytes.Buffer
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	s.mu.Lock()
	all := 0
	head := func(name, kind, help string) {
		fmt.Fprintf(&text, "# HELP %s %s\n# TYPE %[1]s %[3]s\n", name, help, kind)
	}
	head("gander_requests_total", "counter", "Requests for samples that were answered, by status.")
	for _, code := range slices.Sorted(maps.Keys(s.answers)) {
		all += s.answers[code]
		fmt.Fprintf(&text, "gander_requests_total{code=\"%d\"} %d\n", code, s.answers[code])
	}
	head("gander_request_seconds", "histogram", "Time of these requests.")
	for i, bound := range bounds {
		fmt.Fprintf(&text, "gander_request_seconds_bucket{le=\"%g\"} %d\n", bound, s.within[i])
	}
	fmt.Fprintf(&text, "gander_request_seconds_bucket{le=\"+Inf\"} %d\ngander_request_seconds_sum %g\ngander_request_seconds_count %[1]d\n", all, s.seconds)
	s.mu.Unlock()
	head("gander_requests", "gauge", "Requests for samples that are under way.")
	fmt.Fprintf(&text, "gander_requests %d\n", len(s.requests))
	head("gander_samples_total", "counter", "Samples that were sent.")
	fmt.Fprintf(&text, "gander_samples_total %d\n", s.drawn.Load())
	head("gander_heap_bytes", "gauge", "Memory of the program's objects.")
	fmt.Fprintf(&text, "gander_heap_bytes %d\n", memory.HeapAlloc)
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	w.Write(text.Bytes())
}
