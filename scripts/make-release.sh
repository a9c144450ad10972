#!/usr/bin/env bash
# Release archives of the command, which need no .NET: vbilstm-VERSION-SYSTEM.tar.xz, for Windows .zip, with the licences of everything in them.
#   make-release.sh [FOLDER [SYSTEM...]]      default: artifacts, and linux-x64 linux-arm64 win-x64 osx-arm64
# Linux's are machine code throughout (NativeAOT), x64's twice: with 512-bit vectors, and for processors without. .NET compiles so for the building operating
# system only, so the others are its runtime, trimmed, and compiled assemblies. linux-arm64 needs a gcc for it (Debian's gcc-aarch64-linux-gnu and
# libc6-dev-arm64-cross), win-x64 zip. Linux's have the kernels for GPUs where they were built; the others have none. XZ_OPT=-1 packs faster and larger.
set -euo pipefail
source "$(dirname "$0")/release-arguments.sh"
version=$(sed -n 's/^ *<Version>\(.*\)<\/Version>$/\1/p' Directory.Build.props)

# System, folder, properties. Warnings of trimming are errors, as all are. Analysers have had their say in the build.
publish() {
    dotnet publish src/VBiLstm.Cli -c Release -r "$1" -o "$work/$2" --artifacts-path "$work/artifacts" -p:DebugType=none -p:ReadyToRun=false \
        -p:SkipNative=true -p:RunAnalyzers=false -v quiet "${@:3}"
}

publish_native() { # the same
    publish "$1" "$2" -p:PublishAot=true "${@:3}"
    rm -f "$work/$2/vbilstm.dbg"
}

# They are a GPU's code, whatever the processor.
add_kernels() { # folder
    local kernels=src/VBiLstm.Cuda/obj/native/lib/vbilstm_kernels.fatbin
    if [ -f "$kernels" ]; then
        cp "$kernels" "$work/$1"
    else
        echo "make-release: the kernels for GPUs were not built: $name is for the CPU." >&2
    fi
}

for system in "${systems[@]}"; do
    name=vbilstm-$version-$system
    case $system in
        linux-x64)
            for level in x86-64-v4 x86-64-v3; do
                publish_native $system "$name/$level" -p:CppCompilerAndLinker=gcc -p:IlcInstructionSet=$level
            done
            cp scripts/release-vbilstm.sh "$work/$name/vbilstm"
            add_kernels "$name/x86-64-v3"
            for file in "$work/$name/x86-64-v3"/*; do
                [ "${file##*/}" = vbilstm ] || ln -sf "../x86-64-v3/${file##*/}" "$work/$name/x86-64-v4"
            done
            ;;
        linux-arm64)
            gcc=aarch64-linux-gnu-gcc
            if ! command -v $gcc > /dev/null || [ "$($gcc -print-file-name=crti.o)" = crti.o ]; then
                echo "make-release: $name needs $gcc with a C library: Debian's gcc-aarch64-linux-gnu and libc6-dev-arm64-cross." >&2
                exit 1
            fi
            publish_native $system "$name" -p:CppCompilerAndLinker=$gcc -p:ObjCopyName=aarch64-linux-gnu-objcopy
            add_kernels "$name"
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
