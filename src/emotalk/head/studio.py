"""The head drawn off-screen with OpenGL 3.3: a camera before the face, three lights, four samples a pixel.

moderngl: the thinnest layer over the driver that every system has; Mesa draws in software where there is no graphics
card. An extra (`emotalk[video]`), with Pillow for the head's own pictures.
"""

import io
import sys
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from emotalk.errors import ConfigurationError
from emotalk.head.container import Document, read_glb
from emotalk.head.mesh import HEAD_GLB, Head, MeshPart, load_head
from emotalk.head.turn import turn_head, turning_share

Picture = NDArray[np.uint8]
Vectors = NDArray[np.float32]

SAMPLES = 4
NEAR, FAR = 0.05, 5.0
FIELD = 0.205
"""Half the picture's height over the distance: from the shoulders to the hair, as a portrait lens sees them."""
EYE = np.array([0.0, -0.022, 0.86], np.float32)
BACKGROUND = (0.115, 0.125, 0.145)


class Look(NamedTuple):
    """How a part of a head is drawn: moderngl's texture, red, green, blue and opacity 0..1, and gloss 0..1."""

    texture: Any
    colour: tuple[float, ...]
    gloss: float


class Studio:
    """Draws frames of 52 weights as pictures [size, size, 3], uint8. One thread only; `close` gives the memory back.

    Raises ConfigurationError where no OpenGL 3.3 is to be had.
    """

    def __init__(self, size: int = 720) -> None:
        import moderngl

        self._gl, self.size = _open_context(), size
        self._gl.enable(moderngl.DEPTH_TEST | moderngl.BLEND)
        self._program = self._gl.program(_VERTEX, _FRAGMENT)
        self._program["camera"].write(_make_camera().T.astype("f4").tobytes())
        self._program["eye"].value = tuple(float(x) for x in EYE)
        self._drawn, self._shown = self._make_canvas(SAMPLES), self._make_canvas(0)
        self.wear(load_head(), self._read_looks(*read_glb(HEAD_GLB.read_bytes())))

    def wear(self, head: Head, looks: Iterable[Look]) -> None:
        """Draw this head from now on, with a look for each of its parts; what is half transparent comes last."""
        self.head, self._share = head, turning_share(head)
        self._rest = smooth_normals(head.vertices, head.triangles)
        self._moving = self._gl.buffer(reserve=head.vertices.nbytes * 2, dynamic=True)
        fixed = self._gl.buffer(np.concatenate([head.uv, head.shade], axis=1).astype("f4").tobytes())
        layout = [(self._moving, "3f 3f", "point", "normal"), (fixed, "2f 3f", "uv", "shade")]
        self._parts = [
            (self._gl.vertex_array(self._program, layout, self._load_indices(head, part)), look)
            for part, look in zip(head.parts, looks, strict=True)
        ]

    def picture(self, weights: Vectors, turn: Vectors | None = None) -> Picture:
        """One frame; `turn`: yaw, pitch and roll of the head [3] in degrees."""
        points = self.head.pose(weights)
        bent = self.head.normals + smooth_normals(points, self.head.triangles) - self._rest
        if turn is not None:
            points, bent = turn_head(points, self._share, turn), turn_head(bent, self._share, turn, (0, 0, 0))
        self._moving.write(np.concatenate([points, bent], axis=1).astype("f4").tobytes())
        self._drawn.use()
        self._gl.clear(*BACKGROUND)
        for array, look in self._parts:
            look.texture.use(0)
            self._program["colour"].value, self._program["gloss"].value = look.colour, look.gloss
            array.render()
        self._gl.copy_framebuffer(self._shown, self._drawn)
        flipped = np.frombuffer(self._shown.read(components=3, alignment=1), np.uint8)
        return np.ascontiguousarray(flipped.reshape(self.size, self.size, 3)[::-1])

    def close(self) -> None:
        """Give the driver's memory back."""
        self._gl.release()

    def plain(self) -> Any:
        """The texture of what has no picture."""
        return self._gl.texture((1, 1), 4, b"\xff" * 4)

    def _make_canvas(self, samples: int) -> Any:
        shape = (self.size, self.size)
        colour = self._gl.renderbuffer(shape, 4, samples=samples)
        return self._gl.framebuffer([colour], self._gl.depth_renderbuffer(shape, samples=samples))

    def _read_looks(self, document: Document, binary: bytes) -> Iterator[Look]:
        """Of the packaged head's parts."""
        for material in document["materials"]:
            look = material["pbrMetallicRoughness"]
            texture = self._load_texture(document, binary, look)
            yield Look(texture, tuple(look["baseColorFactor"]), 1 - look["roughnessFactor"])

    def _load_indices(self, head: Head, part: MeshPart) -> Any:
        return self._gl.buffer(np.ascontiguousarray(head.triangles[part.triangles], np.uint32).tobytes())

    def _load_texture(self, document: Document, binary: bytes, look: Document) -> Any:
        if "baseColorTexture" not in look:
            return self.plain()
        from PIL import Image

        image = document["images"][document["textures"][look["baseColorTexture"]["index"]]["source"]]
        view = document["bufferViews"][image["bufferView"]]
        start = view.get("byteOffset", 0)
        picture = Image.open(io.BytesIO(binary[start : start + view["byteLength"]])).convert("RGBA")
        texture = self._gl.texture(picture.size, 4, picture.tobytes())
        # The picture begins in the middle of the face: a wrapped one would draw the back of the head down the nose.
        texture.repeat_x = texture.repeat_y = False
        texture.build_mipmaps()
        return texture


