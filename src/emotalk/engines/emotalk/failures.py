"""What a runtime raises, as our errors."""

from emotalk.errors import EngineError, OutOfMemory

_ALLOCATION = ("allocate", "out of memory", "alloc_failed", "bad_alloc", "cuda failure 2")


def to_engine_error(error: Exception) -> EngineError:
    """The exceptions of ONNX Runtime and of OpenVINO say only in their text that memory ran out."""
    if isinstance(error, MemoryError) or any(word in str(error).lower() for word in _ALLOCATION):
        return OutOfMemory("the window does not fit into memory. Use a smaller --chunk-duration.")
    return EngineError(f"the emotalk engine failed: {str(error).strip()}")
