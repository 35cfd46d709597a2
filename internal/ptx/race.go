package ptx

import "fmt"

// Tags of shared memory: the barrier interval of the worker (32 bits), how often the
// warp has been synchronised (20 bits) and the thread (12 bits), or that there were
// several. Two accesses of different threads conflict if one is a write and nothing
// orders them: a barrier of the block, or of the warp if both are in it.

func (w *warp) sharedTag(lane int) uint64 {
	return w.b.runs<<32 | (w.epoch&(1<<20-1))<<threadBits | uint64(w.first) + uint64(lane)
}

// sharedConflict reports whether what a tag stands for may be at the same time as an
// access now.
func (w *warp) sharedConflict(tag, now uint64) bool {
	if tag>>32 != now>>32 {
		return false
	}
	who, me := tag&threadMask, now&threadMask
	if who == me {
		return false
	}
	if who == sharedMany {
		return true
	}
	warp := who / lanes
	if who&sharedWarp != 0 {
		warp = who &^ sharedWarp
	}
	return warp != me/lanes || tag&^threadMask == now&^threadMask
}

func (w *warp) sharedReads(in *inst, lane int, at, n uint64) bool {
	b := w.b
	now := w.sharedTag(lane)
	shift := b.p.sharedShift
	for i, last := at>>shift, (at+n-1)>>shift; i <= last; i++ {
		if t := b.sharedWrite[i]; t>>32 == now>>32 && w.sharedConflict(t, now) {
			return w.sharedRace(in, lane, i<<shift, t, "reads", "written")
		}
		t := b.sharedRead[i]
		switch {
		case t == now:
		case t>>32 != now>>32:
			b.sharedRead[i] = now
		case t&threadMask == sharedMany:
		case t&threadMask == now&threadMask:
			b.sharedRead[i] = now
		default:
			// Several: of one warp, the last interval of the warp counts.
			warp := t & threadMask / lanes
			if t&sharedWarp != 0 {
				warp = t & threadMask &^ sharedWarp
			}
			switch {
			case warp != now&threadMask/lanes:
				b.sharedRead[i] = now | sharedMany
			case t&^threadMask == now&^threadMask:
				b.sharedRead[i] = now&^threadMask | sharedWarp | warp
			default:
				b.sharedRead[i] = now
			}
		}
	}
	return true
}

func (w *warp) sharedWrites(in *inst, lane int, at, n uint64) bool {
	b := w.b
	now := w.sharedTag(lane)
	shift := b.p.sharedShift
	for i, last := at>>shift, (at+n-1)>>shift; i <= last; i++ {
		if t := b.sharedWrite[i]; t>>32 == now>>32 && w.sharedConflict(t, now) {
			return w.sharedRace(in, lane, i<<shift, t, "writes", "written")
		}
		if t := b.sharedRead[i]; t>>32 == now>>32 && w.sharedConflict(t, now) {
			return w.sharedRace(in, lane, i<<shift, t, "writes", "read")
		}
		b.sharedWrite[i] = now
	}
	return true
}

func (w *warp) sharedRace(in *inst, lane int, at, other uint64, does, was string) bool {
	who := other & threadMask
	by := "other threads"
	switch {
	case who == sharedMany:
	case who&sharedWarp != 0:
		by = fmt.Sprintf("threads of warp %d", who&^sharedWarp)
	default:
		by = fmt.Sprintf("thread %v", w.b.l.block.at(who))
	}
	addr := at + spaceStart
	w.fail(in, lane, Race, "it %s %s, which was %s by %s since the last barrier", does, w.describe(Shared, addr), was, by)
	w.b.fault.Space, w.b.fault.Address = Shared, addr
	return false
}

// Tags of global memory: the launch, the block, the barrier interval of the block and
// the thread. Threads of different blocks are never ordered within a launch.

func globalConflict(tag, now uint64) bool {
	if tag>>launchShift != now>>launchShift {
		return false
	}
	if tag>>blockShift != now>>blockShift {
		return true // another block, or many
	}
	return tag>>threadBits == now>>threadBits && tag&threadMask != now&threadMask
}

func (w *warp) globalReads(in *inst, lane int, a *allocation, at, n uint64) bool {
	now := w.b.tag | uint64(w.first) + uint64(lane)
	list := a.shadows(w.b.p.globalShift)
	shift := w.b.p.globalShift
	for i, last := at>>shift, (at+n-1)>>shift; i <= last; i++ {
		s := &list[i]
		for {
			t := s.read.Load()
			next := now
			if t>>launchShift == now>>launchShift {
				switch {
				case t>>blockShift&(1<<blockBits-1) == manyBlocks:
					next = t
				case t>>blockShift != now>>blockShift:
					next = now | manyBlocks<<blockShift
				case t>>threadBits == now>>threadBits && t&threadMask != now&threadMask:
					next = now | manyThreads
				}
			}
			if next == t || s.read.CompareAndSwap(t, next) {
				break
			}
		}
		t := s.write.Load()
		if globalConflict(t, now) {
			return w.globalRace(in, lane, a.base+i<<shift, t, "reads", "written")
		}
		if in.readOnly && t>>launchShift == now>>launchShift {
			w.fail(in, lane, Race, "it reads %s by .nc, for memory that a launch only reads, and this launch has written it", w.describe(Global, a.base+i<<shift))
			return false
		}
	}
	return true
}

func (w *warp) globalWrites(in *inst, lane int, a *allocation, at, n uint64) bool {
	now := w.b.tag | uint64(w.first) + uint64(lane)
	list := a.shadows(w.b.p.globalShift)
	shift := w.b.p.globalShift
	for i, last := at>>shift, (at+n-1)>>shift; i <= last; i++ {
		s := &list[i]
		if t := s.write.Swap(now); globalConflict(t, now) {
			return w.globalRace(in, lane, a.base+i<<shift, t, "writes", "written")
		}
		if t := s.read.Load(); globalConflict(t, now) {
			return w.globalRace(in, lane, a.base+i<<shift, t, "writes", "read")
		}
	}
	return true
}

func (w *warp) globalRace(in *inst, lane int, addr, other uint64, does, was string) bool {
	block := other >> blockShift & (1<<blockBits - 1)
	by := "several blocks"
	if block != manyBlocks {
		at := w.b.l.grid.at(block)
		if who := other & threadMask; who == manyThreads {
			by = fmt.Sprintf("several threads of block %v", at)
		} else {
			by = fmt.Sprintf("thread %v of block %v", w.b.l.block.at(who), at)
		}
	}
	w.fail(in, lane, Race, "it %s %s, which was %s by %s with nothing in between that orders them", does, w.describe(Global, addr), was, by)
	w.b.fault.Space, w.b.fault.Address = Global, addr
	return false
}
