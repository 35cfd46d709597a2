package sim

import (
	"bytes"
	"errors"
	"strconv"
	"strings"

	"github.com/gander-ml/gander/internal/backend/cuda/driver"
	"github.com/gander-ml/gander/internal/ptx"
)

// ModuleLoad parses and compiles PTX.
func (dev *Device) ModuleLoad(text []byte) (driver.Module, error) {
	const call = "cuModuleLoadDataEx"
	c, err := dev.enter(call)
	defer c.leave()
	if err != nil {
		return 0, err
	}
	m, err := ptx.Parse(text)
	if err != nil {
		return 0, fail(call, driver.InvalidPTX, "%v", err)
	}
	if v, err := strconv.Atoi(strings.TrimPrefix(m.Target, "sm_")); err != nil || v > 75 {
		return 0, fail(call, driver.NoBinaryForGPU, "the text is for %s, the device is of sm_75", m.Target)
	}
	p, err := c.memory.Load(m)
	if errors.Is(err, ptx.ErrOutOfMemory) {
		return 0, fail(call, driver.OutOfMemory, "%v", err)
	} else if err != nil {
		return 0, fail(call, driver.InvalidPTX, "%v", err)
	}
	h := driver.Module(c.next())
	c.modules[h] = &module{p, map[string]driver.Function{}}
	return h, nil
}

// ModuleUnload does all queued work and unloads a module.
func (dev *Device) ModuleUnload(h driver.Module) error {
	const call = "cuModuleUnload"
	c, err := dev.enter(call)
	defer c.leave()
	if err != nil {
		return err
	}
	m := c.modules[h]
	if m == nil {
		return fail(call, driver.InvalidHandle, "there is no module %d", h)
	}
	if err := c.drain(); err != nil {
		return err
	}
	for _, f := range m.functions {
		delete(c.functions, f)
	}
	m.program.Unload()
	delete(c.modules, h)
	return nil
}

// Function returns a kernel.
func (dev *Device) Function(h driver.Module, name string) (driver.Function, error) {
	const call = "cuModuleGetFunction"
	c, err := dev.enter(call)
	defer c.leave()
	if err != nil {
		return 0, err
	}
	m := c.modules[h]
	if m == nil {
		return 0, fail(call, driver.InvalidHandle, "there is no module %d", h)
	}
	if f, ok := m.functions[name]; ok {
		return f, nil
	}
	k := m.program.Kernel(name)
	if k == nil {
		return 0, fail(call, driver.NotFound, "there is no kernel %q", name)
	}
	f := driver.Function(c.next())
	m.functions[name] = f
	c.functions[f] = &function{module: h, kernel: k, dynamic: max(0, attributes[driver.MaxSharedBytes]-k.SharedBytes())}
	return f, nil
}

func (c *context) function(call string, h driver.Function) (*function, error) {
	f := c.functions[h]
	if f == nil {
		return nil, fail(call, driver.InvalidHandle, "there is no function %d", h)
	}
	return f, nil
}

// FunctionAttribute returns a property of a kernel. Registers are those of a guess.
func (dev *Device) FunctionAttribute(h driver.Function, a driver.FunctionAttribute) (int, error) {
	const call = "cuFuncGetAttribute"
	c, err := dev.enter(call)
	defer c.leave()
	if err != nil {
		return 0, err
	}
	f, err := c.function(call, h)
	if err != nil {
		return 0, err
	}
	switch a {
	case driver.FunctionMaxThreads:
		return f.kernel.MaxThreads(), nil
	case driver.FunctionSharedBytes:
		return f.kernel.SharedBytes(), nil
	case driver.FunctionConstBytes:
		return f.kernel.ConstBytes(), nil
	case driver.FunctionLocalBytes:
		return f.kernel.LocalBytes(), nil
	case driver.FunctionRegisters:
		return 32, nil
	case driver.FunctionPTXVersion:
		return 63, nil
	case driver.FunctionBinaryVersion:
		return 75, nil
	case driver.MaxDynamicSharedBytes:
		return f.dynamic, nil
	}
	return 0, fail(call, driver.InvalidValue, "attribute %d", a)
}

// SetFunctionAttribute sets how much dynamic shared memory a launch may ask for.
func (dev *Device) SetFunctionAttribute(h driver.Function, a driver.FunctionAttribute, v int) error {
	const call = "cuFuncSetAttribute"
	c, err := dev.enter(call)
	defer c.leave()
	if err != nil {
		return err
	}
	f, err := c.function(call, h)
	if err != nil {
		return err
	}
	if a != driver.MaxDynamicSharedBytes || v < 0 || v+f.kernel.SharedBytes() > sharedOptIn {
		return fail(call, driver.InvalidValue, "attribute %d to %d", a, v)
	}
	f.dynamic = v
	return nil
}

