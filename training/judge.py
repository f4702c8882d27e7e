"""The score that steers training: the development sets, clean, in white noise and before music."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from emotalk.engines.builtin.plan import CLIP
from training import development
from training.conditions import spoilt
from training.development import Clip

_BATCH = 64
_SPOILT = {"white": "white noise, 10 dB", "music": "music, 5 dB"}

Draw = Callable[[Tensor], Tensor]
"""Windows of sound → curves."""
Figures = dict[str, dict[str, float]]


def line(figures: Figures) -> str:
    """The figures of all sets that count, in one line."""
    return " | ".join(f"{name} {development.line(each)}" for name, each in figures.items())


class Judge:
    """Hears every set as the engine does, window by window, and scores it."""

    def __init__(self, real: Path, lipsync: Path, device: str) -> None:
        self._module, self._device = development.scorer(lipsync), device
        dev, readers = development.shared_clips(lipsync), development.reader_clips(real)
        self._sets: dict[str, list[Clip]] = {"dev": dev, "readers": readers}
        music, spoken = development.music(dev), [clip for clip in (*dev, *readers) if clip.phones]
        self._sets |= {name: [spoilt(clip, how, music) for clip in spoken] for name, how in _SPOILT.items()}

    def figures(self, draw: Draw) -> Figures:
        """Figures of every set."""
        return {
            name: development.scored(self._module, clips, [self._face(draw, clip) for clip in clips])
            for name, clips in self._sets.items()
        }

    def _face(self, draw: Draw, clip: Clip) -> NDArray[np.float32]:
        cut, rows = development.windows(clip.sound, CLIP.past, CLIP.hop, CLIP.ahead)
        with torch.inference_mode():
            sounds = torch.from_numpy(cut).to(self._device).split(_BATCH)
            curves = torch.cat([draw(sound) for sound in sounds])
        drawn = curves[:, CLIP.past : CLIP.past + CLIP.hop].flatten(0, 1)[:rows].float().cpu().numpy()
        return development.as_face(drawn, len(clip.sound) / 16_000)
