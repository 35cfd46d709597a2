package ptx

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/bits"
	"slices"
)

// lanes is the number of threads of a warp. They run together: each instruction
// works on all of them before the next one begins.
const lanes = 32

const allLanes = math.MaxUint32

type (
	vec32 = [lanes]uint32
	vec64 = [lanes]uint64
)

// group are the lanes of a warp that stand at the same instruction.
type group struct {
	pc    int32
	mask  uint32
	stuck bool // at a barrier, or a shuffle that waits for other lanes
}

// warp is 32 threads with their registers.
type warp struct {
	b     *block
	first uint32 // number of the first thread in the block
	alive uint32 // lanes that are threads and have not returned
	start uint32 // lanes that are threads

	r32  []vec32
	r64  []vec64
	pred []uint32
	def  []uint32 // which lanes of a register are defined, by definedness number
	t32  vec32
	t64  vec64
	addr vec64

	local      []byte // [lane][localEnd]
	localState []byte

	groups []group
	next   int32 // the lowest place where a group waits that could go on
	epoch  uint64

	cache []*allocation // by instruction: where it went last
}

// block is a block of threads with its shared memory, and the worker's state.
type block struct {
	l      *launch
	p      *program
	warps  []*warp
	at     Dim3
	linear uint64

	shared      []byte // from spaceStart on
	sharedState []byte
	sharedRead  []uint64
	sharedWrite []uint64

	tag     uint64 // of shadows of global memory: launch, block and barrier interval
	barrier uint64 // barriers that this block has passed
	runs    uint64 // barrier intervals that this worker has begun
	fault   *Fault

	instructions uint64
	fuel         uint64
}

const (
	launchBits  = 10
	blockBits   = 24
	epochBits   = 18
	threadBits  = 12
	blockShift  = epochBits + threadBits
	launchShift = blockShift + blockBits

	threadMask  = 1<<threadBits - 1
	manyThreads = threadMask        // of one block in one interval
	manyBlocks  = 1<<blockBits - 1  // in the place of a block
	maxBlocks   = 1<<blockBits - 2  // numbers of blocks begin at 0
	sharedMany  = 1<<threadBits - 1 // many threads of several warps
	sharedWarp  = 1 << 11           // plus a warp: many threads of it
)

func (w *warp) thread(lane int) Dim3 { return w.b.l.block.at(uint64(w.first) + uint64(lane)) }

// fail records a fault of the lowest lane of a mask.
func (w *warp) fail(in *inst, lane int, kind Kind, format string, args ...any) {
	if w.b.fault != nil {
		return
	}
	w.b.fault = &Fault{
		Kind: kind, Kernel: w.b.p.name, Block: w.b.at, Thread: w.thread(lane), Placed: true,
		Line: int(in.line), Text: w.b.p.m.text(int(in.line)), Detail: fmt.Sprintf(format, args...),
	}
}

// push puts a group among those that wait, and joins it with one at its place.
func (w *warp) push(pc int32, mask uint32, stuck bool) {
	for i := range w.groups {
		if g := &w.groups[i]; g.pc == pc && g.stuck == stuck {
			g.mask |= mask
			return
		}
	}
	w.groups = append(w.groups, group{pc, mask, stuck})
}

// pick takes the group that stands furthest back of those that can go on. Groups
// come together again where the code that only some run ends, because that lies
// further on.
func (w *warp) pick() (pc int32, mask uint32, ok bool) {
	best := -1
	for i, g := range w.groups {
		if !g.stuck && (best < 0 || g.pc < w.groups[best].pc) {
			best = i
		}
	}
	if best < 0 {
		w.next = math.MaxInt32
		return 0, 0, false
	}
	g := w.groups[best]
	last := len(w.groups) - 1
	w.groups[best] = w.groups[last]
	w.groups = w.groups[:last]
	w.next = math.MaxInt32
	for _, o := range w.groups {
		if !o.stuck {
			w.next = min(w.next, o.pc)
		}
	}
	return g.pc, g.mask, true
}

