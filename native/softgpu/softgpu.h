// What the software GPU's driver offers to the libraries built upon it (cuBLAS, cuBLASLt, cuDNN, NCCL).
#pragma once

#include <cstddef>
#include <functional>
#include <string>

typedef int CUresult;
typedef struct CUstream_st* CUstream;

#define SOFTGPU_EXPORT __attribute__((visibility("default")))

extern "C" {
SOFTGPU_EXPORT CUresult cuGetErrorName(CUresult error, const char** text);
SOFTGPU_EXPORT CUresult cuGetErrorString(CUresult error, const char** text);
}

namespace softgpu {

// From the environment when the driver starts, or from softgpu_configure. Zero faults are off; otherwise those of the driver name the n-th event from 1.
struct Options {
    long seed = 0;
    long memory = 8l << 30;
    long fail_allocation = 0;
    long fail_launch = 0;
    long lose_device = 0;
    long fail_graph = 0;
    // What the libraries refuse, always: the heuristic of cuBLASLt (1) or the product with what it found (2); recurrent networks (1) or cuDNN's handles (2).
    long fail_heuristic = 0;
    long fail_cudnn = 0;
    long uneven_cudnn = 0; // 1: some shorter sequences need more space than longer ones
    long driver_version = 12040;
    long devices = 1;
    long compute_capability = 90;
    long multiprocessors = 0; // 0: one a processor
    long shared_memory = 0; // bytes that a block may have at most; 0: as GPUs of the compute capability
    long cooperative_launch = 1;
    long kernel_architecture = 0; // that the kernels were compiled for; 0: the compute capability
    long cublas_version = 120403;
    long cudnn_version = 90100;
    long cudnn_cudart_version = 0; // 0: the CUDA of the cuBLAS
    long nccl_version = 22704;
    long threads = 0; // 0: one a processor
};

SOFTGPU_EXPORT const Options& options();

// What libraries make, for softgpu_live: "cublas", "cublaslt" and so on.
enum class LibraryKind { cublas, cublaslt, cublaslt_descriptor, cudnn, cudnn_descriptor, nccl };

SOFTGPU_EXPORT void count_live(LibraryKind kind, long change);

// Appends work to a stream or, while the stream captures, adds a node to its graph. `what` names it in errors.
// Where the work waits for another process or thread, `arrived` is asked, again and again and under the driver's lock, whether it can go on.
// Where there is something to `begin` with, it is done before the work, and other streams and nodes may run in between; as a node it is one with the work.
SOFTGPU_EXPORT CUresult enqueue(CUstream stream, const char* what, std::function<void()> work, std::function<bool()> arrived = {},
    std::function<void()> begin = {});

// From now on the context answers every call with this error; cuGetErrorString tells the message. Callable from work.
SOFTGPU_EXPORT void fail(CUresult code, const std::string& message);

// Whether the range lies within one live allocation of the device that is current, or that does this work; otherwise says why not.
SOFTGPU_EXPORT bool is_device_range(const void* address, std::size_t bytes, std::string* why);

SOFTGPU_EXPORT bool has_current_context();

struct Context;

// The context that was current when a library made a handle, which belongs to it.
class SOFTGPU_EXPORT ContextOfHandle {
public:
    ContextOfHandle();

    // An empty text where the calling thread may use the handle.
    std::string why_not_current() const;

    // What waits for the whole device, as making and destroying handles does, invalidates the captures of its context, of whatever thread. Refused where the
    // calling thread captures itself. That it waits is not modelled: nothing should rely upon it.
    CUresult break_captures(const char* call) const;

private:
    Context* context_ = nullptr;
    unsigned long begins_ = 0;
};

// 0, or CUDA_ERROR_INVALID_HANDLE for what is no stream of the current context, as null is none.
SOFTGPU_EXPORT CUresult stream_status(CUstream stream);

SOFTGPU_EXPORT bool is_capturing(CUstream stream);

// Runs f(begin, end) over parts of [0, n) on the threads that run kernels.
SOFTGPU_EXPORT void parallel_for(long n, const std::function<void(long, long)>& f);

}
