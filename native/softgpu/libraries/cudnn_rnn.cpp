#include "cudnn_call.h"

#include <algorithm>
#include <cstring>
#include <initializer_list>
#include <limits>
#include <memory>

using namespace softgpu;
using namespace softgpu::dnn;

namespace {

constexpr std::size_t unit = 256;

std::size_t rounded(std::size_t bytes)
{
    return (bytes + unit - 1) / unit * unit;
}

std::uint64_t mix(std::uint64_t hash, std::uint64_t value)
{
    hash = (hash ^ value) * 0x9e3779b97f4a7c15u;
    return hash ^ (hash >> 29);
}

std::uint64_t hash_of(const void* data, std::size_t bytes, std::uint64_t hash)
{
    if (!data)
        return mix(hash, 1);
    const auto* const source = static_cast<const unsigned char*>(data);
    for (; bytes >= sizeof(std::uint64_t); bytes -= sizeof(std::uint64_t)) {
        std::uint64_t word;
        std::memcpy(&word, source + bytes - sizeof word, sizeof word);
        hash = mix(hash, word);
    }
    for (std::size_t i = 0; i < bytes; ++i)
        hash = mix(hash, source[i]);
    return hash;
}

// First bytes of a reserve space: what the forward pass that wrote it was given and gave, so that a backward pass with
// anything else is found out.
struct Stamp {
    enum Stage : std::uint64_t { forward_done = 1, data_done = 2 };

    std::uint64_t mark;
    std::uint64_t stage;
    std::uint64_t shape;
    std::uint64_t x;
    std::uint64_t hx;
    std::uint64_t cx;
    std::uint64_t y;
    std::uint64_t weights;
};
static_assert(sizeof(Stamp) <= unit);

constexpr std::uint64_t stamp_mark = 0x7265'7365'7276'6531u;

// Everything a call works on, copied out of the descriptors, which may change or go before the work runs.
struct Job {
    const char* call = nullptr;
    lstm::Network network;
    cudnnRNNDataStruct x;
    cudnnRNNDataStruct y;
    DeviceRanges ranges;
    const std::int32_t* device_lengths = nullptr;
    void* workspace = nullptr;
    std::size_t workspace_bytes = 0;
    void* reserve = nullptr;

    std::size_t state_bytes() const { return static_cast<std::size_t>(network.cells()) * x.batch.batch * network.hidden * sizeof(float); }

    lstm::Record record() const
    {
        return {network, x.batch, reinterpret_cast<float*>(static_cast<unsigned char*>(reserve) + unit)};
    }

    Stamp& stamp() const { return *static_cast<Stamp*>(reserve); }
};

std::size_t bytes_of(const cudnnRNNDataStruct& data)
{
    return static_cast<std::size_t>(data.rows) * data.width * sizeof(float);
}

std::size_t workspace_bytes(const lstm::Network& network, const lstm::Batch& batch)
{
    return rounded(batch.positions() * network.cells() * network.hidden * 4 * sizeof(float)) + 3 * unit;
}

std::size_t reserve_bytes(const lstm::Network& network, const lstm::Batch& batch)
{
    return unit + rounded(lstm::Record::size(network, batch) * sizeof(float));
}

std::size_t weight_bytes(const lstm::Network& network)
{
    return static_cast<std::size_t>(lstm::WeightPlan(network).size) * sizeof(float);
}

// Collects the memory of a call: inputs and outputs must be device memory, and no output may lie on anything else.
class Operands {
public:
    explicit Operands(DeviceRanges& ranges) : ranges_(ranges) {}

    void input(const char* name, const void* address, std::size_t bytes, std::size_t alignment = sizeof(float)) { add(name, address, bytes, alignment, false); }
    void output(const char* name, const void* address, std::size_t bytes, std::size_t alignment = sizeof(float)) { add(name, address, bytes, alignment, true); }

    void optional_input(const char* name, const void* address, std::size_t bytes)
    {
        if (address)
            input(name, address, bytes);
    }

