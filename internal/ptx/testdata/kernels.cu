// Kernels that the interpreter's tests run, in the forms that clang gives to what the
// backend's kernels do. generate.sh compiles them.
#define __global__ __attribute__((global))
#define __device__ __attribute__((device))
#define __shared__ __attribute__((shared))
#define __constant__ __attribute__((constant))
#define __launch_bounds__(...) __attribute__((launch_bounds(__VA_ARGS__)))
#include <__clang_cuda_builtin_vars.h>
#define barrier() __nvvm_bar_sync(0)

typedef unsigned u32;
typedef unsigned long long u64;

extern "C" __global__ void add(float *d, const float *a, const float *b, u32 n) {
	u32 i = blockIdx.x * blockDim.x + threadIdx.x;
	if (i < n)
		d[i] = a[i] + b[i];
}

// sum adds 256·gridDim.x numbers at a time, in float64, by a tree.
extern "C" __global__ void __launch_bounds__(256) sum(double *d, const float *x, u32 n) {
	__shared__ double s[256];
	u32 t = threadIdx.x;
	double a = 0;
	for (u32 i = blockIdx.x * 256 + t; i < n; i += 256 * gridDim.x)
		a += x[i];
	s[t] = a;
	barrier();
	for (u32 k = 128; k; k >>= 1) {
		if (t < k)
			s[t] += s[t + k];
		barrier();
	}
	if (!t)
		d[blockIdx.x] = s[0];
}

struct alignas(16) float4 {
	float x, y, z, w;
};

// gemm sets C = A·B by tiles of 64 × 64, of which a thread computes 4 × 4. Two
// buffers of shared memory save one barrier of each step.
extern "C" __global__ void __launch_bounds__(256)
gemm(float *__restrict__ C, const float *__restrict__ A, const float *__restrict__ B, int M, int N, int K) {
	alignas(16) __shared__ float as[2][16][68];
	alignas(16) __shared__ float bs[2][16][64];
	int t = threadIdx.x, tx = t % 16, ty = t / 16;
	int m0 = blockIdx.y * 64, n0 = blockIdx.x * 64;
	float acc[4][4] = {};
	for (int k0 = 0, buf = 0; k0 < K; k0 += 16, buf ^= 1) {
		for (int i = t; i < 16 * 64; i += 256) {
			int k = i % 16, m = i / 16;
			as[buf][k][m] = m0 + m < M && k0 + k < K ? A[(m0 + m) * K + k0 + k] : 0.f;
			int n = i % 64, l = i / 64;
			bs[buf][l][n] = n0 + n < N && k0 + l < K ? B[(k0 + l) * N + n0 + n] : 0.f;
		}
		barrier();
#pragma unroll
		for (int k = 0; k < 16; k++) {
			float4 a = *(float4 *)&as[buf][k][ty * 4], b = *(float4 *)&bs[buf][k][tx * 4];
			float aa[4] = {a.x, a.y, a.z, a.w}, bb[4] = {b.x, b.y, b.z, b.w};
			for (int i = 0; i < 4; i++)
				for (int j = 0; j < 4; j++)
					acc[i][j] = __builtin_fmaf(aa[i], bb[j], acc[i][j]);
		}
	}
	for (int i = 0; i < 4; i++)
		for (int j = 0; j < 4; j++) {
			int m = m0 + ty * 4 + i, n = n0 + tx * 4 + j;
			if (m < M && n < N)
				C[m * N + n] = acc[i][j];
		}
}

// transpose goes through shared memory.
extern "C" __global__ void __launch_bounds__(256) transpose(float *d, const float *x, int rows, int cols) {
	__shared__ float tile[16][17];
	int tx = threadIdx.x, ty = threadIdx.y;
	int c = blockIdx.x * 16 + tx, r = blockIdx.y * 16 + ty;
	if (r < rows && c < cols)
		tile[ty][tx] = x[r * cols + c];
	barrier();
	c = blockIdx.x * 16 + ty, r = blockIdx.y * 16 + tx;
	if (r < rows && c < cols)
		d[c * rows + r] = tile[tx][ty];
}

