// dst = f(x, y), one kernel for each function and dtype, and a second one for
// arrays that are not evenly spaced.
#include "functions.h"

// Evenly spaced: each thread computes four elements, a block apart, and loads all
// of them first if little else hides the memory's latency.
template <class F, class T> DEVICE void even(u32 n, T *dst, i64 ds, const T *x, i64 xs, const T *y, i64 ys, T a) {
    u32 i = block() * (4 * THREADS) + thread();
    if (sizeof(T) == 8 || !F::cheap) {
#pragma unroll 1
        for (int k = 0; k < 4; k++, i += THREADS)
            if (i < n) dst[i * ds] = F::of(x[i * xs], y[i * ys], a);
        return;
    }
    T v[4], w[4];
#pragma unroll
    for (int k = 0; k < 4; k++)
        if (i + k * THREADS < n) {
            v[k] = x[(i + k * THREADS) * xs];
            w[k] = y[(i + k * THREADS) * ys];
        }
#pragma unroll
    for (int k = 0; k < 4; k++)
        if (i + k * THREADS < n) dst[(i + k * THREADS) * ds] = F::of(v[k], w[k], a);
}

template <class F, class T> DEVICE void placed(const Places<3> &p, T *dst, const T *x, const T *y, T a) {
    u32 i = block() * THREADS + thread();
    if (i >= p.n) return;
    i64 at[3] = {0, 0, 0};
    place(p, i, at);
    dst[at[0]] = F::of(x[at[1]], y[at[2]], a);
}

#define KERNELS(NAME, T, SUFFIX) \
    extern "C" __global__ __launch_bounds__(THREADS) void NAME##_##SUFFIX(u32 n, T *dst, i64 ds, const T *x, i64 xs, const T *y, i64 ys, \
                                                                          double a) { \
        even<formula::NAME>(n, dst, ds, x, xs, y, ys, (T)a); \
    } \
    extern "C" __global__ __launch_bounds__(THREADS) void NAME##_##SUFFIX##_nd(Places<3> p, T *dst, const T *x, const T *y, double a) { \
        placed<formula::NAME>(p, dst, x, y, (T)a); \
    }
#define BOTH(NAME, CHEAP, EXPRESSION) KERNELS(NAME, float, f32) KERNELS(NAME, double, f64)
BINARY(BOTH)

// dst = x·y + z, the product rounded before the sum.
template <class T> DEVICE void mulAdd(const Places<4> &p, T *dst, const T *x, const T *y, const T *z) {
    u32 i = block() * THREADS + thread();
    if (i >= p.n) return;
    i64 at[4] = {0, 0, 0, 0};
    place(p, i, at);
    T product = x[at[1]] * y[at[2]];
    dst[at[0]] = product + z[at[3]];
}

extern "C" __global__ __launch_bounds__(THREADS) void mulAdd_f32(Places<4> p, float *dst, const float *x, const float *y, const float *z) {
    mulAdd(p, dst, x, y, z);
}
extern "C" __global__ __launch_bounds__(THREADS) void mulAdd_f64(Places<4> p, double *dst, const double *x, const double *y, const double *z) {
    mulAdd(p, dst, x, y, z);
}
