// Package ptx runs CUDA kernels without a GPU: it reads PTX, the assembly language
// that CUDA's compilers write, and interprets it.
//
// It is there for tests. A GPU runs a kernel with an index that is off by one, or
// with a barrier too few, and is right on most days; this interpreter objects, with
// the kernel, the line, the block, the thread and the address.
//
// # PTX in short
//
// A kernel (.entry) is run by a grid of blocks of threads. Each thread has registers
// without limit: predicates (%p), 16, 32 and 64 bits; a register has no type beyond
// its width, the instruction says what it takes the bits for. Instructions may stand
// under a predicate (@%p, @!%p). Memory lies in spaces: param are the kernel's
// arguments, global is what the host allocates, shared belongs to a block, local to a
// thread, const is filled when the module is loaded. A generic address may lie in any
// of the last four; cvta converts.
//
//	.visible .entry scale(.param .u64 scale_param_0, .param .f32 scale_param_1)
//	{
//		ld.param.u64 %rd1, [scale_param_0];
//		mov.u32 %r1, %tid.x;
//		mul.wide.u32 %rd2, %r1, 4;
//		add.s64 %rd3, %rd1, %rd2;
//		ld.global.f32 %f1, [%rd3];
//		…
//
// # How it runs
//
// [Parse] reads the text, [Memory.Load] compiles each kernel once: operands become
// slots, constants and special registers are slots as well, called functions are
// compiled in the place of their call. [Kernel.Launch] runs blocks in parallel, each
// on one goroutine. Within a block, 32 threads, a warp, run an instruction together,
// which costs one dispatch; where they part, those furthest back go first, so that
// they come together again. A warp runs until its threads wait at a barrier.
//
// # What it checks
//
//   - Every address lies in a live allocation, or in one variable of its space, and is
//     aligned. Allocations and variables have forbidden ground between them, and
//     addresses are never used twice, so that freed memory is recognised.
//   - What is read was written before: registers, shared memory, global memory since
//     its allocation. A register that is computed from an undefined one, or by dividing
//     an integer by zero, is undefined; that is a fault where it becomes an address, a
//     stored value, a predicate that something stands under, or another lane's. So
//     compilers may compute in advance what they then do not select.
//   - All threads of a block come to the same barrier, and none has returned.
//   - No two threads touch the same byte of shared memory between two barriers, one of
//     them writing; none of two blocks touch the same byte of global memory in one
//     launch, one of them writing, and none of one block do without a barrier between.
//     Words of four bytes stand for their bytes in kernels that access nothing smaller.
//   - A launch has a block, shared memory and arguments that the kernel can have.
//   - No loop is endless.
//
// Atomic operations it refuses, because the order of their results is not defined:
// sums would differ from run to run.
//
// # Arithmetic
//
// The results are those of the PTX manual, bit for bit where it gives one: fma rounds
// once; results of float32 that are not numbers are the NaN 0x7fffffff; min and max
// return the operand that is a number, and −0 is less than +0; .ftz makes subnormal
// operands and results zeros; conversions to integers give the nearest there is, and
// for NaN 0 or, where one of the types has 64 bits, a 1 in the topmost bit alone.
//
// The approximate instructions, of which the manual gives only a largest error (2 ulp
// or less; sin, cos and tanh more), are the exact function rounded once. A GPU differs
// from them within that error.
//
// # What it does not know
//
// It runs one kernel after another. Half precision, carries, textures, matrix
// instructions, named barriers, calls through registers and recursion are refused when
// a module is loaded, with the line; so is any word that it does not know. It is laxer
// than NVIDIA's assembler about which modifiers go together, and it knows nothing of
// time.
package ptx
