#!/usr/bin/env bash
# Release archives of the command, which need no .NET: vbilstm-VERSION-SYSTEM.tar.xz, for Windows .zip, with the licences of everything in them.
#   make-release.sh [FOLDER [SYSTEM...]]      default: artifacts, and linux-x64 linux-arm64 win-x64 osx-arm64
# linux-x64 is machine code throughout (NativeAOT), twice: with 512-bit vectors, and for processors without. .NET compiles so for the building system only, so
# the others are its runtime, trimmed, and compiled assemblies. Windows' needs zip. linux-x64 has the kernels for GPUs where they were built; the others
# have none. XZ_OPT=-1 packs faster and larger.
set -euo pipefail
source "$(dirname "$0")/release-arguments.sh"
version=$(sed -n 's/^ *<Version>\(.*\)<\/Version>$/\1/p' Directory.Build.props)

# System, folder, properties. Warnings of trimming are errors, as all are. Analysers have had their say in the build.
publish() {
    dotnet publish src/VBiLstm.Cli -c Release -r "$1" -o "$work/$2" --artifacts-path "$work/artifacts" -p:DebugType=none -p:ReadyToRun=false \
        -p:SkipNative=true -p:RunAnalyzers=false -v quiet "${@:3}"
}

publish_native() { # the instruction set, which names the folder
    publish linux-x64 "$name/$1" -p:PublishAot=true -p:CppCompilerAndLinker=gcc -p:IlcInstructionSet="$1"
    rm -f "$work/$name/$1/vbilstm.dbg"
}

for system in "${systems[@]}"; do
    name=vbilstm-$version-$system
    case $system in
        linux-x64)
            publish_native x86-64-v4
            publish_native x86-64-v3
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
        linux-arm64 | win-x64 | osx-arm64) publish "$system" "$name" --self-contained -p:PublishReadyToRun=true -p:PublishTrimmed=true ;;
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
