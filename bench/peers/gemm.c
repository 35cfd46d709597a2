/* Time OpenBLAS on the matrix products of the classic GAN step.

   Build:  cc -O2 -o gemm bench/peers/gemm.c -lopenblas        (Debian: libopenblas-dev)
   Run:    ./gemm THREADS      (without THREADS: tells OpenBLAS's version and the kernels it chose)

   Prints lines in the format of Go benchmarks; op names the transposes of A and B,
   all matrices are row-major, C = op(A) op(B) with C m x n and k the summed length. */
#include <cblas.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const struct { const char *type, *op; int m, n, k; } shapes[] = {
    {"f32", "nn", 64, 512, 784},   {"f32", "nt", 64, 512, 784},     {"f32", "tn", 512, 784, 64},
    {"f32", "nn", 64, 256, 512},   {"f32", "nn", 1024, 1024, 1024}, {"f32", "nn", 2048, 2048, 2048},
    {"f64", "nn", 64, 512, 784},   {"f64", "nt", 64, 512, 784},     {"f64", "nn", 1024, 1024, 1024},
};

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + 1e-9 * t.tv_nsec;
}

int main(int argc, char **argv) {
    if (argc < 2) {
        printf("%s, kernels for %s\n", openblas_get_config(), openblas_get_corename());
        return 0;
    }
    int threads = atoi(argv[1]);
    openblas_set_num_threads(threads);
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
        int m = shapes[s].m, n = shapes[s].n, k = shapes[s].k;
        int wide = !strcmp(shapes[s].type, "f64");
        CBLAS_TRANSPOSE ta = shapes[s].op[0] == 't' ? CblasTrans : CblasNoTrans;
        CBLAS_TRANSPOSE tb = shapes[s].op[1] == 't' ? CblasTrans : CblasNoTrans;
        int lda = ta == CblasTrans ? m : k, ldb = tb == CblasTrans ? k : n;
        size_t count = (size_t)m * k + (size_t)k * n;
        double *d = aligned_alloc(64, ((count + (size_t)m * n) * sizeof *d + 63) / 64 * 64);
        float *f = (float *)d;
        if (!d) return 1;
        for (size_t i = 0; i < count; i++) {
            double v = rand() / (double)RAND_MAX - 0.5;
            if (wide) d[i] = v; else f[i] = (float)v;
        }
        /* Double the repetitions until a run takes 0.2 s; the shorter runs warm up. */
        double seconds = 0;
        long reps;
        for (reps = 1; ; reps *= 2) {
            double start = now();
            for (long i = 0; i < reps; i++)
                if (wide)
                    cblas_dgemm(CblasRowMajor, ta, tb, m, n, k, 1, d, lda, d + (size_t)m * k, ldb, 0, d + count, n);
                else
                    cblas_sgemm(CblasRowMajor, ta, tb, m, n, k, 1, f, lda, f + (size_t)m * k, ldb, 0, f + count, n);
            seconds = now() - start;
            if (seconds > 0.2) break;
        }
        printf("BenchmarkGEMM/impl=openblas/type=%s/op=%s/m=%d/n=%d/k=%d/threads=%d %ld %.0f ns/op %.2f GFLOP/s\n",
               shapes[s].type, shapes[s].op, m, n, k, threads, reps, seconds / reps * 1e9, 2e-9 * m * n * k * reps / seconds);
        free(d);
    }
    return 0;
}
