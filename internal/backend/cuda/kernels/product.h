// Products of matrices, in tiles: what the kernels for matrices and for
// convolutions share.
#pragma once
#include "math.h"

// activate is the function of an epilogue.
template <class T> DEVICE T activate(u32 function, T x, T a) {
    switch (function) {
    case 1: return tanh(x);
    case 2: return sigmoid(x);
    case 3: return x < 0 ? 0 : x;
    case 4: return x > 0 ? x : x * a;
    }
    return x;
}

// A Run is 16 bytes of neighbours, which one instruction loads.
template <class T> struct Run;
template <> struct Run<float> {
    typedef float Vector __attribute__((ext_vector_type(4)));
};
template <> struct Run<double> {
    typedef double Vector __attribute__((ext_vector_type(2)));
};

// Result is where a product goes: through an epilogue to dst, or to partial if K is
// divided among several blocks.
template <class T> struct Result {
    T *dst, *partial;
    const T *bias;
    i64 column, biasStride; // strides along n
    double a;
    u32 function;
    u32 transposed; // neighbours in dst lie along m
};

// Tiles divide a product of M×K and K×N among blocks of BM×BN results. A thread has
// TM×TN of them. The block goes through K in steps of BK numbers, which are loaded
// to shared memory while those of the step before are multiplied. Each of SLICES
// groups of threads multiplies its part of a step; in the end the parts are added in
// order.
template <class T, int BM, int BN, int BK, int TM, int TN, int SLICES> struct Tiles {
    static constexpr int V = 16 / sizeof(T);
    static constexpr int RM = BM / TM, RN = BN / TN; // threads along m and n
    static_assert(RM * RN * SLICES == THREADS);
    static constexpr int PM = BM + V, PN = BN + V; // rows in shared memory, apart for its banks
    static constexpr int AREA = 2 * BK * (PM + PN), SUMS = (SLICES - 1) * BM * BN;
    static constexpr int SHARED = AREA > SUMS ? AREA : SUMS;
    static constexpr int LINES = TM * RM * PN <= SHARED ? TM : 2;
    static_assert(LINES * RM * PN <= SHARED);
    static constexpr int RUNS_A = BM * BK / V, RUNS_B = BN * BK / V;
    static constexpr int A = (RUNS_A + THREADS - 1) / THREADS, B = (RUNS_B + THREADS - 1) / THREADS; // of a thread
    typedef typename Run<T>::Vector Vector;

    // A run lies along m (or n) if along is set, else along k.
    template <int ROWS> DEVICE void position(u32 q, u32 along, u32 &m, u32 &k) {
        if (along)
            m = q % (ROWS / V) * V, k = q / (ROWS / V);
        else
            k = q % (BK / V) * V, m = q / (BK / V);
    }

    template <int ROWS, int N, class L> DEVICE void fetch(const L &l, u32 m0, u32 k0, u32 kEnd, T (&v)[N][V]) {
#pragma unroll
        for (int r = 0; r < N; r++) {
            u32 q = thread() + r * THREADS, m, k;
            if (ROWS * BK / V % THREADS != 0 && q >= ROWS * BK / V) return;
            position<ROWS>(q, l.along, m, k);
            l.load(m0 + m, k0 + k, kEnd, v[r]);
        }
    }

    template <int ROWS, int N> DEVICE void store(u32 along, T *shared, const T (&v)[N][V]) {
#pragma unroll
        for (int r = 0; r < N; r++) {
            u32 q = thread() + r * THREADS, m, k;
            if (ROWS * BK / V % THREADS != 0 && q >= ROWS * BK / V) return;
            position<ROWS>(q, along, m, k);
            T *to = shared + k * (ROWS + V) + m;
            if (along) {
                Vector w;
#pragma unroll
                for (int j = 0; j < V; j++) w[j] = v[r][j];
                *(Vector *)to = w;
            } else {
#pragma unroll
                for (int j = 0; j < V; j++) to[j * (ROWS + V)] = v[r][j];
            }
        }
    }

    // run computes one block's results. Rows are numbered from m0, columns from n0,
    // and K goes from k0 to kEnd.
    template <class LA, class LB, class Rows>
    DEVICE void run(const LA &la, const LB &lb, const Rows &rows, const Result<T> &result, u32 M, u32 N, u32 m0, u32 n0, u32 k0, u32 kEnd, u64 partial,
                    T *shared) {
        u32 t = thread(), slice = t / (RM * RN), tm = t % (RM * RN) / RN, tn = t % RN;
        T sum[TM][TN] = {}, va[A][V], vb[B][V];
        T *a = shared, *b = shared + 2 * BK * PM;
        fetch<BM>(la, m0, k0, kEnd, va);
        fetch<BN>(lb, n0, k0, kEnd, vb);
        store<BM>(la.along, a, va);
        store<BN>(lb.along, b, vb);
        wait();
        u32 turn = 0;
        for (u32 k = k0; k < kEnd; k += BK) {
            bool more = k + BK < kEnd;
            if (more) {
                fetch<BM>(la, m0, k + BK, kEnd, va);
                fetch<BN>(lb, n0, k + BK, kEnd, vb);
            }
            const T *pa = a + turn * (BK * PM) + slice * (BK / SLICES * PM) + tm * V;
            const T *pb = b + turn * (BK * PN) + slice * (BK / SLICES * PN) + tn * V;
#pragma unroll
            for (int s = 0; s < BK / SLICES; s++) {
                T x[TM], y[TN];
#pragma unroll
                for (int i = 0; i < TM; i += V) {
                    Vector w = *(const Vector *)(pa + s * PM + i * RM);
#pragma unroll
                    for (int j = 0; j < V; j++) x[i + j] = w[j];
                }
#pragma unroll
                for (int i = 0; i < TN; i += V) {
                    Vector w = *(const Vector *)(pb + s * PN + i * RN);
#pragma unroll
                    for (int j = 0; j < V; j++) y[i + j] = w[j];
                }
#pragma unroll
                for (int i = 0; i < TM; i++)
#pragma unroll
                    for (int j = 0; j < TN; j++) sum[i][j] = fma(x[i], y[j], sum[i][j]);
            }
            turn ^= 1;
            if (more) {
                store<BM>(la.along, a + turn * (BK * PM), va);
                store<BN>(lb.along, b + turn * (BK * PN), vb);
            }
            wait();
        }
        if constexpr (SLICES > 1) {
            u32 own = t % (RM * RN);
            if (slice > 0) {
                T *to = shared + (slice - 1) * (BM * BN) + own;
#pragma unroll
                for (int i = 0; i < TM * TN; i++) to[i * (RM * RN)] = sum[i / TN][i % TN];
            }
            wait();
            if (slice == 0) {
#pragma unroll
                for (int s = 0; s < SLICES - 1; s++)
#pragma unroll
                    for (int i = 0; i < TM * TN; i++) sum[i / TN][i % TN] += shared[s * (BM * BN) + i * (RM * RN) + own];
            }
            wait();
        }
        // By way of shared memory, so that neighbours are written together: LINES of a
        // thread's TM lines at a time.
#pragma unroll
        for (int i = 0; i < TM; i += LINES) {
            if (i > 0) wait();
            if (slice == 0) {
#pragma unroll
                for (int l = 0; l < LINES; l++)
#pragma unroll
                    for (int j = 0; j < TN; j++) shared[(l * RM + tm) * PN + j / V * (V * RN) + tn * V + j % V] = sum[i + l][j];
            }
            wait();
#pragma unroll 1
            for (u32 e = t; e < LINES * RM * BN; e += THREADS) {
                u32 line = e / BN, c = e % BN;
                if (result.transposed) line = e % (LINES * RM), c = e / (LINES * RM);
                u32 own = i + line / RM, m = m0 + own / V * (V * RM) + line % RM * V + own % V, n = n0 + c;
                if (m >= M || n >= N) continue;
                T v = shared[line * PN + c];
                if (result.partial) {
                    result.partial[partial + (u64)m * N + n] = v;
                    continue;
                }
                if (result.bias) v += result.bias[n * result.biasStride];
                result.dst[rows.place(m) + n * result.column] = activate(result.function, rows.plus(v, m, n), (T)result.a);
            }
        }
    }
};

// Matrix loads a factor whose numbers lie at m·row + k·step. Along says along which
// of the two runs go, and vector that they are 16 bytes which one load fetches.
template <class T> struct Matrix {
    const T *p;
    i64 row, step;
    u32 rows, along, vector, unused;

    template <int V> __device__ __attribute__((always_inline)) void load(u32 m, u32 k, u32 kEnd, T (&v)[V]) const {
        bool inside = along ? m + V <= rows && k < kEnd : m < rows && k + V <= kEnd;
        if (vector && inside) {
            auto w = *(const typename Run<T>::Vector *)(p + (m * row + k * step));
#pragma unroll
            for (int j = 0; j < V; j++) v[j] = w[j];
            return;
        }
#pragma unroll
        for (int j = 0; j < V; j++) {
            u32 mj = along ? m + j : m, kj = along ? k : k + j;
            v[j] = mj < rows && kj < kEnd ? p[mj * row + kj * step] : 0;
        }
    }
};
