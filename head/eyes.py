"""The eyeballs' share of eyeLook*, which the face model lacks: each eye turns about its own middle."""

import numpy as np

FULL_TURN = np.radians(30)  # of weight 1, in each direction


def look(vertices, triangles):
    """{name of a blendshape: float [V, 3], how far it moves each vertex of the eyeballs at weight 1}."""
    used, shapes = np.unique(triangles), {}
    for side, sign in (("Left", 1), ("Right", -1)):
        ball = used[vertices[used, 0] * sign > 0]
        for name, axis in (("Out", (0, sign, 0)), ("In", (0, -sign, 0)), ("Up", (-1, 0, 0)), ("Down", (1, 0, 0))):
            delta = np.zeros_like(vertices)
            delta[ball] = _turned(vertices[ball] - middle(vertices[ball]), np.array(axis, float))
            shapes[f"eyeLook{name}{side}"] = delta
    return shapes


def middle(points):
    """The middle of the sphere on which the points lie, in the least squares."""
    system = np.c_[2 * points, np.ones(len(points))]
    return np.linalg.lstsq(system, (points**2).sum(1), rcond=None)[0][:3]


def _turned(points, axis):
    """How far FULL_TURN about `axis` moves each point (Rodrigues)."""
    along = np.outer(points @ axis, axis)
    across = np.cross(axis, points)
    return along + (points - along) * np.cos(FULL_TURN) + across * np.sin(FULL_TURN) - points
