"""Beside people who were filmed while they spoke: `python -m training.people --capture FOLDER`, two tables in Markdown.

FOLDER has score.py, sound/, tracks/, sources.json and head_linear.npz; its README says how they came about. Every face
is what users get: default style, post-processing on. `--faces NAME=DIR` adds a row for anybody's ID.npy, frames [n, 52]
at 30 fps; `--checkpoint FILE` one for EmoTalk. In brackets: 95 % of what other speakers of the kind would give.
"""

import argparse
import importlib.util
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray

from emotalk.engines.base import Engine, WindowEngine
from emotalk.engines.builtin import BuiltinEngine
from emotalk.face import BLENDSHAPES, INDEX, Frames, Pcm, split_head
from emotalk.performance import Performance
from emotalk.pipeline import Pipeline
from training.card import put
from training.upper import Row, UpperFaces
from training.upper import table as upper_table

_LIVE = 0.15
_PAUSE = (6, 30)
"""Frames of a short pause; longer is silence."""
_HEAD = (
    "| | lip gap r | at best shift | shift, ms | width r | met / false | net | range × | power > 6 Hz | openings a s "
    "| apart in short pauses |\n|---|---|---|---|---|---|---|---|---|---|---|"
)

Curve = NDArray[np.float64]
Curves = dict[str, Curve]


class Yardstick:
    """The folder: its clips, and score.py."""

    def __init__(self, folder: Path, split: str) -> None:
        self.folder, self.split = folder, split
        spec = importlib.util.spec_from_file_location("capture_score", folder / "score.py")
        assert spec is not None
        assert spec.loader is not None
        self.module: Any = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(self.module)
        self.every = every = json.loads((folder / "sources.json").read_text())
        of_use = [s["id"] for s in every if s.get("use", "mouth") == "mouth" and split in ("all", s["split"])]
        self.clips = [name for name in of_use if (folder / "sound" / f"{name}.flac").is_file()]

    def sounds(self) -> Iterator[tuple[str, Pcm]]:
        """Name and sound float32 [n] at 16 kHz of each clip."""
        for name in self.clips:
            yield name, np.asarray(soundfile.read(self.folder / "sound" / f"{name}.flac", dtype="float32")[0])

    def row(self, name: str, faces: Path, tracks: Path | None = None, chance: bool = False) -> str:
        """One row: the faces ID.npy or curves ID.npz of a folder, against the filmed ones."""
        tracks = tracks or self.folder / "tracks"
        sources, head = self.folder / "sources.json", self.folder / "head_linear.npz"
        pooled = self.module.score(str(faces), str(tracks), str(sources), self.split, str(head), chance)[0]
        apart = "" if chance else f"{100 * self.apart(faces):.0f} %"
        return _row(name, pooled, apart)

    def apart(self, faces: Path | None) -> float:
        """The share of the frames of short pauses in which the lips are apart; without faces: people's."""
        head = np.load(self.folder / "head_linear.npz")
        open_, heard = 0, 0
        for name in self.clips:
            person = self.module.human(str(self.folder / "tracks" / f"{name}.npz"))
            gap = self.module.own(str(_face_in(faces, name)), head)["aperture"] if faces else person["aperture"]
            pause = self._pauses(person["level_db"])[: len(gap)]
            open_ += int((gap[: len(pause)][pause] > self.module.CONTACT).sum())
            heard += int(pause.sum())
        return open_ / max(heard, 1)

    def _pauses(self, level: Curve) -> NDArray[np.bool_]:
        """Frames of short pauses between two words, two frames within."""
        inside = np.zeros(len(level), bool)
        for start, stop in self.module.runs(level <= level.max() - 25):
            if _PAUSE[0] <= stop - start <= _PAUSE[1] and start > 0 and stop < len(level):
                inside[start + 2 : stop - 2] = True
        return inside

    def people(self) -> str:
        """What the filmed people do."""
        rows = [self.module.human(str(self.folder / "tracks" / f"{name}.npz")) for name in self.clips]
        seconds = np.array([len(person["aperture"]) for person in rows])
        own = [self.module.mouth(person, person, len(person["aperture"])) for person in rows]
        mean = lambda key: float(np.average([one[key] for one in own], weights=seconds))  # noqa: E731
        apart = f"{100 * self.apart(None):.0f} %"
        return f"| people | | | | | | | 1 | {mean('hf_h'):.2f} | {mean('peaks_s_h'):.1f} | {apart} |"


def _face_in(folder: Path, name: str) -> Path:
    return next(path for path in (folder / f"{name}.npy", folder / f"{name}.npz") if path.is_file())


def _row(name: str, p: dict[str, Any], apart: str) -> str:
    between = lambda key, digits=2: "{:.{d}f} [{:.{d}f}, {:.{d}f}]".format(*p[key], d=digits)  # noqa: E731
    met = f"{p['contact_recall'][0]:.2f} / {p['contact_false'][0]:.2f}"
    cells = (
        between("r0"), f"{p['rbest'][0]:.2f}", f"{p['lag'][0]:+.0f}", between("r_width"), met, between("contact_net"),
        f"{p['range_ratio'][0]:.2f}", f"{p['hf_o'][0]:.2f}", f"{p['peaks_s_o'][0]:.1f}", apart,
    )  # fmt: skip
    return f"| {name} | {' | '.join(cells)} |"


