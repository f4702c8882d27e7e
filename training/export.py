"""The trained network as one graph for the package: `python -m training.export`. Samples in, curves out.

mouth.onnx: sound float32 [1, 320 · (rows - 1)] at 16 kHz → curves float32 [1, rows, 15] in 0..1; row r is at sample
320 · r. Weights are stored in 16 bits and widened when the graph is loaded: half the size, and the arithmetic stays
that of 32 bits.
"""

import argparse
from pathlib import Path

import numpy as np
import onnx
import torch

from emotalk.engines.builtin.plan import CLIP
from emotalk.engines.quiet_onnxruntime import onnxruntime
from training.front import RECOGNISER
from training.graph import narrowed
from training.side_by_side import side_by_side
from training.whole import Whole

GATE = Path("packages/silero_vad/data/silero_vad_16k_sequence.onnx")
_OPSET = 17


def export(whole: Whole, path: Path) -> float:
    """Write the graph; return by how much its curves differ from torch's, at most, on two lengths of window."""
    start, stop = CLIP.window(0)
    sizes = [(stop - start) // 2, stop - start]
    temporary = path.with_suffix(".torch.onnx")
    torch.onnx.export(
        whole, (torch.randn(1, max(sizes)),), str(temporary), input_names=["sound"], output_names=["curves"],
        dynamo=False, dynamic_axes={"sound": {1: "samples"}, "curves": {1: "rows"}}, opset_version=_OPSET,
    )  # fmt: skip
    _simplify(temporary)
    onnx.save(narrowed(onnx.load(temporary)), path)
    temporary.unlink()
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return max(_difference(session, whole, size) for size in sizes)


def _simplify(path: Path) -> None:
    """Fold what is constant, once and for all: to load the graph as it stands takes a third of the time."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.optimized_model_filepath = str(path)
    onnxruntime.InferenceSession(path.read_bytes(), options, providers=["CPUExecutionProvider"])
    model = onnx.load(path)
    standard = [opset for opset in model.opset_import if opset.domain == ""]
    del model.opset_import[:]
    model.opset_import.extend(standard)
    onnx.save(model, path)


def _difference(session: onnxruntime.InferenceSession, whole: Whole, size: int) -> float:
    sound = np.random.default_rng(0).standard_normal((1, size)).astype(np.float32) * 0.1
    with torch.no_grad():
        expected = whole(torch.from_numpy(sound)).numpy()
    return float(np.abs(session.run(None, {"sound": sound})[0] - expected).max())


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("training-data"))
    parser.add_argument("--checkpoint", type=Path, help="default: DATA/mouth.pt")
    parser.add_argument("--models", type=Path, default=Path("src/emotalk/engines/builtin/models"))
    asked = parser.parse_args()
    whole = Whole.trained(asked.data / RECOGNISER, asked.checkpoint or asked.data / "mouth.pt")
    difference = export(whole, asked.models / "mouth.onnx")
    side_by_side(asked.data / GATE, asked.models / "silero_vad.onnx")
    sizes = {f.name: f.stat().st_size for f in sorted(asked.models.glob("*.onnx"))}
    print(
        f"{sizes}, {sum(sizes.values()) / 1e6:.2f} MB in all; 16-bit weights change a curve by {difference:.4f} at most"
    )


if __name__ == "__main__":
    main()
