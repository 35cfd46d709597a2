// Convolutions as products of matrices whose left factor is not stored: its rows are
// parts of images (implicit GEMM). A row of the product is a pixel, a column an
// output channel, and K goes through the taps of the kernel and the input channels,
// which come last.
#include "product.h"

// Axis is a correlation along one axis: output u sums over its taps t
//
//	input[start+u·step+t·gap]·kernel[first+t·next]
//
// and is written to place at+u·by.
struct Axis {
    int outs, step, start, taps, gap, first, next, at, by;
};

// Images are [n, channels, h, w] with their strides.
struct Images {
    i64 image, channel, row, pixel;
    u32 height, width;
};

// Pixels number the outputs of a correlation, or of the images of a batch.
struct Pixels {
    Divisor width, area;
};

struct Spot {
    u32 image, u, v;
};

DEVICE Spot spot(const Pixels &p, u32 m) {
    u32 image = quotient(m, p.area), rest = m - image * p.area.d, u = quotient(rest, p.width);
    return {image, u, rest - u * p.width.d};
}

// Phase is a pair of axes. A convolution has one, its gradient one for each pair of
// phases of the stride.
struct Phase {
    Axis h, v;
    Pixels pixels;
    Divisor taps; // along v
};

template <class T> struct Correlation {
    Result<T> result;
    const T *x, *w;
    Images from, to;            // from has x's strides, to those of dst
    i64 out, in, tapRow, tapCol; // strides of the weight
    i64 groupX, groupW, groupDst, groupBias;
    u32 n, channels, outs, groups; // of a group: input channels and output channels
    u32 vectorX, alongW, vectorW;
    Divisor channelsBy;
    const Phase *phases;
};

// Window loads rows of pixels: K in the order tap row, tap column, channel.
template <class T> struct Window {
    const T *x;
    Images i;
    int startH, stepH, gapH, startV, stepV, gapV;
    Pixels pixels;
    Divisor channels, taps;
    u32 rows, vector;
    static constexpr u32 along = 0;

    template <int V> __device__ __attribute__((always_inline)) void load(u32 m, u32 k, u32 kEnd, T (&v)[V]) const {
        Spot s = spot(pixels, m);
        int y = startH + (int)s.u * stepH, z = startV + (int)s.v * stepV;
        const T *p = x + s.image * i.image;
        if (vector) { // channels are neighbours, and a run stays within a tap
            u32 tap = quotient(k, channels), c = k - tap * channels.d, r = quotient(tap, taps), q = tap - r * taps.d;
            int yy = y + (int)r * gapH, zz = z + (int)q * gapV;
            typename Run<T>::Vector w = 0;
            if (m < rows && k < kEnd && (u32)yy < i.height && (u32)zz < i.width)
                w = *(const typename Run<T>::Vector *)(p + (yy * i.row + zz * i.pixel + c));
#pragma unroll
            for (int j = 0; j < V; j++) v[j] = w[j];
            return;
        }
#pragma unroll
        for (int j = 0; j < V; j++) {
            u32 tap = quotient(k + j, channels), c = k + j - tap * channels.d, r = quotient(tap, taps), q = tap - r * taps.d;
            int yy = y + (int)r * gapH, zz = z + (int)q * gapV;
            v[j] = m < rows && k + j < kEnd && (u32)yy < i.height && (u32)zz < i.width ? p[yy * i.row + zz * i.pixel + c * i.channel] : 0;
        }
    }
};

