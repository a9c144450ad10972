#include "device.h"

#include <random>

void DeviceTest::SetUp()
{
    int device = 0;
    ASSERT_EQ(cuInit(0), 0);
    ASSERT_EQ(cuDeviceGet(&device, 0), 0);
    ASSERT_EQ(cuDevicePrimaryCtxRetain(&context, device), 0);
    ASSERT_EQ(cuCtxSetCurrent(context), 0);
    constexpr unsigned non_blocking = 1;
    ASSERT_EQ(cuStreamCreate(&stream, non_blocking), 0);
}

void DeviceTest::TearDown()
{
    cuStreamDestroy_v2(stream);
    cuDevicePrimaryCtxRelease_v2(0);
    cuCtxSetCurrent(nullptr);
}

std::string DeviceTest::synchronize()
{
    const CUresult result = cuStreamSynchronize(stream);
    if (result == 0)
        return {};
    const char* text = nullptr;
    cuGetErrorString(result, &text);
    return text ? text : "an error without a text";
}

std::vector<float> random_values(std::size_t count, unsigned seed, float scale)
{
    std::mt19937 generator(seed);
    std::uniform_real_distribution<float> distribution(-scale, scale);
    std::vector<float> values(count);
    for (float& value : values)
        value = distribution(generator);
    return values;
}