// run runs the warp's threads until each has returned or waits.
func (w *warp) run() {
	pc, active, ok := w.pick()
	if !ok {
		return
	}
	code := w.b.p.code
	var count uint64
	defer func() { w.b.instructions += count }()
	for {
		if pc >= w.next {
			w.push(pc, active, false)
			pc, active, _ = w.pick()
		}
		in := &code[pc]
		mask := active
		if in.guard >= 0 {
			p := w.pred[in.guard]
			if bad := active &^ w.def[in.gid]; bad != 0 {
				w.fail(in, bits.TrailingZeros32(bad), Undefined, "%s", w.b.p.undefined(in.gid))
				return
			}
			if in.not {
				p = ^p
			}
			mask &= p
			if mask == 0 {
				pc++
				continue
			}
		}
		count += uint64(bits.OnesCount32(mask))
		have := w.def[in.use[0]] & w.def[in.use[1]] & w.def[in.use[2]] & w.def[in.use[3]]
		if mask&^have != 0 && in.op > endPred {
			w.undefined(in, mask)
			return
		}
		switch {
		case in.op < end32:
			d := &w.r32[in.d]
			if mask != allLanes {
				d = &w.t32
			}
			if in.zero {
				for i, b := range w.r32[in.b] {
					if b == 0 {
						have &^= 1 << i
					}
				}
			}
			if in.op == opSelp32 {
				have &= w.selectDefined(in)
			}
			w.narrow(in, d)
			if mask != allLanes {
				to := &w.r32[in.d]
				for m := mask; m != 0; m &= m - 1 {
					i := bits.TrailingZeros32(m)
					to[i] = d[i]
				}
			}
			w.def[in.ud] = w.def[in.ud]&^mask | mask&have
		case in.op < end64:
			d := &w.r64[in.d]
			if mask != allLanes {
				d = &w.t64
			}
			if in.zero {
				for i, b := range w.r64[in.b] {
					if b == 0 {
						have &^= 1 << i
					}
				}
			}
			if in.op == opSelp64 {
				have &= w.selectDefined(in)
			}
			w.wide(in, d)
			if mask != allLanes {
				to := &w.r64[in.d]
				for m := mask; m != 0; m &= m - 1 {
					i := bits.TrailingZeros32(m)
					to[i] = d[i]
				}
			}
			w.def[in.ud] = w.def[in.ud]&^mask | mask&have
		case in.op < endPred:
			v := w.predicate(in)
			if in.combine != 0 || in.e >= 0 {
				c := w.pred[in.c]
				if in.e >= 0 {
					w.pred[in.e] = w.pred[in.e]&^mask | in.combined(^v, c)&mask
					w.def[in.uv[1]] = w.def[in.uv[1]]&^mask | mask&have
				}
				v = in.combined(v, c)
			}
			w.pred[in.d] = w.pred[in.d]&^mask | v&mask
			w.def[in.ud] = w.def[in.ud]&^mask | mask&have
		default:
			switch in.op {
			case opLoad:
				if !w.load(in, mask, pc) {
					return
				}
			case opLoadParam:
				if !w.loadParam(in, mask) {
					return
				}
			case opStore:
				if !w.store(in, mask, pc) {
					return
				}
			case opBranch:
				rest := active &^ mask
				if in.target <= pc {
					if w.b.fuel < uint64(bits.OnesCount32(mask)) {
						w.fail(in, bits.TrailingZeros32(mask), TooLong, "the kernel has taken the limit of %d branches back", w.b.l.opts.limit())
						return
					}
					w.b.fuel -= uint64(bits.OnesCount32(mask))
				}
				if rest == 0 {
					pc = in.target
					continue
				}
				w.push(in.target, mask, false)
				w.push(pc+1, rest, false)
				pc, active, _ = w.pick()
				continue
			case opBranchTable:
				if w.b.fuel < lanes {
					w.fail(in, bits.TrailingZeros32(mask), TooLong, "the kernel has taken the limit of %d branches back", w.b.l.opts.limit())
					return
				}
				w.b.fuel -= lanes
				index := &w.r32[in.a]
				for m := mask; m != 0; m &= m - 1 {
					i := bits.TrailingZeros32(m)
					if index[i] >= uint32(len(in.targets)) {
						w.fail(in, i, OutOfBounds, "target %d of %d", index[i], len(in.targets))
						return
					}
					w.push(in.targets[index[i]], 1<<i, false)
				}
				if rest := active &^ mask; rest != 0 {
					w.push(pc+1, rest, false)
				}
				pc, active, _ = w.pick()
				continue
			case opExit:
				w.alive &^= mask
				active &^= mask
				if active == 0 {
					if pc, active, ok = w.pick(); !ok {
						return
					}
					continue
				}
			case opBarrier:
				w.push(pc, active, true)
				if pc, active, ok = w.pick(); !ok {
					return
				}
				continue
			case opWarpSync, opShuffle, opVote:
				all, ok := w.meet(in, pc, active)
				if w.b.fault != nil {
					return
				}
				if !ok {
					if pc, active, ok = w.pick(); !ok {
						return
					}
					continue
				}
				active = all
				if !w.together(in, active) {
					return
				}
			case opActiveMask:
				d := &w.r32[in.d]
				for m := mask; m != 0; m &= m - 1 {
					d[bits.TrailingZeros32(m)] = mask
				}
				w.def[in.ud] |= mask
			case opTrap:
				w.fail(in, bits.TrailingZeros32(mask), Trapped, "")
				return
			}
		}
		pc++
	}
}

// undefined records the fault that an operand is undefined.
func (w *warp) undefined(in *inst, mask uint32) {
	have := w.def[in.use[0]] & w.def[in.use[1]] & w.def[in.use[2]] & w.def[in.use[3]]
	n := 0
	for w.def[in.use[n]]&mask == mask {
		n++
	}
	w.fail(in, bits.TrailingZeros32(mask&^have), Undefined, "%s", w.b.p.undefined(in.use[n]))
}

// selectDefined returns in which lanes the operand that selp chooses is defined.
func (w *warp) selectDefined(in *inst) uint32 {
	p := w.pred[in.c]
	if in.negC {
		p = ^p
	}
	return p&w.def[in.uv[0]] | ^p&w.def[in.uv[1]]
}

