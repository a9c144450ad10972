#include "cudnn_call.h"

#include <algorithm>
#include <limits>

using namespace softgpu;
using namespace softgpu::dnn;

namespace softgpu::dnn {
namespace {

Registry<cudnnContext> handles;
Registry<cudnnTensorStruct> tensors;
Registry<cudnnDropoutStruct> dropouts;
Registry<cudnnRNNStruct> networks;
Registry<cudnnRNNDataStruct> sequences;

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

void require_between(const char* name, long value, long least, long most)
{
    if (value < least || value > most)
        bad_param(std::string(name) + " is " + std::to_string(value) + ", not in " + std::to_string(least) + " to " + std::to_string(most));
}

void require_float(const char* name, int type)
{
    if (type != CUDNN_DATA_FLOAT)
        not_supported(std::string(name) + " is " + std::to_string(type) + "; the software GPU has CUDNN_DATA_FLOAT only");
}

bool has_tf32()
{
    return options().compute_capability >= 80;
}

// Rows of the vectors of a batch in memory, and how many there are.
long place_rows(lstm::Batch& batch, int layout)
{
    batch.row.assign(batch.positions(), 0);
    long packed = 0;
    for (int t = 0; t < batch.steps; ++t)
        for (int n = 0; n < batch.batch; ++n) {
            long& row = batch.row[static_cast<std::size_t>(t) * batch.batch + n];
            switch (layout) {
                case CUDNN_RNN_DATA_LAYOUT_SEQ_MAJOR_UNPACKED: row = static_cast<long>(t) * batch.batch + n; break;
                case CUDNN_RNN_DATA_LAYOUT_BATCH_MAJOR_UNPACKED: row = static_cast<long>(n) * batch.steps + t; break;
                default: row = t < batch.lengths[n] ? packed++ : -1; break;
            }
        }
    return layout == CUDNN_RNN_DATA_LAYOUT_SEQ_MAJOR_PACKED ? packed : static_cast<long>(batch.positions());
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

cudnnContext& require_handle(cudnnHandle_t handle)
{
    cudnnContext* const found = handles.find(handle);
    if (!found)
        bad_param(handle ? "the handle is not a live cuDNN handle" : "the handle is null");
    return *found;
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
        *handle = handles.create();
    });
}

cudnnStatus_t cudnnDestroy(cudnnHandle_t handle)
{
    return answer("cudnnDestroy", [&] {
        require_handle(handle);
        handles.destroy(handle);
    });
}

cudnnStatus_t cudnnSetStream(cudnnHandle_t handle, CUstream streamId)
{
    return answer("cudnnSetStream", [&] {
        cudnnContext& context = require_handle(handle);
        if (stream_status(streamId) != 0)
            bad_param("streamId is not a live stream of the driver");
        context.stream = streamId;
    });
}

size_t cudnnGetVersion(void)
{
    return static_cast<size_t>(options().cudnn_version);
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
        require_between("dataType", dataType, CUDNN_DATA_FLOAT, CUDNN_DATA_FAST_FLOAT_FOR_FP8);
        if (nbDims < 3 || nbDims > 8)
            not_supported("nbDims is " + std::to_string(nbDims) + ", not in 3 to 8");
        if (!dimA || !strideA)
            bad_param(dimA ? "strideA is null" : "dimA is null");
        double elements = 1;
        for (int i = 0; i < nbDims; ++i) {
            require_between("a dimension", dimA[i], 1, std::numeric_limits<int>::max());
            require_between("a stride", strideA[i], 1, std::numeric_limits<int>::max());
            elements *= dimA[i];
        }
        if (elements > 2147483647.0)
            not_supported("the tensor has more than 2^31 - 1 elements");
        tensor = {true, dataType, {dimA, dimA + nbDims}, {strideA, strideA + nbDims}};
    });
}

