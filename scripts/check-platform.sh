#!/usr/bin/env bash
# What another platform's users get: publishes the command for it, looks that every file of it is that platform's, and runs it in an emulator, where every
# byte must be what this x64 Linux computes.
#   check-platform.sh [--release] [PLATFORM...]      default: linux-arm64 (under qemu-user), win-x64 (under Wine)
# linux-musl-x64, osx-arm64: what is published, which is not run. --release: the archives of make-release.sh take the place of what is published.
# Trains, resumes, evaluates, samples and prepares; on Arm64 also the tests of golden vectors, products, exponentials and noise. Debian's packages of
# an emulator are installed where that is possible; where it is not, or they are not served, that is said and is no failure. WORK=FOLDER keeps everything.
# Needs a Release build of the solution or of src/VBiLstm.Cli.
set -euo pipefail
cd "$(dirname "$0")/.."
source cmake/debian-archive.sh
made=publish
if [ "${1:-}" = --release ]; then
    made=release
    shift
fi
[ $# -gt 0 ] || set -- linux-arm64 win-x64
[ "$(uname -sm)" = "Linux x86_64" ] || { echo "Other platforms are checked on x64 Linux only, with which they are compared: none was."; exit 0; }
source scripts/program-checks.sh

# Where apt may install: as root.
install() {
    command -v apt-get > /dev/null && [ "$(id -u)" = 0 ] || return 1
    { apt-get update -qq && apt-get install -y -qq --no-install-recommends "$@"; } > "$work/apt.log" 2>&1
}

# Sets the platform's emulator, or says in $reason why there is none.
prepare_linux_arm64() {
    reason="there is no qemu-aarch64 (Debian's qemu-user)"
    command -v qemu-aarch64 > /dev/null || install qemu-user || return 1
    reason="Debian's arm64 packages of the C library cannot be downloaded"
    sysroot=$(vbilstm_cache)/arm64-bookworm
    if [ ! -d "$sysroot" ]; then
        local package fetched=0
        # Its own lists: this machine's are left as they are.
        export APT_CONFIG=$work/apt.conf
        echo 'APT::Architectures { "amd64"; "arm64"; };' > "$APT_CONFIG"
        open_debian_archive bookworm > "$work/apt.log" 2>&1 || fetched=1
        for package in libc6 libstdc++6 libgcc-s1 zlib1g libssl3; do
            [ $fetched = 0 ] && download_package "$package:arm64" >> "$work/apt.log" 2>&1 || fetched=1
        done
        if [ $fetched = 0 ]; then
            rm -rf "$sysroot.new"
            mkdir -p "$sysroot.new"
            for package in "$archive_work"/packages/*_arm64.deb; do dpkg -x "$package" "$sysroot.new"; done
            mv "$sysroot.new" "$sysroot"
        fi
        unset APT_CONFIG
        close_debian_archive
        [ $fetched = 0 ] || return 1
    fi
    # .NET maps its code twice, and qemu does not see what is written through the other mapping. Its pointer authentication is slow unless it may be its own.
    # Or else the release says what it needs.
    [ $made = publish ] || command -v aarch64-linux-gnu-gcc > /dev/null || install gcc-aarch64-linux-gnu libc6-dev-arm64-cross || true
    emulated() { QEMU_LD_PREFIX=$sysroot DOTNET_EnableWriteXorExecute=0 qemu-aarch64 -cpu max,sve=off,pauth-impdef=on "$@"; }
    executable=vbilstm
}

prepare_win_x64() {
    reason="there is no wine64 (Debian's wine and wine64)"
    [ -x /usr/lib/wine/wine64 ] || install wine wine64 || return 1
    reason="there is no zip and unzip"
    [ $made = publish ] || command -v zip unzip > /dev/null || install zip unzip || return 1
    # Wine 8 ends .NET with an internal error where code is mapped twice; Wine 10 has 512-bit registers and now and then loses what is in them.
    emulated() { WINEPREFIX=$work/wine WINEDEBUG=-all DOTNET_EnableWriteXorExecute=0 DOTNET_EnableAVX512=0 /usr/lib/wine/wine64 "$@"; }
    executable=vbilstm.exe
    # Its server goes on for seconds after the last program, and then writes its registry.
    trap 'WINEPREFIX=$work/wine /usr/lib/wine/wineserver -k || true; clean_up' EXIT
    reason="Wine does not start"
    emulated wineboot -i > "$work/wine.log" 2>&1
}

publish() { # platform, project
    step "publish $2 for $1"
    dotnet publish "$2" -c Release -r "$1" --self-contained -o "$work/$1" --artifacts-path "$work/artifacts" -p:RunAnalyzers=false -v q
}

make_release() { # platform
    step "the release for $1"
    rm -rf "$work/archives" "${work:?}/$1"
    XZ_OPT=-1 scripts/make-release.sh "$work/archives" "$1"
    mkdir "$work/$1"
    case $1 in
        win-x64) unzip -q "$work/archives"/*.zip -d "$work/archives" && mv "$work/archives"/*-win-x64/* "$work/$1" ;;
        *) tar -C "$work/$1" --strip-components 1 -xf "$work/archives"/*.tar.xz ;;
    esac
    [ -x "$work/$1/vbilstm" ] || [ -f "$work/$1/vbilstm.exe" ] || fail "the release for $1 has no executable vbilstm."
}

# Every file with machine code is the platform's, and the native part, which is this system's, is left out: but for the kernels, a GPU's, which releases for Linux have.
check_files() { # platform
    local allowed file kind count=0 kernels=0
    case "$made $1" in
        "publish linux-arm64") allowed=" elf-00b7 pe-014c pe-aa64 pe-d11d " ;;
        "release linux-arm64") allowed=" elf-00b7 " ;;
        *linux-musl-x64) allowed=" elf-003e pe-014c pe-8664 pe-fd1d " ;;
        *osx-arm64) allowed=" mach-000c mach-several pe-014c pe-aa64 pe-ec20 " ;;
        *win-x64) allowed=" pe-8664 pe-014c " ;;
    esac
    while IFS= read -r -d '' file; do
        case "$made $1 $file" in
            "release linux-"*/vbilstm_kernels.fatbin)
                cmp "$file" src/VBiLstm.Cuda/obj/native/lib/vbilstm_kernels.fatbin
                kernels=1
                ;;
            *.fatbin | */softgpu/*) fail "$file is in what was published for $1." ;;
        esac
        find_kind "$file" || continue
        [[ $allowed == *" $kind "* ]] || fail "$file, published for $1, is for another machine: $kind."
        case $kind in mach-*) is_signed "$file" || fail "$file has no code for Arm64 that is signed: macOS starts none else." ;; esac
        count=$((count + 1))
    done < <(find "$work/$1" -type f -print0)
    [ "$count" -gt 1 ] || fail "$count files with code are no program."
    echo "$count files with code, none for another machine; $([ $kernels = 1 ] && echo "the kernels for GPUs" || echo "no kernels for GPUs") and no software GPU"
}

# Whether a Mach-O file's code for Arm64 has a signature (LC_CODE_SIGNATURE); of code for several machines a list stands before.
is_signed() { # file
    local words i at=8 start=0
    read -ra words <<< "$(od -An -v -w64 -N64 -tx4 --endian=big "$1")"
    if [ "${words[0]}" = cafebabe ]; then
        for ((i = 2; i < 2 + 5 * 16#${words[1]}; i += 5)); do
            [ "${words[i]}" != 0100000c ] || start=$((16#${words[i + 2]}))
        done
        [ $start -gt 0 ] || return 1
    fi
    read -ra words <<< "$(od -An -v -w32768 -j$start -N32768 -tx4 --endian=little "$1")"
    for ((i = 0; i < 16#${words[4]}; i++)); do
        [ "${words[at]}" != 0000001d ] || return 0
        at=$((at + 16#${words[at + 1]} / 4))
    done
    return 1
}

there() { emulated "$work/$platform/$executable" "$@"; }
here() { dotnet "$program" "$@"; }

# Small sizes, which are multiples of no vector's; files as Windows writes them.
check_command() {
    local file small="lstm_units=11 mlp_units=9 latent_units=3 batch_size=11"
    step "train with a configuration file, resume, evaluate, sample"
    printf '{\r\n  "preset": "digits",\r\n  "training": { "learning_rate": 0.002, "evaluate_every": 2 }\r\n}\r\n' > digits.json
    there train --config digits.json --set $small --steps 3 --threads 1 --run there > there.log
    there train --resume runs/there --steps 5 --threads 1 >> there.log
    tail -n 3 there.log
    ! grep 'u000d' there.log || fail "an end of a line is printed as its number."
    here train --config digits.json --set $small --steps 3 --run here > here.log
    here train --resume runs/here --steps 5 > here.log
    same_run runs/here runs/there
    there evaluate runs/there --threads 1 --json > there.json
    here evaluate runs/here --json > here.json
    diff <(grep -v '"checkpoint"' here.json) <(grep -v '"checkpoint"' there.json | tr -d '\r')
    echo "the same figures: evaluate"
    there sample runs/there --count 4 --columns 2 --threads 1 --out there.gif > there.log
    here sample runs/here --count 4 --columns 2 --out here.gif > here.log
    same here.gif there.gif

    step "prepare a text, and train on it"
    printf 'The cat sat on the mat, line %s.\r\n' $(seq 400) > text.txt
    there data prepare text-char --from text.txt --out prepared-there | tail -n 1
    here data prepare text-char --from text.txt --out prepared-here > here.log
    for file in train.bin validation.bin test.bin; do same prepared-here/$file prepared-there/$file; done
    small="$small vocabulary_size=27"
    there train --preset ptb-char-small --data prepared-there --set $small --steps 2 --threads 1 --run text-there | tail -n 2
    here train --preset ptb-char-small --data prepared-here --set $small --steps 2 --run text-here > here.log
    same_run runs/text-here runs/text-there
}

check_tests() {
    step "golden vectors, products, exponentials, noise"
    local class classes=()
    for class in Devices.CpuOracleTests Devices.GemmTests Model.ExponentialsTests Noise.NoiseTests; do
        classes+=(-class "VBiLstm.Tests.$class")
    done
    emulated "$work/$platform/VBiLstm.Tests" -noColor "${classes[@]}"
}

for platform in "$@"; do
    cd "$root"
    case $platform in
        linux-arm64 | win-x64)
            if ! "prepare_${platform//-/_}"; then
                echo "$platform was not checked: $reason."
                continue
            fi
            ;;
        linux-musl-x64 | osx-arm64) ;;
        *) fail "'$platform' is none of linux-arm64, win-x64, linux-musl-x64 and osx-arm64." ;;
    esac
    case "$made $platform" in
        "release linux-musl-x64") fail "there is no release for linux-musl-x64." ;;
        release*) make_release "$platform" ;;
        *) publish "$platform" src/VBiLstm.Cli ;;
    esac
    check_files "$platform"
    case "$made $platform" in "publish linux-arm64") publish "$platform" tests/VBiLstm.Tests ;; *linux-musl-x64 | *osx-arm64) continue ;; esac
    rm -rf "$work/runs-$platform"
    mkdir "$work/runs-$platform"
    cd "$work/runs-$platform"
    check_command
    [ "$made $platform" != "publish linux-arm64" ] || check_tests
done
step "done"
