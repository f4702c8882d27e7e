"""OpenVINO, and the only place that imports it: with `openvino_telemetry` each import would report to its maker."""

import sys

# It has no switch that holds for one process; where the package cannot be imported, OpenVINO takes its stub.
sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]

import openvino  # noqa: E402
from openvino import Node, Shape, Tensor, Type  # noqa: E402
from openvino import opset13 as op  # noqa: E402

__all__ = ["Node", "Shape", "Tensor", "Type", "op", "openvino"]
