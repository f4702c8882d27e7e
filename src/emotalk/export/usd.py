"""USDA: the head with its blendshapes and their weights over time (UsdSkel), as Omniverse, Houdini and usdview open it.

Text, so that it can be read and changed, and no USD library is needed to write it. An own character takes the weights
alone: bind its `skel:animationSource` to `</speech/face/weights>`, whose names are ARKit's.
"""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TextIO

import numpy as np
from numpy.typing import NDArray

from emotalk.face import ARKIT_NAMES, INDEX, FaceClip, Turns
from emotalk.head import Head, MeshPart, load_head
from emotalk.head.turn import PIVOT, quaternions, turning_share

_STILL = {"head": (0.0, 0.0, 0.0)}
_TURNING = {"neck": (0.0, 0.0, 0.0), "neck/turn": PIVOT}
"""Joints and where they stand: a clip with a head bends the neck, whose lower end stays where it is."""

Vectors = NDArray[np.float32]

_COLOURS = {
    "skin": (0.78, 0.57, 0.47),
    "eyes": (0.85, 0.85, 0.86),
    "teeth": (0.86, 0.83, 0.76),
    "gums": (0.62, 0.28, 0.28),
    "tongue": (0.68, 0.32, 0.33),
    "lashes": (0.08, 0.06, 0.05),
}


def write_usda(clip: FaceClip, path: Path) -> None:
    """The packaged head in metres, and 52 weights a frame, a time code each; metadata name the sound."""
    head = load_head()
    with path.open("w", encoding="utf-8") as file:
        end, joints = max(0, len(clip.frames) - 1), _STILL if clip.head is None else _TURNING
        places = f"[{', '.join(map(_write_place, joints.values()))}]"
        named = {"joints": _format_tokens(joints), "places": places, "sound": _write_sound(clip.title)}
        file.write(_STAGE.format(end=end, fps=f"{float(clip.fps):.15g}", **named))
        for part in head.parts:
            _write_mesh(file, head, part, _write_rigid() if clip.head is None else _write_bent(head, part))
        file.write('        def SkelAnimation "weights"\n        {\n')
        file.write(f"            uniform token[] blendShapes = {_format_tokens(ARKIT_NAMES)}\n")
        if clip.head is not None:
            _write_turns(file, clip.head)
        file.write("            float[] blendShapeWeights.timeSamples = {\n")
        for frame, row in enumerate(clip.frames.tolist()):
            file.write(f"                {frame}: [{', '.join(f'{value:.6g}' for value in row)}],\n")
        file.write("            }\n        }\n    }\n}\n")


_STAGE = """#usda 1.0
(
    customLayerData = {{
        string generator = "emotalk"{sound}
    }}
    defaultPrim = "speech"
    startTimeCode = 0
    endTimeCode = {end}
    framesPerSecond = {fps}
    timeCodesPerSecond = {fps}
    metersPerUnit = 1
    upAxis = "Y"
)

def Xform "speech"
{{
    def SkelRoot "face" (
        prepend apiSchemas = ["SkelBindingAPI"]
    )
    {{
        rel skel:animationSource = </speech/face/weights>
        rel skel:skeleton = </speech/face/skeleton>

        def Skeleton "skeleton"
        {{
            uniform token[] joints = {joints}
            uniform matrix4d[] bindTransforms = {places}
            uniform matrix4d[] restTransforms = {places}
        }}

"""


_MESH = """        def Mesh "{name}" (
            prepend apiSchemas = ["SkelBindingAPI"]
        )
        {{
"""


def _write_sound(title: str) -> str:
    if not title:
        return ""
    name = title.replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ")
    return f'\n        string audio = "{name}"'


def _write_place(at: tuple[float, ...]) -> str:
    return f"((1, 0, 0, 0), (0, 1, 0, 0), (0, 0, 1, 0), ({', '.join(f'{x:g}' for x in (*at, 1))}))"


def _write_rigid() -> tuple[str, str]:
    """Which joint the vertices of a part follow, and how much of it."""
    where = '(elementSize = 1; interpolation = "constant")'
    return f"[0] {where}", f"[1] {where}"


