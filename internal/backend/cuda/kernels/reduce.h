// How reductions deal numbers to lanes, and fold them (see reduce.cu).
#pragma once
#include "math.h"

struct Sum {
    DEVICE double none() { return 0; }
    DEVICE double of(double x) { return x; }
    DEVICE double fold(double a, double b) { return a + b; }
};
struct MaxReduce {
    DEVICE double none() { return -Constants<double>::infinity(); }
    DEVICE double of(double x) { return x; }
    DEVICE double fold(double a, double b) { return larger(a, b); }
};
struct SumSquares {
    DEVICE double none() { return 0; }
    DEVICE double of(double x) { return x * x; }
    DEVICE double fold(double a, double b) { return a + b; }
};

// Lane is a thread's part of a reduction: the result and the numbers that it works
// for.
struct Lane {
    u32 result, lane, lanes, slot, width, from, to;
};

// laneOf divides a block's threads into 2^logLanes lanes for each of some results.
// Neighbours work for the same result, or, if columns is set, for neighbouring ones.
DEVICE Lane laneOf(u32 logLanes, u32 columns, u32 numbers, u32 segment) {
    u32 t = thread(), lanes = 1u << logLanes, width = THREADS >> logLanes;
    u32 lane = columns ? t / width : t & (lanes - 1), of = columns ? t & (width - 1) : t >> logLanes;
    u32 from = blockY() * segment;
    return {block() * width + of, lane, lanes, lane * width + of, width, from + lane, least(from + segment, numbers)};
}

// tree folds the lanes of each result. The first lane has the result's.
template <class F> DEVICE double tree(const Lane &l, double v, double (&shared)[THREADS]) {
    shared[l.slot] = v;
    for (u32 half = l.lanes >> 1; half > 0; half >>= 1) {
        wait();
        if (l.lane < half) shared[l.slot] = v = F::fold(v, shared[l.slot + half * l.width]);
    }
    return v;
}
