"""What it costs to decode a stranger's sound in a child process, beside the same work in this one.

    python -m bench.apart [--repeats 40]

Both take turns, clip by clip; the fastest of each counts. In a child the clip goes there through a pipe, and its FLAC
comes back through another.
"""

import sys
from pathlib import Path

if not __package__:
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

import argparse
import io
import time
from collections.abc import Callable

import soundfile

from bench.clips import speech_like
from bench.figures import machine, table
from emotalk.audio import DEFAULT_LIMITS, Prepared, prepare
from emotalk.audio.apart import Decoders
from emotalk.timebase import SAMPLE_RATE

CLIPS = (
    ("1 s, WAV", 1, "WAV", "PCM_16"),
    ("1 s, MP3", 1, "MP3", "MPEG_LAYER_III"),
    ("25 s, WAV", 25, "WAV", "PCM_16"),
    ("25 s, MP3", 25, "MP3", "MPEG_LAYER_III"),
    ("10 minutes, WAV", 600, "WAV", "PCM_16"),
)


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--repeats", type=int, default=40, help="runs of each, fewer for long clips (default 40)")
    repeats = parser.parse_args().repeats
    print(machine())
    rows = []
    with Decoders(DEFAULT_LIMITS, children=1) as decoders:
        for name, seconds, kind, subtype in CLIPS:
            clip = _clip(seconds, kind, subtype)
            here, apart = _fastest(clip, (prepare, decoders.prepare), max(5, repeats // (1 + seconds // 25)))
            cells = (f"{1e3 * here:.2f}", f"{1e3 * apart:.2f}", f"{1e3 * (apart - here):.2f}", f"{apart / here:.2f}")
            rows.append((name, *cells))
    print(table([("clip", "here ms", "in a child ms", "more ms", "ratio"), *rows]))
    return 0


def _clip(seconds: int, kind: str, subtype: str) -> bytes:
    out = io.BytesIO()
    soundfile.write(out, speech_like(seconds * SAMPLE_RATE), SAMPLE_RATE, subtype, format=kind)
    return out.getvalue()


def _fastest(clip: bytes, ways: tuple[Callable[..., Prepared], ...], repeats: int) -> list[float]:
    best = [float("inf")] * len(ways)
    for _ in range(repeats):
        for number, way in enumerate(ways):
            since = time.perf_counter()
            way(clip, DEFAULT_LIMITS)
            best[number] = min(best[number], time.perf_counter() - since)
    return best


if __name__ == "__main__":
    sys.exit(main())
