"""The streaming network: the shipping one, heard chunk by chunk with what was heard before kept as state.

A row every 20 ms, in chunks of `size` rows. In every layer a row sees its own chunk and what lies before it: 40 rows
for the attention, a kernel's reach for a convolution; beyond the end of the chunk there is nothing. So the size of the
chunk is the look-ahead, one set of weights serves them all, and nothing is computed twice. Level and mean spectrum are
running estimates, renewed at each chunk.

Here all chunks of a stretch are heard at once, for training; `training.stream_graph` hears them one by one. Why so:
docs/decisions/0036.
"""

import math
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from training import sizes
from training.graph import weights_of
from training.network import Mouth
from training.phones import CLASSES
from training.recogniser import Recogniser
from training.row_chunks import RowChunks
from training.sizes import HEADS, INNER, REACH, WIDTH

BEFORE, AFTER = 520, 200
"""Samples before the first row's, and after the end of the last row's 320, that a stretch must have."""


class StreamingNetwork(nn.Module):
    """See the file. Parameters are named as in `training.whole.Whole`."""

    def __init__(self) -> None:
        super().__init__()
        self.waves = nn.Parameter(torch.zeros(402, 1, 400), requires_grad=False)
        self.bands = nn.Parameter(torch.zeros(80, 201, 1), requires_grad=False)
        self.recogniser, self.mouth = Recogniser(), Mouth()
        del self.recogniser.phones, self.mouth.curves, self.mouth.events, self.mouth.classes
        self.phones, self.voice = nn.Linear(3 * INNER, len(CLASSES)), nn.Linear(3 * INNER, 1)

    def raw(self, sound: Tensor) -> Tensor:
        """Sound [batch, 160 · frames + 240] → log-mel [batch, 80, frames], at the level that it came at."""
        real, imaginary = functional.conv1d(sound[:, None], self.waves, stride=160).chunk(2, 1)
        mel = functional.conv1d(real * real + imaginary * imaginary, self.bands)
        return torch.log(mel.clamp_min(sizes.SILENT))

    def forward(self, sound: Tensor, size: int, first: int = 0) -> dict[str, Tensor]:
        """Sound [batch, BEFORE + 320 · rows + AFTER] → phones (logits), voice, hidden and states [batch, 4, rows, 144].

        Chunks of `size` rows; the first has `first` rows only, where that is not 0.
        """
        with torch.autocast(sound.device.type, enabled=False):
            raw = self.raw(sound)
            rows = (raw.shape[-1] - 3) // 2
            with sound.device:
                cut = RowChunks(rows, size, first or size)
            near, mean = self._levelled(raw, cut)
        x = functional.silu(_every_second(near[..., 1:-1, :], self.recogniser.stem))
        states = []
        for block in self.recogniser.blocks:
            x = _conformer(block, x, cut)
            states.append(x)
        x = self._joined(_every_second(near / sizes.SPREAD - mean, self.mouth.sound), states[1], states[3])
        for block in self.mouth.blocks:
            x = x + _three(block, cut.beside(block.norm(x), block.left), block.dilation, block.right, cut.size)
        hidden = self.mouth.norm(x)
        near = _side_by_side(cut.beside(hidden, 1), 1, 1, cut.size)
        out = {"hidden": cut.flat(hidden), "states": torch.stack([cut.flat(s) for s in states], 1)}
        return out | {"phones": cut.flat(self.phones(near)), "voice": cut.flat(self.voice(near))[..., 0]}

    def _joined(self, x: Tensor, middle: Tensor, last: Tensor) -> Tensor:
        mouth = self.mouth
        return x + mouth.states(torch.cat([mouth.norms[0](middle), mouth.norms[1](last)], -1))

    def _levelled(self, raw: Tensor, cut: RowChunks) -> tuple[Tensor, Tensor]:
        """Log-mel of each chunk and the three frames before it, at the level that is known at its end, and its mean.

        [batch, chunks, 2 · size + 3, 80], and scaled [batch, chunks, 1, 80].
        """
        power = torch.exp(raw).mean(1)
        energy, count = (cut.faded(each, sizes.LEVEL_FRAMES) for each in (power * power, (power > sizes.HEARD).float()))
        level = torch.sqrt(energy / (count + sizes.LEVEL_PRIOR)).clamp_min(sizes.QUIETEST)
        gain = math.log(sizes.USUAL_POWER) - torch.log(level)
        loud = torch.sigmoid(raw.mean(1) + gain[:, cut.of_frame] - sizes.LOUD)
        total, weight = (
            cut.faded(raw * loud[:, None], sizes.MEAN_FRAMES).transpose(1, 2),
            cut.faded(loud, sizes.MEAN_FRAMES),
        )
        weight, gain = weight[..., None], gain[..., None]
        where = (total + weight * (gain - sizes.USUAL_LOG)) / sizes.SPREAD
        mean = (where + sizes.MEAN_PRIOR * self.mouth.usual) / (weight + sizes.MEAN_PRIOR)
        near = raw[..., cut.near].permute(0, 2, 3, 1) + gain[..., None]
        return near.clamp_min(sizes.FLOOR), mean[:, :, None] + sizes.USUAL_LOG / sizes.SPREAD

    @classmethod
    def of(cls, path: Path) -> "StreamingNetwork":
        """With the weights of the shipping graph."""
        own = cls()
        found = {name: torch.from_numpy(values) for name, values in weights_of(path).items()}
        missing = own.load_state_dict(found, strict=False).missing_keys
        if set(missing) != {"voice.weight", "voice.bias"}:
            raise ValueError(f"{path}: without {missing}")
        # A voice sounds where silence does not: from here it learns the rest.
        with torch.no_grad():
            own.voice.weight.copy_(own.phones.weight.mean(0) - own.phones.weight[0])
            own.voice.bias.copy_(own.phones.bias.mean() - own.phones.bias[0])
        return own


