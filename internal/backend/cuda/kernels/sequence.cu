// Many small operations in one launch: one block does a list of steps, one after the
// other. Each gives the bits that a launch of its own would give.
#include "functions.h"
#include "norm.h"
#include "reduce.h"

// What a step does: the functions in the order of functions.h, and the rest.
enum Code {
#define CODE(NAME, CHEAP, EXPRESSION) code##NAME,
    UNARY(CODE) BINARY(CODE) codeCopy, // of float32
    codeCopy64,                        // of float64
    codeCopy32From64,
    codeCopy64From32,
    codeFill,
    codeFill64,
    codeWhere,
    codeSum,         // of float32
    codeSum64,       // of float64
    codeSum32From64, // of partial results
    codeNorm,
};

struct Step {
    u32 code, n;
    void *dst;
    const void *p[3];
    i64 stride[4]; // of dst, and of the three
    double a, b;
    u32 count, logLanes, columns; // of a sum: numbers of one result, and its folding
    Divisor inner;                // of a copy: the length of a row, if there are rows
    i64 row[2];                   // from one to the next, in dst and in the source
};

template <class T> DEVICE const T *source(const Step &s, int k) { return (const T *)s.p[k]; }

template <class D, class S> DEVICE void copy(const Step &s) {
    for (u32 i = thread(); i < s.n; i += THREADS) {
        u32 r = quotient(i, s.inner), c = i - r * s.inner.d;
        ((D *)s.dst)[r * s.row[0] + c * s.stride[0]] = (D)source<S>(s, 0)[r * s.row[1] + c * s.stride[1]];
    }
}

template <class T> DEVICE void fill(const Step &s) {
    for (u32 i = thread(); i < s.n; i += THREADS) ((T *)s.dst)[i * s.stride[0]] = (T)s.a;
}

template <class F> DEVICE void unary(const Step &s) {
#pragma unroll 1
    for (u32 i = thread(); i < s.n; i += THREADS) ((float *)s.dst)[i * s.stride[0]] = F::of(source<float>(s, 0)[i * s.stride[1]], s.a, s.b);
}

template <class F> DEVICE void binary(const Step &s) {
#pragma unroll 1
    for (u32 i = thread(); i < s.n; i += THREADS)
        ((float *)s.dst)[i * s.stride[0]] = F::of(source<float>(s, 0)[i * s.stride[1]], source<float>(s, 1)[i * s.stride[2]], (float)s.a);
}

// sum does what the kernel of reduce.cu does with evenly spaced numbers. Strides are
// those of the results in dst and in x, and of the numbers of one.
template <class In, class Out> DEVICE void sum(const Step &s, double (&shared)[THREADS]) {
    u32 width = THREADS >> s.logLanes;
    for (u32 first = 0; first < s.n; first += width) {
        Lane l = laneOf(s.logLanes, s.columns, s.count, s.count);
        u32 result = first + l.result; // there is one block, of number 0
        double v = 0;
        if (result < s.n)
            for (u32 i = l.from; i < l.to; i += l.lanes) v += (double)source<In>(s, 0)[result * s.stride[1] + i * s.stride[2]];
        v = tree<Sum>(l, v, shared);
        if (result < s.n && l.lane == 0) ((Out *)s.dst)[result * s.stride[0]] = (Out)v;
        wait();
    }
}

enum { MOST = 64 };

extern "C" __global__ __launch_bounds__(THREADS) void sequence(const Step *steps, u32 count) {
    __shared__ Step all[MOST];
    __shared__ double shared[THREADS];
    for (u32 i = thread(); i < count * (sizeof(Step) / 8); i += THREADS) ((u64 *)all)[i] = ((const u64 *)steps)[i];
#pragma unroll 1
    for (u32 k = 0; k < count; k++) {
        wait();
        const Step &s = all[k];
        switch (s.code) {
#define UNARY_CASE(NAME, CHEAP, EXPRESSION) \
    case code##NAME: unary<formula::NAME>(s); break;
#define BINARY_CASE(NAME, CHEAP, EXPRESSION) \
    case code##NAME: binary<formula::NAME>(s); break;
            UNARY(UNARY_CASE)
            BINARY(BINARY_CASE)
        case codeCopy: copy<float, float>(s); break;
        case codeCopy64: copy<double, double>(s); break;
        case codeCopy32From64: copy<float, double>(s); break;
        case codeCopy64From32: copy<double, float>(s); break;
        case codeFill: fill<float>(s); break;
        case codeFill64: fill<double>(s); break;
        case codeWhere:
            for (u32 i = thread(); i < s.n; i += THREADS)
                ((float *)s.dst)[i * s.stride[0]] =
                    source<float>(s, 0)[i * s.stride[1]] != 0 ? source<float>(s, 1)[i * s.stride[2]] : source<float>(s, 2)[i * s.stride[3]];
            break;
        case codeSum: sum<float, float>(s, shared); break;
        case codeSum64: sum<double, double>(s, shared); break;
        case codeSum32From64: sum<double, float>(s, shared); break;
        case codeNorm: norm((const Scaled *)s.p[0], s.n, (double *)s.dst, shared); break;
        }
    }
}
