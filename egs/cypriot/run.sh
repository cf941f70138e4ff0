#!/usr/bin/env bash
# Speech recognition for Cypriot Greek, from a corpus to a table of results in nine stages. What is finished and
# unchanged is skipped, what was interrupted goes on.
#
# Options:
#   --corpus NAME      data set, conf/data_NAME.yaml (mini: embedded, made on the spot)
#   --corpus-dir DIR   where the corpus lies, a folder or an archive; needed once for each that is not embedded
#   --corpus-format F  a corpus without a conf gets one: auto looks what lies in DIR, or kaldi, hf, lhotse, nemo, table, folder
#   --licence L        of such a corpus, as in CC-BY-4.0
#   --language L       of such a corpus: el-CY, el, en
#   --systems "A B"    acoustic models, conf/train_A.yaml (ebranchformer_mini for mini, else ebranchformer_10h)
#   --lms "A B"        language models, conf/lm_A.yaml (ngram word3)
#   --decodes "A B"    searches, conf/decode_A.yaml (greedy joint joint_ngram)
#   --fuses "A B"      rescorings, conf/fuse_A.yaml (word3)
#   --also "A B"       further data sets whose test each system is decoded and scored on (none)
#   --results FILE     where stage 9 writes its tables (egs/cypriot/RESULTS.md)
#   --only "A B"       experiments that stand in them, by patterns SET/CONF (all under exp/)
#   --stage N          first stage to run (1)
#   --stop-stage N     last stage to run (9)
#   --nj N             decoding jobs (one a core; one a GPU)
#   --ngpu N           GPUs (1 where there is one)
#   --redo             train anew what was trained with another conf or other data; the old run is kept aside
#   --help             print this
#
# Stages:
set -euo pipefail

corpus=mini corpus_dir='' corpus_format='' licence='' language=''
systems='' lms='ngram word3' decodes='greedy joint joint_ngram' fuses=word3 also=''
results=egs/cypriot/RESULTS.md only=''
stage=1 stop_stage=9 nj='' ngpu='' redo=''
root=$(dirname "$(realpath "$0")")/../..
script=$0
. "$root/utils/options.sh"
[[ -z $corpus_dir ]] || corpus_dir=$(realpath -m "$corpus_dir")
. "$root/path.sh"
. ./cmd.sh
export CYASR_RUN=$$ # jobs end with this script, also when it is killed

conf=conf/data_$corpus.yaml
if [[ ! -f $conf && -z $corpus_format ]]; then
  refuse "--corpus $corpus: no $conf; there is $(printf '%s\n' conf/data_*.yaml | sed 's/.*data_//; s/.yaml//' | xargs); \
for a corpus of your own, --corpus-format auto looks into --corpus-dir and writes it"
elif [[ -n $corpus_format$licence$language ]]; then
  python -m steps.new_corpus --name "$corpus" --format "${corpus_format:-auto}" ${corpus_dir:+--corpus-dir "$corpus_dir"} \
    ${licence:+--licence "$licence"} ${language:+--language "$language"}
fi
adapter=$(python -m steps.new_corpus --adapter "$conf") # none for a mixture
[[ -n $systems ]] || { [[ $corpus = mini ]] && systems=ebranchformer_mini || systems=ebranchformer_10h; }
[[ -n $ngpu ]] || { [[ -e /dev/nvidia0 && -n ${CUDA_VISIBLE_DEVICES-all} ]] && ngpu=1 || ngpu=0; }
nj=${nj:-$((ngpu > 0 ? ngpu : $(nproc)))}

if stage 1 "The corpus as it is: recordings and supervisions"; then
  [[ -z $adapter ]] ||
    $train_cmd "exp/log/data_$corpus.log" python -m "$adapter" --conf "$conf" ${corpus_dir:+--corpus-dir "$corpus_dir"}
fi

if stage 2 "Cuts: checked, normalised, split"; then
  $train_cmd "exp/log/cuts_$corpus.log" python -m steps.make_cuts --conf "$conf"
