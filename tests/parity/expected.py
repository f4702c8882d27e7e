"""The public reference's answers to the seeded checkpoints, see data/README.md."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from emotalk.face import Frames, Pcm, Style
from tests.parity import seeded_checkpoint

_FILE = Path(__file__).parent / "data" / "emotalk_expected.npz"
_NAME = re.compile(r"(tiny|full)_audio(\d+)_([\d.]+)s_level(\d)_person(\d+)")


@dataclass(frozen=True)
class Case:
    """One window, and the frames that the reference answered."""

    name: str
    audio_seed: int
    seconds: float
    style: Style
    frames: Frames

    def audio(self) -> Pcm:
        """The window's samples."""
        return seeded_checkpoint.audio(self.audio_seed, self.seconds)


def cases(size: seeded_checkpoint.Size) -> Iterator[Case]:
    """Every case of a size."""
    with np.load(_FILE) as answers:
        for name in answers.files:
            match = _NAME.fullmatch(name)
            assert match is not None, name
            if match[1] == size:
                style = Style(int(match[4]), int(match[5]))
                yield Case(name, int(match[2]), float(match[3]), style, answers[name])
