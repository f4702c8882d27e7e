"""The chunks of a stretch side by side: a network that will hear one by one learns from all of them at once."""

import torch
from torch import Tensor
from torch.nn import functional

from training.sizes import PAST


class RowChunks:
    """How a stretch of rows is cut into chunks: all of `size`, the first shorter and filled up with rows before it."""

    def __init__(self, rows: int, size: int, first: int) -> None:
        self.rows, self.size = rows, size
        self.lead = (size - first) % size
        self.count = -(-(self.lead + rows) // size)
        self.tail = self.count * size - self.lead - rows
        row = torch.arange(self.count * size)
        start = row // size * size
        self._known = (row >= self.lead) & (row < self.lead + rows)
        seen = (row < start[:, None] + size) & (row >= start[:, None] - PAST) & self._known
        # A row that is only there to fill up sees itself, so that no sum is empty.
        self.unseen = torch.where(seen | (row == row[:, None]), 0.0, -1e4)
        # Frame f of the stretch is frame f - 2 of row 0; with the rows before `end` come the frames before 2 · end + 3.
        ends = ((torch.arange(self.count) + 1) * size - self.lead).clamp_max(rows)
        frame = torch.arange(2 * rows + 3)
        self.of_frame = torch.searchsorted(2 * ends + 3, frame, right=True).clamp_max(self.count - 1)
        self._age = (2 * ends + 2)[:, None] - frame
        first = 2 * (torch.arange(self.count) * size - self.lead)
        self.near = (first[:, None] + torch.arange(2 * size + 3)).clamp(0, 2 * rows + 2)

    def chunked(self, x: Tensor) -> Tensor:
        """[batch, rows, n] → [batch, chunks, size, n]."""
        return functional.pad(x, (0, 0, self.lead, self.tail)).unflatten(1, (self.count, self.size))

    def flat(self, x: Tensor) -> Tensor:
        """The way back."""
        return x.flatten(1, 2)[:, self.lead : self.lead + self.rows]

    def beside(self, x: Tensor, left: int) -> Tensor:
        """[batch, chunks, size, n] → [batch, chunks, left + size, n]: the rows before each chunk as well."""
        inside = x * self._known.view(self.count, self.size, 1)
        away = -(-left // self.size)
        before = [functional.pad(inside, (0, 0, 0, 0, k, 0))[:, : self.count] for k in range(away, 0, -1)]
        return torch.cat([*before, inside], 2)[:, :, away * self.size - left :]

    def faded(self, x: Tensor, frames: float) -> Tensor:
        """[.., frames] → the fading sum up to the end of each chunk [.., chunks]."""
        return x @ torch.where(self._age >= 0, torch.exp(-self._age.clamp_min(0) / frames), 0.0).T
