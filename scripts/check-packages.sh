#!/usr/bin/env bash
# The packages and the release as their users get them: a new program trains with VBiLstm and finds VBiLstm.Cuda's kernels beside it; the command is installed as a
# .NET tool; the release's executables train, evaluate and sample with the bytes of the build that is compiled while it runs; what describes images is read.
#   check-packages.sh      Needs a Release build of the solution. WORK=FOLDER keeps everything
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/program-checks.sh
version=$(sed -n 's/^ *<Version>\(.*\)<\/Version>$/\1/p' Directory.Build.props)

step "dotnet pack"
scripts/make-packages.sh "$work/feed" linux-x64
if dotnet pack src/VBiLstm -c Release --no-build -o "$work/refused" -v quiet > "$work/refused.log" || ! grep -q 'would pack the machine code' "$work/refused.log"; then
    cat "$work/refused.log"
    fail "dotnet pack --no-build packed what this machine compiled for itself."
fi

step "a new program with the packages"
mkdir -p "$work/consumer"
cd "$work/consumer"
# Packages in a folder of its own: one of the same version may be in the user's, where the others come from.
cat > nuget.config << END
<configuration>
  <config><add key="globalPackagesFolder" value="$work/packages" /></config>
  <packageSources><add key="packed" value="$work/feed" /></packageSources>
  <fallbackPackageFolders><add key="user" value="${NUGET_PACKAGES:-$HOME/.nuget/packages}" /></fallbackPackageFolders>
</configuration>
END
package=VBiLstm
[ ! -f "$work/feed/VBiLstm.Cuda.$version.nupkg" ] || package=VBiLstm.Cuda
cat > consumer.csproj << END
<Project Sdk="Microsoft.NET.Sdk">
  <PropertyGroup><OutputType>Exe</OutputType><TargetFramework>net10.0</TargetFramework><ImplicitUsings>enable</ImplicitUsings></PropertyGroup>
  <ItemGroup><PackageReference Include="$package" Version="$version" /></ItemGroup>
</Project>
END
# The program of README.md, with fewer steps.
for namespace in Configuration Data Devices.Cpu Evaluation Model Training; do echo "using VBiLstm.$namespace;"; done > Program.cs
sed -n '/^```csharp/,/^```/p' "$root/README.md" | sed '/^```/d; s/Steps = 300, EvaluateEvery = 100/Steps = 4, EvaluateEvery = 2/' >> Program.cs
env -u NUGET_PACKAGES dotnet run -c Release | tee run.log
grep -q '^validation: -' run.log || fail "the program did not train."
if [ $package = VBiLstm.Cuda ]; then
    cmp "$root/src/VBiLstm.Cuda/obj/native/lib/vbilstm_kernels.fatbin" bin/Release/net10.0/vbilstm_kernels.fatbin
    echo "the kernels are beside the program"
fi

for file in "$work"/packages/vbilstm*/"$version"/lib/net10.0/*.dll; do
    find_kind "$file" && [ "$kind" = pe-014c ] || fail "$file is not for any system: ${kind:-no assembly}."
done
echo "the packed assemblies are IL, for any system"

step "the .NET tool"
dotnet tool install VBiLstm.Cli --version "$version" --tool-path "$work/tools" --source "$work/feed"
"$work/tools/vbilstm" --version

step "the release"
cd "$root"
XZ_OPT=-1 scripts/make-release.sh "$work/release" linux-x64
tar -C "$work" -xf "$work/release/vbilstm-$version-linux-x64.tar.xz"
release=$work/vbilstm-$version-linux-x64
grep -q '^Google.Protobuf ' "$release/THIRD-PARTY-NOTICES.txt"
mkdir -p "$work/runs"
cd "$work/runs"
small="lstm_units=11 mlp_units=9 latent_units=3 batch_size=11 evaluate_every=2"

# Trains, evaluates and samples as run NAME by the command behind it.
use() {
    "${@:2}" train --set $small --steps 5 --run "$1" > "$1.log"
    "${@:2}" evaluate "runs/$1" --json | grep -v '"checkpoint"' > "$1.json"
    "${@:2}" sample "runs/$1" --count 4 --columns 2 --out "$1.gif" > "$1.log"
}

# A processor without 512-bit vectors runs one of the two.
use compiled-at-run-time dotnet "$program"
for level in v3 v4; do
    [ $level = v3 ] || grep -qw avx512vl /proc/cpuinfo || { echo "x86-64-v4 was not run: this processor is none."; continue; }
    use $level "$release/x86-64-$level/vbilstm"
    same_run runs/compiled-at-run-time runs/$level
    same compiled-at-run-time.json $level.json
    same compiled-at-run-time.gif $level.gif
done
"$release/vbilstm" --version

# Columns come out as here; HDF5, whose library needs a compiler at run time, is refused in words.
prepare() { "${@:3}" data prepare frames --train "$root/tests/data/columns/$1" --test "$root/tests/data/columns/$1" --out "$2" > prepare.log; }
for file in long-zstd.parquet lists-zstd.parquet long-zstd.arrow; do
    prepare "$file" "here-$file" dotnet "$program"
    prepare "$file" "there-$file" "$release/vbilstm"
    same "here-$file/train.bin" "there-$file/train.bin"
done
status=0
prepare gzip.h5 hdf5 "$release/vbilstm" 2> hdf5.log || status=$?
[ $status = 2 ] && grep -q 'cannot read HDF5' hdf5.log || fail "the release does not say that it reads no HDF5: $(cat hdf5.log)"

step "images"
cd "$root"
shell() { sh -n -c "$1" || fail "$2 has a command that no shell reads."; }
shell "$(sed -n ":join; /\\\\$/{ N; s/\\\\\n//; b join; }; s/^RUN //p" Dockerfile)" Dockerfile
shell "$(sed -n "/^%post/,\$ { /^%/! p }" docs/cluster/vbilstm.def)" docs/cluster/vbilstm.def
for file in Dockerfile docs/cluster/vbilstm.def; do
    archive=$(grep -o "artifacts/[^ ]*" $file | tail -n 1)
    # shellcheck disable=SC2086
    (cd "$work/release" && ls ${archive#artifacts/} > /dev/null) || fail "$file takes $archive, which is no release."
done
mkdir "$work/image"
cp -r Dockerfile docs "$work/image"
mv "$work/release" "$work/image/artifacts"
cd "$work/image"
if docker info > /dev/null 2>&1; then docker build -t vbilstm .; else echo "No docker with its daemon: the Dockerfile was read, not built."; fi
if command -v apptainer > /dev/null; then apptainer build vbilstm.sif docs/cluster/vbilstm.def; else echo "No apptainer: vbilstm.def was read, not built."; fi
step "done"
