"""Loading a model file: one thread, on the CPU, so that many sessions can share two cores and repeat their bytes."""

from pathlib import Path
from typing import Any

from emotalk.errors import CheckpointError, CheckpointNotFound


def load(path: Path, fused: bool = False) -> Any:
    """An onnxruntime.InferenceSession of this file. Raises CheckpointNotFound, CheckpointError.

    `fused`: the runtime looks for more to simplify, which takes longer than reading the file.
    """
    # Not at the top: `emotalk --help` must not pay for a runtime it does not use.
    from emotalk.engines.quiet_onnxruntime import failures, onnxruntime

    if not path.is_file():
        raise CheckpointNotFound(f"{path}: a model of the built-in engine is missing. Reinstall emotalk.")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    levels = onnxruntime.GraphOptimizationLevel
    options.graph_optimization_level = levels.ORT_ENABLE_ALL if fused else levels.ORT_DISABLE_ALL
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except (failures.Fail, failures.InvalidArgument, failures.InvalidProtobuf, failures.InvalidGraph) as error:
        raise CheckpointError(f"{path}: onnxruntime cannot read this model. Reinstall emotalk.") from error
