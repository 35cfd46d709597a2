package ptx

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"
	"sync/atomic"
)

// States of a byte of memory.
const (
	byteUndefined = 0 // nothing was written to it
	byteDefined   = 1
	byteForbidden = 2 // it belongs to nobody
)

// allocation is a piece of global memory.
type allocation struct {
	base  uint64
	size  uint64
	name  string // of a module's variable
	data  []byte
	state []byte

	shadowMade atomic.Bool
	shadowLock sync.Mutex
	shadow     []shadow
}

// what names a before its size in a message.
func (a *allocation) what() string {
	if a.name != "" {
		return "the variable " + a.name + ", of"
	}
	return "an allocation of"
}

// shadow says who has touched a word, or a byte, of global memory in this launch.
type shadow struct{ read, write atomic.Uint64 }

// shadows returns the list for words of 1<<shift bytes. newLaunch has dropped a list
// that is too short.
func (a *allocation) shadows(shift uint) []shadow {
	if !a.shadowMade.Load() {
		a.shadowLock.Lock()
		if !a.shadowMade.Load() {
			a.shadow = make([]shadow, (a.size-1)>>shift+1)
			a.shadowMade.Store(true)
		}
		a.shadowLock.Unlock()
	}
	return a.shadow
}

// Memory is the global memory of a device: allocations with addresses of their own,
// never used twice, and forbidden ground between them. Its methods must not be
// called while a kernel runs.
type Memory struct {
	live  []*allocation // by address
	freed []span        // the last ones
	next  uint64
	limit uint64
	used  uint64

	launch uint64 // number of the launch, in the tags of shadows
}

type span struct{ base, size uint64 }

const firstAddress = 0x2_0000_0000

// ErrOutOfMemory is returned by Alloc.
var ErrOutOfMemory = errors.New("ptx: out of memory")

// NewMemory returns memory of a size.
func NewMemory(limit uint64) *Memory { return &Memory{next: firstAddress, limit: limit} }

// Limit returns the size.
func (m *Memory) Limit() uint64 { return m.limit }

// Used returns the bytes that are allocated.
func (m *Memory) Used() uint64 { return m.used }

// Alloc returns the address of new memory, aligned to 256 bytes, whose contents are
// undefined.
func (m *Memory) Alloc(size uint64) (uint64, error) {
	if size == 0 {
		return 0, errors.New("ptx: an allocation of no bytes")
	}
	if size > m.limit-m.used || size > math.MaxInt/2 {
		return 0, ErrOutOfMemory
	}
	a := &allocation{base: m.next, size: size, data: make([]byte, size), state: make([]byte, size)}
	m.next += (size+255)&^255 + 1<<16 // forbidden ground
	i, _ := slices.BinarySearchFunc(m.live, a.base, func(a *allocation, at uint64) int { return cmp.Compare(a.base, at) })
	m.live = slices.Insert(m.live, i, a)
	m.used += size
	return a.base, nil
}

// Adopt makes memory of the caller's part of the memory, at an address of the
// caller's. All of it counts as defined. Free gives it back.
func (m *Memory) Adopt(addr uint64, data []byte) error {
	size := uint64(len(data))
	i, _ := slices.BinarySearchFunc(m.live, addr, func(a *allocation, at uint64) int { return cmp.Compare(a.base, at) })
	switch {
	case size == 0 || addr >= sharedWindow-size:
		return fmt.Errorf("ptx: %d bytes at 0x%x", size, addr)
	case i > 0 && m.live[i-1].base+m.live[i-1].size > addr, i < len(m.live) && m.live[i].base < addr+size:
		return fmt.Errorf("ptx: %d bytes at 0x%x overlap others", size, addr)
	}
	a := &allocation{base: addr, size: size, data: data, state: make([]byte, size)}
	fill(a.state, byteDefined)
	m.live = slices.Insert(m.live, i, a)
	m.used += size
	return nil
}

// Free frees what Alloc returned, or gives back what Adopt was given.
func (m *Memory) Free(addr uint64) error {
	i, ok := slices.BinarySearchFunc(m.live, addr, func(a *allocation, at uint64) int { return cmp.Compare(a.base, at) })
	if !ok {
		return fmt.Errorf("ptx: free of %s", m.describe(addr))
	}
	a := m.live[i]
	m.live = slices.Delete(m.live, i, i+1)
	m.used -= a.size
	m.freed = append(m.freed, span{a.base, a.size})
	if len(m.freed) > 4096 {
		m.freed = slices.Delete(m.freed, 0, 1024)
	}
	return nil
}

// Allocations returns the addresses and sizes of what is allocated, by address.
func (m *Memory) Allocations() (addrs, sizes []uint64) {
	for _, a := range m.live {
		addrs, sizes = append(addrs, a.base), append(sizes, a.size)
	}
	return addrs, sizes
}

