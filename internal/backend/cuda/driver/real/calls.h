//go:build cuda && cgo && linux && (amd64 || arm64)

// Prototypes of the CUDA driver and of cuBLAS, and calls of them for Go.
#ifndef GANDER_CALLS_H
#define GANDER_CALLS_H

#include <stddef.h>
#include <stdint.h>

typedef int CUresult;
typedef int CUdevice;
typedef unsigned long long CUdeviceptr;
typedef void *CUhandle; // context, module, function, stream, event, graph

// gander_driver holds the addresses of the driver's functions.
typedef struct gander_driver {
	CUresult (*Init)(unsigned flags);
	CUresult (*DriverGetVersion)(int *version);
	CUresult (*DeviceGetCount)(int *count);
	CUresult (*DeviceGet)(CUdevice *device, int ordinal);
	CUresult (*DeviceGetName)(char *name, int length, CUdevice device);
	CUresult (*DeviceGetAttribute)(int *value, int attribute, CUdevice device);
	CUresult (*DevicePrimaryCtxRetain)(CUhandle *context, CUdevice device);
	CUresult (*DevicePrimaryCtxRelease)(CUdevice device);
	CUresult (*CtxSetCurrent)(CUhandle context);
	CUresult (*MemGetInfo)(size_t *free, size_t *total);
	CUresult (*MemAlloc)(CUdeviceptr *p, size_t bytes);
	CUresult (*MemFree)(CUdeviceptr p);
	CUresult (*MemHostAlloc)(void **p, size_t bytes, unsigned flags);
	CUresult (*MemFreeHost)(void *p);
	CUresult (*MemcpyHtoDAsync)(CUdeviceptr dst, const void *src, size_t bytes, CUhandle stream);
	CUresult (*MemcpyDtoHAsync)(void *dst, CUdeviceptr src, size_t bytes, CUhandle stream);
	CUresult (*MemcpyDtoDAsync)(CUdeviceptr dst, CUdeviceptr src, size_t bytes, CUhandle stream);
	CUresult (*MemsetD32Async)(CUdeviceptr dst, unsigned value, size_t words, CUhandle stream);
	CUresult (*StreamCreate)(CUhandle *stream, unsigned flags);
	CUresult (*StreamDestroy)(CUhandle stream);
	CUresult (*StreamSynchronize)(CUhandle stream);
	CUresult (*EventCreate)(CUhandle *event, unsigned flags);
	CUresult (*EventDestroy)(CUhandle event);
	CUresult (*EventRecord)(CUhandle event, CUhandle stream);
	CUresult (*EventSynchronize)(CUhandle event);
	CUresult (*EventQuery)(CUhandle event);
	CUresult (*EventElapsedTime)(float *milliseconds, CUhandle start, CUhandle end);
	CUresult (*ModuleLoadDataEx)(CUhandle *module, const void *image, unsigned options, int *names, void **values);
	CUresult (*ModuleUnload)(CUhandle module);
	CUresult (*ModuleGetFunction)(CUhandle *function, CUhandle module, const char *name);
	CUresult (*FuncGetAttribute)(int *value, int attribute, CUhandle function);
	CUresult (*FuncSetAttribute)(CUhandle function, int attribute, int value);
	CUresult (*LaunchKernel)(CUhandle function, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by, unsigned bz, unsigned shared,
		CUhandle stream, void **params, void **extra);
	// Those that may be missing.
	CUresult (*GetErrorName)(CUresult error, const char **text);
	CUresult (*GetErrorString)(CUresult error, const char **text);
	CUresult (*StreamBeginCapture)(CUhandle stream, int mode);
	CUresult (*StreamEndCapture)(CUhandle stream, CUhandle *graph);
	CUresult (*GraphInstantiateWithFlags)(CUhandle *exec, CUhandle graph, unsigned long long flags);
	CUresult (*GraphInstantiate)(CUhandle *exec, CUhandle graph, CUhandle *node, char *log, size_t bytes);
	CUresult (*GraphLaunch)(CUhandle exec, CUhandle stream);
	CUresult (*GraphExecDestroy)(CUhandle exec);
	CUresult (*GraphDestroy)(CUhandle graph);
} gander_driver;

// Results that hold more than one value.
typedef struct { CUresult r; uint64_t v, w; } gander_result;

// gander_open opens a library. It returns 0 and an error text, to be freed, if it cannot.
void *gander_open(const char *path, char **error);
// gander_bind fills in a driver's functions, and returns the name of the first
// required one that the library lacks, or 0.
const char *gander_bind(gander_driver *d, void *library);
int gander_graphs(gander_driver *d);
const char *gander_error_name(gander_driver *d, CUresult r);
const char *gander_error_text(gander_driver *d, CUresult r);

CUresult gander_init(gander_driver *d);
gander_result gander_version(gander_driver *d);
gander_result gander_count(gander_driver *d);
gander_result gander_device(gander_driver *d, int ordinal);
CUresult gander_name(gander_driver *d, CUdevice device, char *name, int length);
gander_result gander_attribute(gander_driver *d, CUdevice device, int attribute);
gander_result gander_retain(gander_driver *d, CUdevice device);
CUresult gander_release(gander_driver *d, CUdevice device);