    void optional_output(const char* name, const void* address, std::size_t bytes)
    {
        if (address)
            output(name, address, bytes);
    }

private:
    struct Operand {
        const char* name;
        std::uintptr_t begin;
        std::uintptr_t end;
        bool output;
    };

    void add(const char* name, const void* address, std::size_t bytes, std::size_t alignment, bool output)
    {
        const std::string why = ranges_.add(name, address, bytes, alignment);
        if (!why.empty())
            bad_param(why);
        const auto begin = reinterpret_cast<std::uintptr_t>(address);
        const Operand added{name, begin, begin + bytes, output};
        for (const Operand& other : operands_)
            if ((output || other.output) && added.begin < other.end && other.begin < added.end)
                bad_param(std::string(name) + " overlaps " + other.name);
        operands_.push_back(added);
    }

    DeviceRanges& ranges_;
    std::vector<Operand> operands_;
};

void require_data_of(const char* name, const cudnnRNNDataStruct& data, int width, const char* width_name)
{
    if (data.width != width)
        bad_param(std::string(name) + " has vectors of " + std::to_string(data.width) + " but " + width_name + " is " + std::to_string(width));
}

void require_state_descriptor(const char* name, cudnnTensorDescriptor_t descriptor, const Job& job)
{
    const cudnnTensorStruct& tensor = require_tensor(name, descriptor);
    if (!tensor.set)
        bad_param(std::string(name) + " was never set");
    if (tensor.type != CUDNN_DATA_FLOAT)
        bad_param(std::string(name) + " is not of CUDNN_DATA_FLOAT");
    const std::vector<int> dimensions = {job.network.cells(), job.x.batch.batch, job.network.hidden};
    const std::vector<int> strides = {job.x.batch.batch * job.network.hidden, job.network.hidden, 1};
    if (tensor.dimensions != dimensions)
        bad_param(std::string(name) + " is not [layers x directions, batch, hidden] = [" + std::to_string(dimensions[0]) + ", " + std::to_string(dimensions[1]) + ", "
            + std::to_string(dimensions[2]) + "]");
    if (tensor.strides != strides)
        bad_param(std::string(name) + " is not fully packed");
}

// What the three calls have in common.
Job begin_job(const char* call, cudnnRNNDescriptor_t rnn_descriptor, cudnnRNNDataDescriptor_t x_descriptor, cudnnRNNDataDescriptor_t y_descriptor)
{
    if (!has_current_context())
        fail_call(Status::execution_failed, "this thread has no current context to use the handle in");
    const cudnnRNNStruct& rnn = require_rnn(rnn_descriptor);
    Job job;
    job.call = call;
    job.network = rnn.network;
    job.x = require_data("xDesc", x_descriptor);
    job.y = require_data("yDesc", y_descriptor);
    require_data_of("xDesc", job.x, rnn.network.input, "inputSize");
    require_data_of("yDesc", job.y, rnn.network.directions * rnn.network.hidden, "directions x hiddenSize");
    if (job.x.layout != job.y.layout || job.x.batch.steps != job.y.batch.steps || job.x.batch.batch != job.y.batch.batch)
        bad_param("xDesc and yDesc differ in layout, maxSeqLength or batchSize");
    if (job.x.batch.lengths != job.y.batch.lengths)
        bad_param("xDesc and yDesc differ in seqLengthArray");
    if (job.x.layout != CUDNN_RNN_DATA_LAYOUT_SEQ_MAJOR_PACKED && !rnn.padded_io)
        bad_param("an unpacked layout needs CUDNN_RNN_PADDED_IO_ENABLED in auxFlags");
    const auto& lengths = job.x.batch.lengths;
    const bool ragged = std::any_of(lengths.begin(), lengths.end(), [&](int length) { return length != job.x.batch.steps; });
    if (ragged && rnn.algorithm != CUDNN_RNN_ALGO_STANDARD)
        not_supported("the persistent algorithms take sequences of one length only");
    return job;
}

void add_lengths(Job& job, Operands& operands, const std::int32_t* device_lengths)
{
    constexpr long first_without = 8901;
    if (!device_lengths && options().cudnn_version < first_without)
        bad_param("devSeqLengths is null, which this version does not take");
    operands.optional_input("devSeqLengths", device_lengths, job.x.batch.lengths.size() * sizeof(std::int32_t));
    job.device_lengths = device_lengths;
}

void add_spaces(Job& job, Operands& operands, std::size_t work_size, void* work, bool training, std::size_t reserve_size, void* reserve)
{
    job.workspace_bytes = workspace_bytes(job.network, job.x.batch);
    if (work_size < job.workspace_bytes)
        bad_param("workSpaceSize is " + std::to_string(work_size) + " but cudnnGetRNNTempSpaceSizes asks for " + std::to_string(job.workspace_bytes));
    job.workspace = work;
    operands.output("workSpace", work, job.workspace_bytes, unit);
    if (!training)
        return;
    const std::size_t needed = reserve_bytes(job.network, job.x.batch);
    if (reserve_size < needed)
        bad_param("reserveSpaceSize is " + std::to_string(reserve_size) + " but cudnnGetRNNTempSpaceSizes asks for " + std::to_string(needed));
    job.reserve = reserve;
    operands.output("reserveSpace", reserve, needed, unit);
}

void require_weight_size(const lstm::Network& network, std::size_t size)
{
    const std::size_t needed = weight_bytes(network);
    if (size < needed)
        bad_param("weightSpaceSize is " + std::to_string(size) + " but cudnnGetRNNWeightSpaceSize asks for " + std::to_string(needed));
}

std::uint64_t shape_of(const Job& job)
{
    const lstm::Network& n = job.network;
    std::uint64_t hash = stamp_mark;
    for (const int value : {n.layers, n.directions, n.input, n.hidden, int{n.input_bias}, int{n.recurrent_bias}, int{n.tf32}, job.x.layout, job.x.batch.steps, job.x.batch.batch})
        hash = mix(hash, static_cast<std::uint64_t>(value));
    return hash_of(job.x.batch.lengths.data(), job.x.batch.lengths.size() * sizeof(int), hash);
}

// Hash of the valid vectors of a batch; padding does not count.
std::uint64_t content_of(const cudnnRNNDataStruct& data, const float* values)
{
    std::uint64_t hash = stamp_mark;
    for (int n = 0; n < data.batch.batch; ++n)
        for (int t = 0; t < data.batch.lengths[n]; ++t)
            hash = hash_of(values + static_cast<std::size_t>(data.batch.row[static_cast<std::size_t>(t) * data.batch.batch + n]) * data.width, data.width * sizeof(float), hash);
    return hash;
}

std::uint64_t content_of(const Job& job, const float* state)
{
    return hash_of(state, job.state_bytes(), stamp_mark);
}

std::uint64_t content_of_weights(const Job& job, const float* weights)
{
    const lstm::WeightPlan plan(job.network);
    std::uint64_t hash = stamp_mark;
    for (int cell = 0; cell < job.network.cells(); ++cell)
        for (int linear = 0; linear < lstm::WeightPlan::linear_layers; ++linear) {
            const std::size_t width = linear >= 4 ? job.network.hidden : job.network.input_of(cell / job.network.directions);
            hash = hash_of(weights + plan.cells[cell].matrix[linear], width * job.network.hidden * sizeof(float), hash);
            if (plan.cells[cell].bias[linear] != lstm::WeightPlan::absent)
                hash = hash_of(weights + plan.cells[cell].bias[linear], job.network.hidden * sizeof(float), hash);
        }
    return hash;
}

void fail_work(const Job& job, const std::string& reason)
{
    constexpr CUresult launch_failed = 719;
    fail(launch_failed, std::string(job.call) + ", when it ran: " + reason);
}

bool lengths_agree(const Job& job)
{
    if (!job.device_lengths || std::equal(job.x.batch.lengths.begin(), job.x.batch.lengths.end(), job.device_lengths))
        return true;
    fail_work(job, "devSeqLengths differs from seqLengthArray of the descriptors");
    return false;
}

// Does the reserve come from the forward pass that this call belongs to? `given` holds zero where the call is not given the content.
bool reserve_fits(const Job& job, std::uint64_t stage, const Stamp& given)
{
    const Stamp& found = job.stamp();
    const char* reason = nullptr;
    if (found.mark != stamp_mark)
        reason = "reserveSpace was not written by cudnnRNNForward in training mode, or was overwritten";
    else if (found.shape != given.shape)
        reason = "reserveSpace belongs to another network or other sequences";
    else if (found.stage < stage)
        reason = "cudnnRNNBackwardData_v8 must come first";
    else if (found.stage > stage)
        reason = "cudnnRNNBackwardData_v8 has already consumed reserveSpace";
    else if (given.x != 0 && found.x != given.x)
        reason = "x is not what the forward pass read";
    else if (given.hx != 0 && found.hx != given.hx)
        reason = "hx is not what the forward pass read";
    else if (given.cx != 0 && found.cx != given.cx)
        reason = "cx is not what the forward pass read";
    else if (given.y != 0 && found.y != given.y)
        reason = "y is not what the forward pass wrote";
    else if (given.weights != 0 && found.weights != given.weights)
        reason = "weightSpace changed since the forward pass";
    if (reason)
        fail_work(job, reason);
    return !reason;
}

void fill_padding(const cudnnRNNDataStruct& data, float* values, float symbol)
{
    if (data.layout == CUDNN_RNN_DATA_LAYOUT_SEQ_MAJOR_PACKED)
        return;
    for (int n = 0; n < data.batch.batch; ++n)
        for (int t = data.batch.lengths[n]; t < data.batch.steps; ++t)
            std::fill_n(values + static_cast<std::size_t>(data.batch.row[static_cast<std::size_t>(t) * data.batch.batch + n]) * data.width, data.width, symbol);
}

template <typename Work>
void launch(const cudnnContext& context, std::shared_ptr<const Job> job, Work work)
{
    const CUresult result = enqueue_with_workspace(context.stream, job->call, job->ranges, {job->workspace, job->workspace_bytes}, [job, work] {
        if (lengths_agree(*job))
            work(*job);
    });
    if (result != 0)
        fail_call(Status::execution_failed, "the driver refused the work: " + driver_error(result));
}

void set_tensor(cudnnTensorStruct& tensor, std::initializer_list<int> dimensions, std::initializer_list<int> strides)
{
    tensor = {true, CUDNN_DATA_FLOAT, dimensions, strides};
}

}

