package cuda

import (
	"bytes"
	"errors"
	"hash/maphash"
	"math"

	"github.com/gander-ml/gander/internal/backend/cuda/driver"
)

// graphs hold launches back until there are enough for a part of the work, or somebody
// reads, and then launch them together: as a graph, if the same launches with the same
// arguments have been seen before, as in a step of training. What varies from step to
// step is not among the arguments, but in device memory (see vary).
type graphs struct {
	off     bool
	nodes   []node
	content []byte // arguments, and all else that makes nodes differ
	known   map[uint64]*recording
	within  int // nodes in graphs
	seed    maphash.Seed
	slots   int    // in use
	values  []byte // of the slots, to be uploaded
	block   *block // of the slots
	unique  uint64
	lists   uint64 // of nodes, that the driver has got
	running bool   // it is getting one
}

// node is a launch, a product of cuBLAS if product is set, or else a memset.
type node struct {
	function driver.Function
	product  *driver.Gemm
	grid     driver.Dim
	op       string // the operation that it belongs to
	lo, hi   int    // its arguments in content
	ptr      driver.Ptr
	words    uint64
}

// recording is what is known of a list of nodes.
type recording struct {
	content []byte
	seen    int
	graph   driver.Graph
	nodes   int // of the graph
}

const (
	part          = 8 // launches, from which on the device gets them while the host describes the next
	maxRecordings = 2048
	maxWithin     = 8192 // nodes in graphs, each of which may take 10 kB of the device
	slotBytes     = 64
	maxSlots      = 64
)

// submit gives a launch to the driver, sooner or later.
func (b *Backend) submit(c call) {
	f := b.function(c.kernel)
	grid := driver.Dim{X: uint32(c.x), Y: uint32(c.y), Z: uint32(c.z)}
	g := &b.graphs
	if g.off {
		b.check(b.device.Launch(f, grid, driver.Dim{X: threads, Y: 1, Z: 1}, 0, b.stream, c.args))
		return
	}
	lo := g.note(uint64(f), uint64(grid.X), uint64(grid.Y)<<32|uint64(grid.Z), uint64(len(c.args)))
	g.content = append(g.content, c.args...)
	g.add(node{function: f, grid: grid, op: b.recent.last(), lo: lo, hi: len(g.content)})
}

// submitProduct gives a product to cuBLAS, sooner or later.
func (b *Backend) submitProduct(p driver.Gemm) {
	g := &b.graphs
	if g.off {
		b.check(b.library.blas.Gemm(&p, b.stream))
		return
	}
	flags := uint64(0)
	for i, set := range [...]bool{p.Float64, p.TF32, p.TransA, p.TransB} {
		if set {
			flags |= 1 << i
		}
	}
	g.note(1, flags, uint64(p.M), uint64(p.N), uint64(p.K), math.Float64bits(p.Alpha), math.Float64bits(p.Beta), uint64(p.A), uint64(p.B), uint64(p.C),
		uint64(p.LDA), uint64(p.LDB), uint64(p.LDC), uint64(p.Batch), uint64(p.StrideA), uint64(p.StrideB), uint64(p.StrideC))
	g.add(node{product: &p, op: b.recent.last()})
}

// clear queues setting words of 32 bits of a new block to 0.
func (b *Backend) clear(p driver.Ptr, words uint64) {
	g := &b.graphs
	if g.off {
		b.check(b.device.MemsetAsync(p, 0, words, b.stream))
		return
	}
	g.note(0, uint64(p), words)
	g.add(node{op: b.recent.last(), ptr: p, words: words})
}

// note appends numbers to the content and returns its length.
func (g *graphs) note(numbers ...uint64) int {
	g.content = append(g.content, bytesIn(numbers)...)
	return len(g.content)
}

// unlike makes the launches that are held back differ from all others, so that they
// are not made a graph.
func (g *graphs) unlike() {
	g.unique++
	g.note(g.unique)
}

func (g *graphs) add(n node) { g.nodes = append(g.nodes, n) }

// vary returns an address at which a kernel finds values that may be others in the
// next step, or 0 if they are to be arguments. The kernel's launch must come next, with
// nothing to be flushed before it: the address is that of other values in the next list
// of launches.
func (b *Backend) vary(values []byte) driver.Ptr {
	g := &b.graphs
	if g.slots == maxSlots {
		b.run()
	}
	if g.off { // since then, perhaps
		return 0
	}
	at := g.slots * slotBytes
	g.slots++
	for len(g.values) < at {
		g.values = append(g.values, 0)
	}
	g.values = append(g.values[:at], values...)
	return g.block.ptr + driver.Ptr(at)
}

