#!/bin/bash
# A hunt in 16 parts: sbatch slurm-array.sh; and then, which waits for all of them:
#   sbatch --dependency=afterany:JOBID --wrap 'greenproc race merge hunt/part-*.jsonl'
#SBATCH --job-name=greenproc-hunt
#SBATCH --array=0-15
#SBATCH --cpus-per-task=1
#SBATCH --mem=2G
#SBATCH --time=04:30:00
set -uo pipefail
parts=16
mkdir -p hunt
part=hunt/part-$SLURM_ARRAY_TASK_ID
greenproc race hunt --nightly --time 4h --shard "$SLURM_ARRAY_TASK_ID/$parts" --json > "$part.tmp"
verdict=$?
mv "$part.tmp" "$part.jsonl"
exit "$verdict"
