"""The machine's measured matrix-product peak in OpenVINO, and the kernel that reached it: what a share is a share of.

python -m bench.peak [--threads N]         prints {"fp32": {"flops": …, "kernel": …}, "bf16": {…}}
"""

import argparse
import json
import time
from typing import Any

import numpy as np

from emotalk.engines.quiet_openvino import op, openvino

SHAPES = ((600, 1024, 4096), (2048, 4096, 4096), (4096, 4096, 4096))
"""Rows, width in, width out; the best one counts."""

ROUNDS = 6


def main() -> None:
    """Measure both precisions."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--threads", type=int)
    chosen = parser.parse_args()
    print(json.dumps({precision: best(precision, chosen.threads) for precision in ("fp32", "bf16")}))


def best(precision: str, threads: int | None) -> dict[str, Any]:
    """Floating point operations a second of the fastest shape."""
    return max((_measured(precision, shape, threads) for shape in SHAPES), key=lambda found: found["flops"])


def _measured(precision: str, shape: tuple[int, int, int], threads: int | None) -> dict[str, Any]:
    rows, inner, outer = shape
    x = np.random.default_rng(0).standard_normal((rows, inner), dtype=np.float32)
    options = {"INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": "LATENCY", "PERF_COUNT": "YES"}
    threaded = {"INFERENCE_NUM_THREADS": threads} if threads else {}
    request = openvino.Core().compile_model(_product(precision, inner, outer), "CPU", options | threaded)
    request = request.create_infer_request()
    for _ in range(ROUNDS):
        request.infer({0: x})
    seconds, kernel = min(_product_times(request, x) for _ in range(ROUNDS))
    return {"flops": 2 * rows * inner * outer / seconds, "kernel": kernel, "shape": shape}


def _product_times(request: Any, x: Any) -> tuple[float, str]:
    """The seconds of the product alone, without what converts in and out of it."""
    since = time.perf_counter()
    request.infer({0: x})
    whole = time.perf_counter() - since
    steps = [step for step in request.get_profiling_info() if step.node_type == "FullyConnected"]
    assert len(steps) == 1
    return min(whole, steps[0].real_time.total_seconds()), steps[0].exec_type


def _product(precision: str, inner: int, outer: int) -> Any:
    weight = np.random.default_rng(1).standard_normal((outer, inner), dtype=np.float32)
    x = op.parameter([-1, inner], np.float32)
    if precision == "fp32":
        return openvino.Model([op.matmul(x, op.constant(weight), False, True)], [x], "product")
    narrowed = op.convert(op.matmul(op.convert(x, "bf16"), op.convert(op.constant(weight), "bf16"), False, True), "f32")
    return openvino.Model([narrowed], [x], "product")


if __name__ == "__main__":
    main()
