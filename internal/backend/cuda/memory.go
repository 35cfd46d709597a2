package cuda

import (
	"errors"
	"fmt"
	"math/bits"
	"runtime"
	"unsafe"

	"github.com/gander-ml/gander/internal/backend"
	"github.com/gander-ml/gander/internal/backend/cuda/driver"
)

// Buffer is memory of the device.
type Buffer struct {
	owner   *Backend
	dtype   backend.DType
	n       int
	block   *block // nil if n is 0
	freed   bool
	cleanup runtime.Cleanup
}

// DType returns the type of the elements.
func (f *Buffer) DType() backend.DType { return f.dtype }

// Len returns the number of elements.
func (f *Buffer) Len() int { return f.n }

// block is memory that the driver allocated.
type block struct {
	ptr  driver.Ptr
	size uint64
	list uint64 // the number of the list of launches that was being made when it was given back
}

// memory keeps freed blocks for the next buffers of their size. All work is in one
// stream, so a block can be lent again while the work of its last user is queued.
type memory struct {
	all     map[driver.Ptr]*block // all that the driver gave
	free    map[uint64][]*block   // by size
	buffers int                   // that are not freed
	bytes   int64                 // of those
	staging staging
}

// blockSize returns bytes rounded up to one of eight sizes per power of two, at
// least 512.
func blockSize(bytes uint64) uint64 {
	if bytes <= 512 {
		return 512
	}
	step := uint64(1) << (bits.Len64(bytes-1) - 4)
	return (bytes + step - 1) &^ (step - 1)
}

// take returns a block, or an error if there is no memory. The lock is held, but for
// the time in which garbage is collected.
func (b *Backend) take(bytes uint64) (*block, error) {
	for try := 0; ; try++ {
		k, err := b.takeNow(bytes)
		if err == nil {
			return k, nil
		}
		b.flushAll() // what it holds can be freed
		if !errors.Is(err, driver.OutOfMemory) || try == 4 {
			return nil, err
		}
		// Give the driver what is free. Then collect garbage: its cleanups run on
		// another goroutine, soon after.
		if try > 0 {
			q := &b.queue
			current, n, more, operands := q.current, q.n, q.more, b.operands
			q.more, b.operands = nil, nil
			b.mu.Unlock()
			runtime.GC()
			settle()
			b.mu.Lock()
			q.current, q.n, q.more, b.operands = current, n, more, operands // other operations have been queued meanwhile
			if b.closed {
				return nil, errClosed
			}
			b.flushAll() // what they queued may use memory that they have freed
		}
		if err := b.trim(); err != nil {
			return nil, err
		}
	}
}

// takeNow returns a block if there is memory at once.
func (b *Backend) takeNow(bytes uint64) (*block, error) {
	m, size := &b.memory, blockSize(bytes)
	if m.all == nil {
		m.all, m.free = map[driver.Ptr]*block{}, map[uint64][]*block{}
	}
	if list := m.free[size]; len(list) > 0 {
		k := list[len(list)-1]
		m.free[size] = list[:len(list)-1]
		return k, b.annotate(k, bytes)
	}
	ptr, err := b.device.MemAlloc(size)
	if err != nil {
		return nil, err
	}
	k := &block{ptr: ptr, size: size}
	m.all[ptr] = k
	return k, b.annotate(k, bytes)
}

// annotate tells a device that checks such things what of a block is lent. Where
// launches are held back, it would come too early.
func (b *Backend) annotate(k *block, bytes uint64) error {
	if a, ok := b.device.(driver.Annotator); ok && b.graphs.off {
		return a.AnnotateAsync(k.ptr, bytes, k.size, b.stream)
	}
	return nil
}

// settle returns when a cleanup that is queued now has run, and with it, more likely
// than not, those queued before.
func settle() {
	done := make(chan struct{})
	mark := new([64]byte)
	runtime.AddCleanup(mark, func(c chan struct{}) { close(c) }, done)
	mark = nil
	runtime.GC()
	<-done
}

// trim gives the free blocks back to the driver, but for those that launches may use
// which the driver has not got yet. It waits for those that the driver has.
func (b *Backend) trim() error {
	if err := b.graphs.forget(b); err != nil {
		return err
	}
	for size, list := range b.memory.free {
		var kept []*block
		for i, k := range list {
			if b.graphs.pending(k) {
				kept = append(kept, k)
				continue
			}
			if err := b.device.MemFree(k.ptr); err != nil {
				b.memory.free[size] = append(kept, list[i:]...)
				return err
			}
			delete(b.memory.all, k.ptr)
		}
		if b.memory.free[size] = kept; len(kept) == 0 {
			delete(b.memory.free, size)
		}
	}
	return nil
}

// trimmed calls f, which may need memory that this package does not give it, and calls
// it again if there was none until the driver got what is free.
func (b *Backend) trimmed(f func() error) error {
	err := f()
	if errors.Is(err, driver.OutOfMemory) {
		if err = b.trim(); err == nil {
			err = f()
		}
	}
	return err
}

// giveBack ends a loan. No step that is held back uses the block; launches that are
// held back may.
func (b *Backend) giveBack(k *block) {
	k.list = b.graphs.lists
	b.memory.free[k.size] = append(b.memory.free[k.size], k)
}

// giveBackLater ends a loan when the steps held back are queued, if any uses it.
func (b *Backend) giveBackLater(k *block) {
	if b.queue.filling.block == k { // nobody will read it
		b.queue.filling = filling{}
	}
	if b.queue.touched[k] {
		b.queue.held = append(b.queue.held, k)
	} else {
		b.giveBack(k)
	}
}

