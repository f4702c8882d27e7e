"""Writes the head as a GLB: whole steps for positions and deltas, sparse morph targets, pictures inside."""

import io

import numpy as np

from emotalk.face import ARKIT_NAMES
from emotalk.head.container import pack_glb

STEP = 0.004  # centimetres: the grid of positions and deltas
COPYRIGHT = (
    "Copyright (c) 2020 USC Institute for Creative Technologies, MIT License (ICT-FaceKit); "
    "pictures, tongueOut and the turn of the eyes: EmoTalk API contributors, MIT License"
)


class Glb:
    """The file as it grows."""

    def __init__(self, pictures, materials, landmarks):
        self.names, self.landmarks = list(materials), landmarks
        self.binary = bytearray()
        self.views, self.accessors, self.primitives = [], [], []
        names = list(pictures)
        self.document = {
            "asset": {
                "version": "2.0",
                "generator": "emotalk head/make_head.py",
                "copyright": COPYRIGHT,
            },
            "extensionsUsed": ["KHR_mesh_quantization", "KHR_materials_specular"],
            "extensionsRequired": ["KHR_mesh_quantization"],
            "scene": 0,
            "scenes": [{"name": "head", "nodes": [0]}],
            "nodes": [{"name": "head", "mesh": 0, "scale": [STEP / 100] * 3}],
            "samplers": [{"magFilter": 9729, "minFilter": 9987, "wrapS": 33648, "wrapT": 33071}],
            "images": [self._image(name, picture) for name, picture in pictures.items()],
            "textures": [{"sampler": 0, "source": at} for at in range(len(names))],
            "materials": [_material(name, names, **look) for name, look in materials.items()],
        }

    def add_part(self, name, triangles, vertices, normals, uv, shade, deltas):
        used, flat = np.unique(triangles, return_inverse=True)
        positions = np.rint(vertices[used] / STEP).astype(np.int16)
        grey = np.rint(shade[used, None].repeat(4, 1) * 255).astype(np.uint8)
        grey[:, 3] = 255
        attributes = {
            "POSITION": self._vertices(positions, bounds=True),
            "NORMAL": self._vertices(np.rint(normals[used] * 32767).astype(np.int16), normalized=True),
            "TEXCOORD_0": self._vertices(np.rint(uv[used] * 65535).astype(np.uint16), normalized=True),
            "COLOR_0": self._vertices(grey, normalized=True),
        }
        indices = self._accessor(
            flat.astype(np.uint16).reshape(-1, 1), self._view(flat.astype(np.uint16), target=34963)
        )
        still = None
        targets = []
        for delta in np.rint(deltas[:, used] / STEP).astype(np.int16):
            moved = np.flatnonzero(delta.any(axis=1))
            if len(moved) == 0 and still is None:
                still = self._accessor(delta, None, bounds=True)
            targets.append({"POSITION": self._sparse(delta, moved) if len(moved) else still})
        self.primitives.append(
            {"attributes": attributes, "indices": indices, "material": self.names.index(name), "targets": targets}
        )

    def finished(self):
        self.binary += b"\0" * (-len(self.binary) % 4)
        mesh = {
            "name": "head",
            "primitives": self.primitives,
            "weights": [0] * len(ARKIT_NAMES),
            "extras": {"targetNames": list(ARKIT_NAMES), "landmarks": self.landmarks},
        }
        self.document |= {
            "meshes": [mesh],
            "accessors": self.accessors,
            "bufferViews": self.views,
            "buffers": [{"byteLength": len(self.binary)}],
        }
        return pack_glb(self.document, bytes(self.binary))

    def _view(self, array, **more):
        self.binary += b"\0" * (-len(self.binary) % 4)
        data = array if isinstance(array, bytes) else array.tobytes()
        self.views.append({"buffer": 0, "byteOffset": len(self.binary), "byteLength": len(data), **more})
        self.binary += data
        return len(self.views) - 1

    def _vertices(self, array, **more):
        """Vertex attributes begin on four bytes: rows of six are filled up to eight."""
        width = array.shape[1] * array.itemsize
        padded = np.zeros((len(array), -(-width // 4) * 4 // array.itemsize), array.dtype)
        padded[:, : array.shape[1]] = array
        return self._accessor(
            array, self._view(padded, target=34962, byteStride=padded.shape[1] * array.itemsize), **more
        )

    def _accessor(self, array, view, bounds=False, **more):
        kinds = {"int8": 5120, "uint8": 5121, "int16": 5122, "uint16": 5123}
        accessor = {
            "componentType": kinds[array.dtype.name],
            "count": len(array),
            "type": ("SCALAR", "VEC2", "VEC3", "VEC4")[array.shape[1] - 1],
            **more,
        }
        if view is not None:
            accessor["bufferView"] = view
        if bounds:
            accessor |= {"min": array.min(0).tolist(), "max": array.max(0).tolist()}
        self.accessors.append(accessor)
        return len(self.accessors) - 1

    def _sparse(self, delta, moved):
        values = delta[moved].astype(np.int8) if np.abs(delta).max() < 128 else delta[moved]
        number = self._accessor(delta.astype(values.dtype), None, bounds=True)
        self.accessors[number]["sparse"] = {
            "count": len(moved),
            "indices": {"bufferView": self._view(moved.astype(np.uint16)), "componentType": 5123},
            "values": {"bufferView": self._view(values)},
        }
        return number

    def _image(self, name, picture):
        file = io.BytesIO()
        kind = "PNG" if picture.mode == "RGBA" else "JPEG"
        picture.save(file, kind, quality=88, optimize=True)
        return {"name": name, "mimeType": f"image/{kind.lower()}", "bufferView": self._view(file.getvalue())}


def _material(name, pictures, roughness, specular, picture=None, colour=(1, 1, 1), alpha=False):
    surface = {"metallicFactor": 0, "roughnessFactor": roughness, "baseColorFactor": [*colour, 1]}
    if picture:
        surface["baseColorTexture"] = {"index": pictures.index(picture)}
    dull = {"KHR_materials_specular": {"specularFactor": specular}}
    material = {"name": name, "pbrMetallicRoughness": surface, "extensions": dull}
    return material | ({"alphaMode": "BLEND", "doubleSided": True} if alpha else {})
