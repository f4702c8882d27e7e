"""The utterances: real speech in the documented folder, synthetic speech by training.speak, sounds without speech."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from training.phones import MASK, Segment, of_arpabet, with_dark_l
from training.texts import SOURCES, listed

UNTRANSCRIBED, NONSPEECH = (SOURCES.with_name(f"{name}.tsv") for name in ("UNTRANSCRIBED", "NONSPEECH"))
"""Lists like SOURCES.tsv, without what is under share-alike."""
HELD_READERS = 36
"""LibriSpeech readers whose clips never enter training; the development score hears them."""


@dataclass(frozen=True)
class Utterance:
    """`part` is the source; sound float32 [n] at 16 kHz; without segments nobody speaks."""

    part: str
    name: str
    sound: NDArray[np.float32]
    segments: list[Segment]


def read_sound(path: Path) -> NDArray[np.float32]:
    """float32 [n] at 16 kHz, mono. Raises ValueError at another rate."""
    sound, rate = soundfile.read(path, dtype="float32", always_2d=True)
    if rate != 16_000:
        raise ValueError(f"{path}: {rate} Hz; 16000 are needed")
    return np.ascontiguousarray(sound.mean(1), np.float32)


def read_phones(path: Path) -> list[tuple[float, float, str]]:
    """Lines of start s, end s, ARPAbet."""
    rows = (line.split() for line in path.read_text().splitlines())
    return [(float(start), float(end), phone) for start, end, phone in rows]


def held_readers() -> frozenset[str]:
    """The readers kept apart: every fifth of those whose text was recognised, by number."""
    readers = sorted({row["speaker"] for row in listed() if row["id"].startswith("lu_")})
    return frozenset(readers[::5][:HELD_READERS])


def real(folder: Path, held: bool = False, only: str | None = None) -> Iterator[Utterance]:
    """The real clips of the committed list, without the held readers, or theirs alone. None is under share-alike.

    `only`: of this part; no other clip is decoded.
    """
    apart = held_readers()
    for row in listed():
        part = _part_of(row["id"])
        if (row["speaker"] in apart) != held or (held and not row["id"].startswith("lu_")) or only not in (None, part):
            continue
        phones = read_phones(folder / "phones" / f"{row['id']}.tsv")
        segments = [s for phone in phones for s in of_arpabet(*phone)]
        yield Utterance(part, row["id"], read_sound(folder / "opus" / f"{row['id']}.opus"), with_dark_l(segments))


def _part_of(clip: str) -> str:
    """The part that a real clip belongs to."""
    return "accented" if clip.startswith("so_") else "readers" if clip.startswith(("ls_", "lu_")) else "commands"


def synthetic(data: Path, voice: str, seed: int | None = None) -> Iterator[Utterance]:
    """What training.speak has written, seed 90 and above left out unless asked for: they are for scores."""
    for path in sorted((data / "speech" / voice).glob("*/*.npz")):
        if ".part" in path.name or (int(path.parent.name) != seed if seed is not None else int(path.parent.name) >= 90):
            continue
        with np.load(path) as file:
            phones = zip(file["starts"].tolist(), file["ends"].tolist(), file["names"].tolist(), strict=True)
            vietnamese = "-vi" if str(file["language"]) == "vi" else ""
            sound = file["sound"].astype(np.float32) / 32_768
            yield Utterance(voice + vietnamese, f"{voice}_{path.parent.name}_{path.stem}", sound, list(phones))


def untranscribed(folder: Path) -> Iterator[Utterance]:
    """Real speech in several languages of which nobody knows the phones: the recogniser alone teaches from it."""
    for row in listed(UNTRANSCRIBED):
        sound = read_sound(folder / "unlabelled" / row["language"] / f"{row['id']}.opus")
        yield Utterance("untranscribed", row["id"], sound, [(0.0, len(sound) / 16_000, MASK)])


def voiceless(folder: Path) -> Iterator[Utterance]:
    """Noise and music without a voice."""
    for row in listed(NONSPEECH):
        yield Utterance("noise", row["id"], read_sound(folder / "nonspeech" / f"{row['id']}.flac"), [])


def music(data: Path) -> Iterator[Utterance]:
    """What training.music has written."""
    for path in sorted((data / "music").glob("*.flac")):
        yield Utterance("music", path.stem, read_sound(path), [])