// The others make the context current first.
gander_result gander_mem_info(gander_driver *d, CUhandle context);
gander_result gander_mem_alloc(gander_driver *d, CUhandle context, size_t bytes);
CUresult gander_mem_free(gander_driver *d, CUhandle context, CUdeviceptr p);
gander_result gander_host_alloc(gander_driver *d, CUhandle context, size_t bytes);
CUresult gander_host_free(gander_driver *d, CUhandle context, void *p);
CUresult gander_upload(gander_driver *d, CUhandle context, CUdeviceptr dst, const void *src, size_t bytes, uintptr_t stream, int wait);
CUresult gander_download(gander_driver *d, CUhandle context, void *dst, CUdeviceptr src, size_t bytes, uintptr_t stream, int wait);
CUresult gander_copy(gander_driver *d, CUhandle context, CUdeviceptr dst, CUdeviceptr src, size_t bytes, uintptr_t stream);
CUresult gander_memset(gander_driver *d, CUhandle context, CUdeviceptr dst, unsigned value, size_t words, uintptr_t stream);
gander_result gander_stream_create(gander_driver *d, CUhandle context);
CUresult gander_stream_destroy(gander_driver *d, CUhandle context, uintptr_t stream);
CUresult gander_stream_sync(gander_driver *d, CUhandle context, uintptr_t stream);
gander_result gander_event_create(gander_driver *d, CUhandle context, int timing);
CUresult gander_event_destroy(gander_driver *d, CUhandle context, uintptr_t event);
CUresult gander_event_record(gander_driver *d, CUhandle context, uintptr_t event, uintptr_t stream);
CUresult gander_event_sync(gander_driver *d, CUhandle context, uintptr_t event);
CUresult gander_event_query(gander_driver *d, CUhandle context, uintptr_t event);
CUresult gander_event_elapsed(gander_driver *d, CUhandle context, uintptr_t start, uintptr_t end, float *milliseconds);
gander_result gander_module_load(gander_driver *d, CUhandle context, const char *text, char *log, unsigned length);
CUresult gander_module_unload(gander_driver *d, CUhandle context, uintptr_t module);
gander_result gander_function(gander_driver *d, CUhandle context, uintptr_t module, const char *name);
gander_result gander_function_attribute(gander_driver *d, CUhandle context, uintptr_t function, int attribute);
CUresult gander_set_function_attribute(gander_driver *d, CUhandle context, uintptr_t function, int attribute, int value);
CUresult gander_launch(gander_driver *d, CUhandle context, uintptr_t function, unsigned gx, unsigned gy, unsigned gz,
	unsigned bx, unsigned by, unsigned bz, unsigned shared, uintptr_t stream, void *args, size_t bytes);
CUresult gander_capture_begin(gander_driver *d, CUhandle context, uintptr_t stream);
gander_result gander_capture_end(gander_driver *d, CUhandle context, uintptr_t stream);
CUresult gander_graph_launch(gander_driver *d, CUhandle context, uintptr_t graph, uintptr_t stream);
CUresult gander_graph_destroy(gander_driver *d, CUhandle context, uintptr_t graph);

// gander_blas holds cuBLAS's functions, and a handle with what is set in it.
typedef struct gander_blas {
	int (*Create)(CUhandle *handle);
	int (*Destroy)(CUhandle handle);
	int (*GetVersion)(CUhandle handle, int *version);
	int (*SetStream)(CUhandle handle, CUhandle stream);
	int (*SetMathMode)(CUhandle handle, int mode);
	int (*SetWorkspace)(CUhandle handle, void *workspace, size_t bytes);
	int (*Sgemm)(CUhandle handle, int ta, int tb, int m, int n, int k, const float *alpha, const float *a, int lda, long long stride_a,
		const float *b, int ldb, long long stride_b, const float *beta, float *c, int ldc, long long stride_c, int batch);
	int (*Dgemm)(CUhandle handle, int ta, int tb, int m, int n, int k, const double *alpha, const double *a, int lda, long long stride_a,
		const double *b, int ldb, long long stride_b, const double *beta, double *c, int ldc, long long stride_c, int batch);
	CUhandle handle;
	uintptr_t stream;
	int set, mode;
	CUdeviceptr workspace;
	size_t bytes;
} gander_blas;

// Calls of cuBLAS return a status of its own, or −r where a call of the driver
// returned r.
const char *gander_blas_bind(gander_blas *b, void *library);
int gander_blas_create(gander_driver *d, CUhandle context, gander_blas *b);
// gander_blas_try does a small product and waits for it. cuBLAS may start on a device
// that it has no kernels for.
int gander_blas_try(gander_driver *d, CUhandle context, gander_blas *b);
int gander_blas_destroy(gander_driver *d, CUhandle context, gander_blas *b);
int gander_blas_version(gander_driver *d, CUhandle context, gander_blas *b, int *version);
int gander_blas_workspace(gander_driver *d, CUhandle context, gander_blas *b, CUdeviceptr p, size_t bytes);

// gander_gemm describes a product, as driver.Gemm does.
typedef struct {
	int float64, tf32, ta, tb, m, n, k, lda, ldb, ldc, batch;
	double alpha, beta;
	CUdeviceptr a, b, c;
	long long stride_a, stride_b, stride_c;
} gander_gemm;

int gander_blas_gemm(gander_driver *d, CUhandle context, gander_blas *b, gander_gemm g, uintptr_t stream);

#endif
