// What the kernels share: CUDA's words, indices, and places in arrays. Nothing of
// CUDA's own headers is used, so that clang alone compiles the kernels.
#pragma once

#define __global__ __attribute__((global))
#define __device__ __attribute__((device))
#define __shared__ __attribute__((shared))
#define __launch_bounds__(...) __attribute__((launch_bounds(__VA_ARGS__)))
#define DEVICE static inline __device__ __attribute__((always_inline))

typedef unsigned u32;
typedef long long i64;
typedef unsigned long long u64;

DEVICE u32 thread() { return __nvvm_read_ptx_sreg_tid_x(); }
DEVICE u32 block() { return __nvvm_read_ptx_sreg_ctaid_x(); }
DEVICE u32 blockY() { return __nvvm_read_ptx_sreg_ctaid_y(); }
DEVICE u32 blockZ() { return __nvvm_read_ptx_sreg_ctaid_z(); }
DEVICE void wait() { __syncthreads(); } // for all threads of the block

DEVICE u32 least(u32 a, u32 b) { return a < b ? a : b; }

// THREADS is the number of threads of a block, in every kernel.
enum { THREADS = 256 };

// A divisor, for numbers below 2³¹: n/d = (n·m/2³² + n) / 2ˢ.
struct Divisor {
    u32 d, m, s;
};

DEVICE u32 quotient(u32 n, Divisor v) { return ((u32)((u64)n * v.m >> 32) + n) >> v.s; }

// The places of n elements in N arrays: dims and strides, the innermost first.
// There is at least one dim.
template <int N> struct Places {
    u32 rank, n;
    Divisor dim[6];
    i64 stride[N][6];
};

// place adds the place of element i in each array to at.
template <int K = 0, int N> DEVICE void place(const Places<N> &p, u32 i, i64 (&at)[N]) {
    if constexpr (K < 5) {
        if (K + 1 < p.rank) {
            u32 q = quotient(i, p.dim[K]), r = i - q * p.dim[K].d;
#pragma unroll
            for (int a = 0; a < N; a++) at[a] += r * p.stride[a][K];
            place<K + 1>(p, q, at);
            return;
        }
    }
#pragma unroll
    for (int a = 0; a < N; a++) at[a] += i * p.stride[a][K];
}
