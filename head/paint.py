"""The textures, painted from the shape alone: skin with lips, brows and cropped hair; the eye; the lashes.

The skin is unrolled on half a cylinder, left upon right, so that there is no seam: u is the angle from the front,
v is height. Positions are centimetres in the face model's own axes. Colours are sRGB 0..255.
"""

import numpy as np
from PIL import Image, ImageDraw
from scipy.interpolate import LinearNDInterpolator
from scipy.ndimage import gaussian_filter
from scipy.spatial import cKDTree

AXIS_Z, LOW, HIGH = 2.0, -19.4, 14.6
SIZE = 1024
SKIN, LIP, HAIR, BROW = (214, 162, 134), (172, 92, 84), (74, 55, 44), (58, 41, 32)
EYE_SPREAD = np.radians(80)  # the angle from the gaze that the eye's picture reaches


def skin_uv(vertices):
    """[V, 2]."""
    angle = np.arctan2(np.abs(vertices[:, 0]), vertices[:, 2] - AXIS_Z)
    return np.stack([angle / np.pi, (HIGH - vertices[:, 1]) / (HIGH - LOW)], axis=1)


def eye_uv(vertices):
    """[V, 2] for both eyeballs: the distance from the gaze as an angle, straight ahead in the middle."""
    side = np.sign(vertices[:, 0])
    centre = np.stack([side * 3.1165, 0 * side + 3.6016, 0 * side + 7.9823], axis=1)
    gaze = np.stack([side * 3.29, 0 * side + 3.6, 0 * side + 9.6], axis=1) - centre
    gaze /= np.linalg.norm(gaze, axis=1, keepdims=True)
    way = (vertices - centre) / np.linalg.norm(vertices - centre, axis=1, keepdims=True)
    angle = np.arccos(np.clip((way * gaze).sum(1), -1, 1))
    turn = np.arctan2(way[:, 1] - gaze[:, 1], way[:, 0] - gaze[:, 0])
    reach = np.clip(angle / EYE_SPREAD, 0, 1)
    return np.stack([0.5 + 0.5 * reach * np.cos(turn), 0.5 - 0.5 * reach * np.sin(turn)], axis=1)


def eye(size=256):
    """An eyeball seen along its gaze."""
    chance = np.random.default_rng(1)
    y, x = np.mgrid[0:size, 0:size] / (size - 1) * 2 - 1
    angle, turn = np.hypot(x, y) * EYE_SPREAD, np.arctan2(y, x)
    white = np.array([236, 228, 222.0]) - 55 * np.clip(angle / EYE_SPREAD - 0.35, 0, 1)[..., None] * [0.6, 1, 1]
    rays = gaussian_filter(chance.normal(size=720), 2.5, mode="wrap")
    rays = rays[((turn + np.pi) / (2 * np.pi) * 719).astype(int)] * 2.2
    iris_edge, pupil_edge = 0.375, 0.145
    depth = np.clip((angle - pupil_edge) / (iris_edge - pupil_edge), 0, 1)
    iris = np.array([88, 108, 112.0]) * (1 + 0.30 * rays[..., None]) + np.array([46, 20, -14.0]) * (
        1 - depth[..., None]
    )
    iris = iris * (1 - 0.62 * _step(0.72, 1.02, depth))[..., None]
    picture = _mix(white, iris, 1 - _step(iris_edge - 0.022, iris_edge + 0.022, angle))
    picture = _mix(picture, np.array([8, 7, 8.0]), 1 - _step(pupil_edge - 0.015, pupil_edge + 0.015, angle))
    return Image.fromarray(picture.clip(0, 255).astype(np.uint8))


def lashes(width=512, height=64):
    """A row of lashes, roots at the top: their colour, and how much of it covers."""
    chance = np.random.default_rng(2)
    fine = Image.new("L", (width * 4, height * 4), 0)
    draw = ImageDraw.Draw(fine)
    for root in np.linspace(0.02, 0.98, 52) + chance.normal(0, 0.004, 52):
        length, lean = chance.uniform(0.62, 0.97), (root - 0.5) * 0.06 + chance.normal(0, 0.008)
        for part in np.linspace(0, 1, 24):
            x, y = (root + lean * part**2) * width * 4, part * length * height * 4
            thick = 7.5 * (1 - part) + 1.5
            draw.ellipse([x - thick / 2, y - 8, x + thick / 2, y + 8], fill=255)
    cover = fine.resize((width, height), Image.Resampling.LANCZOS)
    picture = Image.new("RGBA", (width, height), (26, 18, 15, 0))
    picture.putalpha(cover)
    return picture


