package ptx

import (
	"cmp"
	"fmt"
	"math"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
)

// Options say how kernels run. The zero value checks everything.
type Options struct {
	// Fast leaves out the search for races. Bounds, alignment, barriers and
	// undefined values are checked nevertheless.
	Fast bool
	// Workers is how many blocks run at a time; 0 is one for each processor.
	Workers int
	// SharedLimit is the shared memory that a block can have; 0 is 48 KiB.
	SharedLimit int
	// BranchLimit is how often the threads of a block may branch back, all of them
	// together, before the kernel counts as endless; 0 is 2³².
	BranchLimit uint64
}

func (o *Options) limit() uint64 {
	if o.BranchLimit == 0 {
		return 1 << 32
	}
	return o.BranchLimit
}

// Limits of a launch, those of NVIDIA's devices.
const (
	MaxThreads    = 1024
	MaxBlockZ     = 64
	MaxGridX      = math.MaxInt32
	MaxGridYZ     = 65535
	defaultShared = 48 << 10
)

// Program is a module that is loaded into a memory.
type Program struct {
	Module   *Module
	mem      *Memory
	constant constants
	kernels  map[string]*Kernel
	globals  []uint64
}

// constants is the constant memory of a program.
type constants struct {
	data, state []byte
	vars        []placed
}

// Kernel is a function that can be launched.
type Kernel struct {
	program *Program
	p       *program

	lock sync.Mutex
	free []*block
}

// Load places the module's variables and compiles its kernels.
func (m *Memory) Load(mod *Module) (*Program, error) {
	p := &Program{Module: mod, mem: m, kernels: map[string]*Kernel{}}
	at := map[string]uint64{}
	p.constant.grow(spaceStart)
	type named struct {
		v   *Var
		key string
	}
	var all []named
	for _, v := range mod.Vars {
		all = append(all, named{v, v.Name})
	}
	for _, f := range mod.Funcs {
		for _, v := range f.Vars {
			all = append(all, named{v, f.Name + "\x00" + v.Name})
		}
	}
	for _, n := range all {
		v := n.v
		switch v.Space {
		case Const:
			start := align(len(p.constant.data), max(v.Align, 16))
			p.constant.grow(start + v.Size)
			copy(p.constant.data[start:], v.Init)
			fill(p.constant.state[start:start+v.Size], byteDefined)
			p.constant.vars = append(p.constant.vars, placed{v.Name, start, v.Size})
			p.constant.grow(start + v.Size + guardBytes)
			at[n.key] = uint64(start)
		case Global:
			addr, err := m.Alloc(uint64(v.Size))
			if err != nil {
				p.Unload()
				return nil, fmt.Errorf("the variable %s: %w", v.Name, err)
			}
			p.globals = append(p.globals, addr)
			a := m.find(addr)
			a.name = v.Name
			copy(a.data, v.Init)
			fill(a.state, byteDefined) // without values, it is zero
			at[n.key] = addr
		}
	}
	for _, f := range mod.Funcs {
		if !f.Kernel || !f.defined {
			continue
		}
		c, err := compile(mod, f, at)
		if err != nil {
			p.Unload()
			return nil, err
		}
		p.kernels[f.Name] = &Kernel{program: p, p: c}
	}
	return p, nil
}

func (c *constants) grow(n int) {
	for len(c.data) < n {
		c.data, c.state = append(c.data, 0), append(c.state, byteForbidden)
	}
}

// Unload frees the memory of the module's variables.
func (p *Program) Unload() {
	for _, a := range p.globals {
		_ = p.mem.Free(a)
	}
	p.globals = nil
}

// Kernel returns a kernel by its name, or nil.
func (p *Program) Kernel(name string) *Kernel { return p.kernels[name] }

// Kernels returns the names of the kernels, in order.
func (p *Program) Kernels() []string {
	var out []string
	for n := range p.kernels {
		out = append(out, n)
	}
	slices.Sort(out)
	return out
}

// Name returns the kernel's name.
func (k *Kernel) Name() string { return k.p.name }

// SharedBytes returns the bytes of static shared memory.
func (k *Kernel) SharedBytes() int { return k.p.sharedBytes }

// LocalBytes returns the bytes of local variables of a thread.
func (k *Kernel) LocalBytes() int {
	n := 0
	for _, v := range k.p.localVars {
		n += v.size
	}
	return n
}

