// Passes over all parameters of a network in one launch, and random numbers.
#include "norm.h"

// An entry of the lists: up to four arrays of n elements, on which the blocks from
// first on work, CHUNK elements each.
template <class T> struct Entry {
    T *a[4];
    u32 n, first;
};

enum { CHUNK = 4 * THREADS };

// entryOf returns the entry that a block works on.
template <class T> DEVICE Entry<T> entryOf(const void *entries, const u32 *owner) { return ((const Entry<T> *)entries)[owner[block()]]; }

// The constants of package vec's Adam, in the order of their use.
template <class T> struct AdamConstants {
    T l2, decay, w1, beta2, w2, root, eps, step;
};

// Adam, each operation rounded. If current is set, the constants are those there.
template <class T>
DEVICE void adam(const void *entries, const u32 *owner, const AdamConstants<T> *current, T l2, T decay, T w1, T beta2, T w2, T root, T eps, T step) {
    if (current) {
        l2 = current->l2, decay = current->decay, w1 = current->w1, beta2 = current->beta2;
        w2 = current->w2, root = current->root, eps = current->eps, step = current->step;
    }
    Entry<T> e = entryOf<T>(entries, owner);
    u32 i = (block() - e.first) * CHUNK + thread();
#pragma unroll
    for (u32 k = 0; k < 4; k++, i += THREADS) {
        if (i >= e.n) return;
        T p = e.a[0][i], g = e.a[1][i], m = e.a[2][i], v = e.a[3][i];
        g = g + l2 * p;
        m = m + w1 * (g - m);
        v = beta2 * v + (w2 * g) * g;
        T below = squareRoot(v) * root + eps;
        e.a[0][i] = p * decay + step * m / below;
        e.a[2][i] = m;
        e.a[3][i] = v;
    }
}

template <class T> DEVICE void lerp(const void *entries, const u32 *owner, T a) {
    Entry<T> e = entryOf<T>(entries, owner);
    u32 i = (block() - e.first) * CHUNK + thread();
#pragma unroll
    for (u32 k = 0; k < 4; k++, i += THREADS)
        if (i < e.n) {
            T x = e.a[0][i];
            e.a[0][i] = x + a * (e.a[1][i] - x);
        }
}

template <class T> DEVICE void clamp(const void *entries, const u32 *owner, T lo, T hi) {
    Entry<T> e = entryOf<T>(entries, owner);
    u32 i = (block() - e.first) * CHUNK + thread();
#pragma unroll
    for (u32 k = 0; k < 4; k++, i += THREADS)
        if (i < e.n) {
            T x = e.a[0][i];
            e.a[0][i] = x < lo ? lo : smaller(x, hi);
        }
}

template <class T> DEVICE void squares(const void *entries, const u32 *owner, Scaled *partial, double (&shared)[THREADS]) {
    Entry<T> e = entryOf<T>(entries, owner);
    u32 i = (block() - e.first) * CHUNK + thread();
    double x[4], most = 0;
#pragma unroll
    for (u32 k = 0; k < 4; k++) {
        x[k] = i + k * THREADS < e.n ? magnitude((double)e.a[0][i + k * THREADS]) : 0;
        most = larger(most, x[k]);
    }
    int exponent = exponentOf(treeMax(most, shared));
    double down = power2(exponent > 1000 ? -1000 : -exponent, 0.), sum = 0; // a power of two: exact
    double rest = exponent > 1000 ? power2(1000 - exponent, 0.) : 1;
#pragma unroll
    for (u32 k = 0; k < 4; k++) {
        double v = x[k] * down * rest;
        sum += v * v;
    }
    sum = treeSum(sum, shared);
    // What is not finite stays so, whatever the other blocks have.
    if (thread() == 0) partial[block()] = {sum, sum - sum == 0 ? exponent : 1024};
}

#define LISTS(T, SUFFIX) \
    extern "C" __global__ __launch_bounds__(THREADS) void adam_##SUFFIX(const void *entries, const u32 *owner, const AdamConstants<T> *current, \
                                                                        T l2, T decay, T w1, T beta2, T w2, T root, T eps, T step) { \
        adam(entries, owner, current, l2, decay, w1, beta2, w2, root, eps, step); \
    } \
    extern "C" __global__ __launch_bounds__(THREADS) void lerp_##SUFFIX(const void *entries, const u32 *owner, double a) { \
        lerp(entries, owner, (T)a); \
    } \
    extern "C" __global__ __launch_bounds__(THREADS) void clamp_##SUFFIX(const void *entries, const u32 *owner, double lo, double hi) { \
        clamp(entries, owner, (T)lo, (T)hi); \
    } \
    extern "C" __global__ __launch_bounds__(THREADS) void squares_##SUFFIX(const void *entries, const u32 *owner, Scaled *partial) { \
        __shared__ double shared[THREADS]; \
        squares<T>(entries, owner, partial, shared); \
    }