// narrow computes an instruction with a result of 32 bits in all lanes.
func (w *warp) narrow(in *inst, d *vec32) {
	switch in.op {
	case opMov32:
		*d = w.r32[in.a]
	case opAdd32:
		a, b := &w.r32[in.a], &w.r32[in.b]
		for i := range d {
			d[i] = a[i] + b[i]
		}
	case opSub32:
		a, b := &w.r32[in.a], &w.r32[in.b]
		for i := range d {
			d[i] = a[i] - b[i]
		}
	case opMul32:
		a, b := &w.r32[in.a], &w.r32[in.b]
		for i := range d {
			d[i] = a[i] * b[i]
		}
	case opMad32:
		a, b, c := &w.r32[in.a], &w.r32[in.b], &w.r32[in.c]
		for i := range d {
			d[i] = a[i]*b[i] + c[i]
		}
	case opAnd32:
		a, b := &w.r32[in.a], &w.r32[in.b]
		for i := range d {
			d[i] = a[i] & b[i]
		}
	case opOr32:
		a, b := &w.r32[in.a], &w.r32[in.b]
		for i := range d {
			d[i] = a[i] | b[i]
		}
	case opXor32:
		a, b := &w.r32[in.a], &w.r32[in.b]
		for i := range d {
			d[i] = a[i] ^ b[i]
		}
	case opShl32:
		a, b := &w.r32[in.a], &w.r32[in.b]
		for i := range d {
			d[i] = a[i] << b[i]
		}
	case opShrU32:
		a, b := &w.r32[in.a], &w.r32[in.b]
		for i := range d {
			d[i] = a[i] >> b[i]
		}
	case opShrS32:
		a, b := &w.r32[in.a], &w.r32[in.b]
		for i := range d {
			d[i] = uint32(int32(a[i]) >> b[i])
		}
	case opAddF32:
		a, b := &w.r32[in.a], &w.r32[in.b]
		for i := range d {
			d[i] = b32(f32(a[i]) + f32(b[i]))
		}
	case opSubF32:
		a, b := &w.r32[in.a], &w.r32[in.b]
		for i := range d {
			d[i] = b32(f32(a[i]) - f32(b[i]))
		}
	case opMulF32:
		a, b := &w.r32[in.a], &w.r32[in.b]
		for i := range d {
			d[i] = b32(f32(a[i]) * f32(b[i]))
		}
	case opFmaF32:
		a, b, c := &w.r32[in.a], &w.r32[in.b], &w.r32[in.c]
		for i := range d {
			p, z := float64(f32(a[i]))*float64(f32(b[i])), float64(f32(c[i]))
			s := float64(p + z)
			u := math.Float64bits(s)
			if e := uint32(u >> 52 & 0x7ff); u&0x1fffffff != 0x10000000 && e-(1023-126) < 0x7ff-(1023-126) {
				d[i] = math.Float32bits(float32(s))
			} else {
				d[i] = fma32Slow(p, z, s)
			}
		}
	case opSelp32:
		a, b, p := &w.r32[in.a], &w.r32[in.b], w.pred[in.c]
		if in.negC {
			p = ^p
		}
		for i := range d {
			x := b[i]
			if p>>i&1 != 0 {
				x = a[i]
			}
			d[i] = x
		}
	case opTruncate:
		a := &w.r64[in.a]
		for i := range d {
			d[i] = uint32(a[i])
		}
	case opFn1:
		f, a := in.fn.(fn1), &w.r32[in.a]
		for i := range d {
			d[i] = f(a[i])
		}
	case opFn2:
		f, a, b := in.fn.(fn2), &w.r32[in.a], &w.r32[in.b]
		for i := range d {
			d[i] = f(a[i], b[i])
		}
	case opFn3:
		f, a, b, c := in.fn.(fn3), &w.r32[in.a], &w.r32[in.b], &w.r32[in.c]
		for i := range d {
			d[i] = f(a[i], b[i], c[i])
		}
	case opFn4:
		f, a, b, c, e := in.fn.(fnN4), &w.r32[in.a], &w.r32[in.b], &w.r32[in.c], &w.r32[in.e]
		for i := range d {
			d[i] = f(a[i], b[i], c[i], e[i])
		}
	case opFnND:
		f, a := in.fn.(fnND), &w.r64[in.a]
		for i := range d {
			d[i] = f(a[i])
		}
	}
}

