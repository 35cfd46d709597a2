package layout

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// indices lists every index of a shape in row-major order.
func indices(shape []int) [][]int {
	out := [][]int{{}}
	for _, d := range shape {
		var next [][]int
		for _, head := range out {
			for i := range d {
				next = append(next, append(slices.Clone(head), i))
			}
		}
		out = next
	}
	return out
}

// at is the definition of a layout.
func at(l Layout, index []int) int {
	offset := l.Offset
	for k, i := range index {
		offset += i * l.Strides[k]
	}
	return offset
}

// offsets lists the place of each element, in row-major order.
func offsets(l Layout) []int {
	out := []int{}
	for _, index := range indices(l.Shape()) {
		out = append(out, at(l, index))
	}
	return out
}

// count returns 0, 1, …, n−1.
func count(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = i
	}
	return out
}

// requireClean checks what == relies on: zeros beyond the rank.
func requireClean(t testing.TB, l Layout) {
	t.Helper()
	for k := l.Rank; k < MaxRank; k++ {
		require.Zero(t, l.Dims[k])
		require.Zero(t, l.Strides[k])
	}
}

// shapes are the corner cases of rank and dims.
var shapes = [][]int{
	{}, {0}, {1}, {5}, {2, 3}, {3, 1}, {1, 3}, {0, 3}, {3, 0}, {2, 3, 4}, {2, 1, 4}, {1, 1, 1},
	{2, 0, 4}, {2, 3, 1, 2}, {1, 2, 3, 1, 2}, {2, 1, 2, 3, 1, 2}, {6, 6}, {4, 6, 2},
}

// views makes layouts of every kind out of each shape: as it is, permuted,
// sliced, stretched, and combinations.
func views() []Layout {
	r := rand.New(rand.NewPCG(1, 2))
	var out []Layout
	for _, shape := range shapes {
		l := Contiguous(shape...)
		out = append(out, l)
		for range 12 {
			v := l
			for range 1 + r.IntN(3) {
				v = step(r, v)
			}
			out = append(out, v)
		}
	}
	return out
}

// step applies one random view operation.
func step(r *rand.Rand, l Layout) Layout {
	switch r.IntN(3) {
	case 0:
		return l.Permute(r.Perm(l.Rank)...)
	case 1:
		if l.Rank > 0 {
			axis := r.IntN(l.Rank)
			start := r.IntN(l.Dims[axis] + 1)
			return l.Slice(axis, start, start+r.IntN(l.Dims[axis]-start+1), 1+r.IntN(3))
		}
	}
	shape := slices.Clone(l.Shape())
	for k, d := range shape {
		if d == 1 {
			shape[k] = r.IntN(4)
		}
	}
	if len(shape) < MaxRank && r.IntN(2) == 0 {
		shape = append([]int{r.IntN(3)}, shape...)
	}
	out, ok := l.Broadcast(shape)
	if !ok {
		panic("broadcast")
	}
	return out
}

func TestContiguous(t *testing.T) {
	for _, shape := range shapes {
		l := Contiguous(shape...)
		requireClean(t, l)
		require.Equal(t, len(shape), l.Rank)
		require.True(t, slices.Equal(shape, l.Shape()))
		n := len(indices(shape))
		require.Equal(t, n, l.Len())
		require.Equal(t, count(n), offsets(l), "%v", shape)
		require.True(t, l.IsContiguous())
		require.False(t, l.Overlaps())
		require.Equal(t, fmt.Sprint(shape), l.String())
	}
	require.Panics(t, func() { Contiguous(1, 1, 1, 1, 1, 1, 1) })
}

func TestLenAndIsContiguousAndOverlaps(t *testing.T) {
	some := 0
	for _, l := range views() {
		got := offsets(l)
		require.Equal(t, len(got), l.Len())
		inOrder := true
		for i := range got {
			inOrder = inOrder && got[i] == got[0]+i
		}
		require.Equal(t, inOrder, l.IsContiguous(), "%+v", l)
		slices.Sort(got)
		require.Equal(t, len(slices.Compact(got)) < l.Len(), l.Overlaps(), "%+v", l)
		if !inOrder {
			some++
		}
	}
	require.Greater(t, some, 50, "the views are too tame")
}

