#!/usr/bin/env bash
# How a training of several ranks ends when its last rank fails: for each launcher and fault, after how many seconds the launcher ended, with which exit code
# and last words, whether processes were left, and whether the run then goes on from its newest checkpoint. Prints rows of a table.
#
#   scripts/rank-faults.sh EXECUTABLE LAUNCHER...
#
# A launcher is a command that takes -n, for instance 'mpirun.openmpi --oversubscribe', mpiexec.mpich, 'srun --mpi=pmi2'. DEVICE=soft trains on the software
# GPU. A rank that hangs is found after --rank-timeout, here 10 seconds.
set -uo pipefail
[ $# -ge 2 ] || { sed -n '2,9s/^# \{0,1\}//p' "$0"; exit 2; }
executable=$(realpath "$1")
shift
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
work=$(mktemp -d)
trap 'rm -rf "$work" || true' EXIT
cd "$work"
threads=(--threads 1)
[ "${DEVICE:-cpu}" = cpu ] || threads=(--device "$DEVICE")
small=(--rank-timeout 10 "${threads[@]}" --set lstm_units=6 mlp_units=5 latent_units=3 batch_size=48 checkpoint_every=5 evaluate_every=10)

# Each rank in a folder of its own with its own copy of the data: what is cut on the last rank is whole on the others.
seq -s ' ' 40000 > words.txt
"$executable" data prepare text-char --from words.txt --out data > prepared.txt 2>&1 || { cat prepared.txt >&2; exit 1; }
vocabulary=$(sed -n 's/.*"vocabulary_size": *\([0-9]*\).*/\1/p' data/manifest.json)
small+=(output_distribution=categorical "vocabulary_size=$vocabulary" embedding_size=4)
cat > rank.sh <<'S'
rank=${OMPI_COMM_WORLD_RANK:-${PMI_RANK:-$SLURM_PROCID}}
mkdir -p "$rank"
cd "$rank"
cp -r ../data .
echo $$ > pid
exec "$@"
S

last_words() { grep -a 'vbilstm: ' output | tail -1 | sed 's/^.*vbilstm: //' | cut -c1-130; }

printf '| launcher | last of 3 ranks | seconds | exit code | said |\n|---|---|---|---|---|\n'
for launcher in "$@"; do
    for fault in killed 'segmentation fault' 'data cut' hangs; do
        rm -rf [0-9] output
        $launcher -n 3 bash "$work/rank.sh" "$executable" train --data data --run it --steps 1000000 "${small[@]}" > output 2>&1 &
        job=$!
        for _ in $(seq 600); do [ "$(cat 0/runs/it/metrics.jsonl 2> /dev/null | wc -l)" -ge 12 ] && break; sleep 0.1; done
        pid=$(cat 2/pid)
        begin=$(date +%s.%N)
        case $fault in
        killed) kill -KILL "$pid" ;;
        # .NET's own handler lets the first one pass where no instruction of its thread failed.
        'segmentation fault') for _ in 1 2 3 4 5; do kill -SEGV "$pid" 2> /dev/null || break; sleep 0.3; done ;;
        'data cut') for file in 2/data/*; do [ "${file##*.}" = json ] || truncate -s 16 "$file"; done ;;
        hangs) kill -STOP "$pid" ;;
        esac
        timeout 60 tail --pid=$job -f /dev/null || { said_hung="hung for 60 s"; kill -KILL $job $(pgrep -f "^$executable train --data data --run it"); }
        wait $job
        code=$?
        seconds=$(awk -v a="$begin" -v b="$(date +%s.%N)" 'BEGIN { printf "%.0f", b - a }')
        kill -KILL "$pid" 2> /dev/null
        sleep 1
        left=$(pgrep -fc "^$executable train --data data --run it" || true)
        said=${said_hung:-$(last_words)}
        said_hung=
        step=$(cd 0 && "$executable" train --resume runs/it --stop-after 1s 2>&1 | grep -ao 'after step [0-9,]*' | head -1)
        printf '| %s | %s | %s | %s | %s%s; goes on: %s |\n' "$(sed "s/ --oversubscribe.*//" <<< "$launcher")" "$fault" "$seconds" "$code" "$said" \
            "$([ "$left" = 0 ] || echo "; $left processes left")" "${step:-no}"
    done
done
