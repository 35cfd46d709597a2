// The elementary functions, by the CPU's polynomials: those of package vecgen in
// float32, and longer ones of the same kind in float64. No product is fused with a
// sum unless it says so.
#pragma once
#include "gander.h"

DEVICE u32 bits(float x) { return __builtin_bit_cast(u32, x); }
DEVICE u64 bits(double x) { return __builtin_bit_cast(u64, x); }
DEVICE float fromBits(u32 x) { return __builtin_bit_cast(float, x); }
DEVICE double fromBits(u64 x) { return __builtin_bit_cast(double, x); }
DEVICE float fma(float a, float b, float c) { return __nvvm_fma_rn_f(a, b, c); }
DEVICE double fma(double a, double b, double c) { return __nvvm_fma_rn_d(a, b, c); }
DEVICE float squareRoot(float x) { return __nvvm_sqrt_rn_f(x); }
DEVICE double squareRoot(double x) { return __nvvm_sqrt_rn_d(x); }

template <class T> struct Bits;
template <> struct Bits<float> {
    typedef u32 Word;
    static constexpr u32 sign = 1u << 31;
};
template <> struct Bits<double> {
    typedef u64 Word;
    static constexpr u64 sign = 1ull << 63;
};

template <class T> DEVICE T magnitude(T x) { return fromBits((typename Bits<T>::Word)(bits(x) & ~Bits<T>::sign)); }
// withSign returns |x| with the sign of y.
template <class T> DEVICE T withSign(T x, T y) {
    return fromBits((typename Bits<T>::Word)((bits(x) & ~Bits<T>::sign) | (bits(y) & Bits<T>::sign)));
}
// larger and smaller are NaN if either argument is.
template <class T> DEVICE T larger(T x, T y) { return x > y || x != x ? x : y; }
template <class T> DEVICE T smaller(T x, T y) { return x < y || x != x ? x : y; }

template <class T> struct Constants;
template <> struct Constants<float> {
    DEVICE float infinity() { return fromBits(0x7F800000u); }
    DEVICE float nan() { return fromBits(0x7FC00000u); }
};
template <> struct Constants<double> {
    DEVICE double infinity() { return fromBits(0x7FF0000000000000ull); }
    DEVICE double nan() { return fromBits(0x7FF8000000000000ull); }
};

// horner is c0 + c1·x + …, each step fused.
template <class T> DEVICE T horner(T, T c) { return c; }
template <class T, class... R> DEVICE T horner(T x, T c, R... rest) { return fma(horner(x, (T)rest...), x, c); }

// ---- float32 ----

// power2 is 2ᵏ for a k in the exponent's range.
DEVICE float power2(int k, float) { return fromBits((u32)(k + 127) << 23); }
DEVICE double power2(int k, double) { return fromBits((u64)(k + 1023) << 52); }

// ExpParts are eˣ = 2ᵏ·(1+p), |x| up to some hundreds.
template <class T> struct ExpParts {
    int k;
    T p;
};

DEVICE ExpParts<float> expParts(float x) {
    const float shift = 0x1.8p23f;
    float t = fma(x, 0x1.715476p+0f, shift), k = t - shift;
    float r = fma(-k, 0.693147182464599609375f, x);
    r = fma(-k, -1.904654299957768e-9f, r);
    float q = horner(r, 0.4999999403953552f, 0.1666652113199234f, 0.04166838154196739f, 0.008368730545043945f, 0.0013815287966281176f);
    return {(int)(bits(t) - bits(shift)), fma(r * r, q, r)};
}

DEVICE ExpParts<double> expParts(double x) {
    const double shift = 0x1.8p52;
    double t = fma(x, 0x1.71547652b82fep+0, shift), k = t - shift;
    double r = fma(-k, 0x1.62e42fefa3800p-1, x);
    double low = k * 0x1.ef35793c76730p-45, s = r - low;
    low = (r - s) - low; // what s lacks
    double q = horner(s, 1. / 2, 1. / 6, 1. / 24, 1. / 120, 1. / 720, 1. / 5040, 1. / 40320, 1. / 362880, 1. / 3628800, 1. / 39916800, 1. / 479001600, 1. / 6227020800);
    return {(int)(bits(t) - bits(shift)), s + (low + s * s * q)};
}

