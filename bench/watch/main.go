// Watch measures what browsers that look at a run cost it (gan/watch).
//
//	go run ./bench/watch
//
// It trains the recipe "quick" with a page, and has 200 clients listen to the page's
// events in some stretches of time and none in the others, by turns. The clients are
// another process, as browsers are, but on the same machine, so that what they
// themselves take is part of the cost in wall-clock time. The time of the processor
// that this process has used per step does not have that, nor what else the machine
// does. Medians over the pairs of stretches are printed.
package main

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/gander-ml/gander/datasets"
	"github.com/gander-ml/gander/datasets/digits"
	"github.com/gander-ml/gander/gan"
	"github.com/gander-ml/gander/gan/recipe"
	"github.com/gander-ml/gander/gan/watch"
)

var (
	clients = flag.Int("clients", 200, "browsers")
	stretch = flag.Duration("stretch", 5*time.Second, "time with clients, and time without")
	pairs   = flag.Int("pairs", 12, "stretches of each kind")
	address = flag.String("listen", "", "be the clients of the page at this address (for the program itself)")
)

func main() {
	flag.Parse()
	err := error(nil)
	if *address != "" {
		err = listen()
	} else {
		err = measure()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "watch:", err)
		os.Exit(1)
	}
}

// listen is the other process: for each line of standard input it begins to listen
// with all clients, or ends.
func listen() error {
	var open []net.Conn
	var bytes atomic.Int64
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		for _, c := range open {
			c.Close()
		}
		if open = nil; lines.Text() == "on" {
			for range *clients {
				c, err := net.Dial("tcp", *address)
				if err != nil {
					return err
				}
				open = append(open, c)
				fmt.Fprintf(c, "GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n")
				go func() {
					n, _ := io.Copy(io.Discard, c)
					bytes.Add(n)
				}()
			}
		}
		fmt.Println("ready")
	}
	fmt.Println(bytes.Load())
	return nil
}

// reading is where a run stands.
type reading struct {
	at    time.Time
	cpu   time.Duration
	steps int64
}

func measure() error {
	images, err := digits.Load()
	if err != nil {
		return err
	}
	r := recipe.Quick()
	r.Steps = 1 << 20 // more than there is time for
	g, d := r.Networks()
	trainer, err := gan.New(g, d, r.Config())
	if err != nil {
		return err
	}
	page := watch.New(watch.Options{Every: 20, Seed: r.Seed}) // oftener than in the recipe's own length, where it is a hundred times in all
	url, err := page.Listen("localhost:0")
	if err != nil {
		return err
	}
	defer page.Close()
	others := exec.Command(os.Args[0], "-clients", fmt.Sprint(*clients), "-listen", strings.Trim(strings.TrimPrefix(url, "http://"), "/"))
	others.Stderr = os.Stderr
	in, err := others.StdinPipe()
	if err != nil {
		return err
	}
	out, err := others.StdoutPipe()
	if err != nil {
		return err
	}
	if err := others.Start(); err != nil {
		return err
	}
	defer others.Wait()
	defer in.Close()
	answers := bufio.NewScanner(out)

	ask := func(command string) error {
		fmt.Fprintln(in, command)
		if !answers.Scan() {
			return fmt.Errorf("the clients have ended: %w", answers.Err())
		}
		time.Sleep(*stretch / 5) // while they connect
		return nil
	}
	const messages = 200
	alone := map[string]time.Duration{}
	for _, command := range []string{"off", "on"} {
		if err := ask(command); err != nil {
			return err
		}
		before := cpuTime()
		for k := range messages {
			page.Judged(k, watch.Judgement{Shares: make([]float64, 1000)}) // 2,000 bytes
			time.Sleep(20 * time.Millisecond)
		}
		alone[command] = (cpuTime() - before) / messages
	}
	each := alone["on"] - alone["off"]
	fmt.Printf("a message to %d clients takes %v of the processor's time, two in a second %.2f %% of one core, %.2f %% of %d\n",
		*clients, each.Round(time.Microsecond), 200*each.Seconds(), 200*each.Seconds()/float64(runtime.NumCPU()), runtime.NumCPU())

	if *pairs < 1 {
		return nil
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var steps atomic.Int64
	done := make(chan error, 1)
	go func() {
		_, err := trainer.Fit(ctx, datasets.NewLoader(images, r.Batch, datasets.Conditions()), gan.Steps(r.Steps), gan.On(page.Hook(),
			gan.Hook{Step: func(*gan.StepInfo) error { steps.Add(1); return nil }}))
		done <- err
	}()
	read := func() reading { return reading{time.Now(), cpuTime(), steps.Load()} }
	during := func(command string) (perSecond, cpuPerStep float64, err error) {
		if err := ask(command); err != nil {
			return 0, 0, err
		}
		a := read()
		time.Sleep(*stretch)
		b := read()
		select {
		case err := <-done:
			return 0, 0, fmt.Errorf("training has ended: %w", err)
		default:
		}
		n := float64(b.steps - a.steps)
		return n / b.at.Sub(a.at).Seconds(), (b.cpu - a.cpu).Seconds() / n, nil
	}
	var wall, cpu []float64
	for k := range *pairs {
		order := []string{"off", "on"}
		if k%2 == 1 {
			slices.Reverse(order)
		}
		rate, perStep := map[string]float64{}, map[string]float64{}
		for _, command := range order {
			if rate[command], perStep[command], err = during(command); err != nil {
				return err
			}
		}
		wall = append(wall, rate["off"]/rate["on"]-1)
		cpu = append(cpu, perStep["on"]/perStep["off"]-1)
		fmt.Printf("%2d: %.1f steps/s without, %.1f with %d clients (%+.1f %%); processor per step %.2f and %.2f ms (%+.1f %%)\n", k+1,
			rate["off"], rate["on"], *clients, 100*wall[k], 1e3*perStep["off"], 1e3*perStep["on"], 100*cpu[k])
	}
	cancel()
	<-done
	fmt.Printf("median cost: %.2f %% of the wall-clock time, %.2f %% of the processor's\n", 100*median(wall), 100*median(cpu))
	return nil
}

func median(v []float64) float64 {
	s := slices.Sorted(slices.Values(v))
	return (s[len(s)/2] + s[(len(s)-1)/2]) / 2
}
