//go:build cuda && cgo && linux && (amd64 || arm64)

#define _GNU_SOURCE
#include "calls.h"

#include <dlfcn.h>
#include <signal.h>
#include <string.h>

void *gander_open(const char *path, char **error) {
	void *h = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	const char *text = h ? 0 : dlerror(); // the thread's, which may be another's soon
	*error = text ? strdup(text) : 0;
	return h;
}

// find looks for a function, and for another name if there is one. It returns the
// first name if neither is there.
static const char *find(void *library, void *place, const char *name, const char *or) {
	void *f = dlsym(library, name);
	if (!f && or)
		f = dlsym(library, or);
	memcpy(place, &f, sizeof f);
	return f ? 0 : name;
}

const char *gander_bind(gander_driver *d, void *library) {
	const char *missing = 0;
#define REQUIRED(field, name) if (!missing) missing = find(library, &d->field, name, 0)
#define EITHER(field, name, or) if (!missing) missing = find(library, &d->field, name, or)
#define OPTIONAL(field, name) find(library, &d->field, name, 0)
#define OPTIONAL_EITHER(field, name, or) find(library, &d->field, name, or)
	// The version first: it says how old a driver is that lacks something.
	REQUIRED(DriverGetVersion, "cuDriverGetVersion");
	REQUIRED(Init, "cuInit");
	REQUIRED(DeviceGetCount, "cuDeviceGetCount");
	REQUIRED(DeviceGet, "cuDeviceGet");
	REQUIRED(DeviceGetName, "cuDeviceGetName");
	REQUIRED(DeviceGetAttribute, "cuDeviceGetAttribute");
	REQUIRED(DevicePrimaryCtxRetain, "cuDevicePrimaryCtxRetain");
	EITHER(DevicePrimaryCtxRelease, "cuDevicePrimaryCtxRelease_v2", "cuDevicePrimaryCtxRelease");
	REQUIRED(CtxSetCurrent, "cuCtxSetCurrent");
	REQUIRED(MemGetInfo, "cuMemGetInfo_v2");
	REQUIRED(MemAlloc, "cuMemAlloc_v2");
	REQUIRED(MemFree, "cuMemFree_v2");
	REQUIRED(MemHostAlloc, "cuMemHostAlloc");
	REQUIRED(MemFreeHost, "cuMemFreeHost");
	REQUIRED(MemcpyHtoDAsync, "cuMemcpyHtoDAsync_v2");
	REQUIRED(MemcpyDtoHAsync, "cuMemcpyDtoHAsync_v2");
	REQUIRED(MemcpyDtoDAsync, "cuMemcpyDtoDAsync_v2");
	REQUIRED(MemsetD32Async, "cuMemsetD32Async");
	REQUIRED(StreamCreate, "cuStreamCreate");
	REQUIRED(StreamDestroy, "cuStreamDestroy_v2");
	REQUIRED(StreamSynchronize, "cuStreamSynchronize");
	REQUIRED(EventCreate, "cuEventCreate");
	REQUIRED(EventDestroy, "cuEventDestroy_v2");
	REQUIRED(EventRecord, "cuEventRecord");
	REQUIRED(EventSynchronize, "cuEventSynchronize");
	REQUIRED(EventQuery, "cuEventQuery");
	REQUIRED(EventElapsedTime, "cuEventElapsedTime");
	REQUIRED(ModuleLoadDataEx, "cuModuleLoadDataEx");
	REQUIRED(ModuleUnload, "cuModuleUnload");
	REQUIRED(ModuleGetFunction, "cuModuleGetFunction");
	REQUIRED(FuncGetAttribute, "cuFuncGetAttribute");
	REQUIRED(FuncSetAttribute, "cuFuncSetAttribute");
	REQUIRED(LaunchKernel, "cuLaunchKernel");
	OPTIONAL(GetErrorName, "cuGetErrorName");
	OPTIONAL(GetErrorString, "cuGetErrorString");
	OPTIONAL(StreamBeginCapture, "cuStreamBeginCapture_v2");
	OPTIONAL(StreamEndCapture, "cuStreamEndCapture");
	OPTIONAL(GraphInstantiateWithFlags, "cuGraphInstantiateWithFlags");
	OPTIONAL_EITHER(GraphInstantiate, "cuGraphInstantiate_v2", "cuGraphInstantiate"); // of CUDA 11, and 10
	OPTIONAL(GraphLaunch, "cuGraphLaunch");
	OPTIONAL(GraphExecDestroy, "cuGraphExecDestroy");
	OPTIONAL(GraphDestroy, "cuGraphDestroy");
	return missing;
}

