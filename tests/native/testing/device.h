#pragma once

#include "driver_api.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <string>
#include <vector>

// A fresh context with a stream for every test, for a context that failed stays failed.
class DeviceTest : public ::testing::Test {
protected:
    void SetUp() override;
    void TearDown() override;

    // Waits for the stream; returns an empty text, or what the driver says went wrong.
    static std::string synchronize();
    // Captures what `work` puts into the stream.
    template <typename Work>
    void* capture(Work&& work)
    {
        void* graph = nullptr;
        constexpr int thread_local_mode = 1;
        EXPECT_EQ(cuStreamBeginCapture_v2(stream, thread_local_mode), 0);
        work();
        EXPECT_EQ(cuStreamEndCapture(stream, &graph), 0);
        return graph;
    }

    static inline CUstream stream = nullptr;
    void* context = nullptr;

    template <typename T>
    friend class DeviceArray;
};

// An allocation of device memory that holds exactly `count` elements, from `misalignment` bytes after its begin; copies are in the order of the fixture's
// stream.
template <typename T>
class DeviceArray {
public:
    explicit DeviceArray(std::size_t count, std::size_t misalignment = 0) : count_(count)
    {
        EXPECT_EQ(cuMemAlloc_v2(&memory_, misalignment + count * sizeof(T)), 0);
        data_ = reinterpret_cast<T*>(memory_ + misalignment);
    }

    explicit DeviceArray(const std::vector<T>& values, std::size_t misalignment = 0) : DeviceArray(values.size(), misalignment) { upload(values); }

    ~DeviceArray() { release(); }

    DeviceArray(const DeviceArray&) = delete;
    DeviceArray& operator=(const DeviceArray&) = delete;

    T* data() const { return data_; }
    std::size_t bytes() const { return count_ * sizeof(T); }

    void upload(const std::vector<T>& values) const
    {
        EXPECT_EQ(values.size(), count_);
        EXPECT_EQ(cuMemcpyHtoDAsync_v2(address(), values.data(), bytes(), DeviceTest::stream), 0);
        cuStreamSynchronize(DeviceTest::stream);
    }

    std::vector<T> download() const
    {
        std::vector<T> values(count_);
        EXPECT_EQ(cuMemcpyDtoHAsync_v2(values.data(), address(), bytes(), DeviceTest::stream), 0);
        return values;
    }

    void release()
    {
        if (memory_)
            cuMemFree_v2(memory_);
        memory_ = 0;
    }

private:
    unsigned long long address() const { return reinterpret_cast<unsigned long long>(data_); }

    std::size_t count_;
    unsigned long long memory_ = 0;
    T* data_ = nullptr;
};

// An option of the software GPU as it is for a while.
class Setting {
public:
    Setting(const char* name, const char* value, const char* usual = "0") : name_(name), usual_(usual) { EXPECT_EQ(softgpu_configure(name, value), 0) << name; }
    ~Setting() { EXPECT_EQ(softgpu_configure(name_, usual_), 0) << name_; }
    Setting(const Setting&) = delete;
    Setting& operator=(const Setting&) = delete;

private:
    const char* name_;
    const char* usual_;
};

// Uniform in -scale to scale.
std::vector<float> random_values(std::size_t count, unsigned seed, float scale = 1);
