#!/usr/bin/env bash
# The README's commands as a machine with nothing but the SDK has them: no CMake, compiler, nvcc, git or Python, blanks and letters beyond ASCII in the path,
# another current folder, a checkout that cannot be written. The tests of the library itself need none of these and run in full elsewhere: "--all" runs them here too.
set -euo pipefail
source=$(cd "$(dirname "$0")/.." && pwd)
export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1

work=$(mktemp -d)
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
bare=$work/bin
mkdir "$bare"
for folder in /usr/bin /bin; do
    for program in "$folder"/*; do
        name=${program##*/}
        case $name in
            cmake* | ctest* | cpack* | make | gmake | ninja | *g++* | *gcc* | c++* | cc | cpp* | c[89]9* | clang* | nvcc* | git* | python* | dotnet) ;;
            *) [ -e "$bare/$name" ] || ln -s "$program" "$bare/$name" ;;
        esac
    done
done
ln -s "$(readlink -f "$(command -v dotnet)")" "$bare/dotnet"

checkout="$work/a checkout ünter späces 名前"
git clone -q "$source" "$checkout"
export PATH=$bare
for tool in cmake c++ cc nvcc git python3; do
    ! command -v "$tool" > /dev/null || { echo "$tool is still on PATH." >&2; exit 1; }
done

# What the tests print is shown, and looked at: all of the tests that need the software GPU are skipped, and each says why.
cd "$checkout"
run() {
    "$@" 2>&1 | tee "$work/output"
}
if [ "${1:-}" = --all ]; then
    run dotnet test -c Release
else
    run dotnet test -c Release --project tests/VBiLstm.Cuda.Tests --output Detailed
    ! grep -q '^passed ' "$work/output" || { echo "A test of the software GPU passed without one." >&2; exit 1; }
    grep -q 'needs CMake and a C++ compiler' "$work/output"
fi
