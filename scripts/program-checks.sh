# Sourced in the checkout by checks of the command as users get it, beside which stands the one of this checkout. Sets root, program and work, a folder that
# WORK=FOLDER names and keeps. Needs a Release build of src/VBiLstm.Cli.
root=$PWD
export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1
check=$(basename "$0" .sh)
program=$root/src/VBiLstm.Cli/bin/Release/net10.0/vbilstm.dll
[ -f "$program" ] || { echo "$check: there is no $program; build the solution first." >&2; exit 1; }
work=${WORK:-$(mktemp -d)}
mkdir -p "$work"
work=$(cd "$work" && pwd)
# What a check found does not depend on whether its folder could be removed.
clean_up() { [ -n "${WORK:-}" ] || rm -rf "$work" || true; }
trap clean_up EXIT

step() { printf -- '-- %s (after %d s)\n' "$*" $SECONDS; }

fail() {
    echo "$check: $*" >&2
    exit 1
}

# Sets kind: the machine of ELF and Mach-O files (some of these are for several), and of assemblies: 014c where they are for any, the machine's own, and with a
# mask where they hold code for Linux or macOS beside IL. Fails where the file is none of these.
find_kind() {
    local words
    read -ra words <<< "$(od -An -v -w1024 -N1024 -tx2 "$1")"
    case ${words[0]:-} in
        457f) kind=elf-${words[9]} ;;
        facf) kind=mach-${words[2]} ;;
        feca) kind=mach-several ;;
        5a4d) kind=pe-${words[$(((0x${words[30]} + 4) / 2))]} ;;
        *) return 1 ;;
    esac
}

same() {
    cmp "$1" "$2"
    echo "the same bytes: $2"
}

# Two folders of runs: what was measured, the best weights, and the optimiser's moments.
same_run() {
    local file
    for file in metrics.jsonl checkpoints/best/weights.safetensors checkpoints/best/optimizer.safetensors; do same "$1/$file" "$2/$file"; done
}
