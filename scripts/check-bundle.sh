#!/usr/bin/env bash
# Packs the bundle of make-bundle.sh, unpacks it and runs its gpu-check.sh on the software GPU as on a machine with neither SDK, compiler nor anything else
# but the tools named here, and no variable of this one.
#   check-bundle.sh
set -euo pipefail
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work" || true' EXIT
XZ_OPT=-2 scripts/make-bundle.sh "$work"
tar -C "$work" -xf "$work/vbilstm-linux-x64.tar.xz"
mkdir "$work/tools" "$work/a folder"
for tool in awk bash cat cmp dirname env grep head mkdir rm sed tail tee timeout tr; do
    ln -s "$(command -v "$tool")" "$work/tools/$tool"
done
cd "$work/a folder"
if ! env -i PATH="$work/tools" "$work/vbilstm-linux-x64/gpu-check.sh" --device soft; then
    cat gpu-check/log.txt
    exit 1
fi
grep -q '"passed": true' gpu-check/summary.json
