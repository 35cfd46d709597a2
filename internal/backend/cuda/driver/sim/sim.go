package sim

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/gander-ml/gander/internal/backend/cuda/driver"
	"github.com/gander-ml/gander/internal/ptx"
)

// Config says what the machine is like. The zero value is one device of 1 GiB with
// all that the interface has.
type Config struct {
	Devices  int    // 0 is 1; −1 is none
	Memory   uint64 // of each device, in bytes; 0 is 1 GiB
	NoGraphs bool   // as on a driver before CUDA 11
	NoBLAS   bool   // as on a machine without cuBLAS
	Fast     bool   // does not look for races of threads
	Workers  int    // blocks that are interpreted at a time; 0 is one for each processor
}

// Counters count what a driver's devices have done.
type Counters struct {
	Calls         int
	Launches      int // kernels, those of graphs included
	GraphLaunches int
	Products      int // of cuBLAS
	Allocs        int
	Frees         int
	Syncs         int // waits for a stream or event, uploads and downloads that wait included
	UploadBytes   uint64
	DownloadBytes uint64
	CopyBytes     uint64
	Instructions  uint64         // of all threads
	Kernels       map[string]int // launches by name
}

// Driver is a driver.Driver whose devices are interpreted.
type Driver struct {
	config Config

	lock     sync.Mutex // of everything below, and of the devices
	contexts []*context
	counters Counters
	failures []*failure
	leaks    []string
}

// failure is a call that shall fail.
type failure struct {
	call   string
	after  int
	result driver.Result
}

// New returns a driver.
func New(c Config) *Driver {
	if c.Devices == 0 {
		c.Devices = 1
	}
	if c.Memory == 0 {
		c.Memory = 1 << 30
	}
	return &Driver{config: c, contexts: make([]*context, max(c.Devices, 0)), counters: Counters{Kernels: map[string]int{}}}
}

// Counters returns what was counted so far.
func (d *Driver) Counters() Counters {
	d.lock.Lock()
	defer d.lock.Unlock()
	c := d.counters
	c.Kernels = maps.Clone(c.Kernels)
	return c
}

// ResetCounters begins to count anew.
func (d *Driver) ResetCounters() {
	d.lock.Lock()
	defer d.lock.Unlock()
	d.counters = Counters{Kernels: map[string]int{}}
}

// Fail lets a call fail, by its name in the driver ("cuMemAlloc"; "" is any): after
// more calls of it that succeed, one that fails.
func (d *Driver) Fail(call string, after int, r driver.Result) {
	d.lock.Lock()
	defer d.lock.Unlock()
	d.failures = append(d.failures, &failure{call, after, r})
}

// Leaks returns what is allocated on open devices, and what was left when contexts
// were released: memory, streams, events, modules and graphs.
func (d *Driver) Leaks() []string {
	d.lock.Lock()
	defer d.lock.Unlock()
	out := slices.Clone(d.leaks)
	for _, c := range d.contexts {
		if c != nil {
			out = append(out, c.leaks()...)
		}
	}
	return out
}

// enter counts a call and lets it fail if it shall. The lock is held.
func (d *Driver) enter(call string) error {
	d.counters.Calls++
	for i, f := range d.failures {
		if f.call != "" && f.call != call {
			continue
		}
		if f.after > 0 {
			f.after--
			continue
		}
		d.failures = slices.Delete(d.failures, i, i+1)
		return &driver.Error{Call: call, Result: f.result, Detail: "a failure that the test asked for"}
	}
	return nil
}

func fail(call string, r driver.Result, format string, args ...any) error {
	return &driver.Error{Call: call, Result: r, Detail: fmt.Sprintf(format, args...)}
}

// Version returns 12040.
func (d *Driver) Version() (int, error) {
	d.lock.Lock()
	defer d.lock.Unlock()
	return 12040, d.enter("cuDriverGetVersion")
}

// DeviceCount returns the number of devices.
func (d *Driver) DeviceCount() (int, error) {
	d.lock.Lock()
	defer d.lock.Unlock()
	return len(d.contexts), d.enter("cuDeviceGetCount")
}

