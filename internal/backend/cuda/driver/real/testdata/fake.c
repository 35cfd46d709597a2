// A libcuda.so.1, and with -DBLAS a libcublas.so, that computes nothing itself: memory
// is malloc's, copies are real, launches are written down or handed to somebody else. It checks what the driver
// leaves to the caller: that a context is current in the thread, that handles are
// live, that copies lie in allocations, and that nothing is freed twice.
//
// Environment, read at each call:
//	FAKE_CUDA_LOG   file that each call appends a line to
//	FAKE_CUDA_FAIL  call:n:result, the n-th call of that name from now on fails
//	FAKE_CUDA_DEVICES, FAKE_CUDA_VERSION
//	FAKE_CUDA_SIGNAL  name:n, the call of that name puts a handler before that of signal n
//	FAKE_CUDA_RUN   w:r, file descriptors of this process: allocations, frees and
//	                launches are written to w as lines, and a byte read from r is the
//	                answer, 0 if all went well
// Macros: OLD leaves out cuMemAlloc_v2, NO_GRAPHS and NO_NAMES what their names say,
// OLD_GRAPHS=NAME has a graph instantiated by that function, the old way;
// OLD_RELEASE has the release without suffix.
#define _GNU_SOURCE
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

#define API __attribute__((visibility("default")))

static void note(const char *format, ...) {
	const char *path = getenv("FAKE_CUDA_LOG");
	if (!path)
		return;
	FILE *f = fopen(path, "a");
	if (!f)
		return;
	va_list a;
	va_start(a, format);
	vfprintf(f, format, a);
	va_end(a);
	fprintf(f, " thread=%ld\n", (long)syscall(SYS_gettid));
	fclose(f);
}

// failing returns the result that a call shall fail with, or 0.
static int failing(const char *call) {
	const char *what = getenv("FAKE_CUDA_FAIL");
	char name[64], rest[128];
	int n, result, out = 0;
	if (!what || sscanf(what, "%63[^:]:%d:%d", name, &n, &result) != 3 || strcmp(name, call))
		return 0;
	if (n == 1)
		out = result;
	snprintf(rest, sizeof rest, "%s:%d:%d", name, n - 1, result);
	setenv("FAKE_CUDA_FAIL", rest, 1);
	return out;
}

static struct sigaction before;

static void handle(int n, siginfo_t *info, void *context) { before.sa_sigaction(n, info, context); }

// intrude puts a handler before another, as a library does that knows nothing of Go.
static void intrude(const char *call) {
	const char *what = getenv("FAKE_CUDA_SIGNAL");
	char name[64];
	int n;
	if (!what || sscanf(what, "%63[^:]:%d", name, &n) != 2 || strcmp(name, call))
		return;
	struct sigaction a = {.sa_sigaction = handle, .sa_flags = SA_SIGINFO};
	sigaction(n, &a, &before);
}

// What the two libraries share: streams, and what is recorded in them.

enum { CONTEXT = 0xc0, STREAM, EVENT, MODULE, FUNCTION, GRAPH, EXEC, FREED };

// object is what a handle points to; freed ones stay, to be recognised.
typedef struct object {
	int kind, device, users, capturing, count;
	const char *text;
	char name[64];
	void *graph; // of a stream that is captured, and of what comes of it
} object;

// node is work in a graph.
typedef struct node {
	enum { LAUNCH, SET, COPY, PRODUCT } kind;
	object *f;
	unsigned dims[7];
	unsigned char *args;
	size_t n;
	char *dst;
	const char *src;
	unsigned value;
	void (*product)(void *); // of args
	struct node *next;
} node;

#ifndef BLAS

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; // of blocks

static object contexts[64];
static __thread object *current;

typedef struct block {
	char *p;
	size_t n;
	int host;
	struct block *next;
} block;
static block *blocks;
static int live_objects;

