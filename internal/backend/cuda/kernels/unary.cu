// dst = f(x), one kernel for each function and dtype, and a second one for arrays
// that are not evenly spaced.
#include "math.h"

template <class T> DEVICE T power(T x, double a) {
    if (a == 3) return x * x * x;
    if (a == 4) return (x * x) * (x * x);
    if (a == -2) return (1 / x) * (1 / x);
    if (a == 0.5 || a == -0.5) { // 0 of −0 and +Inf of −Inf
        T r = x == -Constants<T>::infinity() ? Constants<T>::infinity() : squareRoot(x + 0);
        return a < 0 ? 1 / r : r;
    }
    return pow(x, a);
}

// FUNCTIONS calls F with the name of each function, whether it is cheap, and its formula.
#define FUNCTIONS(F) \
    F(Neg, true, -x) \
    F(Abs, true, magnitude(x)) \
    F(Sign, true, x > 0 ? 1 : x < 0 ? -1 : x) \
    F(Square, true, x *x) \
    F(Sqrt, true, squareRoot(x)) \
    F(Reciprocal, true, 1 / x) \
    F(Exp, false, exp(x)) \
    F(Log, false, log(x)) \
    F(Sin, false, sin(x)) \
    F(Cos, false, cos(x)) \
    F(Tanh, false, tanh(x)) \
    F(Sigmoid, false, sigmoid(x)) \
    F(Softplus, false, softplus(x)) \
    F(ReLU, true, x < 0 ? 0 : x) \
    F(LeakyReLU, true, x > 0 ? x : x * (T)a) \
    F(Scale, true, (T)a *x) \
    F(Shift, true, x + (T)a) \
    F(PowScalar, false, power(x, a)) \
    F(Clamp, true, x < (T)a ? (T)a : smaller(x, (T)b)) \
    F(Erf, false, erf(x)) \
    F(Erfc, false, erfc(x)) \
    F(GELU, false, gelu(x)) \
    F(ELU, false, x > 0 ? x : (T)a * expm1(x))

#define FORMULA(NAME, CHEAP, EXPRESSION) \
    struct NAME { \
        static constexpr bool cheap = CHEAP; \
        template <class T> DEVICE T of(T x, double a, double b) { return EXPRESSION; } \
    };
namespace formula {
FUNCTIONS(FORMULA)
}

// Evenly spaced: each thread computes four elements, a block apart, and loads all
// of them first if little else hides the memory's latency.
template <class F, class T> DEVICE void even(u32 n, T *dst, i64 ds, const T *x, i64 xs, double a, double b) {
    u32 i = block() * (4 * THREADS) + thread();
    if (sizeof(T) == 8 || !F::cheap) {
#pragma unroll 1
        for (int k = 0; k < 4; k++, i += THREADS)
            if (i < n) dst[i * ds] = F::of(x[i * xs], a, b);
        return;
    }
    T v[4];
#pragma unroll
    for (int k = 0; k < 4; k++)
        if (i + k * THREADS < n) v[k] = x[(i + k * THREADS) * xs];
#pragma unroll
    for (int k = 0; k < 4; k++)
        if (i + k * THREADS < n) dst[(i + k * THREADS) * ds] = F::of(v[k], a, b);
}

template <class F, class T> DEVICE void placed(const Places<2> &p, T *dst, const T *x, double a, double b) {
    u32 i = block() * THREADS + thread();
    if (i >= p.n) return;
    i64 at[2] = {0, 0};
    place(p, i, at);
    dst[at[0]] = F::of(x[at[1]], a, b);
}

#define KERNELS(NAME, T, SUFFIX) \
    extern "C" __global__ __launch_bounds__(THREADS) void NAME##_##SUFFIX(u32 n, T *dst, i64 ds, const T *x, i64 xs, double a, double b) { \
        even<formula::NAME>(n, dst, ds, x, xs, a, b); \
    } \
    extern "C" __global__ __launch_bounds__(THREADS) void NAME##_##SUFFIX##_nd(Places<2> p, T *dst, const T *x, double a, double b) { \
        placed<formula::NAME>(p, dst, x, a, b); \
    }
#define BOTH(NAME, CHEAP, EXPRESSION) KERNELS(NAME, float, f32) KERNELS(NAME, double, f64)
FUNCTIONS(BOTH)
