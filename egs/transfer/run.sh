#!/usr/bin/env bash
# The transfer pipeline for a dialect: a base model learns on from speech without transcripts, then Standard Greek, then
# Cypriot by low-rank updates that rehearse what they must not forget. Each system starts from the one before (init_from in
# its conf); the report at the end tells what it gained and what it forgot, with paired intervals.
#
# Options:
#   --size S           mini: a small model on the embedded corpus; 300m: XLS-R 300M on the real corpora (mini)
#   --stage N          first stage to run (1)
#   --stop-stage N     last stage to run (6)
#   --help             print this
#
# The corpora of 300m have to be made before, each once: ./run.sh --corpus NAME --corpus-dir DIR --stop-stage 2 with NAME
# voxpopuli_el, cv_el, fleurs_el, fleurs_en, el_cy.
#
# Stages:
set -euo pipefail

size=mini stage=1 stop_stage=6
root=$(dirname "$(realpath "$0")")/../..
script=$0
. "$root/utils/options.sh"

# run CORPUS SYSTEMS [OPTION...]: the recipe's stages, the systems scored on the tests that all are compared on
case $size in
  mini)
    parts='mini mini_greek mini_cypriot'
    speech=mini greek=mini_greek cypriot=mini_cypriot rehearsal=mini_rehearsal
    base=wav2vec2_mini_pretrain standard=wav2vec2_mini_greek adapted=wav2vec2_mini_cypriot_lora
    without='wav2vec2_mini_cypriot_lora wav2vec2_mini_cypriot' scratch='mini wav2vec2_mini'
    tests=mini decodes=greedy only='mini*/train_wav2vec2_mini*'
    ;;
  300m)
    parts='voxpopuli_el cv_el fleurs_el fleurs_en el_cy'
    speech=voxpopuli_el greek=greek_english cypriot=el_cy rehearsal=el_cy_rehearsal
    base=xls_r_300m_continued standard=xls_r_300m_greek adapted=xls_r_300m_cypriot_lora
    without=xls_r_300m_cypriot_lora scratch='el_cy_rehearsal xls_r_300m'
    tests='cv_el fleurs_en el_cy' decodes='greedy ctc' only='*/train_xls_r_300m*'
    ;;
  *) refuse "--size $size: there are mini and 300m" ;;
esac
run() { "$root/run.sh" --corpus "$1" --systems "$2" --lms '' --decodes "$decodes" --fuses '' --also "$tests" "${@:3}"; }

if stage 1 "The corpora, and what is mixed of them"; then
  for set in $parts "$greek" "$rehearsal"; do
    "$root/run.sh" --corpus "$set" --stop-stage 2
  done
fi

if stage 2 "Speech without transcripts"; then
  run "$speech" "$base" --stop-stage 5
fi

if stage 3 "Standard Greek and English"; then
  run "$greek" "$standard" --stop-stage 8
fi

if stage 4 "Cypriot, with rehearsal"; then
  run "$rehearsal" "$adapted" --stop-stage 8
fi

if stage 5 "To compare with: without rehearsal, and without the pipeline"; then
  run "$cypriot" "$without" --stop-stage 8
  run "${scratch% *}" "${scratch#* }" --stop-stage 8
fi

if stage 6 "What was gained and what was forgotten"; then
  "$root/run.sh" --corpus "$cypriot" --stage 9 --results egs/transfer/RESULTS.md --only "$only"
  cd "$root"
  . ./path.sh
  python -m steps.forgetting
fi
