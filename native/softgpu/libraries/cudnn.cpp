#include "cudnn_call.h"

#include <algorithm>

using namespace softgpu;
using namespace softgpu::dnn;

namespace softgpu::dnn {
namespace {

Registry<cudnnContext> handles(LibraryKind::cudnn);
Registry<cudnnTensorStruct> tensors(LibraryKind::cudnn_descriptor);
Registry<cudnnDropoutStruct> dropouts(LibraryKind::cudnn_descriptor);
Registry<cudnnRNNStruct> networks(LibraryKind::cudnn_descriptor);
Registry<cudnnRNNDataStruct> sequences(LibraryKind::cudnn_descriptor);

thread_local LastFailure last_failure;

bool version_9()
{
    return options().cudnn_version >= 90000;
}

constexpr Status all_statuses[] = {Status::not_initialized, Status::bad_param, Status::not_supported, Status::execution_failed, Status::alloc_failed};

const char* name_of(cudnnStatus_t number)
{
    if (number == CUDNN_STATUS_SUCCESS)
        return "CUDNN_STATUS_SUCCESS";
    for (const Status status : all_statuses)
        if (number_of(status) == number)
            switch (status) {
                case Status::not_initialized: return "CUDNN_STATUS_NOT_INITIALIZED";
                case Status::bad_param: return "CUDNN_STATUS_BAD_PARAM";
                case Status::not_supported: return "CUDNN_STATUS_NOT_SUPPORTED";
                case Status::execution_failed: return "CUDNN_STATUS_EXECUTION_FAILED";
                case Status::alloc_failed: return "CUDNN_STATUS_ALLOC_FAILED";
            }
    return "CUDNN_UNKNOWN_STATUS";
}

template <typename T>
T& require(Registry<T>& registry, const char* name, const void* descriptor)
{
    T* const found = registry.find(descriptor);
    if (!found)
        bad_param(std::string(name) + (descriptor ? " is not a live descriptor" : " is null"));
    return *found;
}

template <typename T, typename Handle>
cudnnStatus_t create(const char* call, Registry<T>& registry, Handle* handle)
{
    return answer(call, [&] {
        if (!handle)
            bad_param("the place for the new descriptor is null");
        *handle = registry.create();
    });
}

template <typename T>
cudnnStatus_t destroy(const char* call, Registry<T>& registry, const void* descriptor)
{
    return answer(call, [&] {
        require(registry, "the descriptor", descriptor);
        registry.destroy(descriptor);
    });
}

void require_positive(const char* name, int value)
{
    if (value < 1)
        bad_param(std::string(name) + " is " + std::to_string(value));
}

bool has_tf32()
{
    return options().compute_capability >= 80;
}

}

cudnnStatus_t number_of(Status status)
{
    switch (status) {
        case Status::not_initialized: return version_9() ? 1001 : 1;
        case Status::bad_param: return version_9() ? 2000 : 3;
        case Status::not_supported: return version_9() ? 3000 : 9;
        case Status::execution_failed: return version_9() ? 5000 : 8;
        case Status::alloc_failed: return version_9() ? 4003 : 2;
    }
    return -1;
}

cudnnStatus_t refuse(const char* call, int status, const char* reason)
{
    last_failure.status = status;
    last_failure.text = std::string(name_of(status)) + ": " + call + ": " + reason;
    return status;
}

void fail_call(Status status, const std::string& reason)
{
    throw Failure(number_of(status), reason);
}

void require_only(const char* name, long value, const char* only_name, long only)
{
    if (value != only)
        not_supported(std::string(name) + " is " + std::to_string(value) + "; the software GPU has " + only_name + " only");
}

cudnnContext& require_handle(cudnnHandle_t handle)
{
    cudnnContext* const found = handles.find(handle);
    if (!found)
        bad_param(handle ? "the handle is not a live cuDNN handle" : "the handle is null");
    return *found;
}

cudnnContext& require_usable(cudnnHandle_t handle)
{
    cudnnContext& found = require_handle(handle);
    if (const std::string why = found.owner.why_not_current(); !why.empty())
        fail_call(Status::execution_failed, why);
    return found;
}

cudnnTensorStruct& require_tensor(const char* name, cudnnTensorDescriptor_t descriptor)
{
    return require(tensors, name, descriptor);
}

const cudnnRNNStruct& require_rnn(cudnnRNNDescriptor_t descriptor)
{
    const cudnnRNNStruct& rnn = require(networks, "rnnDesc", descriptor);
    if (!rnn.set)
        bad_param("rnnDesc was never set by cudnnSetRNNDescriptor_v8");
    return rnn;
}

const cudnnRNNDataStruct& require_data(const char* name, cudnnRNNDataDescriptor_t descriptor)
{
    const cudnnRNNDataStruct& data = require(sequences, name, descriptor);
    if (!data.set)
        bad_param(std::string(name) + " was never set by cudnnSetRNNDataDescriptor");
    return data;
}

}