def _every_second(near: Tensor, convolution: nn.Conv1d) -> Tensor:
    """[batch, chunks, frames, 80] → [batch, chunks, size, n]: every second place, where the kernel lies inside."""
    windows = near.unfold(2, convolution.kernel_size[0], 2)
    return windows.flatten(3) @ convolution.weight.flatten(1).T + convolution.bias


def _conformer(block: Any, x: Tensor, cut: RowChunks) -> Tensor:
    x = x + block.first(x)
    x = x + _attention(block.attention, x, cut)
    x = x + _convolution(block.convolution, x, cut)
    return block.norm(x + block.second(x))


def _attention(part: Any, x: Tensor, cut: RowChunks) -> Tensor:
    heads = lambda y: y.flatten(1, 2).unflatten(-1, (HEADS, WIDTH // HEADS)).transpose(1, 2)  # noqa: E731
    query, key, value = (heads(each) for each in part.into(part.norm(x)).chunk(3, -1))
    score = query @ key.transpose(-1, -2) * (WIDTH // HEADS) ** -0.5 + cut.unseen.to(query.dtype)
    mixed = torch.softmax(score, -1).to(value.dtype) @ value
    return part.out(mixed.transpose(1, 2).flatten(2).unflatten(1, (cut.count, cut.size)))


def _convolution(part: Any, x: Tensor, cut: RowChunks) -> Tensor:
    gated = functional.glu(part.gate(part.norm(x)), -1)
    near = cut.beside(gated, REACH)
    taps = toeplitz(part.deep.weight[:, 0], cut.size).to(near.dtype)
    deep = torch.einsum("wnk,bckw->bcnw", taps, near) + part.deep.bias.to(near.dtype)
    return part.out(functional.silu(deep))


def toeplitz(kernel: Tensor, size: int) -> Tensor:
    """[width, 2 · reach + 1] → [width, size, reach + size]: a convolution over a chunk and the rows before it."""
    near, row = (torch.arange(count, device=kernel.device) for count in (REACH + size, size))
    at = near[None] - row[:, None]
    inside = (at >= 0) & (at < kernel.shape[1])
    return kernel[:, at.clamp(0, kernel.shape[1] - 1)] * inside


def _three(block: Any, near: Tensor, dilation: int, right: int, size: int) -> Tensor:
    return block.down(functional.silu(block.up(_side_by_side(near, dilation, right, size))))


def _side_by_side(near: Tensor, dilation: int, right: int, size: int) -> Tensor:
    """[.., left + size, n] → [.., size, 3 n]; nothing lies beyond the chunk."""
    padded = functional.pad(near, (0, 0, 0, right))
    return torch.cat([padded[..., i * dilation : i * dilation + size, :] for i in range(3)], -1)


class WindowNetwork:
    """The shipping network in torch, as it hears a window: what the streaming one is to be."""

    def __init__(self, path: Path, device: str = "cpu") -> None:
        self._stream = StreamingNetwork.of(path).eval().to(device)

    @torch.no_grad()
    def __call__(self, sound: Tensor) -> dict[str, Tensor]:
        """Sound [batch, 320 · (rows - 1)] → phones (logits), hidden and states."""
        own = self._stream
        with torch.autocast(sound.device.type, enabled=False):
            raw = own.raw(functional.pad(sound[:, None], (200, 200), mode="reflect")[:, 0])
        power = torch.exp(raw).mean(1)
        level = torch.sqrt((power * power).mean(-1)).clamp_min(sizes.QUIETEST)
        mel = (raw + (math.log(sizes.USUAL_POWER) - torch.log(level))[:, None, None]).clamp_min(sizes.FLOOR)
        x = functional.silu(own.recogniser.stem(mel)).transpose(1, 2)
        states = []
        for block in own.recogniser.blocks:
            x = block(x)
            states.append(x)
        hidden = own.mouth.hidden(mel, states[1], states[3])
        near = _side_by_side(functional.pad(hidden, (0, 0, 1, 0)), 1, 1, hidden.shape[1])
        return {"hidden": hidden, "states": torch.stack(states, 1), "phones": own.phones(near)}