int gander_graphs(gander_driver *d) {
	return d->StreamBeginCapture && d->StreamEndCapture && (d->GraphInstantiateWithFlags || d->GraphInstantiate) && d->GraphLaunch &&
		d->GraphExecDestroy && d->GraphDestroy;
}

const char *gander_error_name(gander_driver *d, CUresult r) {
	const char *s = 0;
	return d->GetErrorName && d->GetErrorName(r, &s) == 0 ? s : 0;
}

const char *gander_error_text(gander_driver *d, CUresult r) {
	const char *s = 0;
	return d->GetErrorString && d->GetErrorString(r, &s) == 0 ? s : 0;
}

// on_stack lets all handlers of signals run on the stack that Go has for them. A library
// that puts a handler of its own before Go's, without that, ends the process with the
// first signal.
static void on_stack(void) {
	struct sigaction a;
	for (int n = 1; n < NSIG; n++)
		if (!sigaction(n, 0, &a) && a.sa_handler != SIG_DFL && a.sa_handler != SIG_IGN && !(a.sa_flags & SA_ONSTACK)) {
			a.sa_flags |= SA_ONSTACK;
			sigaction(n, &a, 0);
		}
}

CUresult gander_init(gander_driver *d) {
	CUresult r = d->Init(0);
	on_stack();
	return r;
}

gander_result gander_version(gander_driver *d) {
	int v = 0;
	gander_result out = {0};
	if (!d->DriverGetVersion) // nothing was bound
		return out;
	out.r = d->DriverGetVersion(&v);
	out.v = v;
	return out;
}

gander_result gander_count(gander_driver *d) {
	int v = 0;
	gander_result out = {d->DeviceGetCount(&v)};
	out.v = v;
	return out;
}

gander_result gander_device(gander_driver *d, int ordinal) {
	CUdevice v = 0;
	gander_result out = {d->DeviceGet(&v, ordinal)};
	out.v = v;
	return out;
}

CUresult gander_name(gander_driver *d, CUdevice device, char *name, int length) { return d->DeviceGetName(name, length, device); }

gander_result gander_attribute(gander_driver *d, CUdevice device, int attribute) {
	int v = 0;
	gander_result out = {d->DeviceGetAttribute(&v, attribute, device)};
	out.v = (uint64_t)(int64_t)v;
	return out;
}

gander_result gander_retain(gander_driver *d, CUdevice device) {
	CUhandle v = 0;
	gander_result out = {d->DevicePrimaryCtxRetain(&v, device)};
	on_stack();
	out.v = (uintptr_t)v;
	return out;
}

CUresult gander_release(gander_driver *d, CUdevice device) { return d->DevicePrimaryCtxRelease(device); }

// CURRENT makes the context current in this thread, or returns the error.
#define CURRENT CUresult r = d->CtxSetCurrent(context); if (r) return r
#define CURRENT_RESULT gander_result out = {d->CtxSetCurrent(context)}; if (out.r) return out

gander_result gander_mem_info(gander_driver *d, CUhandle context) {
	CURRENT_RESULT;
	size_t free = 0, total = 0;
	out.r = d->MemGetInfo(&free, &total);
	out.v = free, out.w = total;
	return out;
}

gander_result gander_mem_alloc(gander_driver *d, CUhandle context, size_t bytes) {
	CURRENT_RESULT;
	CUdeviceptr p = 0;
	out.r = d->MemAlloc(&p, bytes);
	out.v = p;
	return out;
}