cudnnStatus_t cudnnGetRNNTempSpaceSizes(cudnnHandle_t handle, cudnnRNNDescriptor_t rnnDesc, cudnnForwardMode_t fwdMode, cudnnRNNDataDescriptor_t xDesc,
    size_t* workSpaceSize, size_t* reserveSpaceSize)
{
    return answer("cudnnGetRNNTempSpaceSizes", [&] {
        require_handle(handle);
        const cudnnRNNStruct& rnn = require_rnn(rnnDesc);
        const cudnnRNNDataStruct& x = require_data("xDesc", xDesc);
        require_data_of("xDesc", x, rnn.network.input, "inputSize");
        if (fwdMode != CUDNN_FWD_MODE_INFERENCE && fwdMode != CUDNN_FWD_MODE_TRAINING)
            bad_param("fwdMode is " + std::to_string(fwdMode));
        if (workSpaceSize)
            *workSpaceSize = workspace_bytes(rnn.network, x.batch);
        if (reserveSpaceSize)
            *reserveSpaceSize = fwdMode == CUDNN_FWD_MODE_TRAINING ? reserve_bytes(rnn.network, x.batch) : 0;
    });
}

cudnnStatus_t cudnnGetRNNWeightSpaceSize(cudnnHandle_t handle, cudnnRNNDescriptor_t rnnDesc, size_t* weightSpaceSize)
{
    return answer("cudnnGetRNNWeightSpaceSize", [&] {
        require_handle(handle);
        const cudnnRNNStruct& rnn = require_rnn(rnnDesc);
        if (!weightSpaceSize)
            bad_param("weightSpaceSize is null");
        *weightSpaceSize = weight_bytes(rnn.network);
    });
}