// Open returns a device.
func (d *Driver) Open(ordinal int) (driver.Device, error) {
	d.lock.Lock()
	defer d.lock.Unlock()
	if err := d.enter("cuDevicePrimaryCtxRetain"); err != nil {
		return nil, err
	}
	if ordinal < 0 || ordinal >= len(d.contexts) {
		if len(d.contexts) == 0 {
			return nil, fail("cuDeviceGet", driver.NoDevice, "")
		}
		return nil, fail("cuDeviceGet", driver.InvalidDevice, "device %d of %d", ordinal, len(d.contexts))
	}
	if d.contexts[ordinal] == nil {
		d.contexts[ordinal] = newContext(d, ordinal)
	}
	c := d.contexts[ordinal]
	c.users++
	return &Device{c: c}, nil
}

// context is a device's primary context, with all that was made in it.
type context struct {
	d       *Driver
	ordinal int
	users   int
	memory  *ptx.Memory
	lost    error // why every call fails

	handle    uintptr
	streams   map[driver.Stream]*stream
	events    map[driver.Event]*event
	modules   map[driver.Module]*module
	functions map[driver.Function]*function
	graphs    map[driver.Graph]*graph
	host      [][]byte
	clock     float64 // milliseconds that the device has worked
}

type module struct {
	program   *ptx.Program
	functions map[string]driver.Function
}

type function struct {
	module  driver.Module
	kernel  *ptx.Kernel
	dynamic int  // the most dynamic shared memory
	loaded  bool // it was launched before
}

type stream struct {
	queue   []work
	capture *graph // what is being recorded
	spoilt  string // why the capture fails
}

// work is something to be done in a stream.
type work struct {
	what string // the call
	run  func() error
	mark *event
}

type graph struct {
	work   []work
	queued int // launches that are not done
}

type event struct {
	timing  bool
	stream  *stream
	pending int // records that are queued
	at      float64
	ever    bool
}

func newContext(d *Driver, ordinal int) *context {
	return &context{
		d: d, ordinal: ordinal, memory: ptx.NewMemory(d.config.Memory), handle: 1,
		streams: map[driver.Stream]*stream{}, events: map[driver.Event]*event{}, modules: map[driver.Module]*module{},
		functions: map[driver.Function]*function{}, graphs: map[driver.Graph]*graph{},
	}
}

// next returns a handle that was never used.
func (c *context) next() uintptr { c.handle += 16; return c.handle }

func (c *context) leaks() []string {
	var out []string
	add := func(n int, what string) {
		if n > 0 {
			out = append(out, fmt.Sprintf("device %d: %d %s", c.ordinal, n, what))
		}
	}
	addrs, sizes := c.memory.Allocations()
	inModules := 0
	for _, m := range c.modules {
		inModules += len(m.program.Globals())
	}
	if len(addrs) > inModules {
		var total uint64
		for _, s := range sizes {
			total += s
		}
		add(len(addrs)-inModules, fmt.Sprintf("allocations of %d bytes, the first of %d", total, sizes[0]))
	}
	add(len(c.host), "allocations of host memory")
	add(len(c.streams), "streams")
	add(len(c.events), "events")
	add(len(c.modules), "modules")
	add(len(c.graphs), "graphs")
	return out
}

// Device is an open device.
type Device struct {
	c      *context
	closed bool
}

// enter begins a call: it takes the lock, which leave gives back.
func (dev *Device) enter(call string) (*context, error) {
	c := dev.c
	c.d.lock.Lock()
	if err := c.d.enter(call); err != nil {
		return c, err
	}
	if dev.closed {
		return c, fail(call, driver.ContextDestroyed, "the device was closed")
	}
	if c.lost != nil {
		var e *driver.Error
		errors.As(c.lost, &e)
		again := *e
		again.Call = call
		return c, &again
	}
	return c, nil
}

func (c *context) leave() { c.d.lock.Unlock() }

// Name returns "simulated device 0".
func (dev *Device) Name() (string, error) {
	c, err := dev.enter("cuDeviceGetName")
	defer c.leave()
	return fmt.Sprintf("simulated device %d", c.ordinal), err
}

const sharedOptIn = 64 << 10

var attributes = map[driver.Attribute]int{
	driver.MaxThreadsPerBlock: ptx.MaxThreads, driver.MaxBlockX: ptx.MaxThreads, driver.MaxBlockY: ptx.MaxThreads, driver.MaxBlockZ: ptx.MaxBlockZ,
	driver.MaxGridX: ptx.MaxGridX, driver.MaxGridY: ptx.MaxGridYZ, driver.MaxGridZ: ptx.MaxGridYZ,
	driver.MaxSharedBytes: 48 << 10, driver.MaxSharedBytesWithOptIn: sharedOptIn, driver.MaxSharedBytesPerSM: 64 << 10,
	driver.WarpSize: 32, driver.ClockKHz: 1000000, driver.Multiprocessors: 4, driver.MemoryClockKHz: 1000000, driver.MemoryBusBits: 256,
	driver.L2Bytes: 4 << 20, driver.MaxThreadsPerSM: 1024, driver.ComputeCapabilityMajor: 7, driver.ComputeCapabilityMinor: 5,
	driver.MaxRegistersPerSM: 65536,
}

