"""head.glb as arrays: vertices, triangles, and how each of the 52 blendshapes moves them."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emotalk.face import ARKIT_NAMES, BLENDSHAPES
from emotalk.head.container import Document, read_accessor, read_glb

HEAD_GLB = Path(__file__).with_name("head.glb")


@dataclass(frozen=True)
class MeshPart:
    """One material's share of the mesh: `skin`, `eyes`, `teeth`, `gums`, `tongue` or `lashes`."""

    name: str
    vertices: slice
    triangles: slice


@dataclass(frozen=True)
class Head:
    """A head of V vertices and T triangles, in metres; x to its left, y up, z forward."""

    vertices: NDArray[np.float32]
    """[V, 3], the neutral pose."""
    normals: NDArray[np.float32]
    """[V, 3], of the neutral pose, unit length."""
    uv: NDArray[np.float32]
    """[V, 2], into the texture of the part's material, v downwards."""
    shade: NDArray[np.float32]
    """[V, 3], linear colour 0..1 to multiply by: how much of the surroundings a vertex sees."""
    triangles: NDArray[np.int32]
    """[T, 3], counter-clockwise seen from outside."""
    deltas: NDArray[np.float32]
    """[52, V, 3], how far each blendshape at weight 1 moves each vertex, in the order of ARKIT_NAMES."""
    parts: tuple[MeshPart, ...]
    lips: tuple[int, int]
    """The vertices in the middle of the upper and of the lower inner lip."""

    def pose(self, weights: NDArray[np.float32]) -> NDArray[np.float32]:
        """The vertices [V, 3] of one frame of 52 weights."""
        return self.vertices + np.tensordot(weights, self.deltas, axes=1)

    def lip_gap(self, weights: NDArray[np.float32]) -> float:
        """Metres from the lower up to the upper inner lip in a frame of 52 weights; below 0 they are pressed."""
        upper, lower = (self.vertices[lip, 1] + weights @ self.deltas[:, lip, 1] for lip in self.lips)
        return float(upper - lower)


@cache
def load_head() -> Head:
    """The packaged head; its arrays are shared and read-only."""
    document, binary = read_glb(HEAD_GLB.read_bytes())
    node = document["nodes"][0]
    mesh = document["meshes"][node["mesh"]]
    if tuple(mesh["extras"]["targetNames"]) != ARKIT_NAMES:
        raise ValueError("head: the morph targets of head.glb are not the 52 names in their order.")
    pieces = [_read_piece(document, binary, primitive) for primitive in mesh["primitives"]]
    names = [document["materials"][primitive["material"]]["name"] for primitive in mesh["primitives"]]
    landmarks = mesh["extras"]["landmarks"]
    lips = landmarks["lipUpper"], landmarks["lipLower"]
    return _join(names, pieces, np.float32(node["scale"][0]), lips)


_Piece = dict[str, NDArray[np.float32]]


def _read_piece(document: Document, binary: bytes, primitive: Document) -> _Piece:
    def read(number: int) -> NDArray[np.float32]:
        return read_accessor(document, binary, number)

    attributes = primitive["attributes"]
    return {
        "vertices": read(attributes["POSITION"]),
        "normals": read(attributes["NORMAL"]),
        "uv": read(attributes["TEXCOORD_0"]),
        "shade": read(attributes["COLOR_0"])[:, :3],
        "triangles": read(primitive["indices"]).reshape(-1, 3),
        "deltas": np.stack([read(target["POSITION"]) for target in primitive["targets"]]),
    }


def _join(names: list[str], pieces: list[_Piece], scale: np.float32, lips: tuple[int, int]) -> Head:
    corners = np.cumsum([0, *(len(piece["vertices"]) for piece in pieces)])
    faces = np.cumsum([0, *(len(piece["triangles"]) for piece in pieces)])
    spans = zip(names, corners, corners[1:], faces, faces[1:], strict=False)
    deltas = np.empty((BLENDSHAPES, corners[-1], 3), np.float32)
    np.concatenate([piece["deltas"] for piece in pieces], axis=1, out=deltas)
    deltas *= scale
    shifted = [piece["triangles"].astype(np.int32) + at for piece, at in zip(pieces, corners, strict=False)]
    return Head(
        vertices=_freeze(np.concatenate([piece["vertices"] for piece in pieces]) * scale),
        normals=_freeze(np.concatenate([piece["normals"] for piece in pieces])),
        uv=_freeze(np.concatenate([piece["uv"] for piece in pieces])),
        shade=_freeze(np.concatenate([piece["shade"] for piece in pieces])),
        triangles=_freeze(np.concatenate(shifted).astype(np.int32)),
        deltas=_freeze(deltas),
        parts=tuple(MeshPart(name, slice(int(a), int(b)), slice(int(c), int(d))) for name, a, b, c, d in spans),
        lips=lips,
    )


def _freeze(array: NDArray[Any]) -> NDArray[Any]:
    array.setflags(write=False)
    return array