cudnnStatus_t cudnnCreate(cudnnHandle_t* handle)
{
    return answer("cudnnCreate", [&] {
        if (!handle)
            bad_param("handle is null");
        if (!has_current_context())
            fail_call(Status::not_initialized, "this thread has no current context");
        if (const CUresult status = ContextOfHandle().break_captures("cudnnCreate"); status != 0)
            fail_call(Status::not_initialized, driver_error(status));
        if (options().fail_cudnn == 2)
            fail_call(Status::not_initialized, "a library that cuDNN loads is missing, as SOFTGPU_FAIL_CUDNN asked");
        *handle = handles.create();
    });
}

cudnnStatus_t cudnnDestroy(cudnnHandle_t handle)
{
    return answer("cudnnDestroy", [&] {
        require_handle(handle).owner.break_captures("cudnnDestroy");
        handles.destroy(handle);
    });
}

cudnnStatus_t cudnnSetStream(cudnnHandle_t handle, CUstream streamId)
{
    return answer("cudnnSetStream", [&] {
        cudnnContext& context = require_usable(handle);
        if (const CUresult status = stream_status(streamId); status != 0)
            bad_param("the driver refuses streamId: " + driver_error(status));
        context.stream = streamId;
    });
}

size_t cudnnGetVersion(void)
{
    return static_cast<size_t>(options().cudnn_version);
}

// 12040 is CUDA 12.4, and 120403 its cuBLAS.
size_t cudnnGetCudartVersion(void)
{
    return static_cast<size_t>(options().cudnn_cudart_version != 0 ? options().cudnn_cudart_version : options().cublas_version / 100 * 10);
}

const char* cudnnGetErrorString(cudnnStatus_t status)
{
    return status != CUDNN_STATUS_SUCCESS && status == last_failure.status ? last_failure.text.c_str() : name_of(status);
}

cudnnStatus_t cudnnCreateTensorDescriptor(cudnnTensorDescriptor_t* tensorDesc)
{
    return create("cudnnCreateTensorDescriptor", tensors, tensorDesc);
}

cudnnStatus_t cudnnDestroyTensorDescriptor(cudnnTensorDescriptor_t tensorDesc)
{
    return destroy("cudnnDestroyTensorDescriptor", tensors, tensorDesc);
}

cudnnStatus_t cudnnSetTensorNdDescriptor(cudnnTensorDescriptor_t tensorDesc, cudnnDataType_t dataType, int nbDims, const int dimA[], const int strideA[])
{
    return answer("cudnnSetTensorNdDescriptor", [&] {
        cudnnTensorStruct& tensor = require_tensor("tensorDesc", tensorDesc);
        require_only("dataType", dataType, "CUDNN_DATA_FLOAT", CUDNN_DATA_FLOAT);
        require_only("nbDims", nbDims, "tensors of 3 dimensions", 3);
        if (!dimA || !strideA)
            bad_param(dimA ? "strideA is null" : "dimA is null");
        double elements = 1;
        for (int i = 0; i < nbDims; ++i) {
            require_positive("a dimension", dimA[i]);
            require_positive("a stride", strideA[i]);
            elements *= dimA[i];
        }
        if (elements > 2147483647.0)
            not_supported("the tensor has more than 2^31 - 1 elements");
        tensor = {true, {dimA, dimA + nbDims}, {strideA, strideA + nbDims}};
    });
}

