// Package driver is the CUDA driver as a table of calls. The backend for NVIDIA's
// devices stands on nothing else, so that it runs on each of these:
//
//   - driver/real calls libcuda.so.1, which it opens at run time (build tag cuda);
//   - driver/sim is a device in pure Go that interprets PTX and objects to what a
//     real device would silently get wrong;
//   - the tests with the tag cuda compile a small libcuda.so, which checks the calls
//     that driver/real makes. Its kernels are run by the interpreter, too.
//
// # Words
//
// A [Driver] is what a machine has, a [Device] is one of its GPUs, opened. A
// device's memory is addressed by a [Ptr], which means nothing on the host. Work
// is put into a [Stream], which does it in order and later. A [Module] is PTX that
// the driver has compiled, a [Function] one kernel of it. A launch runs a kernel's
// threads: a grid of blocks, which may run in any order, each of threads that share
// some memory and can wait for each other.
//
// # What holds for every implementation
//
// Calls may come from any goroutine and any thread; each makes the device's context
// current by itself. An error is a [*Error], which says which call failed and wraps
// a [Result], so that errors.Is(err, driver.OutOfMemory) holds. Work fails when it
// runs, so that an error of a launch may be returned by any later call. After
// [IllegalAddress] or another error of a kernel the context is lost: every later
// call fails in the same way. [OutOfMemory] and [InvalidValue] leave it usable.
//
// Dims are in the order x, y, z. Sizes are in bytes.
package driver