fi

((stop_stage > 2)) || exit 0
sets=$(python -m steps.make_cuts --conf "$conf" --list-sets) # one, or one for each fold
# empty FILE: it holds nothing, or is not there
empty() { [[ -z $(gzip -cd "$1" 2>/dev/null | head -c 1) ]]; }
if [[ $sets = "$corpus" && -f data/$corpus/.stamp.json ]] && empty "data/$corpus/test.jsonl.gz"; then
  if empty "data/$corpus/dev.jsonl.gz"; then
    echo "data/$corpus holds text or audio alone, nothing to score: it serves other confs (mixture, lm: text)"
    exit 0
  fi
  echo "data/$corpus is learnt from and never scored: what is trained on it is where others start (init_from)"
  lms='' stop_stage=$((stop_stage < 5 ? stop_stage : 5))
fi

if stage 3 "Tokenizers"; then
  for set in $sets; do
    for system in $systems; do
      $train_cmd "exp/$set/log/tokenizer_$system.log" \
        python -m steps.train_tokenizer --data "data/$set" --conf "conf/train_$system.yaml"
    done
  done
fi

# neural LM: its conf, or the base of that, asks to be trained as acoustic models are
neural() { grep -qs '^kind: neural' "conf/lm_$1.yaml" "conf/$(sed -n 's/^base: *//p' "conf/lm_$1.yaml" 2>/dev/null)"; }
if stage 4 "Language models"; then
  for set in $sets; do
    for lm in $lms; do
      step=(python -m steps.train_lm --data "data/$set" --conf "conf/lm_$lm.yaml")
      if neural "$lm"; then
        $cuda_cmd --gpu "$ngpu" "exp/$set/log/lm_$lm.log" "${step[@]}" ${redo:+"$redo"}
      else
        $train_cmd "exp/$set/log/lm_$lm.log" "${step[@]}"
      fi
    done
  done
fi

if stage 5 "Acoustic models"; then
  for set in $sets; do
    for system in $systems; do
      $cuda_cmd --gpu "$ngpu" "exp/$set/log/train_$system.log" \
        python -m steps.train --data "data/$set" --conf "conf/train_$system.yaml" ${redo:+"$redo"}
    done
  done
fi

if stage 6 "Decoding"; then
  for set in $sets; do
    for system in $systems; do
      for decode in $decodes; do
        for other in '' $also; do
          step=(python -m steps.decode --exp "exp/$set/train_$system" --conf "conf/decode_$decode.yaml" --njobs "$nj")
          [[ -z $other ]] || step+=(--data "data/$other" --splits test)
          log=exp/$set/log/decode_${system}_$decode${other:+_on_${other//\//.}}
          $decode_cmd --gpu "$((ngpu > 0))" "JOB=1:$nj" "$log.JOB.log" "${step[@]}" --job JOB
          $decode_cmd "$log.gather.log" "${step[@]}" --gather
        done
      done
    done
  done
fi

if stage 7 "Rescoring and fusion"; then
  for set in $sets; do
    for system in $systems; do
      for fuse in $fuses; do
        $train_cmd "exp/$set/log/fuse_${system}_$fuse.log" \
          python -m steps.fuse --exp "exp/$set/train_$system" --conf "conf/fuse_$fuse.yaml"
      done
    done
  done
fi

if stage 8 "Scores"; then
  $train_cmd "exp/log/score_$corpus.log" python -m steps.score --exp "exp/$corpus"
fi

if stage 9 "Results"; then
  $train_cmd "exp/log/model_card.log" python -m steps.model_card --exp exp
  read -ra patterns <<<"$only"
  report=(python -m steps.report --out "$results" ${only:+--only "${patterns[@]}"})
  $train_cmd "exp/log/report.log" "${report[@]}" --html exp/report.html
  "${report[@]}" --print "$corpus"
  echo "With plots, alignments and audio, for a browser: exp/report.html"
fi
