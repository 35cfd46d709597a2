// Reductions with a fixed tree, in float64 throughout. A result's numbers are
// dealt to some lanes, which are threads of one block: lane j of n folds the
// numbers j, j+n, j+2n… in order, and then lane j folds lane j+n/2, j+n/4 and so on
// to 1. Many numbers are cut into segments, one block each, whose results are
// numbers to be reduced in turn. All that depends on their count alone, so that an
// image gives the same alone and among others.
#include "reduce.h"

// Results are partial[segment][result] if there are several segments.
template <class F, class In, class Out>
DEVICE void reduce(const Places<2> &kept, const Places<1> &folded, Out *dst, double *partial, const In *x, u32 logLanes, u32 columns, u32 segment,
                   double (&shared)[THREADS]) {
    Lane l = laneOf(logLanes, columns, folded.n, segment);
    bool used = l.result < kept.n;
    i64 at[2] = {0, 0};
    if (used) place(kept, l.result, at);
    double v = F::none();
    if (used && folded.rank == 1) {
        const In *p = x + at[1];
        i64 stride = folded.stride[0][0];
        u32 i = l.from;
        for (; i + 3 * l.lanes < l.to; i += 4 * l.lanes) {
            In a = p[i * stride], b = p[(i + l.lanes) * stride], c = p[(i + 2 * l.lanes) * stride], d = p[(i + 3 * l.lanes) * stride];
            v = F::fold(F::fold(F::fold(F::fold(v, F::of(a)), F::of(b)), F::of(c)), F::of(d));
        }
        for (; i < l.to; i += l.lanes) v = F::fold(v, F::of(p[i * stride]));
    } else if (used) {
        for (u32 i = l.from; i < l.to; i += l.lanes) {
            i64 f[1] = {at[1]};
            place(folded, i, f);
            v = F::fold(v, F::of(x[f[0]]));
        }
    }
    v = tree<F>(l, v, shared);
    if (!used || l.lane > 0) return;
    if (partial)
        partial[(u64)blockY() * kept.n + l.result] = v;
    else
        dst[at[0]] = (Out)v;
}

#define REDUCE(F, IN, OUT, SUFFIX) \
    extern "C" __global__ __launch_bounds__(THREADS) void F##_##SUFFIX(Places<2> kept, Places<1> folded, OUT *dst, double *partial, const IN *x, \
                                                                       u32 logLanes, u32 columns, u32 segment) { \
        __shared__ double shared[THREADS]; \
        reduce<F>(kept, folded, dst, partial, x, logLanes, columns, segment, shared); \
    }
REDUCE(Sum, float, float, f32)
REDUCE(Sum, double, double, f64)
REDUCE(Sum, double, float, f32_f64) // of partial results
REDUCE(MaxReduce, float, float, f32)
REDUCE(MaxReduce, double, double, f64)
REDUCE(MaxReduce, double, float, f32_f64)
REDUCE(SumSquares, float, float, f32)
REDUCE(SumSquares, double, double, f64)

// Channels are the strides of an axis in four arrays.
struct Channels {
    u32 n, function;
    i64 gz, gb, gy, y;
};

// gz is gy times the derivative of a function, given its value y, and gb the sums
// of gz over all but the channels. The functions are those of activate in
// product.h.
template <class T>
DEVICE void epilogueGrad(const Channels &c, const Places<3> &folded, T *gz, T *gb, double *partial, const T *gy, const T *y, T a, u32 logLanes,
                         u32 columns, u32 segment, double (&shared)[THREADS]) {
    Lane l = laneOf(logLanes, columns, folded.n, segment);
    bool used = l.result < c.n;
    double sum = 0;
    if (used) {
        i64 base[3] = {l.result * c.gz, l.result * c.gy, l.result * c.y};
        for (u32 i = l.from; i < l.to; i += l.lanes) {
            i64 at[3] = {base[0], base[1], base[2]};
            place(folded, i, at);
            T v = y[at[2]], d;
            switch (c.function) {
            case 1: d = 1 - v * v; break;
            case 2: d = v * (1 - v); break;
            case 3: d = v > 0 ? 1 : v != v ? v : 0; break;
            default: d = v > 0 ? 1 : v != v ? v : a;
            }
            d *= gy[at[1]];
            gz[at[0]] = d;
            sum += d;
        }
    }
    sum = tree<Sum>(l, sum, shared);
    if (!used || l.lane > 0) return;
    if (partial)
        partial[(u64)blockY() * c.n + l.result] = sum;
    else
        gb[l.result * c.gb] = (T)sum;
}

#define EPILOGUEGRAD(T, SUFFIX) \
    extern "C" __global__ __launch_bounds__(THREADS) void epilogueGrad_##SUFFIX(Channels c, Places<3> folded, T *gz, T *gb, double *partial, \
                                                                                const T *gy, const T *y, double a, u32 logLanes, u32 columns, \
                                                                                u32 segment) { \
        __shared__ double shared[THREADS]; \
        epilogueGrad(c, folded, gz, gb, partial, gy, y, (T)a, logLanes, columns, segment, shared); \
    }
EPILOGUEGRAD(float, f32)
EPILOGUEGRAD(double, f64)
