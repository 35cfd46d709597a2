// Package sim is a CUDA driver without a GPU, for tests: memory with addresses of its
// own, streams that are queues, and kernels that package ptx interprets, with its
// checks.
//
//	d := sim.New(sim.Config{})
//	dev, err := d.Open(0)
//
// # What it shows that a GPU hides
//
// Queued work is done at the latest possible moment, when somebody waits for it, so
// that a caller who forgets to wait reads rubbish each time. What DownloadAsync will
// write to is rubbish until then, and a source of UploadAsync that is changed before
// it was read is an error. Addresses are never used twice; frees of what is not
// allocated, downloads of what nothing was written to and calls after Close are
// errors. [Driver.Leaks] lists what was not freed.
//
// As on a GPU, an error of a kernel comes with a later call and takes the context
// with it. Its text has the line of PTX and the thread, and errors.As finds the
// *ptx.Fault.
//
// It also does not do what drivers mostly do and do not promise. To free memory does
// not wait for work that uses it, which fails then; a graph that is queued cannot be
// destroyed; and since a driver may load a kernel, its own or cuBLAS's, when it is first
// launched, which can take memory and wait for the device, a first launch in a capture
// spoils it.
//
// What it does not show: the streams of a device are served one after the other, so
// that work of two streams never races.
//
// # What tests can set
//
// [Config] has the size of the memory and leaves out graphs or cuBLAS, as an older
// driver does. [Driver.Fail] lets a call fail. [Driver.Counters] counts launches and
// bytes.
package sim
