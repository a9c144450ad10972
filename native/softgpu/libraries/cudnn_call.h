#pragma once

#include "cudnn_interface.h"
#include "device_memory.h"
#include "failure.h"
#include "lstm.h"
#include "registry.h"

#include <new>
#include <string>
#include <vector>

struct cudnnContext {
    softgpu::ContextOfHandle owner;
    CUstream stream = nullptr;
};

struct cudnnTensorStruct {
    bool set = false;
    std::vector<int> dimensions;
    std::vector<int> strides;
};

struct cudnnDropoutStruct {
    bool set = false;
};

struct cudnnRNNStruct {
    bool set = false;
    softgpu::lstm::Network network;
};

struct cudnnRNNDataStruct {
    bool set = false;
    int width = 0;
    softgpu::lstm::Batch batch;
};

namespace softgpu::dnn {

// The statuses this library answers with; version 9 numbers them anew.
enum class Status { not_initialized, bad_param, not_supported, execution_failed, alloc_failed };

cudnnStatus_t number_of(Status status);
cudnnStatus_t refuse(const char* call, int status, const char* reason);

[[noreturn]] void fail_call(Status status, const std::string& reason);
[[noreturn]] inline void bad_param(const std::string& reason) { fail_call(Status::bad_param, reason); }
[[noreturn]] inline void not_supported(const std::string& reason) { fail_call(Status::not_supported, reason); }

// cuDNN has more than the one value that the product uses.
void require_only(const char* name, long value, const char* only_name, long only);

template <typename Work>
cudnnStatus_t answer(const char* call, Work&& work)
{
    try {
        work();
        return CUDNN_STATUS_SUCCESS;
    } catch (const Failure& failure) {
        return refuse(call, failure.status(), failure.what());
    } catch (const std::bad_alloc&) {
        return refuse(call, number_of(Status::alloc_failed), "out of host memory");
    }
}

cudnnContext& require_handle(cudnnHandle_t handle);
// That too, and whether the calling thread may use it.
cudnnContext& require_usable(cudnnHandle_t handle);
cudnnTensorStruct& require_tensor(const char* name, cudnnTensorDescriptor_t descriptor);
const cudnnRNNStruct& require_rnn(cudnnRNNDescriptor_t descriptor);
const cudnnRNNDataStruct& require_data(const char* name, cudnnRNNDataDescriptor_t descriptor);

}