CUresult gander_mem_free(gander_driver *d, CUhandle context, CUdeviceptr p) {
	CURRENT;
	return d->MemFree(p);
}

gander_result gander_host_alloc(gander_driver *d, CUhandle context, size_t bytes) {
	CURRENT_RESULT;
	void *p = 0;
	out.r = d->MemHostAlloc(&p, bytes, 1); // CU_MEMHOSTALLOC_PORTABLE: for all contexts
	if (out.r == 0)
		memset(p, 0, bytes);
	out.v = (uintptr_t)p;
	return out;
}

CUresult gander_host_free(gander_driver *d, CUhandle context, void *p) {
	CURRENT;
	return d->MemFreeHost(p);
}

CUresult gander_upload(gander_driver *d, CUhandle context, CUdeviceptr dst, const void *src, size_t bytes, uintptr_t stream, int wait) {
	CURRENT;
	r = d->MemcpyHtoDAsync(dst, src, bytes, (CUhandle)stream);
	return r || !wait ? r : d->StreamSynchronize((CUhandle)stream);
}

CUresult gander_download(gander_driver *d, CUhandle context, void *dst, CUdeviceptr src, size_t bytes, uintptr_t stream, int wait) {
	CURRENT;
	r = d->MemcpyDtoHAsync(dst, src, bytes, (CUhandle)stream);
	return r || !wait ? r : d->StreamSynchronize((CUhandle)stream);
}

CUresult gander_copy(gander_driver *d, CUhandle context, CUdeviceptr dst, CUdeviceptr src, size_t bytes, uintptr_t stream) {
	CURRENT;
	return d->MemcpyDtoDAsync(dst, src, bytes, (CUhandle)stream);
}

CUresult gander_memset(gander_driver *d, CUhandle context, CUdeviceptr dst, unsigned value, size_t words, uintptr_t stream) {
	CURRENT;
	return d->MemsetD32Async(dst, value, words, (CUhandle)stream);
}

gander_result gander_stream_create(gander_driver *d, CUhandle context) {
	CURRENT_RESULT;
	CUhandle h = 0;
	out.r = d->StreamCreate(&h, 1); // CU_STREAM_NON_BLOCKING
	out.v = (uintptr_t)h;
	return out;
}

CUresult gander_stream_destroy(gander_driver *d, CUhandle context, uintptr_t stream) {
	CURRENT;
	return d->StreamDestroy((CUhandle)stream);
}

CUresult gander_stream_sync(gander_driver *d, CUhandle context, uintptr_t stream) {
	CURRENT;
	return d->StreamSynchronize((CUhandle)stream);
}

gander_result gander_event_create(gander_driver *d, CUhandle context, int timing) {
	CURRENT_RESULT;
	CUhandle h = 0;
	out.r = d->EventCreate(&h, timing ? 0 : 2); // CU_EVENT_DISABLE_TIMING
	out.v = (uintptr_t)h;
	return out;
}

CUresult gander_event_destroy(gander_driver *d, CUhandle context, uintptr_t event) {
	CURRENT;
	return d->EventDestroy((CUhandle)event);
}

CUresult gander_event_record(gander_driver *d, CUhandle context, uintptr_t event, uintptr_t stream) {
	CURRENT;
	return d->EventRecord((CUhandle)event, (CUhandle)stream);
}

CUresult gander_event_sync(gander_driver *d, CUhandle context, uintptr_t event) {
	CURRENT;
	return d->EventSynchronize((CUhandle)event);
}

CUresult gander_event_query(gander_driver *d, CUhandle context, uintptr_t event) {
	CURRENT;
	return d->EventQuery((CUhandle)event);
}

CUresult gander_event_elapsed(gander_driver *d, CUhandle context, uintptr_t start, uintptr_t end, float *milliseconds) {
	CURRENT;
	return d->EventElapsedTime(milliseconds, (CUhandle)start, (CUhandle)end);
}

