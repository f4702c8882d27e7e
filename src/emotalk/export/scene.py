"""GLB: the head with the animation of its morph weights, as Blender, Unreal, Godot and every glTF viewer open it.

A clip with a head gets two nodes over the mesh: `neck`, which stays, and in it `turn`, which turns. The mesh is skinned
to both, so that the neck bends and its lower end stays where it is.
"""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emotalk.face import ARKIT_NAMES, FaceClip
from emotalk.head import HEAD_GLB, load_head
from emotalk.head.container import read_glb, write_glb
from emotalk.head.turn import PIVOT, quaternions, turning_share

FLOAT, BYTE = 5126, 5121
_KINDS = {1: "SCALAR", 3: "VEC3", 4: "VEC4", 16: "MAT4"}


def glb(clip: FaceClip, path: Path) -> None:
    """The packaged head and one animation, `speech`: 52 weights a frame at its time; `extras` name the sound."""
    scene = _Scene()
    times = np.array(clip.timecodes, np.float32)
    when = scene.add(times[:, None], min=[float(times[0])], max=[float(times[-1])])
    scene.animate(when, scene.add(np.ascontiguousarray(clip.frames, np.float32).reshape(-1, 1)), 0, "weights")
    if clip.head is not None:
        scene.animate(when, scene.add(quaternions(clip.head).astype(np.float32)), scene.bend(), "rotation")
    path.write_bytes(scene.finished(clip))


class _Scene:
    """The packaged head's file as it grows; what is there already stays where it is."""

    def __init__(self) -> None:
        self._document, binary = read_glb(HEAD_GLB.read_bytes())
        self._binary = bytearray(binary)
        self._samplers: list[dict[str, Any]] = []
        self._channels: list[dict[str, Any]] = []

    def add(self, values: NDArray[Any], **more: Any) -> int:
        """One more accessor of rows of values; its number."""
        self._binary += b"\0" * (-len(self._binary) % 4)
        view = {"buffer": 0, "byteOffset": len(self._binary), "byteLength": values.nbytes}
        self._document["bufferViews"].append(view)
        self._binary += values.astype(values.dtype.newbyteorder("<")).tobytes()
        kind = FLOAT if values.dtype == np.float32 else BYTE
        accessor = {"bufferView": len(self._document["bufferViews"]) - 1, "componentType": kind, "count": len(values)}
        self._document["accessors"].append({**accessor, "type": _KINDS[values.shape[1]], **more})
        return len(self._document["accessors"]) - 1

    def animate(self, when: int, what: int, node: int, path: str) -> None:
        """One more channel."""
        self._samplers.append({"input": when, "output": what, "interpolation": "LINEAR"})
        self._channels.append({"sampler": len(self._samplers) - 1, "target": {"node": node, "path": path}})

    def bend(self) -> int:
        """Skin the mesh to neck and turn; the number of the node that turns."""
        nodes, scale = self._document["nodes"], self._document["nodes"][0].pop("scale", [1, 1, 1])
        neck, turn = len(nodes), len(nodes) + 1
        nodes += [{"name": "neck", "children": [turn]}, {"name": "turn", "translation": list(PIVOT)}]
        nodes[0]["skin"] = 0  # its own place is void from now on: the joints say where each vertex stands
        self._document["scenes"][0]["nodes"].append(neck)
        binds = np.stack([_bind(scale, (0, 0, 0)), _bind(scale, PIVOT)]).astype(np.float32)
        self._document["skins"] = [{"joints": [neck, turn], "skeleton": neck, "inverseBindMatrices": self.add(binds)}]
        self._skin()
        return turn

    def _skin(self) -> None:
        """Each vertex to the neck and to the skull, by its share of a turn."""
        head = load_head()
        share = np.rint(turning_share(head) * 255).astype(np.uint8)
        weights = np.stack([255 - share, share, 0 * share, 0 * share], axis=1)
        for part, primitive in zip(head.parts, self._document["meshes"][0]["primitives"], strict=True):
            mine = np.ascontiguousarray(weights[part.vertices])
            joints = np.where(mine > 0, np.array([0, 1, 0, 0], np.uint8), np.uint8(0))
            primitive["attributes"] |= {"JOINTS_0": self.add(joints), "WEIGHTS_0": self.add(mine, normalized=True)}

    def finished(self, clip: FaceClip) -> bytes:
        """The whole file."""
        title = {"audio": clip.title} if clip.title else {}
        extras = {"fps": float(clip.fps), "names": list(ARKIT_NAMES), **title}
        animation = {"name": "speech", "samplers": self._samplers, "channels": self._channels, "extras": extras}
        self._document["animations"] = [animation]
        self._document["buffers"][0]["byteLength"] = len(self._binary)
        return write_glb(self._document, bytes(self._binary))


def _bind(scale: list[float], at: tuple[float, ...]) -> NDArray[np.float64]:
    """From the mesh's own units into a joint that stands at `at`: sixteen numbers, column by column."""
    matrix = np.diag([*scale, 1.0])
    matrix[:3, 3] = [-each for each in at]
    return matrix.T.reshape(-1)
