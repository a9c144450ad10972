#!/usr/bin/env bash
# NuGet packages: VBiLstm and VBiLstm.Cuda for programs, each with its symbols, and VBiLstm.Cli, the command as a .NET tool, with a package for each system.
#   make-packages.sh [FOLDER [SYSTEM...]]      default: artifacts, and linux-x64 linux-arm64 win-x64 osx-arm64
# Needs the kernels of a build with -p:SkipNative=false; without them VBiLstm.Cuda is not packed, and that is said. Where the sources are to be found is
# written into the packages where REPOSITORY names it.
set -euo pipefail
source "$(dirname "$0")/release-arguments.sh"
largest=100000000 # of a tool's package

pack() {
    # Paths in symbols begin at the repository. Analysers have had their say in the build.
    dotnet pack -c Release -o "$folder" --artifacts-path "$work" -p:ContinuousIntegrationBuild=true -p:RunAnalyzers=false \
        ${REPOSITORY:+-p:RepositoryUrl="$REPOSITORY"} -v quiet "$@"
}

pack src/VBiLstm
if [ -f src/VBiLstm.Cuda/obj/native/lib/vbilstm_kernels.fatbin ]; then
    pack src/VBiLstm.Cuda
else
    echo "VBiLstm.Cuda is not packed: the kernels for GPUs were not built here." >&2
fi
for system in "${systems[@]}"; do
    pack src/VBiLstm.Cli -r "$system" -p:ToolPackageRuntimeIdentifiers="$system"
done

# What the tool's own package names each system's by; no machine code is in it, and PublishAot keeps the SDK from packing that again.
(
    IFS=';'
    pack src/VBiLstm.Cli -p:ToolPackageRuntimeIdentifiers="\"${systems[*]}\"" -p:PublishAot=true -p:IncludeSymbols=false
)
for package in "$folder"/*.nupkg; do
    bytes=$(stat -c %s "$package")
    echo "$package: $bytes bytes"
    [ "$bytes" -le "$largest" ] || { echo "make-packages: that is more than $largest bytes." >&2; exit 1; }
done