gander_result gander_module_load(gander_driver *d, CUhandle context, const char *text, char *log, unsigned length) {
	CURRENT_RESULT;
	CUhandle h = 0;
	// CU_JIT_ERROR_LOG_BUFFER and CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES.
	int names[] = {5, 6};
	void *values[] = {log, (void *)(uintptr_t)length};
	out.r = d->ModuleLoadDataEx(&h, text, 2, names, values);
	out.v = (uintptr_t)h;
	return out;
}

CUresult gander_module_unload(gander_driver *d, CUhandle context, uintptr_t module) {
	CURRENT;
	return d->ModuleUnload((CUhandle)module);
}

gander_result gander_function(gander_driver *d, CUhandle context, uintptr_t module, const char *name) {
	CURRENT_RESULT;
	CUhandle h = 0;
	out.r = d->ModuleGetFunction(&h, (CUhandle)module, name);
	out.v = (uintptr_t)h;
	return out;
}

gander_result gander_function_attribute(gander_driver *d, CUhandle context, uintptr_t function, int attribute) {
	CURRENT_RESULT;
	int v = 0;
	out.r = d->FuncGetAttribute(&v, attribute, (CUhandle)function);
	out.v = (uint64_t)(int64_t)v;
	return out;
}

CUresult gander_set_function_attribute(gander_driver *d, CUhandle context, uintptr_t function, int attribute, int value) {
	CURRENT;
	return d->FuncSetAttribute((CUhandle)function, attribute, value);
}

CUresult gander_launch(gander_driver *d, CUhandle context, uintptr_t function, unsigned gx, unsigned gy, unsigned gz,
	unsigned bx, unsigned by, unsigned bz, unsigned shared, uintptr_t stream, void *args, size_t bytes) {
	CURRENT;
	// CU_LAUNCH_PARAM_BUFFER_POINTER, _SIZE and _END.
	void *extra[] = {(void *)1, args, (void *)2, &bytes, (void *)0};
	return d->LaunchKernel((CUhandle)function, gx, gy, gz, bx, by, bz, shared, (CUhandle)stream, 0, bytes ? extra : 0);
}

CUresult gander_capture_begin(gander_driver *d, CUhandle context, uintptr_t stream) {
	CURRENT;
	// CU_STREAM_CAPTURE_MODE_RELAXED: the other modes forbid calls by thread, which
	// goroutines have none of.
	return d->StreamBeginCapture((CUhandle)stream, 2);
}

gander_result gander_capture_end(gander_driver *d, CUhandle context, uintptr_t stream) {
	CURRENT_RESULT;
	CUhandle graph = 0, exec = 0;
	out.r = d->StreamEndCapture((CUhandle)stream, &graph);
	if (out.r)
		return out;
	if (d->GraphInstantiateWithFlags)
		out.r = d->GraphInstantiateWithFlags(&exec, graph, 0);
	else
		out.r = d->GraphInstantiate(&exec, graph, 0, 0, 0);
	CUresult after = d->GraphDestroy(graph);
	if (!out.r)
		out.r = after;
	out.v = (uintptr_t)exec;
	return out;
}

CUresult gander_graph_launch(gander_driver *d, CUhandle context, uintptr_t graph, uintptr_t stream) {
	CURRENT;
	return d->GraphLaunch((CUhandle)graph, (CUhandle)stream);
}

CUresult gander_graph_destroy(gander_driver *d, CUhandle context, uintptr_t graph) {
	CURRENT;
	return d->GraphExecDestroy((CUhandle)graph);
}

const char *gander_blas_bind(gander_blas *d, void *library) {
	const char *missing = 0;
	REQUIRED(Create, "cublasCreate_v2");
	REQUIRED(Destroy, "cublasDestroy_v2");
	REQUIRED(GetVersion, "cublasGetVersion_v2");
	REQUIRED(SetStream, "cublasSetStream_v2");
	REQUIRED(SetMathMode, "cublasSetMathMode");
	REQUIRED(SetWorkspace, "cublasSetWorkspace_v2");
	REQUIRED(Sgemm, "cublasSgemmStridedBatched");
	REQUIRED(Dgemm, "cublasDgemmStridedBatched");
	return missing;
}

