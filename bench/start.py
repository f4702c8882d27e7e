"""What a start must cost at least: reading the file of weights and compiling the graph, and nothing else.

    python -m bench.start CHECKPOINT --precision fp32|bf16 [--threads N]

prints {"read": seconds, "compile": seconds}: the file once from first to last byte, then building and compiling both
OpenVINO graphs of its weights. `bench/engine.py` sets a lane's time until ready beside their sum.
"""

import argparse
import json
import time
from pathlib import Path

from emotalk.engines.emotalk import converted_path, find_weights
from emotalk.engines.emotalk.converted import open_converted
from emotalk.engines.emotalk.openvino_runtime import OpenVinoRuntime

AT_ONCE = 16 << 20


def main() -> None:
    """Measure both."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--precision", choices=("fp32", "bf16"), default="fp32")
    parser.add_argument("--threads", type=int)
    chosen = parser.parse_args()
    source, narrow = find_weights(chosen.checkpoint), chosen.precision == "bf16"
    path = converted_path(chosen.checkpoint) if narrow else chosen.checkpoint
    began = time.perf_counter()
    read(path)
    took = time.perf_counter() - began
    weights = open_converted(source, path) if narrow else source.read()
    began = time.perf_counter()
    OpenVinoRuntime(weights, chosen.threads)
    print(json.dumps({"read": took, "compile": time.perf_counter() - began}))


def read(path: Path) -> None:
    """Every byte, into one buffer."""
    buffer = bytearray(AT_ONCE)
    with path.open("rb", buffering=0) as file:
        while file.readinto(buffer):
            pass


if __name__ == "__main__":
    main()