// tell hands a line to whoever runs kernels, if somebody does, and returns its answer.
static int tell(const char *format, ...) {
	static pthread_mutex_t one = PTHREAD_MUTEX_INITIALIZER;
	const char *to = getenv("FAKE_CUDA_RUN");
	int w, r, n;
	char line[512];
	unsigned char answer = 1;
	if (!to || sscanf(to, "%d:%d", &w, &r) != 2)
		return 0;
	va_list a;
	va_start(a, format);
	n = vsnprintf(line, sizeof line, format, a);
	va_end(a);
	pthread_mutex_lock(&one);
	if (write(w, line, n) != n || read(r, &answer, 1) != 1)
		answer = 1;
	pthread_mutex_unlock(&one);
	return answer;
}

// work does something, or records it in the stream's graph.
static int work(object *s, node w) {
	if (s->capturing) {
		node *copy = malloc(sizeof *copy);
		*copy = w;
		if (w.n && (w.kind == LAUNCH || w.kind == PRODUCT))
			copy->args = memcpy(malloc(w.n), w.args, w.n);
		node **end = (node **)&s->graph;
		while (*end)
			end = &(*end)->next;
		*end = copy;
		return 0;
	}
	switch (w.kind) {
	case LAUNCH:
		return tell("launch %p %s %u %u %u %u %u %u %u %p %zu\n", (void *)w.f->text, w.f->name, w.dims[0], w.dims[1], w.dims[2], w.dims[3],
			w.dims[4], w.dims[5], w.dims[6], (void *)w.args, w.n) ? 719 : 0;
	case SET:
		for (size_t i = 0; i < w.n; i++)
			((unsigned *)w.dst)[i] = w.value;
		break;
	case COPY:
		memcpy(w.dst, w.src, w.n);
		break;
	case PRODUCT:
		w.product(w.args);
	}
	return 0;
}

#define BEGIN(call) \
	int failure = failing(call); \
	note(call); \
	if (failure) return failure
#define IN_CONTEXT(call) \
	BEGIN(call); \
	if (!current || current->kind != CONTEXT || !current->users) return 201

static object *make(int kind) {
	object *o = calloc(1, sizeof *o);
	o->kind = kind;
	live_objects++;
	return o;
}

static int is(void *h, int kind) { return h && ((object *)h)->kind == kind; }

static int destroy(void *h, int kind) {
	if (!is(h, kind)) {
		note("bad handle");
		return 400;
	}
	((object *)h)->kind = FREED;
	live_objects--;
	return 0;
}

static int inside(const char *p, size_t n, int host) {
	int found = 0;
	pthread_mutex_lock(&lock);
	for (block *b = blocks; b; b = b->next)
		found |= b->host == host && p >= b->p && p + n <= b->p + b->n;
	pthread_mutex_unlock(&lock);
	return found;
}

static int number(const char *name, int otherwise) {
	const char *s = getenv(name);
	return s ? atoi(s) : otherwise;
}