def smooth_normals(points: Vectors, triangles: NDArray[np.int32]) -> Vectors:
    """[V, 3], unit length: the mean of the triangles around each vertex, the larger ones more."""
    corners = points[triangles]
    across = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    around = np.stack([np.bincount(triangles.reshape(-1), np.repeat(axis, 3), len(points)) for axis in across.T], 1)
    length = np.linalg.norm(around, axis=1, keepdims=True)
    return np.asarray(around / np.maximum(length, 1e-12), np.float32)


def _open_context() -> Any:
    import moderngl

    create: Any = moderngl.create_context  # its types know no backend
    try:
        if sys.platform == "linux":  # without a display, too
            return create(standalone=True, require=330, backend="egl")
        return create(standalone=True, require=330)
    except Exception as error:
        raise ConfigurationError(
            f"output: .mp4 is drawn with OpenGL 3.3, which is not available here ({error}). "
            "Install the driver; without a graphics card Mesa's: apt-get install libegl1 libgl1-mesa-dri."
        ) from error


def _make_camera() -> NDArray[np.float64]:
    """World → clip space; the camera looks along -z."""
    view = np.eye(4)
    view[:3, 3] = -EYE
    scale = EYE[2] / (FIELD * EYE[2])
    depth = np.array([[(FAR + NEAR) / (NEAR - FAR), 2 * FAR * NEAR / (NEAR - FAR)], [-1, 0]])
    projection = np.zeros((4, 4))
    projection[0, 0] = projection[1, 1] = scale
    projection[2:, 2:] = depth
    return projection @ view


_VERTEX = """
#version 330
uniform mat4 camera;
in vec3 point, normal, shade;
in vec2 uv;
out vec3 where, facing, seen;
out vec2 at;
void main() {
    where = point; facing = normal; seen = shade; at = uv;
    gl_Position = camera * vec4(point, 1);
}
"""

_FRAGMENT = """
#version 330
uniform sampler2D picture;
uniform vec4 colour;
uniform vec3 eye;
uniform float gloss;
in vec3 where, facing, seen;
in vec2 at;
out vec4 shown;

// A soft light: skin lets some of it around the edge, redder there.
vec3 light(vec3 n, vec3 v, vec3 from, vec3 tint, vec3 skin) {
    vec3 l = normalize(from);
    float lambert = dot(n, l);
    vec3 soft = max(vec3(0), (vec3(lambert) + vec3(0.30, 0.16, 0.12)) / vec3(1.30, 1.16, 1.12));
    float sharp = pow(max(dot(n, normalize(l + v)), 0), mix(12, 160, gloss)) * mix(0.08, 1.2, gloss * gloss);
    return tint * (skin * soft + sharp * step(0, lambert));
}

void main() {
    vec4 base = texture(picture, at) * colour;
    base.rgb = pow(base.rgb, vec3(textureSize(picture, 0).x > 1 ? 2.2 : 1.0));
    vec3 v = normalize(eye - where), n = normalize(facing);
    if (!gl_FrontFacing) n = -n;
    vec3 lit = base.rgb * mix(vec3(0.10, 0.09, 0.09), vec3(0.26, 0.28, 0.32), 0.5 + 0.5 * n.y);
    lit += light(n, v, vec3(-0.5, 0.6, 0.9), vec3(1.10, 1.02, 0.94), base.rgb);
    lit += light(n, v, vec3(0.9, 0.1, 0.5), vec3(0.22, 0.27, 0.34), base.rgb);
    lit += light(n, v, vec3(0.4, 0.5, -0.9), vec3(0.40, 0.42, 0.48), base.rgb) * 0.6;
    lit *= seen;
    lit = lit * (1.0 + lit / 4.0) / (1.0 + lit);          // highlights roll off instead of burning out
    shown = vec4(pow(lit * 1.45, vec3(1 / 2.2)), base.a);
}
"""
