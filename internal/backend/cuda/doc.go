// Package cuda is the backend for NVIDIA's GPUs.
//
// A program gets it by the build tag cuda, on Linux with cgo; nothing of CUDA has to
// be installed where it is built. Where it runs it needs a GPU of compute capability
// 7.5 (Turing, 2018) or later and a driver for CUDA 10.0 or later. Without the tag no
// program contains this package.
//
// The backend stands on the table of calls in package driver, which has a second
// implementation in pure Go, package sim, that interprets the kernels. All tests of
// this package run on it, without the tag and without a GPU.
//
// # Kernels
//
// The kernels are CUDA C++, in the folder kernels, compiled to PTX by clang alone
// (kernels/compile.sh, run by go generate); the driver compiles the PTX for the
// device when a kernel of a file is first used, which can take seconds, and keeps the
// result in a cache of its own. Blocks have 256 threads. Each
// function of one or two numbers is one formula in functions.h, and the elementary
// functions are the CPU's polynomials (math.h). Reductions have a fixed tree, in
// float64 (reduce.cu). Products divide the result into tiles, which shared memory
// feeds (product.h); convolutions are products whose left factor is read from the
// images (conv.cu). Bias and activation belong to the write-back of both. A list of
// parameters is one launch (train.cu). Nothing is added atomically, and the shapes
// alone choose kernels and the order of sums, so that a program gives the same bits
// each time, on every device. An image that is computed among others may differ from
// the same image alone in its last bits, because the number of images is a shape.
//
// kernels/TABLE.md lists what each kernel takes of a multiprocessor.
//
// # Launches
//
// A launch costs the host and the device more than the arithmetic of a small
// operation. Three things save launches:
//
//   - Small operations are held back and become one launch, in which one block does
//     them in turn (queue.go, sequence.cu), as soon as other work touches their
//     memory.
//   - All launches are held back until somebody reads. If the same launches with the
//     same arguments have been seen before, as in a step of training, they are
//     replayed as a graph that was captured (graph.go). Random counters and the
//     constants of Adam change from step to step, so kernels find them in device
//     memory.
//   - A Fill that a ScatterAdd follows is part of it.
//
// # Memory and failures
//
// There is one stream. Freed memory is kept for buffers of the same size (memory.go)
// and goes back to the driver when it is out of memory; then garbage is collected as
// well, before Alloc fails. Errors of kernels come with the next read, as a
// [backend.Failure] that lists the operations since the read before; the device is
// lost then. Other errors, out of memory among them, leave it usable.
//
// # What no test has shown
//
// No GPU has run this package yet: neither the machines on which it was written nor
// those that test it have one. Tests show that ptxas accepts all kernels for sm_75,
// 80, 90, 100 and 120, that the interpreted kernels give what the reference gives,
// without races, reads of undefined memory or accesses out of bounds, and that
// training follows the CPU. What they cannot show:
//
//   - that the driver's own compiler, which turns PTX into machine code, gives these
//     kernels the meaning that ptxas and the interpreter do, and the bits: PTX rounds
//     each operation by itself here, so they should agree;
//   - the order of memory operations in hardware: the interpreter finds races between
//     barriers, but runs the blocks of a launch as it likes;
//   - that kernels have the time, bandwidth and occupancy that bench/cuda/README.md
//     computes on paper; nothing has been measured, and no tile size was tuned;
//   - how long the driver takes to compile the kernels;
//   - capture of a real stream and replay of a real graph, and what they save;
//   - copies through page-locked memory while kernels run;
//   - which error a real driver returns, and when, after a kernel that fails, and
//     whether the context can be released then;
//   - arrays of more than 2³⁰ elements, which the interpreter would take days for,
//     and memory near a device's limit;
//   - several GPUs in one machine, and several processes on one GPU.
//
// cuBLAS is not used yet, nor TF32: products are this package's own, in float32. A
// Precision other than float32 is refused.
package cuda