// Attribute returns a property of a device of compute capability 7.5.
func (dev *Device) Attribute(a driver.Attribute) (int, error) {
	c, err := dev.enter("cuDeviceGetAttribute")
	defer c.leave()
	v, ok := attributes[a]
	if err == nil && !ok {
		err = fail("cuDeviceGetAttribute", driver.InvalidValue, "attribute %d", a)
	}
	return v, err
}

// Close does all queued work and releases the context. The last user's close leaves
// a list of what was not freed.
func (dev *Device) Close() error {
	c := dev.c
	c.d.lock.Lock()
	defer c.leave()
	if err := c.d.enter("cuDevicePrimaryCtxRelease"); err != nil {
		return err
	}
	if dev.closed {
		return fail("cuDevicePrimaryCtxRelease", driver.InvalidContext, "the device was closed before")
	}
	dev.closed = true
	c.users--
	if c.users > 0 {
		return nil
	}
	err := c.drain()
	c.d.leaks = append(c.d.leaks, c.leaks()...)
	c.d.contexts[c.ordinal] = nil
	return err
}

// drain does all queued work of all streams, in the order of their creation.
func (c *context) drain() error {
	handles := slices.Sorted(maps.Keys(c.streams))
	for _, h := range handles {
		if err := c.flush(c.streams[h]); err != nil {
			return err
		}
	}
	return nil
}

// flush does all queued work of a stream.
func (c *context) flush(s *stream) error {
	for len(s.queue) > 0 {
		if err := c.step(s); err != nil {
			return err
		}
	}
	return nil
}

// step does the first queued work of a stream.
func (c *context) step(s *stream) error {
	if c.lost != nil {
		return c.lost
	}
	w := s.queue[0]
	s.queue = s.queue[1:]
	if w.mark != nil {
		w.mark.pending--
		w.mark.at = c.clock
		return nil
	}
	if err := w.run(); err != nil {
		c.lost = asError(w.what, err)
		return c.lost
	}
	return nil
}

// asError turns an error of work into one that takes the context with it.
func asError(call string, err error) error {
	var e *driver.Error
	if errors.As(err, &e) {
		return e
	}
	r := driver.LaunchFailed
	var f *ptx.Fault
	if errors.As(err, &f) {
		switch f.Kind {
		case ptx.OutOfBounds:
			r = driver.IllegalAddress
		case ptx.Misaligned:
			r = driver.MisalignedAddress
		case ptx.Trapped:
			r = driver.IllegalInstruction
		case ptx.TooLong:
			r = driver.LaunchTimeout
		}
	}
	return &driver.Error{Call: call, Result: r, Detail: err.Error(), Cause: err}
}

// longest is how much work is queued before some of it is done, to bound the memory.
const longest = 1 << 14

// put queues work, or records it.
func (c *context) put(call string, h driver.Stream, run func() error) error {
	s, err := c.stream(call, h)
	if err != nil {
		return err
	}
	w := work{what: call, run: run}
	if s.capture != nil {
		if s.spoilt != "" {
			return fail(call, driver.CaptureInvalidated, "%s", s.spoilt)
		}
		s.capture.work = append(s.capture.work, w)
		return nil
	}
	s.queue = append(s.queue, w)
	if len(s.queue) > longest {
		return c.step(s)
	}
	return nil
}

func (c *context) stream(call string, h driver.Stream) (*stream, error) {
	s := c.streams[h]
	if s == nil {
		return nil, fail(call, driver.InvalidHandle, "there is no stream %d", h)
	}
	return s, nil
}

// waits returns an error if a stream is being captured, and spoils the capture.
func (s *stream) waits(call string) error {
	if s.capture == nil {
		return nil
	}
	s.spoilt = call + " waits for a stream that is being captured"
	return fail(call, driver.CaptureUnsupported, "the stream is being captured")
}

