// Command serve measures examples/serve beside onnxruntime, which runs the same
// generator, exported, behind uvicorn: both servers on one core, the client on
// another, by turns.
//
//	go run ./bench/serve -python PYTHON > bench/serve/RESULTS.md
//
// PYTHON is one that has what bench/serve/requirements.txt lists. It needs Linux,
// for taskset, two cores, and a minute and a half. onnx.py is the other server. Rows
// "in the program" leave the network out: the time of a call that draws latent
// vectors and makes the samples. Of these times, and those of a single client's
// answers, the least of a round counts, and of the servers' work their own threads'
// time, so that other programs on the machine are left out. The table holds medians
// over the rounds.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gander-ml/gander/gan"
	"github.com/gander-ml/gander/gan/pretrained"
	"github.com/gander-ml/gander/nn/onnx"
	"github.com/gander-ml/gander/tensor"
)

// span is how long one measurement takes.
const span = 700 * time.Millisecond

var batches = []int{1, 64}

// The rows of the table.
const (
	inProgram    = "in the program, µs"
	oneClient    = "one client, µs for an answer"
	eightClients = "eight clients, answers per second of the core"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("serve: ")
	rounds := flag.Int("rounds", 9, "measurements of each")
	python := flag.String("python", "python3", "Python interpreter")
	alone := flag.Int("direct", 0, "only print the microseconds of each call that draws so many samples")
	flag.Parse()
	var err error
	if *alone > 0 {
		err = direct(*alone)
	} else {
		err = run(*rounds, *python)
	}
	if err != nil {
		log.Fatal(err)
	}
}

func direct(n int) error {
	g, err := pretrained.Digits()
	if err != nil {
		return err
	}
	tensor.CPU().SetThreads(1)
	var times []float64
	for end := time.Now().Add(span); time.Now().Before(end); {
		start := time.Now()
		if _, err := g.Draw(context.Background(), gan.Request{N: n, Seed: uint64(len(times))}); err != nil {
			return err
		}
		times = append(times, micro(start))
	}
	fmt.Println(strings.Trim(fmt.Sprint(times), "[]"))
	return nil
}

func micro(start time.Time) float64 { return float64(time.Since(start).Nanoseconds()) / 1000 }

// side is one of the two that are compared.
type side struct {
	direct func(n int) *exec.Cmd
	url    string
	server *exec.Cmd
	values map[string][]float64 // measurements, by row
}

func run(rounds int, python string) error {
	dir, err := os.MkdirTemp("", "serve")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	model, program, self := filepath.Join(dir, "digits.onnx"), filepath.Join(dir, "server"), filepath.Join(dir, "self")
	g, err := pretrained.Digits()
	if err != nil {
		return err
	}
	graph, err := g.Graph()
	if err != nil {
		return err
	}
	if err := onnx.Save(model, graph); err != nil {
		return err
	}
	for out, pkg := range map[string]string{program: "./examples/serve", self: "./bench/serve"} {
		if text, err := exec.Command("go", "build", "-o", out, pkg).CombinedOutput(); err != nil {
			return fmt.Errorf("%w: %s", err, text)
		}
	}
	if text, err := exec.Command("taskset", "-apc", "1", strconv.Itoa(os.Getpid())).CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, text)
	}
	pinned := func(args ...string) *exec.Cmd {
		cmd := exec.Command("taskset", append([]string{"-c", "0"}, args...)...)
		cmd.Env = append(os.Environ(), "GOMAXPROCS=1")
		cmd.Stderr = os.Stderr
		return cmd
	}
	const script = "bench/serve/onnx.py"
	ports, err := free(2)
	if err != nil {
		return err
	}
	sides := []*side{
		{direct: func(n int) *exec.Cmd { return pinned(self, "-direct", strconv.Itoa(n)) }},
		{direct: func(n int) *exec.Cmd {
			return pinned(python, script, "direct", model, strconv.Itoa(n), fmt.Sprint(span.Seconds()))
		}},
	}
	for i, cmd := range []*exec.Cmd{
		pinned(program, "-addr", "127.0.0.1:"+ports[0]),
		pinned(python, script, "serve", model, ports[1]),
	} {
		if err := cmd.Start(); err != nil {
			return err
		}
		defer cmd.Wait()
		defer cmd.Process.Kill()
		sides[i].server = cmd
		sides[i].url, sides[i].values = "http://127.0.0.1:"+ports[i]+"/sample.npy", map[string][]float64{}
		if err := awake(sides[i].url); err != nil {
			return err
		}
	}
	for range rounds {
		for _, n := range batches {
			for _, s := range sides {
				if err := s.measure(n); err != nil {
					return err
				}
			}
		}
	}
	return report(sides[0], sides[1], g.Device().Arithmetic(), rounds)
}

