"""Train the network: `python -m training.train`. Goes on from its last checkpoint; the progress bar has the score.

bf16 on a processor, and on a graphics card where there is one. New parts of the data are found while it runs. The
learning rate follows the share of `--steps` that is done: end earlier or later by starting again with another number.
"""

import argparse
import copy
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from emotalk.engines.builtin.plan import PLANS
from training import development
from training.features import CLIP_ROWS, LIVE_ROWS, RECOGNISER
from training.front import Front
from training.losses import Losses
from training.network import Mouth

SHARES = {
    "readers": 0.29,
    "noisy": 0.07,
    "accented": 0.1,
    "commands": 0.08,
    "kokoro": 0.14,
    "hibari": 0.07,
    "espeak": 0.1,
    "vietnamese": 0.1,
    "noise": 0.05,
}
"""How much of a batch comes from each part."""
BATCH = 32
_RATE, _WARM, _DECAY = 2e-3, 0.03, 0.995
_BLIND = 0.15
"""Share of the windows in which the recogniser is hidden."""
_EDGE = 8
"""Rows at the end of a window, of which the future is not known in full; they weigh less."""

Part = dict[str, Any]


def load_parts(data: Path, rows: int) -> dict[str, list[Part]]:
    """What there is of every part in windows of so many rows, on disk."""
    parts: dict[str, list[Part]] = {name: [] for name in SHARES}
    for folder in sorted((data / "features").glob(f"*-{rows}")):
        one = {f.stem: np.load(f, mmap_mode="r") for f in folder.glob("*.npy")}
        parts[folder.name.split("-")[0]].append(one)
    return {name: found for name, found in parts.items() if found}


class Batches:
    """Draws batches, each of windows of one length."""

    def __init__(self, data: Path, seed: int) -> None:
        self._data, self._random = data, np.random.default_rng(seed)
        self.look()

    def look(self) -> None:
        """See what parts there are by now."""
        found = {rows: load_parts(self._data, rows) for rows in (CLIP_ROWS, LIVE_ROWS)}
        self._parts = {rows: parts for rows, parts in found.items() if parts}

    def draw(self) -> dict[str, Tensor]:
        """mel, states, curves, classes, events, trust."""
        random = self._random
        parts = self._parts[int(random.choice(list(self._parts)))]
        share = np.array([SHARES[name] for name in parts])
        names = random.choice(list(parts), size=BATCH, p=share / share.sum())
        picks = []
        for name in names:
            one = parts[name][random.integers(len(parts[name]))]
            row = random.integers(len(one["classes"]))
            picks.append({k: np.asarray(v[row]) for k, v in one.items()})
        batch = {k: torch.from_numpy(np.stack([p[k] for p in picks])) for k in picks[0]}
        batch = {k: v.float() / 255 if k in ("curves", "events") else v for k, v in batch.items()}
        batch["trust"] = torch.from_numpy(random.random((BATCH, 1, 1)) >= _BLIND).float()
        return self._masked({k: v.float() if k in ("mel", "states") else v for k, v in batch.items()})

    def _masked(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """Some bands and short stretches are missing."""
        random, mel, states = self._random, batch["mel"], batch["states"]
        for i in range(BATCH):
            if random.random() < 0.25:
                low = random.integers(0, 72)
                mel[i, low : low + random.integers(2, 9)] = -8
            if random.random() < 0.2:
                start = random.integers(0, states.shape[1] - 6)
                states[i, start : start + random.integers(1, 6)] = 0
        return batch


class Judge:
    """The development sets, heard once; scores a network on them."""

    def __init__(self, data: Path, real: Path, lipsync: Path, device: str) -> None:
        self._module, self._device = development.scorer(lipsync), device
        self._sets = {"dev": development.shared_clips(lipsync), "readers": development.reader_clips(real)}
        front = Front(data / RECOGNISER).eval()
        self._heard = {name: [_hear(front, clip.sound) for clip in clips] for name, clips in self._sets.items()}

    def figures(self, network: Mouth, trust: float = 1.0) -> dict[str, dict[str, float]]:
        """Figures of every set."""
        out = {}
        for name, clips in self._sets.items():
            faces = [
                development.as_face(_drawn(network, heard, trust, self._device), len(clip.sound) / 16_000)
                for clip, heard in zip(clips, self._heard[name], strict=True)
            ]
            out[name] = development.scored(self._module, clips, faces)
        return out


_PLAN = PLANS["clip"]


def _hear(front: Front, sound: Any) -> tuple[list[Tensor], int]:
    cut, rows = development.windows(sound, _PLAN.past, _PLAN.hop, _PLAN.ahead)
    with torch.inference_mode():
        return [x.half() for x in front(torch.from_numpy(cut))], rows


def _drawn(network: Mouth, heard: tuple[list[Tensor], int], trust: float, device: str) -> Any:
    inputs, rows = heard
    with torch.inference_mode():
        curves = network(*(x.float().to(device) for x in inputs), trust)[0]
    return curves[:, _PLAN.past : _PLAN.past + _PLAN.hop].flatten(0, 1)[:rows].cpu().numpy()


class Trainer:
    """A network on its way, its average, and the optimiser; saved as one file."""

    def __init__(self, device: str) -> None:
        self.device, self.step = device, 0
        self.network = Mouth().to(device)
        self.average = copy.deepcopy(self.network)
        self.optimiser = torch.optim.AdamW(self.network.parameters(), _RATE, weight_decay=0.02, betas=(0.9, 0.98))

    def save(self, path: Path) -> None:
        """Write everything needed to go on."""
        whole = {k: getattr(self, k).state_dict() for k in ("network", "average", "optimiser")} | {"step": self.step}
        torch.save(whole, path.with_suffix(".part"))
        path.with_suffix(".part").rename(path)

    def load(self, path: Path) -> None:
        """Go on from a file."""
        whole = torch.load(path, map_location=self.device, weights_only=False)
        for name in ("network", "average", "optimiser"):
            getattr(self, name).load_state_dict(whole[name])
        self.step = whole["step"]

    def learn(self, batch: dict[str, Tensor], losses: Losses, done: float) -> float:
        """One step, `done` of the way; returns the loss."""
        for group in self.optimiser.param_groups:
            group["lr"] = float(_RATE * min(1, done / _WARM + 0.02) * (0.49 * (1 + np.cos(np.pi * done)) + 0.02))
        batch = {k: v.to(self.device) for k, v in batch.items()}
        middle, last = batch["states"].chunk(2, -1)
        with torch.autocast(self.device, torch.bfloat16):
            drawn = self.network(batch["mel"], middle, last, batch["trust"])
        rows = batch["classes"].shape[1]
        ahead = torch.ones(rows, device=self.device)
        ahead[-_EDGE:] = torch.linspace(0.8, 0.1, _EDGE)
        loss = losses((drawn[0].float(), drawn[1].float(), drawn[2].float()), batch, ahead)
        self.optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 2.0)
        self.optimiser.step()
        self._follow()
        return float(loss.detach())

    @torch.no_grad()
    def _follow(self) -> None:
        self.step += 1
        share = 1 - min(_DECAY, 1 - 1 / (self.step + 1))
        for mine, theirs in zip(self.average.parameters(), self.network.parameters(), strict=True):
            mine.lerp_(theirs, share)