def skin(vertices, normals):
    """Half a face and half a head of short hair."""
    chance = np.random.default_rng(3)
    x, y, z, angle = _places(vertices, normals)
    noise = sum(gain * _grain(chance, blur) for blur, gain in ((1.2, 0.5), (5, 0.35), (24, 0.3)))
    picture = np.array(SKIN, float) * (1 + 0.030 * noise[..., None])
    for spot, radius, redness in (
        ((4.6, -0.6, 8.6), 2.6, 0.45),
        ((0.5, 0.4, 13.0), 1.4, 0.40),
        ((8.6, 2.5, 1.0), 2.8, 0.35),
        ((0, -7.5, 11), 2.0, 0.2),
    ):
        far = sum((axis - at) ** 2 for axis, at in zip((x, y, z), spot, strict=True))
        picture = _mix(picture, np.array([206, 128, 108.0]), redness * np.exp(-far / radius**2))
    socket = ((x - 3.2) / 2.6) ** 2 + ((y - 3.5) / 1.35) ** 2
    picture = _mix(picture, np.array([182, 122, 108.0]), 0.40 * np.exp(-socket) * (z > 6))
    picture = _mix(picture, np.array(LIP, float) * (1 + 0.05 * noise[..., None]), 0.85 * _lips(x, y, z))
    picture = _mix(picture, np.array(HAIR, float) * (1 + 0.13 * noise[..., None]), 0.93 * _scalp(x, y, z, angle, noise))
    picture = _mix(picture, np.array(BROW, float), 0.92 * _brows(chance, vertices, normals))
    return Image.fromarray(picture.clip(0, 255).astype(np.uint8))


def _places(vertices, normals):
    """x (as on the left side), y, z and the angle at every texel of the outer surface."""
    outwards = np.stack([vertices[:, 0], 0 * vertices[:, 0], vertices[:, 2] - AXIS_Z], axis=1)
    outer = (normals * outwards).sum(1) > 0.05 * np.linalg.norm(outwards, axis=1)
    v, u = (np.mgrid[0:SIZE, 0:SIZE] + 0.5) / SIZE
    radius = np.hypot(outwards[:, 0], outwards[:, 2])
    outer &= radius > _farthest_near(skin_uv(vertices), radius) - 0.5
    look = LinearNDInterpolator(skin_uv(vertices[outer]), radius[outer], fill_value=9.0)
    reach, angle = look(u, v), u * np.pi
    return reach * np.sin(angle), HIGH - v * (HIGH - LOW), AXIS_Z + reach * np.cos(angle), angle


def _farthest_near(uv, radius):
    """The largest radius around each vertex: what lies well below is the inside of mouth, nostril or ear."""
    return np.array([radius[near].max() for near in cKDTree(uv).query_ball_point(uv, 0.012)])


def _lips(x, y, z):
    half = np.clip(1 - (x / 2.42) ** 2, 0, 1)
    bow = 0.13 * np.exp(-((x / 0.30) ** 2)) - 0.07 * np.exp(-(((x - 0.62) / 0.42) ** 2))
    top, bottom = -3.34 + 0.88 * half**0.75 - bow, -3.36 - 0.98 * half**0.85
    edge = 0.10
    inside = _step(-edge, edge, top - y) * _step(-edge, edge, y - bottom) * _step(0, 0.12, half)
    return inside * (z > 6)


def _scalp(x, y, z, angle, noise):
    """The hairline: over the forehead, round the temple, before and behind the ear, down to the neck."""
    turns = np.radians([0, 20, 36, 48, 58, 68, 76, 84, 96, 108, 120, 135, 180])
    heights = [9.6, 9.7, 9.3, 7.6, 6.2, 5.6, 3.6, 2.6, 5.2, 5.4, 1.6, -5.2, -6.6]
    line = np.interp(angle, turns, heights) + 0.25 * noise
    return _step(-0.75, 0.85, y - line) * (0.80 + 0.20 * _step(0, 3, y - line))


def _brows(chance, vertices, normals):
    """Some hundred hairs along an arch, drawn four times as large."""
    fine = Image.new("L", (SIZE * 4, SIZE * 4), 0)
    draw = ImageDraw.Draw(fine)
    outer = (normals[:, 2] > 0.1) & (vertices[:, 2] > 6) & (vertices[:, 0] > -0.2) & (vertices[:, 1] > 3)
    depth = LinearNDInterpolator(vertices[outer, :2], vertices[outer, 2], fill_value=9.0)
    for along in chance.random(520):
        ends = np.array(_hair(chance, along))
        places = np.column_stack([ends, depth(ends)])
        spots = skin_uv(places) * SIZE * 4
        draw.line(
            [tuple(spot) for spot in spots],
            fill=int(chance.uniform(120, 235) * min(1, 0.45 + 5 * along)),
            width=int(chance.integers(3, 6)),
        )
    return np.asarray(fine.resize((SIZE, SIZE), Image.Resampling.LANCZOS), float) / 255


def _hair(chance, along):
    middle = np.array([1.25 + 4.0 * along, 5.02 + 0.95 * np.sin(np.pi * along**1.25 * 0.80) - 0.25 * along])
    thick = 0.34 * (1 - 0.75 * along**2) * min(1, 0.55 + 4 * along)
    ragged = 0.05 + 0.13 * np.exp(-12 * along)
    root = middle + np.array([chance.normal(0, ragged), chance.uniform(-thick, thick * 0.8)])
    lean = np.radians(78 - 75 * along**0.6 + chance.normal(0, 9))
    return [root, root + chance.uniform(0.28, 0.5) * np.array([np.cos(lean), np.sin(lean)])]


def _grain(chance, blur):
    grain = gaussian_filter(chance.normal(size=(SIZE, SIZE)), blur, mode="nearest")
    return grain / grain.std()


def _mix(below, above, share):
    share = np.asarray(share)[..., None]
    return below * (1 - share) + above * share


def _step(low, high, value):
    t = np.clip((value - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)