// measure adds one measurement of each kind.
func (s *side) measure(n int) error {
	text, err := s.direct(n).Output()
	if err != nil {
		return err
	}
	var calls []float64
	for _, field := range strings.Fields(string(text)) {
		v, err := strconv.ParseFloat(field, 64)
		if err != nil {
			return err
		}
		calls = append(calls, v)
	}
	s.add(inProgram, n, slices.Min(calls))
	latency, err := s.load(n, 1)
	if err != nil {
		return err
	}
	s.add(oneClient, n, slices.Min(latency))
	before, err := busy(s.server.Process.Pid)
	if err != nil {
		return err
	}
	if latency, err = s.load(n, 8); err != nil {
		return err
	}
	after, err := busy(s.server.Process.Pid)
	s.add(eightClients, n, float64(len(latency))/(after-before).Seconds())
	return err
}

// busy returns how long the threads of a process have computed.
func busy(pid int) (total time.Duration, err error) {
	files, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
	if err != nil || len(files) == 0 {
		return 0, fmt.Errorf("the time of process %d is not known: %w", pid, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return 0, err
		}
		ns, err := strconv.ParseInt(strings.Fields(string(text))[0], 10, 64)
		if err != nil {
			return 0, err
		}
		total += time.Duration(ns)
	}
	return total, nil
}

func (s *side) add(row string, n int, v float64) {
	key := fmt.Sprint(row, " | ", n)
	s.values[key] = append(s.values[key], v)
}

// load asks with some connections at a time, and returns the microseconds of each
// answer.
func (s *side) load(n, clients int) (latency []float64, err error) {
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: clients}}
	defer client.CloseIdleConnections()
	var seed atomic.Int64
	var mu sync.Mutex
	var wait sync.WaitGroup
	start := time.Now()
	for range clients {
		wait.Go(func() {
			for time.Since(start) < span {
				begun := time.Now()
				e := get(client, fmt.Sprintf("%s?n=%d&seed=%d", s.url, n, seed.Add(1)), 128+n*784*4)
				mu.Lock()
				latency = append(latency, micro(begun))
				err = errors.Join(err, e)
				mu.Unlock()
				if e != nil {
					return
				}
			}
		})
	}
	wait.Wait()
	return latency, err
}

// get reads an answer, which must have so many bytes.
func get(client *http.Client, url string, size int) error {
	r, err := client.Get(url)
	if err != nil {
		return err
	}
	defer r.Body.Close()
	if got, err := io.Copy(io.Discard, r.Body); err != nil || r.StatusCode != 200 || got != int64(size) {
		return fmt.Errorf("%s: %s, %d bytes: %w", url, r.Status, got, err)
	}
	return nil
}

// awake waits until a server answers.
func awake(url string) (err error) {
	for range 300 {
		if err = get(http.DefaultClient, url+"?n=1&seed=1", 128+784*4); err == nil {
			return nil
		}
		time.Sleep(100 * time.Millisecond)
	}
	return err
}

// free returns ports that nobody listens to.
func free(n int) (ports []string, err error) {
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer l.Close()
		_, port, _ := net.SplitHostPort(l.Addr().String())
		ports = append(ports, port)
	}
	return ports, nil
}

func median(x []float64) float64 {
	slices.Sort(x)
	return x[len(x)/2]
}

func report(ours, theirs *side, arithmetic string, rounds int) error {
	fmt.Printf("# A generator that serves, beside onnxruntime\n\nMade by `go run ./bench/serve`: medians of %d rounds by turns, each server on the same core (%s), the client on another; see main.go. A ratio above 1 is Gander's advantage.\n\n", rounds, arithmetic)
	fmt.Print("| what | samples of an answer | Gander | onnxruntime | ratio | its range over the rounds |\n|---|---|---|---|---|---|\n")
	for _, row := range []string{inProgram, oneClient, eightClients} {
		for _, n := range batches {
			key := fmt.Sprint(row, " | ", n)
			var ratios []float64
			for i, a := range ours.values[key] {
				ratio := theirs.values[key][i] / a
				if row == eightClients {
					ratio = 1 / ratio
				}
				ratios = append(ratios, ratio)
			}
			fmt.Printf("| %s | %.0f | %.0f | %.2f | %.2f–%.2f |\n", key, median(ours.values[key]), median(theirs.values[key]), median(ratios), slices.Min(ratios), slices.Max(ratios))
		}
	}
	return nil
}