DEVICE float exp(float x) {
    if (x > 89) return Constants<float>::infinity();
    if (x < -104) return 0;
    ExpParts<float> e = expParts(x);
    int h = e.k >> 1; // 2ᵏ may not be a normal number
    return (1 + e.p) * power2(h, x) * power2(e.k - h, x);
}

DEVICE double exp(double x) {
    if (x > 710) return Constants<double>::infinity();
    if (x < -746) return 0;
    ExpParts<double> e = expParts(x);
    int h = e.k >> 1;
    return (1 + e.p) * power2(h, x) * power2(e.k - h, x);
}

// expm1 is eˣ−1, for x up to 80.
template <class T> DEVICE T expm1(T x) {
    if (x < -40) x = -40;
    ExpParts<T> e = expParts(x);
    T s = power2(e.k, x), v = fma(s, e.p, s - 1);
    return x == 0 ? x : v;
}

DEVICE float log(float x) {
    if (x < 0) return Constants<float>::nan();
    if (x == 0) return -Constants<float>::infinity();
    if (!(x < Constants<float>::infinity())) return x;
    float bias = 0;
    if (x < 0x1p-126f) x *= 0x1p23f, bias = 23;
    int n = (int)(bits(x) - 0x3F3504F3u) >> 23; // x = 2ᵏ·(1+t)
    float t = fromBits(bits(x) - ((u32)n << 23)) - 1, k = (float)n - bias;
    float p = horner(t, 0.3333333134651184f, -0.2500081956386566f, 0.20001226663589478f, -0.16623356938362122f,
                     0.14201758801937103f, -0.13160182535648346f, 0.12761574983596802f, -0.07634493708610535f);
    float z = t * t;
    p = fma(k, -1.904654299957768e-9f, t * z * p);
    p = fma(-0.5f, z, p);
    return fma(k, 0.693147182464599609375f, t + p);
}

// atanhTail is (ln((1+w)/(1−w)) − 2w)/w, z = w² ≤ 0.03.
DEVICE double atanhTail(double z) {
    return z * horner(z, 2. / 3, 2. / 5, 2. / 7, 2. / 9, 2. / 11, 2. / 13, 2. / 15, 2. / 17, 2. / 19, 2. / 21, 2. / 23);
}

DEVICE double log(double x) {
    if (x < 0) return Constants<double>::nan();
    if (x == 0) return -Constants<double>::infinity();
    if (!(x < Constants<double>::infinity())) return x;
    int bias = 0;
    if (x < 0x1p-1022) x *= 0x1p52, bias = 52;
    int n = (int)((i64)(bits(x) - 0x3FE6A09E667F3BCDull) >> 52); // x = 2ᵏ·(1+t)
    double t = fromBits(bits(x) - ((u64)n << 52)) - 1, k = n - bias;
    double w = t / (2 + t); // 2w = t − w·t
    return k * 0x1.62e42fefa3800p-1 + (t - (w * (t - atanhTail(w * w)) - k * 0x1.ef35793c76730p-45));
}

// log1p is ln(1+x), 0 ≤ x ≤ 1.
DEVICE float log1p(float e) {
    float w = e / (e + 2), z = w * w;
    float a = horner(z, 0.666664183139801f, 0.4002152681350708f, 0.28001806139945984f, 0.2801198661327362f);
    return fma(w * z, a, w + w);
}

DEVICE double log1p(double x) {
    double u = 1 + x;
    return log(u) + (x - (u - 1)) / u;
}

