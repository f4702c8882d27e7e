#!/usr/bin/env bash
# Regenerates the Python code of the contract, byte for byte what is committed in src/emotalk/wire/.
# Needs the pinned compiler: pip install -r requirements.txt (or the extra "codegen").
set -euo pipefail
cd "$(dirname "$0")"
for python in "${PYTHON:-python}" python3 .venv/bin/python ""; do
  if [ -n "$python" ] && "$python" -c 'import grpc_tools' 2>/dev/null; then break; fi
done
if [ -z "$python" ]; then
  echo "generate_grpc.sh: the compiler is not installed here. Run: pip install -r requirements.txt" >&2
  exit 1
fi
out="${1:-src}"
mkdir -p "$out/emotalk/wire/a2f"
# The virtual path makes the generated modules import each other as emotalk.wire.*, one copy in the whole process.
"$python" -m grpc_tools.protoc -Iemotalk/wire=proto --python_out="$out" --pyi_out="$out" --grpc_python_out="$out" \
  emotalk/wire/emotalk.proto
"$python" -m grpc_tools.protoc -Iemotalk/wire=proto --python_out="$out" --pyi_out="$out" \
  emotalk/wire/records.proto emotalk/wire/live.proto
"$python" -m grpc_tools.protoc -Iemotalk/wire=proto --python_out="$out" --pyi_out="$out" \
  emotalk/wire/a2f/{a2f,animation_data,audio,controller,emotion_aggregate,emotion_with_timecode,status}.proto
# What only services need.
"$python" -m grpc_tools.protoc -Iemotalk/wire=proto --python_out="$out" --pyi_out="$out" --grpc_python_out="$out" \
  emotalk/wire/a2f/{a2f_controller,a2x_export_config}.proto
echo "generated: $out/emotalk/wire/"
