#!/usr/bin/env bash
# Strings of real English digits (Free Spoken Digit Dataset): the recipe's stages on the official split.
# `--corpus fsdd_loso` leaves one speaker out instead, each of the six in turn. All options as in egs/cypriot/run.sh.
#
#   egs/fsdd/run.sh --corpus-dir DIR        DIR: a copy of GitHub's Jakobovski/free-spoken-digit-dataset
set -euo pipefail

root=$(dirname "$(realpath "$0")")/../..
exec "$root/run.sh" --corpus fsdd --systems ebranchformer_mini "$@"
