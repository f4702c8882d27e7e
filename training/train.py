"""Train the network: `python -m training.train`. Goes on from its last checkpoint; the progress bar has the score.

First our own network learns to draw from what the recogniser hears as it is. Then the recogniser learns with it, from
the same curves, and from itself: what it makes of a damaged window is to be what it made of the sound before that.

bf16 on a processor, and on a graphics card where there is one. The learning rate follows the share of `--steps` that is
done: end earlier or later by starting again with another number.
"""

import argparse
import copy
import math
import os
from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional
from torch.utils.data import DataLoader, IterableDataset
from tqdm import tqdm

from training.averaged import Averaged
from training.front import RECOGNISER
from training.judge import Judge, line
from training.losses import Losses
from training.sounds import Sounds, load_parts
from training.whole import Whole

_RATE, _RECOGNISER_RATE, _WARM, _DECAY = 2e-3, 5e-4, 0.03, 0.995
_ALONE, _JOINING = 0.15, 0.05
"""Share of the steps in which the recogniser stays as it is, and in which it then comes up to its own rate."""
_LIKE_CLEAN = 1.0
"""What it weighs that the states are those of the clean sound, beside the curves."""
_BLIND = 0.15
"""Share of the windows in which our own network does without the recogniser."""
_EDGE = 8
"""Rows at the end of a window, of which the future is not known in full; they weigh less."""


Batch = dict[str, Tensor]


class _Beside(IterableDataset[Batch]):
    """Batches of sounds.py, made in a process of their own."""

    def __init__(self, data: Path, seed: int) -> None:
        self._data, self._seed = data, seed

    def __iter__(self) -> Iterator[Batch]:
        for batch in Sounds(load_parts(self._data), self._seed):
            yield {name: torch.from_numpy(values) for name, values in batch.items()}


class Trainer(Averaged):
    """The whole network, and the front as it was before: its own teacher."""

    def __init__(self, weights: Path, device: str) -> None:
        network = Whole(weights).to(device)
        self._own, self._recogniser = network.mouth, network.front.recogniser
        groups = [{"params": self._own.parameters()}, {"params": self._recogniser.parameters(), "weight_decay": 0.0}]
        super().__init__(
            network, torch.optim.AdamW(groups, _RATE, weight_decay=0.02, betas=(0.9, 0.98)), _DECAY, device
        )
        self._teacher = copy.deepcopy(network.front).requires_grad_(False)

    def learn(self, batch: Batch, losses: Losses, done: float) -> float:
        """One step, `done` of the way; returns the loss."""
        together = done >= _ALONE
        self._recogniser.requires_grad_(together)
        for group, rate in zip(self.optimiser.param_groups, _rates(done), strict=True):
            group["lr"] = rate
        loss = self._loss({k: v.to(self.device, non_blocking=True) for k, v in batch.items()}, losses, together)
        self.descend(loss)
        return float(loss.detach())

    def _loss(self, batch: Batch, losses: Losses, together: bool) -> Tensor:
        with torch.autocast(self.device, torch.bfloat16):
            mel = masked(self.network.front.mel(batch["sound"]))
            states = self._recogniser(mel)
            trust = (torch.rand(len(mel), 1, 1, device=self.device) >= _BLIND).float()
            curves, classes, events = self._own(mel, *states, trust)
        loss = losses((curves.float(), classes.float(), events.float()), batch, self._ahead(curves.shape[1]))
        return loss + _LIKE_CLEAN * self._unlike_clean(states, batch) if together else loss

    def _ahead(self, rows: int) -> Tensor:
        """Weights of the rows."""
        weights = torch.ones(rows, device=self.device)
        weights[-_EDGE:] = torch.linspace(0.8, 0.1, _EDGE)
        return weights

    def _unlike_clean(self, states: tuple[Tensor, Tensor], batch: Batch) -> Tensor:
        """How far the states are from those of the recogniser as it was, which hears the sound undamaged."""
        with torch.no_grad(), torch.autocast(self.device, torch.bfloat16):
            clean = self._teacher(batch["clean"])[1:]
        normal = lambda x: functional.layer_norm(x.float(), x.shape[-1:])  # noqa: E731
        off = sum((normal(a) - normal(b)).square().mean((1, 2)) for a, b in zip(states, clean, strict=True))
        spoken = batch["spoken"].float()
        return (off * spoken).sum() / spoken.sum().clamp_min(1)


def _rates(done: float) -> tuple[float, float]:
    """Learning rates of our own network and of the recogniser."""
    falling = 0.49 * (1 + math.cos(math.pi * done)) + 0.02
    joined = (done - _ALONE) / _JOINING
    return _RATE * min(1, done / _WARM + 0.02) * falling, _RECOGNISER_RATE * min(1, max(0, joined)) * falling


def masked(mel: Tensor) -> Tensor:
    """Log-mel [batch, 80, n] with some bands and short stretches of some windows missing."""
    batch, bands, length = mel.shape
    at, time = torch.arange(bands, device=mel.device), torch.arange(length, device=mel.device)
    missing = _spans(batch, at, 2, 9, 0.25)[:, :, None] | _spans(batch, time, 2, 12, 0.2)[:, None]
    return mel.masked_fill(missing, -8.0)


def _spans(batch: int, at: Tensor, shortest: int, longest: int, share: float) -> Tensor:
    """bool [batch, len(at)]: a span somewhere in this share of the rows."""
    draw = lambda: torch.rand(batch, 1, device=at.device)  # noqa: E731
    length = shortest + draw() * (longest - shortest)
    first = draw() * (len(at) - longest)
    return (at >= first) & (at < first + length) & (draw() < share)


def train(data: Path, real: Path, lipsync: Path, steps: int, every: int, seed: int, out: Path) -> None:
    """Train up to `steps`, scoring and saving every so many."""
    torch.manual_seed(seed)
    torch.set_flush_denormal(True)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    trainer = Trainer(data / RECOGNISER, device)
    if out.exists():
        trainer.load(out)
    judge = Judge(real, lipsync, device)
    batches = iter(DataLoader(_Beside(data, seed + trainer.step), batch_size=None, num_workers=1, prefetch_factor=4))
    losses = Losses.of([next(batches) for _ in range(8)], device)
    with tqdm(total=steps, initial=trainer.step, smoothing=0.02) as bar:
        while trainer.step < steps:
            loss = trainer.learn(next(batches), losses, trainer.step / steps)
            bar.update()
            if trainer.step % every == 0 or trainer.step == steps:
                trainer.save(out)
                figures = judge.figures(trainer.average)
                bar.write(f"{trainer.step} loss {loss:.3f} | {line(figures)}")
                bar.set_postfix_str(" ".join(f"{name} net {each['net']:.2f}" for name, each in figures.items()))


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("training-data"))
    parser.add_argument("--real", type=Path, required=True, help="the folder of real speech")
    parser.add_argument("--lipsync", type=Path, required=True, help="the folder with lipsync_eval.py, wav/ and phones/")
    parser.add_argument("--steps", type=int, default=4000)
    parser.add_argument("--every", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--out", type=Path, help="the checkpoint (default: DATA/mouth.pt)")
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    out = asked.out or asked.data / "mouth.pt"
    train(asked.data, asked.real, asked.lipsync, asked.steps, asked.every, asked.seed, out)


if __name__ == "__main__":
    main()
