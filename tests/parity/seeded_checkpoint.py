"""Seeded stand-ins for EmoTalk.pth: the published keys and layout, weights drawn from each key's name.

    python -m tests.parity.seeded_checkpoint OUT.pth [--size tiny|full] [--seed 0]

The real weights may not be redistributed, so parity is proven on these: every tensor depends only on (seed, key,
shape), so anyone can rebuild the file that made data/emotalk_expected.npz. "full" is the published network (640 M
parameters, 2.6 GB, about a minute), "tiny" the same with narrow encoders. Origin: this project's own generator, with
which the public reference was asked for the expected answers; the draws must never change.
"""

import argparse
import struct
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Size = Literal["tiny", "full"]
Array = NDArray[Any]
Shapes = Iterator[tuple[str, tuple[int, ...]]]

KERNELS = (10, 3, 3, 3, 3, 2, 2)
DECODER_WIDTH = 832
STORAGES = {
    "float32": "FloatStorage",
    "float16": "HalfStorage",
    "float64": "DoubleStorage",
    "uint16": "BFloat16Storage",
}
ALIGNMENT = 64


@dataclass(frozen=True)
class Widths:
    """How wide an encoder is."""

    hidden: int
    layers: int
    feed_forward: int
    conv: int


SIZES: dict[Size, Widths] = {"tiny": Widths(64, 2, 128, 32), "full": Widths(1024, 24, 4096, 512)}


def _affine(name: str, *shape: int) -> Shapes:
    yield f"{name}.weight", shape
    yield f"{name}.bias", shape[:1]


def _feature_extractor(p: str, w: Widths) -> Shapes:
    for i, kernel in enumerate(KERNELS):
        yield from _affine(f"{p}conv_layers.{i}.conv", w.conv, w.conv if i else 1, kernel)
        yield from _affine(f"{p}conv_layers.{i}.layer_norm", w.conv)


def _layer(p: str, w: Widths) -> Shapes:
    for n in ("k_proj", "v_proj", "q_proj", "out_proj"):
        yield from _affine(f"{p}attention.{n}", w.hidden, w.hidden)
    yield from _affine(f"{p}layer_norm", w.hidden)
    yield from _affine(f"{p}feed_forward.intermediate_dense", w.feed_forward, w.hidden)
    yield from _affine(f"{p}feed_forward.output_dense", w.hidden, w.feed_forward)
    yield from _affine(f"{p}final_layer_norm", w.hidden)