def train(data: Path, real: Path, lipsync: Path, steps: int, every: int, seed: int, out: Path) -> None:
    """Train up to `steps`, scoring and saving every so many."""
    torch.manual_seed(seed)
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    trainer = Trainer(device)
    if out.exists():
        trainer.load(out)
    batches, judge = Batches(data, seed + trainer.step), Judge(data, real, lipsync, device)
    sample = [batches.draw() for _ in range(4)]
    longest = min(b["classes"].shape[1] for b in sample)
    losses = Losses(*(torch.cat([b[k][:, :longest] for b in sample]).to(device) for k in ("curves", "classes")))
    with tqdm(total=steps, initial=trainer.step, smoothing=0.02) as bar:
        while trainer.step < steps:
            loss = trainer.learn(batches.draw(), losses, trainer.step / steps)
            bar.update()
            if trainer.step % every == 0 or trainer.step == steps:
                trainer.save(out)
                batches.look()
                figures = judge.figures(trainer.average.eval())
                bar.write(
                    f"{trainer.step} loss {loss:.3f} | "
                    + " | ".join(f"{k} {development.line(f)}" for k, f in figures.items())
                )
                bar.set_postfix_str(f"dev net {figures['dev']['net']:.2f} readers net {figures['readers']['net']:.2f}")


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("training-data"))
    parser.add_argument("--real", type=Path, required=True, help="the folder of real speech")
    parser.add_argument("--lipsync", type=Path, required=True, help="the folder with lipsync_eval.py, wav/ and phones/")
    parser.add_argument("--steps", type=int, default=5400)
    parser.add_argument("--every", type=int, default=250)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, help="the checkpoint (default: DATA/mouth.pt)")
    asked = parser.parse_args()
    out = asked.out or asked.data / "mouth.pt"
    train(asked.data, asked.real, asked.lipsync, asked.steps, asked.every, asked.seed, out)


if __name__ == "__main__":
    main()