def write_faces(stick: Yardstick, folder: Path, draw: Callable[[str, Pcm], Frames]) -> Path:
    """A face for every clip, ID.npy, and beside it how its head turns, heads/ID.npy."""
    (folder / "heads").mkdir(parents=True)
    for name, sound in stick.sounds():
        frames, head = split_head(draw(name, sound))
        np.save(folder / f"{name}.npy", frames)
        if head is not None:
            np.save(folder / "heads" / f"{name}.npy", head)
    return folder


def above(stick: Yardstick, others: dict[str, Path]) -> str:
    """The second table: brows, lids, gaze and head of the faces in these folders, beside people's."""
    upper = UpperFaces(stick.module, stick.folder, stick.split, stick.every)

    def rows(folder: Path) -> list[Row]:
        return upper.faces(
            lambda name: folder / f"{name}.npy",
            lambda name: path if (path := folder / "heads" / f"{name}.npy").is_file() else None,
        )

    return upper_table(upper.people(), {name: rows(folder) for name, folder in others.items()})


def performed(engine: Engine | WindowEngine, live: bool = False) -> Callable[[str, Pcm], Frames]:
    """Draws as a user would have it, a clip at once or a stream."""

    def draw(name: str, sound: Pcm) -> Frames:
        pipeline, usual = Pipeline(engine), Performance(head=True)
        session = pipeline.live(usual, _LIVE, seed=name) if live else pipeline.open(usual, seed=name)
        return np.concatenate([chunk.frames for chunk in (*session.push(sound), *session.finish())])

    return draw


def loudness(_: str, sound: Pcm) -> Frames:
    """A jaw that follows the loudness of 50 ms, over the last 40 dB of the clip."""
    count = -(-len(sound) * 30 // 16_000)
    padded = np.pad(sound.astype(np.float64), 400)
    powers = [(padded[s : s + 800] ** 2).mean() for s in np.arange(count) * 1_600 // 3]
    level = 10 * np.log10(np.array(powers) + 1e-10)
    face = np.zeros((count, BLENDSHAPES), np.float32)
    face[:, INDEX["jawOpen"]] = 0.7 * np.clip((level - level.max() + 40) / 40, 0, 1)
    return face


def two_crops(stick: Yardstick, folder: Path) -> tuple[Path, Path]:
    """The tracker on one crop of the film as a face, and on the other as the truth: nothing can be nearer."""
    faces, tracks = folder / "one", folder / "other"
    for name in stick.clips:
        with np.load(stick.folder / "tracks" / f"{name}.npz") as file:
            seen = {key: file[key] for key in file.files}
        for side, place in (("a", faces), ("b", tracks)):
            place.mkdir(exist_ok=True)
            curves = {key: seen[f"{key}_{side}"] for key in ("aperture", "width", "jaw")}
            np.savez(place / f"{name}.npz", **(curves if side == "a" else seen | curves))
    return faces, tracks


def table(stick: Yardstick, others: dict[str, Path], checkpoint: Path | None) -> str:
    """All rows, in Markdown."""
    with TemporaryDirectory() as scratch:
        place = Path(scratch)
        builtin = BuiltinEngine()
        ours = write_faces(stick, place / "ours", performed(builtin))
        rows = [
            stick.row("**ours**", ours),
            stick.row("… live, look-ahead 0.15 s", write_faces(stick, place / "live", performed(builtin, live=True))),
            *(stick.row(name, folder) for name, folder in others.items()),
        ]
        if checkpoint:
            from emotalk.engines.emotalk import EmoTalkEngine

            theirs = performed(EmoTalkEngine(checkpoint))
            rows.append(stick.row("EmoTalk", write_faces(stick, place / "emotalk", theirs)))
        rows.append(stick.row("loudness → jawOpen", write_faces(stick, place / "loudness", loudness)))
        rows.append(stick.row("chance: another clip's person", ours, chance=True))
        rows.append(stick.row("ceiling: the tracker on another crop", *two_crops(stick, place)))
        upper = above(stick, {"ours": ours, **others, **({"EmoTalk": place / "emotalk"} if checkpoint else {})})
    return "\n".join([_HEAD, *rows, stick.people(), "", upper])


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--capture", type=Path, required=True, help="the folder of filmed people")
    parser.add_argument("--split", default="dev", choices=("dev", "held", "all"))
    parser.add_argument("--faces", action="append", default=[], metavar="NAME=DIR", help="one more row, of ID.npy")
    parser.add_argument("--checkpoint", type=Path, help="one more row: EmoTalk with these weights")
    parser.add_argument("--card", action="store_true", help="put the table into docs/model-card.md")
    asked = parser.parse_args()
    others = {name: Path(folder) for name, _, folder in (text.partition("=") for text in asked.faces)}
    made = table(Yardstick(asked.capture, asked.split), others, asked.checkpoint)
    print(made)
    if asked.card:
        put(made, "people")


if __name__ == "__main__":
    main()
