"""GLB: the head with the animation of its morph weights, as Blender, Unreal, Godot and every glTF viewer open it."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emotalk.face import ARKIT_NAMES, FaceClip
from emotalk.head import HEAD_GLB
from emotalk.head.container import read_glb, write_glb

FLOAT = 5126


def glb(clip: FaceClip, path: Path) -> None:
    """The packaged head and one animation, `speech`: 52 weights a frame at f / 30 s; `extras` name the sound."""
    document, binary = read_glb(HEAD_GLB.read_bytes())
    times = np.array(clip.timecodes, np.float32)
    weights = np.ascontiguousarray(clip.frames, np.float32)
    binary = _add(document, binary, times, min=[float(times[0])], max=[float(times[-1])])
    binary = _add(document, binary, weights.reshape(-1))
    document["buffers"][0]["byteLength"] = len(binary)
    document["animations"] = [_animation(len(document["accessors"]), clip.sound)]
    path.write_bytes(write_glb(document, binary))


def _animation(accessors: int, sound: Path | None) -> dict[str, Any]:
    extras = {"fps": 30, "names": list(ARKIT_NAMES), **({"audio": sound.name} if sound else {})}
    return {
        "name": "speech",
        "samplers": [{"input": accessors - 2, "output": accessors - 1, "interpolation": "LINEAR"}],
        "channels": [{"sampler": 0, "target": {"node": 0, "path": "weights"}}],
        "extras": extras,
    }


def _add(document: dict[str, Any], binary: bytes, values: NDArray[np.float32], **limits: list[float]) -> bytes:
    """Append one more accessor of scalars; what is there already stays where it is."""
    binary += b"\0" * (-len(binary) % 4)
    document["bufferViews"].append({"buffer": 0, "byteOffset": len(binary), "byteLength": values.nbytes})
    view = len(document["bufferViews"]) - 1
    accessor = {"bufferView": view, "componentType": FLOAT, "count": values.size, "type": "SCALAR", **limits}
    document["accessors"].append(accessor)
    return binary + values.astype("<f4").tobytes()
