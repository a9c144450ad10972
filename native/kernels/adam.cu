// Adam with bias correction on flat arenas, gradients scaled by min(1, clip / norm) first.
#include "dependent_launch.cuh"
#include "elements.cuh"

// The tensors are [1, 1]: device memory, so that a recorded step reads the current values.
struct AdamArguments
{
    Tensor norm, objective, rate, correction1, correction2, halted; // the corrections are 1 - beta1^t and 1 - beta2^t
    float beta1, beta2, epsilon, clip;
    bool halt_on_non_finite;
};

static_assert(sizeof(AdamArguments) == 216, "the managed side passes these bytes");

__device__ inline bool is_finite(float x) { return fabsf(x) <= 3.402823466e38f; }

__device__ inline bool is_finite(const AdamArguments& arguments)
{
    return is_finite(arguments.norm.scalar()) && is_finite(arguments.objective.scalar());
}

// One thread, before adam_step where a step that is not finite must be the last.
extern "C" __global__ void adam_guard(AdamArguments arguments)
{
    wait_for_earlier_kernels();
    if (!is_finite(arguments))
        *arguments.halted.data = 1.0f;
}

// All [1, N]; four values a thread, grid-stride. Does nothing at all where the norm or the objective is not finite, or after a halt.
extern "C" __global__ void adam_step(Tensor parameters, Tensor gradients, Tensor first_moments, Tensor second_moments, AdamArguments arguments)
{
    wait_for_earlier_kernels();
    const float norm = arguments.norm.scalar();
    if (!is_finite(arguments) || arguments.halted.scalar() != 0.0f)
        return;
    const float gradient_scale = arguments.clip > 0.0f && norm > arguments.clip ? arguments.clip / norm : 1.0f;
    const float step_size = arguments.rate.scalar() / arguments.correction1.scalar();
    const float inverse_correction2 = 1.0f / arguments.correction2.scalar();
    const long long step = 4ll * gridDim.x * blockDim.x;
    for (long long j = 4ll * (blockIdx.x * blockDim.x + threadIdx.x); j < parameters.columns; j += step) {
        const int count = static_cast<int>(parameters.columns - j);
        Four parameter = load(parameters.data + j, count);
        const Four gradient = load(gradients.data + j, count);
        Four m = load(first_moments.data + j, count);
        Four v = load(second_moments.data + j, count);
        for (int k = 0; k < 4; k++) {
            const float g = gradient_scale * gradient[k];
            m[k] = arguments.beta1 * m[k] + (1.0f - arguments.beta1) * g;
            v[k] = arguments.beta2 * v[k] + (1.0f - arguments.beta2) * g * g;
            parameter[k] -= step_size * m[k] / (sqrtf(v[k] * inverse_correction2) + arguments.epsilon);
        }
        store(m, first_moments.data + j, count);
        store(v, second_moments.data + j, count);
        store(parameter, parameters, 0, static_cast<int>(j), count);
    }
}
