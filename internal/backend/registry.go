package backend

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// Kind is a kind of device that a program was built with.
type Kind struct {
	// Name begins the names of the devices: "cpu", or "cuda" for "cuda:0", "cuda:1"
	// and so on.
	Name string
	// Rank orders kinds by speed for [OpenFastest], the fastest having the
	// largest; 0 is never chosen automatically.
	Rank int
	// Open returns the device of that number. A name without a number asks for
	// number 0.
	Open func(number int) (Backend, error)
}

var (
	mu    sync.RWMutex
	kinds = map[string]Kind{}
)

// Register makes a kind of device known, usually from its package's init. It
// panics if the name is taken.
func Register(k Kind) {
	mu.Lock()
	defer mu.Unlock()
	if _, dup := kinds[k.Name]; dup {
		panic("backend: " + k.Name + " registered twice")
	}
	kinds[k.Name] = k
}

// absent has what to do for kinds of device that a program can be built with, and
// was not.
var absent = map[string]string{"cuda": "; build it with -tags cuda (on Linux, with cgo) for NVIDIA's GPUs"}

// Open returns the device of a name, "cpu" or "cuda:1". If there is no such kind,
// the error lists those that there are.
func Open(name string) (Backend, error) {
	kind, digits, numbered := strings.Cut(name, ":")
	mu.RLock()
	k, ok := kinds[kind]
	mu.RUnlock()
	advice := ""
	if !ok {
		advice = absent[kind]
	}
	number := 0
	if numbered {
		n, err := strconv.Atoi(digits)
		if err != nil || n < 0 || strconv.Itoa(n) != digits {
			ok = false
		}
		number = n
	}
	if !ok {
		return nil, fmt.Errorf("unknown device %.40q; this program has: %s%s", name, strings.Join(Names(), ", "), advice)
	}
	b, err := k.Open(number)
	if err != nil {
		return nil, fmt.Errorf("device %s: %w", name, err)
	}
	return b, nil
}

// Names returns the names of all kinds, in alphabetical order.
func Names() []string {
	mu.RLock()
	defer mu.RUnlock()
	var out []string
	for n := range kinds {
		out = append(out, n)
	}
	slices.Sort(out)
	return out
}

// OpenFastest opens the first device of each kind by open, the fastest kind first,
// and returns the name of the first that works. skipped says why faster ones do
// not; if none works, err joins all reasons.
func OpenFastest(open func(name string) error) (name string, skipped []error, err error) {
	mu.RLock()
	var order []Kind
	for _, k := range kinds {
		if k.Rank > 0 {
			order = append(order, k)
		}
	}
	mu.RUnlock()
	slices.SortFunc(order, func(a, b Kind) int {
		return cmp.Or(cmp.Compare(b.Rank, a.Rank), strings.Compare(a.Name, b.Name))
	})
	for _, k := range order {
		if err := open(k.Name); err != nil {
			skipped = append(skipped, err)
			continue
		}
		return k.Name, skipped, nil
	}
	return "", skipped, fmt.Errorf("no device works: %w", errors.Join(skipped...))
}