extern "C" __global__ __launch_bounds__(THREADS) void norm_f64(const Scaled *partial, u32 n, double *dst) {
    __shared__ double shared[THREADS];
    norm(partial, n, dst, shared);
}
LISTS(float, f32)
LISTS(double, f64)

// ---- random numbers, with the bits of package philox ----

struct Words {
    u32 w[4];
};

// philox is the block of a counter (Salmon and others, 2011).
DEVICE Words philox(u64 key, u64 counter) {
    u32 a = (u32)counter, b = (u32)(counter >> 32), c = 0, d = 0, k0 = (u32)key, k1 = (u32)(key >> 32);
#pragma unroll 1
    for (int i = 0; i < 10; i++) {
        u64 p = (u64)0xD2511F53u * a, q = (u64)0xCD9E8D57u * c;
        a = (u32)(q >> 32) ^ b ^ k0;
        b = (u32)q;
        c = (u32)(p >> 32) ^ d ^ k1;
        d = (u32)p;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    return {a, b, c, d};
}

DEVICE float unit(u32 w) { return (float)(w >> 8) * 0x1p-24f; }
DEVICE double unit(u32 low, u32 high) { return (double)(((u64)high << 32 | low) >> 11) * 0x1p-53; }

// log32 and polar are those of package philox, each operation rounded.
DEVICE float log32(float u) {
    int e = (int)(bits(u) - 0x3F3504F3u) >> 23; // u = 2ᵉ·(1+t)
    float t = fromBits(bits(u) - ((u32)e << 23)) - 1, z = t * t;
    float p = t * 0.08700436353683472f + -0.14267486333847046f;
    p = t * p + 0.14914767444133759f;
    p = t * p + -0.1657758504152298f;
    p = t * p + 0.19963063299655914f;
    p = t * p + -0.2500133812427521f;
    p = t * p + 0.3333390951156616f;
    p = t * z * p;
    float k = (float)e;
    p += k * -2.12194440e-4f;
    p -= 0.5f * z;
    p += t;
    return p + k * 0.693359375f;
}

template <class T> struct Pair {
    T x, y;
};

DEVICE Pair<float> polar(u32 radius, u32 angle) {
    float u = (float)radius * 0x1p-32f + 0x1p-33f;
    float r = squareRoot(-2 * log32(u));
    float x = (float)(int)(angle << 2) * (float)(2 * 3.14159265358979323846 * 0x1p-34), z = x * x;
    float s = z * -0.00019515282474458218f + 0.00833216030150652f;
    s = z * s + -0.16666655242443085f;
    s = x * z * s + x;
    float c = z * -0.0013648713938891888f + 0.04166107252240181f;
    c = z * z * c - 0.5f * z + 1;
    u32 quadrant = angle + (1u << 29);
    if (quadrant >> 30 & 1) {
        float old = s;
        s = c, c = -old;
    }
    u32 flip = quadrant & 0x80000000u;
    s = fromBits(bits(s) ^ flip), c = fromBits(bits(c) ^ flip);
    return {r * c, r * s};
}

DEVICE Pair<double> polar(Words b) {
    double u = (double)((u64)b.w[1] << 32 | b.w[0]) * 0x1p-64 + 0x1p-65;
    double r = squareRoot(-2 * log(u)), angle = 2 * 3.14159265358979323846 * unit(b.w[2], b.w[3]);
    return {r * cos(angle), r * sin(angle)};
}

// Draws are where a fill begins in a stream of random numbers.
struct Draws {
    u64 key, counter;
};

// If current is set, the place in the stream is there and not in d.
#define RANDOM(NAME, T, PER, ...) \
    extern "C" __global__ __launch_bounds__(THREADS) void NAME(T *dst, u32 n, Draws d, const Draws *current) { \
        if (current) d = *current; \
        u32 i = block() * THREADS + thread(); \
        if (i >= (n + PER - 1) / PER) return; \
        Words b = philox(d.key, d.counter + i); \
        T v[PER]; \
        __VA_ARGS__; \
        i *= PER; \
        _Pragma("unroll") for (u32 k = 0; k < PER; k++) if (i + k < n) dst[i + k] = v[k]; \
    }
RANDOM(uniform_f32, float, 4, v[0] = unit(b.w[0]); v[1] = unit(b.w[1]); v[2] = unit(b.w[2]); v[3] = unit(b.w[3]))
RANDOM(uniform_f64, double, 2, v[0] = unit(b.w[0], b.w[1]); v[1] = unit(b.w[2], b.w[3]))
RANDOM(normal_f32, float, 4, Pair<float> p = polar(b.w[0], b.w[1]); Pair<float> q = polar(b.w[2], b.w[3]); v[0] = p.x; v[1] = p.y; v[2] = q.x; v[3] = q.y)
RANDOM(normal_f64, double, 2, Pair<double> p = polar(b); v[0] = p.x; v[1] = p.y)
