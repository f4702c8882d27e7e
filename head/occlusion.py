"""How much of its surroundings each vertex sees: it makes nostrils, eye sockets and mouth dark in any renderer."""

import numpy as np

DIRECTIONS, POINTS, GRID, SLACK = 160, 900_000, 640, 0.12


def visible_share(vertices, normals, triangles):
    """float32 [V], 0..1: the share of a sky, weighted by its height over the vertex, that nothing hides."""
    chance = np.random.default_rng(0)
    cloud = _cloud(vertices, triangles, chance)
    seen = np.zeros(len(vertices))
    for towards in _sphere(DIRECTIONS):
        facing = np.clip(normals @ towards, 0, None)
        across = np.cross(towards, [0.31, 0.87, 0.38])
        across /= np.linalg.norm(across)
        frame = np.stack([across, np.cross(towards, across), towards])
        seen += facing * _in_sight(cloud @ frame.T, vertices @ frame.T)
    sky = sum(np.clip(normals @ towards, 0, None) for towards in _sphere(DIRECTIONS))
    return (seen / np.maximum(sky, 1e-9)).astype(np.float32)


def _cloud(vertices, triangles, chance):
    corners = vertices[triangles]
    area = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1)
    chosen = corners[chance.choice(len(corners), POINTS, p=area / area.sum())]
    a, b = chance.random((2, POINTS, 1))
    root = np.sqrt(a)
    return (1 - root) * chosen[:, 0] + root * (1 - b) * chosen[:, 1] + root * b * chosen[:, 2]


def _in_sight(cloud, points):
    low, high = cloud[:, :2].min(0), cloud[:, :2].max(0)
    cell = lambda place: ((place[:, :2] - low) / (high - low) * (GRID - 1)).clip(0, GRID - 1).astype(int)  # noqa: E731
    depth = np.full((GRID, GRID), -np.inf)
    np.maximum.at(depth, tuple(cell(cloud).T), cloud[:, 2])
    return points[:, 2] > depth[tuple(cell(points).T)] - SLACK


def _sphere(count):
    turn = np.arange(count) * np.pi * (3 - np.sqrt(5))
    up = 1 - 2 * (np.arange(count) + 0.5) / count
    ring = np.sqrt(1 - up * up)
    return np.stack([ring * np.cos(turn), up, ring * np.sin(turn)], axis=1)