// wide computes an instruction with a result of 64 bits in all lanes.
func (w *warp) wide(in *inst, d *vec64) {
	switch in.op {
	case opMov64:
		*d = w.r64[in.a]
	case opAdd64:
		a, b := &w.r64[in.a], &w.r64[in.b]
		for i := range d {
			d[i] = a[i] + b[i]
		}
	case opSub64:
		a, b := &w.r64[in.a], &w.r64[in.b]
		for i := range d {
			d[i] = a[i] - b[i]
		}
	case opMul64:
		a, b := &w.r64[in.a], &w.r64[in.b]
		for i := range d {
			d[i] = a[i] * b[i]
		}
	case opMad64:
		a, b, c := &w.r64[in.a], &w.r64[in.b], &w.r64[in.c]
		for i := range d {
			d[i] = a[i]*b[i] + c[i]
		}
	case opAnd64:
		a, b := &w.r64[in.a], &w.r64[in.b]
		for i := range d {
			d[i] = a[i] & b[i]
		}
	case opOr64:
		a, b := &w.r64[in.a], &w.r64[in.b]
		for i := range d {
			d[i] = a[i] | b[i]
		}
	case opXor64:
		a, b := &w.r64[in.a], &w.r64[in.b]
		for i := range d {
			d[i] = a[i] ^ b[i]
		}
	case opShl64:
		a, b := &w.r64[in.a], &w.r32[in.b]
		for i := range d {
			d[i] = a[i] << b[i]
		}
	case opShrU64:
		a, b := &w.r64[in.a], &w.r32[in.b]
		for i := range d {
			d[i] = a[i] >> b[i]
		}
	case opShrS64:
		a, b := &w.r64[in.a], &w.r32[in.b]
		for i := range d {
			d[i] = uint64(int64(a[i]) >> b[i])
		}
	case opMulWideU:
		a, b := &w.r32[in.a], &w.r32[in.b]
		for i := range d {
			d[i] = uint64(a[i]) * uint64(b[i])
		}
	case opMulWideS:
		a, b := &w.r32[in.a], &w.r32[in.b]
		for i := range d {
			d[i] = uint64(int64(int32(a[i])) * int64(int32(b[i])))
		}
	case opMadWideU:
		a, b, c := &w.r32[in.a], &w.r32[in.b], &w.r64[in.c]
		for i := range d {
			d[i] = uint64(a[i])*uint64(b[i]) + c[i]
		}
	case opMadWideS:
		a, b, c := &w.r32[in.a], &w.r32[in.b], &w.r64[in.c]
		for i := range d {
			d[i] = uint64(int64(int32(a[i]))*int64(int32(b[i]))) + c[i]
		}
	case opAddF64:
		a, b := &w.r64[in.a], &w.r64[in.b]
		for i := range d {
			d[i] = b64(f64(a[i]) + f64(b[i]))
		}
	case opSubF64:
		a, b := &w.r64[in.a], &w.r64[in.b]
		for i := range d {
			d[i] = b64(f64(a[i]) - f64(b[i]))
		}
	case opMulF64:
		a, b := &w.r64[in.a], &w.r64[in.b]
		for i := range d {
			d[i] = b64(f64(a[i]) * f64(b[i]))
		}
	case opFmaF64:
		a, b, c := &w.r64[in.a], &w.r64[in.b], &w.r64[in.c]
		for i := range d {
			d[i] = b64(math.FMA(f64(a[i]), f64(b[i]), f64(c[i])))
		}
	case opSelp64:
		a, b, p := &w.r64[in.a], &w.r64[in.b], w.pred[in.c]
		if in.negC {
			p = ^p
		}
		for i := range d {
			x := b[i]
			if p>>i&1 != 0 {
				x = a[i]
			}
			d[i] = x
		}
	case opExtendU:
		a := &w.r32[in.a]
		for i := range d {
			d[i] = uint64(a[i])
		}
	case opExtendS:
		a := &w.r32[in.a]
		for i := range d {
			d[i] = uint64(int64(int32(a[i])))
		}
	case opF64FromF32:
		a := &w.r32[in.a]
		for i := range d {
			d[i] = b64(float64(f32(a[i])))
		}
	case opFnD1:
		f, a := in.fn.(fnD1), &w.r64[in.a]
		for i := range d {
			d[i] = f(a[i])
		}
	case opFnD2:
		f, a, b := in.fn.(fnD2), &w.r64[in.a], &w.r64[in.b]
		for i := range d {
			d[i] = f(a[i], b[i])
		}
	case opFnD3:
		f, a, b, c := in.fn.(fnD3), &w.r64[in.a], &w.r64[in.b], &w.r64[in.c]
		for i := range d {
			d[i] = f(a[i], b[i], c[i])
		}
	case opFnDN:
		f, a := in.fn.(fnDN), &w.r32[in.a]
		for i := range d {
			d[i] = f(a[i])
		}
	case opFnDNN:
		f, a, b := in.fn.(fnDNN), &w.r32[in.a], &w.r32[in.b]
		for i := range d {
			d[i] = f(a[i], b[i])
		}
	case opFnDDNN:
		f, a, b, c := in.fn.(fnDDNN), &w.r64[in.a], &w.r32[in.b], &w.r32[in.c]
		for i := range d {
			d[i] = f(a[i], b[i], c[i])
		}
	case opFnDDDNN:
		f, a, b, c, e := in.fn.(fnDDDNN), &w.r64[in.a], &w.r64[in.b], &w.r32[in.c], &w.r32[in.e]
		for i := range d {
			d[i] = f(a[i], b[i], c[i], e[i])
		}
	}
}

