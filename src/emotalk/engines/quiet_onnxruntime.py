"""ONNX Runtime, and the only place that imports it: told too late, it has reported to its maker (from 1.29 on)."""

import os

os.environ["ORT_DISABLE_TELEMETRY"] = os.environ.get("ORT_DISABLE_TELEMETRY") or "1"  # to report, set it to 0

import onnxruntime
from onnxruntime.capi import onnxruntime_pybind11_state as failures

__all__ = ["failures", "onnxruntime"]