API int cuInit(unsigned flags) {
	BEGIN("cuInit");
	intrude("cuInit");
	return number("FAKE_CUDA_DEVICES", 2) == 0 ? 100 : 0;
}
API int cuDriverGetVersion(int *v) {
	BEGIN("cuDriverGetVersion");
	*v = number("FAKE_CUDA_VERSION", 12040);
	return 0;
}
API int cuDeviceGetCount(int *n) {
	BEGIN("cuDeviceGetCount");
	*n = number("FAKE_CUDA_DEVICES", 2);
	return 0;
}
API int cuDeviceGet(int *device, int ordinal) {
	BEGIN("cuDeviceGet");
	*device = ordinal + 7; // a device's number is not its place
	return ordinal < number("FAKE_CUDA_DEVICES", 2) ? 0 : 101;
}
API int cuDeviceGetName(char *name, int length, int device) {
	BEGIN("cuDeviceGetName");
	snprintf(name, length, "Fake %d", device);
	return 0;
}
API int cuDeviceGetAttribute(int *v, int attribute, int device) {
	BEGIN("cuDeviceGetAttribute");
	*v = 1000 * device + attribute;
	return 0;
}
API int cuDevicePrimaryCtxRetain(void **context, int device) {
	BEGIN("cuDevicePrimaryCtxRetain");
	intrude("cuDevicePrimaryCtxRetain");
	contexts[device].kind = CONTEXT;
	contexts[device].users++;
	*context = &contexts[device];
	return 0;
}
#ifdef OLD_RELEASE
#define RELEASE cuDevicePrimaryCtxRelease
#else
#define RELEASE cuDevicePrimaryCtxRelease_v2
#endif
API int RELEASE(int device) {
	BEGIN("cuDevicePrimaryCtxRelease");
	if (!contexts[device].users)
		return 201;
	if (--contexts[device].users == 0) {
		int n = 0;
		for (block *b = blocks; b; b = b->next)
			n++;
		note("left: %d blocks, %d objects", n, live_objects);
	}
	return 0;
}
API int cuCtxSetCurrent(void *context) {
	int failure = failing("cuCtxSetCurrent");
	if (failure)
		return failure;
	current = context;
	return 0;
}
API int cuMemGetInfo_v2(size_t *free, size_t *total) {
	IN_CONTEXT("cuMemGetInfo");
	*free = 3 << 20, *total = 5LL << 30;
	return 0;
}
static int add(void **p, size_t n, int host) {
	block *b = malloc(sizeof *b);
	b->p = malloc(n), b->n = n, b->host = host;
	memset(b->p, 0xee, n);
	if (!host && tell("alloc %p %zu\n", (void *)b->p, n))
		return 2;
	pthread_mutex_lock(&lock);
	b->next = blocks, blocks = b;
	pthread_mutex_unlock(&lock);
	*p = b->p;
	return 0;
}
static int drop(void *p, int host) {
	pthread_mutex_lock(&lock);
	for (block **b = &blocks; *b; b = &(*b)->next)
		if ((*b)->p == p && (*b)->host == host) {
			block *gone = *b;
			*b = gone->next;
			pthread_mutex_unlock(&lock);
			if (!host && tell("free %p\n", p))
				return 1;
			free(gone->p);
			free(gone);
			return 0;
		}
	pthread_mutex_unlock(&lock);
	note("freed twice, or never allocated");
	return 1;
}
#ifndef OLD
API int cuMemAlloc_v2(unsigned long long *p, size_t n) {
	IN_CONTEXT("cuMemAlloc");
	if (!n)
		return 1;
	void *q;
	add(&q, n, 0);
	*p = (uintptr_t)q;
	return 0;
}
#endif
API int cuMemFree_v2(unsigned long long p) {
	IN_CONTEXT("cuMemFree");
	return drop((void *)(uintptr_t)p, 0);
}
API int cuMemHostAlloc(void **p, size_t n, unsigned flags) {
	IN_CONTEXT("cuMemHostAlloc");
	note("flags=%u", flags);
	return add(p, n, 1);
}
API int cuMemFreeHost(void *p) {
	IN_CONTEXT("cuMemFreeHost");
	return drop(p, 1);
}
static int waiting(object *s) { return s->capturing ? 900 : 0; }
API int cuMemcpyHtoDAsync_v2(unsigned long long dst, const void *src, size_t n, void *s) {
	IN_CONTEXT("cuMemcpyHtoD");
	if (!is(s, STREAM)) return 400;
	if (!inside((char *)(uintptr_t)dst, n, 0)) return 1;
	return work(s, (node){.kind = COPY, .dst = (char *)(uintptr_t)dst, .src = src, .n = n});
}
API int cuMemcpyDtoHAsync_v2(void *dst, unsigned long long src, size_t n, void *s) {
	IN_CONTEXT("cuMemcpyDtoH");
	if (!is(s, STREAM)) return 400;
	if (!inside((char *)(uintptr_t)src, n, 0)) return 1;
	return work(s, (node){.kind = COPY, .dst = dst, .src = (char *)(uintptr_t)src, .n = n});
}
API int cuMemcpyDtoDAsync_v2(unsigned long long dst, unsigned long long src, size_t n, void *s) {
	IN_CONTEXT("cuMemcpyDtoD");
	if (!is(s, STREAM)) return 400;
	if (!inside((char *)(uintptr_t)dst, n, 0) || !inside((char *)(uintptr_t)src, n, 0)) return 1;
	return work(s, (node){.kind = COPY, .dst = (char *)(uintptr_t)dst, .src = (char *)(uintptr_t)src, .n = n});
}
API int cuMemsetD32Async(unsigned long long dst, unsigned v, size_t words, void *s) {
	IN_CONTEXT("cuMemsetD32");
	if (!is(s, STREAM)) return 400;
	if (!inside((char *)(uintptr_t)dst, 4 * words, 0)) return 1;
	return work(s, (node){.kind = SET, .dst = (char *)(uintptr_t)dst, .value = v, .n = words});
}
API int cuStreamCreate(void **s, unsigned flags) {
	IN_CONTEXT("cuStreamCreate");
	note("flags=%u", flags);
	*s = make(STREAM);
	return 0;
}
API int cuStreamDestroy_v2(void *s) {
	IN_CONTEXT("cuStreamDestroy");
	return destroy(s, STREAM);
}
API int cuStreamSynchronize(void *s) {
	IN_CONTEXT("cuStreamSynchronize");
	return is(s, STREAM) ? waiting(s) : 400;
}
API int cuEventCreate(void **e, unsigned flags) {
	IN_CONTEXT("cuEventCreate");
	note("flags=%u", flags);
	*e = make(EVENT);
	return 0;
}
API int cuEventDestroy_v2(void *e) {
	IN_CONTEXT("cuEventDestroy");
	return destroy(e, EVENT);
}
API int cuEventRecord(void *e, void *s) {
	IN_CONTEXT("cuEventRecord");
	if (!is(e, EVENT) || !is(s, STREAM)) return 400;
	((object *)e)->count = 2; // polls until it is done
	return 0;
}
API int cuEventSynchronize(void *e) {
	IN_CONTEXT("cuEventSynchronize");
	if (!is(e, EVENT)) return 400;
	((object *)e)->count = 0;
	return 0;
}
API int cuEventQuery(void *e) {
	IN_CONTEXT("cuEventQuery");
	if (!is(e, EVENT)) return 400;
	return ((object *)e)->count-- > 0 ? 600 : 0;
}
API int cuEventElapsedTime(float *ms, void *a, void *b) {
	IN_CONTEXT("cuEventElapsedTime");
	if (!is(a, EVENT) || !is(b, EVENT)) return 400;
	*ms = 1.5f;
	return 0;
}
API int cuModuleLoadDataEx(void **m, const void *image, unsigned n, int *names, void **values) {
	IN_CONTEXT("cuModuleLoadDataEx");
	if (strstr(image, "BAD")) {
		for (unsigned i = 0; i + 1 < n; i++)
			if (names[i] == 5 && names[i + 1] == 6)
				snprintf(values[i], (uintptr_t)values[i + 1], "ptxas application ptx input, line 5;\n  error: BAD");
		return 218;
	}
	object *o = make(MODULE);
	o->text = strdup(image);
	*m = o;
	return 0;
}
API int cuModuleUnload(void *m) {
	IN_CONTEXT("cuModuleUnload");
	return destroy(m, MODULE);
}
API int cuModuleGetFunction(void **f, void *m, const char *name) {
	IN_CONTEXT("cuModuleGetFunction");
	if (!is(m, MODULE)) return 400;
	char entry[128];
	snprintf(entry, sizeof entry, ".entry %s(", name);
	if (!strstr(((object *)m)->text, entry)) return 500;
	object *o = make(FUNCTION);
	live_objects--; // it goes with its module
	snprintf(o->name, sizeof o->name, "%s", name);
	o->text = ((object *)m)->text;
	*f = o;
	return 0;
}
API int cuFuncGetAttribute(int *v, int a, void *f) {
	IN_CONTEXT("cuFuncGetAttribute");
	if (!is(f, FUNCTION)) return 400;
	*v = 100 + a;
	return 0;
}
API int cuFuncSetAttribute(void *f, int a, int v) {
	IN_CONTEXT("cuFuncSetAttribute");
	note("attribute %d=%d", a, v);
	return is(f, FUNCTION) ? 0 : 400;
}
API int cuLaunchKernel(void *f, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by, unsigned bz, unsigned shared, void *s,
	void **params, void **extra) {
	IN_CONTEXT("cuLaunchKernel");
	if (!is(f, FUNCTION) || !is(s, STREAM)) return 400;
	char hex[512] = "";
	unsigned char *args = 0;
	size_t n = 0;
	if (params) return 1;
	for (void **e = extra; e && *e; e += 2) {
		if (*e == (void *)1) args = e[1];
		if (*e == (void *)2) n = *(size_t *)e[1];
	}
	for (size_t i = 0; i < n && 2 * i + 3 < sizeof hex; i++)
		sprintf(hex + 2 * i, "%02x", args[i]);
	note("launch %s grid=%u,%u,%u block=%u,%u,%u shared=%u capturing=%d args=%s", ((object *)f)->name, gx, gy, gz, bx, by, bz, shared,
		((object *)s)->capturing, hex);
	return work(s, (node){.kind = LAUNCH, .f = f, .dims = {gx, gy, gz, bx, by, bz, shared}, .args = args, .n = n});
}
#ifndef NO_NAMES
API int cuGetErrorName(int r, const char **s) {
	*s = r == 2 ? "CUDA_ERROR_OUT_OF_MEMORY" : r == 777 ? "CUDA_ERROR_OF_A_NEW_KIND" : r == 218 ? "CUDA_ERROR_INVALID_PTX" : 0;
	return *s ? 0 : 1;
}
API int cuGetErrorString(int r, const char **s) {
	*s = r == 2 ? "out of memory" : r == 777 ? "something new" : r == 218 ? "a PTX JIT compilation failed" : 0;
	return *s ? 0 : 1;
}
#endif
#ifndef NO_GRAPHS
API int cuStreamBeginCapture_v2(void *s, int mode) {
	IN_CONTEXT("cuStreamBeginCapture");
	note("mode=%d", mode);
	if (!is(s, STREAM)) return 400;
	((object *)s)->capturing = 1;
	return 0;
}
API int cuStreamEndCapture(void *s, void **g) {
	IN_CONTEXT("cuStreamEndCapture");
	if (!is(s, STREAM)) return 400;
	if (!((object *)s)->capturing) return 903;
	((object *)s)->capturing = 0;
	*g = make(GRAPH);
	((object *)*g)->graph = ((object *)s)->graph;
	((object *)s)->graph = 0;
	return 0;
}
#ifdef OLD_GRAPHS
#define TEXT(name) #name
#define NAME(macro) TEXT(macro)
API int OLD_GRAPHS(void **e, void *g, void *node, char *log, size_t n) {
	IN_CONTEXT(NAME(OLD_GRAPHS));
#else
API int cuGraphInstantiateWithFlags(void **e, void *g, unsigned long long flags) {
	IN_CONTEXT("cuGraphInstantiateWithFlags");
#endif
	if (!is(g, GRAPH)) return 400;
	*e = make(EXEC);
	((object *)*e)->graph = ((object *)g)->graph; // which is never freed
	return 0;
}
API int cuGraphLaunch(void *e, void *s) {
	IN_CONTEXT("cuGraphLaunch");
	if (!is(e, EXEC) || !is(s, STREAM)) return 400;
	for (node *n = ((object *)e)->graph; n; n = n->next) {
		int r = work(s, *n);
		if (r) return r;
	}
	return 0;
}
API int cuGraphExecDestroy(void *e) {
	IN_CONTEXT("cuGraphExecDestroy");
	return destroy(e, EXEC);
}
API int cuGraphDestroy(void *g) {
	IN_CONTEXT("cuGraphDestroy");
	return destroy(g, GRAPH);
}
#endif

#else // BLAS

static int live, math;
static object *stream;
static void *workspace;

#define BEGIN(call) \
	int failure = failing(call); \
	note(call); \
	if (failure) return failure

API int cublasCreate_v2(void **h) {
	BEGIN("cublasCreate");
	intrude("cublasCreate");
	live++;
	math = 0;
	*h = &live;
	return 0;
}
API int cublasDestroy_v2(void *h) {
	BEGIN("cublasDestroy");
	return live-- > 0 ? 0 : 1;
}
API int cublasGetVersion_v2(void *h, int *v) {
	BEGIN("cublasGetVersion");
	*v = 120304;
	return 0;
}
API int cublasSetStream_v2(void *h, void *s) {
	BEGIN("cublasSetStream");
	stream = s, workspace = 0;
	return 0;
}
API int cublasSetMathMode(void *h, int mode) {
	BEGIN("cublasSetMathMode");
	note("mode=%d", mode);
	math = mode;
	return 0;
}
#ifndef OLD
API int cublasSetWorkspace_v2(void *h, void *p, size_t n) {
	BEGIN("cublasSetWorkspace");
	workspace = p;
	return 0;
}
#endif

// narrowed rounds to TF32 if that is the mode.
static double narrowed_float(double x, int tf32) {
	float f = x;
	unsigned u;
	if (!tf32)
		return x;
	memcpy(&u, &f, sizeof u);
	u = (u + (1 << 12)) & ~((1u << 13) - 1);
	memcpy(&f, &u, sizeof f);
	return f;
}
static double narrowed_double(double x, int tf32) { return x; }

// run does a product, or records it where its stream is captured.
static int run(node w) {
	if (!stream || stream->kind != STREAM) return 14;
	if (!stream->capturing) {
		w.product(w.args);
		return 0;
	}
	if (!workspace) return 14; // it would allocate one
	node *copy = malloc(sizeof *copy), **end = (node **)&stream->graph;
	*copy = w;
	copy->args = memcpy(malloc(w.n), w.args, w.n);
	while (*end)
		end = &(*end)->next;
	*end = copy;
	return 0;
}

#define GEMM(name, T) \
	typedef struct { int ta, tb, m, n, k, lda, ldb, ldc, batch, tf32; long long sa, sb, sc; T alpha, beta; const T *a, *b; T *c; } name##_args; \
	static void name##_do(void *p) { \
		name##_args g = *(name##_args *)p; \
		for (int q = 0; q < g.batch; q++, g.a += g.sa, g.b += g.sb, g.c += g.sc) \
			for (int j = 0; j < g.n; j++) \
				for (int i = 0; i < g.m; i++) { \
					double sum = 0; \
					T *c = g.c + i + (long long)j * g.ldc; \
					for (int l = 0; l < g.k; l++) \
						sum += narrowed_##T(g.ta ? g.a[l + (long long)i * g.lda] : g.a[i + (long long)l * g.lda], g.tf32) * \
							narrowed_##T(g.tb ? g.b[j + (long long)l * g.ldb] : g.b[l + (long long)j * g.ldb], g.tf32); \
					*c = g.alpha * sum + (g.beta != 0 ? g.beta * *c : 0); \
				} \
	} \
	API int name(void *h, int ta, int tb, int m, int n, int k, const T *alpha, const T *a, int lda, long long sa, const T *b, int ldb, \
		long long sb, const T *beta, T *c, int ldc, long long sc, int batch) { \
		BEGIN(#name); \
		note("product %d%d %d×%d×%d %g %g a=%p/%d/%lld b=%p/%d/%lld c=%p/%d/%lld batch=%d stream=%d workspace=%d", ta, tb, m, n, k, \
			(double)*alpha, (double)*beta, (void *)a, lda, sa, (void *)b, ldb, sb, (void *)c, ldc, sc, batch, stream != 0, workspace != 0); \
		if (lda < (ta ? k : m) || ldb < (tb ? n : k) || ldc < m || m < 0 || n < 0 || k < 0 || batch < 0) return 7; \
		name##_args g = {ta, tb, m, n, k, lda, ldb, ldc, batch, math == 3, sa, sb, sc, *alpha, *beta, a, b, c}; \
		return run((node){.kind = PRODUCT, .product = name##_do, .args = (unsigned char *)&g, .n = sizeof g}); \
	}
GEMM(cublasSgemmStridedBatched, float)
GEMM(cublasDgemmStridedBatched, double)

#endif
