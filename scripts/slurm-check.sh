#!/usr/bin/env bash
# Trains on ranks under the Slurm that runs here, as docs/cluster.md says: the bytes of one process under every MPI that srun can start, --signal with the job
# put back into the queue, and scancel. One line for each; exit code 0 if all hold. Takes two minutes.
#
#   scripts/slurm-check.sh EXECUTABLE [TYPE...]
#
# Types are those of srun --mpi; default: pmix and pmi2, for Open MPI's and MPICH's libraries. A node of four processors is enough.
set -uo pipefail
[ $# -ge 1 ] || { sed -n '2,8s/^# \{0,1\}//p' "$0"; exit 2; }
executable=$(realpath "$1")
shift
batch=$(realpath "$(dirname "$0")/../docs/cluster/slurm.sh")
work=$(mktemp -d)
trap 'rm -rf "$work" || true' EXIT
cd "$work"
mkdir bin
ln -s "$executable" bin/vbilstm
export PATH="$work/bin:$PATH"
small=(--threads 1 --set lstm_units=6 mlp_units=5 latent_units=3 batch_size=48 shards=4 learning_rate_schedule=constant checkpoint_every=5 evaluate_every=200)
failed=0
tell() { printf '%s %s\n' "$([ "$1" = 0 ] && echo ok || echo '!!')" "$2"; [ "$1" = 0 ] || failed=1; }

same() {
    local file
    for file in configuration.json metrics.jsonl checkpoints/{last,best}/weights.safetensors checkpoints/last/optimizer.safetensors; do
        cmp -s "runs/$1/$file" "runs/$2/$file" || return 1
    done
}

lines() { cat "runs/$1/metrics.jsonl" 2> /dev/null | wc -l; }
reach() { for _ in $(seq 600); do [ "$(lines "$1")" -ge "$2" ] && return; sleep 0.1; done; return 1; }
gone() { for _ in $(seq 600); do squeue -h -j "$1" 2> /dev/null | grep -q . || return 0; sleep 0.2; done; return 1; }

vbilstm train "${small[@]}" --steps 23 --run one > output 2>&1 || { cat output >&2; exit 1; }
[ $# -gt 0 ] || set -- pmix pmi2
for type in "$@"; do
    for ranks in 2 4; do
        srun -n $ranks --mpi="$type" bin/vbilstm train "${small[@]}" --steps 23 --run "$type-$ranks" > output 2>&1
        same one "$type-$ranks"
        tell $? "$ranks ranks, --mpi=$type: the bytes of one process$(grep -a -o ' ([A-Z][^)]*)' output | head -1)"
    done

    # Signalled 70 s before the limit of two minutes, that is at once or soon after; put back, it ends when it has all its steps.
    export RUN=requeued-$type SLURM_MPI_TYPE=$type
    job=$(sbatch --parsable --time=2 --signal=USR1@110 --ntasks=4 --cpus-per-task=1 --output=job-%j.log "$batch" "${small[@]:2}" --steps 1000000)
    reach "$RUN" 10 && for _ in $(seq 900); do grep -aq 'Interrupted after step' "job-$job.log" && break; sleep 0.1; done
    grep -aq 'Interrupted after step [0-9,]*; saved' "job-$job.log"
    tell $? "--signal=USR1, --mpi=$type: saved by all ranks"
    for _ in $(seq 900); do grep -aq 'continuing after step' "job-$job.log" && break; sleep 0.2; done
    grep -aq 'continuing after step' "job-$job.log"
    tell $? "queued again, --mpi=$type: goes on"
    reach "$RUN" $(($(lines "$RUN") + 10))
    scancel "$job"
    gone "$job"
    [ "$(grep -ac 'Interrupted after step [0-9,]*; saved' "job-$job.log")" = 2 ]
    tell $? "scancel, --mpi=$type: saved, and not queued again"
    unset RUN SLURM_MPI_TYPE
done
exit $failed
