#include "modules.h"
#include "../kernel_registration.h"
#include "context.h"
#include "execution.h"
#include "streams.h"

#include <cstdint>
#include <cstring>
#include <dlfcn.h>
#include <memory>
#include <set>
#include <string>
#include <sys/mman.h>
#include <unistd.h>
#include <vector>

struct CUfunc_st {
    const softgpu::KernelEntry* entry;
};

struct CUmod_st {
    void* handle;
    const softgpu::KernelEntry* entries;
    int count;
    std::vector<std::unique_ptr<CUfunc_st>> functions;
};

typedef CUmod_st* CUmodule;
typedef CUfunc_st* CUfunction;

namespace softgpu {
namespace {

std::set<CUmodule> modules;
std::set<CUfunction> functions;

constexpr unsigned maximum_block = 1024;
constexpr unsigned maximum_grid_yz = 65535;
constexpr unsigned maximum_shared_bytes = 48 << 10;

// The size of an ELF file that holds nothing behind its section headers.
std::size_t elf_bytes(const unsigned char* image)
{
    std::uint64_t sections;
    std::uint16_t size, count;
    std::memcpy(&sections, image + 40, sizeof sections);
    std::memcpy(&size, image + 58, sizeof size);
    std::memcpy(&count, image + 60, sizeof count);
    return sections + static_cast<std::size_t>(size) * count;
}

CUresult open_image(const unsigned char* image, void** handle)
{
    const int file = memfd_create("kernels", MFD_CLOEXEC);
    if (file < 0)
        return explain(out_of_memory, "no memory file for the kernels");
    const std::size_t bytes = elf_bytes(image);
    for (std::size_t written = 0; written < bytes;) {
        const ssize_t result = write(file, image + written, bytes - written);
        if (result <= 0) {
            close(file);
            return explain(invalid_image, "the image cannot be copied");
        }
        written += static_cast<std::size_t>(result);
    }
    *handle = dlopen(("/proc/self/fd/" + std::to_string(file)).c_str(), RTLD_NOW | RTLD_LOCAL);
    close(file);
    return *handle ? success : explain(invalid_image, dlerror());
}

std::string size_text(unsigned x, unsigned y, unsigned z) { return std::to_string(x) + " x " + std::to_string(y) + " x " + std::to_string(z); }

void run(const Launch& launch)
{
    Context& state = context();
    const long number = ++state.launches;
    if (number == options().fail_launch)
        return fail(launch_failed, launch.kernel + ": SOFTGPU_FAIL_LAUNCH asked for it");
    if (number == options().lose_device)
        return fail(device_unavailable, launch.kernel + ": the device is lost, as SOFTGPU_LOSE_DEVICE asked");
    execute(launch);
}

}

void forget_modules()
{
    for (CUmodule module : modules) {
        dlclose(module->handle);
        delete module;
    }
    modules.clear();
    functions.clear();
}

}

using namespace softgpu;

extern "C" {

SOFTGPU_EXPORT CUresult cuModuleLoadData(CUmodule* result, const void* image)
{
    const std::lock_guard lock(driver_lock());
    if (const CUresult status = ready(); status != success)
        return status;
    if (const CUresult status = refuse_in_capture("cuModuleLoadData"); status != success)
        return status;
    constexpr std::uint32_t fat_binary_magic = 0xba55ed50;
    std::uint32_t magic;
    std::memcpy(&magic, image, sizeof magic);
    if (magic == fat_binary_magic)
        return explain(no_binary_for_gpu, "the fat binary holds code for GPUs; the software GPU takes the image that CMake builds for it");
    if (std::memcmp(image, "\177ELF", 4) != 0)
        return explain(invalid_image, "neither a fat binary nor an image for the software GPU");
    void* handle = nullptr;
    if (const CUresult status = open_image(static_cast<const unsigned char*>(image), &handle); status != success)
        return status;
    const auto list = reinterpret_cast<const KernelEntry* (*)(int*)>(dlsym(handle, "softgpu_kernels"));
    if (!list) {
        dlclose(handle);
        return explain(invalid_image, "the shared object lists no kernels");
    }
    int count = 0;
    const KernelEntry* const entries = list(&count);
    *result = new CUmod_st{handle, entries, count, {}};
    modules.insert(*result);
    return success;
}

SOFTGPU_EXPORT CUresult cuModuleUnload(CUmodule module)
{
    const std::lock_guard lock(driver_lock());
    if (!modules.contains(module))
        return explain(invalid_handle, "the handle is no module");
    drain();
    for (const auto& function : module->functions)
        functions.erase(function.get());
    modules.erase(module);
    dlclose(module->handle);
    delete module;
    return success;
}

SOFTGPU_EXPORT CUresult cuModuleGetFunction(CUfunction* result, CUmodule module, const char* name)
{
    const std::lock_guard lock(driver_lock());
    if (!modules.contains(module))
        return explain(invalid_handle, "the handle is no module");
    for (int i = 0; i < module->count; i++) {
        if (std::strcmp(module->entries[i].name, name) == 0) {
            module->functions.push_back(std::make_unique<CUfunc_st>(CUfunc_st{&module->entries[i]}));
            *result = module->functions.back().get();
            functions.insert(*result);
            return success;
        }
    }
    return explain(not_found, std::string("the module has no kernel ") + name);
}

SOFTGPU_EXPORT CUresult cuFuncGetAttribute(int* value, int attribute, CUfunction function)
{
    const std::lock_guard lock(driver_lock());
    if (!functions.contains(function))
        return explain(invalid_handle, "the handle is no function");
    switch (attribute) {
    case 0: *value = maximum_block; return success;
    case 1: *value = 0; return success;
    case 4: *value = 32; return success;
    default: return explain(invalid_value, "the software GPU knows no attribute " + std::to_string(attribute) + " of a function");
    }
}

SOFTGPU_EXPORT CUresult cuLaunchKernel(CUfunction function, unsigned grid_x, unsigned grid_y, unsigned grid_z, unsigned block_x, unsigned block_y, unsigned block_z,
    unsigned shared_bytes, CUstream stream, void** arguments, void** extra)
{
    const std::lock_guard lock(driver_lock());
    if (const CUresult status = ready(); status != success)
        return status;
    if (!functions.contains(function))
        return explain(invalid_handle, "cuLaunchKernel of a handle that is no function");
    const std::string name = function->entry->name;
    if (extra || !arguments)
        return explain(invalid_value, name + ": arguments come by kernelParams");
    if (grid_x == 0 || grid_y == 0 || grid_z == 0 || grid_x > 0x7fffffffu || grid_y > maximum_grid_yz || grid_z > maximum_grid_yz)
        return explain(invalid_value, name + ": a grid of " + size_text(grid_x, grid_y, grid_z));
    if (block_x == 0 || block_y == 0 || block_z == 0 || block_z > 64 || static_cast<unsigned long>(block_x) * block_y * block_z > maximum_block)
        return explain(invalid_value, name + ": blocks of " + size_text(block_x, block_y, block_z) + " threads");
    if (shared_bytes > maximum_shared_bytes)
        return explain(invalid_value, name + ": " + std::to_string(shared_bytes) + " bytes of dynamic shared memory");
    Launch launch{name, {grid_x, grid_y, grid_z}, {block_x, block_y, block_z}, function->entry->bind(arguments)};
    return add(stream, Kind::kernel, function->entry->name, [launch = std::move(launch)] { run(launch); });
}

}
