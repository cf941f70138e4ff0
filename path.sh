# Sourced by the recipe scripts: the repository as working directory, its environment first on the path.

cd "$(dirname "$(realpath "${BASH_SOURCE[0]}")")" || return 1
if [ ! -f .venv/.installed-requirements ] || [ ! -x .venv/bin/python ]; then
  echo "path.sh: there is no complete Python environment in $PWD/.venv; tools/install.sh makes it" >&2
  return 2
fi
export PATH="$PWD/.venv/bin:$PATH" PYTHONPATH="$PWD" PYTHONUTF8=1
unset PYTHONHOME
