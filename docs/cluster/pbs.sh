#!/bin/bash
# One training under PBS, whatever the limit of time. PBS gives no early signal, so the training watches the clock: STOP_AFTER must leave some minutes of the walltime
# for the last step, an evaluation and the save. It then ends with exit code 130, and the script submits itself again.
#
#   qsub -l walltime=4:00:00 -v STOP_AFTER=3h50m,RUN=digits,ARGUMENTS='--preset digits --steps 50000' pbs.sh
#
#PBS -N vbilstm
#PBS -l select=1:ncpus=8
#PBS -j oe
set -u
cd "$PBS_O_WORKDIR" || exit 2

# Words of ARGUMENTS are arguments.
# shellcheck disable=SC2086
vbilstm train --run "${RUN:-$PBS_JOBNAME}" --resume-or-start --stop-after "${STOP_AFTER:?time after which to save, such as 3h50m}" ${ARGUMENTS:-}
code=$?

# 130: interrupted and saved. Any other code is the end of the job: 0 done, 1 failed, 2 bad input, 3 no device or no memory.
if [ "$code" = 130 ]; then
    qsub -v "STOP_AFTER=$STOP_AFTER,RUN=${RUN:-$PBS_JOBNAME},ARGUMENTS=${ARGUMENTS:-},SCRIPT=${SCRIPT:-pbs.sh}" "${SCRIPT:-pbs.sh}"
fi
exit "$code"
