"""What the network is to get right: curves, their speed, the lips' opening, meeting lips, phones."""

import torch
from torch import Tensor
from torch.nn import functional

from training.phones import CLASSES
from training.rules import COLUMN
from training.windows import NO_LOSS

_SHUT, _SOFT = 0.12, 0.04
"""Opening that counts as shut, and how soft the decision is; a quarter of a usual opening."""
_MORE = {"jawOpen": 1.6, "mouthClose": 1.3, "mouthPucker": 1.4, "mouthFunnel": 1.2}


def opening(curves: Tensor) -> Tensor:
    """How far the lips are apart [.., rows]; below 0 they are pressed."""
    of = lambda name: curves[..., COLUMN[name]]  # noqa: E731
    apart = of("jawOpen") - of("mouthClose") + (of("mouthLowerDown") + of("mouthUpperUp") - of("mouthPress")) / 2
    return apart - (of("mouthRollLower") + of("mouthRollUpper")) / 4


class Losses:
    """Weights of curves from their spread, of classes from their frequency."""

    def __init__(self, curves: Tensor, classes: Tensor) -> None:
        """Curves [rows, 15] and classes [rows] of a sample of the data."""
        self._spread = curves.std(0).clamp_min(0.03)
        weight = 1 / self._spread
        for name, more in _MORE.items():
            weight[COLUMN[name]] *= more
        self._weight = weight / weight.sum()
        counts = torch.bincount(classes[classes != NO_LOSS].long(), minlength=len(CLASSES)).float()
        self._classes = (counts / counts.sum() + 0.01) ** -0.3
        self._classes /= self._classes.mean()

    @classmethod
    def of(cls, batches: list[dict[str, Tensor]], device: str) -> "Losses":
        """Weighed by a sample of the data."""
        curves = torch.cat([batch["curves"].flatten(0, 1) for batch in batches])
        return cls(curves.to(device), torch.cat([batch["classes"].flatten() for batch in batches]).to(device))

    def __call__(self, drawn: tuple[Tensor, Tensor, Tensor], wanted: dict[str, Tensor], ahead: Tensor) -> Tensor:
        """Loss of a batch; `ahead` [rows] weighs the rows."""
        curves, classes, events = drawn
        known = (wanted["classes"] != NO_LOSS).float() * ahead
        weight = known * (1 + 2 * wanted["events"][..., :2].amax(-1))
        total = known.sum()
        off = curves - wanted["curves"]
        speed = off[:, 1:] - off[:, :-1]
        mean = lambda x, w: (x * w).sum() / total  # noqa: E731
        loss = 2 * mean((off.abs() * self._weight).sum(-1), weight)
        loss = loss + 0.5 * mean((off**2 * self._weight / self._spread).sum(-1), weight)
        loss = loss + 2 * mean((speed.abs() * self._weight).sum(-1), known[:, 1:])
        apart, due = opening(curves), opening(wanted["curves"])
        loss = loss + 3 * mean((apart - due).abs(), weight)
        shut = functional.binary_cross_entropy_with_logits(
            (_SHUT - apart) / _SOFT, torch.sigmoid((_SHUT - due) / _SOFT), reduction="none"
        )
        loss = loss + 0.5 * mean(shut, known + 2 * known * wanted["events"][..., 0])
        named = functional.cross_entropy(
            classes.transpose(1, 2),
            wanted["classes"].long(),
            self._classes,
            ignore_index=NO_LOSS,
            label_smoothing=0.05,
            reduction="none",
        )
        happened = functional.binary_cross_entropy_with_logits(events, wanted["events"], reduction="none").mean(-1)
        return loss + 0.3 * mean(named, known) + 0.8 * mean(happened, known)
