#!/bin/bash
# One training under Slurm, whatever the limit of time: ten minutes before it Slurm signals, the training saves and ends with exit code 130,
# and the job goes back into the queue. The same script as an array trains a seed a task.
#
#   sbatch --time=4:00:00 slurm.sh --preset digits --steps 50000
#   sbatch --time=4:00:00 --array=1-5 slurm.sh --preset digits --steps 50000
#
#SBATCH --job-name=vbilstm
#SBATCH --nodes=1 --ntasks=1 --cpus-per-task=8
#SBATCH --signal=USR1@600
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --output=%x-%j.log
set -u

name=${RUN:-$SLURM_JOB_NAME}
seed=()
if [ -n "${SLURM_ARRAY_TASK_ID:-}" ]; then
    name=$name-$SLURM_ARRAY_TASK_ID
    seed=(--seed "$SLURM_ARRAY_TASK_ID")
fi

srun vbilstm train --run "$name" --resume-or-start --threads "${SLURM_CPUS_PER_TASK:-0}" "${seed[@]}" "$@"
code=$?

# 130: interrupted and saved. Any other code is the end of the job: 0 done, 1 failed, 2 bad input, 3 no device or no memory.
if [ "$code" = 130 ]; then
    scontrol requeue "$SLURM_JOB_ID"
fi
exit "$code"
