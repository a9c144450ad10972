#include "modules.h"
#include "capture.h"
#include "context.h"
#include "device.h"
#include "launch.h"
#include "memory.h"
#include "options.h"
#include "../kernel_registration.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <dlfcn.h>
#include <map>
#include <memory>
#include <sys/mman.h>
#include <unistd.h>

struct CUfunc_st {
    const softgpu::KernelEntry* entry;
    softgpu::SharedMemory (*shared_memory)();
    unsigned most_dynamic_memory = 48 << 10; // that a launch may ask for
};

// Graphs keep the image of a module that is unloaded, because what they captured is of its code.
struct CUmod_st {
    CUmod_st(softgpu::Context& owner, int image) : context(owner), file(image) {}
    ~CUmod_st();
    CUmod_st(const CUmod_st&) = delete;
    CUmod_st& operator=(const CUmod_st&) = delete;

    softgpu::Context& context;
    int file; // open as long as the module is: the loader takes a file of the same name for the same library
    void* handle = nullptr;
    std::map<std::string, CUfunc_st> functions;
    bool is_unloaded = false;
};

CUmod_st::~CUmod_st()
{
    if (handle)
        dlclose(handle);
    close(file);
}

typedef CUmod_st* CUmodule;
typedef CUfunc_st* CUfunction;

