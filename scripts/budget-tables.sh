#!/usr/bin/env bash
# Writes the budget's tables into docs/profiling.md, between its lines <!-- budget: NAME --> and <!-- end -->, from the program in its Release build.
# With --check: fails where the document has others.
set -euo pipefail
cd "$(dirname "$0")/.."
vbilstm=(dotnet src/VBiLstm.Cli/bin/Release/net10.0/vbilstm.dll)
document=docs/profiling.md
work=$(mktemp -d)
trap 'rm -rf "$work" || true' EXIT

"${vbilstm[@]}" profile --budget --all-presets --gpu h100-sxm --markdown > "$work/all"

# The tables in the order of the command, without the spaces that fill up their columns.
names=(float32 tf32 bf16 resident memory ranks)
awk -v folder="$work" -v names="${names[*]}" '
    BEGIN { split(names, name, " ") }
    /^\|/ { if (!inside) table++; inside = 1; gsub(/  +/, " "); gsub(/--+/, "---"); print > (folder "/" name[table]); next }
    { inside = 0 }' "$work/all"

# The command stands in the document, above what it prints.
example=$(sed -n 's/^    vbilstm \(profile --budget .*--ranks .*\)$/\1/p' "$document" | head -n 1)
read -ra arguments <<< "$example"
"${vbilstm[@]}" "${arguments[@]}" | sed -n '/^ranks /,$ s/^/    /p' > "$work/example"

awk -v folder="$work" '
    /^<!-- budget: / { print; print ""; file = folder "/" $3; while ((getline line < file) > 0) print line; print ""; inside = 1; next }
    /^<!-- end -->/ { inside = 0 }
    !inside' "$document" > "$work/document"
if [ "${1:-}" = --check ]; then
    diff "$document" "$work/document" || { echo "$document is not what the program counts: run scripts/budget-tables.sh." >&2; exit 1; }
else
    cp "$work/document" "$document"
fi