func TestPacked(t *testing.T) {
	for _, l := range views() {
		p := l.Packed()
		requireClean(t, p)
		require.True(t, p.SameShape(&l))
		require.Equal(t, count(l.Len()), offsets(p))
	}
}

// repeats reports whether an axis of several indices stays where it is.
func repeats(l Layout) bool {
	for k := range l.Rank {
		if l.Dims[k] != 1 && l.Strides[k] == 0 {
			return true
		}
	}
	return false
}

func TestDense(t *testing.T) {
	kept := 0
	for _, l := range views() {
		d := l.Dense()
		requireClean(t, d)
		require.True(t, d.SameShape(&l))
		require.Zero(t, d.Offset)
		if repeats(l) || l.IsContiguous() {
			require.Equal(t, l.Packed(), d)
			continue
		}
		// Each place is taken once, and places are in the order in which they were.
		before, after := offsets(l), offsets(d)
		order := count(len(before))
		slices.SortFunc(order, func(i, j int) int { return before[i] - before[j] })
		for place, i := range order {
			require.Equal(t, place, after[i], "%v", l)
		}
		// That of axes of dim 1 means nothing: the layout of the same elements is one.
		loose := l
		for k := range l.Rank {
			if l.Dims[k] == 1 {
				loose.Strides[k] = 0
			}
		}
		require.Equal(t, d, loose.Dense(), "%v", l)
		if d != l.Packed() {
			kept++
		}
	}
	require.GreaterOrEqual(t, kept, 20)
	images := Contiguous(2, 5, 6, 3).Permute(0, 3, 1, 2)
	require.Equal(t, images, images.Dense())
	require.Equal(t, Contiguous(2, 5, 3, 3).Permute(0, 3, 1, 2), images.Slice(3, 0, 6, 2).Dense())
}

func TestSortAxes(t *testing.T) {
	type place struct{ first, second int }
	pairs := func(a, b Layout) []place {
		out := []place{}
		for _, index := range indices(a.Shape()) {
			out = append(out, place{at(a, index), at(b, index)})
		}
		slices.SortFunc(out, func(p, q place) int {
			if p.first != q.first {
				return p.first - q.first
			}
			return p.second - q.second
		})
		return out
	}
	for _, l := range views() {
		other := l.Packed()
		a, b := l, other
		SortAxes(&a, &b)
		if repeats(l) {
			require.Equal(t, []Layout{l, other}, []Layout{a, b})
			continue
		}
		require.Equal(t, pairs(l, other), pairs(a, b), "%v", l)
		require.True(t, a.SameShape(&b))
		wide := math.MaxInt
		for k := range a.Rank {
			if a.Dims[k] == 1 {
				require.Equal(t, math.MaxInt, wide, "%v: an axis of dim 1 comes first", l)
				continue
			}
			require.LessOrEqual(t, a.Strides[k], wide, "%v", l)
			wide = a.Strides[k]
		}
	}
}

func TestSameShape(t *testing.T) {
	for _, a := range shapes {
		for _, b := range shapes {
			la, lb := Contiguous(a...), Contiguous(b...)
			lb.Offset = 7
			require.Equal(t, slices.Equal(a, b), la.SameShape(&lb), "%v %v", a, b)
		}
	}
}

func TestPermute(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for _, l := range views() {
		axes := r.Perm(l.Rank)
		p := l.Permute(axes...)
		requireClean(t, p)
		for _, index := range indices(p.Shape()) {
			old := make([]int, l.Rank)
			for k, a := range axes {
				old[a] = index[k]
			}
			require.Equal(t, at(l, old), at(p, index))
		}
	}
}

