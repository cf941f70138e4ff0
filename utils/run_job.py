"""Run a command, or an array of them, as jobs with a log each: the only way a recipe launches a step.

    run_job.py [--gpu N] [--nodes K] [--mem M] [JOB=1:N] LOG COMMAND...

Every JOB in LOG and COMMAND becomes the job's number. COMMAND is run as it stands, by no shell.

  --backend local|slurm  where jobs run (local)
  --max-jobs N           at most N at once (the number of cores)
  --retries N            times a failed job is tried again, the others being left alone (1)
  --gpu N                GPUs for each job, which starts a process on each by itself; 0 hides them all
  --nodes K              machines for each job (1)
  --mem M                memory of each job, like 500M or 4G: so many run at once as fit

The log holds for each attempt a header (a command that can be pasted, host, attempt, start), the output and a
closing line with the exit status. A log is appended to; a run that finds everything up to date leaves no trace.
The exit status is the worst job's, 2 for bad usage (never tried again) and 130 after Ctrl-C or SIGTERM.
"""

from __future__ import annotations

import os
import sys

from job_request import INTERRUPTED, parse, usage_error


def main() -> int:
    """Parse, run, and tell the user in a line or two what went wrong; returns the exit status."""
    request = parse(sys.argv[1:], __doc__ or "")
    if request.backend == "slurm":
        usage_error("the slurm backend is not available yet; unset CYASR_JOBS or say CYASR_JOBS=local")
    from local_pool import Pool

    outcomes = Pool(request).run()
    failed = [outcome for outcome in outcomes if outcome.status]
    for line, outcome in {outcome.last_line: outcome for outcome in reversed(failed)}.items():
        print(f"{line}\n" * bool(line), end="", file=sys.stderr)
        killed = " (killed; out of memory?)" if outcome.status == 137 else ""
        print(f"run_job: status {outcome.status}{killed}, log: {outcome.log}", file=sys.stderr)
    if len(failed) > 1:
        print(f"run_job: {len(failed)} of {len(outcomes)} jobs failed", file=sys.stderr)
    return max(outcome.status for outcome in outcomes)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except OSError as error:
        print(f"run_job: {error.strerror}: {error.filename or os.getcwd()}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:  # before the pool took over
        sys.exit(INTERRUPTED)
