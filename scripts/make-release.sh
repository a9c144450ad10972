#!/usr/bin/env bash
# Release archives of the command, which need no .NET: vbilstm-VERSION-SYSTEM.tar.xz, for Windows .zip, with the licences of everything in them.
#   make-release.sh [FOLDER [SYSTEM...]]      default: artifacts, and linux-x64 linux-arm64 win-x64 osx-arm64
# Linux's are machine code throughout (NativeAOT), x64's twice: with 512-bit vectors, and for processors without. .NET compiles so for the building system's
# kind only, so Windows' and macOS's are its runtime and compiled assemblies. linux-arm64 needs gcc-aarch64-linux-gnu, Windows' zip. x64's has the kernels for
# GPUs where nvcc is found; the others have none. XZ_OPT=-1 packs faster and larger.
set -euo pipefail
folder=${1:-artifacts}
systems=("${@:2}")
[ ${#systems[@]} -gt 0 ] || systems=(linux-x64 linux-arm64 win-x64 osx-arm64)
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
cd "$(dirname "$0")/.."
version=$(sed -n 's/^ *<Version>\(.*\)<\/Version>$/\1/p' Directory.Build.props)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# System, folder, properties. Warnings of trimming are errors, as all are. Analysers have had their say in the build.
publish() {
    dotnet publish src/VBiLstm.Cli -c Release -r "$1" -o "$work/$2" --artifacts-path "$work/artifacts" -p:DebugType=none -p:ReadyToRun=false \
        -p:SkipNative=true -p:RunAnalyzers=false -v quiet "${@:3}"
}

publish_native() { # system, folder, prefix of the compiler's names, properties
    publish "$1" "$2" -p:PublishAot=true -p:CppCompilerAndLinker="$3gcc" -p:ObjCopyName="$3objcopy" "${@:4}"
    rm -f "$work/$2/vbilstm.dbg"
}

for system in "${systems[@]}"; do
    name=vbilstm-$version-$system
    case $system in
        linux-x64)
            publish_native linux-x64 "$name/x86-64-v4" "" -p:IlcInstructionSet=x86-64-v4
            publish_native linux-x64 "$name/x86-64-v3" "" -p:IlcInstructionSet=x86-64-v3
            cp scripts/release-vbilstm.sh "$work/$name/vbilstm"
            kernels=src/VBiLstm.Cuda/obj/native/lib/vbilstm_kernels.fatbin
            if [ -f "$kernels" ]; then
                cp "$kernels" "$work/$name/x86-64-v3"
            else
                echo "make-release: the kernels for GPUs were not built: $name is for the CPU." >&2
            fi
            for file in "$work/$name/x86-64-v3"/*; do
                [ "${file##*/}" = vbilstm ] || ln -sf "../x86-64-v3/${file##*/}" "$work/$name/x86-64-v4"
            done
            ;;
        linux-arm64)
            command -v aarch64-linux-gnu-gcc > /dev/null || { echo "make-release: there is no aarch64-linux-gnu-gcc (Debian's gcc-aarch64-linux-gnu)." >&2; exit 1; }
            publish_native linux-arm64 "$name" aarch64-linux-gnu-
            ;;
        win-x64 | osx-arm64) publish "$system" "$name" --self-contained -p:PublishReadyToRun=true -p:PublishTrimmed=true ;;
        *) echo "make-release: '$system' is none of linux-x64, linux-arm64, win-x64 and osx-arm64." >&2; exit 1 ;;
    esac
    cp LICENSE "$work/$name"
    scripts/third-party-notices.sh "$work/artifacts/obj/VBiLstm.Cli/project.assets.json" > "$work/$name/THIRD-PARTY-NOTICES.txt"
    case $system in
        win-x64)
            archive=$folder/$name.zip
            rm -f "$archive"
            (cd "$work" && zip -qr "$archive" "$name")
            ;;
        *)
            archive=$folder/$name.tar.xz
            XZ_OPT=${XZ_OPT:--6 -T0} tar -C "$work" -cJf "$archive" "$name"
            ;;
    esac
    echo "$archive: $(stat -c %s "$archive") bytes, $(du -sb "$work/$name" | cut -f 1) unpacked"
done