// bit returns bit i if c holds.
func bit(c bool, i int) uint32 {
	var x uint32
	if c {
		x = 1
	}
	return x << i
}

// predicate computes an instruction whose result is a predicate, in all lanes.
func (w *warp) predicate(in *inst) (v uint32) {
	switch in.op {
	case opSetpFn:
		f, a, b := in.fn.(cmp2), &w.r32[in.a], &w.r32[in.b]
		for i := range a {
			v |= bit(f(a[i], b[i]), i)
		}
	case opSetpFnD:
		f, a, b := in.fn.(cmpD2), &w.r64[in.a], &w.r64[in.b]
		for i := range a {
			v |= bit(f(a[i], b[i]), i)
		}
	case opSetpFnF64:
		f, a, b := in.fn.(func(x, y float64) bool), &w.r64[in.a], &w.r64[in.b]
		for i := range a {
			v |= bit(f(f64(a[i]), f64(b[i])), i)
		}
	case opSetpEq32:
		a, b := &w.r32[in.a], &w.r32[in.b]
		for i := range a {
			v |= bit(a[i] == b[i], i)
		}
	case opSetpNe32:
		a, b := &w.r32[in.a], &w.r32[in.b]
		for i := range a {
			v |= bit(a[i] != b[i], i)
		}
	case opSetpLtS32:
		a, b := &w.r32[in.a], &w.r32[in.b]
		for i := range a {
			v |= bit(int32(a[i]) < int32(b[i]), i)
		}
	case opSetpLeS32:
		a, b := &w.r32[in.a], &w.r32[in.b]
		for i := range a {
			v |= bit(int32(a[i]) <= int32(b[i]), i)
		}
	case opSetpLtU32:
		a, b := &w.r32[in.a], &w.r32[in.b]
		for i := range a {
			v |= bit(a[i] < b[i], i)
		}
	case opSetpLeU32:
		a, b := &w.r32[in.a], &w.r32[in.b]
		for i := range a {
			v |= bit(a[i] <= b[i], i)
		}
	case opSetpLtF32:
		a, b := &w.r32[in.a], &w.r32[in.b]
		for i := range a {
			v |= bit(f32(a[i]) < f32(b[i]), i)
		}
	case opPredMov:
		return w.pred[in.a]
	case opPredAnd:
		return w.pred[in.a] & w.pred[in.b]
	case opPredOr:
		return w.pred[in.a] | w.pred[in.b]
	case opPredXor:
		return w.pred[in.a] ^ w.pred[in.b]
	case opPredNot:
		return ^w.pred[in.a]
	}
	return v
}

// combined joins a comparison with another predicate.
func (in *inst) combined(v, c uint32) uint32 {
	if in.negC {
		c = ^c
	}
	switch in.combine {
	case 1:
		return v & c
	case 2:
		return v | c
	case 3:
		return v ^ c
	}
	return v
}

// meet waits at an instruction that lanes run together until all that it names have
// come. It returns those that have, and whether they are all.
func (w *warp) meet(in *inst, pc int32, active uint32) (uint32, bool) {
	slot := in.v[0]
	if in.op == opWarpSync {
		slot = in.a
	}
	member := w.r32[slot][bits.TrailingZeros32(active)]
	for m := active; m != 0; m &= m - 1 {
		i := bits.TrailingZeros32(m)
		if o := w.r32[slot][i]; o != member {
			w.fail(in, i, Divergence, "the lanes name different masks, 0x%x and 0x%x", member, o)
			return 0, false
		}
		if member>>i&1 == 0 {
			w.fail(in, i, Divergence, "the mask 0x%x does not name lane %d, which runs the instruction", member, i)
			return 0, false
		}
	}
	// Lanes that the block does not have may be named.
	need := member & w.start
	for i, g := range w.groups {
		if g.pc == pc && g.stuck {
			active |= g.mask
			w.groups[i] = w.groups[len(w.groups)-1]
			w.groups = w.groups[:len(w.groups)-1]
			break
		}
	}
	if gone := need &^ w.alive; gone != 0 {
		w.fail(in, bits.TrailingZeros32(gone), Divergence, "the mask 0x%x names a lane that has returned", member)
		return 0, false
	}
	if need&^active != 0 {
		w.push(pc, active, true)
		return 0, false
	}
	return active, true
}

// together runs a shuffle, vote or barrier of a warp.
func (w *warp) together(in *inst, mask uint32) bool {
	switch in.op {
	case opWarpSync:
		w.epoch++
	case opVote:
		p := w.pred[in.a]
		if in.negC {
			p = ^p
		}
		if bad := mask &^ w.def[in.uv[0]]; bad != 0 {
			w.fail(in, bits.TrailingZeros32(bad), Undefined, "%s", w.b.p.undefined(in.uv[0]))
			return false
		}
		p &= mask
		w.def[in.ud] |= mask
		if in.mode == 3 {
			d := &w.r32[in.d]
			for m := mask; m != 0; m &= m - 1 {
				d[bits.TrailingZeros32(m)] = p
			}
			return true
		}
		yes := in.mode == 0 && p == mask || in.mode == 1 && p != 0 || in.mode == 2 && (p == mask || p == 0)
		w.pred[in.d] &^= mask
		if yes {
			w.pred[in.d] |= mask
		}
	case opShuffle:
		return w.shuffle(in, mask)
	}
	return true
}

