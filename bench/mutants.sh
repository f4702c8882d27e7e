#!/bin/sh
# Changes retry, windows, stitch, cut and assembly in every small way, one at a time, and runs their tests against each
# change: what survives is either no change at all, or shows a test that cannot fail. Prints the survivors as diffs.
# Works on a copy, and keeps mutmut (chosen because its runs fork from one warm pytest: minutes, not hours) out of the
# environment. Silent for about five minutes. Usage, after `make test`: sh bench/mutants.sh
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
python=$root/.venv/bin/python
work=$(mktemp -d "${TMPDIR:-/tmp}/emotalk-mutants-XXXXXX")
trap 'rm -rf "$work"' EXIT INT TERM

"$python" -m pip install --quiet --target "$work/tools" mutmut==3.8.1
mkdir "$work/tree"
cd "$root"
tar -cf - --exclude=jars --exclude=__pycache__ src tests bench pyproject.toml README.md LICENSE NOTICE | tar -xf - -C "$work/tree"
cat bench/mutants.toml >> "$work/tree/pyproject.toml"

cd "$work/tree"
# The project's own libraries stay first: the tools' folder has copies of some of them.
PYTHONPATH=$("$python" -c 'import site; print(site.getsitepackages()[0])'):$work/tools
export PYTHONPATH
mutmut() { "$python" -m mutmut "$@"; }
mutmut run --max-children "${JOBS:-2}" > run.log 2>&1 || { tr '\r' '\n' < run.log | tail -n 40 >&2; exit 1; }
mutmut results | sed -n 's/^ *\(.*\): survived$/\1/p' | while read -r survivor; do mutmut show "$survivor"; done
mutmut results --all true | sed -n 's/^.*: //p' | sort | uniq -c
