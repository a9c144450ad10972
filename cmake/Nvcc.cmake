# Finds nvcc 12 or 13 and a host compiler that it accepts, and says what is left out without them.
# Sets VBILSTM_NVCC_COMMAND (a list), VBILSTM_NVCC_VERSION and VBILSTM_NVCC_ARCHITECTURES (-gencode options).

if(DEFINED ENV{VBILSTM_NVCC_CACHE})
    set(nvcc_cache "$ENV{VBILSTM_NVCC_CACHE}")
elseif(DEFINED ENV{XDG_CACHE_HOME})
    set(nvcc_cache "$ENV{XDG_CACHE_HOME}/vbilstm")
else()
    set(nvcc_cache "$ENV{HOME}/.cache/vbilstm")
endif()

find_program(VBILSTM_NVCC nvcc
    HINTS "$ENV{CUDA_PATH}/bin" "$ENV{CUDA_HOME}/bin"
    PATHS /usr/local/cuda/bin "${nvcc_cache}/cuda-12.4/bin"
    DOC "NVIDIA's CUDA compiler, version 12 or 13")

set(VBILSTM_NVCC_COMMAND "")
if(NOT VBILSTM_NVCC)
    message(STATUS "nvcc not found: the kernels for GPUs (lib/vbilstm_kernels.fatbin) are left out; cmake/install-nvcc.sh unpacks one.")
    return()
endif()

execute_process(COMMAND "${VBILSTM_NVCC}" --version OUTPUT_VARIABLE nvcc_version ERROR_QUIET)
string(REGEX REPLACE ".*, V([0-9.]+).*" "\\1" VBILSTM_NVCC_VERSION "${nvcc_version}")
if(NOT VBILSTM_NVCC_VERSION MATCHES "^1[23]\\.")
    message(STATUS "${VBILSTM_NVCC} is version ${VBILSTM_NVCC_VERSION}, not 12 or 13: the kernels for GPUs (lib/vbilstm_kernels.fatbin) are left out.")
    return()
endif()

# Each nvcc refuses host compilers newer than itself, so the candidates are tried; on Windows nvcc knows only the one that CMake found, cl.exe.
if(NOT VBILSTM_NVCC_HOST_COMPILER)
    set(nvcc_trial "${CMAKE_BINARY_DIR}/CMakeFiles/nvcc-trial.cu")
    file(WRITE "${nvcc_trial}" "__global__ void trial(float* x) { *x = 1; }\n")
    foreach(candidate IN ITEMS "$ENV{CUDAHOSTCXX}" "${CMAKE_CXX_COMPILER}" g++-14 g++-13 g++-12 g++-11)
        if(candidate STREQUAL "")
            continue()
        endif()
        execute_process(COMMAND "${VBILSTM_NVCC}" -ccbin "${candidate}" -std=c++17 --fatbin -o "${nvcc_trial}.fatbin" "${nvcc_trial}"
            RESULT_VARIABLE nvcc_result OUTPUT_QUIET ERROR_QUIET)
        if(nvcc_result EQUAL 0)
            set(VBILSTM_NVCC_HOST_COMPILER "${candidate}" CACHE STRING "Host compiler of nvcc")
            break()
        endif()
    endforeach()
endif()
if(NOT VBILSTM_NVCC_HOST_COMPILER)
    message(STATUS "No host compiler that nvcc ${VBILSTM_NVCC_VERSION} accepts: the kernels for GPUs (lib/vbilstm_kernels.fatbin) are left out; "
        "CUDAHOSTCXX can name one.")
    return()
endif()

set(VBILSTM_NVCC_COMMAND "${VBILSTM_NVCC}" -ccbin "${VBILSTM_NVCC_HOST_COMPILER}")

# Machine code for every architecture that this nvcc knows. The PTX, from which a driver compiles for any other GPU, is that of the oldest: all run it. From 8.0
# on there are tensor cores for bf16, so a newer GPU than all of these gets that PTX.
set(architectures 75 80 86 89 90)
if(VBILSTM_NVCC_VERSION VERSION_LESS 13)
    list(PREPEND architectures 70)
endif()
if(VBILSTM_NVCC_VERSION VERSION_GREATER_EQUAL 12.8)
    list(APPEND architectures 100 120)
endif()
list(GET architectures 0 oldest)
set(VBILSTM_NVCC_ARCHITECTURES -gencode arch=compute_${oldest},code=compute_${oldest} -gencode arch=compute_80,code=compute_80)
foreach(architecture IN LISTS architectures)
    list(APPEND VBILSTM_NVCC_ARCHITECTURES -gencode arch=compute_${architecture},code=sm_${architecture})
endforeach()
message(STATUS "nvcc ${VBILSTM_NVCC_VERSION} with ${VBILSTM_NVCC_HOST_COMPILER}: ${VBILSTM_NVCC}")