func (w *warp) shuffle(in *inst, mask uint32) bool {
	from := w.r32[in.a]
	known := w.def[in.uv[0]]
	d := &w.r32[in.d]
	for m := mask; m != 0; m &= m - 1 {
		lane := uint32(bits.TrailingZeros32(m))
		b, c := w.r32[in.b][lane]&31, w.r32[in.c][lane]
		segment, clamp := c>>8&31, c&31
		top := lane&segment | clamp&^segment
		bottom := lane & segment
		var j uint32
		var ok bool
		switch in.mode {
		case 0: // up
			j = lane - b
			ok = int32(j) >= int32(top)
		case 1: // down
			j = lane + b
			ok = j <= top
		case 2:
			j = lane ^ b
			ok = j <= top
		case 3:
			j = bottom | b&^segment
			ok = j <= top
		}
		if !ok {
			j = lane
		}
		if mask>>j&1 == 0 {
			w.fail(in, int(lane), Divergence, "the shuffle reads lane %d, which takes no part", j)
			return false
		}
		if known>>j&1 == 0 {
			w.fail(in, int(lane), Undefined, "the shuffle reads lane %d of %s", j, w.b.p.undefined(in.uv[0]))
			return false
		}
		d[lane] = from[j]
		if in.e >= 0 {
			w.pred[in.e] = w.pred[in.e]&^(1<<lane) | bit(ok, int(lane))
		}
	}
	w.def[in.ud] |= mask
	if in.e >= 0 {
		w.def[in.uv[1]] |= mask
	}
	return true
}

// loadParam reads the arguments of the kernel, or of a function.
func (w *warp) loadParam(in *inst, mask uint32) bool {
	w.addresses(in)
	args := w.b.l.args
	size := uint64(in.size)
	for m := mask; m != 0; m &= m - 1 {
		i := bits.TrailingZeros32(m)
		addr := w.addr[i]
		if addr >= stackParams {
			if !w.loadLane(in, i, Local, addr-stackParams, 0) {
				return false
			}
			continue
		}
		total := size * uint64(in.n)
		if addr > uint64(len(args)) || total > uint64(len(args))-addr {
			w.fail(in, i, OutOfBounds, "%d bytes at %d of %d bytes of arguments", total, addr, len(args))
			return false
		}
		if addr%total != 0 {
			w.fail(in, i, Misaligned, "%d bytes at %d of the arguments", total, addr)
			return false
		}
		for k := range int(in.n) {
			w.set(in, k, i, element(args[addr+uint64(k)*size:], in.size))
		}
	}
	w.defineAll(in, mask)
	return true
}

func (w *warp) defineAll(in *inst, mask uint32) {
	for k := range int(in.n) {
		w.def[in.uv[k]] |= mask
	}
}

// element reads a value of 1, 2, 4 or 8 bytes.
func element(b []byte, size uint8) uint64 {
	switch size {
	case 1:
		return uint64(b[0])
	case 2:
		return uint64(binary.LittleEndian.Uint16(b))
	case 4:
		return uint64(binary.LittleEndian.Uint32(b))
	}
	return binary.LittleEndian.Uint64(b)
}

func putElement(b []byte, size uint8, v uint64) {
	switch size {
	case 1:
		b[0] = byte(v)
	case 2:
		binary.LittleEndian.PutUint16(b, uint16(v))
	case 4:
		binary.LittleEndian.PutUint32(b, uint32(v))
	default:
		binary.LittleEndian.PutUint64(b, v)
	}
}

// set writes element k of a load to lane i, extended to the width of the register.
func (w *warp) set(in *inst, k, i int, v uint64) {
	if in.v[k] < 0 {
		return
	}
	if in.signed {
		s := 64 - 8*uint(in.size)
		v = uint64(int64(v<<s) >> s)
	}
	if in.wide {
		w.r64[in.v[k]][i] = v
		return
	}
	if in.half {
		v &= 0xffff
	}
	w.r32[in.v[k]][i] = uint32(v)
}

// addresses computes the address of each lane.
func (w *warp) addresses(in *inst) {
	if in.base32 {
		a := &w.r32[in.a]
		for i := range w.addr {
			w.addr[i] = uint64(a[i] + uint32(in.imm))
		}
		return
	}
	a := &w.r64[in.a]
	for i := range w.addr {
		w.addr[i] = a[i] + in.imm
	}
}

// resolve turns an address of the generic space into one of another.
func resolve(s Space, addr uint64) (Space, uint64) {
	if s != Generic {
		return s, addr
	}
	switch {
	case addr >= constWindow && addr < constWindow+1<<40:
		return Const, addr - constWindow
	case addr >= localWindow && addr < localWindow+1<<40:
		return Local, addr - localWindow
	case addr >= sharedWindow && addr < sharedWindow+1<<40:
		return Shared, addr - sharedWindow
	}
	return Global, addr
}

