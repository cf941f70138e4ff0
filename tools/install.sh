#!/usr/bin/env bash
# Make the Python environment .venv, or bring it up to the lock; where it is, nothing is done. Needs no root and no
# compiler. Interrupted, it goes on when started again. pip's own settings (index, proxy, certificates) are honoured.
#
#   tools/install.sh          what the recipe needs: tools/requirements.txt
#   tools/install.sh dev      and what its checks need: tools/requirements-dev.txt
#   tools/install.sh nemo     and NeMo, for Canary and Parakeet: tools/requirements-nemo.txt
#   tools/install.sh k2       k2, in an environment of its own, .venv-k2: tools/requirements-k2.txt; needs a Python 3.10
#
# Environment: PYTHON=python3.12 chooses the interpreter; TORCH_SPEC=torch==2.13.0+cu130 another build of torch.
set -euo pipefail

cd "$(dirname "$(realpath "$0")")/.."

# fail MESSAGE: something the user has to change
fail() {
  echo "install.sh: $1" >&2
  exit 2
}

# stamp LOCK: what says that LOCK is installed
stamp() { echo ".venv/.installed-$(basename "$1" .txt)"; }
current() { sha256sum "$1" | cmp -s - "$(stamp "$1")"; }

find_python() {
  local python no_venv=''
  for python in ${PYTHON:-python3.11 python3.12 python3.13 python3.14 python3}; do
    "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || continue
    "$python" -c 'import ensurepip, venv' 2>/dev/null && echo "$python" && return
    no_venv=$python
  done
  [[ -z $no_venv ]] || fail "$no_venv has no venv module; on Debian and Ubuntu it is the package $("$no_venv" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')"
  fail "needs Python 3.11 or later, found none (${PYTHON:-python3.11 to python3.14, python3}); PYTHON=/path/to/python chooses one"
}

make_venv() {
  local python
  .venv/bin/python -m pip --version >/dev/null 2>&1 && return
  python=$(find_python)
  echo "install.sh: making .venv with $python"
  "$python" -m venv .venv
}

# uv is many times faster than pip and itself a wheel; where it fails, pip does the same.
install_lock() {
  local index lock=$1 again=()
  [[ ! -f .venv/.installing ]] || again=(--reinstall) # an interrupted install may have left half a package
  rm -f "$(stamp "$lock")"
  touch .venv/.installing
  index=${PIP_INDEX_URL:-$(pip config get global.index-url 2>/dev/null || true)}
  [[ -z $index ]] || export UV_DEFAULT_INDEX=${UV_DEFAULT_INDEX:-$index}
  uv pip install --python .venv/bin/python --no-deps --compile-bytecode "${again[@]}" -r "$lock" ||
    pip install --no-deps "${again[@]/--reinstall/--force-reinstall}" -r "$lock"
}

# torchaudio's compiled part loads only beside CUDA libraries; without it, the part written in Python works.
mend_torchaudio() {
  python -c 'import torchaudio' 2>/dev/null && return
  python - <<'PYTHON'
import importlib.util, pathlib

for library in pathlib.Path(importlib.util.find_spec("torchaudio").origin).parent.glob("lib/*.so"):
    library.unlink()
PYTHON
}

install_main() {
  local spec=${TORCH_SPEC:-$(cat .venv/.torch 2>/dev/null || echo torch==2.13.0)}
  echo "install.sh: $spec"
  pip install --no-compile --constraint tools/requirements.txt "$spec" # uv compiles faster, below
  echo "$spec" >.venv/.torch
  echo "install.sh: tools/requirements.txt"
  install_lock tools/requirements.txt
  mend_torchaudio
  python -m compileall -q -j 0 "$(python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')" >/dev/null || true # some files are templates
  local said
  said=$(python -c '
import torch, torchaudio, lhotse, lightning_fabric, numba, sentencepiece, soundfile, espeakng_loader, tensorboard
import espnet2.asr.ctc, espnet2.asr.decoder.transformer_decoder, espnet2.asr.encoder.e_branchformer_encoder
print(torch.__version__)' 2>&1) || fail "cannot be imported: $(tail -n 1 <<<"$said"); remove .venv and start again"
  echo "install.sh: torch $(tail -n 1 <<<"$said") and the rest are in place"
}

# A Python 3.10 with venv: PYTHON's, the PATH's, pyenv's, or one that uv knows of.
find_python_for_k2() {
  local python uv
  uv=$(command -v .venv/bin/uv uv | head -n 1) || true
  for python in ${PYTHON:-} python3.10 "$(pyenv root 2>/dev/null)"/versions/3.10.*/bin/python \
    "$([[ -z $uv ]] || "$uv" python find --no-python-downloads 3.10 2>/dev/null)"; do
    "$python" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info[:2] != (3, 10))' 2>/dev/null && echo "$python" && return
  done
  return 1
}

# Where a k2 for the recipe's own Python and torch can be had, it may be installed in .venv instead; it is then taken.
install_k2() {
  local python said lock=tools/requirements-k2.txt done=.venv-k2/.installed-requirements-k2
  sha256sum "$lock" | cmp -s - "$done" && return
  python=$(find_python_for_k2) || fail "k2 needs Python 3.10 with venv, found none; PYTHON=/path/to/python3.10 chooses one (without it: backend: kaldi)"
  mkdir -p .venv-k2
  exec 9>.venv-k2/.install.lock
  flock --nonblock 9 || { echo "install.sh: waiting for another install to end" && flock 9; }
  rm -f "$done"
  echo "install.sh: making .venv-k2 with $python, $lock"
  .venv-k2/bin/python -m pip --version >/dev/null 2>&1 || "$python" -m venv .venv-k2
  .venv-k2/bin/python -m pip install --quiet --no-deps -r "$lock"
  said=$(.venv-k2/bin/python -W error::UserWarning -c 'import k2, torch; print(k2.Fsa.from_str("0 1 -1 0\n1").shape)' 2>&1) ||
    fail "k2 cannot be imported: $(tail -n 1 <<<"$said"); remove .venv-k2 and start again"
  sha256sum "$lock" >.venv-k2/.stamp.tmp
  mv .venv-k2/.stamp.tmp "$done"
  echo "install.sh: k2 is in place"
}

unset PYTHONHOME PYTHONPATH VIRTUAL_ENV
[[ ${1-} != k2 ]] || { install_k2 && exit 0; }
locks=(tools/requirements.txt)
for extra in "$@"; do
  case $extra in
    dev | nemo) locks+=("tools/requirements-$extra.txt") ;;
    *) fail "unknown environment '$extra'; valid: none (the recipe's own), dev, nemo, k2" ;;
  esac
done
missing=()
for lock in "${locks[@]}"; do current "$lock" || missing+=("$lock"); done
((${#missing[@]})) || exit 0

mkdir -p .venv
exec 9>.venv/.install.lock # not .lock, which is uv's own
flock --nonblock 9 || { echo "install.sh: waiting for another install to end" && flock 9; }
make_venv
export PATH="$PWD/.venv/bin:$PATH"
pip() { python -m pip "$@"; }
command -v .venv/bin/uv >/dev/null || pip install --quiet uv==0.13.9 || echo "install.sh: no uv to be had; pip takes longer"
for lock in "${missing[@]}"; do
  current "$lock" && continue
  case $lock in
    tools/requirements.txt) install_main ;;
    *) install_lock "$lock" ;;
  esac
  rm .venv/.installing
  sha256sum "$lock" >.venv/.stamp.tmp
  mv .venv/.stamp.tmp "$(stamp "$lock")"
done