cudnnStatus_t cudnnGetTensorNdDescriptor(const cudnnTensorDescriptor_t tensorDesc, int nbDimsRequested, cudnnDataType_t* dataType, int* nbDims, int dimA[],
    int strideA[])
{
    return answer("cudnnGetTensorNdDescriptor", [&] {
        const cudnnTensorStruct& tensor = require_tensor("tensorDesc", tensorDesc);
        if (nbDimsRequested < 0 || nbDimsRequested > 8)
            bad_param("nbDimsRequested is " + std::to_string(nbDimsRequested) + ", not in 0 to 8");
        if (!tensor.set)
            bad_param("tensorDesc was never set");
        if (!dataType || !nbDims || (nbDimsRequested > 0 && (!dimA || !strideA)))
            bad_param("a place for a result is null");
        *dataType = CUDNN_DATA_FLOAT;
        *nbDims = static_cast<int>(tensor.dimensions.size());
        const int count = std::min(*nbDims, nbDimsRequested);
        std::copy_n(tensor.dimensions.begin(), count, dimA);
        std::copy_n(tensor.strides.begin(), count, strideA);
    });
}

cudnnStatus_t cudnnCreateDropoutDescriptor(cudnnDropoutDescriptor_t* dropoutDesc)
{
    return create("cudnnCreateDropoutDescriptor", dropouts, dropoutDesc);
}

cudnnStatus_t cudnnDestroyDropoutDescriptor(cudnnDropoutDescriptor_t dropoutDesc)
{
    return destroy("cudnnDestroyDropoutDescriptor", dropouts, dropoutDesc);
}

cudnnStatus_t cudnnSetDropoutDescriptor(cudnnDropoutDescriptor_t dropoutDesc, cudnnHandle_t handle, float dropout, void* states, size_t stateSizeInBytes,
    unsigned long long)
{
    return answer("cudnnSetDropoutDescriptor", [&] {
        cudnnDropoutStruct& descriptor = require(dropouts, "dropoutDesc", dropoutDesc);
        require_handle(handle);
        if (dropout != 0 || states || stateSizeInBytes != 0)
            not_supported("the software GPU has no dropout: dropout must be 0, states null");
        descriptor.set = true;
    });
}

cudnnStatus_t cudnnCreateRNNDescriptor(cudnnRNNDescriptor_t* rnnDesc)
{
    return create("cudnnCreateRNNDescriptor", networks, rnnDesc);
}

cudnnStatus_t cudnnDestroyRNNDescriptor(cudnnRNNDescriptor_t rnnDesc)
{
    return destroy("cudnnDestroyRNNDescriptor", networks, rnnDesc);
}