// ConstBytes returns the bytes of the module's constant variables.
func (k *Kernel) ConstBytes() int {
	n := 0
	for _, v := range k.program.constant.vars {
		n += v.size
	}
	return n
}

// ArgBytes returns the bytes that the arguments take.
func (k *Kernel) ArgBytes() int { return k.p.paramBytes }

// MaxThreads returns how many threads a block may have.
func (k *Kernel) MaxThreads() int {
	for _, d := range [][3]int{k.p.f.ReqThreads, k.p.f.MaxThreads} {
		if d[0] > 0 {
			return min(MaxThreads, d[0]*d[1]*d[2])
		}
	}
	return MaxThreads
}

// Instructions returns the length of the compiled kernel.
func (k *Kernel) Instructions() int { return len(k.p.code) }

// launch is one run of a kernel.
type launch struct {
	k           *Kernel
	mem         *Memory
	constant    *constants
	grid, block Dim3
	shared      uint32 // dynamic
	args        []byte
	opts        Options
	id          uint64
}

func (k *Kernel) wrong(format string, args ...any) error {
	return &Fault{Kind: WrongLaunch, Kernel: k.p.name, Detail: fmt.Sprintf(format, args...)}
}

// Check returns the fault of a launch that the kernel cannot have, without running it.
func (k *Kernel) Check(grid, block Dim3, shared uint32, args []byte, o Options) error {
	limit := o.SharedLimit
	if limit == 0 {
		limit = defaultShared
	}
	req, most := k.p.f.ReqThreads, k.p.f.MaxThreads
	n := block.count()
	switch {
	case grid.count() == 0 || block.count() == 0:
		return k.wrong("a grid of %v blocks of %v threads", grid, block)
	case grid.X > MaxGridX || grid.Y > MaxGridYZ || grid.Z > MaxGridYZ:
		return k.wrong("a grid of %v blocks", grid)
	case n > MaxThreads || block.X > MaxThreads || block.Y > MaxThreads || block.Z > MaxBlockZ:
		return k.wrong("a block of %v threads; %d are possible", block, MaxThreads)
	case req[0] > 0 && block != Dim3{uint32(req[0]), uint32(req[1]), uint32(req[2])}:
		return k.wrong("a block of %v threads; the kernel was compiled for %v", block, req)
	case most[0] > 0 && n > uint64(most[0]*most[1]*most[2]):
		return k.wrong("a block of %v threads; the kernel was compiled for %d at most", block, most[0]*most[1]*most[2])
	case uint64(shared)+uint64(k.p.sharedBytes) > uint64(limit):
		return k.wrong("%d bytes of static and %d of dynamic shared memory; %d are possible", k.p.sharedBytes, shared, limit)
	case len(args) != k.p.paramBytes:
		return k.wrong("%d bytes of arguments; its parameters take %d", len(args), k.p.paramBytes)
	case grid.count() > maxBlocks && !o.Fast:
		return k.wrong("%d blocks; races are found among %d at most", grid.count(), maxBlocks)
	}
	return nil
}

// Launch runs a kernel and returns how many instructions its threads ran. The
// arguments lie as in the kernel's list, each aligned to its size. The error is a
// *Fault. Where blocks race, which of them is named may differ from run to run;
// nothing else does.
func (k *Kernel) Launch(grid, block Dim3, shared uint32, args []byte, o Options) (instructions uint64, err error) {
	if err := k.Check(grid, block, shared, args, o); err != nil {
		return 0, err
	}
	l := &launch{
		k: k, mem: k.program.mem, constant: &k.program.constant, grid: grid, block: block, shared: shared,
		args: slices.Clone(args), opts: o, id: k.program.mem.newLaunch(k.p.globalShift),
	}
	blocks := grid.count()
	workers := o.Workers
	if workers == 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	workers = int(min(uint64(workers), blocks))
	var next, stop, total atomic.Uint64
	stop.Store(math.MaxUint64)
	var lock sync.Mutex
	var faults []*blockFault
	work := func() {
		b := k.take(l)
		defer k.give(b)
		for {
			i := next.Add(1) - 1
			if i >= blocks || i > stop.Load() {
				break
			}
			b.run(i)
			if b.fault != nil {
				lock.Lock()
				faults = append(faults, &blockFault{i, b.fault})
				stop.Store(min(stop.Load(), i))
				lock.Unlock()
			}
		}
		total.Add(b.instructions)
	}
	if workers == 1 {
		work()
	} else {
		var wg sync.WaitGroup
		for range workers {
			wg.Go(work)
		}
		wg.Wait()
	}
	if len(faults) > 0 {
		return total.Load(), slices.MinFunc(faults, func(a, b *blockFault) int { return cmp.Compare(a.at, b.at) }).fault
	}
	return total.Load(), nil
}

