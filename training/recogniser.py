"""The phone recogniser of hama 1.7.0 (Apache-2.0), a Conformer of 2.18 million parameters, as a torch module.

Written anew from the names and shapes in the package's weight file. It hears log-mel of a window of sound and gives a
row every 20 ms; its inner states, not its phones, are what the mouth network draws from. Training goes on from its
weights: it learns to hear in noise what it hears without.
"""

import struct
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from training.sizes import BANDS, CONFORMERS, HEADS, REACH, WIDTH

_TYPES = {0: "<f4", 1: "<f2", 2: "<i8", 3: "<i4", 4: "u1"}


def read_weights(path: Path) -> dict[str, NDArray[np.float32]]:
    """Tensors of a .hama file by name. Raises ValueError for any other file."""
    blob = path.read_bytes()
    if blob[:6] != b"HAMAPK":
        raise ValueError(f"{path}: not a weight file of hama")
    position, records = 12, []
    for _ in range(struct.unpack_from("<I", blob, 8)[0]):
        (length,) = struct.unpack_from("<H", blob, position)
        name = blob[position + 2 : position + 2 + length].decode()
        position += 2 + length
        kind, rank = struct.unpack_from("<BB", blob, position)
        shape = struct.unpack_from(f"<{rank}I", blob, position + 2)
        offset, _ = struct.unpack_from("<QQ", blob, position + 2 + 4 * rank)
        position += 18 + 4 * rank
        records.append((name, kind, shape, offset))
    base = (position + 15) & ~15
    return {
        name: np.frombuffer(blob, _TYPES[kind], int(np.prod(shape)), base + offset).reshape(shape).astype(np.float32)
        for name, kind, shape, offset in records
    }


class FeedForward(nn.Module):
    """Norm, widen, SiLU, narrow; half of it is added."""

    def __init__(self) -> None:
        super().__init__()
        self.norm, self.up, self.down = nn.LayerNorm(WIDTH), nn.Linear(WIDTH, 4 * WIDTH), nn.Linear(4 * WIDTH, WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        """[batch, rows, 144] → the same, to be added."""
        return 0.5 * self.down(functional.silu(self.up(self.norm(x))))


class Attention(nn.Module):
    """Self-attention over the window, without positions."""

    def __init__(self) -> None:
        super().__init__()
        self.norm, self.into, self.out = nn.LayerNorm(WIDTH), nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        """[batch, rows, 144] → the same, to be added."""
        batch, one = x.shape[0], WIDTH // HEADS
        parts = self.into(self.norm(x)).reshape(batch, -1, 3 * HEADS, one).transpose(1, 2)
        query, key, value = parts.split(HEADS, 1)
        weights = torch.softmax(query @ key.transpose(-1, -2) * (WIDTH // HEADS) ** -0.5, -1)
        return self.out((weights @ value).transpose(1, 2).reshape(batch, -1, WIDTH))


class Convolution(nn.Module):
    """Gated depthwise convolution over 31 rows."""

    def __init__(self) -> None:
        super().__init__()
        self.norm, self.gate = nn.LayerNorm(WIDTH), nn.Linear(WIDTH, 2 * WIDTH)
        self.deep, self.out = (
            nn.Conv1d(WIDTH, WIDTH, 2 * REACH + 1, padding=REACH, groups=WIDTH),
            nn.Linear(WIDTH, WIDTH),
        )

    def forward(self, x: Tensor) -> Tensor:
        """[batch, rows, 144] → the same, to be added."""
        gated = functional.glu(self.gate(self.norm(x)), -1)
        return self.out(functional.silu(self.deep(gated.transpose(1, 2))).transpose(1, 2))


class Block(nn.Module):
    """A Conformer block."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.attention, self.convolution, self.second = (
            FeedForward(),
            Attention(),
            Convolution(),
            FeedForward(),
        )
        self.norm = nn.LayerNorm(WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        """[batch, rows, 144] → the same."""
        for part in (self.first, self.attention, self.convolution, self.second):
            x = x + part(x)
        return self.norm(x)


class Recogniser(nn.Module):
    """Log-mel → the states after the second and the fourth block."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv1d(BANDS, WIDTH, 3, stride=2, padding=1)
        self.blocks = nn.ModuleList(Block() for _ in range(CONFORMERS))
        self.phones = nn.Linear(WIDTH, 191)

    def forward(self, logmel: Tensor) -> tuple[Tensor, Tensor]:
        """[batch, 80, 2 · rows - 1] → twice [batch, rows, 144]."""
        x = functional.silu(self.stem(logmel)).transpose(1, 2)
        middle = self.blocks[1](self.blocks[0](x))
        return middle, self.blocks[3](self.blocks[2](middle))

    @classmethod
    def of(cls, path: Path) -> "Recogniser":
        """The recogniser with the weights of this file."""
        file, own = {k: torch.from_numpy(v.copy()) for k, v in read_weights(path).items()}, cls()
        own.load_state_dict(dict(_renamed(file)))
        return own


def _renamed(file: dict[str, Tensor]) -> list[tuple[str, Tensor]]:
    pairs = [("stem.weight", file["onnx::Conv_801"]), ("stem.bias", file["onnx::Conv_802"])]
    pairs += [("phones.weight", file["acoustic_model.model.proj.weight"][:, :, 0])]
    pairs += [("phones.bias", file["acoustic_model.model.proj.bias"])]
    for number in range(CONFORMERS):
        pairs += [(f"blocks.{number}.{name}", value) for name, value in _block(file, number)]
    return pairs


def _block(file: dict[str, Tensor], number: int) -> list[tuple[str, Tensor]]:
    own, product, convolution = f"acoustic_model.model.blocks.{number}.", 829 + 9 * number, 804 + 3 * number
    pairs = [(f"norm.{kind}", file[f"{own}norm.{kind}"]) for kind in ("weight", "bias")]
    norms = (("first", "ffn1"), ("second", "ffn2"), ("attention", "attn"), ("convolution", "conv"))
    for name, theirs in norms:
        joint = "_" if theirs == "attn" else "."
        pairs += [(f"{name}.norm.{kind}", file[f"{own}{theirs}{joint}norm.{kind}"]) for kind in ("weight", "bias")]
    linear = (
        ("first.up", 0, "ffn1.fc1.bias"),
        ("first.down", 1, "ffn1.fc2.bias"),
        ("attention.into", 2, "attn.in_proj_bias"),
        ("attention.out", 6, "attn.out_proj.bias"),
        ("second.up", 7, "ffn2.fc1.bias"),
        ("second.down", 8, "ffn2.fc2.bias"),
    )
    for name, step, bias in linear:
        pairs += [(f"{name}.weight", file[f"onnx::MatMul_{product + step}"].T), (f"{name}.bias", file[own + bias])]
    for name, theirs in (("gate", "pointwise1"), ("out", "pointwise2")):
        pairs += [(f"convolution.{name}.weight", file[f"{own}conv.{theirs}.weight"][:, :, 0])]
        pairs += [(f"convolution.{name}.bias", file[f"{own}conv.{theirs}.bias"])]
    pairs += [("convolution.deep.weight", file[f"onnx::Conv_{convolution}"])]
    return [*pairs, ("convolution.deep.bias", file[f"onnx::Conv_{convolution + 1}"])]