cudnnStatus_t cudnnGetRNNWeightParams(cudnnHandle_t handle, cudnnRNNDescriptor_t rnnDesc, int32_t pseudoLayer, size_t weightSpaceSize, const void* weightSpace,
    int32_t linLayerID, cudnnTensorDescriptor_t mDesc, void** mAddr, cudnnTensorDescriptor_t bDesc, void** bAddr)
{
    return answer("cudnnGetRNNWeightParams", [&] {
        require_handle(handle);
        const lstm::Network& network = require_rnn(rnnDesc).network;
        if (pseudoLayer < 0 || pseudoLayer >= network.cells())
            bad_param("pseudoLayer is " + std::to_string(pseudoLayer) + " of " + std::to_string(network.cells()));
        if (linLayerID < 0 || linLayerID > 8)
            bad_param("linLayerID is " + std::to_string(linLayerID) + ", not in 0 to 8");
        if (!mAddr || !bAddr)
            bad_param(mAddr ? "bAddr is null" : "mAddr is null");
        cudnnTensorStruct& matrix = require_tensor("mDesc", mDesc);
        cudnnTensorStruct& bias = require_tensor("bDesc", bDesc);
        require_weight_size(network, weightSpaceSize);
        DeviceRanges ranges;
        const std::string why = ranges.add("weightSpace", weightSpace, weightSpaceSize, unit);
        if (!why.empty())
            bad_param(why);

        *mAddr = nullptr;
        *bAddr = nullptr;
        set_tensor(matrix, {0, 0, 0}, {0, 0, 0});
        set_tensor(bias, {0, 0, 0}, {0, 0, 0});
        if (linLayerID == lstm::WeightPlan::linear_layers)
            return;   // the projection, which this network does not have
        const lstm::WeightPlan plan(network);
        const auto& cell = plan.cells[pseudoLayer];
        // cuDNN hands out addresses to write through although it takes the space as const.
        float* const weights = static_cast<float*>(const_cast<void*>(weightSpace));
        const int inputs = linLayerID >= 4 ? network.hidden : network.input_of(pseudoLayer / network.directions);
        *mAddr = weights + cell.matrix[linLayerID];
        set_tensor(matrix, {1, network.hidden, inputs}, {network.hidden * inputs, inputs, 1});
        if (cell.bias[linLayerID] != lstm::WeightPlan::absent) {
            *bAddr = weights + cell.bias[linLayerID];
            set_tensor(bias, {1, network.hidden, 1}, {network.hidden, 1, 1});
        }
    });
}