// load reads memory.
func (w *warp) load(in *inst, mask uint32, pc int32) bool {
	w.addresses(in)
	if in.plain {
		if in.space == Shared {
			return w.loadShared(in, mask)
		}
		if in.space == Global {
			return w.loadGlobal(in, mask, pc)
		}
	}
	for m := mask; m != 0; m &= m - 1 {
		i := bits.TrailingZeros32(m)
		space, addr := resolve(in.space, w.addr[i])
		if space == Param {
			space, addr = Local, addr-stackParams
		}
		if !w.loadLane(in, i, space, addr, pc) {
			return false
		}
	}
	return true
}

// allDefined reports whether all bytes of whole words are defined.
func allDefined(state []byte) bool {
	const ones = 0x0101010101010101
	if len(state) == 4 {
		return binary.LittleEndian.Uint32(state) == ones&math.MaxUint32
	}
	for len(state) >= 8 {
		if binary.LittleEndian.Uint64(state) != ones {
			return false
		}
		state = state[8:]
	}
	return true
}

// loadShared and loadGlobal read whole words to registers of their width. What is
// amiss they leave to loadLane, which says what it is.
func (w *warp) loadShared(in *inst, mask uint32) bool {
	b := w.b
	total := uint64(in.size) * uint64(in.n)
	checked := !b.l.opts.Fast
	for m := mask; m != 0; m &= m - 1 {
		i := bits.TrailingZeros32(m)
		at := w.addr[i] - spaceStart
		if at&(total-1) != 0 || at >= uint64(len(b.shared)) || total > uint64(len(b.shared))-at || !allDefined(b.sharedState[at:at+total]) {
			return w.loadLane(in, i, Shared, w.addr[i], 0)
		}
		if checked && !w.sharedReads(in, i, at, total) {
			return false
		}
		w.take(in, i, b.shared[at:at+total])
	}
	w.defineAll(in, mask)
	return true
}

func (w *warp) loadGlobal(in *inst, mask uint32, pc int32) bool {
	total := uint64(in.size) * uint64(in.n)
	checked := !w.b.l.opts.Fast
	a := w.cache[pc]
	for m := mask; m != 0; m &= m - 1 {
		i := bits.TrailingZeros32(m)
		addr := w.addr[i]
		if a == nil || addr-a.base >= a.size {
			if a = w.b.l.mem.find(addr); a == nil {
				return w.loadLane(in, i, Global, addr, pc)
			}
			w.cache[pc] = a
		}
		at := addr - a.base
		if addr&(total-1) != 0 || a.size-at < total || !allDefined(a.state[at:at+total]) {
			return w.loadLane(in, i, Global, addr, pc)
		}
		if checked && !w.globalReads(in, i, a, at, total) {
			return false
		}
		w.take(in, i, a.data[at:at+total])
	}
	w.defineAll(in, mask)
	return true
}

// take writes whole words to the registers of a load.
func (w *warp) take(in *inst, i int, data []byte) {
	if in.wide {
		for k := range int(in.n) {
			if v := in.v[k]; v >= 0 {
				w.r64[v][i] = binary.LittleEndian.Uint64(data[8*k:])
			}
		}
		return
	}
	if in.n == 1 {
		w.r32[in.v[0]][i] = binary.LittleEndian.Uint32(data)
		return
	}
	for k := range int(in.n) {
		if v := in.v[k]; v >= 0 {
			w.r32[v][i] = binary.LittleEndian.Uint32(data[4*k:])
		}
	}
}

// loadLane reads for one lane, with all checks.
func (w *warp) loadLane(in *inst, i int, space Space, addr uint64, pc int32) bool {
	total := uint64(in.size) * uint64(in.n)
	data, state, at, a, ok := w.locate(in, i, space, addr, total, pc)
	if !ok {
		return false
	}
	undefined := slices.ContainsFunc(state, func(s byte) bool { return s != byteDefined })
	if undefined && space != Local {
		w.fail(in, i, Undefined, "it reads %s, where nothing was written", w.describe(space, addr))
		w.b.fault.Space, w.b.fault.Address = space, addr
		return false
	}
	if !w.b.l.opts.Fast {
		switch space {
		case Shared:
			ok = w.sharedReads(in, i, at, total)
		case Global:
			ok = w.globalReads(in, i, a, at, total)
		}
		if !ok {
			return false
		}
	}
	for k := range int(in.n) {
		w.set(in, k, i, element(data[k*int(in.size):], in.size))
		if undefined {
			w.def[in.uv[k]] &^= 1 << i
		} else {
			w.def[in.uv[k]] |= 1 << i
		}
	}
	return true
}

