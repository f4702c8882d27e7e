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
from emotalk.head.container import pack_glb, read_glb
from emotalk.head.turn import PIVOT, quaternions, turning_share

_KINDS = {1: "SCALAR", 2: "VEC2", 3: "VEC3", 4: "VEC4", 16: "MAT4"}
_COMPONENTS = {np.dtype(np.float32): 5126, np.dtype(np.uint8): 5121, np.dtype(np.uint16): 5123}


def write_glb(clip: FaceClip, path: Path) -> None:
    """The packaged head and one animation, `speech`: 52 weights a frame at its time; `extras` name the sound."""
    scene = _Scene()
    times = np.array(clip.timecodes, np.float32)
    when = scene.add(times[:, None], min=[float(times[0])], max=[float(times[-1])])
    scene.animate(when, scene.add(np.ascontiguousarray(clip.frames, np.float32).reshape(-1, 1)), 0, "weights")
    if clip.head is not None:
        scene.animate(when, scene.add(quaternions(clip.head).astype(np.float32)), scene.bend(), "rotation")
    path.write_bytes(scene.finish(clip))


class _Scene:
    """The packaged head in floats and metres, as it grows.

    The package's own file is small: whole steps of 0.04 mm, and of the shapes only what moves. Assimp, Godot 3 and
    others do not read that, so here every accessor has all its numbers.
    """

    def __init__(self) -> None:
        self._document, packed = read_glb(HEAD_GLB.read_bytes())
        self._binary = bytearray()
        self._samplers: list[dict[str, Any]] = []
        self._channels: list[dict[str, Any]] = []
        self._keep_pictures(packed)
        self._unpack()

    def _keep_pictures(self, packed: bytes) -> None:
        views = self._document["bufferViews"]
        self._document |= {"bufferViews": [], "accessors": []}
        for picture in self._document["images"]:
            view = views[picture["bufferView"]]
            start = view.get("byteOffset", 0)
            picture["bufferView"] = self._add_view(packed[start : start + view["byteLength"]])

    def _unpack(self) -> None:
        """The mesh by its parts, a primitive each."""
        head, document = load_head(), self._document
        for part, primitive in zip(head.parts, document["meshes"][0]["primitives"], strict=True):
            corners = (head.triangles[part.triangles] - part.vertices.start).astype(np.uint16)
            primitive["attributes"] = {
                "POSITION": self._add_places(head.vertices[part.vertices]),
                "NORMAL": self.add(head.normals[part.vertices]),
                "TEXCOORD_0": self.add(head.uv[part.vertices]),
                "COLOR_0": self.add(head.shade[part.vertices]),
            }
            primitive["indices"] = self.add(corners.reshape(-1, 1))
            still = self._add_places(np.zeros_like(head.vertices[part.vertices]))
            moves = head.deltas[:, part.vertices]
            primitive["targets"] = [{"POSITION": self._add_places(move) if move.any() else still} for move in moves]
        del document["nodes"][0]["scale"], document["extensionsRequired"]
        document["extensionsUsed"].remove("KHR_mesh_quantization")

    def _add_places(self, points: NDArray[np.float32]) -> int:
        return self.add(points, min=points.min(0).tolist(), max=points.max(0).tolist())

    def add(self, values: NDArray[Any], **more: Any) -> int:
        """One more accessor of rows of values; its number."""
        view = self._add_view(values.astype(values.dtype.newbyteorder("<")).tobytes())
        accessor = {"bufferView": view, "componentType": _COMPONENTS[values.dtype], "count": len(values)}
        self._document["accessors"].append({**accessor, "type": _KINDS[values.shape[1]], **more})
        return len(self._document["accessors"]) - 1

    def _add_view(self, data: bytes) -> int:
        self._binary += b"\0" * (-len(self._binary) % 4)
        view = {"buffer": 0, "byteOffset": len(self._binary), "byteLength": len(data)}
        self._document["bufferViews"].append(view)
        self._binary += data
        return len(self._document["bufferViews"]) - 1

    def animate(self, when: int, what: int, node: int, path: str) -> None:
        """One more channel."""
        self._samplers.append({"input": when, "output": what, "interpolation": "LINEAR"})
        self._channels.append({"sampler": len(self._samplers) - 1, "target": {"node": node, "path": path}})

    def bend(self) -> int:
        """Skin the mesh to neck and turn; the number of the node that turns."""
        nodes = self._document["nodes"]
        neck, turn = len(nodes), len(nodes) + 1
        nodes += [{"name": "neck", "children": [turn]}, {"name": "turn", "translation": list(PIVOT)}]
        nodes[0]["skin"] = 0  # its own place is void from now on: the joints say where each vertex stands
        self._document["scenes"][0]["nodes"].append(neck)
        binds = np.stack([_bind((0, 0, 0)), _bind(PIVOT)]).astype(np.float32)
        self._document["skins"] = [{"joints": [neck, turn], "skeleton": neck, "inverseBindMatrices": self.add(binds)}]
        self._add_skin()
        return turn

    def _add_skin(self) -> None:
        """Each vertex to the neck and to the skull, by its share of a turn."""
        head = load_head()
        share = np.rint(turning_share(head) * 255).astype(np.uint8)
        weights = np.stack([255 - share, share, 0 * share, 0 * share], axis=1)
        for part, primitive in zip(head.parts, self._document["meshes"][0]["primitives"], strict=True):
            mine = np.ascontiguousarray(weights[part.vertices])
            joints = np.where(mine > 0, np.array([0, 1, 0, 0], np.uint8), np.uint8(0))
            primitive["attributes"] |= {"JOINTS_0": self.add(joints), "WEIGHTS_0": self.add(mine, normalized=True)}

    def finish(self, clip: FaceClip) -> bytes:
        """The whole file."""
        title = {"audio": clip.title} if clip.title else {}
        extras = {"fps": float(clip.fps), "names": list(ARKIT_NAMES), **title}
        animation = {"name": "speech", "samplers": self._samplers, "channels": self._channels, "extras": extras}
        self._document["animations"] = [animation]
        self._document["buffers"][0]["byteLength"] = len(self._binary)
        return pack_glb(self._document, bytes(self._binary))


def _bind(at: tuple[float, ...]) -> NDArray[np.float64]:
    """From the mesh into a joint that stands at `at`: sixteen numbers, column by column."""
    matrix = np.eye(4)
    matrix[:3, 3] = [-each for each in at]
    return matrix.T.reshape(-1)