DEVICE float tanh(float x) {
    float z = x * x, y = magnitude(x) * 2, v;
    if (y < 2 * 0.5498f) {
        v = fma(x * z, horner(z, -0.3333294689655304f, 0.1332074999809265f, -0.05267347767949104f, 0.016440844163298607f), x);
    } else {
        if (y > 20) y = 20;
        ExpParts<float> e = expParts(y);
        v = 1 - 2 / (power2(e.k, y) * (1 + e.p) + 1);
    }
    return x != x ? x : withSign(v, x);
}

DEVICE double tanh(double x) {
    double y = magnitude(x) * 2, v;
    if (y > 60) y = 60;
    double e = expm1(y);
    v = y < 1 ? e / (e + 2) : 1 - 2 / (e + 2);
    return x != x ? x : withSign(v, x);
}

template <class T> DEVICE T sigmoid(T x) {
    T e = exp(-magnitude(x));
    return (x < 0 ? e : 1) / (1 + e);
}

template <class T> DEVICE T softplus(T x) { return (x < 0 ? 0 : x) + log1p(exp(-magnitude(x))); }

// ---- sine and cosine ----

// twoOverPi are 64 zeros and the first 1280 bits of 2/π.
static __device__ const u64 twoOverPi[21] = {
    0x0000000000000000ull, 0xa2f9836e4e441529ull, 0xfc2757d1f534ddc0ull,
    0xdb6295993c439041ull, 0xfe5163abdebbc561ull, 0xb7246e3a424dd2e0ull,
    0x06492eea09d1921cull, 0xfe1deb1cb129a73eull, 0xe88235f52ebb4484ull,
    0xe99c7026b45f7e41ull, 0x3991d639835339f4ull, 0x9c845f8bbdf9283bull,
    0x1ff897ffde05980full, 0xef2f118b5a0a6d1full, 0x6d367ecf27cb09b7ull,
    0x4f463f669e5fea2dull, 0x7527bac7ebe5f17bull, 0x3d0739f78a5292eaull,
    0x6bfb5fb11f8d5d08ull, 0x56033046fc7b6babull, 0xf0cfbc209af4361dull
};

// Quarter is x = k·π/2 + r + low, |r| ≤ π/4.
struct Quarter {
    u32 k;
    double r, low;
};

// A finite x ≥ 2³⁰ as an integer times a power of two, multiplied by those bits of
// 2/π that give no multiples of 4 (Payne and Hanek, 1983).
DEVICE Quarter quarterOfLarge(double x) {
    u64 m = (bits(x) & ((1ull << 52) - 1)) | 1ull << 52;
    int from = (int)(bits(x) >> 52 & 0x7FF) - 1075 - 1 + 63; // the first bit
    int word = from >> 6, shift = from & 63;
    u64 v[3];
#pragma unroll
    for (int i = 0; i < 3; i++) {
        u64 high = twoOverPi[word + i], low = twoOverPi[word + i + 1];
        v[i] = shift == 0 ? high : high << shift | low >> (64 - shift);
    }
    u64 l0 = __nvvm_mulhi_ull(m, v[2]);
    u64 l1 = m * v[1] + l0;
    u64 l2 = m * v[0] + __nvvm_mulhi_ull(m, v[1]) + (l1 < l0);
    u32 k = (u32)(l2 >> 62); // the units; the rest is a fraction
    l2 = l2 << 2 | l1 >> 62;
    l1 <<= 2;
    bool negative = l2 >> 63;
    if (negative) {
        k++;
        l2 = ~l2, l1 = ~l1;
    }
    const double halfPi = 0x1.921fb54442d18p+0;
    double high = (double)(l2 >> 11), low = (double)(l2 << 53 | l1 >> 11) * 0x1p-64; // in units of 2⁻⁵³
    double f = (high + low) * 0x1p-53, rest = (high - (high + low) + low) * 0x1p-53;
    double r = f * halfPi, e = fma(f, halfPi, -r) + (f * 0x1.1a62633145c07p-54 + rest * halfPi);
    return {k, negative ? -r : r, negative ? -e : e};
}

