#pragma once

#include "softgpu.h"

#include <cstddef>

// The driver calls that the tests of the libraries make.
extern "C" {

CUresult cuInit(unsigned flags);
CUresult cuDeviceGet(int* device, int ordinal);
CUresult cuDevicePrimaryCtxRetain(void** context, int device);
CUresult cuDevicePrimaryCtxRelease_v2(int device);
CUresult cuCtxSetCurrent(void* context);
CUresult cuMemAlloc_v2(unsigned long long* address, size_t bytes);
CUresult cuMemFree_v2(unsigned long long address);
CUresult cuMemcpyHtoDAsync_v2(unsigned long long target, const void* source, size_t bytes, CUstream stream);
CUresult cuMemcpyDtoHAsync_v2(void* target, unsigned long long source, size_t bytes, CUstream stream);
CUresult cuCtxSynchronize(void);
CUresult cuStreamCreate(CUstream* stream, unsigned flags);
CUresult cuStreamDestroy_v2(CUstream stream);
CUresult cuStreamSynchronize(CUstream stream);
CUresult cuStreamBeginCapture_v2(CUstream stream, int mode);
CUresult cuStreamEndCapture(CUstream stream, void** graph);
CUresult cuGraphInstantiateWithFlags(void** executable, void* graph, unsigned long long flags);
CUresult cuGraphLaunch(void* executable, CUstream stream);
CUresult cuGraphExecDestroy(void* executable);
CUresult cuGraphDestroy(void* graph);
CUresult cuGetErrorString(CUresult error, const char** text);
int softgpu_configure(const char* name, const char* value);

}
