"""All of it, end to end: samples → log-mel → the recogniser's states → mouth curves."""

from pathlib import Path

import torch
from torch import Tensor, nn

from training.front import Front
from training.network import Mouth


class Whole(nn.Module):
    """A front with the weights of the recogniser, and our own network behind it. The exported graph is `forward`."""

    def __init__(self, weights: Path) -> None:
        super().__init__()
        self.front, self.mouth = Front(weights), Mouth()

    def forward(self, sound: Tensor) -> Tensor:
        """Sound float32 [batch, 320 · (rows - 1)] → curves in 0..1 [batch, rows, 15]."""
        return self.mouth(*self.front(sound))[0]

    def unaided(self, sound: Tensor) -> Tensor:
        """The same with the recogniser hidden: what our own network knows."""
        return self.mouth(*self.front(sound), 0.0)[0]

    @classmethod
    def trained(cls, weights: Path, checkpoint: Path) -> "Whole":
        """The averaged network of a checkpoint of training.train."""
        whole = cls(weights)
        whole.load_state_dict(torch.load(checkpoint, map_location="cpu", weights_only=True)["average"])
        return whole.eval()
