#!/usr/bin/env bash
# For a machine with a GPU, from a checkout or from the bundle of make-bundle.sh: what the machine has, every device test on the GPU, comparisons with the
# CPU, short trainings, step times of the paper's models beside their estimates, and NVIDIA's own checkers and profiler where they are found.
#   gpu-check.sh [--device cuda|soft] [--only PATTERN]
# Everything goes to gpu-check/log.txt in the current folder; exit codes, seconds and figures to gpu-check/summary.json. Every step has a time limit, all of
# them together nine minutes; a checkout is built before. A failed step does not stop the others; the exit code is 1 where any failed. A step whose tool
# the machine lacks is left out. --only runs the steps whose names match ('bench-*'); --device soft runs small forms of all on the software GPU.
set -uo pipefail
device=cuda
only='*'
while [ $# -gt 0 ]; do
    case "$1 ${2:-}" in
        '--device cuda' | '--device soft') device=$2 ;;
        '--only '?*) only=$2 ;;
        *) sed -n '4,7s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
    esac
    shift 2
done

here=$(cd "$(dirname "$0")" && pwd)
if [ -x "$here/bin/vbilstm" ]; then
    vbilstm=("$here/bin/vbilstm")
    device_tests=("$here/bin/VBiLstm.Cuda.Tests")
else
    root=$(dirname "$here")
    vbilstm=(dotnet "$root/src/VBiLstm.Cli/bin/Release/net10.0/vbilstm.dll")
    device_tests=(dotnet "$root/tests/VBiLstm.Cuda.Tests/bin/Release/net10.0/VBiLstm.Cuda.Tests.dll")
    (cd "$root" && dotnet build VBiLstm.Native.sln -c Release) || exit 1
fi
export VBILSTM_TEST_DEVICE=$device
rm -rf gpu-check
mkdir gpu-check && cd gpu-check || exit 1
deadline=$((SECONDS + 540))
steps=()
failed=0

# A line of text as a JSON string.
quoted() { printf '"%s"' "$(printf '%s' "$1" | tr -d '\000-\037' | sed 's/[\\"]/\\&/g')"; }

left_out() {
    printf '%-24s left out: %s\n' "$1" "$2" | tee -a log.txt
    steps+=("{\"step\": \"$1\", \"left_out\": $(quoted "$2")}")
}

# step NAME LIMIT COMMAND...: a result that is JSON goes into the summary whole, of any other the last line. It stays in the file "output" until the next step.
step() {
    local name=$1 limit=$2 left=$((deadline - SECONDS)) start=$SECONDS code result
    shift 2
    # shellcheck disable=SC2053
    [[ $name == $only ]] || { : > output; return 0; }
    [ "$left" -gt 1 ] || { left=1; echo "gpu-check: the nine minutes are over" >> log.txt; }
    # The software GPU has the processor in common with everything else.
    [ "$device" = cuda ] || limit=$((3 * limit))
    printf '\n== %s: %s\n' "$name" "$*" >> log.txt
    timeout -k 5 "$((limit < left ? limit : left))" "$@" > output 2> errors
    code=$?
    cat output errors >> log.txt
    if grep -q ERR_NVGPUCTRPERM output errors; then
        left_out "$name" "this machine lets only its administrator read the GPU's counters (ERR_NVGPUCTRPERM)"
        return 0
    fi
    result=$(quoted "$(cat output errors | sed '/^[[:space:]]*$/d' | tail -n 1)")
    [ "$(head -c 1 output)" != '{' ] || [ "$code" != 0 ] || result=$(cat output)
    printf '%-24s %s, %s s%s\n' "$name" "$([ "$code" = 0 ] && echo ok || echo "FAILED with exit code $code")" "$((SECONDS - start))" \
        "$([ "$code" != 124 ] || echo ": its time was over")" | tee -a log.txt
    [ "$code" = 0 ] || { failed=1; cat output errors | tail -n 5 | sed 's/^/    /'; }
    steps+=("{\"step\": \"$name\", \"exit_code\": $code, \"seconds\": $((SECONDS - start)), \"result\": $result}")
}

