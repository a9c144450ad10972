#!/usr/bin/env bash
# What ptxas reports of every kernel on every architecture, against the committed table.
#   kernel-resources.sh check|update NVCC_VERSION REPORT TABLE
# check fails where a kernel spills or has a stack, is missing or new, or uses more registers or shared memory than the table says.
# Another nvcc allots registers differently, so the last comparison is left out when the table was made by another version.
set -euo pipefail
export LC_ALL=C
mode=$1 version=$2 report=$3 table=$4

# The last column: resident warps of a multiprocessor, by registers and shared memory, of those that it has room for, in blocks of 256 threads. That is
# the largest block that any kernel is launched with (it says so where it is defined); ptxas does not know a launch's. An unlisted architecture has none.
rows() {
    awk '
        BEGIN {
            # Kilobytes of shared memory, those that a block takes for itself, warps.
            split("sm_70 96 0 64 sm_75 64 0 32 sm_80 164 1 64 sm_86 100 1 48 sm_89 100 1 48 sm_90 228 1 64 sm_100 228 1 64 sm_120 100 1 48", known, " ")
            for (i = 1; i in known; i += 4) { memory[known[i]] = known[i + 1]; own[known[i]] = known[i + 2]; most[known[i]] = known[i + 3] }
        }
        function resident(   blocks, by_memory) {
            if (!(architecture in most)) return "-"
            blocks = int(most[architecture] / 8)
            by_registers = int(int(65536 / (int((registers + 7) / 8) * 256)) / 8)
            if (by_registers < blocks) blocks = by_registers
            if (shared + own[architecture] > 0) {
                by_memory = int(memory[architecture] * 1024 / (shared + own[architecture] * 1024))
                if (by_memory < blocks) blocks = by_memory
            }
            return 8 * blocks "/" most[architecture]
        }
        /Compiling entry function/ { split($0, quoted, "\047"); kernel = quoted[2]; architecture = quoted[4] }
        kernel != "" && /bytes stack frame/ { stack = $1; stores = $5; loads = $9 }
        kernel != "" && /Used [0-9]+ registers/ {
            shared = 0
            for (i = 2; i <= NF; i++) {
                if ($i ~ /^registers/) registers = $(i - 1)
                if ($i ~ /^smem/) shared = $(i - 2)
            }
            printf "%s\t%s\t%d\t%d\t%d\t%d\t%d\t%s\n", kernel, architecture, registers, stores, loads, stack, shared, resident()
            kernel = ""
        }' "$report" | sort
}

print_table() {
    echo "# nvcc $version; regenerate: cmake --build BUILD --target kernel-resources-update"
    printf '# kernel\tarchitecture\tregisters\tspill stores\tspill loads\tstack\tshared memory\twarps of blocks of 256\n'
    rows
}

found=$(rows)
if [ -z "$found" ]; then
    echo "kernel-resources: $report names no kernel." >&2
    exit 1
fi
case $mode in
    update)
        print_table > "$table.new"
        mv "$table.new" "$table"
        ;;
    check)
        if [ ! -f "$table" ]; then
            echo "kernel-resources: $table does not exist; the target kernel-resources-update writes it." >&2
            exit 1
        fi
        awk -F '\t' -v version="$version" '
            function fail(message) { print "kernel-resources: " message; failures++ }
            FNR == NR {
                if ($0 ~ /^# nvcc /) { split($0, words, /[ ;]/); same = words[3] == version; made_by = words[3] }
                if ($0 !~ /^#/) { expected[$1 FS $2] = $0; kernels[$1] = 1 }
                next
            }
            {
                name = $1 " on " $2
                compiled[$1] = 1
                seen[$1 FS $2] = 1
                architectures[$2] = 1
                if ($4 + $5 > 0) fail(name " spills registers: " $4 " bytes stored, " $5 " bytes loaded.")
                if ($6 > 0) fail(name " uses " $6 " bytes of local memory.")
                if (!($1 FS $2 in expected)) {
                    if (!($1 in kernels) || same) fail(name " is not in the table.")
                    next
                }
                split(expected[$1 FS $2], row, FS)
                if (same && $3 > row[3]) fail(name " uses " $3 " registers, the table says " row[3] ".")
                if ($7 > row[7]) fail(name " uses " $7 " bytes of shared memory, the table says " row[7] ".")
            }
            END {
                for (key in expected) {
                    split(key, parts, FS)
                    if ((parts[2] in architectures || same) && !(key in seen)) fail(parts[1] " on " parts[2] " is in the table but was not compiled.")
                }
                if (failures > 0) {
                    print "kernel-resources: if this is meant, run: cmake --build BUILD --target kernel-resources-update"
                    exit 1
                }
                if (!same) print "kernel-resources: the table was made by nvcc " made_by ", registers are not compared with those of " version "."
                print "kernel-resources: " FNR " rows agree with the table."
            }' "$table" <(printf '%s\n' "$found")
        ;;
    *)
        echo "kernel-resources: check or update, not '$mode'." >&2
        exit 2
        ;;
esac