// Weights load the kernel as a matrix of K rows.
template <class T> struct Weights {
    const T *w;
    i64 out, in, tapRow, tapCol;
    int firstH, nextH, firstV, nextV;
    Divisor channels, taps;
    u32 outs, along, vector;

    __device__ __attribute__((always_inline)) const T *row(u32 k) const {
        u32 tap = quotient(k, channels), c = k - tap * channels.d, r = quotient(tap, taps), q = tap - r * taps.d;
        return w + ((firstH + (int)r * nextH) * tapRow + (firstV + (int)q * nextV) * tapCol + c * in);
    }

    template <int V> __device__ __attribute__((always_inline)) void load(u32 n, u32 k, u32 kEnd, T (&v)[V]) const {
        if (along) {
            const T *p = row(k);
            if (vector && n + V <= outs && k < kEnd) {
                auto w = *(const typename Run<T>::Vector *)(p + n);
#pragma unroll
                for (int j = 0; j < V; j++) v[j] = w[j];
                return;
            }
#pragma unroll
            for (int j = 0; j < V; j++) v[j] = n + j < outs && k < kEnd ? p[(n + j) * out] : 0;
            return;
        }
#pragma unroll
        for (int j = 0; j < V; j++) v[j] = n < outs && k + j < kEnd ? row(k + j)[n * out] : 0;
    }
};

// Outputs are the places of a phase's pixels.
template <class T> struct Outputs {
    Images i;
    int atH, byH, atV, byV;
    Pixels pixels;

    __device__ __attribute__((always_inline)) i64 place(u32 m) const {
        Spot s = spot(pixels, m);
        return s.image * i.image + (atH + (int)s.u * byH) * i.row + (atV + (int)s.v * byV) * i.pixel;
    }
    __device__ __attribute__((always_inline)) T plus(T v, u32, u32) const { return v; }
};

template <class S, class T> DEVICE void correlate(const Correlation<T> &p, T *shared, u32 BM, u32 BN) {
    u32 g = blockZ() % p.groups;
    const Phase *phase = p.phases + blockZ() / p.groups;
    Axis h = phase->h, v = phase->v;
    Pixels pixels = phase->pixels;
    Divisor taps = phase->taps;
    u32 M = p.n * h.outs * v.outs, K = h.taps * v.taps * p.channels;
    if (block() * BM >= M) return; // other phases have more pixels
    Result<T> r = p.result;
    r.dst += g * p.groupDst;
    if (r.bias) r.bias += g * p.groupBias;
    Window<T> x = {p.x + g * p.groupX, p.from, h.start, h.step, h.gap, v.start, v.step, v.gap, pixels, p.channelsBy, taps, M, p.vectorX};
    Weights<T> w = {p.w + g * p.groupW, p.out, p.in, p.tapRow, p.tapCol, h.first, h.next, v.first, v.next, p.channelsBy, taps, p.outs, p.alongW, p.vectorW};
    Outputs<T> o = {p.to, h.at, h.by, v.at, v.by, pixels};
    S::run(x, w, o, r, M, p.outs, block() * BM, blockY() * BN, 0, K, 0, shared);
}

template <class T> struct WeightGrad {
    Result<T> result; // partial, or dst by rows and columns
    const T *x, *gy;
    Images from, to; // x's strides, and gy's
    i64 in, tapRow, tapCol; // strides of dst; that of its output channels is the result's
    i64 groupX, groupY, groupDst;
    int stepH, startH, gapH, stepV, startV, gapV;
    u32 M, N, K, groups, part, parts, vectorX, vectorY;
    Pixels pixels;
    Divisor channels, taps;
};

// Taps load rows of taps and channels: K goes through the pixels of all images.
template <class T> struct Taps {
    const T *x;
    Images i;
    int startH, stepH, gapH, startV, stepV, gapV;
    Pixels pixels;
    Divisor channels, taps;
    u32 rows, vector;
    static constexpr u32 along = 1;

    template <int V> __device__ __attribute__((always_inline)) void load(u32 m, u32 k, u32 kEnd, T (&v)[V]) const {
        Spot s = spot(pixels, k);
        int y = startH + (int)s.u * stepH, z = startV + (int)s.v * stepV;
        const T *p = x + s.image * i.image;
        if (vector) {
            u32 tap = quotient(m, channels), c = m - tap * channels.d, r = quotient(tap, taps), q = tap - r * taps.d;
            int yy = y + (int)r * gapH, zz = z + (int)q * gapV;
            typename Run<T>::Vector w = 0;
            if (m < rows && k < kEnd && (u32)yy < i.height && (u32)zz < i.width)
                w = *(const typename Run<T>::Vector *)(p + (yy * i.row + zz * i.pixel + c));
#pragma unroll
            for (int j = 0; j < V; j++) v[j] = w[j];
            return;
        }
#pragma unroll
        for (int j = 0; j < V; j++) {
            u32 tap = quotient(m + j, channels), c = m + j - tap * channels.d, r = quotient(tap, taps), q = tap - r * taps.d;
            int yy = y + (int)r * gapH, zz = z + (int)q * gapV;
            v[j] = m + j < rows && k < kEnd && (u32)yy < i.height && (u32)zz < i.width ? p[yy * i.row + zz * i.pixel + c * i.channel] : 0;
        }
    }
};

