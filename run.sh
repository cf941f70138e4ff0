#!/usr/bin/env bash
# The front door: makes the environment on first use, then runs the recipe, egs/cypriot/run.sh, with the same options.
set -euo pipefail

root=$(dirname "$(realpath "$0")")
arguments=("$@")
script=$root/egs/cypriot/run.sh
. "$root/utils/options.sh" # answers --help and refuses what is wrong before anything is installed
"$root/tools/install.sh"
exec "$script" "${arguments[@]}"