// blockFault is a fault and the number of its block. Blocks are begun in order, so that
// the first one that fails is always among those that ran.
type blockFault struct {
	at    uint64
	fault *Fault
}

// take returns a worker's block, an old one if there is one.
func (k *Kernel) take(l *launch) *block {
	k.lock.Lock()
	var b *block
	if n := len(k.free); n > 0 {
		b, k.free = k.free[n-1], k.free[:n-1]
	}
	k.lock.Unlock()
	p := k.p
	if b == nil {
		b = &block{p: p}
	}
	b.l, b.fault, b.instructions = l, nil, 0
	threads := l.block.count()
	warps := int((threads + lanes - 1) / lanes)
	for len(b.warps) < warps {
		b.warps = append(b.warps, newWarp(b))
	}
	shared := p.sharedEnd - spaceStart + int(l.shared)
	shared = align(shared, 8)
	if len(b.shared) != shared {
		b.shared, b.sharedState = make([]byte, shared), make([]byte, shared)
		words := shared>>p.sharedShift + 1
		b.sharedRead, b.sharedWrite = make([]uint64, words), make([]uint64, words)
	}
	for i, w := range b.warps[:warps] {
		w.first = uint32(i * lanes)
		w.start = allLanes
		if left := threads - uint64(w.first); left < lanes {
			w.start = 1<<left - 1
		}
		for _, s := range p.special {
			v := &w.r32[s.slot]
			for lane := range v {
				v[lane] = l.special(s.name, uint64(w.first)+uint64(lane), lane)
			}
		}
	}
	return b
}

func (k *Kernel) give(b *block) {
	b.l = nil
	for _, w := range b.warps {
		clear(w.cache)
	}
	k.lock.Lock()
	k.free = append(k.free, b)
	k.lock.Unlock()
}

func newWarp(b *block) *warp {
	p := b.p
	w := &warp{
		b: b, r32: make([]vec32, max(p.n32, 1)), r64: make([]vec64, max(p.n64, 1)), pred: make([]uint32, max(p.nPred, 1)),
		def: make([]uint32, 1+p.n32+p.n64+p.nPred), cache: make([]*allocation, len(p.code)),
	}
	if p.localEnd > spaceStart {
		w.local, w.localState = make([]byte, lanes*p.localEnd), make([]byte, lanes*p.localEnd)
	}
	if p.truth >= 0 {
		w.pred[p.truth] = allLanes
	}
	for _, c := range p.const32 {
		for i := range w.r32[c.slot] {
			w.r32[c.slot][i] = c.v
		}
	}
	for _, c := range p.const64 {
		for i := range w.r64[c.slot] {
			w.r64[c.slot][i] = c.v
		}
	}
	return w
}

// special returns the value of a special register that is the same in all blocks.
func (l *launch) special(name string, thread uint64, lane int) uint32 {
	t := l.block.at(thread)
	warps := uint32((l.block.count() + lanes - 1) / lanes)
	switch name {
	case "%tid.x":
		return t.X
	case "%tid.y":
		return t.Y
	case "%tid.z":
		return t.Z
	case "%ntid.x":
		return l.block.X
	case "%ntid.y":
		return l.block.Y
	case "%ntid.z":
		return l.block.Z
	case "%nctaid.x":
		return l.grid.X
	case "%nctaid.y":
		return l.grid.Y
	case "%nctaid.z":
		return l.grid.Z
	case "%laneid":
		return uint32(lane)
	case "%warpid":
		return uint32(thread) / lanes
	case "%nwarpid":
		return warps
	case "WARP_SZ":
		return lanes
	case "%lanemask_eq":
		return 1 << lane
	case "%lanemask_le":
		return 2<<lane - 1
	case "%lanemask_lt":
		return 1<<lane - 1
	case "%lanemask_ge":
		return ^uint32(1<<lane - 1)
	case "%lanemask_gt":
		return ^uint32(2<<lane - 1)
	case "%dynamic_smem_size":
		return l.shared
	case "%total_smem_size":
		return l.shared + uint32(l.k.p.sharedBytes)
	}
	return 0 // %ctaid, which begin sets
}

