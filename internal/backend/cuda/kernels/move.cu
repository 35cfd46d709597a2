// What moves numbers and does not compute: copies, constants, choices, indices.
#include "gander.h"

template <class D, class S> DEVICE void copyEven(u32 n, D *dst, i64 ds, const S *x, i64 xs) {
    u32 i = block() * (4 * THREADS) + thread();
    S v[4];
#pragma unroll
    for (int k = 0; k < 4; k++)
        if (i + k * THREADS < n) v[k] = x[(i + k * THREADS) * xs];
#pragma unroll
    for (int k = 0; k < 4; k++)
        if (i + k * THREADS < n) dst[(i + k * THREADS) * ds] = (D)v[k];
}

template <class D, class S> DEVICE void copyPlaced(const Places<2> &p, D *dst, const S *x) {
    u32 i = block() * THREADS + thread();
    if (i >= p.n) return;
    i64 at[2] = {0, 0};
    place(p, i, at);
    dst[at[0]] = (D)x[at[1]];
}

// A transposition of matrices [rows, cols] of which dst has neighbours in columns
// and x in rows: through tiles of 32×32, so that both are read and written in runs.
template <class T>
DEVICE void transpose(u32 rows, u32 cols, T *dst, i64 dRow, i64 dCol, i64 dNext, const T *x, i64 xRow, i64 xCol, i64 xNext, T (&tile)[32][33]) {
    u32 r0 = blockY() * 32, c0 = block() * 32, lane = thread() & 31, first = thread() >> 5;
    dst += blockZ() * dNext;
    x += blockZ() * xNext;
#pragma unroll
    for (u32 k = first; k < 32; k += THREADS / 32)
        if (r0 + k < rows && c0 + lane < cols) tile[k][lane] = x[(r0 + k) * xRow + (c0 + lane) * xCol];
    wait();
#pragma unroll
    for (u32 k = first; k < 32; k += THREADS / 32)
        if (c0 + k < cols && r0 + lane < rows) dst[(r0 + lane) * dRow + (c0 + k) * dCol] = tile[lane][k];
}

#define COPY(D, S, SUFFIX) \
    extern "C" __global__ __launch_bounds__(THREADS) void copy_##SUFFIX(u32 n, D *dst, i64 ds, const S *x, i64 xs) { \
        copyEven(n, dst, ds, x, xs); \
    } \
    extern "C" __global__ __launch_bounds__(THREADS) void copy_##SUFFIX##_nd(Places<2> p, D *dst, const S *x) { copyPlaced(p, dst, x); }
COPY(float, float, f32)
COPY(double, double, f64)
COPY(float, double, f32_f64)
COPY(double, float, f64_f32)

// entry returns an entry of an index as a position along an axis of dim n, or −1 if
// it is not one. n may have more bits than I.
template <class I> DEVICE i64 entry(I v, u32 n) {
    if (!(v >= 0 && v < (I)0x1p31)) return -1;
    i64 i = (i64)v;
    return (I)i == v && i < n ? i : -1;
}

// dst[…, i, …] = x[…, index[i], …]. Places are of dst and x, the axis first; x has
// stride 0 along it. Other dims follow.
template <class T, class I>
DEVICE void gather(const Places<2> &p, T *dst, const T *x, const I *index, u32 n, Divisor inner, i64 dAxis, i64 xAxis, i64 step, T nan) {
    u32 i = block() * THREADS + thread();
    if (i >= p.n) return;
    u32 row = quotient(i, inner); // the place in the index
    i64 at[2] = {row * dAxis, 0};
    place(p, i - row * inner.d, at);
    i64 from = entry(index[row * step], n);
    dst[at[0]] = from < 0 ? nan : x[at[1] + from * xAxis];
}

// dst[…, index[i], …] += x[…, i, …] in order of i: a thread for each element of one
// row, which goes through the index. If filled is set, dst is v before.
template <class T, class I>
DEVICE void scatter(const Places<2> &p, T *dst, const T *x, const I *index, u32 count, u32 n, u32 filled, T v, i64 dAxis, i64 xAxis, i64 step) {
    u32 i = block() * THREADS + thread();
    if (i >= p.n) return;
    i64 at[2] = {0, 0};
    place(p, i, at);
    if (filled)
        for (u32 k = 0; k < n; k++) dst[at[0] + k * dAxis] = v;
    for (u32 k = 0; k < count; k++) {
        i64 to = entry(index[k * step], n);
        if (to >= 0) dst[at[0] + to * dAxis] += x[at[1] + k * xAxis];
    }
}

