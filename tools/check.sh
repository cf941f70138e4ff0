#!/usr/bin/env bash
# What has to hold before a change goes in: style, types, shell, tests. Installs what is missing first.
# Arguments go to pytest, as in `tools/check.sh tests/lm -k arpa`.
set -euo pipefail

cd "$(dirname "$(realpath "$0")")/.."
tools/install.sh dev nemo
. ./path.sh
ruff check
ruff format --check
mypy
find . -path './.*' -prune -o -path ./data -prune -o -path ./exp -prune -o -name '*.sh' -print0 |
  xargs -0 shellcheck --external-sources .ci/run
pytest --numprocesses logical --maxprocesses 8 --dist loadfile --no-loadscope-reorder "$@"