cudnnStatus_t cudnnSetRNNDescriptor_v8(cudnnRNNDescriptor_t rnnDesc, cudnnRNNAlgo_t algo, cudnnRNNMode_t cellMode, cudnnRNNBiasMode_t biasMode,
    cudnnDirectionMode_t dirMode, cudnnRNNInputMode_t inputMode, cudnnDataType_t dataType, cudnnDataType_t mathPrec, cudnnMathType_t mathType,
    int32_t inputSize, int32_t hiddenSize, int32_t projSize, int32_t numLayers, cudnnDropoutDescriptor_t dropoutDesc, uint32_t auxFlags)
{
    return answer("cudnnSetRNNDescriptor_v8", [&] {
        cudnnRNNStruct& rnn = require(networks, "rnnDesc", rnnDesc);
        require_only("algo", algo, "CUDNN_RNN_ALGO_STANDARD", CUDNN_RNN_ALGO_STANDARD);
        require_only("cellMode", cellMode, "CUDNN_LSTM", CUDNN_LSTM);
        require_only("biasMode", biasMode, "CUDNN_RNN_SINGLE_INP_BIAS", CUDNN_RNN_SINGLE_INP_BIAS);
        if (dirMode != CUDNN_BIDIRECTIONAL)
            require_only("dirMode", dirMode, "CUDNN_UNIDIRECTIONAL and CUDNN_BIDIRECTIONAL", CUDNN_UNIDIRECTIONAL);
        require_only("inputMode", inputMode, "CUDNN_LINEAR_INPUT", CUDNN_LINEAR_INPUT);
        require_only("dataType", dataType, "CUDNN_DATA_FLOAT", CUDNN_DATA_FLOAT);
        require_only("mathPrec", mathPrec, "CUDNN_DATA_FLOAT", CUDNN_DATA_FLOAT);
        if (mathType != CUDNN_FMA_MATH)
            require_only("mathType", mathType, "CUDNN_DEFAULT_MATH and CUDNN_FMA_MATH", CUDNN_DEFAULT_MATH);
        require_positive("inputSize", inputSize);
        require_positive("hiddenSize", hiddenSize);
        require_only("projSize", projSize, "projections of hiddenSize", hiddenSize);
        require_only("numLayers", numLayers, "one layer", 1);
        require_only("auxFlags", auxFlags, "CUDNN_RNN_PADDED_IO_DISABLED", CUDNN_RNN_PADDED_IO_DISABLED);
        if (!require(dropouts, "dropoutDesc", dropoutDesc).set)
            bad_param("dropoutDesc was never set");
        rnn = {true, {inputSize, hiddenSize, mathType == CUDNN_DEFAULT_MATH && has_tf32(), dirMode == CUDNN_BIDIRECTIONAL ? 2 : 1}};
    });
}

cudnnStatus_t cudnnCreateRNNDataDescriptor(cudnnRNNDataDescriptor_t* rnnDataDesc)
{
    return create("cudnnCreateRNNDataDescriptor", sequences, rnnDataDesc);
}

cudnnStatus_t cudnnDestroyRNNDataDescriptor(cudnnRNNDataDescriptor_t rnnDataDesc)
{
    return destroy("cudnnDestroyRNNDataDescriptor", sequences, rnnDataDesc);
}

cudnnStatus_t cudnnSetRNNDataDescriptor(cudnnRNNDataDescriptor_t rnnDataDesc, cudnnDataType_t dataType, cudnnRNNDataLayout_t layout,
    int maxSeqLength, int batchSize, int vectorSize, const int seqLengthArray[], void*)
{
    return answer("cudnnSetRNNDataDescriptor", [&] {
        cudnnRNNDataStruct& data = require(sequences, "rnnDataDesc", rnnDataDesc);
        require_only("dataType", dataType, "CUDNN_DATA_FLOAT", CUDNN_DATA_FLOAT);
        require_only("layout", layout, "CUDNN_RNN_DATA_LAYOUT_SEQ_MAJOR_PACKED", CUDNN_RNN_DATA_LAYOUT_SEQ_MAJOR_PACKED);
        require_positive("maxSeqLength", maxSeqLength);
        require_positive("batchSize", batchSize);
        require_positive("vectorSize", vectorSize);
        if (!seqLengthArray)
            bad_param("seqLengthArray is null");
        std::string why;
        if (is_device_range(seqLengthArray, sizeof(int), &why))
            bad_param("seqLengthArray is device memory, but it is read by the host");
        for (int n = 0; n < batchSize; ++n)
            require_only("an element of seqLengthArray", seqLengthArray[n], "sequences of the one length maxSeqLength", maxSeqLength);
        data = {true, vectorSize, {maxSeqLength, batchSize}};
    });
}