func TestSlice(t *testing.T) {
	for _, l := range views() {
		for axis := range l.Rank {
			d := l.Dims[axis]
			for start := 0; start <= d; start++ {
				for stop := start; stop <= d; stop++ {
					for _, step := range []int{1, 2, 3, 7, math.MaxInt} {
						s := l.Slice(axis, start, stop, step)
						requireClean(t, s)
						var kept []int
						for i := start; i < stop && i >= 0; i += step {
							kept = append(kept, i)
						}
						require.Equal(t, len(kept), s.Dims[axis])
						if s.Len() == 0 {
							require.Equal(t, l.Offset, s.Offset, "an empty view must not leave the buffer")
						}
						for _, index := range indices(s.Shape()) {
							old := slices.Clone(index)
							old[axis] = kept[index[axis]]
							require.Equal(t, at(l, old), at(s, index))
						}
					}
				}
			}
		}
	}
}

func TestBroadcast(t *testing.T) {
	for _, l := range views() {
		for _, shape := range shapes {
			fits := len(shape) >= l.Rank
			for k := 1; fits && k <= l.Rank; k++ {
				d := l.Dims[l.Rank-k]
				fits = d == 1 || d == shape[len(shape)-k]
			}
			b, ok := l.Broadcast(shape)
			requireClean(t, b)
			require.Equal(t, fits, ok, "%v to %v", l, shape)
			if !ok {
				require.Equal(t, Layout{}, b)
				continue
			}
			require.True(t, slices.Equal(shape, b.Shape()))
			for _, index := range indices(shape) {
				old := slices.Clone(index[len(shape)-l.Rank:])
				for k := range old {
					old[k] = min(old[k], l.Dims[k]-1)
				}
				require.Equal(t, at(l, old), at(b, index))
			}
		}
	}
}

func TestBroadcastShapes(t *testing.T) {
	for _, a := range shapes {
		for _, b := range shapes {
			la, lb := Contiguous(a...), Contiguous(b...)
			got, ok := BroadcastShapes(&la, &lb)
			// The definition: a shape that both broadcast to, no longer than need be.
			want := make([]int, max(len(a), len(b)))
			fits := true
			for k := 1; k <= len(want); k++ {
				da, db := 1, 1
				if k <= len(a) {
					da = a[len(a)-k]
				}
				if k <= len(b) {
					db = b[len(b)-k]
				}
				fits = fits && (da == db || da == 1 || db == 1)
				want[len(want)-k] = da
				if da == 1 {
					want[len(want)-k] = db
				}
			}
			require.Equal(t, fits, ok, "%v %v", a, b)
			if !ok {
				require.Equal(t, Layout{}, got)
				continue
			}
			require.Equal(t, Contiguous(want...), got)
			for _, l := range []Layout{la, lb} {
				_, ok := l.Broadcast(want)
				require.True(t, ok, "%v to %v", l, want)
			}
		}
	}
}

// factored lists the shapes of n elements with up to three axes, and some more
// with axes of dim 1 between.
func factored(n int) [][]int {
	if n == 0 {
		return [][]int{{0}, {0, 3}, {2, 0, 5}}
	}
	out := [][]int{{n}, {1, n}, {n, 1, 1}}
	if n == 1 {
		out = append(out, []int{})
	}
	for a := 1; a <= n; a++ {
		for b := 1; n%a == 0 && b <= n/a; b++ {
			if n/a%b == 0 {
				out = append(out, []int{a, b, n / a / b}, []int{a, 1, b, 1, n / a / b})
			}
		}
	}
	return out
}

