// Products of matrices, with an epilogue.
#include "product.h"

// Lines are the rows of dst, and a matrix that is added to it, or null.
template <class T> struct Lines {
    i64 row;
    const T *add;
    i64 addRow, addColumn;
    __device__ __attribute__((always_inline)) i64 place(u32 m) const { return m * row; }
    __device__ __attribute__((always_inline)) T plus(T v, u32 m, u32 n) const { return add ? v + add[m * addRow + n * addColumn] : v; }
};

template <class T> struct Product {
    Result<T> result;
    Matrix<T> x, y;
    Lines<T> lines;         // of dst
    u32 M, N, K;            // of one matrix
    u32 part, parts, first; // K of one block, blocks that share a result, and the first matrix
    Places<3> batch;        // of dst, x and y
};

template <class S, class T> DEVICE void product(const Product<T> &p, T *shared, u32 BM, u32 BN) {
    u32 z = blockZ(), part = 0;
    if (p.parts > 1) {
        part = z % p.parts;
        z = z / p.parts;
    }
    i64 at[3] = {0, 0, 0};
    z += p.first;
    place(p.batch, z, at);
    Matrix<T> x = p.x, y = p.y;
    Result<T> r = p.result;
    r.dst += at[0];
    x.p += at[1];
    y.p += at[2];
    u32 k0 = part * p.part;
    S::run(x, y, p.lines, r, p.M, p.N, block() * BM, blockY() * BN, k0, least(k0 + p.part, p.K),
           ((u64)part * p.batch.n + z) * p.M * p.N, shared);
}

#define PRODUCT(T, SUFFIX, BM, BN, BK, TM, TN, SLICES) \
    extern "C" __global__ __launch_bounds__(THREADS) void product_##SUFFIX(Product<T> p) { \
        typedef Tiles<T, BM, BN, BK, TM, TN, SLICES> S; \
        __shared__ __attribute__((aligned(16))) T shared[S::SHARED]; \
        product<S>(p, shared, BM, BN); \
    }
PRODUCT(float, f32_128, 128, 128, 8, 8, 8, 1)
PRODUCT(float, f32_64, 64, 64, 16, 4, 4, 1)
PRODUCT(float, f32_32, 32, 32, 32, 4, 4, 4)
PRODUCT(double, f64_32, 32, 32, 16, 4, 4, 4)

// Finish is a product that another library wrote to dst, without its epilogue.
template <class T> struct Finish {
    Result<T> result;
    Lines<T> lines;
    Divisor inner; // the length of the axis along which neighbours in dst lie
    u32 count;     // of results
};

template <class T> DEVICE void finish(const Finish<T> &p) {
    const Result<T> &r = p.result;
    u32 e = block() * (4 * THREADS) + thread();
#pragma unroll
    for (u32 k = 0; k < 4; k++, e += THREADS) {
        if (e >= p.count) return;
        u32 m = quotient(e, p.inner), n = e - m * p.inner.d;
        if (r.transposed) {
            u32 other = m;
            m = n, n = other;
        }
        T *to = r.dst + (p.lines.place(m) + n * r.column), v = *to;
        if (r.bias) v += r.bias[n * r.biasStride];
        *to = activate(r.function, p.lines.plus(v, m, n), (T)r.a);
    }
}

extern "C" __global__ __launch_bounds__(THREADS) void finish_f32(Finish<float> p) { finish(p); }
extern "C" __global__ __launch_bounds__(THREADS) void finish_f64(Finish<double> p) { finish(p); }
