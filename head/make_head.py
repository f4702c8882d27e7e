"""Makes src/emotalk/head/head.glb from USC ICT's light face model (ICT-VGL/ICT-FaceKit, MIT), given as one npz.

    .venv/bin/python head/make_head.py ict_face.npz [src/emotalk/head/head.glb]

head/README.md says what the npz holds, and what is added to it here.
"""

import sys
from pathlib import Path

import eyes
import numpy as np
import occlusion
import paint
import strips
import tongue
from glb import Glb

from emotalk.face import ARKIT_NAMES

STILL = 0.006  # centimetres: whatever moves less stays
MATERIALS = {
    "skin": {"roughness": 0.55, "specular": 0.7, "picture": "skin"},
    "eyes": {"roughness": 0.08, "specular": 0.8, "picture": "eye"},
    "teeth": {"roughness": 0.35, "specular": 0.3, "colour": (0.86, 0.81, 0.72)},
    "gums": {"roughness": 0.5, "specular": 0.12, "colour": (0.50, 0.16, 0.15)},
    "tongue": {"roughness": 0.55, "specular": 0.15, "colour": (0.60, 0.22, 0.21)},
    "lashes": {"roughness": 0.9, "specular": 0.1, "picture": "lashes", "alpha": True},
}
SOURCES = {  # of the model's twelve; the rest are shells for eye shaders, and irises, which the eye's picture has
    "skin": ("M_Face", "M_BackHead"),
    "eyes": ("M_ScleraLeft", "M_ScleraRight"),
    "teeth": ("M_Teeth",),
    "mouth": ("M_GumsTongue",),
    "lashes": ("M_EyeLashes",),
}


def main(source, target):
    model = np.load(source)
    vertices, deltas = model["vertices"].astype(float), _deltas(model)
    parts = {name: _triangles(model, materials) for name, materials in SOURCES.items()}
    mouth = parts.pop("mouth")
    out, is_tongue = tongue.tongue_out(vertices, mouth)
    deltas[ARKIT_NAMES.index("tongueOut"), np.unique(mouth)] = out[np.unique(mouth)]
    parts |= {"tongue": mouth[is_tongue], "gums": mouth[~is_tongue]}
    for name, delta in eyes.look(vertices, parts["eyes"]).items():
        deltas[ARKIT_NAMES.index(name)] += delta
    everything = np.concatenate([parts[name] for name in MATERIALS])
    normals = _normals(vertices, everything)
    shade = _shade(vertices, deltas, everything)
    shade[np.unique(parts["teeth"])] **= 0.6  # they shine through more than they stand in shadow
    shade[np.unique(mouth)] **= 1.7  # and the cheeks, which are not closed here, keep the light out of the rest
    uv = np.zeros((len(vertices), 2))
    for name, place in (("skin", paint.skin_uv), ("eyes", paint.eye_uv)):
        used = np.unique(parts[name])
        uv[used] = place(vertices[used])
    uv[np.unique(parts["lashes"])] = strips.strip_uv(vertices, parts["lashes"], parts["skin"])
    used = np.unique(parts["skin"])
    pictures = {"skin": paint.skin(vertices[used], normals[used]), "eye": paint.eye(), "lashes": paint.lashes()}
    file = Glb(pictures, MATERIALS, _lips(vertices, deltas, parts["skin"]))
    for name in MATERIALS:
        file.add_part(name, parts[name], vertices, normals, uv, shade, deltas)
    target.write_bytes(file.finished())
    print(f"{target}: {target.stat().st_size} bytes, {len(everything)} triangles")


def _deltas(model):
    """float [52, V, 3]."""
    deltas = np.zeros((len(ARKIT_NAMES), *model["vertices"].shape))
    for at, name in enumerate(ARKIT_NAMES):
        if f"delta_{name}" in model:
            deltas[at, model[f"index_{name}"]] = model[f"delta_{name}"]
    deltas[np.linalg.norm(deltas, axis=2) < STILL] = 0
    return deltas


def _triangles(model, materials):
    numbers = [list(model["materials"]).index(name) for name in materials]
    return model["triangles"][np.isin(model["triangle_material"], numbers)].astype(int)


def _normals(vertices, triangles):
    corners = vertices[triangles]
    across = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals = np.zeros_like(vertices)
    for corner in range(3):
        np.add.at(normals, triangles[:, corner], across)
    return normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)


def _shade(vertices, deltas, triangles):
    """Taken with the mouth half open: a closed one would leave the teeth black for ever."""
    posed = vertices + 0.55 * deltas[ARKIT_NAMES.index("jawOpen")] + 0.5 * deltas[ARKIT_NAMES.index("mouthFunnel")]
    seen = occlusion.visible_share(posed, _normals(posed, triangles), triangles)
    return 0.16 + 0.84 * np.clip(seen * 1.25, 0, 1)


def _lips(vertices, deltas, skin):
    """The middle of the upper and of the lower inner lip, as vertices: what people see as an open or closed mouth."""
    used = np.unique(skin)
    jaw = -deltas[ARKIT_NAMES.index("jawOpen"), used, 1]
    middle = (np.abs(vertices[used, 0]) < 0.03) & (vertices[used, 2] > 11.0) & (np.abs(vertices[used, 1] + 3.35) < 0.6)
    upper, lower = np.flatnonzero(middle & (jaw < 0.5)), np.flatnonzero(middle & (jaw > 1.5))
    return {
        "lipUpper": int(upper[vertices[used[upper], 1].argmin()]),
        "lipLower": int(lower[vertices[used[lower], 1].argmax()]),
    }


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2] if len(sys.argv) > 2 else "src/emotalk/head/head.glb"))
