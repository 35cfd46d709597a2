// Package group joins goroutines of one program that train as one: what package
// gan/mpi does for processes on many machines, without MPI. It shows how data-parallel
// training works, and tests are made with it.
//
//	groups := group.Local(2)
//	for rank, g := range groups {
//		go func() {
//			defer g.Close()
//			generator, discriminator := r.Networks()
//			config := r.Config()
//			config.Group = g
//			t, err := gan.New(generator, discriminator, config)
//			…
//			loader := datasets.NewLoader(images, r.Batch, datasets.Conditions(), datasets.Shard(rank, 2))
//			_, err = t.Fit(ctx, loader, gan.Steps(r.Steps))
//		}()
//	}
//
// Each of the two computes the gradients of its half of every batch. They add them
// up and make the same update, so that their weights stay equal, bit for bit.
package group

import (
	"errors"
	"fmt"
	"sync"

	"github.com/gander-ml/gander/gan"
	"github.com/gander-ml/gander/tensor"
)

// ErrLeft is wrapped by the errors of a group that a member has left.
var ErrLeft = errors.New("a member has left the group")

// Local returns a group of n members, for as many goroutines. It panics with a
// [tensor.ArgumentError] if n is below 1.
func Local(n int) []gan.Group {
	if n < 1 {
		panic(&tensor.ArgumentError{Op: "group.Local", Problem: fmt.Sprintf("a group of %d", n), Fix: "give 1 or more"})
	}
	t := &table{size: n, parts: make([]any, n)}
	t.changed.L = &t.mu
	members := make([]gan.Group, n)
	for rank := range members {
		members[rank] = &member{table: t, rank: rank}
	}
	return members
}

// table is where the members of a group lay down their numbers.
type table struct {
	size int

	mu      sync.Mutex
	changed sync.Cond
	parts   []any // of each member, in the current round
	came    int   // members
	round   int
	left    bool
	failed  error // of the round that ended the group
}

// meet lays down a member's numbers and waits for all others'. With all of them
// there, the last to come calls use on them, and then all go on.
func (t *table) meet(rank int, x any, use func(parts []any) error) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case t.failed != nil:
		return t.failed
	case t.left:
		return ErrLeft
	}
	t.parts[rank] = x
	t.came++
	if t.came == t.size {
		t.failed = use(t.parts)
		clear(t.parts)
		t.came = 0
		t.round++
		t.changed.Broadcast()
		return t.failed
	}
	round := t.round
	for round == t.round && !t.left {
		t.changed.Wait()
	}
	if round == t.round {
		return ErrLeft
	}
	return t.failed
}

type member struct {
	*table
	rank int
}

func (m *member) Rank() int { return m.rank }
func (m *member) Size() int { return m.size }

func (m *member) Sum32(x []float32) error { return m.meet(m.rank, x, sum[float32]) }
func (m *member) Sum64(x []float64) error { return m.meet(m.rank, x, sum[float64]) }

// sum adds the parts up, in the order of the ranks, and copies the sum to each.
func sum[T float32 | float64](parts []any) error {
	first, ok := parts[0].([]T)
	for _, p := range parts[1:] {
		x, is := p.([]T)
		if !ok || !is || len(x) != len(first) {
			return errors.New("the members do not call the same methods, or with other lengths")
		}
		for i, v := range x {
			first[i] += v
		}
	}
	for _, p := range parts[1:] {
		copy(p.([]T), first)
	}
	return nil
}

func (m *member) Broadcast(x []byte) error {
	return m.meet(m.rank, x, func(parts []any) error {
		first, ok := parts[0].([]byte)
		for _, p := range parts[1:] {
			x, is := p.([]byte)
			if !ok || !is || len(x) != len(first) {
				return errors.New("the members do not call the same methods, or with other lengths")
			}
			copy(x, first)
		}
		return nil
	})
}

// Close leaves the group, which ends it for all.
func (m *member) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.left = true
	m.changed.Broadcast()
	return nil
}
