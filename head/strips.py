"""Where on the lashes' picture each vertex of the lashes lies: along the lid, and from root to tip."""

import numpy as np
from scipy.sparse import coo_matrix, diags
from scipy.sparse.csgraph import connected_components
from scipy.sparse.linalg import spsolve
from scipy.spatial import cKDTree


def strip_uv(vertices, triangles, skin):
    """[V of the lashes, 2], in the order of np.unique(triangles). A strip's sides are held, its inside is relaxed."""
    used, flat = np.unique(triangles, return_inverse=True)
    flat = flat.reshape(-1, 3)
    edges = np.concatenate([flat[:, [0, 1]], flat[:, [1, 2]], flat[:, [2, 0]]])
    graph = coo_matrix((np.ones(len(edges)), edges.T), shape=(len(used),) * 2).tocsr()
    links = ((graph + graph.T) > 0).astype(float)
    root = cKDTree(vertices[np.unique(skin)]).query(vertices[used])[0] < 0.02
    uv = np.zeros((len(used), 2))
    for strip in _strips(links):
        uv[strip] = _relaxed(
            vertices[used][strip], links[strip][:, strip], (graph + graph.T)[strip][:, strip], root[strip]
        )
    return uv


def _strips(links):
    labels = connected_components(links)[1]
    return [np.flatnonzero(labels == label) for label in range(labels.max() + 1)]


def _relaxed(points, links, uses, root):
    rim = np.unique(np.argwhere(uses.toarray() == 1))
    base = [at for at in rim if root[at]]
    inner, outer = min(base, key=lambda at: abs(points[at, 0])), max(base, key=lambda at: abs(points[at, 0]))
    reach = np.linalg.norm(points[:, None] - points[base][None], axis=2).min(1)
    across = np.abs(points[:, 0])
    tips = [at for at in rim if reach[at] > 0.62 * reach.max()]
    left = [at for at in rim if at not in base and at not in tips and across[at] < np.median(across)]
    right = [at for at in rim if at not in base and at not in tips and across[at] >= np.median(across)]
    v = _solve(links, {**dict.fromkeys(base, 0.0), **dict.fromkeys(tips, 1.0)})
    u = _solve(links, {**dict.fromkeys((*left, inner), 0.0), **dict.fromkeys((*right, outer), 1.0)})
    if points[tips, 1].mean() < points[base, 1].mean():
        v = 0.55 + 0.45 * v  # the lower lashes are finer: theirs are the picture's outer halves
    return np.stack([u, v], axis=1)


def _solve(links, held):
    laplace = (diags(np.asarray(links.sum(1)).ravel()) - links).tolil()
    right = np.zeros(links.shape[0])
    for at, value in held.items():
        laplace[at] = 0
        laplace[at, at] = 1
        right[at] = value
    return spsolve(laplace.tocsr(), right)