def _write_bent(head: Head, part: MeshPart) -> tuple[str, str]:
    """The same where the head turns: each vertex between neck and skull."""
    share = turning_share(head)[part.vertices]
    where = '(elementSize = 2; interpolation = "vertex")'
    shares = ", ".join(f"{value:.4g}" for value in np.stack([1 - share, share], axis=1).reshape(-1).tolist())
    return f"{_format_numbers([0, 1] * len(share))} {where}", f"[{shares}] {where}"


def _write_turns(file: TextIO, turns: Turns) -> None:
    """The joint's rotation over time, as w, x, y, z."""
    skull = tuple(_TURNING)[1]
    file.write(f"            uniform token[] joints = {_format_tokens([skull])}\n")
    file.write(f"            float3[] translations = [({', '.join(f'{x:g}' for x in PIVOT)})]\n")
    file.write("            half3[] scales = [(1, 1, 1)]\n            quatf[] rotations.timeSamples = {\n")
    for frame, (x, y, z, w) in enumerate(quaternions(turns).tolist()):
        file.write(f"                {frame}: [({w:.6g}, {x:.6g}, {y:.6g}, {z:.6g})],\n")
    file.write("            }\n")


def _write_mesh(file: TextIO, head: Head, part: MeshPart, joints: tuple[str, str]) -> None:
    moving = [(name, offsets) for name, offsets in _list_shapes(head, part) if len(offsets)]
    names = [name for name, _ in moving]
    targets = ", ".join(f"</speech/face/{part.name}/{name}>" for name in names)
    triangles = head.triangles[part.triangles] - part.vertices.start
    points = head.vertices[part.vertices]
    file.write(_MESH.format(name=part.name))
    for line in (
        f"point3f[] points = {_format_vectors(points)}",
        f"float3[] extent = {_format_vectors(np.stack([points.min(0), points.max(0)]))}",
        f'normal3f[] normals = {_format_vectors(head.normals[part.vertices])} (interpolation = "vertex")',
        f"int[] faceVertexCounts = {_format_numbers([3] * len(triangles))}",
        f"int[] faceVertexIndices = {_format_numbers(triangles.reshape(-1))}",
        'uniform token subdivisionScheme = "none"',
        f"color3f[] primvars:displayColor = [{_COLOURS[part.name]}]",
        f"int[] primvars:skel:jointIndices = {joints[0]}",
        f"float[] primvars:skel:jointWeights = {joints[1]}",
        f"uniform token[] skel:blendShapes = {_format_tokens(names)}",
        f"rel skel:blendShapeTargets = [{targets}]",
    ):
        file.write(f"            {line}\n")
    for name, offsets in moving:
        _write_shape(file, name, offsets, head.deltas[INDEX[name], part.vertices][offsets])
    file.write("        }\n\n")


def _list_shapes(head: Head, part: MeshPart) -> Iterator[tuple[str, NDArray[np.intp]]]:
    """Each blendshape and which of the part's vertices it moves."""
    for name, deltas in zip(ARKIT_NAMES, head.deltas[:, part.vertices], strict=True):
        yield name, np.flatnonzero(np.abs(deltas).max(axis=1) > 0)


def _write_shape(file: TextIO, name: str, where: NDArray[np.intp], offsets: Vectors) -> None:
    file.write(f'            def BlendShape "{name}"\n            {{\n')
    file.write(f"                uniform vector3f[] offsets = {_format_vectors(offsets)}\n")
    file.write(f"                uniform int[] pointIndices = {_format_numbers(where)}\n            }}\n")


def _format_vectors(rows: Vectors) -> str:
    """Hundredths of a millimetre are enough for a face, and make half the text."""
    numbers = np.round(rows, 5).reshape(-1).tolist()
    return "[" + ", ".join(["(%.5g, %.5g, %.5g)"] * len(rows)) % tuple(numbers) + "]"


def _format_numbers(values: Sequence[int] | NDArray[np.integer]) -> str:
    return "[" + ", ".join(map(str, np.asarray(values).tolist())) + "]"


def _format_tokens(names: Iterable[str]) -> str:
    return "[" + ", ".join(f'"{name}"' for name in names) + "]"
