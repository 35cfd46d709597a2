// The functions of one and two numbers, one formula each.
#pragma once
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

// UNARY calls F with the name of each function, whether it is cheap, and its formula.
#define UNARY(F) \
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


// step is the derivative of a ReLU at y, or of a leaky one with slope a.
template <class T> DEVICE T step(T y, T a) { return y > 0 ? 1 : y != y ? y : a; }

// BINARY calls F with the name of each function, whether it is cheap, and its formula.
#define BINARY(F) \
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


#define UNARY_FORMULA(NAME, CHEAP, EXPRESSION) \
    struct NAME { \
        static constexpr bool cheap = CHEAP; \
        template <class T> DEVICE T of(T x, double a, double b) { return EXPRESSION; } \
    };
namespace formula {
UNARY(UNARY_FORMULA)

#define BINARY_FORMULA(NAME, CHEAP, EXPRESSION) \
    struct NAME { \
        static constexpr bool cheap = CHEAP; \
        template <class T> DEVICE T of(T x, T y, T a) { return EXPRESSION; } \
    };
BINARY(BINARY_FORMULA)
}

