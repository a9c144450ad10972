#!/usr/bin/env bash
# For machines without CUDA: unpacks NVIDIA's CUDA 12.4 compiler and headers from Debian trixie's non-free component into a
# private folder, where the build finds it. Nothing is installed, no driver or GPU is needed, and running it again only checks.
#   install-nvcc.sh [FOLDER]     default: cuda-12.4 in $VBILSTM_NVCC_CACHE, or else in the user's cache folder
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/debian-archive.sh"
prefix=${1:-$(vbilstm_cache)/cuda-12.4}
recipe=1 # raise it when what is unpacked, or how, changes
host_compiler=${CUDAHOSTCXX:-g++-12}
command -v "$host_compiler" > /dev/null || host_compiler=g++

fail() {
    echo "install-nvcc: $1" >&2
    exit 1
}

# One kernel that needs the headers as well, to binaries of three architectures.
check() {
    local folder compiler=$1/bin/nvcc
    folder=$(mktemp -d)
    cat > "$folder/check.cu" << 'CU'
#include <cuda_bf16.h>
#include <mma.h>
extern "C" __global__ void check(const __nv_bfloat16* x, float* y) { y[threadIdx.x] = __bfloat162float(x[threadIdx.x]); }
CU
    "$compiler" -ccbin "$host_compiler" -O3 -fatbin -o "$folder/check.fatbin" "$folder/check.cu" \
        -gencode arch=compute_70,code=sm_70 -gencode arch=compute_80,code=sm_80 -gencode "arch=compute_90,code=[sm_90,compute_90]" ||
        fail "$compiler does not compile with $host_compiler"
    [ "$("$1/bin/cuobjdump" --list-elf "$folder/check.fatbin" | grep -c sm_)" = 3 ] || fail "$compiler left out an architecture"
    rm -rf "$folder"
    echo "install-nvcc: $("$compiler" --version | sed -n 's/^Cuda compilation tools, //p') works with $host_compiler in $1"
}

if [ "$(cat "$prefix/.complete" 2> /dev/null || true)" = "$recipe" ]; then
    check "$prefix"
    exit 0
fi

unpacked=$prefix.new
trap 'close_debian_archive; rm -rf "$unpacked"' EXIT
open_debian_archive trixie || fail "cannot read Debian's trixie archive"
rm -rf "$unpacked"
mkdir -p "$unpacked"

download_package nvidia-cuda-toolkit || fail "cannot download nvidia-cuda-toolkit"
dpkg -x "$archive_work"/packages/nvidia-cuda-toolkit_*.deb "$unpacked"
for package in libcu++-dev libcub-dev libthrust-dev; do
    download_package "$package" || fail "cannot download $package"
    dpkg -x "$archive_work"/packages/"$package"_*.deb "$unpacked"
done

# 934 MB of mostly static libraries. The headers are the first 16 MB of its 2.6 GB tar, so only the front is decompressed.
download_package nvidia-cuda-dev || fail "cannot download nvidia-cuda-dev"
{ dpkg-deb --fsys-tarfile "$archive_work"/packages/nvidia-cuda-dev_*.deb 2> /dev/null || true; } | head -c 67108864 |
    tar -x -C "$unpacked" --wildcards './usr/include/*' 2> /dev/null || true
for header in cuda.h cuda_runtime.h cuda_bf16.h mma.h cooperative_groups.h vector_types.h; do
    [ -s "$unpacked/usr/include/$header" ] || fail "header $header is missing in nvidia-cuda-dev"
done

# The packaged profile is a link to /etc, and the packaged gcc wrappers would shadow the host compiler.
tools=$unpacked/usr/lib/nvidia-cuda-toolkit/bin
rm -f "$tools/nvcc.profile" "$tools/gcc" "$tools/g++"
cat > "$tools/nvcc.profile" << 'PROFILE'
TOP                = $(_HERE_)/../../../..
NVVMIR_LIBRARY_DIR = $(TOP)/usr/lib/nvidia-cuda-toolkit/libdevice
PATH              += $(TOP)/usr/lib/nvidia-cuda-toolkit/bin:$(TOP)/usr/bin:
INCLUDES          += "-I$(TOP)/usr/include" $(_SPACE_)
LIBRARIES         =+ $(_SPACE_) "-L$(TOP)/usr/lib/x86_64-linux-gnu"
CUDAFE_FLAGS      +=
PTXAS_FLAGS       +=
PROFILE
printf '#!/bin/sh\nexec "$(dirname "$(readlink -f "$0")")/../lib/nvidia-cuda-toolkit/bin/nvcc" "$@"\n' > "$unpacked/usr/bin/nvcc"
chmod +x "$unpacked/usr/bin/nvcc"

# The layout of NVIDIA's own installer, which other tools look for.
mkdir -p "$unpacked/nvvm"
ln -sfn usr/bin "$unpacked/bin"
ln -sfn usr/include "$unpacked/include"
ln -sfn usr/lib/x86_64-linux-gnu "$unpacked/lib64"
ln -sfn ../usr/lib/nvidia-cuda-toolkit/libdevice "$unpacked/nvvm/libdevice"
echo "CUDA Version 12.4.131" > "$unpacked/version.txt"
rm -rf "$unpacked/usr/share/doc" "$unpacked/usr/share/lintian"

check "$unpacked"
rm -rf "$prefix"
mv "$unpacked" "$prefix"
echo "$recipe" > "$prefix/.complete"
echo "install-nvcc: unpacked into $prefix"