cudnnStatus_t cudnnRNNForward(cudnnHandle_t handle, cudnnRNNDescriptor_t rnnDesc, cudnnForwardMode_t fwdMode, const int32_t devSeqLengths[],
    cudnnRNNDataDescriptor_t xDesc, const void* x, cudnnRNNDataDescriptor_t yDesc, void* y, cudnnTensorDescriptor_t hDesc, const void* hx, void* hy,
    cudnnTensorDescriptor_t cDesc, const void* cx, void* cy, size_t weightSpaceSize, const void* weightSpace,
    size_t workSpaceSize, void* workSpace, size_t reserveSpaceSize, void* reserveSpace)
{
    return answer("cudnnRNNForward", [&] {
        const cudnnContext& context = require_handle(handle);
        if (fwdMode != CUDNN_FWD_MODE_INFERENCE && fwdMode != CUDNN_FWD_MODE_TRAINING)
            bad_param("fwdMode is " + std::to_string(fwdMode));
        const bool training = fwdMode == CUDNN_FWD_MODE_TRAINING;
        const auto job = std::make_shared<Job>(begin_job("cudnnRNNForward", rnnDesc, xDesc, yDesc));
        require_state_descriptor("hDesc", hDesc, *job);
        require_state_descriptor("cDesc", cDesc, *job);
        require_weight_size(job->network, weightSpaceSize);
        Operands operands(job->ranges);
        add_lengths(*job, operands, devSeqLengths);
        operands.input("x", x, bytes_of(job->x));
        operands.output("y", y, bytes_of(job->y));
        operands.optional_input("hx", hx, job->state_bytes());
        operands.optional_output("hy", hy, job->state_bytes());
        operands.optional_input("cx", cx, job->state_bytes());
        operands.optional_output("cy", cy, job->state_bytes());
        operands.input("weightSpace", weightSpace, weight_bytes(job->network), unit);
        add_spaces(*job, operands, workSpaceSize, workSpace, training, reserveSpaceSize, reserveSpace);

        const auto* const inputs = static_cast<const float*>(x);
        const auto* const weights = static_cast<const float*>(weightSpace);
        auto* const outputs = static_cast<float*>(y);
        const lstm::States states{static_cast<const float*>(hx), static_cast<const float*>(cx), static_cast<float*>(hy), static_cast<float*>(cy)};
        launch(context, job, [=](const Job& j) {
            if (!training) {
                std::vector<float> memory(lstm::Record::size(j.network, j.x.batch));
                lstm::forward(j.network, j.x.batch, weights, inputs, states, outputs, lstm::Record(j.network, j.x.batch, memory.data()));
            } else {
                std::memset(j.reserve, 0xff, reserve_bytes(j.network, j.x.batch));
                lstm::forward(j.network, j.x.batch, weights, inputs, states, outputs, j.record());
                j.stamp() = {stamp_mark, Stamp::forward_done, shape_of(j), content_of(j.x, inputs), content_of(j, states.hx), content_of(j, states.cx),
                    content_of(j.y, outputs), content_of_weights(j, weights)};
            }
            fill_padding(j.y, outputs, j.y.padding);
        });
    });
}

