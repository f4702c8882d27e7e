"""Our own network: log-mel and the recogniser's states in, mouth curves out, 50 rows a second.

Residual blocks over three rows each, dilated; 220 ms of future at most, less at the end of a window. Where the states
are missing (in training, for one window in seven) the log-mel alone must do: so the network knows both ways, and leans
on the recogniser only where that knows the language.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from training.phones import CLASSES
from training.rules import CURVES
from training.sizes import BANDS, BLOCKS, HIDDEN, MEAN_PRIOR, SPREAD, USUAL_LOG
from training.sizes import INNER as WIDTH
from training.sizes import WIDTH as STATES

_FLOOR = 7.0
"""Frames so far under the loudest are quiet."""


class Block(nn.Module):
    """Norm, three rows side by side, two layers; added."""

    def __init__(self, dilation: int, ahead: int) -> None:
        super().__init__()
        self.dilation, self.left, self.right = dilation, (2 - ahead) * dilation, ahead * dilation
        self.norm = nn.LayerNorm(WIDTH)
        self.up, self.down = nn.Linear(3 * WIDTH, HIDDEN), nn.Linear(HIDDEN, WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        """[batch, rows, 128] → the same."""
        near = side_by_side(functional.pad(self.norm(x), (0, 0, self.left, self.right)), self.dilation)
        return x + self.down(functional.silu(self.up(near)))


def side_by_side(padded: Tensor, dilation: int) -> Tensor:
    """[batch, rows + 2 · dilation, n] → [batch, rows, 3 n]: rows so far apart beside each other.

    Cut from both ends, not to a length: the exported graph then needs no arithmetic on shapes.
    """
    return torch.cat([padded[:, : -2 * dilation], padded[:, dilation:-dilation], padded[:, 2 * dilation :]], -1)


class Mouth(nn.Module):
    """See the file. Training asks for all heads; the exported graph keeps the curves."""

    def __init__(self) -> None:
        super().__init__()
        self.usual = nn.Parameter(torch.zeros(BANDS))
        self.sound = nn.Conv1d(BANDS, WIDTH, 5, stride=2, padding=2)
        self.norms = nn.ModuleList(nn.LayerNorm(STATES) for _ in range(2))
        self.states = nn.Linear(2 * STATES, WIDTH, bias=False)
        self.blocks = nn.ModuleList(Block(*each) for each in BLOCKS)
        self.norm = nn.LayerNorm(WIDTH)
        self.curves, self.events = nn.Linear(3 * WIDTH, len(CURVES)), nn.Linear(3 * WIDTH, 3)
        self.classes = nn.Linear(WIDTH, len(CLASSES))

    def normalised(self, mel: Tensor) -> Tensor:
        """Log-mel [batch, 80, n] less the mean spectrum of its louder frames."""
        scaled = (mel - USUAL_LOG) / SPREAD
        loudness = mel.mean(1, keepdim=True)
        loud = torch.sigmoid(loudness - loudness.amax(-1, keepdim=True) + _FLOOR)
        usual = self.usual[None, :, None]
        mean = ((scaled * loud).sum(-1, keepdim=True) + MEAN_PRIOR * usual) / (loud.sum(-1, keepdim=True) + MEAN_PRIOR)
        return scaled - mean

    def hidden(self, mel: Tensor, middle: Tensor, last: Tensor, trust: Tensor | float = 1.0) -> Tensor:
        """[batch, rows, 128]; `trust` [batch, 1, 1] of 0 hides the recogniser."""
        states = torch.cat([self.norms[0](middle), self.norms[1](last)], -1)
        x = self.sound(self.normalised(mel)).transpose(1, 2) + self.states(states) * trust
        for block in self.blocks:
            x = block(x)
        return self.norm(x)

    def forward(
        self, mel: Tensor, middle: Tensor, last: Tensor, trust: Tensor | float = 1.0
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Curves in 0..1 [batch, rows, 15], class logits [.., 39], event logits [.., 3]."""
        x = self.hidden(mel, middle, last, trust)
        near = side_by_side(functional.pad(x, (0, 0, 1, 1)), 1)
        return torch.sigmoid(self.curves(near)), self.classes(x), self.events(near)
