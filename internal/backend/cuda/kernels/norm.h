// The Euclidean norm, of parts that neither overflow nor underflow.
#pragma once
#include "math.h"

// Scaled is sum·4^exponent, a sum of squares that neither overflows nor underflows.
struct Scaled {
    double sum;
    i64 exponent;
};

// exponentOf returns an e with x < 2ᵉ, at least −1000, and 0 if x is not finite.
DEVICE int exponentOf(double x) {
    int e = (int)(bits(x) >> 52 & 0x7FF) - 1022;
    return e > 1024 ? 0 : e < -1000 ? -1000 : e;
}

// scale is 2ᵉ, of which e may be up to 2000 away from 0.
DEVICE double scale(double x, int e) {
    int h = e / 2;
    return x * power2(h, x) * power2(e - h, x);
}

DEVICE double treeMax(double v, double (&shared)[THREADS]) {
    u32 t = thread();
    shared[t] = v;
    for (u32 half = THREADS / 2; half > 0; half >>= 1) {
        wait();
        if (t < half) shared[t] = v = larger(v, shared[t + half]);
    }
    wait();
    v = shared[0];
    wait();
    return v;
}

DEVICE double treeSum(double v, double (&shared)[THREADS]) {
    u32 t = thread();
    shared[t] = v;
    for (u32 half = THREADS / 2; half > 0; half >>= 1) {
        wait();
        if (t < half) shared[t] = v = v + shared[t + half];
    }
    return v;
}

// norm is the square root of the sum of n parts.
DEVICE void norm(const Scaled *partial, u32 n, double *dst, double (&shared)[THREADS]) {
    double most = -2000; // exponents are whole numbers, and small
    for (u32 i = thread(); i < n; i += THREADS)
        if (partial[i].sum != 0) most = larger(most, (double)partial[i].exponent);
    int exponent = (int)treeMax(most, shared);
    double sum = 0;
    for (u32 i = thread(); i < n; i += THREADS) {
        Scaled s = partial[i];
        if (s.sum != 0) { // 4^e underflows below −500, where it no longer counts
            int e = (int)s.exponent - exponent;
            sum += e < -500 ? 0 : s.sum * power2(2 * e, 0.);
        }
    }
    sum = treeSum(sum, shared);
    if (thread() == 0) *dst = sum == 0 || sum - sum != 0 ? squareRoot(sum) : scale(squareRoot(sum), exponent);
}
