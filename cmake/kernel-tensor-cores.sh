#!/usr/bin/env bash
# Checks that the machine code of every kernel of SOURCE multiplies on tensor cores (HMMA), TF32 where its name ends so and bf16 otherwise, and brings its
# operands with INSTRUCTION (LDGSTS: asynchronously; LDG: of 16 bytes, past the first cache), on every architecture from sm_80 on in FATBIN.
#   kernel-tensor-cores.sh NVCC_DIRECTORY FATBIN SOURCE INSTRUCTION
set -euo pipefail
export LC_ALL=C
directory=$1 fatbin=$2 source=$3 instruction=$4
. "$(dirname "$0")/machine-code.sh"

kernels=$(bounded_kernels "$source")
if [ -z "$kernels" ]; then
    echo "kernel-tensor-cores: $source has no kernel." >&2
    exit 1
fi
case $instruction in
    LDGSTS) pattern=LDGSTS ;;
    LDG) pattern='LDG.*\.128\.STRONG\.GPU' ;;
    *) echo "kernel-tensor-cores: $instruction is neither LDGSTS nor LDG." >&2; exit 1 ;;
esac
machine_code | awk -v kernels="$kernels" -v pattern="$pattern" '
    function finish() {
        if (kernel in wanted && architecture >= 80) {
            checked++
            is_tf32 = kernel ~ /_tf32$/
            if (is_tf32 ? tf32 == 0 || bf16 > 0 : bf16 == 0 || tf32 > 0)
                fail(kernel " on sm_" architecture " has " bf16 + 0 " HMMA of bf16 and " tf32 + 0 " of TF32.")
            if (copies == 0) fail(kernel " on sm_" architecture " never has " pattern ".")
        }
        bf16 = tf32 = copies = 0
    }
    function fail(message) { print "kernel-tensor-cores: " message; failures++ }
    BEGIN { count = split(kernels, names, " "); for (i in names) wanted[names[i]] = 1 }
    /^arch = sm_/ || /^[ \t]*code for sm_/ {
        finish()
        kernel = ""
        sub(/.*sm_/, "")
        architecture = $0 + 0
        if (architecture >= 80) architectures[architecture] = 1
    }
    /Function : / { finish(); kernel = $NF }
    /HMMA\.16816\.F32\.BF16/ { bf16++ }
    /HMMA\.1688\.F32\.TF32/ { tf32++ }
    $0 ~ pattern { copies++ }
    END {
        finish()
        for (a in architectures) expected += count
        if (checked == 0 || checked != expected) fail(checked + 0 " of " expected + 0 " kernels were found.")
        if (failures > 0) exit 1
        print "kernel-tensor-cores: " checked " kernels multiply on tensor cores."
    }'
