// Package gemm multiplies matrices in plain slices, sums the products that
// convolutions are made of, and copies and transposes blocks: in assembly on
// machines with AVX-512, AVX2 with FMA, or NEON, and in Go elsewhere or with the
// build tag purego. It knows nothing of tensors.
//
// A product divides its own work among the threads of package parallel, because
// how to divide it depends on how it is packed, and because its callers, the CPU
// backend and package simdblas, would otherwise both have to. Nothing else here,
// and nothing in package vec, starts work on other threads: the caller divides it.
//
// # Matrix products
//
// [Sgemm] and [Dgemm] cut C into register tiles, 14 rows by two vectors with
// AVX-512, and leave each tile in the registers for a block of the summation.
// Around that, from the outside in:
//
//   - a slab: up to 2048 steps of the summation, and of rows if the left factor
//     is packed, so that buffers stay bounded;
//   - a task: a range of columns of the slab, or of rows if there are more of
//     them, run through package parallel;
//   - a block of up to 1024 float32 steps, which bounds a panel of the right
//     factor;
//   - a part: as many rows of the left factor as fit in the L2 cache;
//   - a panel of columns as wide as a tile, then the tiles of the part.
//
// Packing costs as much as it gains when a factor is used only a few times, as
// it is at batch 64, so both factors are read where they are unless they are
// large or what a tile reads of them lies at distances that put it into few sets
// of the cache: multiples of 4 KB, or smaller powers of two if a block has many
// steps. If the right factor is a transposed one and the left one has few
// rows, as in a layer's forward pass with weights stored [out, in], the tiles of
// Cᵀ are computed instead: then the weights, too, are read in place.
//
// Every element of C is a sum over k in order, block by block, whatever the
// tiles and tasks around it: the number of threads never changes a bit.
//
// [SgemmBFloat16] rounds both factors to bfloat16 first, in pairs of neighbouring
// steps that are as long as one float32. Everything around the tiles then serves
// for pairs as it is, with half as many steps; only the tile's kernel is another.
//
// # Convolutions
//
// [ProductSum] runs the same tiles over the rows of images, in place. Products
// with few columns, from convolutions to few channels, do not fill a tile's
// vectors: if [ByColumns] reports true, they are computed as scalar products
// whose lanes hold parts of the sum. Products with one row, from the gradients of
// such convolutions, keep four sums of each element, so that no addition waits
// for the one before it.
//
// # Assembly
//
// The assembly is chosen by the variables of package isa, with plain ifs.
// Each routine has a twin in Go that serves other machines and the tests; the
// tests run everything under each of isa.Implementations. The tiles are written
// by package gemmgen, whose test checks that the files are up to date; what
// moves and dots is written by hand.
//
// Assembly cannot be preempted, so a call is kept to a few microseconds, and loops
// over calls go through a Go function with a stack check, where the scheduler can
// stop them: stopping the world does not wait for a matrix product.
package gemm

//go:generate go test ./gemmgen -run Generated -update
