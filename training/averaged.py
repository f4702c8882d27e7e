"""A network on its way, the average of its weights, and the optimiser: one file, from which training goes on."""

import copy
from pathlib import Path
from typing import Any

import torch
from torch import nn


class Averaged:
    """The network is taught; its average, which fades by `decay` a step, is what is used."""

    def __init__(self, network: nn.Module, optimiser: torch.optim.Optimizer, decay: float, device: str) -> None:
        self.step, self.device, self._decay = 0, device, decay
        self.network: Any = network
        self.average: Any = copy.deepcopy(network).requires_grad_(False)
        self.optimiser = optimiser

    def save(self, path: Path) -> None:
        """Write everything needed to go on."""
        whole = {k: getattr(self, k).state_dict() for k in ("network", "average", "optimiser")} | {"step": self.step}
        torch.save(whole, path.with_suffix(".part"))
        path.with_suffix(".part").rename(path)

    def load(self, path: Path) -> None:
        """Go on from a file."""
        whole = torch.load(path, map_location=self.device, weights_only=True)
        for name in ("network", "average", "optimiser"):
            getattr(self, name).load_state_dict(whole[name])
        self.step = whole["step"]

    def descend(self, loss: torch.Tensor) -> None:
        """One step down this loss; the average follows."""
        self.optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 2.0)
        self.optimiser.step()
        self._follow()

    @torch.no_grad()
    def _follow(self) -> None:
        self.step += 1
        share = 1 - min(self._decay, 1 - 1 / (self.step + 1))
        for mine, theirs in zip(self.average.parameters(), self.network.parameters(), strict=True):
            mine.lerp_(theirs, share)
