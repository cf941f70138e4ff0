#!/usr/bin/env bash
# Strings of real English digits (Free Spoken Digit Dataset): the recipe's stages on the official split.
# All options as in egs/cypriot/run.sh.
#
#   egs/fsdd/run.sh --corpus-dir DIR        DIR: a copy of GitHub's Jakobovski/free-spoken-digit-dataset
#   egs/fsdd/run.sh --corpus-dir DIR --corpus fsdd_loso --systems ebranchformer_fsdd      each speaker left out in turn
set -euo pipefail

root=$(dirname "$(realpath "$0")")/../..
exec "$root/run.sh" --corpus fsdd --systems ebranchformer_mini --fuses "word3 mbr ctc_beam" --results egs/fsdd/RESULTS.md --only 'fsdd*' "$@"