// philox fills o with the bits of Philox 4×32-10.
extern "C" __global__ void philox(u32 *o, u64 key, u64 counter, u32 n) {
	u32 i = blockIdx.x * blockDim.x + threadIdx.x;
	if (i >= n)
		return;
	u64 q = counter + i;
	u32 c0 = q, c1 = q >> 32, c2 = 0, c3 = 0, k0 = key, k1 = key >> 32;
	for (int r = 0; r < 10; r++) {
		u64 p0 = (u64)0xD2511F53u * c0, p1 = (u64)0xCD9E8D57u * c2;
		u32 a = (u32)(p1 >> 32) ^ c1 ^ k0, c = (u32)(p0 >> 32) ^ c3 ^ k1;
		c0 = a, c1 = p1, c2 = c, c3 = p0;
		k0 += 0x9E3779B9u, k1 += 0xBB67AE85u;
	}
	o[4 * i] = c0, o[4 * i + 1] = c1, o[4 * i + 2] = c2, o[4 * i + 3] = c3;
}

__device__ __attribute__((noinline)) float poly(float x, int n) {
	float y = 0;
	for (int i = 0; i < n; i++)
		y = y * x + (float)i;
	return y;
}

__constant__ float table[8] = {1, 2, 3, 4, 5, 6, 7, 8};
__device__ int counts[4] = {10, 20, 30, 40};

// pick has calls of functions, constants, variables and many branches.
extern "C" __global__ void pick(float *o, const float *x, const int *op, float a, u32 n) {
	u32 i = blockIdx.x * blockDim.x + threadIdx.x;
	if (i >= n)
		return;
	float v = x[i], r;
	switch (op[i]) {
	case 0: r = __builtin_fabsf(v); break;
	case 1: r = v > 0 ? v : a * v; break;
	case 2: r = __builtin_sqrtf(v); break;
	case 3: r = 1 / v; break;
	case 4: r = __builtin_floorf(v); break;
	case 5: r = __builtin_rintf(v); break;
	case 6: r = poly(v, i % 7); break;
	case 7: r = table[i & 7] * v; break;
	case 8: r = (float)(int)v; break;
	case 9: r = __builtin_fmaxf(v, a); break;
	case 10: r = poly(a, 3) + counts[i & 3]; break;
	default: r = -1;
	}
	o[i] = r;
}

struct strided {
	float *d;
	const float *s;
	long long strides[4];
	int dims[4];
};

// gather reads by strides that are passed in a struct.
extern "C" __global__ void gather(strided p, u32 n) {
	u32 i = blockIdx.x * blockDim.x + threadIdx.x;
	if (i >= n)
		return;
	u32 r = i;
	long long off = 0;
	for (int k = 3; k >= 0; k--) {
		off += (r % p.dims[k]) * p.strides[k];
		r /= p.dims[k];
	}
	p.d[i] = p.s[off];
}

// many works on arrays whose addresses lie in memory: their space is generic.
struct part {
	float *w;
	const float *g;
	u32 n;
};
extern "C" __global__ void many(const part *parts, float rate) {
	part p = parts[blockIdx.y];
	for (u32 i = blockIdx.x * blockDim.x + threadIdx.x; i < p.n; i += gridDim.x * blockDim.x)
		p.w[i] -= rate * p.g[i];
}

// local has an array of each thread that is indexed by a variable.
extern "C" __global__ void local(float *o, const float *x, int k) {
	float b[16];
	for (int i = 0; i < 16; i++)
		b[i] = x[i] * i;
	o[threadIdx.x] = b[(k + threadIdx.x) & 15];
}

// warpsum adds 32 numbers by shuffles.
extern "C" __global__ void warpsum(double *o, const double *x) {
	int t = threadIdx.x;
	double v = x[t];
	for (int k = 16; k; k >>= 1) {
		long long b = __builtin_bit_cast(long long, v);
		u32 lo = __nvvm_shfl_sync_down_i32(-1, (int)b, k, 31);
		u32 hi = __nvvm_shfl_sync_down_i32(-1, (int)(b >> 32), k, 31);
		v += __builtin_bit_cast(double, (u64)hi << 32 | lo);
	}
	if (!(t & 31))
		o[t / 32] = v;
}

// reverse uses dynamic shared memory.
extern "C" __global__ void reverse(float *o, const float *x, int n) {
	extern __shared__ float buffer[];
	int t = threadIdx.x;
	buffer[t] = x[t];
	barrier();
	o[t] = buffer[n - 1 - t];
}

// collatz loops differently often in each thread.
extern "C" __global__ void collatz(u32 *o, u32 n) {
	u32 i = blockIdx.x * blockDim.x + threadIdx.x;
	if (i >= n)
		return;
	u32 steps = 0;
	for (u64 x = i + 1; x != 1; steps++) {
		if (x & 1)
			x = 3 * x + 1;
		else
			x /= 2;
		if (steps > 10000)
			break;
	}
	o[i] = steps;
}