namespace softgpu {
namespace {

// Work of a module's kernel; what it was bound to goes before the image.
struct ModuleLaunch {
    std::shared_ptr<const CUmod_st> module;
    Launch launch;
};

std::map<CUmodule, std::shared_ptr<CUmod_st>>& modules()
{
    static auto& instance = *new std::map<CUmodule, std::shared_ptr<CUmod_st>>;
    return instance;
}

constexpr unsigned maximum_block = 1024;
constexpr unsigned maximum_grid_x = 0x7fffffff;
constexpr unsigned maximum_grid_y = 65535;

// Null where the handle is no function.
std::shared_ptr<const CUmod_st> module_of(CUfunction function)
{
    for (const auto& [handle, module] : modules())
        for (const auto& [name, known] : module->functions)
            if (&known == function)
                return module;
    return nullptr;
}

// The size of an ELF file that ends with its section headers, as linkers write it.
std::size_t elf_bytes(const unsigned char* image)
{
    std::uint64_t sections;
    std::uint16_t size, count;
    std::memcpy(&sections, image + 40, sizeof sections);
    std::memcpy(&size, image + 58, sizeof size);
    std::memcpy(&count, image + 60, sizeof count);
    return sections + static_cast<std::size_t>(size) * count;
}

CUresult write_all(int file, const unsigned char* bytes, std::size_t count)
{
    while (count > 0) {
        const ssize_t written = write(file, bytes, count);
        if (written <= 0)
            return explain(out_of_memory, "the host has no room for a kernel image");
        bytes += written;
        count -= static_cast<std::size_t>(written);
    }
    return success;
}

CUresult load(CUmod_st& module, const unsigned char* image)
{
    if (const CUresult status = write_all(module.file, image, elf_bytes(image)); status != success)
        return status;

    // By the process's number, so that a symbolizer, another process, finds it too.
    const std::string path = "/proc/" + std::to_string(getpid()) + "/fd/" + std::to_string(module.file);
    module.handle = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (!module.handle)
        return explain(invalid_image, dlerror());
    const auto list = reinterpret_cast<const KernelEntry* (*)(int*)>(dlsym(module.handle, "softgpu_kernels"));
    const auto shared_memory = reinterpret_cast<SharedMemory (*)()>(dlsym(module.handle, "softgpu_shared_memory"));
    if (!list || !shared_memory)
        return explain(invalid_image, "the shared object lists no kernels");
    int count = 0;
    const KernelEntry* const entries = list(&count);
    for (int i = 0; i < count; i++)
        module.functions[entries[i].name] = {.entry = &entries[i], .shared_memory = shared_memory};
    return success;
}

// CUlaunchAttribute: its value is a union of 64 bytes, of which this project uses an int.
struct LaunchAttribute {
    int id;
    int padding;
    int value;
    int rest_of_value[15];
};

static_assert(sizeof(LaunchAttribute) == 72);

// CUlaunchConfig.
struct LaunchConfiguration {
    unsigned grid_x, grid_y, grid_z;
    unsigned block_x, block_y, block_z;
    unsigned shared_bytes;
    CUstream stream;
    const LaunchAttribute* attributes;
    unsigned attribute_count;
};

static_assert(sizeof(LaunchConfiguration) == 56);

// Of the PTX that the kernels' code comes from.
long kernel_architecture() { return options().kernel_architecture > 0 ? options().kernel_architecture : options().compute_capability; }

std::string size_text(unsigned x, unsigned y, unsigned z) { return std::to_string(x) + " x " + std::to_string(y) + " x " + std::to_string(z); }

// What the software GPU knows of a launch beside its sizes.
struct LaunchKind {
    bool is_dependent = false;
    bool is_cooperative = false;
};

// Blocks that a multiprocessor has room for at once. How many registers a kernel has on a GPU is not known here: as many as it could have.
unsigned resident_blocks(unsigned threads, std::size_t shared_bytes)
{
    constexpr unsigned registers = 65536, most_threads = 1536, most_registers_of_thread = 256, warp = 32;
    constexpr std::size_t reserved = 1024;
    if (threads == 0 || threads > maximum_block || shared_bytes > static_cast<std::size_t>(shared_memory_of_block()))
        return 0;
    const unsigned rounded = (threads + warp - 1) / warp * warp;
    const unsigned by_registers = std::max(1u, registers / (most_registers_of_thread * rounded));
    const auto by_memory = static_cast<unsigned>((static_cast<std::size_t>(shared_memory_of_block()) + reserved) / (shared_bytes + reserved));
    return std::min({by_registers, most_threads / rounded, by_memory});
}

CUresult check_cooperative(const std::string& name, const LaunchConfiguration& configuration)
{
    if (options().cooperative_launch == 0)
        return explain(not_supported, name + ": the device has no cooperative launches");
    const unsigned long room = static_cast<unsigned long>(multiprocessors())
        * resident_blocks(configuration.block_x * configuration.block_y, configuration.shared_bytes);
    const unsigned long blocks = static_cast<unsigned long>(configuration.grid_x) * configuration.grid_y;
    if (blocks > room)
        return explain(cooperative_launch_too_large, name + ": " + std::to_string(blocks) + " blocks, of which " + std::to_string(room)
            + " can run beside each other");
    return success;
}

CUresult launch(const LaunchConfiguration& configuration, CUfunction function, void** arguments, void** extra, const LaunchKind& launch_kind)
{
    const std::lock_guard lock(driver_lock());
    if (const CUresult status = ready(); status != success)
        return status;
    const auto module = module_of(function);
    if (!module)
        return explain(invalid_handle, "a launch of a handle that is no function");
    if (const CUresult status = check_owner(module->context, "the function"); status != success)
        return status;
    const KernelEntry& entry = *function->entry;
    const std::string name = entry.name;
    const auto& [grid_x, grid_y, grid_z, block_x, block_y, block_z, shared_bytes, stream, attributes, attribute_count] = configuration;
    if (extra || (!arguments && entry.arguments > 0))
        return explain(invalid_value, name + ": the software GPU takes arguments by kernelParams");
    if (grid_x == 0 || grid_y == 0 || grid_z != 1 || grid_x > maximum_grid_x || grid_y > maximum_grid_y)
        return explain(invalid_value, name + ": a grid of " + size_text(grid_x, grid_y, grid_z) + " blocks");
    if (block_x == 0 || block_y == 0 || block_z != 1 || block_x > maximum_block || block_y > maximum_block || block_x * block_y > maximum_block)
        return explain(invalid_value, name + ": blocks of " + size_text(block_x, block_y, block_z) + " threads");
    if (shared_bytes > function->most_dynamic_memory)
        return explain(invalid_value, name + ": " + std::to_string(shared_bytes) + " bytes of dynamic shared memory, "
            + std::to_string(function->most_dynamic_memory) + " at most without cuFuncSetAttribute");
    if (launch_kind.is_cooperative) {
        if (const CUresult status = check_cooperative(name, configuration); status != success)
            return status;
    }
    auto work = std::make_shared<ModuleLaunch>(ModuleLaunch{module,
        prepare(entry.name, {grid_x, grid_y, grid_z}, {block_x, block_y, block_z}, entry.bind(arguments), function->shared_memory)});
    work->launch.shared_bytes = shared_bytes;
    work->launch.is_cooperative = launch_kind.is_cooperative;
    work->launch.is_dependent = launch_kind.is_dependent;
    work->launch.can_wait = kernel_architecture() >= 90;
    const auto in_module = [work](void (*run)(Launch&)) {
        return [work, run] {
            if (work->module->is_unloaded)
                fail(illegal_address, work->launch.kernel + ", when it ran: its module was unloaded");
            else
                run(work->launch);
        };
    };
    return add(stream,
        {Kind::kernel, name, in_module(execute), {}, {}, launch_kind.is_dependent ? std::function<void()>(in_module(begin_early)) : nullptr, false});
}

}

std::size_t count_modules() { return modules().size(); }

void forget_modules(const Context& context)
{
    std::erase_if(modules(), [&context](const auto& module) { return &module.second->context == &context; });
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
    if (!image)
        return explain(invalid_value, "cuModuleLoadData of no image");
    constexpr std::uint32_t fat_binary_magic = 0xba55ed50;
    std::uint32_t magic;
    std::memcpy(&magic, image, sizeof magic);
    if (magic == fat_binary_magic)
        return explain(no_binary_for_gpu, "the fat binary holds code for GPUs; the software GPU takes the image that CMake builds for it");
    if (std::memcmp(image, "\177ELF", 4) != 0)
        return explain(invalid_image, "neither a fat binary nor an image for the software GPU");
    const int file = memfd_create("kernels", MFD_CLOEXEC);
    if (file < 0)
        return explain(out_of_memory, "the host has no room for a kernel image");
    auto module = std::make_shared<CUmod_st>(current_context(), file);
    if (const CUresult status = load(*module, static_cast<const unsigned char*>(image)); status != success)
        return status;
    *result = module.get();
    modules()[*result] = std::move(module);
    return success;
}

SOFTGPU_EXPORT CUresult cuModuleUnload(CUmodule module)
{
    const std::lock_guard lock(driver_lock());
    const auto found = modules().find(module);
    if (found == modules().end())
        return explain(invalid_handle, "the handle is no module");
    if (const CUresult status = check_owner(module->context, "the module"); status != success)
        return status;
    if (const CUresult status = refuse_in_capture("cuModuleUnload"); status != success)
        return status;
    Context& context = module->context;
    drain(context);
    module->is_unloaded = true;
    modules().erase(found);
    return sticky_error(context);
}

SOFTGPU_EXPORT CUresult cuModuleGetFunction(CUfunction* result, CUmodule module, const char* name)
{
    const std::lock_guard lock(driver_lock());
    if (const CUresult status = ready(); status != success)
        return status;
    if (!modules().contains(module))
        return explain(invalid_handle, "the handle is no module");
    if (const CUresult status = check_owner(module->context, "the module"); status != success)
        return status;
    const auto found = module->functions.find(name);
    if (found == module->functions.end())
        return explain(not_found, std::string("the module has no kernel ") + name);
    *result = &found->second;
    return success;
}

SOFTGPU_EXPORT CUresult cuFuncGetAttribute(int* value, int attribute, CUfunction function)
{
    const std::lock_guard lock(driver_lock());
    if (const CUresult status = ready(); status != success)
        return status;
    if (!module_of(function))
        return explain(invalid_handle, "cuFuncGetAttribute of a handle that is no function");
    enum { ptx_version = 5, binary_version = 6 };
    switch (attribute) {
    case ptx_version: *value = static_cast<int>(kernel_architecture()); return success;
    case binary_version: *value = static_cast<int>(options().compute_capability); return success;
    default: return explain(invalid_value, "the software GPU knows no attribute " + std::to_string(attribute) + " of a function");
    }
}

SOFTGPU_EXPORT CUresult cuFuncSetAttribute(CUfunction function, int attribute, int value)
{
    const std::lock_guard lock(driver_lock());
    if (const CUresult status = ready(); status != success)
        return status;
    const auto module = module_of(function);
    if (!module)
        return explain(invalid_handle, "cuFuncSetAttribute of a handle that is no function");
    constexpr int most_dynamic_shared_memory = 8;
    if (attribute != most_dynamic_shared_memory)
        return explain(invalid_value, "the software GPU sets no attribute " + std::to_string(attribute) + " of a function");
    if (value < 0 || value > shared_memory_of_block())
        return explain(invalid_value, std::string(function->entry->name) + ": " + std::to_string(value) + " bytes of dynamic shared memory, a block has "
            + std::to_string(shared_memory_of_block()) + " at most");
    function->most_dynamic_memory = static_cast<unsigned>(value);
    return success;
}

SOFTGPU_EXPORT CUresult cuOccupancyMaxActiveBlocksPerMultiprocessor(int* blocks, CUfunction function, int threads, std::size_t shared_bytes)
{
    const std::lock_guard lock(driver_lock());
    if (const CUresult status = ready(); status != success)
        return status;
    if (!module_of(function))
        return explain(invalid_handle, "cuOccupancyMaxActiveBlocksPerMultiprocessor of a handle that is no function");
    if (threads <= 0)
        return explain(invalid_value, "cuOccupancyMaxActiveBlocksPerMultiprocessor of blocks of " + std::to_string(threads) + " threads");
    *blocks = shared_bytes > function->most_dynamic_memory ? 0 : static_cast<int>(resident_blocks(static_cast<unsigned>(threads), shared_bytes));
    return success;
}

SOFTGPU_EXPORT CUresult cuLaunchKernel(CUfunction function, unsigned grid_x, unsigned grid_y, unsigned grid_z, unsigned block_x, unsigned block_y,
    unsigned block_z, unsigned shared_bytes, CUstream stream, void** arguments, void** extra)
{
    const LaunchConfiguration configuration{grid_x, grid_y, grid_z, block_x, block_y, block_z, shared_bytes, stream, nullptr, 0};
    return launch(configuration, function, arguments, extra, {});
}

SOFTGPU_EXPORT CUresult cuLaunchKernelEx(const LaunchConfiguration* configuration, CUfunction function, void** arguments, void** extra)
{
    enum { cooperative = 2, programmatic_stream_serialization = 6 };
    const std::lock_guard lock(driver_lock());
    if (!configuration || (configuration->attribute_count > 0 && !configuration->attributes))
        return explain(invalid_value, "cuLaunchKernelEx without a configuration, or without the attributes that it counts");
    LaunchKind kind;
    for (unsigned i = 0; i < configuration->attribute_count; i++) {
        const LaunchAttribute& attribute = configuration->attributes[i];
        if ((attribute.id != programmatic_stream_serialization && attribute.id != cooperative) || (attribute.value != 0 && attribute.value != 1))
            return explain(invalid_value, "the software GPU knows no attribute " + std::to_string(attribute.id) + " of a launch, or not with that value");
        (attribute.id == cooperative ? kind.is_cooperative : kind.is_dependent) = attribute.value == 1;
    }
    // What a GPU does there is not documented.
    constexpr long with_dependent_launches = 90;
    if (kind.is_dependent && options().compute_capability < with_dependent_launches)
        return explain(invalid_value, "a dependent launch needs compute capability 9.0");
    if (kind.is_dependent && kind.is_cooperative)
        return explain(invalid_value, "a launch that is cooperative and dependent: nobody says whether its blocks are all resident before it starts");
    return launch(*configuration, function, arguments, extra, kind);
}

}
