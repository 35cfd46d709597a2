package sim

import (
	"bytes"
	"errors"
	"slices"
	"unsafe"

	"github.com/gander-ml/gander/internal/backend/cuda/driver"
	"github.com/gander-ml/gander/internal/ptx"
)

// MemInfo returns how much memory is free, and how much there is.
func (dev *Device) MemInfo() (free, total uint64, err error) {
	c, err := dev.enter("cuMemGetInfo")
	defer c.leave()
	return c.memory.Limit() - c.memory.Used(), c.memory.Limit(), err
}

// MemAlloc returns the address of memory whose contents are undefined.
func (dev *Device) MemAlloc(bytes uint64) (driver.Ptr, error) {
	const call = "cuMemAlloc"
	c, err := dev.enter(call)
	defer c.leave()
	if err != nil {
		return 0, err
	}
	if bytes == 0 {
		return 0, fail(call, driver.InvalidValue, "an allocation of no bytes")
	}
	p, err := c.memory.Alloc(bytes)
	if errors.Is(err, ptx.ErrOutOfMemory) {
		return 0, fail(call, driver.OutOfMemory, "%d bytes; %d of %d are free", bytes, c.memory.Limit()-c.memory.Used(), c.memory.Limit())
	} else if err != nil {
		return 0, fail(call, driver.InvalidValue, "%v", err)
	}
	c.d.counters.Allocs++
	return driver.Ptr(p), nil
}

// MemFree frees memory, also of queued work, which fails then: most drivers wait, but
// none promises to.
func (dev *Device) MemFree(p driver.Ptr) error {
	const call = "cuMemFree"
	c, err := dev.enter(call)
	defer c.leave()
	if err != nil {
		return err
	}
	for _, m := range c.modules {
		if slices.Contains(m.program.Globals(), uint64(p)) {
			return fail(call, driver.InvalidValue, "0x%x is a variable of a module", p)
		}
	}
	if err := c.memory.Free(uint64(p)); err != nil {
		return fail(call, driver.InvalidValue, "%v", err)
	}
	c.d.counters.Frees++
	return nil
}

// HostAlloc returns memory that asynchronous copies may use.
func (dev *Device) HostAlloc(bytes int) ([]byte, error) {
	const call = "cuMemHostAlloc"
	c, err := dev.enter(call)
	defer c.leave()
	if err != nil {
		return nil, err
	}
	if bytes <= 0 {
		return nil, fail(call, driver.InvalidValue, "an allocation of %d bytes", bytes)
	}
	// Of whole words, so that it is aligned as page-locked memory is.
	words := make([]uint64, (bytes+7)/8)
	b := unsafe.Slice((*byte)(unsafe.Pointer(&words[0])), 8*len(words))[:bytes:bytes]
	c.host = append(c.host, b)
	return b, nil
}

// HostFree frees what HostAlloc returned. It is rubbish afterwards.
func (dev *Device) HostFree(b []byte) error {
	const call = "cuMemFreeHost"
	c, err := dev.enter(call)
	defer c.leave()
	if err != nil {
		return err
	}
	for i, h := range c.host {
		if len(b) > 0 && &h[0] == &b[0] {
			c.host = slices.Delete(c.host, i, i+1)
			spoil(h)
			return nil
		}
	}
	return fail(call, driver.InvalidValue, "this is no host memory, or was freed before")
}

func spoil(b []byte) {
	for i := range b {
		b[i] = 0xa5
	}
}

// pinned reports whether b lies in memory of HostAlloc.
func (c *context) pinned(b []byte) bool {
	if len(b) == 0 {
		return true
	}
	p := uintptr(unsafe.Pointer(&b[0]))
	for _, h := range c.host {
		if q := uintptr(unsafe.Pointer(&h[0])); p >= q && p-q <= uintptr(len(h)-len(b)) && len(b) <= len(h) {
			return true
		}
	}
	return false
}

// span fails if bytes do not lie in one allocation.
func (c *context) span(call string, p driver.Ptr, n uint64) error {
	if err := c.memory.Span(uint64(p), n); err != nil {
		return fail(call, driver.InvalidValue, "%v", err)
	}
	return nil
}