cudnnStatus_t cudnnRNNBackwardData_v8(cudnnHandle_t handle, cudnnRNNDescriptor_t rnnDesc, const int32_t devSeqLengths[],
    cudnnRNNDataDescriptor_t yDesc, const void* y, const void* dy, cudnnRNNDataDescriptor_t xDesc, void* dx,
    cudnnTensorDescriptor_t hDesc, const void* hx, const void* dhy, void* dhx, cudnnTensorDescriptor_t cDesc, const void* cx, const void* dcy, void* dcx,
    size_t weightSpaceSize, const void* weightSpace, size_t workSpaceSize, void* workSpace, size_t reserveSpaceSize, void* reserveSpace)
{
    return answer("cudnnRNNBackwardData_v8", [&] {
        const cudnnContext& context = require_handle(handle);
        const auto job = std::make_shared<Job>(begin_job("cudnnRNNBackwardData_v8", rnnDesc, xDesc, yDesc));
        require_state_descriptor("hDesc", hDesc, *job);
        require_state_descriptor("cDesc", cDesc, *job);
        require_weight_size(job->network, weightSpaceSize);
        Operands operands(job->ranges);
        add_lengths(*job, operands, devSeqLengths);
        operands.input("y", y, bytes_of(job->y));
        operands.input("dy", dy, bytes_of(job->y));
        operands.output("dx", dx, bytes_of(job->x));
        operands.optional_input("hx", hx, job->state_bytes());
        operands.optional_input("dhy", dhy, job->state_bytes());
        operands.optional_output("dhx", dhx, job->state_bytes());
        operands.optional_input("cx", cx, job->state_bytes());
        operands.optional_input("dcy", dcy, job->state_bytes());
        operands.optional_output("dcx", dcx, job->state_bytes());
        operands.input("weightSpace", weightSpace, weight_bytes(job->network), unit);
        add_spaces(*job, operands, workSpaceSize, workSpace, true, reserveSpaceSize, reserveSpace);

        const auto* const outputs = static_cast<const float*>(y);
        const auto* const d_outputs = static_cast<const float*>(dy);
        const auto* const h_first = static_cast<const float*>(hx);
        const auto* const c_first = static_cast<const float*>(cx);
        const auto* const weights = static_cast<const float*>(weightSpace);
        auto* const d_inputs = static_cast<float*>(dx);
        const lstm::StateGradients gradients{static_cast<const float*>(dhy), static_cast<const float*>(dcy), static_cast<float*>(dhx), static_cast<float*>(dcx)};
        launch(context, job, [=](const Job& j) {
            if (!reserve_fits(j, Stamp::forward_done, {0, 0, shape_of(j), 0, content_of(j, h_first), content_of(j, c_first), content_of(j.y, outputs), content_of_weights(j, weights)}))
                return;
            lstm::backward_data(j.network, j.x.batch, weights, d_outputs, c_first, gradients, d_inputs, j.record());
            // What padding of dx holds is not documented.
            fill_padding(j.x, d_inputs, std::numeric_limits<float>::quiet_NaN());
            j.stamp().stage = Stamp::data_done;
        });
    });
}

