// dst = f(x, y), one kernel for each function and dtype, and a second one for
// arrays that are not evenly spaced.
#include "math.h"

// step is the derivative of a ReLU at y, or of a leaky one with slope a.
template <class T> DEVICE T step(T y, T a) { return y > 0 ? 1 : y != y ? y : a; }

// FUNCTIONS calls F with the name of each function, whether it is cheap, and its formula.
#define FUNCTIONS(F) \
    F(Add, true, x + y) \
    F(Sub, true, x - y) \
    F(Mul, true, x *y) \
    F(Div, true, x / y) \
    F(Max, true, larger(x, y)) \
    F(Min, true, smaller(x, y)) \
    F(Greater, true, x > y ? 1 : 0) \
    F(GreaterEqual, true, x >= y ? 1 : 0) \
    F(Equal, true, x == y ? 1 : 0) \
    F(AddScaled, true, x + a * y) \
    F(Lerp, true, x + a * (y - x)) \
    F(TanhGrad, true, x *(1 - y * y)) \
    F(SigmoidGrad, true, x *(y * (1 - y))) \
    F(SoftplusGrad, false, x *sigmoid(y)) \
    F(ReLUGrad, true, x *step(y, (T)0)) \
    F(LeakyReLUGrad, true, x *step(y, a)) \
    F(GELUGrad, false, x *geluDerivative(y)) \
    F(Gauss, false, x *gauss(y, a)) \
    F(ELUGrad, false, x *(y > 0 ? 1 : a * exp(y))) \
    F(PReLU, true, x > 0 ? x : x * y)

#define FORMULA(NAME, CHEAP, EXPRESSION) \
    struct NAME { \
        static constexpr bool cheap = CHEAP; \
        template <class T> DEVICE T of(T x, T y, T a) { return EXPRESSION; } \
    };
namespace formula {
FUNCTIONS(FORMULA)
}

// Evenly spaced: each thread computes four elements, a block apart, and loads all
// of them first if little else hides the memory's latency.
template <class F, class T> DEVICE void even(u32 n, T *dst, i64 ds, const T *x, i64 xs, const T *y, i64 ys, T a) {
    u32 i = block() * (4 * THREADS) + thread();
    if (sizeof(T) == 8 || !F::cheap) {
#pragma unroll 1
        for (int k = 0; k < 4; k++, i += THREADS)
            if (i < n) dst[i * ds] = F::of(x[i * xs], y[i * ys], a);
        return;
    }
    T v[4], w[4];
#pragma unroll
    for (int k = 0; k < 4; k++)
        if (i + k * THREADS < n) {
            v[k] = x[(i + k * THREADS) * xs];
            w[k] = y[(i + k * THREADS) * ys];
        }
#pragma unroll
    for (int k = 0; k < 4; k++)
        if (i + k * THREADS < n) dst[(i + k * THREADS) * ds] = F::of(v[k], w[k], a);
}

template <class F, class T> DEVICE void placed(const Places<3> &p, T *dst, const T *x, const T *y, T a) {
    u32 i = block() * THREADS + thread();
    if (i >= p.n) return;
    i64 at[3] = {0, 0, 0};
    place(p, i, at);
    dst[at[0]] = F::of(x[at[1]], y[at[2]], a);
}

#define KERNELS(NAME, T, SUFFIX) \
    extern "C" __global__ __launch_bounds__(THREADS) void NAME##_##SUFFIX(u32 n, T *dst, i64 ds, const T *x, i64 xs, const T *y, i64 ys, \
                                                                          double a) { \
        even<formula::NAME>(n, dst, ds, x, xs, y, ys, (T)a); \
    } \
    extern "C" __global__ __launch_bounds__(THREADS) void NAME##_##SUFFIX##_nd(Places<3> p, T *dst, const T *x, const T *y, double a) { \
        placed<formula::NAME>(p, dst, x, y, (T)a); \
    }
#define BOTH(NAME, CHEAP, EXPRESSION) KERNELS(NAME, float, f32) KERNELS(NAME, double, f64)
FUNCTIONS(BOTH)