// scratch lends memory to one operation. It is given back when the operation is
// queued.
func (b *Backend) scratch(bytes int) (*block, func()) {
	k, err := b.take(uint64(bytes))
	b.check(err)
	b.queue.operands(k)
	return k, func() { b.giveBackLater(k) }
}

// Alloc returns n zeros.
func (b *Backend) Alloc(dt backend.DType, n int) backend.Buffer {
	defer b.enter("Alloc").leave()
	f := &Buffer{owner: b, dtype: dt, n: n}
	if n > 0 {
		k, err := b.take(uint64(n) * uint64(dt.Size()))
		if err != nil {
			b.check(fmt.Errorf("%d bytes: %w", n*dt.Size(), err))
		}
		f.block = k
		b.memory.bytes += int64(k.size)
		b.memory.buffers++
		f.cleanup = runtime.AddCleanup(f, b.collected, k)
		b.clear(k.ptr, uint64(n*dt.Size()+3)/4)
	}
	return f
}

// collected frees the memory of a buffer that is garbage.
func (b *Backend) collected(k *block) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.closed {
		b.returned(k)
	}
}

func (b *Backend) returned(k *block) {
	b.memory.bytes -= int64(k.size)
	b.memory.buffers--
	b.giveBackLater(k)
}

// Free frees the buffer's memory in queue order.
func (b *Backend) Free(buffer backend.Buffer) {
	f := buffer.(*Buffer)
	b.mu.Lock()
	defer b.mu.Unlock()
	if f.freed {
		panic("cuda: memory is freed twice")
	}
	f.freed = true
	if f.block == nil || b.closed {
		return
	}
	f.cleanup.Stop()
	b.returned(f.block)
}

// Memory returns the number of buffers that are allocated and not freed, and the
// bytes of their blocks.
func (b *Backend) Memory() (buffers int, bytes int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.memory.buffers, b.memory.bytes
}

// close frees everything.
func (m *memory) close(b *Backend) error {
	var errs []error
	for ptr := range m.all {
		errs = append(errs, b.device.MemFree(ptr))
	}
	m.all, m.free, m.buffers, m.bytes = nil, nil, 0, 0
	return errors.Join(append(errs, m.staging.close(b))...)
}

// staging is page-locked memory that uploads pass through, so that they need not
// wait for the queue.
type staging struct {
	slots [4]slot
	next  int
}

type slot struct {
	memory []byte
	done   driver.Event // the last copy out of it
}

// slotSize is the largest piece of an upload.
const slotSize = 1 << 20

// stage returns a slot whose memory is free to be written.
func (b *Backend) stage() (*slot, error) {
	s := &b.memory.staging
	k := &s.slots[s.next]
	s.next = (s.next + 1) % len(s.slots)
	if k.memory == nil {
		event, err := b.device.EventCreate(false)
		if err != nil {
			return nil, err
		}
		memory, err := b.device.HostAlloc(slotSize)
		if err != nil {
			return nil, errors.Join(err, b.device.EventDestroy(event))
		}
		k.memory, k.done = memory, event
	}
	return k, b.device.EventSync(k.done)
}

func (s *staging) close(b *Backend) error {
	var errs []error
	for i := range s.slots {
		if k := &s.slots[i]; k.memory != nil {
			errs = append(errs, b.device.HostFree(k.memory), b.device.EventDestroy(k.done))
			*k = slot{}
		}
	}
	return errors.Join(errs...)
}

// upload copies host memory, which is the caller's again on return. The steps that
// use dst's block have been done.
func (b *Backend) upload(dst driver.Ptr, src []byte) {
	if len(src) == 0 {
		return
	}
	b.run()
	b.send(dst, src)
}

// send is upload after the launches that were held back, which may be under way. What is
// longer than a slot goes in pieces, while those before are on their way.
func (b *Backend) send(dst driver.Ptr, src []byte) {
	for len(src) > 0 {
		k, err := b.stage()
		if errors.Is(err, driver.OutOfMemory) { // of page-locked memory: do without
			b.check(b.device.Upload(dst, src, b.stream))
			return
		}
		b.check(err)
		n := copy(k.memory, src)
		b.check(b.device.UploadAsync(dst, k.memory[:n], b.stream))
		b.check(b.device.EventRecord(k.done, b.stream))
		dst, src = dst+driver.Ptr(n), src[n:]
	}
}

// bytesOf returns the memory of a host buffer.
func bytesOf(h *backend.Host) []byte {
	switch dt := h.DType(); dt {
	case backend.Float32:
		return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(h.F32))), 4*len(h.F32))
	case backend.Float64:
		return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(h.F64))), 8*len(h.F64))
	default:
		panic(backend.UnknownDType(dt))
	}
}

// Upload copies src to dst.
func (b *Backend) Upload(dst backend.Operand, src *backend.Host) {
	defer b.enter("Upload", dst).leave()
	b.flushTouched()
	b.upload(b.pointer(dst), bytesOf(src))
}

// Download copies src to dst, when all work queued so far is done.
func (b *Backend) Download(dst *backend.Host, src backend.Operand) {
	defer b.enter("Download", src).leave()
	b.flushAll()
	if dst.Len() == 0 {
		b.check(b.device.StreamSync(b.stream))
	} else {
		b.check(b.device.Download(bytesOf(dst), b.pointer(src), b.stream))
	}
	b.waited()
}
