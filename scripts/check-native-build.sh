#!/usr/bin/env bash
# What the build makes of compilers that warn or fail, and of each nvcc's architectures, with made-up ones: nvcc and c++ note what they are called with and,
# for the project's own sources, write empty files or fail.
#   check-native-build.sh
set -euo pipefail
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work" || true' EXIT
mkdir -p "$work/cuda/bin"
real=$(command -v c++)

# The last argument after -o; CMake's own trials get the real compiler.
cat > "$work/c++" << SCRIPT
#!/usr/bin/env bash
case "\$*" in
    *softgpu* | *kernels_on_cpu*) ;;
    *) exec "$real" "\$@" ;;
esac
echo "\$*" >> "$work/calls"
[ -z "\${BROKEN_COMPILER:-}" ] || { echo "made-up: error: no"; exit 1; }
while [ \$# -gt 1 ]; do [ "\$1" != -o ] || : > "\$2"; shift; done
SCRIPT
cat > "$work/cuda/bin/nvcc" << SCRIPT
#!/usr/bin/env bash
[ "\$1" != --version ] || { echo "Cuda compilation tools, release, V\$NVCC_VERSION"; exit 0; }
case "\$*" in *nvcc-trial*) exit 0 ;; esac
echo "\$*" >> "$work/calls"
[ -z "\${BROKEN_NVCC:-}" ] || { echo "made-up: error: no"; exit 1; }
while [ \$# -gt 1 ]; do [ "\$1" != -o ] || : > "\$2"; shift; done
SCRIPT
chmod +x "$work/c++" "$work/cuda/bin/nvcc"

# build NAME=VALUE...: the native part alone, in a fresh folder.
build() {
    rm -rf "$work/obj" "$work/calls"
    env NativeWarningsAsErrors=false CXX="$work/c++" CUDA_PATH="$work/cuda" NVCC_VERSION=12.4.131 "$@" \
        dotnet msbuild src/VBiLstm.Cuda/VBiLstm.Cuda.csproj -t:BuildNative -p:SkipNative=false -p:BaseIntermediateOutputPath="$work/obj/" -nologo > "$work/output" 2>&1
}
fail() { echo "check-native-build: $1" >&2; cat "$work/output" "$work/calls" >&2; exit 1; }
says() { grep -qF -- "$1" "$work/output" || fail "the build does not say: $1"; }
calls() { grep -qE -- "$1" "$work/calls" || fail "no compiler is called with: $1"; }
no_call() { ! grep -qE -- "$1" "$work/calls" || fail "a compiler is called with: $1"; }
fatbin=$work/obj/native/lib/vbilstm_kernels.fatbin
software=$work/obj/native/lib/softgpu/vbilstm_kernels.fatbin

build || fail "the build fails"
no_call '-Werror'
calls '-Wno-deprecated-gpu-targets'
calls 'code=compute_70 .*code=sm_70 .*code=sm_90'
no_call 'sm_1[02]0'
build NativeWarningsAsErrors=true || fail "the strict build fails"
calls '-Werror all-warnings'
calls '-Wall .*-Werror'
build NVCC_VERSION=12.8.61 || fail "the build with nvcc 12.8 fails"
calls 'code=compute_70 .*code=sm_70 .*code=sm_100 .*code=sm_120'
build NVCC_VERSION=13.0.48 || fail "the build with nvcc 13 fails"
calls 'code=compute_75 .*code=sm_75 .*code=sm_120'
no_call '_70'

build BROKEN_NVCC=1 || fail "a failing nvcc fails the build"
says 'made-up: error: no'
says 'The kernels for GPUs do not compile here'
[ ! -e "$fatbin" ] && [ -e "$software" ] || fail "the kernels are there, or the software GPU is not"
build BROKEN_COMPILER=1 || fail "a failing compiler fails the build"
says 'The software GPU does not compile here'
[ -e "$fatbin" ] && [ ! -e "$software" ] || fail "the software GPU is there, or the kernels are not"
for broken in BROKEN_NVCC BROKEN_COMPILER; do
    ! build $broken=1 NativeWarningsAsErrors=true || fail "$broken does not fail the strict build"
    says 'error : The native part does not compile'
done
echo "check-native-build: architectures, warnings and failures are as they should be."