cudnnStatus_t cudnnRNNBackwardWeights_v8(cudnnHandle_t handle, cudnnRNNDescriptor_t rnnDesc, cudnnWgradMode_t addGrad, const int32_t devSeqLengths[],
    cudnnRNNDataDescriptor_t xDesc, const void* x, cudnnTensorDescriptor_t hDesc, const void* hx, cudnnRNNDataDescriptor_t yDesc, const void* y,
    size_t weightSpaceSize, void* dweightSpace, size_t workSpaceSize, void* workSpace, size_t reserveSpaceSize, void* reserveSpace)
{
    return answer("cudnnRNNBackwardWeights_v8", [&] {
        const cudnnContext& context = require_handle(handle);
        if (addGrad == CUDNN_WGRAD_MODE_SET)
            not_supported("the gradients of a recurrent network can only be added: CUDNN_WGRAD_MODE_ADD");
        if (addGrad != CUDNN_WGRAD_MODE_ADD)
            bad_param("addGrad is " + std::to_string(addGrad));
        const auto job = std::make_shared<Job>(begin_job("cudnnRNNBackwardWeights_v8", rnnDesc, xDesc, yDesc));
        require_state_descriptor("hDesc", hDesc, *job);
        require_weight_size(job->network, weightSpaceSize);
        Operands operands(job->ranges);
        add_lengths(*job, operands, devSeqLengths);
        operands.input("x", x, bytes_of(job->x));
        operands.optional_input("hx", hx, job->state_bytes());
        operands.input("y", y, bytes_of(job->y));
        operands.output("dweightSpace", dweightSpace, weight_bytes(job->network), unit);
        add_spaces(*job, operands, workSpaceSize, workSpace, true, reserveSpaceSize, reserveSpace);

        const auto* const inputs = static_cast<const float*>(x);
        const auto* const outputs = static_cast<const float*>(y);
        const auto* const h_first = static_cast<const float*>(hx);
        auto* const d_weights = static_cast<float*>(dweightSpace);
        launch(context, job, [=](const Job& j) {
            if (reserve_fits(j, Stamp::data_done, {0, 0, shape_of(j), content_of(j.x, inputs), content_of(j, h_first), 0, content_of(j.y, outputs), 0}))
                lstm::backward_weights(j.network, j.x.batch, inputs, h_first, d_weights, j.record());
        });
    });
}
