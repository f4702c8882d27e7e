"""How the packaged head turns: about the top of its neck, whose lower end stays where it is.

Turns are yaw, pitch and roll in degrees, as emotalk.face has them (HEAD_NAMES).
"""

import numpy as np
from numpy.typing import NDArray

from emotalk.head.mesh import Head

PIVOT = (0.0, -0.045, 0.005)
"""Where skull and neck meet, in metres."""
_PINNED, _FREE = -0.15, -0.07
"""Below and above these heights nothing turns, and everything as much as the skull does."""


def quaternions(turns: NDArray[np.floating]) -> NDArray[np.float64]:
    """[n, 3] degrees → [n, 4] x, y, z, w: roll first, then pitch, then yaw."""
    half = np.radians(np.asarray(turns, np.float64)) / 2
    (sy, sx, sz), (cy, cx, cz) = np.sin(half).T, np.cos(half).T
    x, y, z, w = cy * sx, sy * cx, -sy * sx, cy * cx
    return np.stack([cz * x + sz * y, cz * y - sz * x, cz * z + sz * w, cz * w - sz * z], axis=1)


def rotation(turn: NDArray[np.floating]) -> NDArray[np.float64]:
    """[3] degrees → the matrix [3, 3] that turns a column vector."""
    x, y, z, w = quaternions(turn[None])[0]
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )


def turning_share(head: Head) -> NDArray[np.float32]:
    """[V] in 0..1: how much of a turn each vertex makes; all that lies within the skull makes all of it."""
    height = np.clip((head.vertices[:, 1] - _PINNED) / (_FREE - _PINNED), 0, 1)
    share = height * height * (3 - 2 * height)
    share[head.parts[0].vertices.stop :] = 1
    return np.asarray(share, np.float32)


def turn_head(
    points: NDArray[np.float32],
    share: NDArray[np.float32],
    turn: NDArray[np.floating],
    pivot: tuple[float, float, float] = PIVOT,
) -> NDArray[np.float32]:
    """The points [V, 3] of a posed head, turned as far as their share says; its normals, about (0, 0, 0)."""
    moved = (points - np.array(pivot)) @ rotation(turn).T + np.array(pivot)
    return np.asarray(points + share[:, None] * (moved - points), np.float32)
