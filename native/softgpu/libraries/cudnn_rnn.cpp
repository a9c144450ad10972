#include "cudnn_call.h"
#include "last_bits.h"

#include <algorithm>
#include <cstring>
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
    lstm::Batch batch;
    DeviceRanges ranges;
    const std::int32_t* device_lengths = nullptr;
    void* workspace = nullptr;
    std::size_t workspace_bytes = 0;
    void* reserve = nullptr;
    std::size_t reserve_bytes = 0;

    std::size_t x_bytes() const { return batch.positions() * network.input * sizeof(float); }
    std::size_t y_count() const { return batch.positions() * network.outputs(); }
    std::size_t y_bytes() const { return y_count() * sizeof(float); }
    std::size_t state_count() const { return static_cast<std::size_t>(batch.sequences) * network.outputs(); }
    std::size_t state_bytes() const { return state_count() * sizeof(float); }

    lstm::Record record() const
    {
        return {network, batch, reinterpret_cast<float*>(static_cast<unsigned char*>(reserve) + unit)};
    }

    Stamp& stamp() const { return *static_cast<Stamp*>(reserve); }
};

// What the spaces are asked for. Nothing promises that longer sequences need more: with SOFTGPU_UNEVEN_CUDNN short ones need the more the shorter they are.
lstm::Batch paid_for(const lstm::Batch& batch)
{
    constexpr int shortest_even = 64;
    if (options().uneven_cudnn == 0 || batch.steps >= shortest_even)
        return batch;
    return {2 * shortest_even - batch.steps, batch.sequences};
}

std::size_t workspace_bytes(const lstm::Network& network, const lstm::Batch& batch)
{
    return rounded(paid_for(batch).positions() * network.outputs() * 4 * sizeof(float)) + 3 * unit;
}

std::size_t reserve_bytes(const lstm::Network& network, const lstm::Batch& batch)
{
    return unit + rounded(lstm::Record::size(network, paid_for(batch)) * sizeof(float));
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
    const int directions = job.network.directions, sequences = job.batch.sequences, hidden = job.network.hidden;
    if (tensor.dimensions != std::vector{directions, sequences, hidden})
        bad_param(std::string(name) + " is not [directions, batch, hidden] = [" + std::to_string(directions) + ", " + std::to_string(sequences) + ", "
            + std::to_string(hidden) + "]");
    if (tensor.strides != std::vector{sequences * hidden, hidden, 1})
        bad_param(std::string(name) + " is not fully packed");
}

void require_absent(const char* name, const void* address)
{
    if (address)
        not_supported(std::string(name) + " is given; the software GPU has it as null only");
}

// What the three calls have in common.
Job begin_job(const char* call, cudnnRNNDescriptor_t rnn_descriptor, cudnnRNNDataDescriptor_t x_descriptor, cudnnRNNDataDescriptor_t y_descriptor)
{
    if (options().fail_cudnn == 1)
        not_supported("no recurrent network is, as SOFTGPU_FAIL_CUDNN asked");
    const cudnnRNNDataStruct &x = require_data("xDesc", x_descriptor), &y = require_data("yDesc", y_descriptor);
    Job job;
    job.call = call;
    job.network = require_rnn(rnn_descriptor).network;
    job.batch = x.batch;
    require_data_of("xDesc", x, job.network.input, "inputSize");
    if (options().fail_cudnn == 3 && job.network.directions == 2)
        not_supported("no bidirectional network is, as SOFTGPU_FAIL_CUDNN asked");
    require_data_of("yDesc", y, job.network.outputs(), job.network.directions == 2 ? "twice hiddenSize" : "hiddenSize");
    if (!(x.batch == y.batch))
        bad_param("xDesc and yDesc differ in maxSeqLength or batchSize");
    return job;
}

// Versions from 8.9.1 on do without; those before do not.
void add_lengths(Job& job, Operands& operands, const std::int32_t* device_lengths)
{
    operands.input("devSeqLengths", device_lengths, static_cast<std::size_t>(job.batch.sequences) * sizeof(std::int32_t));
    job.device_lengths = device_lengths;
}