// find returns the allocation that holds an address, or nil.
func (m *Memory) find(addr uint64) *allocation {
	lo, hi := 0, len(m.live)
	for lo < hi {
		mid := int(uint(lo+hi) / 2)
		if m.live[mid].base <= addr {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	if lo == 0 {
		return nil
	}
	if a := m.live[lo-1]; addr-a.base < a.size {
		return a
	}
	return nil
}

// describe says what lies at an address.
func (m *Memory) describe(addr uint64) string {
	if a := m.find(addr); a != nil {
		return fmt.Sprintf("0x%x, byte %d of %s %d", addr, addr-a.base, a.what(), a.size)
	}
	for _, f := range slices.Backward(m.freed) {
		if addr-f.base < f.size {
			return fmt.Sprintf("0x%x, in freed memory, byte %d of what were %d", addr, addr-f.base, f.size)
		}
	}
	best := ""
	distance := uint64(1 << 16)
	for _, a := range m.live {
		if end := a.base + a.size; addr >= end && addr-end < distance {
			best, distance = fmt.Sprintf(", %d bytes past the end of %s %d", addr-end, a.what(), a.size), addr-end
		}
		if addr < a.base && a.base-addr < distance {
			best, distance = fmt.Sprintf(", %d bytes before %s %d", a.base-addr, a.what(), a.size), a.base-addr
		}
	}
	if best == "" {
		return fmt.Sprintf("0x%x, where nothing is allocated", addr)
	}
	return fmt.Sprintf("0x%x%s", addr, best)
}

// reach returns the allocation and offset of bytes that the host wants.
func (m *Memory) reach(addr, size uint64) (*allocation, uint64, error) {
	a := m.find(addr)
	if a == nil || size > a.size-(addr-a.base) {
		if a != nil {
			addr = a.base + a.size
		}
		return nil, 0, fmt.Errorf("ptx: %d bytes of the host reach %s", size, m.describe(addr))
	}
	return a, addr - a.base, nil
}

// forbidden returns the index of the first byte that belongs to nobody, or −1.
func forbidden(state []byte) int { return slices.Index(state, byteForbidden) }

// Write copies from the host.
func (m *Memory) Write(addr uint64, src []byte) error {
	if len(src) == 0 {
		return nil
	}
	a, at, err := m.reach(addr, uint64(len(src)))
	if err != nil {
		return err
	}
	state := a.state[at:][:len(src)]
	if i := forbidden(state); i >= 0 {
		return fmt.Errorf("ptx: the host writes to %s, which is not in use", m.describe(addr+uint64(i)))
	}
	copy(a.data[at:], src)
	fill(state, byteDefined)
	return nil
}

// Read copies to the host. Bytes that nothing was written to are an error.
func (m *Memory) Read(dst []byte, addr uint64) error {
	if len(dst) == 0 {
		return nil
	}
	a, at, err := m.reach(addr, uint64(len(dst)))
	if err != nil {
		return err
	}
	for i, s := range a.state[at:][:len(dst)] {
		if s != byteDefined {
			return fmt.Errorf("ptx: the host reads %s, where nothing was written", m.describe(addr+uint64(i)))
		}
	}
	copy(dst, a.data[at:])
	return nil
}

// Copy copies within the memory, and with the bytes which of them are undefined.
func (m *Memory) Copy(dst, src, size uint64) error {
	if size == 0 {
		return nil
	}
	a, at, err := m.reach(dst, size)
	if err != nil {
		return err
	}
	b, from, err := m.reach(src, size)
	if err != nil {
		return err
	}
	if a == b && at < from+size && from < at+size {
		return fmt.Errorf("ptx: a copy of %d bytes from 0x%x to 0x%x overlaps itself", size, src, dst)
	}
	for _, s := range [][]byte{a.state[at:][:size], b.state[from:][:size]} {
		if forbidden(s) >= 0 {
			return fmt.Errorf("ptx: a copy of %d bytes from 0x%x to 0x%x reaches bytes that are not in use", size, src, dst)
		}
	}
	copy(a.data[at:][:size], b.data[from:])
	copy(a.state[at:][:size], b.state[from:])
	return nil
}

// Set sets words of 32 bits.
func (m *Memory) Set(addr uint64, value uint32, words uint64) error {
	if addr%4 != 0 {
		return fmt.Errorf("ptx: words are set at 0x%x, which is no multiple of 4", addr)
	}
	if words == 0 {
		return nil
	}
	if words > math.MaxInt/4 {
		return fmt.Errorf("ptx: %d words are set", words)
	}
	a, at, err := m.reach(addr, 4*words)
	if err != nil {
		return err
	}
	state := a.state[at:][:4*words]
	if i := forbidden(state); i >= 0 {
		return fmt.Errorf("ptx: the host sets %s, which is not in use", m.describe(addr+uint64(i)))
	}
	b := a.data[at:][:4*words]
	for i := 0; i < len(b); i += 4 {
		b[i], b[i+1], b[i+2], b[i+3] = byte(value), byte(value>>8), byte(value>>16), byte(value>>24)
	}
	fill(state, byteDefined)
	return nil
}

// Annotate says that of size bytes the first used are lent, with undefined contents,
// and the rest belongs to nobody. An allocator that lends parts of larger pieces
// calls it, so that kernels are checked against the parts.
func (m *Memory) Annotate(addr, used, size uint64) error {
	if used > size {
		return fmt.Errorf("ptx: %d bytes of %d are used", used, size)
	}
	if size == 0 {
		return nil
	}
	a, at, err := m.reach(addr, size)
	if err != nil {
		return err
	}
	fill(a.state[at:][:used], byteUndefined)
	fill(a.state[at+used:][:size-used], byteForbidden)
	return nil
}

func fill(b []byte, v byte) {
	for i := range b {
		b[i] = v
	}
}

// newLaunch returns the number of a launch for the tags of shadows. It drops those
// that are too short for words of 1<<shift bytes, and all when numbers start again.
func (m *Memory) newLaunch(shift uint) uint64 {
	m.launch++
	again := m.launch == 1<<launchBits
	if again {
		m.launch = 1
	}
	for _, a := range m.live {
		if a.shadowMade.Load() && (again || uint64(len(a.shadow)) <= (a.size-1)>>shift) {
			a.shadow = nil
			a.shadowMade.Store(false)
		}
	}
	return m.launch
}

// Span returns an error if bytes do not lie in one allocation.
func (m *Memory) Span(addr, size uint64) error {
	if size == 0 {
		return nil
	}
	_, _, err := m.reach(addr, size)
	return err
}
