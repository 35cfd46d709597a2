// dst = f(x), one kernel for each function and dtype, and a second one for arrays
// that are not evenly spaced.
#include "functions.h"

// Evenly spaced: each thread computes four elements, a block apart, and loads all
// of them first if little else hides the memory's latency.
template <class F, class T> DEVICE void even(u32 n, T *dst, i64 ds, const T *x, i64 xs, double a, double b) {
    u32 i = block() * (4 * THREADS) + thread();
    if (sizeof(T) == 8 || !F::cheap) {
#pragma unroll 1
        for (int k = 0; k < 4; k++, i += THREADS)
            if (i < n) dst[i * ds] = F::of(x[i * xs], a, b);
        return;
    }
    T v[4];
#pragma unroll
    for (int k = 0; k < 4; k++)
        if (i + k * THREADS < n) v[k] = x[(i + k * THREADS) * xs];
#pragma unroll
    for (int k = 0; k < 4; k++)
        if (i + k * THREADS < n) dst[(i + k * THREADS) * ds] = F::of(v[k], a, b);
}

template <class F, class T> DEVICE void placed(const Places<2> &p, T *dst, const T *x, double a, double b) {
    u32 i = block() * THREADS + thread();
    if (i >= p.n) return;
    i64 at[2] = {0, 0};
    place(p, i, at);
    dst[at[0]] = F::of(x[at[1]], a, b);
}

#define KERNELS(NAME, T, SUFFIX) \
    extern "C" __global__ __launch_bounds__(THREADS) void NAME##_##SUFFIX(u32 n, T *dst, i64 ds, const T *x, i64 xs, double a, double b) { \
        even<formula::NAME>(n, dst, ds, x, xs, a, b); \
    } \
    extern "C" __global__ __launch_bounds__(THREADS) void NAME##_##SUFFIX##_nd(Places<2> p, T *dst, const T *x, double a, double b) { \
        placed<formula::NAME>(p, dst, x, a, b); \
    }
#define BOTH(NAME, CHEAP, EXPRESSION) KERNELS(NAME, float, f32) KERNELS(NAME, double, f64)
UNARY(BOTH)