void add_spaces(Job& job, Operands& operands, std::size_t work_size, void* work, bool training, std::size_t reserve_size, void* reserve)
{
    job.workspace_bytes = workspace_bytes(job.network, job.batch);
    if (work_size < job.workspace_bytes)
        bad_param("workSpaceSize is " + std::to_string(work_size) + " but cudnnGetRNNTempSpaceSizes asks for " + std::to_string(job.workspace_bytes));
    job.workspace = work;
    operands.output("workSpace", work, job.workspace_bytes, unit);
    if (!training)
        return;
    job.reserve_bytes = reserve_bytes(job.network, job.batch);
    if (reserve_size < job.reserve_bytes)
        bad_param("reserveSpaceSize is " + std::to_string(reserve_size) + " but cudnnGetRNNTempSpaceSizes asks for " + std::to_string(job.reserve_bytes));
    job.reserve = reserve;
    operands.output("reserveSpace", reserve, job.reserve_bytes, unit);
}

void require_weight_size(const lstm::Network& network, std::size_t size)
{
    const std::size_t needed = weight_bytes(network);
    if (size < needed)
        bad_param("weightSpaceSize is " + std::to_string(size) + " but cudnnGetRNNWeightSpaceSize asks for " + std::to_string(needed));
}

std::uint64_t shape_of(const Job& job)
{
    std::uint64_t hash = stamp_mark;
    for (const int value : {job.network.input, job.network.hidden, int{job.network.tf32}, job.network.directions, job.batch.steps, job.batch.sequences})
        hash = mix(hash, static_cast<std::uint64_t>(value));
    return hash;
}

// Calls visit(offset, count) for each matrix and each bias of every direction, in elements; what lies between them belongs to nobody.
template <typename Visit>
void for_weights(const lstm::Network& network, Visit&& visit)
{
    const std::size_t hidden = network.hidden;
    for (int direction = 0; direction < network.directions; ++direction) {
        const lstm::WeightPlan plan(network, direction);
        for (int linear = 0; linear < lstm::WeightPlan::linear_layers; ++linear)
            visit(plan.matrix[linear], hidden * network.inputs_of(linear));
        for (const long bias : plan.bias)
            visit(bias, hidden);
    }
}

void vary_weights(LastBits& bits, const lstm::Network& network, float* weights)
{
    for_weights(network, [&](long offset, std::size_t count) { bits.vary(weights + offset, count); });
}

std::uint64_t content_of(const float* values, std::size_t bytes)
{
    return hash_of(values, bytes, stamp_mark);
}

std::uint64_t content_of_weights(const Job& job, const float* weights)
{
    std::uint64_t hash = stamp_mark;
    for_weights(job.network, [&](long offset, std::size_t count) { hash = hash_of(weights + offset, count * sizeof(float), hash); });
    return hash;
}

void fail_work(const Job& job, const std::string& reason)
{
    constexpr CUresult launch_failed = 719;
    fail(launch_failed, std::string(job.call) + ", when it ran: " + reason);
}

bool lengths_agree(const Job& job)
{
    if (std::all_of(job.device_lengths, job.device_lengths + job.batch.sequences, [&](int length) { return length == job.batch.steps; }))
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
        // Those of one layer are its directions.
        if (pseudoLayer < 0 || pseudoLayer >= network.directions)
            bad_param("pseudoLayer is " + std::to_string(pseudoLayer) + " of " + std::to_string(network.directions));
        if (linLayerID < 0 || linLayerID >= lstm::WeightPlan::linear_layers)
            bad_param("linLayerID is " + std::to_string(linLayerID) + ", not in 0 to 7");
        if (!mAddr || !bAddr)
            bad_param(mAddr ? "bAddr is null" : "mAddr is null");
        cudnnTensorStruct& matrix = require_tensor("mDesc", mDesc);
        cudnnTensorStruct& bias = require_tensor("bDesc", bDesc);
        require_weight_size(network, weightSpaceSize);
        DeviceRanges ranges;
        const std::string why = ranges.add("weightSpace", weightSpace, weightSpaceSize, unit);
        if (!why.empty())
            bad_param(why);

        const lstm::WeightPlan plan(network, pseudoLayer);
        const int hidden = network.hidden, inputs = network.inputs_of(linLayerID);
        // cuDNN hands out addresses to write through although it takes the space as const.
        float* const weights = static_cast<float*>(const_cast<void*>(weightSpace));
        const bool has_bias = linLayerID < lstm::WeightPlan::gates;
        *mAddr = weights + plan.matrix[linLayerID];
        *bAddr = has_bias ? weights + plan.bias[linLayerID] : nullptr;
        matrix = {true, {1, hidden, inputs}, {hidden * inputs, inputs, 1}};
        bias = has_bias ? cudnnTensorStruct{true, {1, hidden, 1}, {hidden, 1, 1}} : cudnnTensorStruct{true, {0, 0, 0}, {0, 0, 0}};
    });
}