// The same with a thread for each element of dst, which looks for its rows.
template <class T, class I>
DEVICE void collect(const Places<2> &p, T *dst, const T *x, const I *index, u32 count, u32 n, Divisor inner, u32 filled, T v, i64 dAxis, i64 xAxis,
                    i64 step) {
    u32 i = block() * THREADS + thread();
    if (i >= n * inner.d) return;
    u32 row = quotient(i, inner);
    i64 at[2] = {row * dAxis, 0};
    place(p, i - row * inner.d, at);
    T sum = filled ? v : dst[at[0]];
    if ((u32)(I)row != row) count = 0; // no entry names it; one may name what it is rounded to
    for (u32 k = 0; k < count; k++)
        if (index[k * step] == (I)row) sum += x[at[1] + k * xAxis];
    dst[at[0]] = sum;
}

#define INDEXED(T, I, SUFFIX, NAN) \
    extern "C" __global__ __launch_bounds__(THREADS) void gather_##SUFFIX(Places<2> p, T *dst, const T *x, const I *index, u32 n, \
                                                                          Divisor inner, i64 dAxis, i64 xAxis, i64 step) { \
        gather(p, dst, x, index, n, inner, dAxis, xAxis, step, NAN); \
    } \
    extern "C" __global__ __launch_bounds__(THREADS) void scatter_##SUFFIX(Places<2> p, T *dst, const T *x, const I *index, u32 count, \
                                                                           u32 n, u32 filled, double v, i64 dAxis, i64 xAxis, i64 step) { \
        scatter(p, dst, x, index, count, n, filled, (T)v, dAxis, xAxis, step); \
    } \
    extern "C" __global__ __launch_bounds__(THREADS) void collect_##SUFFIX(Places<2> p, T *dst, const T *x, const I *index, u32 count, \
                                                                           u32 n, Divisor inner, u32 filled, double v, i64 dAxis, i64 xAxis, \
                                                                           i64 step) { \
        collect(p, dst, x, index, count, n, inner, filled, (T)v, dAxis, xAxis, step); \
    }
#define NAN32 __builtin_bit_cast(float, 0x7FC00000u)
#define NAN64 __builtin_bit_cast(double, 0x7FF8000000000000ull)
INDEXED(float, float, f32_f32, NAN32)
INDEXED(float, double, f32_f64, NAN32)
INDEXED(double, float, f64_f32, NAN64)
INDEXED(double, double, f64_f64, NAN64)

#define FILL(T, SUFFIX) \
    extern "C" __global__ __launch_bounds__(THREADS) void fill_##SUFFIX(u32 n, T *dst, i64 ds, double v) { \
        u32 i = block() * (4 * THREADS) + thread(); \
        _Pragma("unroll") for (int k = 0; k < 4; k++) if (i + k * THREADS < n) dst[(i + k * THREADS) * ds] = (T)v; \
    } \
    extern "C" __global__ __launch_bounds__(THREADS) void fill_##SUFFIX##_nd(Places<1> p, T *dst, double v) { \
        u32 i = block() * THREADS + thread(); \
        if (i >= p.n) return; \
        i64 at[1] = {0}; \
        place(p, i, at); \
        dst[at[0]] = (T)v; \
    } \
    extern "C" __global__ __launch_bounds__(THREADS) void where_##SUFFIX(Places<4> p, T *dst, const T *c, const T *x, const T *y) { \
        u32 i = block() * THREADS + thread(); \
        if (i >= p.n) return; \
        i64 at[4] = {0, 0, 0, 0}; \
        place(p, i, at); \
        dst[at[0]] = c[at[1]] != 0 ? x[at[2]] : y[at[3]]; \
    } \
    extern "C" __global__ __launch_bounds__(THREADS) void transpose_##SUFFIX(u32 rows, u32 cols, T *dst, i64 dRow, i64 dCol, i64 dNext, \
                                                                             const T *x, i64 xRow, i64 xCol, i64 xNext) { \
        __shared__ T tile[32][33]; \
        transpose(rows, cols, dst, dRow, dCol, dNext, x, xRow, xCol, xNext, tile); \
    }
FILL(float, f32)
FILL(double, f64)
