#!/usr/bin/env bash
# For compute nodes without internet, SDK or compiler: vbilstm-linux-x64.tar.xz with the program and its .NET runtime, the kernels for GPUs, the software GPU,
# the device tests with their golden vectors, and gpu-check.sh. Unpacked, it needs NVIDIA's driver and CUDA's libraries.
#   make-bundle.sh [FOLDER]      default: artifacts. Needs the SDK, CMake, a C++ compiler and nvcc; XZ_OPT=-1 packs faster and larger
# On the other machine:  tar -xf vbilstm-linux-x64.tar.xz && vbilstm-linux-x64/gpu-check.sh
set -euo pipefail
folder=${1:-artifacts}
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
cd "$(dirname "$0")/.."
name=vbilstm-linux-x64
largest=60000000 # what people still send around
work=$(mktemp -d)
trap 'rm -rf "$work" || true' EXIT

# Both programs in one folder share the runtime and the library. Analysers have had their say in the build.
for project in src/VBiLstm.Cli tests/VBiLstm.Cuda.Tests; do
    dotnet publish "$project" -c Release -r linux-x64 --self-contained -p:SkipNative=false -p:SatelliteResourceLanguages=en -p:RunAnalyzers=false -o "$work/$name/bin" -v quiet
done
cd "$work/$name/bin"
for part in vbilstm VBiLstm.Cuda.Tests vbilstm_kernels.fatbin softgpu/libcuda.so.1 softgpu/vbilstm_kernels.fatbin oracle; do
    [ -e "$part" ] || { echo "make-bundle: the build left out $part; it says above what it lacks." >&2; exit 1; }
done
rm -rf -- *.pdb *.xml libmscordaccore.so libmscordbi.so createdump
cd "$OLDPWD"
cp scripts/gpu-check.sh LICENSE docs/gpu.md "$work/$name"

XZ_OPT=${XZ_OPT:--6 -T0} tar -C "$work" -cJf "$folder/$name.tar.xz" "$name"
bytes=$(stat -c %s "$folder/$name.tar.xz")
echo "$folder/$name.tar.xz: $bytes bytes"
[ "$bytes" -le "$largest" ] || { echo "make-bundle: that is more than $largest bytes." >&2; exit 1; }
