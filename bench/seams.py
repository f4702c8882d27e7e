"""What cutting a clip into windows costs: the difference between chunked and one-pass output, and which fade hides it.

    python -m bench.seams CHECKPOINT [--seconds 130] [--chunks 5,10,25,60] [--overlaps 0,0.5,1,2] [--precision fp32]

One window over the whole clip is the truth. For each chunking: the largest and the mean difference of the overlaps and
of all other frames, with the product's own Stitch. Then, for the same windows under other fades, the two things that a
fade decides: the rms difference within the overlaps, and the jump (the largest change of the difference from one frame
to the next, at the overlaps), which is what a viewer would see. Differences are in raw blendshapes; `std` is the median
channel's movement, to compare with. The built-in engine streams: it has no windows, and so no seams to measure.
"""

import argparse
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.figures import machine, table
from emotalk.chunking import Chunking
from emotalk.chunking.stitch import Stitch
from emotalk.chunking.windows import Window, Windows
from emotalk.engines.emotalk import EmoTalkEngine
from emotalk.errors import InvalidRequest
from emotalk.face import Frames, Pcm, Style
from tests.parity.seeded_checkpoint import audio

Fade = Callable[[NDArray[np.float64]], NDArray[np.float64]]
"""Place in the overlap, 0..1 → weight of the later window."""

FADES: dict[str, Fade] = {
    "linear": lambda place: place,
    "cosine": lambda place: (1 - np.cos(np.pi * place)) / 2,
    "middle half": lambda place: np.clip(2 * place - 0.5, 0, 1),
    "cut": lambda place: (place >= 0.5).astype(np.float64),
}


@dataclass(frozen=True)
class Seams:
    """A clip's windows, animated, and the answer to the whole clip at once."""

    truth: Frames
    windows: list[tuple[int, Frames]]
    overlap: int

    def product(self) -> Frames:
        """Stitched as the product does it."""
        stitch, last = Stitch(self.overlap), len(self.windows) - 1
        return np.concatenate([stitch.add(first, frames, i == last) for i, (first, frames) in enumerate(self.windows)])

    def places(self) -> NDArray[np.int64]:
        """Frame numbers of all overlaps, [seams, overlap]."""
        ends = [first + len(frames) for first, frames in self.windows[:-1]]
        return np.array([np.arange(end - self.overlap, end) for end in ends], np.int64).reshape(len(ends), self.overlap)

    def faded(self, fade: Fade) -> Frames:
        """Stitched with another fade."""
        stitched = self.product().copy()
        weight = fade(np.arange(1, self.overlap + 1) / (self.overlap + 1))[:, None]
        for place, old, new in zip(self.places(), self.windows[:-1], self.windows[1:], strict=True):
            stitched[place] = (1 - weight) * _at(old, place) + weight * _at(new, place)
        return stitched

    def jump(self, stitched: Frames) -> float:
        """The largest step of the difference into, within and out of an overlap (or across a bare seam)."""
        steps = np.abs(np.diff(stitched - self.truth, axis=0))
        ends = [first + len(frames) for first, frames in self.windows[:-1]]
        return max(float(steps[max(0, end - self.overlap - 1) : end].max()) for end in ends)


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--seconds", type=float, default=130.0, help="length of the clip; one window takes all of it")
    parser.add_argument("--chunks", type=_numbers, default=[5.0, 10.0, 15.0, 25.0, 40.0, 60.0])
    parser.add_argument("--overlaps", type=_numbers, default=[0.0, 0.2, 0.5, 1.0, 2.0])
    parser.add_argument("--precision", default="fp32")
    parser.add_argument("--threads", type=int)
    chosen = parser.parse_args()
    engine = EmoTalkEngine(chosen.checkpoint, precision=chosen.precision, threads=chosen.threads)
    clip = audio(9, chosen.seconds)
    truth = engine.animate(clip, Style())
    print(f"{machine()}\n{engine.card.name} {engine.card.precision}, {chosen.seconds:g} s, std {_std(truth):.3f}\n")
    chunkings = list(_chunkings(chosen.chunks, chosen.overlaps))
    cut = {pair: _animated(engine, clip, truth, chunking) for pair, chunking in chunkings}
    head = ("chunk", "overlap", "seams", "overlap max", "mean", "elsewhere max", "mean")
    print(table([head, *(_differences(*pair, seams) for pair, seams in cut.items())]), "\n")
    head = ("chunk", "overlap", *(f"{name} {kind}" for name in FADES for kind in ("rms", "jump")))
    print(table([head, *(_fades(*pair, seams) for pair, seams in cut.items() if seams.overlap)]))


def _numbers(text: str) -> list[float]:
    return [float(part) for part in text.split(",")]


def _chunkings(chunks: list[float], overlaps: list[float]) -> Iterator[tuple[tuple[float, float], Chunking]]:
    for chunk in chunks:
        for overlap in overlaps:
            try:
                yield (chunk, overlap), Chunking.of(chunk, overlap)
            except InvalidRequest:
                continue


def _animated(engine: EmoTalkEngine, clip: Pcm, truth: Frames, chunking: Chunking) -> Seams:
    cutter = Windows(chunking)
    windows: list[Window] = [*cutter.push(clip), *cutter.finish()]
    frames = [(window.first_frame, engine.animate(window.samples, Style())) for window in windows]
    return Seams(truth, frames, chunking.overlap_frames)


def _differences(chunk: float, overlap: float, seams: Seams) -> tuple[str, ...]:
    off = np.abs(seams.product() - seams.truth)
    at_seams = np.zeros(len(off), bool)
    at_seams[seams.places().ravel()] = True
    within, outside = off[at_seams], off[~at_seams]
    shown = [f"{within.max():.3f}", f"{within.mean():.4f}"] if within.size else ["-", "-"]
    return (
        f"{chunk:g} s",
        f"{overlap:g} s",
        str(len(seams.windows) - 1),
        *shown,
        f"{outside.max():.3f}",
        f"{outside.mean():.4f}",
    )


def _fades(chunk: float, overlap: float, seams: Seams) -> tuple[str, ...]:
    cells = []
    for fade in FADES.values():
        stitched = seams.faded(fade)
        off = (stitched - seams.truth)[seams.places().ravel()]
        cells += [f"{np.sqrt(np.square(off).mean()):.4f}", f"{seams.jump(stitched):.3f}"]
    return (f"{chunk:g} s", f"{overlap:g} s", *cells)


def _at(window: tuple[int, Frames], place: NDArray[np.int64]) -> Frames:
    first, frames = window
    return frames[place - first]


def _std(truth: Frames) -> float:
    return float(np.median(truth.std(0)))


if __name__ == "__main__":
    main()