cudnnStatus_t cudnnGetTensorNdDescriptor(const cudnnTensorDescriptor_t tensorDesc, int nbDimsRequested, cudnnDataType_t* dataType, int* nbDims, int dimA[], int strideA[])
{
    return answer("cudnnGetTensorNdDescriptor", [&] {
        const cudnnTensorStruct& tensor = require_tensor("tensorDesc", tensorDesc);
        require_between("nbDimsRequested", nbDimsRequested, 0, 8);
        if (!tensor.set)
            bad_param("tensorDesc was never set");
        if (!dataType || !nbDims || (nbDimsRequested > 0 && (!dimA || !strideA)))
            bad_param("a place for a result is null");
        *dataType = tensor.type;
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

cudnnStatus_t cudnnSetDropoutDescriptor(cudnnDropoutDescriptor_t dropoutDesc, cudnnHandle_t handle, float dropout, void* states, size_t stateSizeInBytes, unsigned long long)
{
    return answer("cudnnSetDropoutDescriptor", [&] {
        cudnnDropoutStruct& descriptor = require(dropouts, "dropoutDesc", dropoutDesc);
        require_handle(handle);
        if (!(dropout >= 0 && dropout <= 1))
            bad_param("dropout is " + std::to_string(dropout));
        if (states) {
            DeviceRanges ranges;
            const std::string why = ranges.add("states", states, stateSizeInBytes, 1);
            if (!why.empty())
                bad_param(why);
        } else if (dropout > 0) {
            bad_param("states is null but dropout is not 0");
        }
        descriptor = {true, dropout};
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
        require_between("algo", algo, CUDNN_RNN_ALGO_STANDARD, CUDNN_RNN_ALGO_PERSIST_STATIC_SMALL_H);
        require_between("cellMode", cellMode, CUDNN_RNN_RELU, CUDNN_GRU);
        require_between("biasMode", biasMode, CUDNN_RNN_NO_BIAS, CUDNN_RNN_SINGLE_REC_BIAS);
        require_between("dirMode", dirMode, CUDNN_UNIDIRECTIONAL, CUDNN_BIDIRECTIONAL);
        require_between("inputMode", inputMode, CUDNN_LINEAR_INPUT, CUDNN_SKIP_INPUT);
        require_between("mathType", mathType, CUDNN_DEFAULT_MATH, CUDNN_FMA_MATH);
        constexpr int largest = std::numeric_limits<int>::max();
        require_between("inputSize", inputSize, 1, largest);
        require_between("hiddenSize", hiddenSize, 1, largest);
        require_between("projSize", projSize, 1, hiddenSize);
        require_between("numLayers", numLayers, 1, largest);
        require_between("auxFlags", auxFlags, CUDNN_RNN_PADDED_IO_DISABLED, CUDNN_RNN_PADDED_IO_ENABLED);
        const cudnnDropoutStruct& dropout = require(dropouts, "dropoutDesc", dropoutDesc);
        if (!dropout.set)
            bad_param("dropoutDesc was never set");
        require_float("dataType", dataType);
        require_float("mathPrec", mathPrec);
        if (cellMode != CUDNN_LSTM)
            not_supported("the software GPU has CUDNN_LSTM cells only");
        if (inputMode != CUDNN_LINEAR_INPUT)
            not_supported("the software GPU has CUDNN_LINEAR_INPUT only");
        if (algo == CUDNN_RNN_ALGO_PERSIST_DYNAMIC)
            not_supported("the software GPU has no CUDNN_RNN_ALGO_PERSIST_DYNAMIC");
        if (mathType == CUDNN_TENSOR_OP_MATH || mathType == CUDNN_TENSOR_OP_MATH_ALLOW_CONVERSION)
            not_supported("the software GPU has CUDNN_DEFAULT_MATH and CUDNN_FMA_MATH for CUDNN_DATA_FLOAT");
        if (projSize != hiddenSize)
            not_supported("the software GPU has no recurrent projection: projSize must be hiddenSize");
        if (dropout.probability != 0 && numLayers > 1)
            not_supported("the software GPU has no dropout between layers");

        lstm::Network network;
        network.layers = numLayers;
        network.directions = dirMode == CUDNN_BIDIRECTIONAL ? 2 : 1;
        network.input = inputSize;
        network.hidden = hiddenSize;
        network.input_bias = biasMode == CUDNN_RNN_SINGLE_INP_BIAS || biasMode == CUDNN_RNN_DOUBLE_BIAS;
        network.recurrent_bias = biasMode == CUDNN_RNN_SINGLE_REC_BIAS || biasMode == CUDNN_RNN_DOUBLE_BIAS;
        network.tf32 = mathType == CUDNN_DEFAULT_MATH && has_tf32();
        rnn = {true, algo, auxFlags == CUDNN_RNN_PADDED_IO_ENABLED, network};
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
    int maxSeqLength, int batchSize, int vectorSize, const int seqLengthArray[], void* paddingFill)
{
    return answer("cudnnSetRNNDataDescriptor", [&] {
        cudnnRNNDataStruct& data = require(sequences, "rnnDataDesc", rnnDataDesc);
        require_float("dataType", dataType);
        require_between("layout", layout, CUDNN_RNN_DATA_LAYOUT_SEQ_MAJOR_UNPACKED, CUDNN_RNN_DATA_LAYOUT_BATCH_MAJOR_UNPACKED);
        constexpr int largest = std::numeric_limits<int>::max();
        require_between("maxSeqLength", maxSeqLength, 1, largest);
        require_between("batchSize", batchSize, 1, largest);
        require_between("vectorSize", vectorSize, 1, largest);
        if (!seqLengthArray)
            bad_param("seqLengthArray is null");
        std::string why;
        if (is_device_range(seqLengthArray, sizeof(int), &why))
            bad_param("seqLengthArray is device memory, but it is read by the host");

        cudnnRNNDataStruct made;
        made.set = true;
        made.layout = layout;
        made.width = vectorSize;
        made.batch.steps = maxSeqLength;
        made.batch.batch = batchSize;
        made.batch.lengths.assign(seqLengthArray, seqLengthArray + batchSize);
        for (const int length : made.batch.lengths)
            require_between("an element of seqLengthArray", length, 1, maxSeqLength);
        if (layout == CUDNN_RNN_DATA_LAYOUT_SEQ_MAJOR_PACKED) {
            if (!std::is_sorted(made.batch.lengths.rbegin(), made.batch.lengths.rend()))
                bad_param("seqLengthArray is not in descending order, as the packed layout needs");
            if (made.batch.lengths.front() != maxSeqLength)
                bad_param("maxSeqLength is " + std::to_string(maxSeqLength) + " but in the packed layout it is the longest length, " + std::to_string(made.batch.lengths.front()));
        }
        made.rows = place_rows(made.batch, layout);
        // Without a symbol for it, padding is undefined.
        made.padding = paddingFill ? *static_cast<const float*>(paddingFill) : std::numeric_limits<float>::quiet_NaN();
        data = std::move(made);
    });
}
