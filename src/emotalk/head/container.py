"""The GLB container (glTF 2.0 §4): one JSON document and one block of bytes, taken apart and put together."""

import json
import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

Document = dict[str, Any]

_HEADER, _CHUNK = struct.Struct("<4sII"), struct.Struct("<I4s")
_COMPONENTS = {5120: np.int8, 5121: np.uint8, 5122: np.int16, 5123: np.uint16, 5125: np.uint32, 5126: np.float32}
_WIDTHS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4}


def read_glb(data: bytes) -> tuple[Document, bytes]:
    """The document and the binary chunk of a GLB. Raises ValueError for bytes that are none."""
    if len(data) < _HEADER.size or data[:4] != b"glTF":
        raise ValueError("head: these bytes are not a GLB: they do not begin with glTF.")
    chunks, at = {}, _HEADER.size
    while at < len(data):
        size, kind = _CHUNK.unpack_from(data, at)
        at += _CHUNK.size
        chunks[kind] = data[at : at + size]
        at += size
    return json.loads(chunks[b"JSON"]), chunks.get(b"BIN\0", b"")


def pack_glb(document: Document, binary: bytes) -> bytes:
    """One GLB; `document["buffers"]` must say `len(binary)`."""
    text = json.dumps(document, separators=(",", ":")).encode()
    body = _pack_chunk(b"JSON", text, b" ") + _pack_chunk(b"BIN\0", binary, b"\0")
    return _HEADER.pack(b"glTF", 2, _HEADER.size + len(body)) + body


def _pack_chunk(kind: bytes, content: bytes, filler: bytes) -> bytes:
    content += filler * (-len(content) % 4)
    return _CHUNK.pack(len(content), kind) + content


def read_accessor(document: Document, binary: bytes, number: int) -> NDArray[Any]:
    """Accessor `number` as [count, width] ([count] for scalars) in float32, normalised and sparse ones resolved;
    unnormalised integers (indices, quantised positions) keep their type."""
    accessor = document["accessors"][number]
    kind, width = np.dtype(_COMPONENTS[accessor["componentType"]]), _WIDTHS[accessor["type"]]
    values = np.zeros((accessor["count"], width), kind)
    if "bufferView" in accessor:
        values = _view_accessor(document, binary, accessor, kind, width, accessor["count"]).copy()
    if sparse := accessor.get("sparse"):
        index_kind = np.dtype(_COMPONENTS[sparse["indices"]["componentType"]])
        where = _view_accessor(document, binary, sparse["indices"], index_kind, 1, sparse["count"])[:, 0]
        values[where] = _view_accessor(document, binary, sparse["values"], kind, width, sparse["count"])
    if accessor.get("normalized"):
        largest = {1: 127, 2: 32767}[kind.itemsize] if kind.kind == "i" else {1: 255, 2: 65535}[kind.itemsize]
        values = np.maximum(values.astype(np.float32) / largest, -1)
    return values[:, 0] if width == 1 else values


def _view_accessor(
    document: Document, binary: bytes, place: Document, kind: np.dtype[Any], width: int, count: int
) -> NDArray[Any]:
    view = document["bufferViews"][place["bufferView"]]
    start = view.get("byteOffset", 0) + place.get("byteOffset", 0)
    stride = view.get("byteStride", width * kind.itemsize)
    return np.ndarray((count, width), kind, binary, start, (stride, kind.itemsize))
