#!/usr/bin/env bash
# Checks that the entry points of the driver, cuBLAS and NCCL that the code binds exist in NVIDIA's libraries, from Debian's packages, which are unpacked
# and never installed.
# Without FILE, the software GPU of the build must export what the code binds and no more, too.
#   check-entry-points.sh [--optional] [FILE...]
# A FILE is C# source with EntryPoint = "cuXxx" attributes, or a list of names, one a line; default: the interop classes of VBiLstm.Cuda.
# With --optional, packages that cannot be downloaded are no failure. cuDNN is in no Debian package and is not checked.
# The names and the real libcuda.so.1, for tests of a driver without a GPU, stay in $VBILSTM_NVCC_CACHE or the user's cache folder.
set -euo pipefail
export LC_ALL=C
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
source "$root/cmake/debian-archive.sh"
cache=$(vbilstm_cache)/entry-points
software=$root/src/VBiLstm.Cuda/obj/native/lib/softgpu
suite=trixie

fail() {
    echo "check-entry-points: $1" >&2
    exit 1
}

optional=false
if [ "${1:-}" = --optional ]; then
    optional=true
    shift
fi
all=false
if [ $# = 0 ]; then
    all=true
    shopt -s nullglob
    set -- "$root"/src/VBiLstm.Cuda/Interop/*.cs
    [ $# -gt 0 ] || fail "no file given, and src/VBiLstm.Cuda/Interop has none."
fi

exported_names() {
    nm -D --defined-only "$1" | awk '{ sub(/@.*/, "", $3); print $3 }' | sort -u
}

bound_names() {
    local file
    for file in "$@"; do
        [ -r "$file" ] || fail "cannot read $file"
        case $file in
            # Bound by an attribute, or asked for by name because not every version has it.
            *.cs) grep -oE '(EntryPoint[[:space:]]*=[[:space:]]*|TryGetExport\([A-Za-z]+, )"[A-Za-z0-9_]+"' "$file" | sed -E 's/.*"([^"]+)"/\1/' || true ;;
            *) sed -E 's/#.*//; s/[[:space:]]+/\n/g' "$file" | grep -E '^[A-Za-z0-9_]+$' || true ;;
        esac
    done | sort -u
}

# Keeps the names that a package's libraries export, unless they are known; of the driver the library as well.
unpack() {
    local package=$1 library path folder
    if [ -f "$cache.new/$2.names" ]; then
        return 0
    fi
    download_package "$package" || return 1
    folder=$archive_work/$package
    dpkg -x "$archive_work"/packages/"$package"_*.deb "$folder"
    rm -f "$archive_work"/packages/"$package"_*.deb
    for library in "${@:2}"; do
        path=$(find "$folder" -name "$library" | head -n 1)
        [ -n "$path" ] || fail "$package holds no $library"
        exported_names "$(readlink -f "$path")" > "$cache.new/$library.names"
        [ -s "$cache.new/$library.names" ] || fail "$library exports no names"
        if [ "$library" = libcuda.so.1 ]; then
            cp -L "$path" "$cache.new/$library"
        fi
    done
    rm -rf "$folder"
}

fill_cache() {
    rm -rf "$cache.new"
    if [ -d "$cache" ]; then
        cp -r "$cache" "$cache.new"
    fi
    mkdir -p "$cache.new"
    open_debian_archive "$suite" && unpack libcuda1 libcuda.so.1 && unpack libcublas12 libcublas.so.12 && unpack libcublaslt12 libcublasLt.so.12 \
        && unpack libnccl2 libnccl.so.2
}

command -v nm > /dev/null || fail "nm is missing (Debian: binutils)."
if $all && [ -d "$software" ]; then
    difference=$(diff <(bound_names "$@" | grep -E '^(cu|nccl)') \
        <(for library in "$software"/*.so.*; do exported_names "$library"; done | grep -E '^(cu|nccl)' | sort -u)) \
        || fail "bound (<) and exported by the software GPU (>) are not the same:"$'\n'"$difference"
fi
if [ ! -f "$cache/.complete" ] || [ ! -f "$cache/libnccl.so.2.names" ]; then
    trap 'close_debian_archive; rm -rf "$cache.new"' EXIT
    if ! fill_cache; then
        if $optional; then
            echo "check-entry-points: not checked, the packages of NVIDIA's libraries cannot be downloaded."
            exit 0
        fi
        fail "the packages of NVIDIA's libraries cannot be downloaded; --optional makes that no failure."
    fi
    rm -rf "$cache"
    mv "$cache.new" "$cache"
    touch "$cache/.complete"
fi

bound=$(bound_names "$@")
missing=0
checked=0
while read -r name; do
    case $name in
        cublasLt*) library=libcublasLt.so.12 ;;
        cublas*) library=libcublas.so.12 ;;
        cu[A-Z]*) library=libcuda.so.1 ;;
        nccl*) library=libnccl.so.2 ;;
        *) continue ;; # cuDNN, or no library of NVIDIA's
    esac
    checked=$((checked + 1))
    if ! grep -qxF "$name" "$cache/$library.names"; then
        echo "check-entry-points: $library does not export $name" >&2
        missing=$((missing + 1))
    fi
done <<< "$bound"
[ "$checked" -gt 0 ] || fail "no entry point of the driver, cuBLAS or NCCL is named in: $*"
[ "$missing" = 0 ] || fail "$missing of $checked entry points are missing."
echo "check-entry-points: all $checked entry points of the driver, cuBLAS and NCCL exist; the real driver is $cache/libcuda.so.1"
