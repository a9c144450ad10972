#!/usr/bin/env bash
# What ptxas reports of every kernel on every architecture, against the committed table.
#   kernel-resources.sh check|update NVCC_VERSION REPORT TABLE
# check fails where a kernel spills or has a stack, is missing or new, or uses more registers or shared memory than the table says.
# Another nvcc allots registers differently, so the last comparison is left out when the table was made by another version.
set -euo pipefail
export LC_ALL=C
mode=$1 version=$2 report=$3 table=$4

rows() {
    awk '
        /Compiling entry function/ { split($0, quoted, "\047"); kernel = quoted[2]; architecture = quoted[4] }
        kernel != "" && /bytes stack frame/ { stack = $1; stores = $5; loads = $9 }
        kernel != "" && /Used [0-9]+ registers/ {
            shared = 0
            for (i = 2; i <= NF; i++) {
                if ($i ~ /^registers/) registers = $(i - 1)
                if ($i ~ /^smem/) shared = $(i - 2)
            }
            printf "%s\t%s\t%d\t%d\t%d\t%d\t%d\n", kernel, architecture, registers, stores, loads, stack, shared
            kernel = ""
        }' "$report" | sort
}

print_table() {
    echo "# nvcc $version; regenerate: cmake --build BUILD --target kernel-resources-update"
    printf '# kernel\tarchitecture\tregisters\tspill stores\tspill loads\tstack\tshared memory\n'
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
