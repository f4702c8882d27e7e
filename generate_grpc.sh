#!/usr/bin/env bash
# Regenerates the Python code of the contract, byte for byte what is committed in src/emotalk/wire/.
# Needs the pinned compiler: pip install -r requirements.txt (or the extra "codegen").
set -euo pipefail
cd "$(dirname "$0")"
python="${PYTHON:-}"
if [ -z "$python" ]; then
  if [ -x .venv/bin/python ]; then python=.venv/bin/python; else python=python3; fi
fi
out="${1:-src}"
mkdir -p "$out/emotalk/wire"
# The virtual path makes the generated modules import each other as emotalk.wire.*, one copy in the whole process.
"$python" -m grpc_tools.protoc -Iemotalk/wire=proto --python_out="$out" --pyi_out="$out" --grpc_python_out="$out" \
  emotalk/wire/emotalk.proto
"$python" -m grpc_tools.protoc -Iemotalk/wire=proto --python_out="$out" --pyi_out="$out" emotalk/wire/records.proto
echo "generated: $out/emotalk/wire/"
