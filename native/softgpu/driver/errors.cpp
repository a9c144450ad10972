#include "errors.h"
#include "context.h"

#include <map>

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
        {device_unavailable, {"CUDA_ERROR_DEVICE_UNAVAILABLE", "the device is busy or unavailable"}},
        {no_device, {"CUDA_ERROR_NO_DEVICE", "no CUDA-capable device is detected"}},
        {invalid_device, {"CUDA_ERROR_INVALID_DEVICE", "invalid device ordinal"}},
        {invalid_image, {"CUDA_ERROR_INVALID_IMAGE", "device kernel image is invalid"}},
        {invalid_context, {"CUDA_ERROR_INVALID_CONTEXT", "invalid device context"}},
        {no_binary_for_gpu, {"CUDA_ERROR_NO_BINARY_FOR_GPU", "no kernel image is available for execution on the device"}},
        {invalid_handle, {"CUDA_ERROR_INVALID_HANDLE", "invalid resource handle"}},
        {illegal_state, {"CUDA_ERROR_ILLEGAL_STATE", "the operation cannot be performed in the present state"}},
        {not_found, {"CUDA_ERROR_NOT_FOUND", "named symbol not found"}},
        {not_ready, {"CUDA_ERROR_NOT_READY", "device not ready"}},
        {illegal_address, {"CUDA_ERROR_ILLEGAL_ADDRESS", "an illegal memory access was encountered"}},
        {launch_out_of_resources, {"CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES", "too many resources requested for launch"}},
        {launch_failed, {"CUDA_ERROR_LAUNCH_FAILED", "unspecified launch failure"}},
        {not_supported, {"CUDA_ERROR_NOT_SUPPORTED", "operation not supported"}},
        {capture_unsupported, {"CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED", "operation not permitted when stream is capturing"}},
        {capture_invalidated, {"CUDA_ERROR_STREAM_CAPTURE_INVALIDATED", "operation failed due to a previous error during capture"}},
        {capture_unmatched, {"CUDA_ERROR_STREAM_CAPTURE_UNMATCHED", "the stream does not end the capture that it began"}},
        {capture_unjoined, {"CUDA_ERROR_STREAM_CAPTURE_UNJOINED", "capture has unjoined work of another stream"}},
        {capture_isolation, {"CUDA_ERROR_STREAM_CAPTURE_ISOLATION", "dependency created on uncaptured work"}},
        {capture_implicit, {"CUDA_ERROR_STREAM_CAPTURE_IMPLICIT", "the legacy stream depends on a capturing blocking stream"}},
    };
    return all;
}

thread_local CUresult explained = success;
thread_local std::string explanation;

}

CUresult explain(CUresult code, const std::string& message)
{
    explained = code;
    explanation = message;
    return code;
}

}

extern "C" SOFTGPU_EXPORT CUresult cuGetErrorName(CUresult error, const char** text)
{
    const auto found = softgpu::meanings().find(error);
    *text = found == softgpu::meanings().end() ? nullptr : found->second.name;
    return *text ? softgpu::success : softgpu::invalid_value;
}

extern "C" SOFTGPU_EXPORT CUresult cuGetErrorString(CUresult error, const char** text)
{
    using namespace softgpu;
    thread_local std::string full;
    const auto found = meanings().find(error);
    if (found == meanings().end()) {
        *text = nullptr;
        return invalid_value;
    }
    const std::lock_guard lock(driver_lock());
    full = found->second.text;
    if (context().error == error && error != success)
        full += ": " + context().error_message;
    else if (explained == error && error != success)
        full += ": " + explanation;
    *text = full.c_str();
    return success;
}
