"""Score against look-ahead: `python -m training.lookahead --real FOLDER --lipsync FOLDER`.

A table of docs/model-card.md. The network of live streams, its own weights, its own state every 0.1 s; but each frame
is drawn from a call of its own, which ends so long after the frame and no later. (Live the three frames of a step share
a call and leave 150, 117 and 83 ms after their sound.) The mouth alone is scored, without what the layer above adds.
"""

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from emotalk.engines.builtin.clock import rows_to_frames
from emotalk.engines.builtin.engine import MODELS
from emotalk.engines.builtin.mouth import draw_mouth, on_face
from emotalk.engines.builtin.network import AGAIN, HEARD_SAMPLES, Step, StreamNetwork
from emotalk.engines.builtin.plan import ROW_SAMPLES, ROWS_PER_STEP
from emotalk.engines.builtin.poses import SHAPES
from emotalk.engines.builtin.stream import SHIFT, SIGHT, openness
from emotalk.face import Frames, Pcm
from emotalk.timebase import STEP_SAMPLES, frame_count
from training import development
from training.card import put

LOOK_AHEADS = (0, 40, 80, 120, 150, 200, 400)
"""In ms."""
FORESIGHT = 11
"""So many frames further a phone is looked for, where so much is known; live two."""
_PAST, _LEAST, _SIXTHS, _AT_ONCE = 30, AGAIN + 1, 6, 16
"""Rows before a step that a frame is drawn from, and rows of a call, at least."""
_BEFORE = AGAIN * ROW_SAMPLES + SHIFT
_OFFSET = round(_SIXTHS * _BEFORE / ROW_SAMPLES)
"""Sixths of a row by which a frame's sound is later in what is heard than in the clip."""
_FIGURES = "net | height | core | false | lag, ms"
_HEAD = f"| look-ahead, ms | development set: {_FIGURES} | readers: {_FIGURES} |"

Rows = NDArray[np.float32]


class Place(NamedTuple):
    """The call that a frame is drawn from, from this step's state up to row `heard`, and its row among those known."""

    frame: int
    step: int
    heard: int
    row: int
    sixth: int

    @property
    def rows(self) -> int:
        """Of the call."""
        return self.heard - ROWS_PER_STEP * self.step


class Ahead:
    """A clip as it is heard live, and what calls that end sooner or later make of its frames."""

    def __init__(self, network: StreamNetwork, sound: Pcm) -> None:
        self._network, self._frames = network, frame_count(len(sound))
        after = np.zeros(16 * LOOK_AHEADS[-1] + 2 * HEARD_SAMPLES, np.float32)
        self._sound = np.concatenate([np.zeros(_BEFORE, np.float32), sound, after])
        self._states, self._rows = [network.rest[-1].after], [_rows(step)[:ROWS_PER_STEP] for step in network.rest]
        for start in range(0, len(self._sound) - HEARD_SAMPLES, STEP_SAMPLES):
            (step,) = network.hear([self._sound[start : start + HEARD_SAMPLES]], self._states[-1:])
            self._rows.append(_rows(step)[:ROWS_PER_STEP])
            self._states.append(step.after)

    def face(self, look_ahead: int) -> Frames:
        """Every frame, from sound up to so many ms after it."""
        places = sorted((_place(number, look_ahead) for number in range(self._frames)), key=lambda place: place.rows)
        shapes = np.zeros((self._frames, len(SHAPES)), np.float32)
        for _, group in groupby(places, lambda place: place.rows):
            alike = list(group)
            for some in (alike[i : i + _AT_ONCE] for i in range(0, len(alike), _AT_ONCE)):
                sounds = [self._sound[p.step * STEP_SAMPLES : p.heard * ROW_SAMPLES] for p in some]
                calls = self._network.hear(sounds, [self._states[place.step] for place in some])
                for place, call in zip(some, calls, strict=True):
                    shapes[place.frame] = self._drawn(place, call)
        return on_face(shapes)

    def _drawn(self, place: Place, call: Step) -> Rows:
        """Shapes [13] of a frame."""
        before = self._rows[: len(self._network.rest) + place.step][-_PAST // ROWS_PER_STEP :]
        rows, first, sixth = np.concatenate([*before, _rows(call)]), place.row, place.sixth
        if first >= len(rows):
            first, sixth = len(rows) - 1, 0
        ahead = min(FORESIGHT, -(-3 * (len(rows) - 1 - first) // 5))
        voice = openness(rows_to_frames(rows[first:, -1:], 1 + ahead, sixth)[:, 0])
        (shapes,) = draw_mouth(rows[:, :-1], first, voice, 1, replace(SIGHT, lead=sixth))
        return np.asarray(shapes)


def _place(frame: int, look_ahead: int) -> Place:
    at = 10 * frame + _OFFSET
    heard = max(_LEAST, (at + 3 * look_ahead // 10) // _SIXTHS)
    row, sixth = divmod(at + _SIXTHS + SIGHT.lead - 3, _SIXTHS)
    step = max(0, min(heard - _LEAST, row - 1) // ROWS_PER_STEP)
    return Place(frame, step, heard, _PAST + row - ROWS_PER_STEP * step, sixth)


def _rows(step: Step) -> Rows:
    """Shares of the phones, and behind them the chance of a voice, [rows, 40]."""
    return np.column_stack([step.phones, step.voice])


def table(real: Path, lipsync: Path) -> Iterator[str]:
    """The lines, one for each look-ahead, in Markdown."""
    module, network = development.scorer(lipsync), StreamNetwork(MODELS / "stream.onnx")
    sets = [development.shared_clips(lipsync), development.reader_clips(real)]
    heard = [[Ahead(network, clip.sound) for clip in clips] for clips in sets]
    yield from (_HEAD, "|---" * _HEAD.count(" |") + "|")
    for look_ahead in LOOK_AHEADS:
        both = zip(sets, heard, strict=True)
        cells = [_cells(development.scored(module, clips, _faces(own, look_ahead))) for clips, own in both]
        yield f"| {look_ahead} | {' | '.join(cells)} |"


def _faces(heard: Sequence[Ahead], look_ahead: int) -> list[Frames]:
    return [each.face(look_ahead) for each in tqdm(heard, desc=f"{look_ahead} ms", leave=False)]


def _cells(figures: dict[str, float]) -> str:
    names = ("net", "height", "roundcore", "false")
    return " | ".join([*(f"{figures[name]:.2f}" for name in names), f"{figures['lag']:+.0f}"])


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--real", type=Path, required=True, help="the folder of real speech")
    parser.add_argument("--lipsync", type=Path, required=True, help="the folder with lipsync_eval.py, wav/ and phones/")
    parser.add_argument("--card", action="store_true", help="put the table into docs/model-card.md")
    asked = parser.parse_args()
    lines = []
    for line in table(asked.real, asked.lipsync):
        lines.append(line)
        print(line, flush=True)
    if asked.card:
        put("\n".join(lines), "look-ahead")


if __name__ == "__main__":
    main()
