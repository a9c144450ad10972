#!/usr/bin/env bash
# Checks that the machine code of every kernel of FATBIN on every architecture from sm_90 on waits for the kernels before it (ACQBULK) and then lets the next
# one start (PREEXIT), as native/kernels/dependent_launch.cuh has it: no store comes before the wait, and no load but in the kernels of PREFETCHING.
#   kernel-waits.sh NVCC_DIRECTORY FATBIN PREFETCHING
set -euo pipefail
export LC_ALL=C
directory=$1 fatbin=$2 prefetching=$3
. "$(dirname "$0")/machine-code.sh"

fetches=$(bounded_kernels "$prefetching")
machine_code | awk -v fetches="$fetches" '
    function finish() {
        if (kernel != "" && architecture >= 90) {
            checked++
            if (waits == 0) fail("never waits for the kernels before it.")
            if (waits != starts) fail("waits " waits " times and lets the next kernel start " starts " times.")
        }
        kernel = ""
        waits = starts = 0
    }
    function fail(message) { print "kernel-waits: " kernel " on sm_" architecture " " message; failures++ }
    BEGIN { count = split(fetches, names, " "); for (i in names) may_load[names[i]] = 1 }
    /^arch = sm_/ || /^[ \t]*code for sm_/ { finish(); sub(/.*sm_/, ""); architecture = $0 + 0 }
    /Function : / { finish(); kernel = $NF }
    kernel == "" || architecture < 90 { next }
    /ACQBULK/ { waits++ }
    /PREEXIT/ { if (++starts > waits) fail("lets the next kernel start before its own wait.") }
    / (STG|ATOMG|ATOM|RED)\./ && waits == 0 { fail("writes before its wait.") }
    / (LDG|LDGSTS)\./ && waits == 0 && !(kernel in may_load) { fail("reads before its wait.") }
    END {
        finish()
        if (checked == 0) { print "kernel-waits: no kernel of sm_90 or later was found."; exit 1 }
        if (failures > 0) exit 1
        print "kernel-waits: " checked " kernels wait for those before them."
    }'
