#pragma once

#include "softgpu.h"

#include <cstddef>

// CUlaunchAttribute and CUlaunchConfig.
struct LaunchAttribute {
    int id;
    int padding;
    int value[16];
};

struct LaunchConfiguration {
    unsigned grid[3], block[3];
    unsigned shared_bytes;
    CUstream stream;
    const LaunchAttribute* attributes;
    unsigned attribute_count;
};

// The driver calls that the tests make.
extern "C" {

CUresult cuInit(unsigned flags);
CUresult cuDeviceGet(int* device, int ordinal);
CUresult cuDeviceGetAttribute(int* value, int attribute, int device);
CUresult cuDevicePrimaryCtxRetain(void** context, int device);
CUresult cuDevicePrimaryCtxRelease_v2(int device);
CUresult cuCtxSetCurrent(void* context);
CUresult cuMemAlloc_v2(unsigned long long* address, size_t bytes);
CUresult cuMemFree_v2(unsigned long long address);
CUresult cuMemcpyHtoDAsync_v2(unsigned long long target, const void* source, size_t bytes, CUstream stream);
CUresult cuMemcpyDtoHAsync_v2(void* target, unsigned long long source, size_t bytes, CUstream stream);
CUresult cuMemcpyDtoDAsync_v2(unsigned long long target, unsigned long long source, size_t bytes, CUstream stream);
CUresult cuMemsetD8Async(unsigned long long address, unsigned char value, size_t bytes, CUstream stream);
CUresult cuMemGetInfo_v2(size_t* free, size_t* total);
CUresult cuMemHostAlloc(void** address, size_t bytes, unsigned flags);
CUresult cuMemFreeHost(void* address);
CUresult cuModuleLoadData(void** module, const void* image);
CUresult cuModuleUnload(void* module);
CUresult cuModuleGetFunction(void** function, void* module, const char* name);
CUresult cuLaunchKernel(void* function, unsigned grid_x, unsigned grid_y, unsigned grid_z, unsigned block_x, unsigned block_y, unsigned block_z,
    unsigned shared_bytes, CUstream stream, void** arguments, void** extra);
CUresult cuLaunchKernelEx(const struct LaunchConfiguration* configuration, void* function, void** arguments, void** extra);
CUresult cuFuncSetAttribute(void* function, int attribute, int value);
CUresult cuOccupancyMaxActiveBlocksPerMultiprocessor(int* blocks, void* function, int threads, size_t shared_bytes);
CUresult cuFuncGetAttribute(int* value, int attribute, void* function);
CUresult cuCtxGetStreamPriorityRange(int* least, int* greatest);
CUresult cuStreamCreate(CUstream* stream, unsigned flags);
CUresult cuStreamCreateWithPriority(CUstream* stream, unsigned flags, int priority);
CUresult cuStreamDestroy_v2(CUstream stream);
CUresult cuStreamSynchronize(CUstream stream);
CUresult cuStreamWaitEvent(CUstream stream, void* event, unsigned flags);
CUresult cuEventCreate(void** event, unsigned flags);
CUresult cuEventDestroy_v2(void* event);
CUresult cuEventRecord(void* event, CUstream stream);
CUresult cuEventSynchronize(void* event);
CUresult cuStreamBeginCapture_v2(CUstream stream, int mode);
CUresult cuStreamEndCapture(CUstream stream, void** graph);
CUresult cuGraphInstantiateWithFlags(void** executable, void* graph, unsigned long long flags);
CUresult cuGraphUpload(void* executable, CUstream stream);
CUresult cuGraphLaunch(void* executable, CUstream stream);
CUresult cuGraphExecDestroy(void* executable);
CUresult cuGraphDestroy(void* graph);
CUresult cuGraphGetNodes(void* graph, void** nodes, size_t* count);
CUresult cuGraphNodeGetType(void* node, int* type);
CUresult cuGetErrorName(CUresult error, const char** text);
CUresult cuGetErrorString(CUresult error, const char** text);
int softgpu_configure(const char* name, const char* value);
long softgpu_live(const char* kind);

}
