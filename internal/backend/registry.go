package backend

import (
	"fmt"
	"sort"
	"strings"
	"sync"
)

var (
	mu       sync.RWMutex
	backends = map[string]func() (Backend, error){}
)

// Register makes a backend known by name, usually from its package's init. It
// panics when the name is taken.
func Register(name string, open func() (Backend, error)) {
	mu.Lock()
	defer mu.Unlock()
	if _, dup := backends[name]; dup {
		panic("backend: " + name + " registered twice")
	}
	backends[name] = open
}

// Open returns the backend of that name, or an error that lists the known
// ones.
func Open(name string) (Backend, error) {
	mu.RLock()
	open, ok := backends[name]
	var known []string
	for n := range backends {
		known = append(known, n)
	}
	mu.RUnlock()
	if !ok {
		sort.Strings(known)
		return nil, fmt.Errorf("unknown device %q; this program has: %s", name, strings.Join(known, ", "))
	}
	return open()
}