// Gradients load the gradient of each pixel's output channels.
template <class T> struct Gradients {
    const T *gy;
    Images i;
    Pixels pixels;
    u32 outs, vector;
    static constexpr u32 along = 1;

    template <int V> __device__ __attribute__((always_inline)) void load(u32 n, u32 k, u32 kEnd, T (&v)[V]) const {
        Spot s = spot(pixels, k);
        const T *p = gy + (s.image * i.image + s.u * i.row + s.v * i.pixel);
        if (vector && n + V <= outs && k < kEnd) {
            auto w = *(const typename Run<T>::Vector *)(p + n);
#pragma unroll
            for (int j = 0; j < V; j++) v[j] = w[j];
            return;
        }
#pragma unroll
        for (int j = 0; j < V; j++) v[j] = n + j < outs && k < kEnd ? p[(n + j) * i.channel] : 0;
    }
};

// TapRows are the places of a weight's taps and input channels.
template <class T> struct TapRows {
    i64 in, tapRow, tapCol;
    Divisor channels, taps;

    __device__ __attribute__((always_inline)) i64 place(u32 m) const {
        u32 tap = quotient(m, channels), c = m - tap * channels.d, r = quotient(tap, taps), q = tap - r * taps.d;
        return r * tapRow + q * tapCol + c * in;
    }
    __device__ __attribute__((always_inline)) T plus(T v, u32, u32) const { return v; }
};

template <class S, class T> DEVICE void weightGrad(const WeightGrad<T> &p, T *shared, u32 BM, u32 BN) {
    u32 z = blockZ(), part = z % p.parts, g = z / p.parts;
    Result<T> r = p.result;
    r.dst += g * p.groupDst;
    Taps<T> x = {p.x + g * p.groupX, p.from, p.startH, p.stepH, p.gapH, p.startV, p.stepV, p.gapV, p.pixels, p.channels, p.taps, p.M, p.vectorX};
    Gradients<T> gy = {p.gy + g * p.groupY, p.to, p.pixels, p.N, p.vectorY};
    TapRows<T> rows = {p.in, p.tapRow, p.tapCol, p.channels, p.taps};
    u32 k0 = part * p.part;
    S::run(x, gy, rows, r, p.M, p.N, block() * BM, blockY() * BN, k0, least(k0 + p.part, p.K), ((u64)part * p.groups + g) * p.M * p.N, shared);
}

#define CONV(T, SUFFIX, BM, BN, BK, TM, TN, SLICES) \
    extern "C" __global__ __launch_bounds__(THREADS) void correlate_##SUFFIX(Correlation<T> p) { \
        typedef Tiles<T, BM, BN, BK, TM, TN, SLICES> S; \
        __shared__ __attribute__((aligned(16))) T shared[S::SHARED]; \
        correlate<S>(p, shared, BM, BN); \
    } \
    extern "C" __global__ __launch_bounds__(THREADS) void weightGrad_##SUFFIX(WeightGrad<T> p) { \
        typedef Tiles<T, BM, BN, BK, TM, TN, SLICES> S; \
        __shared__ __attribute__((aligned(16))) T shared[S::SHARED]; \
        weightGrad<S>(p, shared, BM, BN); \
    }
CONV(float, f32_64, 64, 64, 16, 4, 4, 1)
CONV(float, f32_16, 128, 16, 16, 4, 4, 2)
CONV(double, f64_32, 32, 32, 16, 4, 4, 4)
