# softgpu_kernel_image(target OUTPUT file SOURCES a.cu b.cu ...): the sources as one shared object that the software GPU's cuModuleLoadData takes for a fat
# binary.

set(SOFTGPU_SOURCE_DIRECTORY "${CMAKE_CURRENT_LIST_DIR}")

function(softgpu_kernel_image target)
    cmake_parse_arguments(PARSE_ARGV 1 image "" "OUTPUT" "SOURCES")
    set(includes "")
    set(entries "")
    foreach(source IN LISTS image_SOURCES)
        get_filename_component(source "${source}" ABSOLUTE)
        set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${source}")
        string(APPEND includes "#include \"${source}\"\n")
        file(READ "${source}" text)
        string(REGEX MATCHALL "extern \"C\" __global__ void (__launch_bounds__\\([^)]*\\) )?[A-Za-z0-9_]+" kernels "${text}")
        foreach(kernel IN LISTS kernels)
            string(REGEX REPLACE ".* " "" name "${kernel}")
            string(APPEND entries "    SOFTGPU_KERNEL(${name})\n")
        endforeach()
    endforeach()
    set(generated "${CMAKE_CURRENT_BINARY_DIR}/${target}.cpp")
    file(CONFIGURE OUTPUT "${generated}" @ONLY CONTENT
"#include \"cuda_on_cpu.h\"
${includes}#include \"kernel_registration.h\"

extern \"C\" __attribute__((visibility(\"default\"))) const softgpu::KernelEntry* softgpu_kernels(int* count)
{
    static const softgpu::KernelEntry entries[] = {
${entries}    };
    *count = sizeof entries / sizeof entries[0];
    return entries;
}

extern \"C\" __attribute__((visibility(\"default\"))) softgpu::SharedMemory softgpu_shared_memory()
{
    static thread_local char anchor;
    return softgpu::shared_memory_of(anchor);
}
")
    add_library(${target} MODULE "${generated}")
    target_include_directories(${target} PRIVATE "${SOFTGPU_SOURCE_DIRECTORY}")
    target_compile_options(${target} PRIVATE -O2 -ffp-contract=off -fvisibility=hidden)
    if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
        # One instruction for a fused multiply-add, which the noise is made of.
        target_compile_options(${target} PRIVATE -mavx2 -mfma)
    endif()
    target_link_libraries(${target} PRIVATE softgpu_driver)
    get_filename_component(folder "${image_OUTPUT}" DIRECTORY)
    get_filename_component(name "${image_OUTPUT}" NAME)
    set_target_properties(${target} PROPERTIES PREFIX "" SUFFIX "" OUTPUT_NAME "${name}" LIBRARY_OUTPUT_DIRECTORY "${folder}" BUILD_RPATH "$ORIGIN")
endfunction()