// checkReshape compares Reshape with the definition: the same offsets in the
// same order. If it says that a copy is needed, no strides may exist.
func checkReshape(t testing.TB, l Layout, shape []int) {
	before := l
	got, ok := l.Reshape(shape)
	require.Equal(t, before, l)
	requireClean(t, got)
	want := offsets(l)
	if ok {
		require.True(t, slices.Equal(shape, got.Shape()))
		if len(want) > 0 {
			require.Equal(t, want, offsets(got), "%+v to %v", l, shape)
		}
		return
	}
	require.Equal(t, Layout{}, got)
	// The one candidate: each stride is what one step along its axis moves.
	c := Layout{Rank: len(shape), Offset: want[0]}
	copy(c.Dims[:], shape)
	stride := 1
	for k := len(shape) - 1; k >= 0; k-- {
		if shape[k] > 1 {
			c.Strides[k] = want[stride] - want[0]
		}
		stride *= shape[k]
	}
	require.NotEqual(t, want, offsets(c), "%+v to %v needs no copy", l, shape)
}

func TestReshape(t *testing.T) {
	for _, l := range views() {
		for _, shape := range factored(l.Len()) {
			checkReshape(t, l, shape)
		}
	}
}

// checkCoalesce: the same elements in the same order for each layout, in as few
// axes as the definition allows.
func checkCoalesce(t testing.TB, ls ...Layout) {
	want := make([][]int, len(ls))
	got := slices.Clone(ls)
	pointers := make([]*Layout, len(ls))
	for i := range ls {
		want[i] = offsets(ls[i])
		pointers[i] = &got[i]
	}
	Coalesce(pointers...)
	for i, l := range got {
		requireClean(t, l)
		require.True(t, l.SameShape(&got[0]))
		require.Equal(t, ls[i].Offset, l.Offset)
		require.Equal(t, want[i], offsets(l), "%+v", ls)
	}
	for k := range got[0].Rank {
		require.NotEqual(t, 1, got[0].Dims[k])
		if k == 0 {
			continue
		}
		even := true
		for _, l := range got {
			even = even && l.Strides[k-1] == l.Strides[k]*l.Dims[k]
		}
		require.False(t, even, "axes %d and %d of %+v could be one", k-1, k, got)
	}
}

func TestCoalesce(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for _, l := range views() {
		checkCoalesce(t, l)
		m := l.Packed()
		checkCoalesce(t, l, m)
		one := Contiguous()
		spread, _ := one.Broadcast(l.Shape())
		checkCoalesce(t, m, l, spread)
		// Another layout of the same dims: packed in another order.
		axes := r.Perm(l.Rank)
		back := make([]int, l.Rank)
		for k, a := range axes {
			back[a] = k
		}
		checkCoalesce(t, m, l.Permute(axes...).Packed().Permute(back...), l, spread)
	}
	l := Contiguous(2, 3, 4)
	Coalesce(&l)
	require.Equal(t, Contiguous(24), l)
}

// fuzzed builds a small layout out of bytes by view operations.
func fuzzed(seed1, seed2 uint64) (Layout, *rand.Rand) {
	r := rand.New(rand.NewPCG(seed1, seed2))
	shape := make([]int, r.IntN(MaxRank+1))
	for k := range shape {
		shape[k] = r.IntN(5)
	}
	l := Contiguous(shape...)
	for range r.IntN(5) {
		l = step(r, l)
	}
	return l, r
}

func FuzzReshape(f *testing.F) {
	for i := range uint64(300) {
		f.Add(i, uint64(0))
	}
	f.Fuzz(func(t *testing.T, a, b uint64) {
		l, r := fuzzed(a, b)
		if l.Len() > 5000 {
			return
		}
		all := factored(l.Len())
		checkReshape(t, l, all[r.IntN(len(all))])
	})
}

func FuzzCoalesce(f *testing.F) {
	for i := range uint64(300) {
		f.Add(i, uint64(1))
	}
	f.Fuzz(func(t *testing.T, a, b uint64) {
		l, r := fuzzed(a, b)
		if l.Len() > 5000 {
			return
		}
		axes := r.Perm(l.Rank)
		back := make([]int, l.Rank)
		for k, x := range axes {
			back[x] = k
		}
		checkCoalesce(t, l, l.Packed(), l.Permute(axes...).Packed().Permute(back...))
	})
}
