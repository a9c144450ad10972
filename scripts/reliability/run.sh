#!/usr/bin/env bash
# The campaigns of docs/reliability.md, side by side.   run.sh [--short] [--program PATH]
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
kills=() faults=() damage=()
if [ "${1:-}" = --short ]; then
    kills=(--kills 24) faults=(--every 97 --first 5 --commands train,resume,prepare) damage=(--flips 4 --cuts 2)
    shift
fi
command -v python3 > /dev/null || { echo "The campaigns need Python 3." >&2; exit 1; }
command -v cc > /dev/null || { echo "The campaigns need a C compiler." >&2; exit 1; }

"$here/kills.py" "${kills[@]}" "$@" &
beside=$!
failed=0
"$here/faults.py" "${faults[@]}" "$@" || failed=1
"$here/damage.py" "${damage[@]}" "$@" || failed=1
wait "$beside" || failed=1
exit "$failed"