// StreamCreate returns a stream.
func (dev *Device) StreamCreate() (driver.Stream, error) {
	c, err := dev.enter("cuStreamCreate")
	defer c.leave()
	if err != nil {
		return 0, err
	}
	h := driver.Stream(c.next())
	c.streams[h] = &stream{}
	return h, nil
}

// StreamDestroy does what is queued and destroys a stream.
func (dev *Device) StreamDestroy(h driver.Stream) error {
	const call = "cuStreamDestroy"
	c, err := dev.enter(call)
	defer c.leave()
	if err != nil {
		return err
	}
	s, err := c.stream(call, h)
	if err != nil {
		return err
	}
	err = c.flush(s)
	delete(c.streams, h)
	return err
}

// StreamSync does what is queued.
func (dev *Device) StreamSync(h driver.Stream) error {
	const call = "cuStreamSynchronize"
	c, err := dev.enter(call)
	defer c.leave()
	if err != nil {
		return err
	}
	return c.sync(call, h)
}

func (c *context) sync(call string, h driver.Stream) error {
	s, err := c.stream(call, h)
	if err != nil {
		return err
	}
	if err := s.waits(call); err != nil {
		return err
	}
	c.d.counters.Syncs++
	return c.flush(s)
}

// EventCreate returns an event.
func (dev *Device) EventCreate(timing bool) (driver.Event, error) {
	c, err := dev.enter("cuEventCreate")
	defer c.leave()
	if err != nil {
		return 0, err
	}
	h := driver.Event(c.next())
	c.events[h] = &event{timing: timing}
	return h, nil
}

func (c *context) event(call string, h driver.Event) (*event, error) {
	e := c.events[h]
	if e == nil {
		return nil, fail(call, driver.InvalidHandle, "there is no event %d", h)
	}
	return e, nil
}

// EventDestroy destroys an event.
func (dev *Device) EventDestroy(h driver.Event) error {
	c, err := dev.enter("cuEventDestroy")
	defer c.leave()
	if err != nil {
		return err
	}
	if _, err := c.event("cuEventDestroy", h); err != nil {
		return err
	}
	delete(c.events, h)
	return nil
}

// EventRecord queues a mark.
func (dev *Device) EventRecord(h driver.Event, sh driver.Stream) error {
	const call = "cuEventRecord"
	c, err := dev.enter(call)
	defer c.leave()
	if err != nil {
		return err
	}
	e, err := c.event(call, h)
	if err != nil {
		return err
	}
	s, err := c.stream(call, sh)
	if err != nil {
		return err
	}
	if s.capture != nil {
		s.spoilt = "an event was recorded"
		return fail(call, driver.CaptureUnsupported, "the stream is being captured")
	}
	e.stream, e.ever = s, true
	e.pending++
	s.queue = append(s.queue, work{what: call, mark: e})
	return nil
}

// EventSync does what is queued before the event.
func (dev *Device) EventSync(h driver.Event) error {
	const call = "cuEventSynchronize"
	c, err := dev.enter(call)
	defer c.leave()
	if err != nil {
		return err
	}
	e, err := c.event(call, h)
	if err != nil {
		return err
	}
	c.d.counters.Syncs++
	for e.pending > 0 {
		if err := c.step(e.stream); err != nil {
			return err
		}
	}
	return nil
}

// EventDone reports whether the work before an event is done, and does some of it if
// not, so that a loop that asks ends.
func (dev *Device) EventDone(h driver.Event) (bool, error) {
	const call = "cuEventQuery"
	c, err := dev.enter(call)
	defer c.leave()
	if err != nil {
		return false, err
	}
	e, err := c.event(call, h)
	if err != nil {
		return false, err
	}
	if e.pending == 0 {
		return true, nil
	}
	return false, c.step(e.stream)
}

// EventElapsed returns the time between two events, by a clock that counts
// instructions: a million of them take one millisecond.
func (dev *Device) EventElapsed(start, end driver.Event) (float32, error) {
	const call = "cuEventElapsedTime"
	c, err := dev.enter(call)
	defer c.leave()
	if err != nil {
		return 0, err
	}
	a, err := c.event(call, start)
	if err != nil {
		return 0, err
	}
	b, err := c.event(call, end)
	if err != nil {
		return 0, err
	}
	switch {
	case !a.timing || !b.timing || !a.ever || !b.ever:
		return 0, fail(call, driver.InvalidHandle, "an event without timing, or never recorded")
	case a.pending > 0 || b.pending > 0:
		return 0, fail(call, driver.NotReady, "")
	}
	return float32(b.at - a.at), nil
}
