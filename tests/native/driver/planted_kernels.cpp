#include "planted_kernels.h"

#include <fstream>
#include <iterator>
#include <numeric>

std::string name_of(CUresult result)
{
    const char* text = nullptr;
    cuGetErrorName(result, &text);
    return text ? text : "no code of CUDA's";
}

std::string explanation_of(CUresult result)
{
    const char* text = nullptr;
    cuGetErrorString(result, &text);
    return text ? text : "";
}

void set_seed(int seed) { ASSERT_EQ(softgpu_configure("SOFTGPU_SEED", std::to_string(seed).c_str()), 0); }

void PlantedKernels::SetUp()
{
    DeviceTest::SetUp();
    module_ = load_module();
}

void PlantedKernels::TearDown()
{
    set_seed(0);
    DeviceTest::TearDown();
}

void* PlantedKernels::load_module()
{
    std::ifstream file(PLANTED_KERNELS, std::ios::binary);
    const std::vector<char> image((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
    EXPECT_FALSE(image.empty()) << PLANTED_KERNELS;
    void* module = nullptr;
    EXPECT_EQ(cuModuleLoadData(&module, image.data()), 0);
    return module;
}

std::vector<float> PlantedKernels::counting(std::size_t count)
{
    std::vector<float> values(count);
    std::iota(values.begin(), values.end(), 0.0f);
    return values;
}

void* PlantedKernels::function(const char* kernel)
{
    void* found = nullptr;
    EXPECT_EQ(cuModuleGetFunction(&found, module_, kernel), 0) << kernel;
    return found;
}

CUresult PlantedKernels::launch_untyped(CUstream target, const char* kernel, unsigned blocks, void** arguments)
{
    return cuLaunchKernel(function(kernel), blocks, 1, 1, n, 1, 1, 0, target, arguments, nullptr);
}

CUresult PlantedKernels::launch_untyped(const LaunchAttribute& attribute, const char* kernel, unsigned blocks, void** arguments)
{
    const LaunchConfiguration configuration{{blocks, 1, 1}, {n, 1, 1}, 0, stream, &attribute, 1};
    return cuLaunchKernelEx(&configuration, function(kernel), arguments, nullptr);
}