DEVICE Quarter quarter(double x) { // x ≥ 0
    if (x >= 0x1p30) return quarterOfLarge(x);
    const double shift = 0x1.8p52;
    double t = fma(x, 0x1.45f306dc9c883p-1, shift), k = t - shift;
    double r = fma(-k, 0x1.921fb54442d18p+0, x); // exact
    double w = k * 0x1.1a62633145c07p-54, s = r - w;
    double low = (r - s) - w;
    low -= fma(k, 0x1.1a62633145c07p-54, -w) + k * -0x1.f1976b7ed8fbcp-110;
    return {(u32)bits(t), s, low};
}

DEVICE double sineOf(Quarter q) {
    double z = q.r * q.r;
    double p = horner(z, -1. / 6, 1. / 120, -1. / 5040, 1. / 362880, -1. / 39916800, 1. / 6227020800, -1. / 1307674368000, 1. / 355687428096000);
    return q.r + (q.low * (1 - 0.5 * z) + q.r * z * p);
}

DEVICE double cosineOf(Quarter q) {
    double z = q.r * q.r, h = 0.5 * z, w = 1 - h;
    double p = horner(z, 1. / 24, -1. / 720, 1. / 40320, -1. / 3628800, 1. / 479001600, -1. / 87178291200, 1. / 20922789888000, -1. / 6402373705728000);
    return w + (((1 - w) - h) + (z * z * p - q.r * q.low));
}

// wave is sin(x + later·π/2), x ≥ 0.
DEVICE double wave(double x, u32 later) {
    if (!(x < Constants<double>::infinity())) return Constants<double>::nan();
    Quarter q = quarter(x);
    q.k += later;
    double v = q.k & 1 ? cosineOf(q) : sineOf(q);
    return q.k & 2 ? -v : v;
}

DEVICE double sin(double x) {
    double v = wave(magnitude(x), 0);
    return bits(x) >> 63 ? -v : v;
}
DEVICE double cos(double x) { return wave(magnitude(x), 1); }

DEVICE float wave(float y, u32 later) { // 0 ≤ y ≤ 2¹⁵
    float t = fma(y, 0x1.45f306p-1f, 0x1.8p23f), k = t - 0x1.8p23f;
    float r = fma(-k, 1.57079637050628662109375f, y);
    r = fma(-k, -4.37113882867379288655e-8f, r);
    r = fma(-k, -1.71512451000588187e-15f, r);
    float z = r * r;
    float s = fma(r * z, horner(z, -0.16666655242443085f, 0.00833216030150652f, -0.00019515218446031213f), r);
    float c = fma(r, r * horner(z, -0.5f, 0.04166664555668831f, -0.0013887315290048718f, 2.4433082217001356e-05f), 1.f);
    u32 q = bits(t) + later;
    float v = q & 1 ? c : s;
    return q & 2 ? -v : v;
}

DEVICE float sin(float x) {
    float y = magnitude(x);
    if (!(y < 0x1p15f)) return (float)sin((double)x);
    return fromBits(bits(wave(y, 0)) ^ (bits(x) & 0x80000000u));
}
DEVICE float cos(float x) {
    float y = magnitude(x);
    return y < 0x1p15f ? wave(y, 1) : (float)cos((double)x);
}

// ---- the error function and the normal distribution ----

// gauss is exp(−a·x²) for a power of two a ≥ 0, the rounding of the square made up
// for.
template <class T> DEVICE T gauss(T x, T a) {
    const T limit = sizeof(T) == 4 ? (T)0x1p60 : (T)0x1p500;
    x = magnitude(x);
    if (x > limit) x = limit;
    T s = x * x, e = fma(x, x, -s), v = exp(-a * s);
    return fma(-v, a * e, v);
}

// mills is a·m, m being the share of the normal distribution above s·t divided by
// exp(−(s·t)²/2), for s·t from 0 to 15.
DEVICE float mills(float t, float a, float s) {
    float u = t * (0.4f * s), v = a / (u + 1);
    return v * horner(u * (v * (1 / a)), 0.5f, -0.49735742807388306f, 0.06785393506288528f, 0.11664636433124542f, 0.02290821261703968f,
                      -0.06132962927222252f, 0.05771782249212265f, -0.1279943585395813f, 0.11342832446098328f, -0.03229744732379913f);
}

