#!/usr/bin/env bash
# Cypriot Greek, spontaneous: Common Voice Spontaneous Speech el-CY. First a system on its clips of up to 30 s, then that
# one cuts the longer clips, and the recipe's stages run on all of it. All options as in egs/cypriot/run.sh.
#
#   egs/el_cy/run.sh --corpus-dir DIR                          DIR: the release's archive, or the folder in it
#   egs/el_cy/run.sh --corpus-dir DIR --corpus el_cy_folds     leave-speakers-out: two speakers each tested in five folds
set -euo pipefail

root=$(dirname "$(realpath "$0")")/../..
case " $* " in
  *" --help "* | *" -h "*) ;;
  *) "$root/run.sh" "$@" --corpus el_cy_short --systems ebranchformer_10h --lms ngram --stop-stage 5 ;;
esac
exec "$root/run.sh" --corpus el_cy --systems ebranchformer_10h --results egs/el_cy/RESULTS.md --only 'el_cy*' "$@"