cudnnStatus_t cudnnRNNForward(cudnnHandle_t handle, cudnnRNNDescriptor_t rnnDesc, cudnnForwardMode_t fwdMode, const int32_t devSeqLengths[],
    cudnnRNNDataDescriptor_t xDesc, const void* x, cudnnRNNDataDescriptor_t yDesc, void* y, cudnnTensorDescriptor_t hDesc, const void* hx, void* hy,
    cudnnTensorDescriptor_t cDesc, const void* cx, void* cy, size_t weightSpaceSize, const void* weightSpace,
    size_t workSpaceSize, void* workSpace, size_t reserveSpaceSize, void* reserveSpace)
{
    return answer("cudnnRNNForward", [&] {
        const cudnnContext& context = require_usable(handle);
        if (fwdMode != CUDNN_FWD_MODE_INFERENCE && fwdMode != CUDNN_FWD_MODE_TRAINING)
            bad_param("fwdMode is " + std::to_string(fwdMode));
        const bool training = fwdMode == CUDNN_FWD_MODE_TRAINING;
        const auto job = std::make_shared<Job>(begin_job("cudnnRNNForward", rnnDesc, xDesc, yDesc));
        require_state_descriptor("hDesc", hDesc, *job);
        require_state_descriptor("cDesc", cDesc, *job);
        require_weight_size(job->network, weightSpaceSize);
        Operands operands(job->ranges);
        add_lengths(*job, operands, devSeqLengths);
        operands.input("x", x, job->x_bytes());
        operands.output("y", y, job->y_bytes());
        operands.input("hx", hx, job->state_bytes());
        operands.input("cx", cx, job->state_bytes());
        operands.output("cy", cy, job->state_bytes());
        require_absent("hy", hy);
        operands.input("weightSpace", weightSpace, weight_bytes(job->network), unit);
        add_spaces(*job, operands, workSpaceSize, workSpace, training, reserveSpaceSize, reserveSpace);

        const auto* const inputs = static_cast<const float*>(x);
        const auto* const weights = static_cast<const float*>(weightSpace);
        auto* const outputs = static_cast<float*>(y);
        const auto *const h_first = static_cast<const float*>(hx), *const c_first = static_cast<const float*>(cx);
        auto* const c_last = static_cast<float*>(cy);
        launch(context, job, [=](const Job& j) {
            const auto run = [&](const lstm::Record& record) {
                lstm::forward(j.network, j.batch, weights, inputs, h_first, c_first, outputs, c_last, record);
                LastBits bits;
                bits.vary(outputs, j.y_count());
                bits.vary(c_last, j.state_count());
            };
            if (!training) {
                std::vector<float> memory(lstm::Record::size(j.network, j.batch));
                run(lstm::Record(j.network, j.batch, memory.data()));
                return;
            }
            std::memset(j.reserve, 0xff, j.reserve_bytes);
            run(j.record());
            j.stamp() = {stamp_mark, Stamp::forward_done, shape_of(j), content_of(inputs, j.x_bytes()), content_of(h_first, j.state_bytes()),
                content_of(c_first, j.state_bytes()), content_of(outputs, j.y_bytes()), content_of_weights(j, weights)};
        });
    });
}

