// The kernels of planted.cu in a fresh context for every test, on the fixture's stream or another.
#pragma once

#include "device.h"

#include <string>
#include <vector>

// "CUDA_SUCCESS" and the like.
std::string name_of(CUresult result);

// What the driver says of its last answer with this code.
std::string explanation_of(CUresult result);

inline ::testing::AssertionResult contains(const std::string& text, const std::string& part)
{
    return text.find(part) != std::string::npos ? ::testing::AssertionSuccess()
                                                : ::testing::AssertionFailure() << "'" << text << "' does not say '" << part << "'";
}

class PlantedKernels : public DeviceTest {
protected:
    static constexpr int n = 64;

    void SetUp() override;
    void TearDown() override;

    // Blocks of 64 threads.
    template <typename... Arguments>
    CUresult launch_on(CUstream target, const char* kernel, unsigned blocks, Arguments... arguments)
    {
        void* pointers[] = {&arguments...};
        return launch_untyped(target, kernel, blocks, pointers);
    }

    template <typename... Arguments>
    CUresult launch(const char* kernel, Arguments... arguments)
    {
        return launch_on(stream, kernel, 1, arguments...);
    }

    // The same on the fixture's stream, by a launch with an attribute.
    template <typename... Arguments>
    CUresult launch_with(LaunchAttribute attribute, const char* kernel, unsigned blocks, Arguments... arguments)
    {
        void* pointers[] = {&arguments...};
        return launch_untyped(attribute, kernel, blocks, pointers);
    }

    template <typename... Arguments>
    CUresult launch_dependent(const char* kernel, Arguments... arguments)
    {
        return launch_with(dependent, kernel, 1, arguments...);
    }

    static constexpr LaunchAttribute dependent{6, 0, {1}}, cooperative{2, 0, {1}};

    // 0, 1, 2, ...
    static std::vector<float> counting(std::size_t count);

    static void* load_module();

    void* function(const char* kernel);

    void* module_ = nullptr;

private:
    CUresult launch_untyped(CUstream target, const char* kernel, unsigned blocks, void** arguments);
    CUresult launch_untyped(const LaunchAttribute& attribute, const char* kernel, unsigned blocks, void** arguments);
};

// A context's order of streams, nodes, blocks and threads: from 1 on each seed has its own.
void set_seed(int seed);

constexpr int seeds = 20;