// begin sets up a block.
func (b *block) begin(i uint64) []*warp {
	l, p := b.l, b.p
	b.linear, b.at = i, l.grid.at(i)
	b.barrier, b.fault, b.fuel = 0, nil, l.opts.limit()
	b.interval()
	fill(b.sharedState, byteForbidden)
	for _, v := range p.sharedVars {
		fill(b.sharedState[v.at-spaceStart:][:v.size], byteUndefined)
	}
	fill(b.sharedState[p.sharedEnd-spaceStart:][:l.shared], byteUndefined)
	warps := b.warps[:(l.block.count()+lanes-1)/lanes]
	for _, w := range warps {
		w.alive, w.epoch = w.start, 0
		w.groups = append(w.groups[:0], group{0, w.start, false})
		clear(w.def)
		w.def[0] = allLanes
		for _, c := range p.const32 {
			w.def[1+c.slot] = allLanes
		}
		for _, s := range p.special {
			w.def[1+s.slot] = allLanes
			v := b.at.X
			switch s.name {
			case "%ctaid.y":
				v = b.at.Y
			case "%ctaid.z":
				v = b.at.Z
			case "%ctaid.x":
			default:
				continue
			}
			for lane := range w.r32[s.slot] {
				w.r32[s.slot][lane] = v
			}
		}
		for _, c := range p.const64 {
			w.def[1+p.n32+int(c.slot)] = allLanes
		}
		if w.local != nil {
			fill(w.localState, byteForbidden)
			for lane := range lanes {
				for _, v := range p.localVars {
					fill(w.localState[lane*p.localEnd+v.at:][:v.size], byteUndefined)
				}
			}
		}
	}
	return warps
}

// interval begins a barrier interval.
func (b *block) interval() {
	b.runs++
	if b.runs == 1<<32 {
		b.runs = 1
		clear(b.sharedRead)
		clear(b.sharedWrite)
	}
	b.tag = b.l.id<<launchShift | b.linear<<blockShift | (b.barrier&(1<<epochBits-1))<<threadBits
}

// run runs a block to its end, or to its first fault.
func (b *block) run(i uint64) {
	warps := b.begin(i)
	for b.fault == nil {
		waiting := false
		for _, w := range warps {
			if w.run(); b.fault != nil {
				return
			}
			waiting = waiting || w.alive != 0
		}
		if !waiting {
			return
		}
		b.pass(warps)
	}
}

// pass lets the threads go that wait at a barrier, if all of the block do.
func (b *block) pass(warps []*warp) {
	var first *warp // one that waits
	var pc int32
	for _, w := range warps {
		for _, g := range w.groups {
			if first == nil || b.p.code[g.pc].op != opBarrier {
				first, pc = w, g.pc
			}
			if b.p.code[g.pc].op != opBarrier {
				lane := trailing(g.mask)
				w.fail(&b.p.code[g.pc], lane, Divergence, "the instruction waits for lanes that never come to it")
				return
			}
		}
	}
	in := &b.p.code[pc]
	threads := b.l.block.count()
	for _, w := range warps {
		if gone := w.start &^ w.alive; gone != 0 {
			lane := trailing(gone)
			first.fail(in, trailing(first.groups[0].mask), Divergence, "the barrier waits for the %d threads of the block, of which %v has returned", threads, w.thread(lane))
			return
		}
		for _, g := range w.groups {
			if g.pc != pc {
				first.fail(in, trailing(first.groups[0].mask), Divergence, "the barrier waits for the %d threads of the block, of which %v waits at another, in line %d",
					threads, w.thread(trailing(g.mask)), b.p.code[g.pc].line)
				return
			}
		}
	}
	for _, w := range warps {
		w.groups = append(w.groups[:0], group{pc + 1, w.start, false})
	}
	b.barrier++
	b.interval()
}

func trailing(mask uint32) int {
	for i := range lanes {
		if mask>>i&1 != 0 {
			return i
		}
	}
	return 0
}

// Globals returns the addresses of the module's variables in global memory.
func (p *Program) Globals() []uint64 { return slices.Clone(p.globals) }