// Upload copies from the host, after what is queued.
func (dev *Device) Upload(dst driver.Ptr, src []byte, s driver.Stream) error {
	const call = "cuMemcpyHtoD"
	c, err := dev.enter(call)
	defer c.leave()
	if err == nil {
		err = c.span(call, dst, uint64(len(src)))
	}
	if err == nil {
		err = c.sync(call, s)
	}
	if err != nil {
		return err
	}
	c.d.counters.UploadBytes += uint64(len(src))
	if err := c.memory.Write(uint64(dst), src); err != nil {
		return fail(call, driver.InvalidValue, "%v", err)
	}
	return nil
}

// Download copies to the host, after what is queued.
func (dev *Device) Download(dst []byte, src driver.Ptr, s driver.Stream) error {
	const call = "cuMemcpyDtoH"
	c, err := dev.enter(call)
	defer c.leave()
	if err == nil {
		err = c.span(call, src, uint64(len(dst)))
	}
	if err == nil {
		err = c.sync(call, s)
	}
	if err != nil {
		return err
	}
	c.d.counters.DownloadBytes += uint64(len(dst))
	if err := c.memory.Read(dst, uint64(src)); err != nil {
		return fail(call, driver.InvalidValue, "%v", err)
	}
	return nil
}

// UploadAsync queues a copy from host memory. It is an error if the memory changes
// before the copy is done.
func (dev *Device) UploadAsync(dst driver.Ptr, src []byte, s driver.Stream) error {
	const call = "cuMemcpyHtoDAsync"
	c, err := dev.enter(call)
	defer c.leave()
	if err == nil {
		err = c.span(call, dst, uint64(len(src)))
	}
	if err != nil {
		return err
	}
	if !c.pinned(src) {
		return fail(call, driver.InvalidValue, "the source is not of HostAlloc")
	}
	var before []byte
	if st := c.streams[s]; st != nil && st.capture == nil {
		before = bytes.Clone(src) // what a graph copies may change between its launches
	}
	return c.put(call, s, func() error {
		if before != nil && !bytes.Equal(before, src) {
			return fail(call, driver.LaunchFailed, "the source was changed before it was copied")
		}
		c.d.counters.UploadBytes += uint64(len(src))
		return c.memory.Write(uint64(dst), src)
	})
}

// DownloadAsync queues a copy to host memory, which is rubbish until it is done.
func (dev *Device) DownloadAsync(dst []byte, src driver.Ptr, s driver.Stream) error {
	const call = "cuMemcpyDtoHAsync"
	c, err := dev.enter(call)
	defer c.leave()
	if err == nil {
		err = c.span(call, src, uint64(len(dst)))
	}
	if err != nil {
		return err
	}
	if !c.pinned(dst) {
		return fail(call, driver.InvalidValue, "the destination is not of HostAlloc")
	}
	if st := c.streams[s]; st != nil && st.capture == nil {
		spoil(dst)
	}
	return c.put(call, s, func() error {
		c.d.counters.DownloadBytes += uint64(len(dst))
		return c.memory.Read(dst, uint64(src))
	})
}

// CopyAsync queues a copy within the memory.
func (dev *Device) CopyAsync(dst, src driver.Ptr, n uint64, s driver.Stream) error {
	const call = "cuMemcpyDtoDAsync"
	c, err := dev.enter(call)
	defer c.leave()
	if err == nil {
		err = c.span(call, dst, n)
	}
	if err == nil {
		err = c.span(call, src, n)
	}
	if err != nil {
		return err
	}
	return c.put(call, s, func() error {
		c.d.counters.CopyBytes += n
		return c.memory.Copy(uint64(dst), uint64(src), n)
	})
}

// MemsetAsync queues setting words.
func (dev *Device) MemsetAsync(dst driver.Ptr, value uint32, words uint64, s driver.Stream) error {
	const call = "cuMemsetD32Async"
	c, err := dev.enter(call)
	defer c.leave()
	if err == nil {
		err = c.span(call, dst, 4*words)
	}
	if err == nil && dst%4 != 0 {
		err = fail(call, driver.InvalidValue, "0x%x is no multiple of 4", dst)
	}
	if err != nil {
		return err
	}
	return c.put(call, s, func() error { return c.memory.Set(uint64(dst), value, words) })
}

// AnnotateAsync queues a note about memory that an allocator lends.
func (dev *Device) AnnotateAsync(p driver.Ptr, used, size uint64, s driver.Stream) error {
	const call = "annotate"
	c, err := dev.enter(call)
	defer c.leave()
	if err == nil {
		err = c.span(call, p, size)
	}
	if err != nil {
		return err
	}
	return c.put(call, s, func() error { return c.memory.Annotate(uint64(p), used, size) })
}