def _encoder(p: str, w: Widths) -> Shapes:
    yield f"{p}masked_spec_embed", (w.hidden,)
    yield from _feature_extractor(f"{p}feature_extractor.", w)
    yield from _affine(f"{p}feature_projection.layer_norm", w.conv)
    yield from _affine(f"{p}feature_projection.projection", w.hidden, w.conv)
    yield f"{p}encoder.pos_conv_embed.conv.bias", (w.hidden,)
    yield f"{p}encoder.pos_conv_embed.conv.weight_g", (1, 1, 128)
    yield f"{p}encoder.pos_conv_embed.conv.weight_v", (w.hidden, w.hidden // 16, 128)
    yield from _affine(f"{p}encoder.layer_norm", w.hidden)
    for i in range(w.layers):
        yield from _layer(f"{p}encoder.layers.{i}.", w)
    yield from _affine(f"{p}lm_head", 32, 1024)


def _decoder(p: str, d: int) -> Shapes:
    for attention in ("self_attn", "multihead_attn"):
        yield f"{p}{attention}.in_proj_weight", (3 * d, d)
        yield f"{p}{attention}.in_proj_bias", (3 * d,)
        yield from _affine(f"{p}{attention}.out_proj", d, d)
    for n in ("linear1", "linear2"):
        yield from _affine(f"{p}{n}", d, d)
    for n in ("norm1", "norm2", "norm3"):
        yield from _affine(f"{p}{n}", d)


def shapes(size: Size) -> Shapes:
    """Key and shape of every tensor of the checkpoint, the unused ones included."""
    w, d = SIZES[size], DECODER_WIDTH
    yield from _encoder("audio_encoder_cont.", w)
    yield from _encoder("audio_encoder_emo.wav2vec2.", w)
    yield from _affine("audio_encoder_emo.classifier.dense", w.hidden, w.hidden)
    yield from _affine("audio_encoder_emo.classifier.out_proj", 7, w.hidden)
    yield from _affine("audio_feature_map_cont", 512, w.hidden)
    yield from _affine("audio_feature_map_emo", d, w.hidden)
    yield from _affine("audio_feature_map_emo2", 256, d)
    yield from _affine("obj_vector_level", 32, 2)
    yield from _affine("obj_vector_person", 32, 24)
    yield from _affine("bs_map_r", 52, d)
    yield from _decoder("transformer_decoder.layers.0.", d)


def tensor(seed: int, key: str, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """float32 array that depends only on its arguments."""
    rng = np.random.default_rng([seed, zlib.crc32(key.encode())])
    x = rng.standard_normal(shape, dtype=np.float32)
    if key.endswith("weight_g"):
        return np.abs(1 + 0.1 * x)
    if "norm" in key:
        return (1 + 0.1 * x) if key.endswith("weight") else 0.05 * x
    if key.endswith("bias"):
        return 0.05 * x
    fan_in = int(np.prod(shape[1:])) if len(shape) > 1 else shape[0]
    return x / np.float32(np.sqrt(fan_in))


def tensors(size: Size = "tiny", seed: int = 0) -> Iterator[tuple[str, NDArray[np.float32]]]:
    """Key and values of every tensor of the checkpoint, one at a time."""
    return ((key, tensor(seed, key, shape)) for key, shape in shapes(size))


@cache
def audio(seed: int, seconds: float) -> NDArray[np.float32]:
    """16 kHz mono float32 in [-1, 1]: harmonics with a wandering pitch under a syllable-like envelope, plus noise.

    Read only: whoever asks again gets the same array.
    """
    n = int(seconds * 16000)
    t = np.arange(n) / 16000
    rng = np.random.default_rng([seed, 7])
    pitch = 120 + 40 * np.sin(2 * np.pi * 0.7 * t + seed)
    phase = 2 * np.pi * np.cumsum(pitch) / 16000
    x = sum(np.sin(k * phase) / k * (1 + np.sin(2 * np.pi * (0.9 + 0.13 * k) * t)) for k in range(1, 24))
    x = x * np.clip(np.sin(2 * np.pi * 3.1 * t), 0, 1) + 0.05 * rng.standard_normal(n)
    sound: NDArray[np.float32] = (0.5 * x / np.abs(x).max()).astype(np.float32)
    sound.setflags(write=False)
    return sound


def _text(value: str) -> bytes:
    encoded = value.encode()
    return b"X" + struct.pack("<I", len(encoded)) + encoded


def _int(value: int) -> bytes:
    return b"\x8a\x08" + struct.pack("<q", value)


def _ints(values: Iterable[int]) -> bytes:
    return b"(" + b"".join(map(_int, values)) + b"t"


NEW_DICT = b"ccollections\nOrderedDict\n)R"


def pickled_tensor(
    storage: str,
    length: int,
    shape: tuple[int, ...],
    strides: tuple[int, ...],
    offset: int = 0,
    kind: str = "FloatStorage",
) -> bytes:
    """The opcodes that rebuild one tensor: a view (`shape`, `strides`, `offset` in elements) of a storage."""
    pid = b"(" + _text("storage") + f"ctorch\n{kind}\n".encode() + _text(storage) + _text("cpu") + _int(length) + b"tQ"
    view = _int(offset) + _ints(shape) + _ints(strides) + b"\x89" + NEW_DICT
    return b"ctorch._utils\n_rebuild_tensor_v2\n(" + pid + view + b"tR"


def pickled_dict(items: Iterable[tuple[str, bytes]]) -> bytes:
    """The opcodes of an OrderedDict whose values are given as opcodes."""
    return NEW_DICT + b"(" + b"".join(_text(key) + value for key, value in items) + b"u"


def _padded(archive: zipfile.ZipFile, name: str, aligned: bool) -> zipfile.ZipInfo:
    """An entry whose data starts on a 64-byte boundary, as torch lays them; only so can they be used where they lie."""
    info = zipfile.ZipInfo(name)
    start = archive.fp.tell() + 30 + len(name) + 4  # type: ignore[union-attr]
    if aligned:
        padding = -start % ALIGNMENT
        info.extra = b"FB" + struct.pack("<H", padding) + b"Z" * padding
    return info


def write_archive(
    path: Path, storages: Iterable[tuple[str, bytes]], pickled: Iterable[bytes], *, aligned: bool = True
) -> Path:
    """Write raw storages, then the pickle, in the stored zip that torch writes. `pickled` is joined last of all."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:
        for name, raw in storages:
            archive.writestr(_padded(archive, f"archive/data/{name}", aligned), raw)
        archive.writestr("archive/data.pkl", b"\x80\x02" + b"".join(pickled) + b".")
        archive.writestr("archive/version", "3\n")
        archive.writestr("archive/byteorder", "little")
    return path


def save(path: Path, items: Iterable[tuple[str, Array]], *, aligned: bool = True, nested: bool = False) -> Path:
    """Write (key, array) as a torch checkpoint, without torch; uint16 arrays are the bits of bfloat16."""
    entries: list[tuple[str, bytes]] = []

    def storages() -> Iterator[tuple[str, bytes]]:
        for key, x in items:
            strides = tuple(s // x.itemsize for s in np.asarray(x, order="C").strides)
            number, kind = str(len(entries)), STORAGES[x.dtype.name]
            entries.append((key, pickled_tensor(number, x.size, x.shape, strides, kind=kind)))
            yield number, x.tobytes()

    def pickled() -> Iterator[bytes]:
        state = pickled_dict(entries)
        yield pickled_dict([("state_dict", state)]) if nested else state

    return write_archive(path, storages(), pickled(), aligned=aligned)


def write_checkpoint(path: Path, size: Size = "tiny", seed: int = 0) -> Path:
    """Write the seeded checkpoint of that size to `path` and return it (full: about a minute)."""
    if size == "full":
        return save(path, tensors(size, seed))
    path.write_bytes(_draw_tiny(seed))
    return path


@cache
def _draw_tiny(seed: int) -> bytes:
    """Drawn once a process: it takes 0.3 s, and two dozen tests begin with it."""
    with TemporaryDirectory() as folder:
        return save(Path(folder) / "tiny.pth", tensors("tiny", seed)).read_bytes()


def main() -> None:
    """Write a checkpoint from the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--size", choices=SIZES, default="tiny")
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    write_checkpoint(chosen.out, chosen.size, chosen.seed)


if __name__ == "__main__":
    main()
