"""Teach the streaming network: `python -m training.distil --data D --real FOLDER`. Goes on from its last checkpoint.

The student hears each stretch damaged, in chunks as long as a live call, and is to make of it what the shipping
network made of it undamaged and in one window: phones, what is drawn of them, inner states, voice. The last rows of a
chunk count little: live they are heard again. (What ships had 4050 steps in chunks of 5 and 20 rows before 800 of
these: docs/decisions/0044.)
"""

import argparse
import math
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional
from tqdm import tqdm

from emotalk.engines.builtin.engine import MODELS
from emotalk.engines.builtin.network import AGAIN
from emotalk.engines.builtin.plan import ROWS_PER_STEP
from emotalk.engines.builtin.poses import PHONES, POSES
from training.averaged import Averaged
from training.phones import CLASS
from training.stream import StreamingNetwork
from training.taught import ROWS, VERSIONS, DamagedStretches, Taught

CHUNK = ROWS_PER_STEP + AGAIN
"""Rows of a live call."""
_COUNTS = torch.tensor([1.0] * (CHUNK - 2) + [0.25, 0.1])
"""How much each of them does."""
_BATCH, _RATE, _WARM, _DECAY = 16, 8e-4, 30, 0.99
_EDGE = 12
"""Rows at the end of a stretch, where the teacher knows little of what comes."""
_WEIGHTS = {"phones": 1.0, "mouth": 25.0, "states": 0.5, "hidden": 0.2, "voice": 0.3}
_LIPS = [CLASS[name] for name in ("P", "B", "M", "F", "V")]
_POSES = torch.from_numpy(POSES * (np.array(PHONES) != "SIL")[:, None])


class Student(Averaged):
    """The streaming network, which begins with the weights of the window's."""

    def __init__(self, models: Path, device: str) -> None:
        network = StreamingNetwork.of(models / "mouth.onnx").to(device)
        learnt = [each for each in network.parameters() if each.requires_grad]
        super().__init__(network, torch.optim.AdamW(learnt, _RATE, betas=(0.9, 0.98)), _DECAY, device)

    def learn(self, batch: dict[str, Tensor], first: int, rate: float) -> dict[str, float]:
        """One step in chunks, the first of `first` rows; returns the losses by name."""
        for group in self.optimiser.param_groups:
            group["lr"] = rate * min(1, (self.step + 1) / _WARM)
        batch = {name: values.to(self.device, non_blocking=True) for name, values in batch.items()}
        with torch.autocast(self.device, torch.bfloat16):
            made = self.network(batch["sound"], CHUNK, first)
        counts = _COUNTS.to(self.device)[(torch.arange(ROWS, device=self.device) - first) % CHUNK]
        losses = unlike({name: values.float() for name, values in made.items()}, batch, counts)
        self.descend(sum(weight * losses[name] for name, weight in _WEIGHTS.items()))
        return {name: float(value.detach()) for name, value in losses.items()}


def seen(shares: Tensor) -> Tensor:
    """What is drawn of shares [.., 39]: shapes, how far lips meet, and how far the lip is at the teeth, [.., 15].

    Held against the teacher's by the absolute value: what is not known is then drawn as the likelier of two, not as
    half of each.
    """
    met = torch.stack([shares[..., _LIPS[:3]].sum(-1), shares[..., _LIPS[3:]].sum(-1)], -1)
    level = ((met - 0.12) / 0.53).clamp(0, 1)
    return torch.cat([shares @ _POSES.to(shares.device), level * level * (3 - 2 * level)], -1)


def unlike(made: dict[str, Tensor], wanted: dict[str, Tensor], counts: Tensor) -> dict[str, Tensor]:
    """How far the student is from the teacher, one figure each; `counts` [rows]: how much a row does."""
    rows = slice(2, ROWS - _EDGE)
    due = torch.softmax(wanted["phones"].float(), -1)[:, rows]
    mine = torch.softmax(made["phones"], -1)[:, rows]
    surprise = (due * (due.clamp_min(1e-7).log() - torch.log_softmax(made["phones"], -1)[:, rows])).sum(-1)
    counts = counts[rows].expand(surprise.shape)
    weight = (1 + 2 * torch.maximum(due, mine.detach())[..., _LIPS].sum(-1)) * counts
    states, hidden = wanted["states"].float(), wanted["hidden"].float()
    spread = states.square().mean((0, 2), keepdim=True).clamp_min(0.05)
    voice = wanted["voice"].float()[:, rows] / 255
    return {
        "phones": (surprise * weight).sum() / weight.sum(),
        "mouth": ((seen(mine) - seen(due)).abs().mean(-1) * counts).sum() / counts.sum(),
        "states": ((made["states"] - states).square() / spread)[:, :, rows].mean(),
        "hidden": (made["hidden"] - hidden).square()[:, rows].mean() / hidden.square().mean(),
        "voice": functional.binary_cross_entropy_with_logits(made["voice"][:, rows], voice, counts),
    }


def train(data: Path, out: Path, steps: int, seed: int, every: int, device: str) -> None:
    """Train up to `steps`; save, and say how it goes, every so many."""
    student = Student(MODELS, device)
    if out.exists():
        student.load(out)
    torch.manual_seed(seed + student.step)
    stretches, draw = DamagedStretches(data, seed + student.step, _BATCH), np.random.default_rng(seed + student.step)
    recent: list[dict[str, float]] = []
    with tqdm(total=steps, initial=student.step, smoothing=0.02) as bar:
        while student.step < steps:
            rate = _RATE * (0.49 * (1 + math.cos(math.pi * student.step / steps)) + 0.02)
            recent.append(student.learn(stretches.batch(), int(draw.integers(1, CHUNK + 1)), rate))
            bar.update()
            if student.step % every == 0 or student.step == steps:
                means = (f"{name} {np.mean([each[name] for each in recent]):.3f}" for name in _WEIGHTS)
                bar.write(f"{student.step}: {' '.join(means)}")
                student.save(out)
                stretches.look()
                recent.clear()


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("training-data"))
    parser.add_argument("--real", type=Path, required=True, help="the folder of real speech")
    parser.add_argument("--parts", nargs="+", default=list(VERSIONS), choices=VERSIONS, help="made where missing")
    parser.add_argument("--steps", type=int, default=5000)
    parser.add_argument("--every", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    torch.set_flush_denormal(True)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    taught = Taught(MODELS, device)
    for part in asked.parts:
        taught.make(part, asked.real, asked.data)
    train(asked.data, asked.data / "stream.pt", asked.steps, asked.seed, asked.every, device)


if __name__ == "__main__":
    main()