# A tool of the CUDA toolkit, on PATH or where its installers put it.
tool() {
    local place
    for place in "$(command -v "$1")" "${CUDA_HOME:-}/bin/$1" "${CUDA_PATH:-}/bin/$1" "/usr/local/cuda/bin/$1" /opt/nvidia/nsight-compute/*/"$1"; do
        [ -x "$place" ] && [ -f "$place" ] && echo "$place" && return 0
    done
    return 1
}

# The first number of that name in the last step's output.
figure() { sed -n "s/^ *\"$1\": \([0-9.eE+-]*\).*/\1/p" output | head -n 1; }
milliseconds() { figure "$1" | awk '{ printf "%.3f", 1e3 * $1 }'; }

small="--set lstm_units=8 mlp_units=8 latent_units=4 batch_size=4"
classes=() short=() train=(--steps 500) bench=(--seconds 3)
if [ "$device" = soft ]; then
    classes=(-class VBiLstm.Cuda.Tests.CudaOracleTests -class VBiLstm.Cuda.Tests.KernelCountTests)
    short=(--steps 2)
    # shellcheck disable=SC2206
    train=(--steps 4 $small)
    bench=(--seconds 0.1 --set lstm_units=16 mlp_units=16 latent_units=8 batch_size=4)
fi

step doctor 30 "${vbilstm[@]}" doctor --device "$device" --json
gpu=$(sed -n 's/^ *"version": "\(.*\), compute capability.*/\1/p' output | head -n 1)
capability=$(sed -n 's/^ *"version": ".*, compute capability \([0-9]*\)\..*/\1/p' output | head -n 1)
if smi=$(tool nvidia-smi); then
    step nvidia-smi 15 "$smi" --query-gpu=name,driver_version,memory.total,memory.used,clocks.sm,clocks.mem,power.limit --format=csv,noheader
else
    left_out nvidia-smi "it was not found"
fi
step device-tests 200 "${device_tests[@]}" -parallelMode none -noColor -noLogo -result-xml "$PWD/device-tests.xml" "${classes[@]}"
step verify-fp32 30 "${vbilstm[@]}" verify --device "$device" --precision fp32 "${short[@]}"
step verify-tf32 30 "${vbilstm[@]}" verify --device "$device" --precision tf32 "${short[@]}"
# Products of bf16, and the kernels of products of few rows, need compute capability 8.0.
has_thin_kernels=$([ "${capability:-8}" -ge 8 ] && echo yes || echo no)
if [ "$has_thin_kernels" = yes ]; then
    step verify-bf16 40 "${vbilstm[@]}" verify --device "$device" --precision bf16 "${short[@]}"
else
    left_out bf16 "the GPU has compute capability ${capability:-unknown}"
fi
step verify-cudnn 30 "${vbilstm[@]}" verify --device "$device" --precision fp32 --against cudnn

# Their figures must resemble each other's and the CPU's; the same training twice must have the same bits.
training() {
    local name=$1
    shift
    step "train-$name" 40 "${vbilstm[@]}" train --device "$device" "${train[@]}" --run "$name" "$@"
    step "evaluate-$name" 20 "${vbilstm[@]}" evaluate "runs/$name" --device "$device" --json
}
training tf32
training fp32 --precision fp32
training kernels --recurrence kernels
[ "$has_thin_kernels" = no ] || training products --products kernels
[ "$has_thin_kernels" = no ] || training bf16 --precision bf16
training z-forcing --set model.kind=z-forcing
training lstm --set model.kind=lstm
if [ "$has_thin_kernels" = yes ]; then
    training bf16-products --precision bf16 --products kernels
    training resident --precision bf16 --products kernels --loop resident
    step same-weights-resident 10 cmp runs/bf16-products/checkpoints/last/weights.safetensors runs/resident/checkpoints/last/weights.safetensors
fi
step train-again 40 "${vbilstm[@]}" train --device "$device" "${train[@]}" --run again
step same-weights 10 cmp runs/tf32/checkpoints/last/weights.safetensors runs/again/checkpoints/last/weights.safetensors
step same-metrics 10 cmp runs/tf32/metrics.jsonl runs/again/metrics.jsonl
for choice in no-early-start no-fork; do
    training "$choice" "--$choice"
    step "same-weights-$choice" 10 cmp runs/tf32/checkpoints/last/weights.safetensors "runs/$choice/checkpoints/last/weights.safetensors"
done

# Each paper preset's step beside the estimate from the data sheet of this GPU, or of the H100 where the table has not got it.
case $gpu in
    *V100*) sheet=v100 ;;
    *A100*40GB*) sheet=a100-40 ;;
    *A100*) sheet=a100-80 ;;
    *H100*PCIe*) sheet=h100-pcie ;;
    *L40S*) sheet=l40s ;;
    *4090*) sheet=rtx4090 ;;
    *) sheet=h100-sxm ;;
