#!/usr/bin/env bash
# What a new cluster makes of ranks, in one log: doctor, verify, bench, a short training, and its bytes against one process with as many shards.
#
#   scripts/cluster-check.sh EXECUTABLE RANKS LAUNCHER... [-- OPTION...]     for instance
#   scripts/cluster-check.sh vbilstm 16 srun -N 2 --ntasks-per-node=8 --mpi=pmix -- --threads 16
#   scripts/cluster-check.sh vbilstm 8 srun --ntasks-per-node=8 --gpus-per-node=8 --mpi=pmix -- --device cuda
#
# The launcher starts RANKS ranks by itself. Writes cluster-check.log in the current folder, and runs/cluster-check-… beside it, which must be new. Exit code 0
# if everything holds.
set -uo pipefail
[ $# -ge 3 ] || { sed -n '2,9s/^# \{0,1\}//p' "$0"; exit 2; }
executable=$(command -v "$1") && executable=$(realpath "$executable") || { echo "There is no $1." >&2; exit 2; }
ranks=$2
shift 2
launcher=() options=()
while [ $# -gt 0 ] && [ "$1" != -- ]; do launcher+=("$1"); shift; done
[ $# -eq 0 ] || { shift; options=("$@"); }
run=cluster-check-$(date +%s)
exec > >(tee cluster-check.log) 2>&1
failed=0
try() { printf '\n== %s\n' "$*"; "$@" || { echo "!! exit code $?"; failed=1; }; }

batch=(--set "training.batch_size=$((8 * ranks))" "training.shards=$ranks" training.evaluate_every=20 training.checkpoint_every=10)
try "${launcher[@]}" "$executable" doctor
try "${launcher[@]}" "$executable" verify "${options[@]}"
try "${launcher[@]}" "$executable" bench "${options[@]}" "${batch[@]:0:3}"
try "${launcher[@]}" "$executable" train "${options[@]}" "${batch[@]}" --steps 40 --run "$run-ranks"
try "$executable" train "${options[@]}" "${batch[@]}" --steps 40 --run "$run-one"
for file in metrics.jsonl checkpoints/{last,best}/weights.safetensors checkpoints/last/optimizer.safetensors; do
    cmp "runs/$run-ranks/$file" "runs/$run-one/$file" || failed=1
done
[ $failed = 0 ] && echo "everything holds: $ranks ranks leave the bytes of one process" || echo "!! something above does not hold"
exit $failed
