"""What the ear learns from: acted feelings, the same damaged, and people who read calmly, as the engine hears them.

Every clip goes through a session of the engine, so that lessons are what the ear will hear. What was heard is kept
under DATA/feeling: it takes half an hour for each network.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from hashlib import blake2b
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from emotalk.engines.base import HearingSession, Latency
from emotalk.engines.builtin import BuiltinEngine
from emotalk.expression.ear import Recent
from emotalk.face import Style
from emotalk.timebase import STEP_FRAMES as STEP
from training import augment, corpus, texts
from training.discriminant import Lessons

FEELINGS = {
    "W": "anger", "L": "boredom", "E": "disgust", "A": "fear", "F": "joy", "T": "sadness", "N": "neutral"
}  # fmt: skip
COPIES: dict[Latency, int] = {"clip": 30, "live": 18}
"""Damaged copies of each clip."""
_SHORTEST, _LONGEST = 2.5, 10
_EACH = 2
"""Clips of each reader."""

Sound = NDArray[np.float32]


@dataclass(frozen=True)
class Spoken:
    """Sound float32 [n] at 16 kHz of one voice in one feeling."""

    name: str
    voice: str
    feeling: str
    sound: Sound


@dataclass(frozen=True)
class Track:
    """What a session heard in it: inner states [frames, 288] and voice [frames]."""

    voice_name: str
    feeling: str
    states: NDArray[np.float16]
    voice: NDArray[np.float16]


def acted(emodb: Path) -> list[Spoken]:
    """EmoDB: the first two letters name the actor, the sixth the feeling."""
    return [
        Spoken(path.stem, path.stem[:2], FEELINGS[path.stem[5]], corpus.read_sound(path))
        for path in sorted(emodb.glob("*.flac"))
    ]


def damaged(clips: list[Spoken], copy: int) -> list[Spoken]:
    """Every actor in another room, through another line, with another throat: drawn once for each actor and copy."""
    return [
        replace(clip, sound=_damage(clip.sound, _draw(clip.voice, copy), np.random.default_rng((number, copy))))
        for number, clip in enumerate(clips)
    ]


def _draw(voice: str, copy: int) -> np.random.Generator:
    return np.random.default_rng(list(blake2b(f"{voice}/{copy}".encode(), digest_size=16).digest()))


def _damage(sound: Sound, place: np.random.Generator, draw: np.random.Generator) -> Sound:
    """`place` says where it was recorded, the same for all clips of an actor; `draw` makes the noise."""
    sound = augment.at_speed(sound, float(np.exp(place.uniform(np.log(0.84), np.log(1.19)))))
    tilt, seed, chances = np.float32(place.uniform(-0.6, 0.6)), int(place.integers(2**30)), place.random(4)
    low, high, decibels = place.uniform(60, 300), place.uniform(3_200, 7_800), place.uniform(12, 40)
    sound = sound + tilt * np.concatenate([[np.float32(0)], sound[:-1]])
    if chances[0] < 0.6:
        sound = augment.in_room(sound, np.random.default_rng(seed))
    sound = augment.mixed(sound, augment.coloured(len(sound), draw), decibels)
    if chances[1] < 0.6:
        sound = augment.in_band(sound, low, high)
    if chances[2] < 0.15:
        sound = augment.companded(sound)
    if chances[3] < 0.15:
        sound = np.clip(sound, *np.quantile(sound, [0.007, 0.993]).astype(np.float32))
    return np.asarray(sound * np.float32(0.06 / np.sqrt((sound**2).mean() + 1e-12)), np.float32)


def read(real: Path) -> list[Spoken]:
    """Calm readers in nine languages, two clips of each; those kept apart for the score are not among them."""
    apart, seen, out = corpus.held_readers(), dict[str, int](), []
    listed = [(row, real / "opus") for row in texts.listed() if row["speaker"] not in apart]
    listed += [(row, real / "unlabelled" / row["language"]) for row in texts.listed(corpus.UNTRANSCRIBED)]
    for row, folder in listed:
        seen[row["speaker"]] = seen.get(row["speaker"], 0) + (float(row["seconds"]) >= _SHORTEST)
        if float(row["seconds"]) >= _SHORTEST and (seen[row["speaker"]] <= _EACH or folder.name != "opus"):
            sound = corpus.read_sound(folder / f"{row['id']}.opus")[: _LONGEST * augment.RATE]
            out.append(Spoken(row["id"], row["speaker"], "neutral", sound))
    return out


def readers(real: Path) -> list[Spoken]:
    """The readers kept apart."""
    return [Spoken(one.name, one.name, "neutral", one.sound) for one in corpus.real(real, held=True)]


def heard(data: Path, name: str, clips: Callable[[], Iterable[Spoken]], latency: Latency = "clip") -> list[Track]:
    """What a session hears in these clips; kept under this name."""
    path = data / "feeling" / f"{name}.npz"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        tracks = list(_tracks(clips(), name, latency))
        np.savez(
            path,
            names=[(t.voice_name, t.feeling) for t in tracks],
            frames=[len(t.voice) for t in tracks],
            states=np.concatenate([t.states for t in tracks]),
            voice=np.concatenate([t.voice for t in tracks]),
        )
    with np.load(path) as file:
        cuts = np.cumsum(file["frames"])[:-1]
        parts = zip(file["names"].tolist(), np.split(file["states"], cuts), np.split(file["voice"], cuts), strict=True)
        return [Track(*names, states, voice) for names, states, voice in parts]


def _tracks(clips: Iterable[Spoken], name: str, latency: Latency) -> Iterator[Track]:
    engine = BuiltinEngine()
    for clip in tqdm(list(clips), desc=name):
        yield Track(clip.voice, clip.feeling, *listen(engine, clip.sound, latency))


def listen(
    engine: BuiltinEngine, sound: Sound, latency: Latency = "clip"
) -> tuple[NDArray[np.float16], NDArray[np.float16]]:
    """States and voice at every frame, as a session hears them."""
    session, states, voice = engine.open(Style(), latency), [], []
    assert isinstance(session, HearingSession)
    for verb in (lambda: session.push(sound), session.finish):
        verb()
        states.append(session.states.astype(np.float16))
        voice.append(session.voice.astype(np.float16))
    return np.concatenate(states), np.concatenate(voice)


def lessons(tracks: list[Track]) -> Lessons:
    """The steps of these tracks, and each as a whole."""
    steps, clip, whole = [], [], []
    for number, track in enumerate(tracks):
        states, recent = track.states.astype(np.float32), Recent()
        spoken = states[track.voice > 0.5] if (track.voice > 0.5).sum() >= STEP else states
        whole.append(np.concatenate([spoken.mean(0), spoken.std(0)]))
        for start in range(0, len(states), STEP):
            recent.add(states[start : start + STEP], track.voice[start : start + STEP])
            if (statistics := recent.statistics()) is not None:
                steps.append(statistics.astype(np.float32))
                clip.append(number)
    voices, feelings = (np.array([getattr(t, name) for t in tracks]) for name in ("voice_name", "feeling"))
    return Lessons(np.stack(steps), np.array(clip), np.stack(whole), voices, feelings)
