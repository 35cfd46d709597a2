// Firstuse measures what somebody waits for who has cloned the repository, never
// compiled anything before, and types the README's first command: the modules that are
// downloaded, the processor's time of the compiler and the linker, package by package,
// the longest chain of packages that wait for each other, and the time until the first
// line about progress.
//
//	go run ./bench/firstuse                    # go run ./examples/mnist -steps 157 …
//	go run ./bench/firstuse PACKAGE [ARGUMENTS]
//	go run ./bench/firstuse -build PACKAGE     # compiles only
//
// Go's build cache is a new, empty folder; the user's is left alone. The processor's
// time barely depends on what else the machine does; what the clock says does.
package main

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// action is a step of the go command, as -debug-actiongraph writes it.
type action struct {
	Mode, Package   string
	Deps            []int
	CmdUser, CmdSys time.Duration
	below           time.Duration // of the longest chain that ends here, once it is known

}

func (a *action) cost() time.Duration { return a.CmdUser + a.CmdSys }

func main() {
	log.SetFlags(0)
	log.SetPrefix("firstuse: ")
	only := flag.Bool("build", false, "compile the program, and do not run it")
	most := flag.Int("most", 12, "packages to list")
	flag.Parse()
	if err := measure(flag.Args(), *only, *most); err != nil {
		log.Fatal(err)
	}
}

func measure(command []string, only bool, most int) error {
	dir, err := os.MkdirTemp("", "firstuse")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if len(command) == 0 {
		command = []string{"./examples/mnist", "-steps", "157", "-looks", "0", "-out", filepath.Join(dir, "run")}
	}
	if err := modules(command[0]); err != nil {
		return err
	}
	graph, program := filepath.Join(dir, "graph.json"), filepath.Join(dir, "program")
	args := append([]string{"run", "-debug-actiongraph=" + graph}, command...)
	if only {
		args = []string{"build", "-debug-actiongraph=" + graph, "-o", program, command[0]}
	}
	c := exec.Command("go", args...)
	c.Env = append(os.Environ(), "GOCACHE="+filepath.Join(dir, "cache"))
	c.Stderr = os.Stderr
	out, err := c.StdoutPipe()
	if err != nil {
		return err
	}
	began := time.Now()
	if err := c.Start(); err != nil {
		return err
	}
	var first time.Duration
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if first == 0 && strings.HasPrefix(lines.Text(), "epoch") {
			first = time.Since(began)
		}
	}
	io.Copy(io.Discard, out)
	if err := c.Wait(); err != nil {
		return fmt.Errorf("go %s: %w", strings.Join(args, " "), err)
	}
	if first > 0 {
		fmt.Printf("first line about progress after %.1f s\n", first.Seconds())
	}
	content, err := os.ReadFile(graph)
	if err != nil {
		return err
	}
	var actions []action
	if err := json.Unmarshal(content, &actions); err != nil {
		return err
	}
	report(actions, most)
	return nil
}

// modules tells what is downloaded for a program.
func modules(program string) error {
	list, err := exec.Command("go", "list", "-deps", "-f", "{{with .Module}}{{if not .Main}}{{.Path}}@{{.Version}}{{end}}{{end}}", program).Output()
	if err != nil {
		return fmt.Errorf("go list %s: %w", program, err)
	}
	paths := strings.Fields(string(list))
	slices.Sort(paths)
	paths = slices.Compact(paths)
	var told []string
	sum := 0.
	if len(paths) > 0 {
		out, err := exec.Command("go", append([]string{"mod", "download", "-json"}, paths...)...).Output()
		if err != nil {
			return fmt.Errorf("go mod download: %w", err)
		}
		for d := json.NewDecoder(bytes.NewReader(out)); ; {
			var m struct{ Path, Zip string }
			if err := d.Decode(&m); err == io.EOF {
				break
			} else if err != nil {
				return err
			}
			info, err := os.Stat(m.Zip)
			if err != nil {
				return err
			}
			size := float64(info.Size()) / 1e6
			sum += size
			told = append(told, fmt.Sprintf("%s %.1f", m.Path, size))
		}
	}
	fmt.Printf("%d modules, %.1f MB: %s\n", len(paths), sum, strings.Join(told, ", "))
	return nil
}

// report tells where the processor's time went.
func report(actions []action, most int) {
	packages, rooms := map[string]time.Duration{}, map[string]time.Duration{}
	var sum, link, longest time.Duration
	for i := range actions {
		a := &actions[i]
		if a.Mode == "run" {
			continue
		}
		sum += a.cost()
		longest = max(longest, chain(actions, i))
		if a.Mode == "link" {
			link += a.cost()
			continue
		}
		packages[a.Package] += a.cost()
		rooms[room(a.Package)] += a.cost()
	}
	fmt.Printf("%.1f s of processor time to build %d packages, %.1f s of them in a chain, %.1f s to link\n", sum.Seconds(), len(packages), longest.Seconds(), link.Seconds())
	for _, name := range dearest(rooms, 100) {
		fmt.Printf("%7.2f s  %s\n", rooms[name].Seconds(), name)
	}
	fmt.Println("the dearest packages:")
	for _, name := range dearest(packages, most) {
		fmt.Printf("%7.2f s  %s\n", packages[name].Seconds(), name)
	}
}

// room is what a package is counted with.
func room(name string) string {
	first, _, _ := strings.Cut(name, "/")
	switch {
	case slices.Contains([]string{"net", "crypto", "mime", "vendor"}, first):
		return "standard library: net, crypto"
	case !strings.Contains(first, "."):
		return "standard library: the rest"
	case strings.HasPrefix(name, "github.com/gander-ml/gander/"):
		return "this module"
	}
	parts := strings.SplitN(name, "/", 4)
	return strings.Join(parts[:min(len(parts), 3)], "/")
}

// chain returns the time of the longest chain of actions that ends in one.
func chain(actions []action, i int) time.Duration {
	a := &actions[i]
	if a.below == 0 {
		for _, d := range a.Deps {
			a.below = max(a.below, chain(actions, d))
		}
		a.below += a.cost() + 1 // known
	}
	return a.below
}

func dearest(of map[string]time.Duration, most int) []string {
	var names []string
	for name, cost := range of {
		if cost > 0 {
			names = append(names, name)
		}
	}
	slices.SortFunc(names, func(a, b string) int { return cmp.Or(cmp.Compare(of[b], of[a]), strings.Compare(a, b)) })
	return names[:min(len(names), most)]
}
