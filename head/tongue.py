"""tongueOut, which the face model lacks: the tongue's tip pushed out between the teeth, less towards its root."""

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import dijkstra

REACH = 5.2  # centimetres along the surface from the tip to where nothing moves any more
HALF_WIDTH = 2.1  # from the tongue's middle line over its side: beyond are the gums and the floor of the mouth


def mouth_distances(vertices, triangles, sources):
    """Shortest way along the edges from the nearest of `sources` to each vertex, centimetres [V]."""
    edges = np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]])
    lengths = np.linalg.norm(vertices[edges[:, 0]] - vertices[edges[:, 1]], axis=1)
    graph = coo_matrix((lengths, edges.T), shape=(len(vertices),) * 2).tocsr()
    return dijkstra(graph, directed=False, indices=sources, min_only=True)


def tongue_ridge(vertices):
    """The vertices on the middle line of the tongue's upper side."""
    x, y, z = vertices.T
    return np.flatnonzero((np.abs(x) < 0.15) & (y > -4.05) & (y < -2.95) & (z > 4.2) & (z < 9.85))


def tongue_out(vertices, triangles):
    """(delta float32 [V, 3] in centimetres, which triangles are tongue bool [T]) for the mesh of gums and tongue."""
    ridge = tongue_ridge(vertices)
    tip = ridge[vertices[ridge, 2].argmax()]
    weight = np.clip(1 - mouth_distances(vertices, triangles, [tip]) / REACH, 0, 1)
    weight = weight * weight * (3 - 2 * weight)
    # Up over the lower teeth on its way, down again at the tip.
    delta = np.stack([0 * weight, 0.9 * np.sin(np.pi * weight) - 0.1 * weight, 4.0 * weight], axis=1)
    near = mouth_distances(vertices, triangles, ridge) < HALF_WIDTH
    return delta.astype(np.float32), near[triangles].all(axis=1)