cudnnStatus_t cudnnRNNBackwardData_v8(cudnnHandle_t handle, cudnnRNNDescriptor_t rnnDesc, const int32_t devSeqLengths[],
    cudnnRNNDataDescriptor_t yDesc, const void* y, const void* dy, cudnnRNNDataDescriptor_t xDesc, void* dx,
    cudnnTensorDescriptor_t hDesc, const void* hx, const void* dhy, void* dhx, cudnnTensorDescriptor_t cDesc, const void* cx, const void* dcy, void* dcx,
    size_t weightSpaceSize, const void* weightSpace, size_t workSpaceSize, void* workSpace, size_t reserveSpaceSize, void* reserveSpace)
{
    return answer("cudnnRNNBackwardData_v8", [&] {
        const cudnnContext& context = require_usable(handle);
        const auto job = std::make_shared<Job>(begin_job("cudnnRNNBackwardData_v8", rnnDesc, xDesc, yDesc));
        require_state_descriptor("hDesc", hDesc, *job);
        require_state_descriptor("cDesc", cDesc, *job);
        require_weight_size(job->network, weightSpaceSize);
        Operands operands(job->ranges);
        add_lengths(*job, operands, devSeqLengths);
        operands.input("y", y, job->y_bytes());
        operands.input("dy", dy, job->y_bytes());
        operands.output("dx", dx, job->x_bytes());
        operands.input("hx", hx, job->state_bytes());
        operands.output("dhx", dhx, job->state_bytes());
        operands.input("cx", cx, job->state_bytes());
        operands.output("dcx", dcx, job->state_bytes());
        require_absent("dhy", dhy);
        require_absent("dcy", dcy);
        operands.input("weightSpace", weightSpace, weight_bytes(job->network), unit);
        add_spaces(*job, operands, workSpaceSize, workSpace, true, reserveSpaceSize, reserveSpace);

        const auto* const outputs = static_cast<const float*>(y);
        const auto* const d_outputs = static_cast<const float*>(dy);
        const auto* const h_first = static_cast<const float*>(hx);
        const auto* const c_first = static_cast<const float*>(cx);
        const auto* const weights = static_cast<const float*>(weightSpace);
        auto* const d_inputs = static_cast<float*>(dx);
        auto *const dh_first = static_cast<float*>(dhx), *const dc_first = static_cast<float*>(dcx);
        launch(context, job, [=](const Job& j) {
            const Stamp given{0, 0, shape_of(j), 0, content_of(h_first, j.state_bytes()), content_of(c_first, j.state_bytes()),
                content_of(outputs, j.y_bytes()),
                content_of_weights(j, weights)};
            if (!reserve_fits(j, Stamp::forward_done, given))
                return;
            lstm::backward_data(j.network, j.batch, weights, d_outputs, c_first, d_inputs, dh_first, dc_first, j.record());
            LastBits bits;
            bits.vary(d_inputs, j.batch.positions() * j.network.input);
            bits.vary(dh_first, j.state_count());
            bits.vary(dc_first, j.state_count());
            j.stamp().stage = Stamp::data_done;
        });
    });
}

cudnnStatus_t cudnnRNNBackwardWeights_v8(cudnnHandle_t handle, cudnnRNNDescriptor_t rnnDesc, cudnnWgradMode_t addGrad, const int32_t devSeqLengths[],
    cudnnRNNDataDescriptor_t xDesc, const void* x, cudnnTensorDescriptor_t hDesc, const void* hx, cudnnRNNDataDescriptor_t yDesc, const void* y,
    size_t weightSpaceSize, void* dweightSpace, size_t workSpaceSize, void* workSpace, size_t reserveSpaceSize, void* reserveSpace)
{
    return answer("cudnnRNNBackwardWeights_v8", [&] {
        const cudnnContext& context = require_usable(handle);
        require_only("addGrad", addGrad, "CUDNN_WGRAD_MODE_ADD", CUDNN_WGRAD_MODE_ADD);
        const auto job = std::make_shared<Job>(begin_job("cudnnRNNBackwardWeights_v8", rnnDesc, xDesc, yDesc));
        require_state_descriptor("hDesc", hDesc, *job);
        require_weight_size(job->network, weightSpaceSize);
        Operands operands(job->ranges);
        add_lengths(*job, operands, devSeqLengths);
        operands.input("x", x, job->x_bytes());
        operands.input("hx", hx, job->state_bytes());
        operands.input("y", y, job->y_bytes());
        operands.output("dweightSpace", dweightSpace, weight_bytes(job->network), unit);
        add_spaces(*job, operands, workSpaceSize, workSpace, true, reserveSpaceSize, reserveSpace);

        const auto* const inputs = static_cast<const float*>(x);
        const auto* const outputs = static_cast<const float*>(y);
        const auto* const h_first = static_cast<const float*>(hx);
        auto* const d_weights = static_cast<float*>(dweightSpace);
        launch(context, job, [=](const Job& j) {
            const Stamp given{0, 0, shape_of(j), content_of(inputs, j.x_bytes()), content_of(h_first, j.state_bytes()), 0, content_of(outputs, j.y_bytes()), 0};
            if (!reserve_fits(j, Stamp::data_done, given))
                return;
            lstm::backward_weights(j.network, j.batch, inputs, h_first, d_weights, j.record());
            LastBits bits;
            vary_weights(bits, j.network, d_weights);
        });
    });
}