// pending reports whether nodes that the driver has not got may use a free block.
func (g *graphs) pending(k *block) bool {
	return (g.running || len(g.nodes) > 0) && k.list == g.lists
}

// run launches the nodes that were held back.
func (b *Backend) run() {
	g := &b.graphs
	if len(g.nodes) == 0 {
		return
	}
	g.running = true
	defer func() {
		g.running = false
		g.lists++
	}()
	nodes, content, values := g.nodes, g.content, g.values
	g.nodes, g.content, g.values, g.slots = g.nodes[:0], g.content[:0], g.values[:0], 0
	if len(values) > 0 {
		b.send(g.block.ptr, values)
	}
	if len(nodes) == 1 {
		b.perform(nodes, content)
		return
	}
	if g.known == nil {
		g.known, g.seed = map[uint64]*recording{}, maphash.MakeSeed()
	}
	key := maphash.Bytes(g.seed, content)
	r := g.known[key]
	if r == nil || !bytes.Equal(r.content, content) {
		if len(g.known) >= maxRecordings || g.within >= maxWithin {
			b.check(g.forget(b))
		} else if r != nil {
			b.check(r.drop(b))
		}
		r = &recording{content: bytes.Clone(content)}
		g.known[key] = r
	}
	if r.seen++; r.seen == 2 {
		b.capture(r, nodes, content)
	}
	if r.graph != 0 {
		err := b.device.GraphLaunch(r.graph, b.stream)
		if !errors.Is(err, driver.OutOfMemory) {
			b.check(err)
			return
		}
		// There is no memory to launch it as a whole.
		r.seen = 0
		b.check(r.drop(b))
	}
	b.perform(nodes, content)
}

// perform launches nodes one by one. Those after one that fails are launched as well,
// because it may be none of theirs that fails: the numbers that it should have written
// are undefined, and no others.
func (b *Backend) perform(nodes []node, content []byte) {
	var failed error
	var op string
	for _, n := range nodes {
		// The driver may load kernels when they are launched.
		err := b.trimmed(func() error { return b.launchNode(n, content) })
		if err != nil && failed == nil {
			failed, op = err, n.op
		}
	}
	b.checkOp(op, failed)
}

func (b *Backend) launchNode(n node, content []byte) error {
	switch {
	case n.product != nil:
		return b.library.blas.Gemm(n.product, b.stream)
	case n.function == 0:
		return b.device.MemsetAsync(n.ptr, 0, n.words, b.stream)
	}
	return b.device.Launch(n.function, n.grid, driver.Dim{X: threads, Y: 1, Z: 1}, 0, b.stream, content[n.lo:n.hi])
}

// capture makes a graph of nodes. If the driver cannot, there are no more graphs.
func (b *Backend) capture(r *recording, nodes []node, content []byte) {
	err := b.device.CaptureBegin(b.stream)
	if err == nil {
		for _, n := range nodes {
			err = errors.Join(err, b.launchNode(n, content))
		}
		graph, end := b.device.CaptureEnd(b.stream)
		if err = errors.Join(err, end); err == nil {
			r.graph, r.nodes = graph, len(nodes)
			b.graphs.within += r.nodes
			return
		}
		if graph != 0 {
			_ = b.device.GraphDestroy(graph)
		}
	}
	if errors.Is(err, driver.OutOfMemory) {
		r.seen = 0 // for now
		return
	}
	b.graphs.off = true
	var e *driver.Error
	if errors.As(err, &e) && e.Result.Sticky() {
		b.check(err)
	}
}

// destroy destroys graphs when they have run: drivers before CUDA 12 do not promise to
// wait.
func (b *Backend) destroy(graphs ...driver.Graph) error {
	errs := []error{b.device.StreamSync(b.stream)}
	for _, g := range graphs {
		errs = append(errs, b.device.GraphDestroy(g))
	}
	return errors.Join(errs...)
}

// drop destroys a recording's graph, if it has one.
func (r *recording) drop(b *Backend) error {
	if r.graph == 0 {
		return nil
	}
	graph := r.graph
	b.graphs.within -= r.nodes
	r.graph = 0
	return b.destroy(graph)
}

// forget waits for the stream and destroys all graphs.
func (g *graphs) forget(b *Backend) error {
	var all []driver.Graph
	for _, r := range g.known {
		if r.graph != 0 {
			all = append(all, r.graph)
		}
	}
	clear(g.known)
	g.within = 0
	return b.destroy(all...)
}