DEVICE float erf(float x) {
    float t = magnitude(x), v;
    if (t < 0.93f) {
        v = fma(x, horner(x * x, 0.128379225730896f, -0.37612631916999817f, 0.11283678561449051f, -0.026858462020754814f,
                          0.0051987445913255215f, -0.0008117138058878481f, 8.263623749371618e-05f), x);
    } else {
        float y = t > 4 ? 4 : t;
        float l = horner(y, 0.00022279027325566858f, 1.1275627613067627f, 0.6373738646507263f, 0.10376220941543579f,
                         -0.022144712507724762f, 0.003022465156391263f, -0.000193809624761343f);
        v = withSign(1 - exp(-l), x);
    }
    return x != x ? x : v;
}

DEVICE float erfc(float x) {
    float t = magnitude(x);
    if (t > 11) t = 11;
    float tail = gauss(t, 1.f) * mills(t, 2, 1.41421356f);
    return x < 0 ? 2 - tail : tail;
}

DEVICE float gelu(float x) {
    float t = magnitude(x);
    if (t > 15) t = 15;
    float e = gauss(t, 0.5f), m = mills(t, 1, 1);
    return x < 0 ? e * (x * m) : x * fma(-e, m, 1.f);
}

DEVICE float geluDerivative(float x) {
    float t = magnitude(x);
    if (t > 15) t = 15;
    float d = gauss(t, 0.5f) * fma(-t, 0.3989422804014327f, mills(t, 1, 1));
    return x < 0 ? d : 1 - d;
}

// erfcTail is erfc(x)·exp(x²), x ≥ 0: a polynomial in (x−4)/(x+4), divided by 1+2x
// (Shepherd and Laframboise, 1981).
DEVICE double erfcTail(double x) {
    double t = (x - 4) / (x + 4);
    double p = horner(t, 1.2329951186255526, -0.1396211168405625, 0.01537965210261959, 0.0680970542546913, -0.1010390660362999,
                      0.0937328349984105, -0.06633036581219905, 0.03716751553632399, -0.01619773405968329, 0.0050319699895242515,
                      -0.000757773262030915, -0.00019925676026410458, 0.00015062149237837335, -2.43989944557621e-05, -1.1221292615314274e-05,
                      5.709314113532492e-06, 2.9198219084548256e-07, -8.25078338681245e-07, 7.74606863568198e-08, 1.1025271999000152e-07,
                      -2.05545313698593e-08, -1.4806988146925795e-08, 3.1672611119361695e-09, 1.825695118953907e-09,
                      -2.655726616312575e-10, -1.4311318470928162e-10);
    return p / (1 + 2 * x);
}

DEVICE double erfSmall(double x) { // |x| < 0.84
    return fma(x, horner(x * x, 0.1283791670955126, -0.37612638903183754, 0.11283791670955118, -0.02686617064512896, 0.005223977625405694,
                         -0.0008548327019994109, 0.00012055332771446647, -1.4925641771437514e-05, 1.6461873982005918e-06,
                         -1.6361210355405762e-07, 1.4746528519518266e-08, -1.1772229805028107e-09, 6.767239169266634e-11), x);
}

DEVICE double erfc(double x) {
    double t = magnitude(x);
    if (t < 0.25) return 1 - erfSmall(x);
    if (t > 30) t = 30;
    double tail = gauss(t, 1.) * erfcTail(t);
    return x < 0 ? 2 - tail : tail;
}

DEVICE double erf(double x) {
    double t = magnitude(x);
    if (t < 0.84) return erfSmall(x);
    if (t > 30) t = 30;
    return x != x ? x : withSign(1 - gauss(t, 1.) * erfcTail(t), x);
}

