#!/usr/bin/env bash
# For the first person with a GPU: builds, looks at the machine, runs every device test on the GPU, compares it with the CPU, trains and measures.
#   gpu-check.sh [--device cuda|soft]     everything goes to gpu-check/log.txt, each step's exit code and seconds to gpu-check/summary.json
# A failed step does not stop the others; the exit code is 1 where any failed.
set -uo pipefail
cd "$(dirname "$0")/.."
device=cuda
if [ "${1:-}" = --device ] && [ $# = 2 ]; then
    device=$2
elif [ $# != 0 ]; then
    sed -n '2,4p' "$0" >&2
    exit 2
fi
out=$PWD/gpu-check
mkdir -p "$out"
log=$out/log.txt
: > "$log"
steps=()
failed=0
vbilstm() { dotnet "$OLDPWD/src/VBiLstm.Cli/bin/Release/net10.0/vbilstm.dll" "$@"; }

step() {
    local name=$1 start code
    shift
    printf '== %s\n' "$name" | tee -a "$log"
    start=$(date +%s)
    "$@" >> "$log" 2>&1
    code=$?
    [ "$code" = 0 ] || failed=1
    printf '   exit code %s, %s s\n' "$code" "$(($(date +%s) - start))" | tee -a "$log"
    steps+=("{\"step\": \"$name\", \"exit_code\": $code, \"seconds\": $(($(date +%s) - start))}")
}

device_tests() { (cd ../tests/VBiLstm.Cuda.Tests && VBILSTM_TEST_DEVICE=$device dotnet run -c Release --no-build); }

step build dotnet build VBiLstm.Native.sln -c Release
cd "$out" || exit 1
step doctor vbilstm doctor --device "$device"
step device-tests device_tests
step verify-fp32 vbilstm verify --device "$device" --precision fp32
step verify-tf32 vbilstm verify --device "$device" --precision tf32
step verify-cudnn vbilstm verify --device "$device" --precision fp32 --against cudnn
rm -rf runs
steps_of_training=2000
[ "$device" = cuda ] || steps_of_training=20
step train vbilstm train --device "$device" --steps "$steps_of_training" --run gpu-check
step bench vbilstm bench --device "$device" --seconds 10
[ "$device" = cuda ] && step bench-paper-size vbilstm bench --device "$device" --preset seq-mnist-rows --seconds 20
step budget vbilstm profile --budget --device "$device"
step budget-paper vbilstm profile --budget --all-presets --gpu h100-sxm
(
    IFS=,
    printf '{"device": "%s", "steps": [%s]}\n' "$device" "${steps[*]}"
) > summary.json
echo "log: $log, summary: $out/summary.json"
exit "$failed"