// Launch queues a run of a kernel. A launch that the kernel cannot have fails at
// once.
func (dev *Device) Launch(h driver.Function, grid, block driver.Dim, shared uint32, s driver.Stream, args []byte) error {
	const call = "cuLaunchKernel"
	c, err := dev.enter(call)
	defer c.leave()
	if err != nil {
		return err
	}
	f, err := c.function(call, h)
	if err != nil {
		return err
	}
	g, b := dim(grid), dim(block)
	o := ptx.Options{Fast: c.d.config.Fast, Workers: c.d.config.Workers, SharedLimit: f.kernel.SharedBytes() + f.dynamic}
	if err := f.kernel.Check(g, b, shared, args, o); err != nil {
		return &driver.Error{Call: call, Result: driver.InvalidValue, Detail: err.Error(), Cause: err}
	}
	if st := c.streams[s]; st != nil && st.capture != nil && st.spoilt == "" && !f.loaded {
		st.spoilt = f.kernel.Name() + " is launched for the first time, and would be loaded"
		return fail(call, driver.CaptureUnsupported, "%s", st.spoilt)
	}
	f.loaded = true
	args = bytes.Clone(args)
	return c.put(call, s, func() error {
		c.d.counters.Launches++
		c.d.counters.Kernels[f.kernel.Name()]++
		n, err := f.kernel.Launch(g, b, shared, args, o)
		c.d.counters.Instructions += n
		c.clock += float64(n) / 1e6
		return err
	})
}

func dim(d driver.Dim) ptx.Dim3 { return ptx.Dim3{X: max(d.X, 1), Y: max(d.Y, 1), Z: max(d.Z, 1)} }

// GraphsAvailable reports what the configuration says.
func (dev *Device) GraphsAvailable() bool { return !dev.c.d.config.NoGraphs }

// CaptureBegin begins to record a stream.
func (dev *Device) CaptureBegin(h driver.Stream) error {
	const call = "cuStreamBeginCapture"
	c, s, err := dev.graphCall(call, h)
	defer c.leave()
	if err != nil {
		return err
	}
	if s.capture != nil {
		return fail(call, driver.InvalidValue, "the stream is being captured already")
	}
	s.capture, s.spoilt = &graph{}, ""
	return nil
}

// graphCall enters a call that may be missing.
func (dev *Device) graphCall(call string, h driver.Stream) (*context, *stream, error) {
	c, err := dev.enter(call)
	if err != nil {
		return c, nil, err
	}
	if c.d.config.NoGraphs {
		return c, nil, fail(call, driver.NotSupported, "the driver has no graphs")
	}
	s, err := c.stream(call, h)
	return c, s, err
}

// CaptureEnd ends to record a stream.
func (dev *Device) CaptureEnd(h driver.Stream) (driver.Graph, error) {
	const call = "cuStreamEndCapture"
	c, s, err := dev.graphCall(call, h)
	defer c.leave()
	if err != nil {
		return 0, err
	}
	g := s.capture
	if g == nil {
		return 0, fail(call, driver.CaptureUnmatched, "the stream is not being captured")
	}
	s.capture = nil
	if s.spoilt != "" {
		return 0, fail(call, driver.CaptureInvalidated, "%s", s.spoilt)
	}
	out := driver.Graph(c.next())
	c.graphs[out] = g
	return out, nil
}

// GraphLaunch queues all that was recorded.
func (dev *Device) GraphLaunch(g driver.Graph, h driver.Stream) error {
	const call = "cuGraphLaunch"
	c, s, err := dev.graphCall(call, h)
	defer c.leave()
	if err != nil {
		return err
	}
	gr := c.graphs[g]
	if gr == nil {
		return fail(call, driver.InvalidHandle, "there is no graph %d", g)
	}
	if s.capture != nil {
		return fail(call, driver.CaptureUnsupported, "a graph in a graph")
	}
	gr.queued++
	return c.put(call, h, func() error {
		gr.queued--
		c.d.counters.GraphLaunches++
		for _, w := range gr.work {
			if err := w.run(); err != nil {
				return err
			}
		}
		return nil
	})
}

// GraphDestroy destroys a graph. It is an error if it is queued, which drivers since
// CUDA 12 wait for.
func (dev *Device) GraphDestroy(g driver.Graph) error {
	const call = "cuGraphExecDestroy"
	c, err := dev.enter(call)
	defer c.leave()
	if err != nil {
		return err
	}
	switch gr := c.graphs[g]; {
	case gr == nil:
		return fail(call, driver.InvalidHandle, "there is no graph %d", g)
	case gr.queued > 0:
		return fail(call, driver.InvalidValue, "the graph is queued")
	}
	delete(c.graphs, g)
	return nil
}