// normalTail is the share of the standard normal distribution above x.
DEVICE double normalTail(double x) {
    const double root = 0x1.6a09e667f3bcdp-1, rootLow = -0x1.bdd3413b26456p-55, toDerivative = 0.5641895835477563; // 1/√2, 1/√π
    if (magnitude(x) > 40) return x < 0 ? 1 : 0;
    double z = x * root, low = fma(x, root, -z) + x * rootLow;
    return erfc(z) / 2 - low * exp(-z * z) * toDerivative;
}

DEVICE double gelu(double x) { return x * normalTail(-x); }

DEVICE double geluDerivative(double x) {
    double t = magnitude(x);
    if (t > 40) t = 40;
    double d = normalTail(t) - t * 0.3989422804014327 * gauss(t, 0.5);
    return x < 0 ? d : 1 - d;
}

// ---- powers ----

DEVICE bool whole(double a) { return magnitude(a) >= 0x1p52 || (double)(i64)a == a; }
DEVICE bool odd(double a) { return magnitude(a) < 0x1p53 && whole(a) && ((i64)a & 1); }

// powCorner is xᵃ as C has it where x or a is 0, infinite or NaN, or a is huge.
DEVICE double powCorner(double x, double a) {
    const double inf = Constants<double>::infinity();
    double ax = magnitude(x);
    if (a == 0 || x == 1) return 1;
    if (x != x || a != a) return Constants<double>::nan();
    if (ax == 0 || ax == inf) {
        double v = (ax == 0) == (a < 0) ? inf : 0;
        return odd(a) ? withSign(v, x) : v;
    }
    if (x < 0 && !whole(a)) return Constants<double>::nan();
    if (ax == 1) return 1; // a is even
    return (ax > 1) == (a > 0) ? inf : 0;
}

// pow is xᵃ. The logarithm and the product are sums of two numbers, since what
// they lose is multiplied by up to 700.
DEVICE double pow(double x, double a) {
    double ax = magnitude(x);
    if (!(ax > 0 && ax < Constants<double>::infinity()) || (x < 0 && !whole(a)) || !(magnitude(a) < 0x1p60) || a == 0) return powCorner(x, a);
    int bias = 0;
    if (ax < 0x1p-1022) ax *= 0x1p52, bias = 52;
    int n = (int)((i64)(bits(ax) - 0x3FE6A09E667F3BCDull) >> 52); // |x| = 2ᵏ·m
    double m = fromBits(bits(ax) - ((u64)n << 52)), k = n - bias;
    double num = m - 1, den = m + 1, t = num / den; // t + u = (m−1)/(m+1)
    double u = (fma(-t, den, num) - t * (m - (den - 1))) / den;
    double z = t * t; // ln m = 2t + 2t³/3 + …; the second term is a sum of two, too
    double p = horner(z, 2. / 5, 2. / 7, 2. / 9, 2. / 11, 2. / 13, 2. / 15, 2. / 17, 2. / 19, 2. / 21, 2. / 23);
    const double third = 0x1.5555555555555p-1, thirdLow = 0x1.5555555555555p-55;
    double zl = fma(t, t, -z) + 2 * (t * u), c = z * t;
    double cl = fma(z, t, -c) + zl * t + z * u;
    double h = c * third, l = fma(c, third, -h) + c * thirdLow + cl * third + c * z * p + 2 * u;
    double s = 2 * t + h;
    l += h - (s - 2 * t);
    double kh = k * 0x1.62e42fefa3800p-1, sum = kh + s, d = sum - kh;
    l += (kh - (sum - d)) + (s - d) + k * 0x1.ef35793c76730p-45;
    double v = sum + l;
    l -= v - sum;
    double e = a * v, f = fma(a, v, -e) + a * l; // a·(v + l)
    double y = exp(e);
    if (y != 0 && y < Constants<double>::infinity()) y += y * f;
    return x < 0 && odd(a) ? -y : y;
}

DEVICE float pow(float x, double a) { return (float)pow((double)x, a); }