esac
times=()
paper() {
    local preset=$1 t=$2 length=$2 line
    [ "$device" = cuda ] || length=3
    if [ "$has_thin_kernels" = no ]; then
        step "bench-$preset" 30 "${vbilstm[@]}" bench --device "$device" --preset "$preset" --time-steps "$length" --json "${bench[@]}"
        line="$preset, T $length: $(milliseconds seconds_per_step) ms a step measured, $(figure graph_nodes) nodes"
    else
        line="$preset, T $length"
        for precision in tf32 bf16; do
            for products in library kernels; do
                step "bench-$precision-$products-$preset" 30 "${vbilstm[@]}" bench --device "$device" --precision "$precision" --products "$products" \
                    --preset "$preset" --time-steps "$length" --json "${bench[@]}"
                line+="; $precision, products by $products $(milliseconds seconds_per_step) ms, $(figure graph_nodes) nodes"
            done
        done
    fi
    step "budget-$preset" 30 "${vbilstm[@]}" profile --budget --gpu "$sheet" --preset "$preset" --time-steps "$t" --json
    [ -z "$(figure seconds_tf32)" ] || times+=("$line; T $t: $(milliseconds seconds_tf32) ms estimated for $sheet in TF32 by the library")
}
paper seq-mnist-rows 28
paper timit 40
paper blizzard 40
paper imdb 16
paper ptb-char 100
paper seq-mnist 784
length=40
[ "$device" = cuda ] || length=3
for choice in no-early-start no-fork; do
    step "bench-$choice" 30 "${vbilstm[@]}" bench --device "$device" "--$choice" --preset blizzard --time-steps "$length" --json "${bench[@]}"
    times+=("blizzard, T $length, --$choice: $(milliseconds seconds_per_step) ms a step measured")
done
if [ "$has_thin_kernels" = yes ]; then
    for preset in ptb-char seq-mnist; do
        [ $preset = ptb-char ] && length=100 || length=784
        [ "$device" = cuda ] || length=2
        step "bench-resident-$preset" 30 "${vbilstm[@]}" bench --device "$device" --precision bf16 --loop resident --preset $preset \
            --time-steps "$length" --json "${bench[@]}"
        times+=("$preset, T $length, bf16, --loop resident: $(milliseconds seconds_per_step) ms a step measured, $(figure graph_nodes) nodes")
    done
fi
# Which products of few rows each way does faster, kept in this folder.
if [ "$has_thin_kernels" = yes ]; then
    export VBILSTM_PRODUCTS=$PWD/products.json
    length=100
    [ "$device" = cuda ] || length=2
    for precision in tf32 bf16; do
        step "tune-$precision-ptb-char" 40 "${vbilstm[@]}" bench --device "$device" --precision "$precision" --tune --preset ptb-char \
            --time-steps "$length" --json "${bench[@]:2}"
    done
    unset VBILSTM_PRODUCTS
fi
[ ${#times[@]} = 0 ] || printf '%s\n' "${times[@]}" | tee -a log.txt

# NVIDIA's checkers, on a step of a small model kernel by kernel. Races are looked for in this project's kernels only; what initcheck needs to see are all.
if [ "$device" = soft ]; then
    left_out sanitizers-and-ncu "the software GPU runs no machine code of a GPU"
else
    if sanitizer=$(tool compute-sanitizer); then
        one_step=("${vbilstm[@]}" verify --device cuda --no-graph --steps 1)
        checked=("$sanitizer" --error-exitcode 9 --print-limit 20 --tool)
        step memcheck 60 "${checked[@]}" memcheck "${one_step[@]}" --time-steps 4
        step synccheck 60 "${checked[@]}" synccheck "${one_step[@]}" --time-steps 4
        # shellcheck disable=SC2086
        step initcheck 60 "${checked[@]}" initcheck "${one_step[@]}" --time-steps 2 --recurrence kernels $small
        # shellcheck disable=SC2086
        step racecheck 60 "${checked[@]}" racecheck --kernel-name-exclude 'regex=gem[mv]|cutlass|nvjet|splitK' \
            "${one_step[@]}" --time-steps 2 --recurrence kernels $small
    else
        left_out compute-sanitizer "it was not found"
    fi
    if ncu=$(tool ncu); then
        step ncu 40 "$ncu" --target-processes all --clock-control none -c 60 --launch-skip 400 --csv --metrics gpu__time_duration.sum \
            "${vbilstm[@]}" bench --device cuda --preset timit --time-steps 40 --seconds 1 --no-graph
    else
        left_out ncu "it was not found"
    fi
fi

rm -f output errors
{
    printf '{\n"device": "%s",\n"version": %s,\n"passed": %s,\n"steps": [\n' "$device" "$(quoted "$("${vbilstm[@]}" --version)")" \
        "$([ "$failed" = 0 ] && echo true || echo false)"
    for index in "${!steps[@]}"; do
        printf '%s%s\n' "${steps[index]}" "$([ "$index" = "$((${#steps[@]} - 1))" ] || echo ,)"
    done
    printf ']\n}\n'
} > summary.json
echo "log: $PWD/log.txt, summary: $PWD/summary.json"
exit "$failed"