#define CURRENT_BLAS CUresult r = d->CtxSetCurrent(context); if (r) return -r

int gander_blas_create(gander_driver *d, CUhandle context, gander_blas *b) {
	CURRENT_BLAS;
	int s = b->Create(&b->handle);
	on_stack();
	return s;
}

// blas_try does a product of one number in a stream of its own.
static int blas_try(gander_driver *d, gander_blas *b, CUhandle stream, CUdeviceptr p) {
	float one = 1, zero = 0;
	int s = -d->MemsetD32Async(p, 0, 3, stream);
	if (s || (s = b->SetStream(b->handle, stream)))
		return s;
	s = b->Sgemm(b->handle, 0, 0, 1, 1, 1, &one, (const float *)p, 1, 1, (const float *)(p + 4), 1, 1, &zero, (float *)(p + 8), 1, 1, 1);
	CUresult r = d->StreamSynchronize(stream);
	int after = b->SetStream(b->handle, 0);
	return s ? s : r ? -r : after;
}

int gander_blas_try(gander_driver *d, CUhandle context, gander_blas *b) {
	CURRENT_BLAS;
	CUhandle stream = 0;
	CUdeviceptr p = 0;
	if ((r = d->StreamCreate(&stream, 1))) // CU_STREAM_NON_BLOCKING
		return -r;
	if ((r = d->MemAlloc(&p, 12))) {
		d->StreamDestroy(stream);
		return -r;
	}
	int s = blas_try(d, b, stream, p);
	r = d->MemFree(p);
	CUresult after = d->StreamDestroy(stream);
	return s ? s : r ? -r : -after;
}

int gander_blas_destroy(gander_driver *d, CUhandle context, gander_blas *b) {
	CURRENT_BLAS;
	return b->Destroy(b->handle);
}

int gander_blas_version(gander_driver *d, CUhandle context, gander_blas *b, int *version) {
	CURRENT_BLAS;
	return b->GetVersion(b->handle, version);
}

int gander_blas_workspace(gander_driver *d, CUhandle context, gander_blas *b, CUdeviceptr p, size_t bytes) {
	CURRENT_BLAS;
	b->workspace = p, b->bytes = bytes;
	return b->SetWorkspace(b->handle, (void *)(uintptr_t)p, bytes);
}

int gander_blas_gemm(gander_driver *d, CUhandle context, gander_blas *b, gander_gemm g, uintptr_t stream) {
	CURRENT_BLAS;
	int s;
	if (!b->set || b->stream != stream) {
		if ((s = b->SetStream(b->handle, (CUhandle)stream)))
			return s;
		// That has taken the workspace away.
		if (b->bytes && (s = b->SetWorkspace(b->handle, (void *)(uintptr_t)b->workspace, b->bytes)))
			return s;
		b->set = 1, b->stream = stream;
	}
	int mode = g.tf32 && !g.float64 ? 3 : 0; // CUBLAS_TF32_TENSOR_OP_MATH, CUBLAS_DEFAULT_MATH
	if (b->mode != mode) {
		if ((s = b->SetMathMode(b->handle, mode)))
			return s;
		b->mode = mode;
	}
	if (g.float64)
		return b->Dgemm(b->handle, g.ta, g.tb, g.m, g.n, g.k, &g.alpha, (const double *)g.a, g.lda, g.stride_a,
			(const double *)g.b, g.ldb, g.stride_b, &g.beta, (double *)g.c, g.ldc, g.stride_c, g.batch);
	float alpha = g.alpha, beta = g.beta;
	return b->Sgemm(b->handle, g.ta, g.tb, g.m, g.n, g.k, &alpha, (const float *)g.a, g.lda, g.stride_a,
		(const float *)g.b, g.ldb, g.stride_b, &beta, (float *)g.c, g.ldc, g.stride_c, g.batch);
}
