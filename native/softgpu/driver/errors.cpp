#include "errors.h"
#include "context.h"

#include <map>
#include <mutex>

namespace softgpu {
namespace {

struct Meaning {
    const char* name;
    const char* text;
};

const std::map<CUresult, Meaning>& meanings()
{
    static const std::map<CUresult, Meaning> all = {
        {success, {"CUDA_SUCCESS", "no error"}},
        {invalid_value, {"CUDA_ERROR_INVALID_VALUE", "invalid argument"}},
        {out_of_memory, {"CUDA_ERROR_OUT_OF_MEMORY", "out of memory"}},
        {not_initialized, {"CUDA_ERROR_NOT_INITIALIZED", "initialization error"}},
        {device_unavailable, {"CUDA_ERROR_DEVICE_UNAVAILABLE", "CUDA-capable device(s) is/are busy or unavailable"}},
        {no_device, {"CUDA_ERROR_NO_DEVICE", "no CUDA-capable device is detected"}},
        {invalid_device, {"CUDA_ERROR_INVALID_DEVICE", "invalid device ordinal"}},
        {invalid_image, {"CUDA_ERROR_INVALID_IMAGE", "device kernel image is invalid"}},
        {invalid_context, {"CUDA_ERROR_INVALID_CONTEXT", "invalid device context"}},
        {no_binary_for_gpu, {"CUDA_ERROR_NO_BINARY_FOR_GPU", "no kernel image is available for execution on the device"}},
        {invalid_handle, {"CUDA_ERROR_INVALID_HANDLE", "invalid resource handle"}},
        {illegal_state, {"CUDA_ERROR_ILLEGAL_STATE", "the operation cannot be performed in the present state"}},
        {not_found, {"CUDA_ERROR_NOT_FOUND", "named symbol not found"}},
        {illegal_address, {"CUDA_ERROR_ILLEGAL_ADDRESS", "an illegal memory access was encountered"}},
        {context_is_destroyed, {"CUDA_ERROR_CONTEXT_IS_DESTROYED", "context is destroyed"}},
        {launch_failed, {"CUDA_ERROR_LAUNCH_FAILED", "unspecified launch failure"}},
        {cooperative_launch_too_large, {"CUDA_ERROR_COOPERATIVE_LAUNCH_TOO_LARGE", "too many blocks in cooperative launch"}},
        {not_supported, {"CUDA_ERROR_NOT_SUPPORTED", "operation not supported"}},
        {capture_unsupported, {"CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED", "operation not permitted when stream is capturing"}},
        {capture_invalidated, {"CUDA_ERROR_STREAM_CAPTURE_INVALIDATED", "operation failed due to a previous error during capture"}},
        {capture_merge, {"CUDA_ERROR_STREAM_CAPTURE_MERGE", "operation would cause a merge of two independent capture sequences"}},
        {capture_unmatched, {"CUDA_ERROR_STREAM_CAPTURE_UNMATCHED", "capture was not ended in the same stream as it began"}},
        {capture_unjoined, {"CUDA_ERROR_STREAM_CAPTURE_UNJOINED", "capturing stream has unjoined work"}},
        {capture_isolation, {"CUDA_ERROR_STREAM_CAPTURE_ISOLATION", "dependency created on uncaptured work in another stream"}},
        {captured_event, {"CUDA_ERROR_CAPTURED_EVENT", "operation not permitted on an event last recorded in a capturing stream"}},
        {capture_wrong_thread, {"CUDA_ERROR_STREAM_CAPTURE_WRONG_THREAD", "attempt to terminate a thread-local capture sequence from another thread"}},
    };
    return all;
}

thread_local CUresult explained = success;
thread_local std::string explanation;

// Threads of the pool fail while the driver's lock is held elsewhere.
std::mutex failure_lock;

}

CUresult explain(CUresult code, const std::string& message)
{
    explained = code;
    explanation = message;
    return code;
}

void fail(CUresult code, const std::string& message)
{
    const std::lock_guard lock(failure_lock);
    Context& context = *acting_context();
    if (context.failure != success)
        return;
    context.failure_message = message;
    context.failure = code;
}

CUresult sticky_error(const Context& context) { return context.failure; }

void forget_error(Context& context)
{
    const std::lock_guard lock(failure_lock);
    context.failure = success;
    context.failure_message.clear();
}

}

using namespace softgpu;

extern "C" SOFTGPU_EXPORT CUresult cuGetErrorName(CUresult error, const char** text)
{
    const auto found = meanings().find(error);
    *text = found == meanings().end() ? nullptr : found->second.name;
    return *text ? success : invalid_value;
}

extern "C" SOFTGPU_EXPORT CUresult cuGetErrorString(CUresult error, const char** text)
{
    thread_local std::string full;
    const auto found = meanings().find(error);
    if (found == meanings().end()) {
        *text = nullptr;
        return invalid_value;
    }
    full = found->second.text;
    const std::lock_guard lock(failure_lock);
    const Context* const context = acting_context();
    if (error != success && context && context->failure == error)
        full += ": " + context->failure_message;
    else if (error != success && explained == error)
        full += ": " + explanation;
    *text = full.c_str();
    return success;
}