// locate finds the bytes of an access, and their states if the space has them.
func (w *warp) locate(in *inst, i int, space Space, addr, total uint64, pc int32) (data, state []byte, at uint64, a *allocation, ok bool) {
	b := w.b
	outside := func() {
		w.fail(in, i, OutOfBounds, "%d bytes at %s", total, w.describe(space, addr))
		b.fault.Space, b.fault.Address = space, addr
	}
	if addr%total != 0 {
		w.fail(in, i, Misaligned, "%d bytes at 0x%x of the space %v", total, addr, space)
		b.fault.Space, b.fault.Address = space, addr
		return
	}
	switch space {
	case Global:
		a = w.cache[pc]
		if a == nil || addr-a.base >= a.size {
			if a = b.l.mem.find(addr); a == nil {
				outside()
				return
			}
			w.cache[pc] = a
		}
		at = addr - a.base
		if total > a.size-at {
			outside()
			return
		}
		data, state = a.data[at:][:total], a.state[at:][:total]
	case Shared:
		at = addr - spaceStart
		if at >= uint64(len(b.shared)) || total > uint64(len(b.shared))-at {
			outside()
			return
		}
		data, state = b.shared[at:][:total], b.sharedState[at:][:total]
	case Local:
		size := uint64(b.p.localEnd)
		if addr < spaceStart || addr >= size || total > size-addr {
			outside()
			return
		}
		at = uint64(i)*size + addr
		data, state = w.local[at:][:total], w.localState[at:][:total]
	case Const:
		m := b.l.constant
		if addr >= uint64(len(m.data)) || total > uint64(len(m.data))-addr {
			outside()
			return
		}
		data, state = m.data[addr:][:total], m.state[addr:][:total]
	default:
		outside()
		return
	}
	if !permitted(state) {
		outside()
		return
	}
	return data, state, at, a, true
}

// permitted reports whether no byte belongs to nobody.
func permitted(state []byte) bool {
	switch len(state) {
	case 4:
		return binary.LittleEndian.Uint32(state)&0x02020202 == 0
	case 8:
		return binary.LittleEndian.Uint64(state)&0x0202020202020202 == 0
	}
	return forbidden(state) < 0
}

// describe says what lies at an address.
func (w *warp) describe(space Space, addr uint64) string {
	switch space {
	case Global:
		return w.b.l.mem.describe(addr)
	case Shared:
		end := w.b.p.sharedEnd
		vars := w.b.p.sharedVars
		if n := int(w.b.l.shared); n > 0 {
			vars = append(vars[:len(vars):len(vars)], placed{"dynamic shared memory", end, n})
		}
		return "0x" + fmt.Sprintf("%x", addr) + " of shared memory" + nearby(vars, addr)
	case Local:
		return fmt.Sprintf("0x%x of local memory", addr) + nearby(w.b.p.localVars, addr)
	case Const:
		return fmt.Sprintf("0x%x of constant memory", addr) + nearby(w.b.l.constant.vars, addr)
	}
	return fmt.Sprintf("0x%x of the space %v", addr, space)
}

// nearby says where an address lies in, or from, the next variable below.
func nearby(vars []placed, addr uint64) string {
	best := -1
	for i, v := range vars {
		if uint64(v.at) <= addr && (best < 0 || v.at > vars[best].at) {
			best = i
		}
	}
	if best < 0 {
		return ", before all variables"
	}
	v := vars[best]
	if off := addr - uint64(v.at); off < uint64(v.size) {
		return fmt.Sprintf(", byte %d of the %d of %s", off, v.size, v.name)
	} else if off < 1<<20 {
		return fmt.Sprintf(", %d bytes past the end of %s, which has %d", off-uint64(v.size), v.name, v.size)
	}
	return ", in no variable"
}

// store writes memory.
func (w *warp) store(in *inst, mask uint32, pc int32) bool {
	w.addresses(in)
	for k := range int(in.n) {
		if bad := mask &^ w.def[in.uv[k]]; bad != 0 && in.space != Param && in.space != Local {
			w.fail(in, bits.TrailingZeros32(bad), Undefined, "it stores %s", w.b.p.undefined(in.uv[k]))
			return false
		}
	}
	total := uint64(in.size) * uint64(in.n)
	for m := mask; m != 0; m &= m - 1 {
		i := bits.TrailingZeros32(m)
		space, addr := resolve(in.space, w.addr[i])
		if space == Param {
			if addr < stackParams {
				w.fail(in, i, OutOfBounds, "a store to the kernel's arguments")
				return false
			}
			space, addr = Local, addr-stackParams
		}
		if space == Const {
			w.fail(in, i, OutOfBounds, "a store to %s", w.describe(space, addr))
			return false
		}
		data, state, at, a, ok := w.locate(in, i, space, addr, total, pc)
		if !ok {
			return false
		}
		if !w.b.l.opts.Fast {
			switch space {
			case Shared:
				ok = w.sharedWrites(in, i, at, total)
			case Global:
				ok = w.globalWrites(in, i, a, at, total)
			}
			if !ok {
				return false
			}
		}
		for k := range int(in.n) {
			var v uint64
			if in.wide {
				v = w.r64[in.v[k]][i]
			} else {
				v = uint64(w.r32[in.v[k]][i])
			}
			putElement(data[k*int(in.size):], in.size, v)
			s := uint64(0x0101010101010101)
			if w.def[in.uv[k]]>>i&1 == 0 {
				s = 0
			}
			putElement(state[k*int(in.size):], in.size, s)
		}
	}
	return true
}
