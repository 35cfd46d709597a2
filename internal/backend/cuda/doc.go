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
// images (conv.cu). Bias and activation belong to the write-back of both, and to that
// of products what a residual block adds in between. A list of
// parameters is one launch (train.cu). Nothing is added atomically, and the shapes
// alone choose kernels and the order of sums, so that a program gives the same bits
// each time, on every device. An image that is computed among others may differ from
// the same image alone in its last bits, because the number of images is a shape.
//
// Both factors of a product are read where they lie, so that weights are never packed
// again, neither for a launch nor after an update.
//
// kernels/TABLE.md lists what each kernel takes of a multiprocessor.
//
// # Products by cuBLAS
//
// Products of at least 2²⁶ multiplications, in float32 and float64, are done by cuBLAS
// if there is one (library.go): libcublas.so.13, .12 or .11, opened when it is first
// asked for, where the loader finds it or in /usr/local/cuda/lib64. The environment's
// GANDER_CUBLAS names another, or is none. Bias and activation are then a pass of their
// own. Smaller products, those of matrices that BLAS cannot describe, and convolutions
// stay the kernels' own. If cuBLAS is missing, too old, does not start or fails at a
// product that is tried, all do; then TF32, which these kernels do not have, is
// refused, and the error says why. TF32 is the precision that a program asks for by
// tensor.Device.SetPrecision; it concerns what cuBLAS does in float32, and nothing else.
// An environment that would change that unnoticed (NVIDIA_TF32_OVERRIDE,
// CUBLAS_EMULATE_SINGLE_PRECISION, CUBLAS_EMULATE_DOUBLE_PRECISION, set to anything but
// 0) counts as one without cuBLAS; NVIDIA_TF32_OVERRIDE=0 forbids TF32.
//
// cuBLAS chooses its kernels by its version and the device, which the name of the
// arithmetic tells, so that a checkpoint of another one is known. Once chosen, bits
// are the same each time: there is one stream, and cuBLAS works in memory that it is
// given.
//
// # Launches
//
// A launch costs the host and the device more than the arithmetic of a small
// operation. Three things save launches:
//
//   - Small operations are held back and become one launch, in which one block does
//     them in turn (queue.go, sequence.cu), as soon as other work touches their
//     memory.
//   - All launches are held back until there are eight, or somebody reads. If the same
//     launches with the same arguments have been seen before, as in a step of
//     training, they are replayed as a graph that was captured (graph.go), and the
//     device works while the host describes the next. Random counters and the
//     constants of Adam change from step to step, so kernels find them in device
//     memory.
//   - A Fill that a ScatterAdd follows is part of it.
//
// A graph is of use only if memory has the same addresses step after step, as that of
// a step's scope has. What is computed from parameters or buffers alone lies in no
// scope unless these are adopted by one; its addresses are the garbage collector's.
//
// # Memory and failures
//
// There is one stream. Freed memory is kept for buffers of the same size (memory.go)
// and goes back to the driver when it is out of memory; then garbage is collected as
// well, before Alloc fails. What is held back needs no memory later that might be
// missing then. Errors of kernels come with the next read, as a
// [backend.Failure] that lists the operations since the read before; the device is
// lost then. Other errors, out of memory among them, leave it usable.
//
// # What no test has shown
//
// No GPU has run this package yet: neither the machines on which it was written nor
// those that test it have one. Tests show that ptxas accepts all kernels for sm_75,
// 80, 90, 100 and 120, that the interpreted kernels give what the reference gives,
// without races, reads of undefined memory or accesses out of bounds, and that
// training follows the CPU. bench/cuda/nvidia.sh shows that prototypes and numbers are
// those of NVIDIA's headers of CUDA 11, 12 and 13, and that NVIDIA's own drivers since
// CUDA 10.1 and cuBLAS 11, 12 and 13 can be opened and bound. What they cannot show:
//
//   - that the driver's own compiler, which turns PTX into machine code, gives these
//     kernels the meaning that ptxas and the interpreter do, and the bits: PTX rounds
//     each operation by itself here, so they should agree;
//   - the order of memory operations in hardware: the interpreter finds races between
//     barriers, but runs the blocks of a launch as it likes;
//   - that kernels have the time, bandwidth and occupancy that bench/cuda/README.md
//     computes on paper; nothing has been measured, no tile size was tuned, and from
//     which size on cuBLAS is the faster one (libraryFrom) is computed as well;
//   - what a real cuBLAS makes of the calls that the tests' own one answers rightly,
//     that its work can be captured, and how fast it is;
//   - how long the driver takes to compile the kernels;
//   - capture of a real stream and replay of a real graph, and what they save. Of what
//     not every driver promises (to load kernels in a capture, to wait for a graph that
//     is destroyed or for work whose memory is freed) the simulated one does nothing, and
//     this package needs nothing;
//   - how much of a step the device waits for the host, and whether eight launches are
//     the best size of a graph;
//   - whether a context that cuBLAS has used can be released and made anew in one
//     process;
//   - copies through page-locked memory while kernels run;
//   - which error a real driver returns, and when, after a kernel that fails, and
//     whether the context can be released then;
//   - arrays of more than 2³⁰ elements, which the interpreter would take days for,
//     and memory near a device's limit;
//   - several GPUs in one machine, and several processes on one GPU.
//
// The kernels themselves do not use tensor cores.
package cuda
