#!/usr/bin/env bash
# The README's commands on a machine with nothing but the SDK: no CMake, compiler, nvcc, git or Python on PATH, blanks and letters beyond ASCII in
# the checkout's own.
#   check-bare-machine.sh [--all]     builds a clone; runs the tests that are other there (with --all: every test) and trains from another folder
set -euo pipefail
source=$(cd "$(dirname "$0")/.." && pwd)
export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1

work=$(mktemp -d)
trap 'rm -rf "$work" || true' EXIT
bare=$work/bin
mkdir "$bare"
for program in /usr/bin/* /bin/*; do
    name=${program##*/}
    case $name in
        cmake* | ctest* | cpack* | make | gmake | ninja | *g++* | *gcc* | c++* | cc | cpp* | c[89]9* | clang* | nvcc* | git* | python* | dotnet) ;;
        *) [ -e "$bare/$name" ] || ln -s "$program" "$bare/$name" ;;
    esac
done
ln -s "$(readlink -f "$(command -v dotnet)")" "$bare/dotnet"

checkout="$work/a checkout ünter 名前"
git clone -q "$source" "$checkout"
PATH=$bare
for tool in cmake make c++ cc nvcc git python3; do
    ! command -v "$tool" > /dev/null || { echo "$tool is still on PATH." >&2; exit 1; }
done

cd "$checkout"
if [ "${1:-}" = --all ]; then
    dotnet test -c Release
else
    # Counts for the budget, where libraries are looked for, what products are chosen by, where resident weights stay and what is public need no GPU of either
    # kind.
    dotnet test -c Release --project tests/VBiLstm.Cuda.Tests --filter-not-namespace VBiLstm.Cuda.Tests.Profiling \
        --filter-not-class VBiLstm.Cuda.Tests.LibraryFoldersTests --filter-not-class VBiLstm.Cuda.Tests.ProductTableTests \
        --filter-not-class VBiLstm.Cuda.Tests.ResidentWeightsTests --filter-not-class VBiLstm.Cuda.Tests.PublicInterfaceTests | tee "$work/output"
    grep -q 'not part of this build: it needs CMake and a C++ compiler' "$work/output"
    grep -q '^ *succeeded: 0$' "$work/output"
    dotnet test -c Release --project tests/VBiLstm.Cli.Tests --filter-class VBiLstm.Cli.Tests.DeviceFailureTests
fi

mkdir "$work/another folder"
cd "$work/another folder"
dotnet run -c Release --project "$checkout/src/VBiLstm.Cli" -- train --steps 2 --run first --set lstm_units=8 mlp_units=8 latent_units=4 batch_size=4
test -s runs/first/checkpoints/last/weights.safetensors
