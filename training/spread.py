"""Other voices, clip by clip: what head, lids and brows do, and do they rest? `python -m training.spread FOLDER`.

FOLDER has recordings of speech; silence is laid behind each. For every style: mean, middle, p10 and p90 over the clips
of the head's movement, of blinks, of brows against loudness; then what still moves when nobody has spoken for so long,
at most. Each clip is pushed twice, whole and in pieces drawn by chance: a cut must not change a byte.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from emotalk.engines.builtin import BuiltinEngine
from emotalk.expression.life import Life
from emotalk.expression.persons import mood, person
from emotalk.expression.prosody import REACH, prosody
from emotalk.face import INDEX, Frames, Pcm, Style
from emotalk.performance import Performance
from emotalk.pipeline import Pipeline, Session

FPS, SILENCE = 30, 6
_AXES = ("yaw", "pitch", "roll")
_LIPS = [i for name, i in INDEX.items() if name.startswith(("mouthLowerDown", "mouthUpperUp"))]
_LIDS = [i for name, i in INDEX.items() if name.startswith("eyeBlink")]
_GLANCES = [i for name, i in INDEX.items() if name.startswith("eyeLook")]
_BREATH = [i for name, i in INDEX.items() if name.startswith("noseSneer")]
_REST = [i for i in range(len(INDEX)) if i not in (*_LIDS, *_GLANCES, *_BREATH)]

Row = dict[str, float]


def sounds(folder: Path, least: float) -> Iterator[tuple[str, Pcm]]:
    """Every recording of at least so many seconds, float32 [n] at 16 kHz."""
    for path in sorted(p for p in folder.rglob("*") if p.suffix in (".wav", ".flac", ".opus", ".ogg")):
        sound, rate = soundfile.read(path, dtype="float32", always_2d=True)
        if len(sound) >= least * rate:
            yield path.stem, np.asarray(soxr.resample(sound.mean(1), rate, 16_000), np.float32)


def drawn(session: Session, pieces: list[Pcm]) -> Frames:
    """All frames [n, 55] of these pieces."""
    chunks = [chunk for piece in pieces for chunk in session.push(piece)]
    return np.concatenate([chunk.frames for chunk in (*chunks, *session.finish())])


def stressed(sound: Pcm, count: int, style: Style, seed: str) -> NDArray[np.float64]:
    """How far each of `count` frames is stressed, by loudness alone as the gate."""
    near = np.concatenate([np.zeros(REACH, np.float32), sound, np.zeros(2 * REACH, np.float32)])
    loudness, pitch = prosody(near, 0, count)
    voice = (loudness > loudness.max() - 30).astype(np.float32)
    return Life(person(style.person_id), mood(style), seed).go_on(voice, loudness, pitch).speech.stress


def row(frames: Frames, sound: Pcm, style: Style, seed: str) -> Row:
    """The figures of one clip: frames with the silence, the sound without it."""
    count = len(sound) * FPS // 16_000
    spoken, stress = frames[:count].astype(float), stressed(sound, count, style, seed)
    shut = spoken[:, _LIDS[0]] > 0.5
    onsets = np.flatnonzero(shut[1:] & ~shut[:-1]) + 1
    brows = spoken[:, INDEX["browInnerUp"]] - spoken[:, [INDEX["browDownLeft"], INDEX["browDownRight"]]].mean(1)
    figures: Row = {"blinks a minute": 60 * FPS * len(onsets) / count}
    figures["blinks within stress, %"] = 100 * float((stress[onsets] > 0.5).mean()) if len(onsets) else np.nan
    figures["brow against loudness, r"] = _against_loudness(brows, sound)
    for axis, turn in zip(_AXES, spoken[:, 52:].T, strict=True):
        figures |= {f"{axis} {name}": value for name, value in _movement(turn).items()}
    return figures | _rest(frames, count)


def _movement(turn: NDArray[np.float64]) -> Row:
    smooth = np.convolve(np.pad(turn, 2, mode="edge"), np.ones(5) / 5, "valid")
    power = np.abs(np.fft.rfft((smooth - smooth.mean()) * np.hanning(len(smooth)))) ** 2
    hertz = np.fft.rfftfreq(len(smooth), 1 / FPS)
    return {
        "std": float(smooth.std()),
        "degrees a second": float(np.sqrt((np.diff(smooth) ** 2).mean()) * FPS),
        "power < .5 Hz": float(power[hertz < 0.5].sum() / power.sum()),
        "power > 2 Hz": float(power[hertz > 2].sum() / power.sum()),
    }


def _against_loudness(brows: NDArray[np.float64], sound: Pcm) -> float:
    """What is left of both after a moving mean of a second."""
    level = prosody(np.pad(sound, (REACH, 2 * REACH)), 0, len(brows))[0]
    level = np.maximum(level, level.max() - 40)
    first, second = (v - np.convolve(np.pad(v, 15, mode="edge"), np.ones(31) / 31, "valid") for v in (brows, level))
    return float(np.corrcoef(first, second)[0, 1]) if first.any() else np.nan


def _rest(frames: Frames, count: int) -> Row:
    """What there is after the last sound: the gap of the lips from 0.6 s on, all else from 3 s on."""
    after, long = frames[count + round(0.6 * FPS) :], frames[count + 3 * FPS :]
    gap = after[:, INDEX["jawOpen"]] - after[:, INDEX["mouthClose"]] + after[:, _LIPS].mean(1)
    return {
        "rest: lips, from 0.6 s": float(gap.max()),
        "rest: face, from 3 s": float(long[:, _REST].max()),
        "rest: glances, from 3 s": float(long[:, _GLANCES].max()),
        "rest: breath, from 3 s": float(long[:, _BREATH].max()),
        "rest: head, degrees, from 3 s": float(np.ptp(long[:, 52:], axis=0).max()),
    }


def pieces_of(sound: Pcm, draw: np.random.Generator) -> list[Pcm]:
    """The sound, cut at places drawn by chance."""
    return np.split(sound, np.sort(draw.integers(0, len(sound), 20)))


def rows(engine: BuiltinEngine, clips: list[tuple[str, Pcm]], calm: bool, live: bool) -> list[Row]:
    """A row a clip. Raises AssertionError where a cut changes a byte."""
    asked, pipeline = Performance(emotion_level=0 if calm else 1, head=True), Pipeline(engine)
    every, draw = [], np.random.default_rng(0)
    for name, sound in clips:
        whole = np.concatenate([sound, np.zeros(SILENCE * 16_000, np.float32)])
        once, again = (pipeline.live(asked, 0.3, seed=name) if live else pipeline.open(asked, seed=name) for _ in "12")
        frames = drawn(once, [whole])
        assert drawn(again, pieces_of(whole, draw)).tobytes() == frames.tobytes(), f"{name}: a cut changed a byte"
        every.append(row(frames, sound, asked.style, name))
    return every


def table(columns: dict[str, list[Row]]) -> str:
    """The middle [p10, p90] of each figure, in Markdown; of what rests the most."""
    lines = [f"| | {' | '.join(columns)} |", "|---|" + "---|" * len(columns)]
    for key in next(iter(columns.values()))[0]:
        cells = [_cell(key, np.array([each[key] for each in every])) for every in columns.values()]
        lines.append(f"| {key} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _cell(key: str, values: NDArray[np.float64]) -> str:
    if key.startswith("rest"):
        return f"{values.max():.3f}"
    low, middle, high = np.nanpercentile(values, (10, 50, 90))
    return f"{np.nanmean(values):.2f} ({middle:.2f} [{low:.2f}, {high:.2f}])"


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="recordings")
    parser.add_argument("--least", type=float, default=6.0, help="seconds of the shortest clip")
    parser.add_argument("--most", type=int, default=40, help="so many clips")
    asked = parser.parse_args()
    clips, engine = list(sounds(asked.folder, asked.least))[: asked.most], BuiltinEngine()
    columns = {
        "expressive": rows(engine, clips, calm=False, live=False),
        "calm": rows(engine, clips, calm=True, live=False),
        "expressive, live": rows(engine, clips, calm=False, live=True),
    }
    print(
        f"{len(clips)} clips of {asked.folder.name}; the mean, then the middle and p10 to p90; of what rests the most\n"
    )
    print(table(columns))


if __name__ == "__main__":
    main()
