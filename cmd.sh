# Where jobs run: CYASR_JOBS=local (this machine) or slurm. Options of utils/run_job.py may be added here for each
# kind of job, as in train_cmd="python utils/run_job.py --backend slurm --mem 8G".

backend=${CYASR_JOBS:-local}
export train_cmd="python utils/run_job.py --backend $backend"  # preparing, estimating, scoring
export decode_cmd="python utils/run_job.py --backend $backend" # arrays
export cuda_cmd="python utils/run_job.py --backend $backend"   # training on GPUs, where there are any
